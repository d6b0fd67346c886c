"""The time bar: one range for everything, alarms and gaps of the record, the cursor; drag scrubs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QPushButton

from armillary.model.arrays import U4
from armillary.model.clock import NS, Clock
from armillary.model.control import SPEEDS
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.model.times import parse_time
from armillary.session.actions import action
from armillary.session.timebar import behind_text
from armillary.session.workspace import Workspace
from armillary.ui.panels.timestrip import HEIGHT, Strip
from armillary.ui.pieces import IconButton
from armillary.ui.theme import Colours

_TICK_MS = 1000
_BUTTONS = (
    ("time.backwards", "play-back", "Play backwards"),
    ("time.second-back", "step-back", "One second back"),
    ("time.play", "play", "Play or pause"),
    ("time.second", "step-on", "One second on"),
)


class TimeBarPanel(QFrame):
    """Buttons, strip, time field and *Live*; always there while a project is open."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        run: Callable[[str], None],
        report: Callable[[Fault], None],
    ) -> None:
        super().__init__()
        self._at, self._clock, self._run, self._report = workspace, clock, run, report
        self._colours = colours
        self.setObjectName("timebar")
        self.setAccessibleName("Time bar")
        self.setFixedHeight(HEIGHT)
        self.strip = Strip(workspace, colours, report, run)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(3)
        self.buttons: dict[str, IconButton] = {}
        for name, drawing, text in _BUTTONS:
            button = IconButton(drawing, text, partial(run, name))
            button.setMinimumSize(30, 32)
            self.buttons[name] = button
            row.addWidget(button)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed")
        for value in SPEEDS:
            self.speed.addItem(f"{value:g} ×", value)
        self.speed.activated.connect(self._speed_chosen)
        self.entry = QLineEdit()
        self.entry.setAccessibleName("Go to a time")
        self.entry.setPlaceholderText("14:03, -2h …")
        self.entry.setFixedWidth(128)
        self.entry.returnPressed.connect(self._entered)
        self.mark = IconButton("bookmark", "Bookmark this time", lambda: run("time.bookmark"))
        self.live = QPushButton("Live")
        self.live.setObjectName("live")
        self.live.setMinimumWidth(120)
        self.live.clicked.connect(lambda _checked=False: run("time.live"))
        for widget in (self.speed, self.strip, self.entry, self.mark, self.live):
            row.addWidget(widget, 1 if widget is self.strip else 0)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._ticked)
        self._tick.start()
        workspace.timebar.changed.connect(self.strip.update)
        workspace.trends.book.changed.connect(self.strip.update)
        workspace.logbook.changed.connect(self.strip.update)
        workspace.frame_arrived.connect(self._arrived)
        for signal in (
            workspace.world_changed,
            workspace.project_changed,
            workspace.visited,
            workspace.home_changed,
        ):
            signal.connect(self.refresh)
        self.set_colours(colours)
        self.refresh()

    def focus_entry(self) -> None:
        """Put the keyboard into the time field."""
        self.entry.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.entry.selectAll()

    def _entered(self) -> None:
        try:
            t_ns = parse_time(self.entry.text(), self._at.home_ns())
            if t_ns >= self._at.home_ns():
                self._at.go_live()
            else:
                self._at.timebar.reveal(t_ns)
                self._at.seek(t_ns)
        except Fault as fault:
            self._report(fault)
            self.entry.selectAll()
            return
        self.entry.clear()
        self.strip.setFocus()

    def _speed_chosen(self, index: int) -> None:
        at = self._at
        at.speed = float(self.speed.itemData(index))
        if at.is_playing and at.cursor is not None:
            at.play(at.speed if at.cursor.asked > 0 else -at.speed)

    def _ticked(self) -> None:
        if self.isVisible():
            self._at.timebar.tick()
            self.refresh()

    def _arrived(self, _slots: U4) -> None:
        if self._at.away and self.isVisible():
            self.strip.update()
            self._live_text()

    def _live_text(self) -> None:
        at = self._at
        behind = (at.home_ns() - at.picture_ns()) / NS
        simulated = at.kind is WorldKind.TRAINING
        if not at.away:
            text, tip = "● Live", "The live world is shown."
        elif simulated:
            text, tip = "Live", "Back to the live world (L)"
        elif behind >= 0:
            text, tip = f"Live · {behind_text(behind)} ago", "Back to the live world (L)"
        else:
            text, tip = f"Live · {behind_text(-behind)} ahead", "Back to the live world (L)"
        if self.live.text() != text:
            self.live.setText(text)
            self.live.setToolTip(tip)
            self.live.setAccessibleName(f"{text}. {tip}")

    def refresh(self) -> None:
        """Show what may be done now."""
        at = self._at
        has_project = at.project is not None and at.project.saved
        self.setVisible(has_project and not at.is_trainee)  # an exercise's clock is its instructor's
        for name, button in self.buttons.items():
            why = action(name).why_not(at)
            button.setEnabled(not why)
            button.setToolTip(f"{action(name).title}" + (f"\nNot now: {why}" if why else ""))
        plays = at.is_playing and at.cursor is not None and at.cursor.asked > 0
        self.buttons["time.play"].set_drawing("pause" if plays else "play", self._colours)
        self.speed.setVisible(at.kind is not WorldKind.TRAINING)  # an exercise has its own
        self.speed.setEnabled(self.buttons["time.play"].isEnabled())
        nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - at.speed))
        if self.speed.currentIndex() != nearest:
            self.speed.setCurrentIndex(nearest)
        self.entry.setEnabled(not at.why_no_replay())
        self.mark.setEnabled(not action("time.bookmark").why_not(at))
        self.live.setEnabled(at.away or at.coming is not None)
        if self.live.property("away") != at.away:
            self.live.setProperty("away", at.away)
            self.live.style().unpolish(self.live)
            self.live.style().polish(self.live)
        self._live_text()
        self.strip.update()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        for button in (*self.buttons.values(), self.mark):
            button.set_colours(colours)
        self.strip.set_colours(colours)
