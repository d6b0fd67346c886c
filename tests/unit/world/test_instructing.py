"""Runs of procedures: a step ends only when its condition is GOOD, true and held, or by a person who may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.model.account import LoggedIn
from armillary.model.clock import NS
from armillary.model.fault import OrderFault
from armillary.model.procedure import (
    ActOnProcedure,
    Procedure,
    ProcedureRun,
    ProcedureStep,
    StartProcedure,
)
from armillary.model.quality import BAD, GOOD, STALE
from armillary.model.tags import TagSpec, TagTable
from armillary.world.instructing import Instructing

ANNA = LoggedIn(user="anna", name="Anna Berg", role="operator")
RAVI = LoggedIn(user="ravi", name="Ravi", role="engineer")
VERA = LoggedIn(user="vera", name="Vera", role="viewer")
INES = LoggedIn(user="ines", name="Ines", role="instructor")
SPECS = (TagSpec(slot=0, name="V-101.position", unit="%"), TagSpec(slot=1, name="torque", unit="Nm"))
CLOSE = ProcedureStep(id="close", text="Close V-101.", until="V-101.position < 2", held_s=5.0)
LOCK = ProcedureStep(id="lock", text="Lock it.", skip="nobody")
TIGHT = ProcedureStep(id="tight", text="Tighten.", until="torque > 40", confirm=True, skip="operator")
CHANGE = Procedure(id="change", title="Change the bearing", steps=(CLOSE, LOCK, TIGHT))


class Plant:
    """A table of two tags and a world that looks at it."""

    def __init__(self, procedure: Procedure = CHANGE, *, training: bool = False) -> None:
        self.table = TagTable(2)
        self.mono = 1_000 * NS
        self.at = Instructing(SPECS, lambda _id: procedure, training=training)
        self.set(0, 100.0)
        self.set(1, 0.0)

    def set(self, slot: int, value: float, quality: int = GOOD) -> None:
        self.table.value[slot], self.table.quality[slot] = value, quality
        self.table.alive_mono_ns[slot] = self.mono

    def go(self, seconds: float = 0.0) -> ProcedureRun:
        for _ in range(max(1, round(seconds * 10))):
            self.mono += int(0.1 * NS) if seconds else 0
            self.at.tick(self.table, self.mono, self.mono)
        return next(iter(self.at.runs.values()))

    def start(self, who: LoggedIn = ANNA) -> ProcedureRun:
        return self.at.start(StartProcedure(id="change"), who, self.mono)

    def act(self, action: str, who: LoggedIn = ANNA, reason: str = "", step: str = "") -> ProcedureRun:
        run = next(iter(self.at.runs))
        wish = ActOnProcedure(run=run, action=action, reason=reason, step=step)  # type: ignore[arg-type]
        return self.at.act(wish, who, self.mono)


def test_a_step_goes_on_by_itself_once_its_condition_was_true_for_its_time() -> None:
    plant = Plant()
    plant.start()
    assert plant.go(2).step_phase == "waiting"
    plant.set(0, 1.0)
    assert (plant.go(4.8).step_phase, plant.go().index) == ("holding", 0)
    run = plant.go(0.4)
    assert run.index == 1
    assert (run.done[0].step, run.done[0].how, run.done[0].user) == ("close", "condition", "")


def test_a_condition_that_is_lost_for_a_moment_is_held_anew() -> None:
    plant = Plant()
    plant.start()
    plant.set(0, 1.0)
    plant.go(4.5)
    plant.set(0, 3.0)
    assert plant.go(0.1).step_phase == "waiting"
    plant.set(0, 1.0)
    assert plant.go(4.8).index == 0
    assert plant.go(0.4).index == 1


@pytest.mark.parametrize("quality", [STALE, BAD])
def test_a_step_never_ends_on_data_that_are_not_good(quality: int) -> None:
    plant = Plant()
    plant.start()
    plant.set(0, 1.0, quality)
    run = plant.go(60)
    assert (run.index, run.step_phase) == (0, "no_data")
    plant.set(0, 1.0, GOOD)
    assert plant.go(4.8).index == 0, "the time of bad data does not count"
    assert plant.go(0.4).index == 1


def test_stale_data_in_the_middle_of_holding_begin_it_anew() -> None:
    plant = Plant()
    plant.start()
    plant.set(0, 1.0)
    plant.go(4.5)
    plant.set(0, 1.0, STALE)
    assert plant.go(0.1).step_phase == "no_data"
    plant.set(0, 1.0, GOOD)
    assert plant.go(1).index == 0


def test_a_step_that_wants_a_person_waits_for_both() -> None:
    plant = Plant(replace(CHANGE, steps=(TIGHT,)))
    plant.start()
    with pytest.raises(OrderFault, match="cannot be confirmed yet"):
        plant.act("confirm")
    plant.set(1, 50.0)
    assert plant.go(60).step_phase == "confirm", "a person is asked, however long it holds"
    plant.set(1, 30.0)
    plant.go()
    with pytest.raises(OrderFault, match="cannot be confirmed yet"):
        plant.act("confirm")
    plant.set(1, 50.0)
    plant.go()
    run = plant.act("confirm", step="tight")
    assert (run.phase, run.done[0].user, run.done[0].how) == ("done", "anna", "confirmed")
    assert run.step is None


def test_a_step_without_a_condition_is_a_persons() -> None:
    plant = Plant(replace(CHANGE, steps=(LOCK, CLOSE)))
    plant.start()
    assert plant.go(60).step_phase == "confirm"
    assert plant.act("confirm").index == 1


def test_skipping_needs_a_reason_and_a_role_and_is_written_down() -> None:
    plant = Plant()
    plant.start()
    with pytest.raises(OrderFault, match="may not skip"):
        plant.act("skip", ANNA, "valve is off")
    with pytest.raises(OrderFault, match="needs a reason"):
        plant.act("skip", RAVI, "  ")
    run = plant.act("skip", RAVI, "valve  is off")
    assert (run.done[0].how, run.done[0].reason, run.done[0].name) == ("skipped", "valve is off", "Ravi")
    with pytest.raises(OrderFault, match="may not be skipped"):
        plant.act("skip", RAVI, "no lock here")


@pytest.mark.parametrize("who", [VERA, INES])
def test_who_may_not_command_may_not_run_a_procedure(who: LoggedIn) -> None:
    with pytest.raises(OrderFault, match="may not run"):
        Plant().start(who)


def test_in_a_training_world_an_instructor_may() -> None:
    assert Plant(training=True).start(INES).started_by == "ines"


def test_a_step_that_went_on_meanwhile_is_not_confirmed_unseen() -> None:
    plant = Plant()
    plant.start()
    plant.act("skip", RAVI, "open")
    with pytest.raises(OrderFault, match="at step 'lock' by now"):
        plant.act("confirm", step="close")


def test_giving_up_needs_a_reason_and_ends_the_run() -> None:
    plant = Plant()
    plant.start()
    with pytest.raises(OrderFault, match="needs a reason"):
        plant.act("abort")
    run = plant.act("abort", reason="no bearing in store")
    assert (run.phase, run.done[-1].how) == ("aborted", "aborted")
    with pytest.raises(OrderFault, match="not being carried out"):
        plant.act("confirm")
    plant.start()  # again from the beginning


def test_one_procedure_is_carried_out_once_at_a_time() -> None:
    plant = Plant()
    plant.start()
    with pytest.raises(OrderFault, match="already"):
        plant.start(RAVI)


def test_each_step_is_told_once_with_who_did_it() -> None:
    plant = Plant()
    plant.start()
    plant.set(0, 1.0)
    plant.go(5.5)
    plant.act("confirm")
    plant.set(1, 50.0)
    plant.go(0.1)
    plant.act("confirm", RAVI)
    told = [(who.user, words) for _, who, words in plant.at.take()]
    assert [user for user, _ in told] == ["anna", "", "anna", "ravi", "ravi"]
    assert "'V-101.position < 2' held" in told[1][1]
    assert told[-1][1].endswith("is done")
    assert plant.at.take() == ()


def test_only_changes_of_a_run_are_told_in_frames() -> None:
    plant = Plant()
    plant.start()
    assert [run.index for run in plant.at.changes() or ()] == [0]
    plant.go(10)
    assert plant.at.changes() is None


def test_a_run_goes_on_after_a_restart_and_is_held_anew() -> None:
    plant = Plant()
    plant.start()
    plant.set(0, 1.0)
    before = plant.go(4.5)
    plant.at = Instructing(SPECS, lambda _id: CHANGE, runs=(before,))
    assert plant.go(4.8).index == 0
    assert plant.go(0.4).index == 1


def test_a_run_whose_tag_is_no_more_waits_for_good_data() -> None:
    plant = Plant()
    plant.start()
    run = next(iter(plant.at.runs.values()))
    plant.at = Instructing(SPECS[1:], lambda _id: CHANGE, runs=(run,))
    assert plant.go(10).step_phase == "no_data"


def test_going_back_in_an_exercise_takes_the_steps_back() -> None:
    plant = Plant(training=True)
    plant.start()
    moment = plant.mono
    plant.set(0, 1.0)
    assert plant.go(6).index == 1
    assert next(iter(plant.at.at(moment).values())).index == 0
    plant.at.rewind(moment)
    assert plant.go().index == 0
    assert [run.index for run in plant.at.changes() or ()] == [0]


def test_the_log_of_a_run_does_not_grow_while_nothing_changes() -> None:
    plant = Plant(training=True)
    plant.start()
    plant.go(30)
    assert len(plant.at.at(np.iinfo(np.int64).max)) == 1
