"""Rows 60 and 61 of the fault matrix: a command whose acknowledgement is lost, and one whose link drops."""

from __future__ import annotations

import asyncio
import getpass
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faultlog
import paho.mqtt.client as paho
import pytest
from byhand import Desk
from paho.mqtt.enums import CallbackAPIVersion
from process_faults import PATIENCE
from tcp_proxy import Proxy, proxy

from armillary.model.order import OrderState
from armillary.session.workspace import WorldState
from armillary.wire import child

pytestmark = pytest.mark.system
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
PUBACK = 0x40
PROJECT = """[project]
schema = 1
id = "6f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a78"
name = "Valves"

[model]
twins = "twins.json"

[command]
enabled = true

[[source]]
name = "field"
kind = "mqtt"
url = "mqtt://127.0.0.1:PORT"
commands = true
"""


def twins() -> str:
    tag = {"expected_interval_s": 1.0, "writable": True, "write_range": [0.0, 100.0], "unit": "%"}
    tags = {name: {"address": f"field!valve/{name}#$.v", **tag} for name in ("obeys", "strays")}
    return json.dumps({"schema": 1, "twins": [{"id": "V", "tags": tags}], "relationships": []})


class Devices:
    """Two valves at the broker itself: one does what it is told, the other something else. Both tell."""

    def __init__(self, port: int) -> None:
        self.value = {"obeys": 10.0, "strays": 10.0}
        self.orders: list[str] = []  # all that ever arrived
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, m: self._told(m.topic, m.payload)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#", 1)
        self._client.loop_start()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def _told(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/set"):
            self.orders.append(topic)
            name = topic.split("/")[1]
            self.value[name] = float(json.loads(payload)["v"]) if name == "obeys" else 77.0

    def _tell(self) -> None:
        while not self._ended.wait(0.25):
            for name, value in self.value.items():
                self._client.publish(f"valve/{name}", json.dumps({"v": value}))

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()


class Network:
    """The proxy between the world and the broker, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.acks_lost = False
        self._loop = asyncio.new_event_loop()
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._proxy: Proxy | None = None
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run(target)))
        self._thread.start()
        assert self._ready.wait(10)

    async def _run(self, target: int) -> None:
        async with proxy(target) as made:
            made.down = lambda _n, data: b"" if self.acks_lost and data[0] & 0xF0 == PUBACK else data
            self._proxy = made
            self._ready.set()
            await self._end.wait()

    @property
    def port(self) -> int:
        assert self._proxy is not None
        return self._proxy.port

    def cut(self) -> None:
        assert self._proxy is not None
        self._loop.call_soon_threadsafe(self._proxy.cut)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()


class Site:
    """A desk that has opened the project of the two valves."""

    def __init__(self, desk: Desk, devices: Devices, network: Network, project: Path) -> None:
        self.desk, self.devices, self.network, self.project = desk, devices, network, project
        self.at = desk.workspace

    def arm(self, name: str, value: float) -> None:
        at, desk = self.at, self.desk
        slot = next(s.slot for s in at.specs if s.name == f"V.{name}")
        desk.until(lambda: desk.can_command(f"V.{name}"), 60, "it can be commanded")
        at.orders.arm(slot, value)
        desk.until(lambda: at.orders.armed is not None or self.card().fault is not None, 20, "armed")
        assert at.orders.armed is not None, self.card().fault

    def card(self) -> Any:
        found = self.at.orders.card(self.desk.clock.now_mono_ns())
        assert found is not None
        return found

    def execute(self, name: str, value: float) -> str:
        """Arm and send; return the order's id."""
        self.arm(name, value)
        known = set(self.at.receipts)
        self.desk.rest(0.6)
        self.at.orders.execute()
        self.desk.until(lambda: set(self.at.receipts) - known, 30, "a receipt")
        return next(iter(set(self.at.receipts) - known))

    def state(self, order: str) -> OrderState:
        return self.at.receipts[order].state

    def audit(self) -> list[dict[str, Any]]:
        folder = self.project / ".armillary" / "audit"
        lines = "".join(p.read_text("utf-8") for p in sorted(folder.glob("audit-*.jsonl"))).splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def site(own_places: Path, tmp_path: Path) -> Iterator[Site]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    [port] = child.find_ports(1)
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser {getpass.getuser()}\n")
    broker = subprocess.Popen(
        [MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert child.open_for(port, 10, lambda: broker.poll() is None)
    devices, network, desk = Devices(port), Network(port), Desk()
    project = tmp_path / "valves"
    project.mkdir()
    (project / "project.toml").write_text(PROJECT.replace("PORT", str(network.port)))
    (project / "twins.json").write_text(twins())
    try:
        desk.workspace.open(str(project))
        desk.until(lambda: desk.workspace.world_state is WorldState.LIVE, 60, "live")
        yield Site(desk, devices, network, project)
    finally:
        desk.workspace.close()
        network.close()
        devices.close()
        broker.terminate()
        broker.wait(10)


@pytest.mark.scale  # the gate waits half a minute for what never comes
def test_a_lost_acknowledgement_is_read_back_and_a_third_value_needs_a_person(site: Site) -> None:
    desk = site.desk
    site.network.acks_lost = True
    first = site.execute("obeys", 55.0)
    sent = desk.clock.now_mono_ns()
    desk.until(lambda: "Outcome unknown: reading back…" in site.card().state, 40, "said")
    found = (desk.clock.now_mono_ns() - sent) / 1e9
    second = site.execute("strays", 55.0)
    desk.until(lambda: site.state(first) is OrderState.VERIFIED, 60, "it reads back")
    desk.until(lambda: site.state(second) is OrderState.UNVERIFIED, 90, "it does not")
    assert site.card().state == "NOT CONFIRMED: check the plant, it reads 77 %"
    assert "the plant shows 77 %" in site.at.receipts[second].detail.what
    assert [r.order for r in site.at.orders.unconfirmed()] == [second]
    assert sorted(site.devices.orders) == ["valve/obeys/set", "valve/strays/set"]  # each once
    told = [(a["action"], a["object"]) for a in site.audit() if a["action"].startswith("command.")]
    for tag, end in (("V.obeys", "command.verified"), ("V.strays", "command.unverified")):
        mine = [action for action, target in told if tag in target]
        assert mine == ["command.arm", "command.intent", "command.sent", end]
    faultlog.note("60", "acknowledgement lost: said", found, 5.0, patience=PATIENCE)


def test_a_link_that_drops_between_arm_and_execute_disarms_and_nothing_is_ever_sent(site: Site) -> None:
    desk, at = site.desk, site.at
    site.arm("obeys", 60.0)
    site.network.cut()
    found = desk.until(lambda: at.orders.armed is None, PATIENCE, "disarmed")
    assert "link lost" in site.card().state
    assert not site.card().can_execute
    at.orders.execute()  # as a key that was pressed at that moment
    desk.until(
        lambda: any(a["action"] == "command.disarm" for a in site.audit()), 20, "the gate disarmed too"
    )
    desk.until(lambda: desk.can_command("V.obeys"), 60, "up again")
    desk.rest(3)
    assert site.devices.orders == []
    assert not any(a["action"] in ("command.intent", "command.sent") for a in site.audit())
    assert site.devices.value["obeys"] == 10.0
    site.execute("obeys", 60.0)  # armed anew it goes
    desk.until(lambda: site.devices.orders == ["valve/obeys/set"], 20, "sent")
    faultlog.note("61", "link drops between arm and execute: disarmed", found, 1.0, patience=PATIENCE)
