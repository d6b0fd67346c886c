"""A procedure on the desk: the card tells the step and why it waits, marks show where, a key flies there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.procedure import (
    ActOnProcedure,
    AskProcedures,
    Procedure,
    ProcedureRun,
    Procedures,
    ProcedureStep,
    StartProcedure,
    StepDone,
)
from armillary.model.quality import STALE
from armillary.session.actions import action
from armillary.ui.guide_card import GuideCardView
from armillary.ui.procedure_list import ProcedureList
from armillary.ui.window import DeskWindow

PROCEDURE = Procedure(
    id="swap",
    title="Swap the bearing",
    steps=(
        ProcedureStep(
            id="drain",
            title="Drain T-101",
            text="Open the drain.",
            prims=("/Plant/Water/T101",),
            until="T-101.level < 1",
        ),
        ProcedureStep(id="lock", title="Lock it", text="Hang your lock.", skip="nobody"),
    ),
)


def run_of(**changes: Any) -> ProcedureRun:
    return replace(ProcedureRun(id="r1", procedure=PROCEDURE), **changes)


@pytest.fixture
def card(bench: Any, qtbot: QtBot) -> GuideCardView:
    """The card over an empty picture: a whole window is needed for the marks only."""
    over = QWidget()
    qtbot.addWidget(over)
    over.resize(900, 600)
    over.show()
    made = GuideCardView(over, bench.workspace, lambda: None, lambda _text: None)
    bench.begin()
    return made


@pytest.fixture
def asked(bench: Any, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the world is asked; it lists the procedure and refuses everything else."""
    out: list[object] = []

    def ask(message: object, callback: Any, _limit_s: float = 0.0) -> None:
        out.append(message)
        if isinstance(message, AskProcedures):
            callback(Procedures(items=(PROCEDURE,)))
        elif isinstance(message, StartProcedure):
            callback(run_of())
        else:
            callback(FaultRecord(kind="OrderFault", what="Not now.", where="swap", remedy="Wait."))

    monkeypatch.setattr(bench.workspace, "ask_world", ask)
    return out


def show(bench: Any, *runs: ProcedureRun, **more: Any) -> None:
    bench.send(procedures=runs, **more)


def test_the_card_shows_the_step_with_its_condition_as_it_is_now(card: GuideCardView, bench: Any) -> None:
    assert card.isHidden()
    show(bench, run_of(), values={0: 2.5})
    assert not card.isHidden()
    assert card.title.text() == "Swap the bearing · Step 1 of 2"
    assert (card.step.text(), card.until.text()) == ("Drain T-101", "until T-101.level < 1")
    assert card.now.text().startswith("✗ T-101.level 2.5 m")
    show(bench, run_of(), values={0: 0.5})
    assert card.now.text().startswith("✓ T-101.level 0.5 m")


def test_bad_data_are_said_to_be_waited_for(card: GuideCardView, bench: Any) -> None:
    show(bench, run_of(step_phase="no_data"), values={0: 0.5}, qualities={0: STALE})
    assert "waiting for good data" in card.now.text()
    assert card.state.text() == "Waiting for good data."
    assert card.state.property("role") == "bad"
    assert not card.confirm.isEnabled()


def test_only_a_step_that_waits_for_a_person_can_be_confirmed(
    card: GuideCardView, bench: Any, asked: list[object]
) -> None:
    show(bench, run_of())
    assert not card.confirm.isEnabled()
    show(bench, run_of(index=1, step_phase="confirm"))
    card.confirm.click()
    assert asked == [ActOnProcedure(run="r1", action="confirm", step="lock")]


def test_who_may_not_skip_is_told_why(card: GuideCardView, bench: Any, asked: list[object]) -> None:
    show(bench, run_of())
    assert card.skip.toolTip() == "Only an engineer may skip this step."
    bench.workspace.role = "engineer"
    show(bench, run_of(step_phase="holding"))
    assert card.skip.isEnabled()
    card.ask("skip")
    assert card.dialog is not None
    card.dialog.setTextValue("drained by hand")
    card.dialog.accept()
    assert asked == [ActOnProcedure(run="r1", action="skip", step="drain", reason="drained by hand")]
    show(bench, run_of(index=1, step_phase="confirm"))
    assert card.skip.toolTip() == "This step may not be skipped."


def test_a_replay_shows_the_step_of_its_time_and_offers_nothing(card: GuideCardView, bench: Any) -> None:
    show(bench, run_of(index=1, step_phase="confirm"), kind=WorldKind.REPLAY)
    assert card.step.text() == "Lock it"
    assert card.state.text() == "A person was asked."
    assert not card.confirm.isEnabled()
    assert not card.abort.isEnabled()
    show(bench, run_of(), kind=WorldKind.REPLAY)  # sought back
    assert card.step.text() == "Drain T-101"
    show(bench, kind=WorldKind.REPLAY)  # before it was begun
    assert card.isHidden()


def test_what_is_over_tells_who_did_what_until_it_is_put_away(card: GuideCardView, bench: Any) -> None:
    done = (
        StepDone(step="drain", how="condition", t_ns=1),
        StepDone(step="lock", how="confirmed", t_ns=2, user="anna", name="Anna Berg"),
    )
    show(bench, run_of(index=2, phase="done", done=done))
    assert card.state.text() == "Done"
    assert "Lock it: confirmed by Anna Berg" in card.done_lines.text()
    card.close_it.click()
    assert card.isHidden()


def test_the_parts_of_the_step_are_marked_and_a_key_flies_there(
    desk: DeskWindow, bench: Any, tmp_path: Path
) -> None:
    show(bench, run_of())
    marks, view = desk.guiding.marks, desk.canvas.view
    assert not marks.isHidden()
    assert len(marks.places()) == 1
    assert marks.text.startswith("1  Drain T-101 · T-101.level")
    before = view.pose
    desk.canvas.flight.still = True
    assert action("procedure.show").why_not(bench.workspace) == ""
    action("procedure.show").run(desk)
    assert view.pose != before
    (at,) = marks.places()
    assert at.height() > desk.canvas.height() / 3
    assert desk.canvas.rect().contains(marks.plate(at))
    if os.environ.get("KEEP_PICTURES"):
        desk.canvas.draw_now()
        desk.grab().save(str(Path(os.environ["KEEP_PICTURES"]) / "guide.png"))


def test_a_procedure_is_begun_from_the_list(bench: Any, asked: list[object], qtbot: QtBot) -> None:
    bench.begin()
    sheet = ProcedureList(bench.workspace, lambda _text: None)
    qtbot.addWidget(sheet)
    assert sheet.table.rowCount() == 1
    sheet.begin.click()
    assert asked == [AskProcedures(), StartProcedure(id="swap", tag="T-101.level")]
    assert bench.workspace.guide.chosen == "r1"


def test_a_dry_run_asks_no_world(card: GuideCardView, bench: Any, asked: list[object]) -> None:
    bench.workspace.guide.try_out(PROCEDURE)
    assert card.title.text().startswith("Dry run: Swap the bearing")
    assert card.confirm.text() == "Next"
    card.confirm.click()
    assert card.step.text() == "Lock it"
    card.back.click()
    assert card.step.text() == "Drain T-101"
    card.confirm.click()
    card.confirm.click()
    assert card.state.text() == "Done"
    card.close_it.click()
    assert card.isHidden()
    assert asked == []


def test_an_alarms_procedure_is_begun_once_and_shown_when_it_is_under_way(
    bench: Any, asked: list[object]
) -> None:
    bench.begin()
    guide, told = bench.workspace.guide, list[str]()
    guide.open("swap", told.append)
    assert asked == [AskProcedures(), StartProcedure(id="swap", tag="T-101.level")]
    show(bench, run_of(id="r7"))
    asked.clear()
    guide.open("swap", told.append)
    assert asked == []
    assert guide.chosen == "r7"
    assert told == ["", "Swap the bearing: it is under way."]


def test_an_alarm_that_names_no_known_procedure_says_so(bench: Any, asked: list[object]) -> None:
    bench.begin()
    told: list[str] = []
    bench.workspace.guide.open("swop", told.append)
    assert asked == [AskProcedures()]
    assert told == ["There is no procedure 'swop' in this project: an engineer adds it."]
