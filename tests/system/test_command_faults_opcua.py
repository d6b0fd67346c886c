"""Rows 60 and 61 of the fault matrix with OPC UA: an answer to a write is lost, a link drops when armed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import faultlog
import pytest
from byhand import Desk
from process_faults import PATIENCE
from tcp_proxy import proxy
from test_command_faults import Network, Site
from tests.plugins.opcua.plant import PlantServer, free_port

from armillary.model.order import OrderState
from armillary.session.workspace import WorldState

pytestmark = [pytest.mark.system, pytest.mark.scale]  # the gate waits for what never comes
WRITE_REQUEST = b"\x01\x00\xa1\x02"  # its node id in the binary encoding, i=673
PROJECT = """[project]
schema = 1
id = "6f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a79"
name = "Drive"

[model]
twins = "twins.json"

[command]
enabled = true

[[source]]
name = "field"
kind = "opcua"
url = "opc.tcp://127.0.0.1:PORT"
commands = true
"""
TAG = {
    "address": "field!nsu=urn:armillary:test;s=Tank1.Level",
    "liveness": "link",
    "writable": True,
    "write_range": [0.0, 5.0],
    "unit": "m",
}


class Wire(Network):
    """The proxy between the world and the server; it loses what answers a connection that wrote."""

    def __init__(self, target: int) -> None:
        self.written: set[int] = set()
        super().__init__(target)

    async def _run(self, target: int) -> None:
        async with proxy(target) as made:
            made.up, made.down = self._up, self._down
            self._proxy = made
            self._ready.set()
            await self._end.wait()

    def _up(self, number: int, data: bytes) -> bytes:
        if self.acks_lost and WRITE_REQUEST in data:
            self.written.add(number)
        return data

    def _down(self, number: int, data: bytes) -> bytes:
        return b"" if number in self.written else data


@pytest.fixture
def site(own_places: Path, tmp_path: Path) -> Iterator[tuple[Site, PlantServer]]:
    server, desk = PlantServer(free_port()), Desk()
    server.start()
    network = Wire(server.port)
    project = tmp_path / "drive"
    project.mkdir()
    (project / "project.toml").write_text(PROJECT.replace("PORT", str(network.port)))
    twins = {"schema": 1, "twins": [{"id": "V", "tags": {"level": TAG}}], "relationships": []}
    (project / "twins.json").write_text(json.dumps(twins))
    try:
        desk.workspace.open(str(project))
        desk.until(lambda: desk.workspace.world_state is WorldState.LIVE, 60, "live")
        yield Site(desk, None, network, project), server  # type: ignore[arg-type]  no devices
    finally:
        desk.workspace.close()
        network.close()
        server.kill()


def test_what_is_armed_goes_with_the_link_and_a_lost_answer_is_read_back(
    site: tuple[Site, PlantServer],
) -> None:
    (valve, server), desk, at = site, site[0].desk, site[0].at
    valve.arm("level", 4.0)
    valve.network.cut()
    found = desk.until(lambda: at.orders.armed is None, PATIENCE, "disarmed")
    assert "link lost" in valve.card().state
    at.orders.execute()  # as a key that was pressed at that moment
    desk.until(lambda: any(a["action"] == "command.disarm" for a in valve.audit()), 20, "the gate too")
    desk.until(lambda: desk.can_command("V.level"), 60, "up again")
    assert server.tell(read="Level") == 1.5
    assert not any(a["action"] in ("command.intent", "command.sent") for a in valve.audit())
    faultlog.note("61", "link drops when armed (OPC UA): disarmed", found, 1.0, patience=PATIENCE)

    valve.network.acks_lost = True
    order = valve.execute("level", 3.0)
    sent = desk.clock.now_mono_ns()
    desk.until(lambda: "Outcome unknown: reading back…" in valve.card().state, 40, "said")
    said = (desk.clock.now_mono_ns() - sent) / 1e9
    desk.until(lambda: valve.state(order) is OrderState.VERIFIED, 60, "it reads back")
    assert desk.value("V.level") == 3.0
    mine = [a["action"] for a in valve.audit() if a["action"].startswith("command.")]
    assert mine[-3:] == ["command.intent", "command.sent", "command.verified"]
    assert mine.count("command.sent") == 1
    faultlog.note("60", "answer to an OPC UA write lost: said", said, 5.0, patience=PATIENCE)
