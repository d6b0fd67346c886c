"""An edge with an OPC UA server as its source, whose password is in the secret store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker
from tests.plugins.opcua.plant import PlantServer, node

from armillary.edge.service import Edge
from armillary.model.clock import NS, WallClock
from armillary.project import folder as projects
from armillary.security.secrets import Secrets

TEXT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a14"
name = "north"
[[source]]
name = "plc"
kind = "opcua"
url = "{url}"
user = "{user}"
secret = "plc-north"
[[source]]
name = "up"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
[forward]
link = "up"
topic = "edge/north"
"""
CLOCK = WallClock()


async def until(true: Callable[[], Any], limit_s: float, what: Callable[[], object]) -> None:
    began = CLOCK.now_mono_ns()
    while not true():
        assert (CLOCK.now_mono_ns() - began) / NS < limit_s, what()
        await asyncio.sleep(0.05)


def project(folder: Path, server: PlantServer, user: str, port: int) -> Path:
    folder.mkdir()
    (folder / "project.toml").write_text(TEXT.format(url=server.url, user=user, port=port))
    tags = {"level": {"address": f"plc!{node('Level')}"}}
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "tank", "tags": tags}]}))
    return folder


async def test_an_opcua_source_goes_up_and_its_secret_is_asked_of_the_store(
    own_places: Path, server: PlantServer, tmp_path: Path
) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    (tmp_path / "broker").mkdir()
    broker = Broker(tmp_path / "broker").start()
    given = tmp_path / "given.toml"
    given.write_text("")
    given.chmod(0o600)
    at = project(tmp_path / "p", server, "anna", broker.port)
    edge, stop = Edge(projects.read(at), CLOCK, Secrets(str(given))), asyncio.Event()
    run = asyncio.create_task(edge.run(stop))
    try:
        state = lambda: edge.status["links"][0]  # noqa: E731
        await until(lambda: state()["state"] == "REFUSED", 40, state)
        assert state()["detail"].startswith("The secret 'plc-north' is not in the secret store.")
        given.write_text('plc-north = "canary-90aa"\n')
        edge._links.retry("plc")
        await until(lambda: state()["state"] == "UP", 40, state)
        await asyncio.to_thread(server.tell, write=["Level", 4.25])
        sent = lambda: edge.status["queue"]["live"] + edge.status["queue"]["late"]  # noqa: E731
        await until(lambda: sent() >= 2, 40, lambda: edge.status["queue"])  # its first value, and this one
        assert edge.status["queue"]["balanced"]
        assert state()["balanced"]
        assert "canary" not in json.dumps(edge.status)
    finally:
        stop.set()
        await run
        broker.end()
