"""The strip that says that test values are shown, how fast they go, and ends them: Esc does too."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QSlider, QWidget

from armillary.session.sweep import PERIODS, Sweep, share
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.pieces import label
from armillary.ui.tables import button

STEP_MS = 60
STEPS = 200


class SweepBar(QFrame):
    """There while a sweep is on. It ends when the desk is left for another program, too."""

    def __init__(self, workspace: Workspace, window: QWidget) -> None:
        super().__init__()
        self._at = workspace
        self.sweep = Sweep(workspace)
        self._shown_s = 0.0
        self.setProperty("role", "card")
        self.setAccessibleName("Test values")
        self.words = label("", "value", wrap=True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setMinimumWidth(160)
        self.slider.setAccessibleName("Place of the test values in their ranges")
        self.pace = QComboBox()
        self.pace.setAccessibleName("Time of a sweep")
        for seconds in PERIODS:
            self.pace.addItem(f"{seconds:g} s", seconds)
        self.pace.addItem("by hand", 0.0)
        self.pace.setCurrentIndex(PERIODS.index(self.sweep.period_s))
        self.shut = button("End", "End the test values", self.sweep.end)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.words, 1)
        for widget in (self.slider, self.pace, self.shut):
            row.addWidget(widget)
        self._tick = timers.every(self, STEP_MS, self._step)
        self.escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), window)
        self.escape.setContext(Qt.ShortcutContext.WindowShortcut)
        self.escape.setEnabled(False)
        self.escape.activated.connect(self.sweep.end)
        self.slider.valueChanged.connect(self._moved)
        self.pace.currentIndexChanged.connect(self._paced)
        self.sweep.changed.connect(self.refresh)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._left)
        self.hide()

    def _paced(self, _index: int) -> None:
        self.sweep.period_s = float(self.pace.currentData()) or self.sweep.period_s
        self.refresh()

    @property
    def _by_hand(self) -> bool:
        return not float(self.pace.currentData())

    def _step(self) -> None:
        if not self._by_hand:
            self.sweep.step(self._at.now_mono_ns())
            self._shown_s += STEP_MS / 1000
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(share(self._shown_s, self.sweep.period_s) * STEPS))

    def _moved(self, step: int) -> None:
        """Stand where a person put the slider."""
        self.pace.setCurrentIndex(self.pace.count() - 1)
        self.sweep.show(step / STEPS)

    def _left(self, state: Qt.ApplicationState) -> None:
        """Nobody looks any more: what is not of the plant must not stay in the picture."""
        if state in (Qt.ApplicationState.ApplicationHidden, Qt.ApplicationState.ApplicationInactive):
            self.sweep.end()

    def layout_changed(self, name: str) -> None:
        """End when another workspace than Author is shown."""
        if name != "author":
            self.sweep.end()

    def refresh(self) -> None:
        """Show what is swept, or nothing."""
        is_on = self.sweep.is_on
        self.words.setText(self.sweep.words)
        self.setVisible(is_on)
        self.escape.setEnabled(is_on)
        if is_on and not self._by_hand:
            if not self._tick.isActive():
                self._shown_s = 0.0
            self._tick.start()
        else:
            self._tick.stop()
