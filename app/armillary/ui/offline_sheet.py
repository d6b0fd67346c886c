"""The sheet that opens files of samples without a project: their time zone, progress, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from armillary.session.offline import Opening, Replaying, how_of, zones
from armillary.ui.pieces import label

WIDTH = 480
LOOK_MS = 100
_STEPS = 100
_NONE = "They say it themselves"


class OfflineSheet(QDialog):
    """Prepares a replay of files in the background and hands it over; nothing else stands still."""

    def __init__(self, path: Path, done: Callable[[Replaying], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path, self._done = path, done
        self._running: Opening | None = None
        self.setWindowTitle(f"Open {path.name}")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.zone = QComboBox()
        self.zone.setAccessibleName("Time zone of times without one")
        self.zone.setEditable(True)
        self.zone.addItems([_NONE, "UTC", *zones()])
        form = QFormLayout()
        form.addRow("Time zone", self.zone)
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.doing = label("", "muted", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.go = QPushButton("Open")
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        self.go.clicked.connect(lambda _checked=False: self.start())
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(lambda _checked=False: self.reject())
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.go)
        rows = QVBoxLayout(self)
        words = "What was recorded in these files is shown as a replay, without a plant. They are only read."
        rows.addWidget(label(words, "muted", wrap=True))
        rows.addLayout(form)
        for widget in (self.doing, self.bar, self.why):
            rows.addWidget(widget)
            widget.hide()
        rows.addLayout(buttons)
        self._tick = QTimer(self)
        self._tick.setInterval(LOOK_MS)
        self._tick.timeout.connect(self._look)

    def start(self) -> None:
        """Begin to read the files."""
        zone = self.zone.currentText().strip()
        self._tell("")
        self._running = Opening(self._path, how_of("" if zone == _NONE else zone))
        self._enable(is_idle=False)
        self._tick.start()

    def _look(self) -> None:
        running = self._running
        if running is None:
            return
        text, share = running.progress
        self.doing.setText(f"{text} …")
        self.bar.setValue(round(share * _STEPS))
        if not running.ended:
            return
        self._tick.stop()
        self._running = None
        self._enable(is_idle=True)
        if running.replaying is not None:
            self._done(running.replaying)
            self.accept()
        elif running.fault is not None:
            self._tell(f"{running.fault.what} {running.fault.remedy.partition(': --zone')[0]}")

    def _enable(self, *, is_idle: bool) -> None:
        self.zone.setEnabled(is_idle)
        self.go.setEnabled(is_idle)
        self.doing.setVisible(not is_idle)
        self.bar.setVisible(not is_idle)

    def _tell(self, text: str) -> None:
        self.why.setText(text)
        self.why.setVisible(bool(text))

    def reject(self) -> None:
        """Close; what is being read is given up."""
        if self._running is not None:
            self._running.cancel()
            self._running = None
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """As Cancel."""
        if self._running is not None:
            self._running.cancel()
        super().closeEvent(event)
