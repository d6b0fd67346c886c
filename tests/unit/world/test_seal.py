from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from armillary.api.ports import CommandSink
from armillary.model.clock import ManualClock
from armillary.model.fault import OrderFault
from armillary.model.order import Write
from armillary.project import folder as projects
from armillary.world.live import Live
from armillary.world.seal import Sealed, Seals

WRITE = Write(id="o", link="plc", address="s=Speed", value=60.0, kind="number", not_after_ns=5, key="")
LINK = '\n[[source]]\nname = "plc"\nkind = "{kind}"\nurl = "{url}"\ncommands = true\n'
COMMAND = "\n[command]\nenabled = true\n"


class Plant:
    """A sink that notes what comes to it."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.is_open = True

    async def execute(self, write: Write) -> None:
        self.writes.append(write)

    async def close(self) -> None:
        self.is_open = False


def test_what_the_gate_sealed_is_carried_out_once() -> None:
    plant, seals = Plant(), Seals()
    sink: CommandSink = Sealed(plant, seals)
    write = seals.seal(WRITE)
    asyncio.run(sink.execute(write))
    with pytest.raises(OrderFault, match="not come from the gate"):
        asyncio.run(sink.execute(write))
    assert plant.writes == [write]


@pytest.mark.parametrize(
    "planted",
    [
        WRITE,
        replace(WRITE, key="guessed"),
        Seals().seal(WRITE),
        replace(Seals().seal(WRITE), key="a.b"),
    ],
    ids=["no key", "guessed key", "key of another gate", "key of nothing"],
)
def test_what_nobody_sealed_is_refused(planted: Write) -> None:
    plant, seals = Plant(), Seals()
    with pytest.raises(OrderFault, match="not come from the gate"):
        asyncio.run(Sealed(plant, seals).execute(planted))
    assert plant.writes == []


@pytest.mark.parametrize(
    "change",
    [{"value": 61.0}, {"address": "s=Valve"}, {"link": "other"}, {"not_after_ns": 2**60}, {"id": "p"}],
    ids=str,
)
def test_a_seal_is_good_for_its_own_write_only(change: dict[str, object]) -> None:
    plant, seals = Plant(), Seals()
    with pytest.raises(OrderFault, match="not come from the gate"):
        asyncio.run(Sealed(plant, seals).execute(replace(seals.seal(WRITE), **change)))  # type: ignore[arg-type]
    assert plant.writes == []


def test_a_sealed_sink_closes_what_it_holds() -> None:
    plant = Plant()
    asyncio.run(Sealed(plant, Seals()).close())
    assert not plant.is_open


@pytest.mark.parametrize(
    ("kind", "url"), [("opcua", "opc.tcp://127.0.0.1:9"), ("mqtt", "mqtt://127.0.0.1:9")]
)
def test_a_planted_call_of_a_live_worlds_sink_is_refused_before_anything_is_sent(
    tmp_path: Path, kind: str, url: str
) -> None:
    """The planted bug of operations 4.1, level 5: code that came by a real sink writes around the gate."""
    project = projects.new(tmp_path / "plant", "Plant")
    path = project.folder / "project.toml"
    path.write_text(path.read_text() + LINK.format(kind=kind, url=url) + COMMAND)
    live = Live(projects.read(project.folder), ManualClock())
    try:
        with pytest.raises(OrderFault, match="not come from the gate"):
            asyncio.run(live._deeds.sinks["plc"].execute(replace(WRITE, key="planted")))
    finally:
        assert live._deeds.audit is not None
        live._deeds.audit.close()
