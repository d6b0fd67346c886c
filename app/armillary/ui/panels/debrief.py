"""The page of an exercise that is over: verdict, reactions, branches, the report; the timeline scrubs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from armillary.model.control import ExerciseView
from armillary.session.actions import action
from armillary.session.training_texts import passed_text, score_text
from armillary.session.workspace import Workspace
from armillary.ui.pieces import Section, label
from armillary.ui.tables import button, fill, table

_HOW = "Drag over the timeline or press Space: the scene shows the exercise as it was."


class DebriefPage(QWidget):
    """What is talked about afterwards."""

    def __init__(self, workspace: Workspace, run: Callable[[str], None]) -> None:
        super().__init__()
        self._at = workspace
        self.title = label("", "title", wrap=True)
        self.verdict = label("", "value", wrap=True)
        self.why = label("", wrap=True)
        self.talk = label("", wrap=True)
        self.score = table("Score", ("Expected", "State", "Points"))
        self.branches = table("Branches", ("Branch", "Until", "Points", "How it ended"), stretch=3)
        self.tried = Section("Branches", self.branches)
        self.report = button(
            "Open the report",
            "Open the report of the exercise",
            partial(run, "train.report"),
            primary=True,
        )
        self.leave = button(
            "Back to live", "Leave the exercise, show the live world", partial(run, "time.live")
        )
        sheet = QWidget()
        sheet.setObjectName("sheet")
        rows = QVBoxLayout(sheet)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.setSpacing(8)
        for part in (
            self.title,
            self.verdict,
            self.why,
            self.report,
            label(_HOW, "muted", wrap=True),
            Section("Reactions and points", self.score),
            self.tried,
            self.talk,
            self.leave,
        ):
            rows.addWidget(part)
        rows.addStretch(1)
        scroll = QScrollArea()
        scroll.setAccessibleName("Debrief")
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(sheet)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)

    def refresh(self, view: ExerciseView, rows: Sequence[Sequence[str]]) -> None:
        """Show how it went. rows: of the score."""
        branch = f" · branch {view.branch}" if view.branches else ""
        self.title.setText(f"{view.title}{branch}")
        self.verdict.setText(f"{score_text(view)} (pass mark {view.pass_mark:.0f} %)")
        why = next((row.text for row in reversed(view.rows) if row.lane == "mark" and row.id == "end"), "")
        ended = next((row for row in reversed(view.rows) if row.lane == "mark"), None)
        words = why or (ended.text if ended is not None else "")
        self.why.setText(
            f"Over after {passed_text(view.t_s)}" + (f": {words}" if words not in ("", "end") else ".")
        )
        fill(self.score, rows)
        self.tried.setVisible(bool(view.branches))
        fill(
            self.branches,
            [
                (
                    b.name,
                    passed_text(b.until_s),
                    f"{b.total:.0f} / {b.most:.0f}",
                    b.failed or "gone back from",
                )
                for b in view.branches
            ],
        )
        self.talk.setText(view.debrief)
        self.talk.setVisible(bool(view.debrief))
        waits = action("train.report").why_not(self._at)
        self.report.setEnabled(not waits)
        self.report.setToolTip(waits or view.report)
        home = action("time.live").why_not(self._at)
        self.leave.setVisible(not home)
