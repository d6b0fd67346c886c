"""Procedures of a LIVE world: who did what is on disk before it is answered; a restart goes on from it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from armillary.model.account import LoggedIn
from armillary.model.clock import NS, ManualClock, parse_iso
from armillary.model.fault import FaultRecord, OrderFault
from armillary.model.frame import WorldKind, empty_frame
from armillary.model.procedure import (
    ActOnProcedure,
    AskProcedures,
    ProcedureRun,
    Procedures,
    StartProcedure,
)
from armillary.model.quality import GOOD
from armillary.model.shift import USUAL
from armillary.model.tags import TagSpec, TagTable
from armillary.project.record import Project
from armillary.security import chain
from armillary.wire import marks
from armillary.world.carrying_out import CarryingOut, looked_on
from armillary.world.logbook import PATTERN, Logbook
from armillary.world.marking import Marking
from armillary.world.publish import Publisher
from armillary.world.record import Names
from armillary.world.recorded import Recorded

ANNA = LoggedIn(user="anna", name="Anna Berg", role="operator")
START = parse_iso("2026-11-22T08:00:00Z")
TEXT = """\
schema = 1
id = "swap"
title = "Swap the filter"
[[step]]
id = "close"
text = "Close it."
prim = "/Plant/Valve"
until = "valve < 2"
[[step]]
id = "swap"
text = "Swap it."
"""


class World:
    """A project with one tag and one procedure, and what a LIVE world makes of it."""

    def __init__(self, folder: Path) -> None:
        (folder / "procedures").mkdir(exist_ok=True)
        (folder / "procedures" / "swap.toml").write_text(TEXT, "utf-8")
        self.clock = ManualClock(START)
        self.project = Project(
            folder=folder,
            saved=True,
            read_only=False,
            schema=1,
            id="p",
            name="P",
            specs=(TagSpec(slot=0, name="valve"),),
        )
        self.faults: list[FaultRecord] = []
        self.table = TagTable(1)
        self.table.value[0], self.table.quality[0] = 50.0, GOOD
        self.table.alive_mono_ns[0] = 1
        self.due: list[Coroutine[Any, Any, None]] = []
        self.again()

    def again(self) -> None:
        self.book = Logbook(self.project.folder, USUAL, self.clock, accounts=True)
        self.part = CarryingOut(self.project, self.book, self.clock, self.due.append, self.faults.append)

    def ask(self, message: Any, who: LoggedIn = ANNA) -> Any:
        return asyncio.run(self.part.answer(message, who))

    def tick(self) -> tuple[ProcedureRun, ...] | None:
        self.clock.advance(0.05)
        now = self.clock.now_ns()
        runs, self.told = self.part.tick(self.table, now, self.clock.now_mono_ns())
        for work in self.due:
            asyncio.run(_done(work))
        self.due.clear()
        return runs


async def _done(work: Coroutine[Any, Any, None]) -> None:
    await work


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_every_step_is_in_the_chained_logbook_with_who_and_where(world: World, tmp_path: Path) -> None:
    run = world.ask(StartProcedure(id="swap"))
    assert [n.author for n in world.book.notes] == ["anna"], "on disk when it was answered"
    world.table.value[0] = 1.0
    world.tick()
    world.ask(ActOnProcedure(run=run.id, action="confirm", step="swap"))
    kinds = {(n.kind, n.prim) for n in world.book.notes[:1]}
    assert kinds == {("procedure", "/Plant/Valve")}
    assert [n.author for n in world.book.notes] == ["anna", "", "anna", "anna"]
    assert world.book.notes[-1].text == "'Swap the filter' is done"
    assert chain.verify(tmp_path / "logbook", pattern=PATTERN).holds


def test_what_a_person_did_is_told_in_the_next_frame(world: World) -> None:
    world.ask(StartProcedure(id="swap"))
    runs = world.tick()
    assert runs is not None
    assert [r.step_phase for r in runs] == ["waiting"]
    assert [(e.source, e.text) for e in world.told] == [("procedure", "anna: began 'Swap the filter'")]
    assert world.tick() is None


def test_a_world_that_starts_again_goes_on_at_the_step(world: World) -> None:
    world.ask(StartProcedure(id="swap"))
    world.table.value[0] = 1.0
    world.tick()
    world.book.close()
    (world.project.folder / "procedures" / "swap.toml").unlink()  # a run keeps the text it was begun with
    world.again()
    runs = world.tick()
    assert runs is not None
    assert [(r.index, r.step_phase, r.procedure.title) for r in runs] == [(1, "confirm", "Swap the filter")]
    world.ask(ActOnProcedure(run=runs[0].id, action="abort", reason="no filter"))
    world.book.close()
    world.again()
    assert world.tick() == ()


def test_the_procedures_are_those_of_the_files_now(world: World) -> None:
    (world.project.folder / "procedures" / "bad.toml").write_text("schema = 1", "utf-8")
    told = world.ask(AskProcedures())
    assert [each.id for each in told.items if each.steps] == ["swap"]
    assert any("bad.toml" in line for line in told.wrong)


def test_a_replay_lists_procedures_and_carries_none_out(world: World) -> None:
    found = asyncio.run(looked_on(world.project, WorldKind.REPLAY, AskProcedures()))
    assert isinstance(found, Procedures)
    with pytest.raises(OrderFault, match="carries no procedure out"):
        asyncio.run(looked_on(world.project, WorldKind.REPLAY, StartProcedure(id="swap")))


def test_a_logbook_that_cannot_be_written_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "logbook").write_text("in the way", "utf-8")
    world = World(tmp_path)
    world.ask(StartProcedure(id="swap"))
    assert [fault.what for fault in world.faults] == ["The logbook cannot be written."]
    assert world.tick() is not None


def test_the_record_has_the_runs_as_they_stood_at_each_time(world: World) -> None:
    run = world.ask(StartProcedure(id="swap"))
    runs = world.tick()
    frame = empty_frame("live-1", WorldKind.LIVE)
    marking = Marking(1, (), ())
    batch = marking.of(replace(frame, t_ns=START, procedures=runs))
    assert marking.names[batch.slot[0] - 1] == marks.PROCEDURES
    assert batch.value.tolist() == [1.0]
    names = Names((), ())
    at = names.all.index(marks.PROCEDURES)
    assert Recorded((), ()).procedures({at: str(batch.text[0])}) == (run,)
    assert Recorded((), ()).procedures({}) == ()


def test_a_desk_that_joins_late_is_told_of_the_run_and_one_that_lags_of_the_newest(world: World) -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), 1)
    frame = empty_frame("w", WorldKind.LIVE)
    publisher.join(b"a", 0)
    publisher.credit(b"a", 0)
    world.ask(StartProcedure(id="swap"))
    first = world.tick()
    world.table.value[0] = 0.0
    world.tick()
    second = world.tick()
    publisher.publish(replace(frame, seq=1, procedures=first))
    publisher.publish(replace(frame, seq=2, procedures=second if second is not None else first))
    publisher.publish(replace(frame, seq=3))
    (told,) = [out for _, out in publisher.due(NS)]
    assert told.procedures is not None
    joiner = publisher.join(b"b", 0)
    assert joiner.procedures == told.procedures
    publisher.credit(b"a", 2 * NS)
    publisher.publish(replace(frame, seq=4, slot=np.zeros(0, np.uint32)))
    assert [out.procedures for _, out in publisher.due(3 * NS)] == [None]
