"""The instructor's clock and timeline: run and freeze, step, speed, moments to go back to, marks, the end."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.session.actions import action
from armillary.session.training import SPEEDS, Station
from armillary.session.training_texts import clock_text, score_text, speed_text
from armillary.session.workspace import Workspace
from armillary.ui.lanes import Lanes
from armillary.ui.pieces import empty, label
from armillary.ui.theme import Colours

_NONE = "No exercise is shown. Choose one in the Instructor dock."
_STATES = {"ready": "Not begun", "running": "Running", "frozen": "Frozen", "over": "Over"}


class ExercisePanel(QWidget):
    """Buttons, then the timeline; a wish to go back is asked here, in place."""

    def __init__(self, workspace: Workspace, colours: Colours, run: Callable[[str], None]) -> None:
        super().__init__()
        self._at = workspace
        self._station: Station = workspace.training
        self.lanes = Lanes(colours, self._station.wish_back, self._scrub)
        self.play = self._button("Run", "Run or freeze the exercise", lambda: run("time.play"))
        self.play.setProperty("primary", True)
        self.step = self._button("Step", "One step of the model", lambda: run("time.next"))
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed of the exercise")
        for value in SPEEDS:
            self.speed.addItem(f"{value:g} ×", value)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.activated.connect(self._speed_chosen)
        self.clock, self.pace = label("", "value"), label("", "muted")
        self.score = label("", "value")
        self.keep = self._button("Keep moment", "Keep this moment (F5)", self._keep)
        self.comment = QLineEdit()
        self.comment.setAccessibleName("Comment of the mark, or name of the moment")
        self.comment.setPlaceholderText("Comment or name")
        self.comment.setMaximumWidth(220)
        self.good = self._button("Good", "Mark: good", lambda: self._mark("good"))
        self.poor = self._button("Poor", "Mark: poor", lambda: self._mark("poor"))
        self.end = self._button("End", "End the exercise", lambda: run("train.end"))
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 4, 8, 4)
        bar.setSpacing(6)
        for widget in (self.play, self.step, self.speed, self.clock, self.pace):
            bar.addWidget(widget)
        bar.addStretch(1)
        for other in (self.score, self.comment, self.keep, self.good, self.poor, self.end):
            bar.addWidget(other)
        self._back_row()
        self.body = QWidget()
        inside = QVBoxLayout(self.body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addLayout(bar)
        inside.addWidget(self.back)
        inside.addWidget(self.lanes, 1)
        self.empty = empty(_NONE)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.body, 1)
        rows.addWidget(self.empty, 1)
        self._station.changed.connect(self.refresh)
        workspace.frame_arrived.connect(self._arrived)
        workspace.visited.connect(self.refresh)
        workspace.world_changed.connect(self.refresh)
        self.refresh()

    def _button(self, text: str, name: str, run: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: run())
        return button

    def _back_row(self) -> None:
        self.back = QFrame()
        self.back.setProperty("role", "card")
        self.back_text = label("", wrap=True)
        self.go = self._button("Go back", "Go back to the chosen moment", self._station.go_back)
        self.stay = self._button("Stay", "Stay in the present of the exercise", self._station.stay)
        bar = QHBoxLayout(self.back)
        bar.setContentsMargins(12, 4, 8, 4)
        bar.addWidget(self.back_text, 1)
        bar.addWidget(self.go)
        bar.addWidget(self.stay)

    # ------------------------------------------------------------ a person

    def _speed_chosen(self, index: int) -> None:
        at = self._at
        at.speed = float(self.speed.itemData(index))
        if self._station.speed:
            at.play(at.speed)

    def _words(self) -> str:
        text = self.comment.text().strip()
        self.comment.clear()
        return text

    def _keep(self) -> None:
        self._station.keep(self._words())

    def _mark(self, word: str) -> None:
        text = self._words()
        self._station.mark(0.0, f"{word}: {text}" if text else word)

    def _scrub(self, t_s: float) -> None:
        if self._station.is_over:
            self._station.seek(self._station.start_ns + round(t_s * NS))

    # ------------------------------------------------------------ showing

    def _arrived(self, _slots: U4) -> None:
        if self.isVisible() and self._station.is_here:
            self._clock()
            if self._station.is_over:
                self._draw()

    def _clock(self) -> None:
        view, at = self._station.view, self._at
        if view is None:
            return
        self.clock.setText(clock_text(self._station.shown_s))
        cursor = at.cursor
        plays = cursor is not None and cursor.asked != 0.0
        words = speed_text(cursor) or (cursor.note if cursor is not None else "")
        self.pace.setText(words or _STATES[view.state])
        self.play.setText(("Pause" if view.state == "over" else "Freeze") if plays else
                          ("Play" if view.state == "over" else "Run"))  # fmt: skip

    def _draw(self) -> None:
        back = self._station.back
        self.lanes.show_view(self._station.view, self._station.shown_s, back.id if back is not None else "")

    def refresh(self) -> None:
        """Show the exercise as it stands."""
        station, view = self._station, self._station.view
        self.body.setVisible(view is not None)
        self.empty.setVisible(view is None)
        if view is None:
            return
        self._clock()
        self._draw()
        self.score.setText(score_text(view))
        back = station.back
        self.back.setVisible(back is not None)
        if back is not None:
            self.back_text.setText(f"Go back to {back.title}? {back.text}")
        nearest = min(
            range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - (abs(station.speed) or self._at.speed))
        )
        if not self.speed.view().isVisible() and self.speed.currentIndex() != nearest:
            self.speed.setCurrentIndex(nearest)
        for button, name in (
            (self.play, "time.play"),
            (self.step, "time.next"),
            (self.keep, "train.snapshot"),
            (self.good, "train.good"),
            (self.poor, "train.poor"),
            (self.end, "train.end"),
        ):
            why = action(name).why_not(self._at)
            key = f" ({action(name).shortcut})" if action(name).shortcut else ""
            button.setEnabled(not why)
            button.setToolTip(why or f"{button.accessibleName()}{key}")
        self.comment.setEnabled(self.keep.isEnabled())

    def showEvent(self, _event: object) -> None:  # noqa: N802  Qt's name
        self.refresh()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.lanes.set_colours(colours)
