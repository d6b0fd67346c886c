"""From a reading to whoever is away: a LIVE world posts it, tells the broker, and goes on with the ack."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from receivers import Hook
from stations import until

from armillary.cli import run
from armillary.model.alarm import AlarmAct, AlarmActed, AlarmState
from armillary.model.message import Hello, Welcome
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system

LIMIT_S = 30.0
PROJECT = """[project]
schema = 1
id = "notify-1"
name = "Oven"
[[source]]
name = "oven"
kind = "mqtt"
url = "mqtt://127.0.0.1:{broker}"
"""
TWINS = {
    "schema": 1,
    "twins": [{"id": "TT-1", "tags": {"value": {"address": "oven!oven/t", "unit": "°C"}}}],
}
RULES = """schema = 1
[[alarm]]
id = "HOT"
title = "Oven too hot"
tag = "TT-1.value"
limit = 85.0
priority = 1
consequence = "Product scorched"
operator_action = "Halt line 2"
"""
NOTIFY = """schema = 1
[[notify]]
name = "duty"
kind = "webhook"
url = "http://127.0.0.1:{hook}/in"
alarms = ["HOT"]
events = ["raised", "acknowledged"]
secret = "hook"
[[notify]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:{broker}"
topic = "site/alarms"
"""


class Oven:
    """The plant's side of the broker: says a temperature, and hears what is told of alarms."""

    def __init__(self, port: int) -> None:
        self.heard: dict[str, bytes] = {}
        up = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("site/#", 1)
        self._client.on_subscribe = lambda *_: up.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert up.wait(LIMIT_S)

    def _hear(self, _client: object, _data: object, message: Any) -> None:
        self.heard[message.topic] = message.payload

    def is_at(self, celsius: float) -> None:
        self._client.publish("oven/t", str(celsius), 1).wait_for_publish(LIMIT_S)

    def hot(self) -> str:
        return str(json.loads(self.heard.get("site/alarms/state/HOT", b'{"state": ""}'))["state"])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def state(line: Line) -> AlarmState | None:
    welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
    assert isinstance(welcome, Welcome)
    return next((one for one in welcome.frame.alarms if one.id == "HOT"), None)


def test_alarm_reaches_webhook_and_broker_and_its_acknowledge_too(
    broker: int, own_places: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, secrets = tmp_path / "project", tmp_path / "secrets.toml"
    folder.mkdir()
    secrets.write_text('hook = "canary-s3cret"\n')
    secrets.chmod(0o600)
    with Hook() as hook:
        (folder / "project.toml").write_text(PROJECT.format(broker=broker), "utf-8")
        (folder / "twins.json").write_text(json.dumps(TWINS), "utf-8")
        (folder / "rules.toml").write_text(RULES, "utf-8")
        (folder / "notify.toml").write_text(NOTIFY.format(hook=hook.port, broker=broker), "utf-8")

        assert run(["notify", "test", str(folder), "duty", "--secret-file", str(secrets)]) == 0
        assert hook.got.pop().json["kind"] == "test"

        args = {"project": str(folder), "secret_file": str(secrets)}
        world = child.start("world.live", args, tmp_path / "world.log")
        oven, line = None, None
        try:
            line = Line(str(world.ready()["address"]))
            oven = Oven(broker)
            until(lambda: oven.hot() == "NORM", LIMIT_S, "the broker has how it stands")

            def told() -> bool:
                oven.is_at(86.4)  # again until the world listens: nothing is retained here
                return bool(hook.got)

            until(told, LIMIT_S, "the notice", every_s=0.2)
            post = hook.got[0].json
            assert (post["kind"], post["alarm"], post["value"], post["unit"]) == ("raised", "HOT", 86.4, "°C")
            assert post["operator_action"] == "Halt line 2"
            assert "Armillary-Signature" in hook.got[0].headers
            until(lambda: oven.hot() == "UNACK", LIMIT_S, "the broker has that it stands")

            hot = state(line)
            assert hot is not None
            acted = line.ask(AlarmAct(action="ack", occurrences=(hot.occurrence,), comment="on my way"))
            assert acted == AlarmActed(results=("",))
            until(lambda: len(hook.got) == 2, LIMIT_S, "the acknowledge is told")
            assert (hook.got[1].json["kind"], hook.got[1].json["comment"]) == ("acknowledged", "on my way")
            until(lambda: oven.hot() == "ACKED", LIMIT_S, "the broker has that it is acknowledged")
            until(lambda: "site/alarms/event" in oven.heard, LIMIT_S, "the broker had the event")
        finally:
            if line is not None:
                line.close()
            world.stop()
            if oven is not None:
                until(lambda: oven.heard.get("site/alarms/status") == b"offline", LIMIT_S, "the good-bye")
                oven.close()
        capsys.readouterr()
        assert run(["notify", "list", str(folder), "--json", "--secret-file", str(secrets)]) == 0
        rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["receivers"]}
        assert (rows["duty"]["delivered"], rows["duty"]["waiting"], rows["duty"]["dropped"]) == (2, 0, {})
        kept = [path for path in folder.rglob("*") if path.is_file()] + [tmp_path / "world.log"]
        assert not any(b"canary-s3cret" in path.read_bytes() for path in kept)
