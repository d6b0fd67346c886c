"""Alarm bar: the alarm that needs a person most, counts by priority, and the sound. Always there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from armillary.model.clock import NS
from armillary.session.alarm_row import AlarmRow, age_text
from armillary.session.alarmbook import PRIORITIES
from armillary.session.sounding import TONES, Sounding
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import badges
from armillary.ui.bell import Bell
from armillary.ui.paced import Paced
from armillary.ui.pieces import label, restyle
from armillary.ui.theme import Colours
from armillary.ui.tones import Tones
from armillary.viewport.badges import Style, style_of

HEIGHT = 32
HALF_MS = 500
_NAMES = ("critical", "high", "medium", "low")


class AlarmBar(QFrame):
    """One line over the docks. It never moves and cannot be closed while a project is open."""

    def __init__(self, workspace: Workspace, colours: Colours, go: Callable[[AlarmRow | None], None]) -> None:
        super().__init__()
        self._workspace, self._colours, self._go = workspace, colours, go
        self.still = False  # reduced motion: nothing blinks
        self._tones, self._sounding = Tones(self), Sounding()
        self._sounds = 0  # the priority that sounds
        self.beep: Callable[[], object] = lambda: self._tones.play(self._sounds)
        self._half = 0
        self.setProperty("role", "bar")
        self.setAccessibleName("Alarm bar")
        self.setFixedHeight(HEIGHT)
        self.newest = QPushButton()
        self.newest.setProperty("role", "chip")
        self.newest.setIconSize(QSize(22, 22))
        self.newest.clicked.connect(lambda: self._go(self._first()))
        self.age = label("", "muted")
        self.chips: dict[int, QPushButton] = {}
        line = QHBoxLayout(self)
        line.setContentsMargins(6, 0, 8, 0)
        line.setSpacing(6)
        line.addWidget(self.newest)
        line.addWidget(self.age)
        line.addStretch(1)
        self.flood = label("", "strong")
        self.flood.hide()
        line.addWidget(self.flood)
        self.waiting = label()
        line.addWidget(self.waiting)
        self.hidden = QPushButton()
        self.hidden.setProperty("role", "chip")
        self.hidden.setToolTip("Alarms that bother nobody just now. Click: list them")
        self.hidden.clicked.connect(lambda _checked=False: self.show_hidden())
        line.addWidget(self.hidden)
        for priority in PRIORITIES:
            chip = QPushButton()
            chip.setProperty("role", "chip")
            chip.setIconSize(QSize(20, 20))
            chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            chip.clicked.connect(lambda _checked=False: self.show_list())
            self.chips[priority] = chip
            line.addWidget(chip)
        self.silence_button = QPushButton("Silence")
        self.silence_button.setAccessibleName("Silence the alarm sound")
        self.silence_button.setToolTip("Stop the sound of the alarms that are there now (Ctrl+M)")
        self.silence_button.clicked.connect(self.silence)
        self.no_sound = label("No sound", "muted")
        self.no_sound.setAccessibleName("Alarms make no sound at this desk")
        line.addWidget(self.no_sound)
        line.addWidget(self.silence_button)
        self.show_list: Callable[[], None] = lambda: None
        self.show_hidden: Callable[[], None] = lambda: None
        self._bell = Bell(self)
        self._tones.changed.connect(self._tell_sound)
        self._tick = QTimer(self)
        self._tick.setInterval(HALF_MS)
        self._tick.timeout.connect(self._beat)
        paced = Paced(self, self.refresh, lambda: workspace.alarms.is_many)
        workspace.alarms.changed.connect(lambda _ids: paced())
        workspace.world_changed.connect(self.refresh)
        workspace.project_changed.connect(self.refresh)
        self._tell_sound()
        self.refresh()

    # ------------------------------------------------------------ what is shown
    def _first(self) -> AlarmRow | None:
        return self._workspace.alarms.first()

    def refresh(self) -> None:
        """Show the alarms as they are now."""
        ws = self._workspace
        self.setVisible(ws.path is not None or ws.world_state is not WorldState.NONE)
        first, counts = self._first(), ws.alarms.counts()
        if first is not None:
            self.newest.setText(f"{first.text} · {first.state}")
        else:
            self.newest.setText(self._why_none())
        self.newest.setEnabled(first is not None)
        self.newest.setAccessibleName(
            f"Alarm of priority {first.priority}: {self.newest.text()}" if first else self.newest.text()
        )
        self.newest.setToolTip(f"{first.operator_action}\nClick: go to it".strip() if first else "")
        for priority, chip in self.chips.items():
            every, new = counts.by_priority[priority - 1], counts.unacknowledged[priority - 1]
            chip.setText(str(every))
            style: Style = "full" if new else "hollow"
            name = self._colours.name
            chip.setIcon(badges.icon(priority, style, name) if every else badges.calm(priority, name))
            if chip.property("calm") != (not every):
                chip.setProperty("calm", not every)
                restyle(chip)
            chip.setAccessibleName(f"{every} alarms of priority {priority}, {new} not acknowledged")
            chip.setToolTip(f"Priority {priority}, {_NAMES[priority - 1]}: {every}, {new} not acknowledged")
        n = counts.to_acknowledge
        self.waiting.setText(f"{n} not acknowledged" if n else "")
        hidden = ws.alarms.hidden_text()
        self.hidden.setText(hidden or "None hidden")
        self.hidden.setAccessibleName(f"Hidden alarms: {hidden or 'none'}")
        if self.hidden.property("calm") != (not hidden):
            self.hidden.setProperty("calm", not hidden)
            restyle(self.hidden)
        self.flood.setText(ws.alarms.nuisance.flood_text)
        self.flood.setVisible(bool(self.flood.text()))
        self._listen()
        self._show_mark()
        self._show_age()
        if n and not self._tick.isActive():
            self._tick.start()

    def _why_none(self) -> str:
        ws = self._workspace
        if ws.world_state is WorldState.NONE:
            return "No alarms: a bare scene has no telemetry."
        if ws.world_state is not WorldState.LIVE:
            return "Alarms are not being evaluated: the world is silent."
        if not ws.alarms.specs:
            return "No alarms are defined in this project."
        return "No active alarms."

    def _show_mark(self) -> None:
        first = self._first()
        if first is None:
            self.newest.setIcon(QIcon())
            return
        style: Style = "hollow"
        if first.unacknowledged:
            style = style_of(first.mark, self._half, still=self.still)
        self.newest.setIcon(badges.icon(first.mark, style, self._colours.name))

    def _show_age(self) -> None:
        first, t_ns = self._first(), self._workspace.mirror.t_ns
        self.age.setText(age_text(max(t_ns - first.raised_ns, 0) / NS) if first is not None and t_ns else "")

    # ------------------------------------------------------------ blink and sound
    def _beat(self) -> None:
        self._half += 1
        self._show_mark()
        self._show_age()
        self._listen()
        if not self._workspace.alarms.counts().to_acknowledge:
            self._tick.stop()

    def _listen(self) -> None:
        """Sound at once for what has just begun; a silence ends with its occurrences."""
        book = self._workspace.alarms
        self._sounds = self._sounding.due(book.table, book.nuisance, self._half * HALF_MS / 1000)
        if self._sounds:
            self.beep()
            if self._tones.trouble and not self.still:
                self._bell.ring(TONES[self._sounds])
        self.silence_button.setEnabled(bool(book.table.loud().any()))

    def close_sound(self) -> None:
        """End what sounds: the desk closes."""
        self._tones.stop()

    def _tell_sound(self) -> None:
        """Say where nothing is heard, and why."""
        trouble = self._tones.trouble
        self.no_sound.setVisible(bool(trouble))
        self.no_sound.setToolTip(f"No sound: {trouble}. This bar flashes instead." if trouble else "")

    def silence(self, _checked: bool = False) -> None:
        """Stop the sound of the alarms that are there now; new ones sound again."""
        self._workspace.alarms.table.silence()
        self._listen()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.refresh()
