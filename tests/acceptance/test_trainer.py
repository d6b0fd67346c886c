"""Script 9.3: a trainer's session, from log-in to debrief, with two desks and no network.

The instructor's desk opens the project: its LIVE world runs with all links down. Everything is done by clicks
and keys where there are any; times are simulated seconds at up to 20 times real time.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from armillary.cli.cast import Cast
from armillary.model import places
from armillary.model.clock import WallClock
from armillary.model.control import ExerciseView
from armillary.model.frame import RunState, WorldKind
from armillary.model.order import OrderState
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system
CLOCK = WallClock()
LESSON = "Feed pump trip during sensor drift"
PICTURES = os.environ.get("ARMILLARY_PICTURES", "")  # a folder to look at them


class Place:
    """One person's desk."""

    def __init__(self, qtbot: QtBot, folder: Path, name: str, desk: str = "desk") -> None:
        self.qtbot, self.name = qtbot, name
        self.ws = Workspace(CLOCK, actor=name, desk=desk)
        self.window = DeskWindow(self.ws, CLOCK, Settings(folder / f"{name}.json"))
        self.window.resize(1600, 1000)
        self.pulse = Pulse(self.ws, CLOCK)
        self.pictures = Path(PICTURES) if PICTURES else folder / "pictures"
        self.pictures.mkdir(exist_ok=True)

    def open(self, what: str) -> None:
        self.ws.open(what)
        self.window.show()
        self.pulse.pump()

    def close(self) -> None:
        self.pulse.stop()
        self.window.close()
        self.window.shut_down()
        self.ws.close()

    def wait(self, true: Callable[[], bool], what: str, limit_s: float = 30.0) -> None:
        try:
            self.qtbot.waitUntil(true, timeout=round(limit_s * 1000))
        except Exception as error:
            self.picture("failed")
            raise AssertionError(f"{self.name}: not within {limit_s} s: {what}") from error

    def click(self, button: QPushButton) -> None:
        self.wait(
            lambda: button.isVisible() and button.isEnabled(), f"{button.accessibleName()} can be clicked"
        )
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def log_in(self, user: str, password: str) -> None:
        told: list[object] = []
        self.ws.people.login(user, password, told.append)
        self.wait(lambda: bool(told), "an answer to the log-in", 20)
        assert told == [None]
        assert self.ws.people.user == user

    def picture(self, name: str) -> None:
        """Take a picture; it must show the ribbon of TRAINING across the window."""
        path = self.pictures / f"{name}-{self.name}.png"
        self.window.files.save_picture(path)
        assert path.stat().st_size > 20_000

    @property
    def view(self) -> ExerciseView:
        view = self.ws.training.view
        assert view is not None
        return view

    @property
    def ribbon(self) -> str:
        return self.window.mode.ribbon.text()

    def shown(self, tag: str) -> float:
        slot = next(s.slot for s in self.ws.specs if s.name == tag)
        return float(self.ws.mirror.table.value[slot])

    def write(self, tag: str, value: float) -> None:
        """Arm and execute by the card, as an operator does."""
        slot = next(s.slot for s in self.ws.specs if s.name == tag)
        card = self.window.inspector.card
        prim = self.ws.prim_of_tag(slot)
        assert prim is not None
        self.ws.select((prim,))
        self.window.show_panel("inspector")
        card.open(slot)
        assert card.arm.text() == "Arm (simulate)"
        assert card.arm.property("simulate") is True, "a dashed border"
        if card.choice.isVisible():
            card.choice.setCurrentIndex(card.choice.findData(value))
        else:
            card.entry.setText(f"{value:g}")
        self.click(card.arm)
        self.click(card.execute)
        self.wait(
            lambda: any(r.tag == tag and r.state is OrderState.VERIFIED for r in self.ws.receipts.values()),
            f"{tag} is verified",
        )
        card.close_card()


@pytest.fixture
def cast() -> Cast:
    return Cast()


@pytest.fixture
def project(tmp_path: Path, cast: Cast) -> Path:
    folder = tmp_path / "station"
    shutil.copytree(
        places.data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary")
    )
    cast.move_in(folder, CLOCK)
    return folder


@pytest.fixture
def ines(qtbot: QtBot, project: Path, tmp_path: Path) -> Iterator[Place]:
    place = Place(qtbot, tmp_path, "ines")
    place.open(str(project))
    yield place
    place.close()


@pytest.fixture
def bo(qtbot: QtBot, tmp_path: Path) -> Iterator[Place]:
    place = Place(qtbot, tmp_path, "bo", desk="trainee")
    yield place
    place.close()


def begin(ines: Place, cast: Cast) -> None:
    """Steps 1 to 5: log in, choose the scenario, see what is planned and how it is scored."""
    window, ws = ines.window, ines.ws
    ines.wait(
        lambda: ws.scene is not None and ws.world_state is WorldState.LIVE, "the scene and the live world"
    )
    window.use_layout("train")
    chooser = window.instructor.chooser
    ines.wait(lambda: chooser.choice.count() >= 2, "the scenarios")
    chooser.choice.setCurrentIndex(chooser.choice.findText(LESSON))
    assert "quiet morning" in chooser.brief.text()
    ines.picture("02-scenarios")
    ines.click(chooser.start)
    ines.wait(lambda: ws.kind is WorldKind.TRAINING, "the exercise is shown")
    assert ws.training.view is None, "nobody has logged in to direct it"
    assert window.instructor.stranger.isVisible()
    ines.log_in("ines", cast.password)
    ines.wait(lambda: ws.training.view is not None, "the exercise as its instructor sees it")
    assert "TRAINING" in ines.ribbon
    assert "simulated plant" in ines.ribbon
    assert "Live" in window.bars.topbar.home.text(), "the live world stays in sight"
    view = ines.view
    assert [row.state for row in view.rows if row.lane == "malfunction"] == ["planned", "planned"]
    assert (view.most, view.pass_mark) == (100.0, 70.0)
    assert set(window.instructor.desk.malfunctions.rows) == {"drift", "trip"}
    ines.picture("05-ready")


def pair(ines: Place, bo: Place, cast: Cast) -> None:
    """Step 6: the trainee's desk sees the brief and *Ready*, and no instructor's docks."""
    bo.open(ines.ws.address)
    bo.wait(lambda: bo.ws.scene is not None and bo.ws.training.brief is not None, "the trainee's brief")
    bo.log_in("bo", cast.password)
    assert not {"exercise", "instructor", "worlds"} & {
        n for n in bo.window.docks.names if bo.window.docks.is_open(n)
    }
    assert not bo.window.bars.timebar.isVisible()
    bo.wait(bo.window.brief.ready.isVisible, "Ready")
    bo.picture("06-brief")
    bo.click(bo.window.brief.ready)
    bo.wait(lambda: not bo.window.brief.isVisible(), "the brief leaves")
    ines.wait(lambda: "bo" in ines.view.ready, "the instructor sees that bo is ready")


def freeze_and_go_on(ines: Place, bo: Place) -> None:
    """Steps 7 to 10: run, freeze, run on; the drift is the instructor's to know."""
    panel = ines.window.exercise
    panel.speed.setCurrentIndex(panel.speed.findData(20.0))
    panel.speed.activated.emit(panel.speed.currentIndex())
    ines.click(panel.play)
    ines.wait(lambda: ines.view.t_s >= 55.0, "55 simulated seconds")
    ines.window.canvas.setFocus()
    ines.qtbot.keyClick(ines.window, Qt.Key.Key_Space)
    ines.wait(lambda: ines.view.state == "frozen", "frozen by Space", 5)
    at = ines.view.t_s
    bo.wait(lambda: "Frozen by instructor" in bo.ribbon, "the trainee's ribbon says so", 5)
    ines.picture("08-frozen")
    bo.picture("08-frozen")
    assert ines.view.t_s == at
    ines.click(panel.step)
    ines.wait(lambda: ines.view.t_s == pytest.approx(at + 0.5), "one step", 5)
    ines.click(panel.play)
    ines.wait(lambda: "×" in panel.pace.text(), "the real speed is shown", 5)
    ines.wait(lambda: bool(ines.view.truth), "the drift begins")
    ines.wait(lambda: ines.view.t_s >= 130.0, "130 s")
    true = ines.view.truth["TT-111.value"]
    assert bo.shown("TT-111.value") > true + 0.2, "the trainee sees what the instrument shows"
    assert bo.ws.training.view is None
    assert not bo.ws.training.truth
    ines.picture("10-drift")


def fail_once(ines: Place, bo: Place) -> None:
    """Steps 12 and 13: keep a moment, let the trainee fail, go back."""
    panel = ines.window.exercise
    panel.comment.setText("before trip")
    ines.click(panel.keep)
    ines.wait(lambda: any(r.text == "before trip" for r in ines.view.rows), "the snapshot")
    ines.wait(lambda: any(r.id == "trip" and r.state == "active" for r in ines.view.rows), "the trip")
    bo.write("V-101.sp", 90.0)
    ines.wait(
        lambda: any(r.id == "valve" and r.state == "violated" for r in ines.view.score), "the must-not", 20
    )
    ines.click(panel.play)
    ines.wait(lambda: ines.view.state == "frozen", "frozen", 5)
    kept = next(r for r in ines.view.rows if r.text == "before trip")
    lanes = panel.lanes
    y = lanes.lane_px * (len(lanes._lanes) - 0.5)
    ines.qtbot.mouseClick(
        lanes, Qt.MouseButton.LeftButton, pos=QPoint(round(lanes.x_of(kept.id)) + 2, round(y))
    )
    assert "will be kept as branch A" in panel.back_text.text()
    ines.picture("13-go-back")
    ines.click(panel.go)
    ines.wait(lambda: ines.view.branch == "B" and ines.view.t_s == kept.t_s, "branch B", 15)
    assert [b.name for b in ines.view.branches] == ["A"]
    assert ines.view.branches[0].failed
    assert not any(r.state == "violated" for r in ines.view.score)


def succeed(ines: Place, bo: Place) -> None:
    """Step 14: the second try; the live score moves."""
    panel = ines.window.exercise
    before = ines.view.total
    ines.click(panel.play)
    ines.wait(lambda: any(r.id == "trip" and r.state == "active" for r in ines.view.rows), "the trip")
    panel.speed.setCurrentIndex(panel.speed.findData(1.0))
    panel.speed.activated.emit(panel.speed.currentIndex())
    bo.wait(lambda: bo.ws.alarms.counts().to_acknowledge > 0, "the alarm at the trainee's", 10)
    alarms = bo.ws.alarms
    alarms.acknowledge(tuple(row.id for row in alarms.rows()))
    bo.write("P-101B.run", 1.0)
    bo.write("P-101A.run", 0.0)
    bo.picture("14-simulate")
    ines.wait(lambda: ines.view.total > before, "the score moves")
    ines.picture("14-second-try")
    panel.speed.setCurrentIndex(panel.speed.findData(20.0))
    panel.speed.activated.emit(panel.speed.currentIndex())


def test_a_trainer_runs_a_session_from_brief_to_debrief(
    ines: Place, bo: Place, cast: Cast, project: Path
) -> None:
    begin(ines, cast)
    pair(ines, bo, cast)
    freeze_and_go_on(ines, bo)
    fail_once(ines, bo)
    succeed(ines, bo)

    # 15: the debrief opens by itself; the scene shows any moment again
    ines.wait(lambda: ines.view.state == "over" and ines.view.report.endswith(".html"), "the end", 40)
    debrief = ines.window.instructor.debrief
    ines.wait(debrief.isVisible, "the debrief")
    assert ines.view.passed is True
    assert "passed" in debrief.verdict.text()
    assert debrief.branches.rowCount() == 1
    assert debrief.report.isEnabled()
    lanes = ines.window.exercise.lanes
    ines.qtbot.mouseClick(lanes, Qt.MouseButton.LeftButton, pos=QPoint(round(lanes._x(30.0)), 4))
    ines.wait(lambda: math.isclose(ines.ws.training.shown_s, 30.0, abs_tol=4.0), "the picture of 30 s")
    assert ines.shown("P-101A.speed") > 300.0, "the pump ran then"
    assert int((ines.ws.mirror.table.quality & 0xFF).max()) <= np.uint16(5)
    ines.picture("15-debrief")
    ines.click(ines.window.exercise.play)
    ines.wait(lambda: ines.ws.mirror.run is RunState.RUNNING, "the record plays")

    # 16: the file says what was run
    result = json.loads(Path(ines.view.report).with_name("result.json").read_text("utf-8"))
    assert result["passed"] is True
    assert result["branches"] == 2
    assert len(result["scenario_sha256"]) == 64
    assert project in Path(ines.view.report).parents
