"""A project with secrets, a real broker with a password file, a LIVE world as a process."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from stations import CLOCK, until
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker

from armillary.model.clock import NS
from armillary.model.frame import apply_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import Hello, Retry, Welcome
from armillary.model.quality import GOOD
from armillary.model.tags import TagTable
from armillary.security import secrets
from armillary.security.keyrings import Keyring
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
CANARY = "canary-5b1f0e"  # the right password
WRONG = "canary-wrong-77"
TOML = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a7a"
name = "Secret"
[[source]]
name = "m"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
username = "ann"
secret = "mqtt-site"
"""
TWINS = {"schema": 1, "twins": [{"id": "a", "tags": {"x": {"address": "m!t/x"}}}]}


class Guarded:
    """A broker that wants a password, and a world of a project that names its secret."""

    def __init__(self, folder: Path, secret_file: str = "") -> None:
        users = folder / "users"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "ann", CANARY], check=True)
        users.chmod(0o644)
        (folder / "broker").mkdir()
        self.broker = Broker(folder / "broker", f"allow_anonymous false\npassword_file {users}").start()
        self.project, self.log = folder / "project", folder / "world.log"
        self.project.mkdir()
        (self.project / "project.toml").write_text(TOML.format(port=self.broker.port))
        (self.project / "twins.json").write_text(json.dumps(TWINS))
        args = {"project": str(self.project), "secret_file": secret_file}
        self.world = child.start("world.live", args, self.log)
        self.line = Line(str(self.world.ready()["address"]))

    def welcome(self) -> Welcome:
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
        assert isinstance(answer, Welcome)
        return answer

    @property
    def link(self) -> LinkStatus:
        until(lambda: bool(self.welcome().frame.links), 20, "the state of the link")
        return self.welcome().frame.links[0]

    def until_state(self, state: LinkState) -> float:
        return until(lambda: self.link.state is state, 20, str(state))

    def retry(self) -> None:
        self.line.ask(Retry(link="m", action="now"))

    def places(self) -> str:
        """All that a secret could have got into: logs, files, arguments, environment, what a desk gets."""
        process = Path(f"/proc/{self.world.pid}")
        files = [self.log, *self.project.rglob("*"), process / "cmdline", process / "environ"]
        seen = [path.read_bytes().decode("utf-8", "replace") for path in files if path.is_file()]
        return "\n".join([*seen, repr(self.welcome())])

    def close(self) -> None:
        self.line.close()
        self.world.stop()
        self.broker.end()


@pytest.fixture
def guarded(own_places: Path, tmp_path: Path) -> Iterator[Guarded]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made = Guarded(tmp_path)
    yield made
    made.close()


def stored() -> secrets.Secrets:
    return secrets.Secrets(keyring=Keyring(lambda: None))


def test_a_missing_a_wrong_and_the_right_secret_are_told_apart_and_never_shown(guarded: Guarded) -> None:
    guarded.until_state(LinkState.REFUSED)
    assert guarded.link.detail.startswith("The secret 'mqtt-site' is not in the secret store. ")
    assert "armillary secret set mqtt-site" in guarded.link.detail
    stored().put("mqtt-site", "for-elsewhere", "broker.example")
    guarded.retry()
    until(lambda: "is for broker.example" in guarded.link.detail, 20, "the other server's name")
    stored().put("mqtt-site", WRONG)
    guarded.retry()
    until(lambda: "refused the password" in guarded.link.detail, 20, "row 9's words")
    assert guarded.link.state is LinkState.REFUSED
    assert "the user name 'ann'" in guarded.link.detail
    stored().put("mqtt-site", CANARY)
    guarded.retry()
    guarded.until_state(LinkState.UP)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("ann", CANARY)
    client.connect("127.0.0.1", guarded.broker.port)
    client.loop_start()
    client.publish("t/x", b"5", qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()

    def is_good() -> bool:
        welcome = guarded.welcome()
        table = TagTable(len(welcome.specs))
        apply_frame(table, welcome.frame)
        return table.value[0] == 5.0 and int(table.quality[0]) & 0xFF == GOOD

    until(is_good, 20, "the value")
    seen = guarded.places()
    assert CANARY not in seen
    assert WRONG not in seen
    assert "mqtt-site" in seen  # the look itself works: the name may be seen


def test_a_service_is_given_its_secrets_in_a_file(own_places: Path, tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    given = tmp_path / "given.toml"
    given.write_text(f'mqtt-site = "{CANARY}"\n')
    given.chmod(0o600)
    began = CLOCK.now_mono_ns()
    guarded = Guarded(tmp_path, str(given))
    try:
        guarded.until_state(LinkState.UP)
        assert (CLOCK.now_mono_ns() - began) / NS < 60
        assert CANARY not in guarded.places()
    finally:
        guarded.close()
