"""Procedures of several areas at one desk: all are shown, each is asked of the world that has it."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from armillary.model.fault import WorldFault
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.message import Welcome
from armillary.model.procedure import (
    ActOnProcedure,
    AskProcedures,
    Procedure,
    ProcedureRun,
    ProcedureStep,
    StartProcedure,
)
from armillary.session.area_asks import Owners
from armillary.session.area_merge import Share, merged

NOBODY = cast("Welcome", None)  # `merged` asks no share for how it was greeted
STEPS = (ProcedureStep(id="a", text="Do it."),)


def run(name: str, started: int) -> ProcedureRun:
    return ProcedureRun(id=name, procedure=Procedure(id=name, title=name, steps=STEPS), started_ns=started)


def share(name: str, *runs: ProcedureRun) -> tuple[Share, Frame]:
    frame = replace(empty_frame(name, WorldKind.LIVE), procedures=runs)
    made = Share(name=name, own=np.ones(2, np.bool_), welcome=NOBODY, last=frame)
    made.take(frame)
    return made, frame


def test_the_runs_of_all_areas_are_shown_by_when_they_began() -> None:
    (north, first), (south, _) = share("north", run("late", 2)), share("south", run("early", 1))
    told = merged("all", 1, [first], [north, south], 0)
    assert told.procedures is not None
    assert [each.id for each in told.procedures] == ["early", "late"]
    quiet = merged("all", 2, [empty_frame("north", WorldKind.LIVE)], [north, south], 0)
    assert quiet.procedures is None


def test_a_run_is_asked_of_the_world_that_has_it() -> None:
    owners = Owners()
    owners.areas = ("north", "south")
    owners._tags["T-2.level"] = "south"
    owners.saw("south", share("south", run("r", 1))[1])

    def parts(message: object) -> list[str]:
        return list(owners.parts(message, lambda _area, seq: seq))

    assert parts(ActOnProcedure(run="r", action="confirm")) == ["south"]
    assert parts(StartProcedure(id="p", tag="T-2.level")) == ["south"]
    assert parts(StartProcedure(id="p")) == ["north"]
    assert parts(AskProcedures()) == ["north"]
    with pytest.raises(WorldFault, match="told of 'other'"):
        parts(ActOnProcedure(run="other", action="confirm"))
