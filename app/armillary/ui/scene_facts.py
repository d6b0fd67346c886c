"""What the scene says of itself, and its own time: shown where no part is selected."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.pieces import label
from armillary.ui.row_model import Row, RowModel, fit_height, short_table, stretch
from armillary.ui.tables import button
from armillary.ui.theme import Colours

REFRESH_MS = 250
_MOST_ROWS = 14
_STEPS = 1_000


class SceneFacts(QWidget):
    """A table of the stage's metadata with a line for the time that the scene is at."""

    def __init__(self, workspace: Workspace, colours: Colours, run: Callable[[str], None]) -> None:
        super().__init__()
        self._at = workspace
        self.model = RowModel(("The scene", ""), colours, parent=self)
        self.table = short_table(self.model, "What the scene says of itself")
        stretch(self.table, 1, {0: 120})
        self.time = label("", "muted", wrap=True)
        self.play = button("Play", "Let the scene's own time go on, or hold it", lambda: run("scene.play"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setAccessibleName("The scene's own time")
        self.slider.valueChanged.connect(self._dragged)
        self._telling = False
        bar = QHBoxLayout()
        bar.addWidget(self.play)
        bar.addWidget(self.slider, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.addWidget(self.table)
        rows.addLayout(bar)
        rows.addWidget(self.time)
        rows.addStretch(1)
        self._late = timers.once(self, REFRESH_MS, self.tell_time)
        workspace.look_changed.connect(lambda _old, _new: self._soon())
        workspace.scene_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the scene that is open now."""
        scene = self._at.scene
        found = scene.facts if scene is not None else ()
        self.model.replace([Row((name, text), text) for name, text in found])
        fit_height(self.table, _MOST_ROWS)
        self.tell_time()

    def tell_time(self) -> None:
        """Say at which of its own times the scene is, and who leads it."""
        showing, scene = self._at.showing, self._at.scene
        for widget in (self.time, self.play, self.slider):
            widget.setVisible(scene is not None and showing.plays)
        if scene is None or not showing.plays:
            return
        start, end, codes = scene.time_range
        how = "it follows the world's time" if showing.is_led else "it plays" if showing.playing else "held"
        at, at_s = showing.stage_at, (showing.stage_at - start) / codes
        self.time.setText(f"Its own time: code {at:.1f} of {start:g} to {end:g}, {at_s:.1f} s · {how}")
        self.play.setText("Hold" if showing.playing else "Play")
        for widget in (self.play, self.slider):
            widget.setEnabled(not showing.is_led)
        if end > start and not self.slider.isSliderDown():
            self._telling = True
            self.slider.setValue(round((at - start) / (end - start) * _STEPS))
            self._telling = False

    def _dragged(self, step: int) -> None:
        scene = self._at.scene
        if self._telling or scene is None:
            return
        start, end, _ = scene.time_range
        self._at.go_in_scene(start + step / _STEPS * (end - start))
        self.tell_time()

    def _soon(self) -> None:
        if self.isVisible() and not self._late.isActive():
            self._late.start()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.colours = colours
