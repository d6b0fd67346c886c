"""The test slider of a binding in hand: a value by hand, marked as substituted, released again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSlider, QWidget

from armillary.session.authoring import Authoring
from armillary.session.draft import Draft
from armillary.session.sweep import PERIOD_S, share
from armillary.ui import timers
from armillary.ui.pieces import label

STEPS = 200
TICK_MS = 60


class Trial(QWidget):
    """A slider from low to high of the draft. It sends nothing: only this desk's picture shows the value."""

    def __init__(self, authoring: Authoring, current: Callable[[], Draft | None]) -> None:
        super().__init__()
        self._authoring, self._current = authoring, current
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setAccessibleName("Test value")
        self.slider.setToolTip("Show the part as if the tag had this value. Nothing is sent to the plant.")
        self.value = label("", "muted")
        self.value.setMinimumWidth(56)
        self.run = QPushButton("Sweep")
        self.run.setCheckable(True)
        self.run.setAccessibleName("Sweep the test value over its range")
        self.run.setProperty("flat", True)
        self._tick = timers.every(self, TICK_MS, self._step)
        self._at_s = 0.0
        self.release = QPushButton("Release")
        self.release.setAccessibleName("Release the test value")
        self.release.setProperty("flat", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.slider, 1)
        row.addWidget(self.value)
        row.addWidget(self.run)
        row.addWidget(self.release)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._moved)
        self.release.clicked.connect(self._released)
        self.run.toggled.connect(self._toggled)

    def _moved(self, step: int) -> None:
        draft = self._current()
        if draft is not None and not draft.why_not():
            value = draft.low + (draft.high - draft.low) * step / STEPS
            self._authoring.change(replace(draft, trial=value))

    def _toggled(self, on: bool) -> None:
        self._at_s = 0.0
        if on:
            self._tick.start()
        else:
            self._tick.stop()

    def _step(self) -> None:
        """Go on over the range; a draft that is gone, or cannot be drawn, is swept no more."""
        draft = self._current()
        if draft is None or draft.why_not() or not self.isVisible():
            self.run.setChecked(False)
            return
        self._at_s += TICK_MS / 1000
        self.slider.setValue(round(share(self._at_s, PERIOD_S) * STEPS))

    def _released(self, _checked: bool = False) -> None:
        self.run.setChecked(False)
        draft = self._current()
        if draft is not None:
            self._authoring.change(replace(draft, trial=None))

    def show_draft(self, draft: Draft) -> None:
        """Stand where the draft's test value is; without one, at low."""
        self.setEnabled(not draft.why_not())
        self.release.setEnabled(draft.trial is not None)
        unit = f" {draft.tag.unit}" if draft.tag.unit else ""
        self.value.setText("live" if draft.trial is None else f"{draft.trial:.4g}{unit} S")
        if not draft.why_not():
            share = 0.0 if draft.trial is None else (draft.trial - draft.low) / (draft.high - draft.low)
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(min(max(share, 0.0), 1.0) * STEPS))
