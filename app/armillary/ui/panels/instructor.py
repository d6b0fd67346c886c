"""What an instructor needs beside the clock: scenarios, malfunctions, true values, score, people."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from armillary.model.account import Right, may
from armillary.model.control import ExerciseView
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.session.actions import action
from armillary.session.training_lessons import LessonRow
from armillary.session.training_texts import (
    reaction_text,
    score_text,
)
from armillary.session.workspace import Workspace
from armillary.ui.panels.debrief import DebriefPage
from armillary.ui.panels.malfunctions import Malfunctions
from armillary.ui.pieces import Section, empty, label
from armillary.ui.tables import button, fill, table

_NO_LESSONS = "This project has no training scenarios. They are scenarios/*.toml of kind training."
_NO_PROJECT = "Open a project: its training scenarios are listed here."
_STRANGER = "This exercise is somebody else's to direct."


class Chooser(QWidget):
    """The scenarios of the project, their brief, and from where to begin."""

    def __init__(self, workspace: Workspace, report: Callable[[Fault], None]) -> None:
        super().__init__()
        self._at, self._report = workspace, report
        self._rows: tuple[LessonRow, ...] = ()
        self.choice = QComboBox()
        self.choice.setAccessibleName("Training scenario")
        self.choice.currentIndexChanged.connect(lambda _index: self._show())
        self.facts = label("", "muted", wrap=True)
        self.brief = label("", wrap=True)
        self.aims = label("", wrap=True)
        self.start = button("Start", "Start the exercise as its scenario begins", self._start, primary=True)
        self.here = button("Start from what is shown", "Start the exercise from what is shown", self._here)
        self.why = label("", "muted", wrap=True)
        self.none = empty(_NO_PROJECT)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.setSpacing(8)
        rows.addWidget(label("Start an exercise", "heading"))
        for widget in (self.choice, self.facts, self.brief, self.aims, self.start, self.here, self.why):
            rows.addWidget(widget)
        rows.addWidget(self.none, 1)
        rows.addStretch(0)

    def chosen(self) -> LessonRow | None:
        """Return the chosen scenario."""
        at = self.choice.currentIndex()
        return self._rows[at] if 0 <= at < len(self._rows) else None

    def refresh(self) -> None:
        """Show the scenarios of what is open."""
        rows = self._at.training.lessons
        if rows != self._rows:
            self._rows = rows
            self.choice.clear()
            self.choice.addItems([row.title for row in rows])
        self._show()

    def _show(self) -> None:
        row = self.chosen()
        for widget in (self.choice, self.facts, self.brief, self.aims, self.start, self.here):
            widget.setVisible(row is not None)
        self.none.setVisible(row is None)
        has_project = self._at.project is not None and self._at.project.saved
        self.none.setText(_NO_LESSONS if has_project else _NO_PROJECT)
        if row is None:
            self.why.hide()
            return
        self.facts.setText(" · ".join(part for part in (f"{row.minutes:g} min", row.difficulty) if part))
        self.brief.setText(row.problem or row.brief)
        self.aims.setText("\n".join(f"• {aim}" for aim in row.objectives))
        coming = self._at.coming is WorldKind.TRAINING
        why = "The exercise is being prepared …" if coming else row.problem or self._at.why_no_training()
        self.start.setEnabled(not why)
        fork = action("world.snapshot").why_not(self._at)
        self.here.setEnabled(not why and not fork)
        self.here.setToolTip(why or fork or "Its state becomes a snapshot file first")
        self.why.setText("" if row.problem else why)
        self.why.setVisible(bool(self.why.text()))

    def _start(self) -> None:
        row = self.chosen()
        if row is not None:
            try:
                self._at.training.start(row.id)
            except Fault as fault:
                self._report(fault)

    def _here(self) -> None:
        row = self.chosen()
        if row is not None:
            self._at.training.start_from_here(row.id)


class Desk(QWidget):
    """The page of an exercise that runs."""

    def __init__(self, workspace: Workspace, run: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self._station = workspace, workspace.training
        self.title = label("", "title", wrap=True)
        self.refused = label("", "bad", wrap=True)
        self.malfunctions = Malfunctions(workspace)
        self.score = table("Score", ("Expected", "State", "Points"))
        self.truth = table("True values", ("Tag", "Shown", "True"))
        self.honest = label("All instruments show what is.", "muted")
        self.people = label("", wrap=True)
        self.second = button(
            "Open the trainee's desk", "Open the trainee's desk", lambda: run("train.trainee")
        )
        self.scored = Section("Score", self.score)
        truths, people = QWidget(), QWidget()
        for holder, widgets in ((truths, (self.truth, self.honest)), (people, (self.people, self.second))):
            box = QVBoxLayout(holder)
            box.setContentsMargins(6, 0, 6, 0)
            for widget in widgets:
                box.addWidget(widget)
        sheet = QWidget()
        sheet.setObjectName("sheet")
        rows = QVBoxLayout(sheet)
        rows.setContentsMargins(8, 8, 8, 8)
        for part in (
            self.title,
            self.refused,
            Section("Malfunctions", self.malfunctions),
            self.scored,
            Section("True values", truths),
            Section("Trainees", people),
        ):
            rows.addWidget(part)
        rows.addStretch(1)
        scroll = QScrollArea()
        scroll.setAccessibleName("Exercise")
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(sheet)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)

    def refresh(self, view: ExerciseView) -> None:
        """Show the exercise as it stands."""
        station, at = self._station, self._at
        branch = f" · branch {view.branch}" if view.branches else ""
        self.title.setText(f"{view.title}{branch}")
        self.refused.setVisible(station.refused is not None)
        if station.refused is not None:
            self.refused.setText(f"{station.refused.what} {station.refused.remedy}")
        self.malfunctions.refresh(view, station.why_not_now())
        self.scored.set_title(f"Score: {score_text(view)}")
        fill(self.score, score_rows(view))
        slot = {spec.name: spec for spec in at.specs}
        rows = []
        for tag, true in view.truth.items():
            spec = slot.get(tag)
            unit = spec.unit if spec is not None else ""
            shown = float(at.mirror.table.value[spec.slot]) if spec is not None else float("nan")
            rows.append((tag, f"{shown:.4g} {unit}", f"{true:.4g} {unit}"))
        self.truth.setVisible(bool(rows))
        self.honest.setVisible(not rows)
        if rows:
            fill(self.truth, rows)
        here = [
            f"{name} (ready)" if name in view.ready else f"{name} (reads the brief)" for name in view.trainees
        ]
        self.people.setText(", ".join(here) or "No trainee's desk is connected.")
        why = action("train.trainee").why_not(at)
        self.second.setEnabled(not why)
        self.second.setToolTip(why or action("train.trainee").tip)


def score_rows(view: ExerciseView) -> list[tuple[str, str, str]]:
    """Return the cells of the score: what, how it went with the reaction time, points of those possible."""
    out = []
    for row in view.score:
        after = reaction_text(row.reaction_s) if row.state in ("done", "late") else ""
        how = f"{row.state} · {after}" if after else row.state
        points = (
            f"{row.points:.0f} / {row.most:.0f}"
            if row.most
            else (f"{row.points:+.0f}" if row.points else "–")
        )
        out.append((row.text, how, points))
    return out


class InstructorPanel(QWidget):
    """Chooser, exercise or debrief: whichever there is."""

    def __init__(
        self,
        workspace: Workspace,
        run: Callable[[str], None],
        report: Callable[[Fault], None],
    ) -> None:
        super().__init__()
        self._at = workspace
        self.chooser = Chooser(workspace, report)
        self.desk = Desk(workspace, run)
        self.debrief = DebriefPage(workspace, run)
        self.stranger = QWidget()
        self.why = label("", wrap=True)
        self.log_in = button("Log in…", "Log in as an instructor", partial(run, "user.log-in"), primary=True)
        rows = QVBoxLayout(self.stranger)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.addWidget(self.why)
        rows.addWidget(self.log_in)
        rows.addStretch(1)
        self.pages = QStackedWidget()
        for page in (self.chooser, self.desk, self.debrief, self.stranger):
            self.pages.addWidget(page)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.pages)
        for signal in (workspace.training.changed, workspace.visited, workspace.world_changed):
            signal.connect(self.refresh)
        workspace.project_changed.connect(self.refresh)
        workspace.selection_changed.connect(lambda _prims: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Show what there is to do."""
        if not self.isVisible():
            return
        at, station = self._at, self._at.training
        view = station.view
        if not station.is_here:
            self.chooser.refresh()
            self.pages.setCurrentWidget(self.chooser)
        elif view is None or not may(at.role, Right.INSTRUCT, training=True):
            self.why.setText(_STRANGER if at.people.accounts else "Asking how the exercise stands …")
            self.log_in.setVisible(at.people.accounts)
            self.pages.setCurrentWidget(self.stranger)
        elif view.state == "over":
            self.debrief.refresh(view, score_rows(view))
            self.pages.setCurrentWidget(self.debrief)
        else:
            self.desk.refresh(view)
            self.pages.setCurrentWidget(self.desk)

    def showEvent(self, _event: object) -> None:  # noqa: N802  Qt's name
        self.refresh()
