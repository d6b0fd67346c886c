"""The base of sheets that do something long: progress, what went wrong, a button to begin and one to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from armillary.model.fault import FaultRecord
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet

LOOK_MS = 100
_STEPS = 100


class Work(Protocol):
    """What runs behind a sheet; its thread ends by itself within a look at `cancel`."""

    @property
    def progress(self) -> tuple[str, float]: ...  # in words, and its share of 1
    @property
    def ended(self) -> bool: ...
    @property
    def fault(self) -> FaultRecord | None: ...
    def cancel(self) -> None: ...


class WorkSheet(Sheet):
    """Runs one piece of work at a time; `_result` hands over what came of it. Nothing else stands still."""

    def __init__(self, title: str, width: int, go: str, parent: QWidget | None = None) -> None:
        """go: what the button that begins says."""
        super().__init__(parent)
        self._work: Work | None = None
        self._asks: tuple[QWidget, ...] = ()
        self.setWindowTitle(title)
        self.setMinimumWidth(width)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.doing = label("", "muted", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.go = QPushButton(go)
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        self.go.clicked.connect(lambda _checked=False: self.start())
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(lambda _checked=False: self.reject())
        self._tick = QTimer(self)
        self._tick.setInterval(LOOK_MS)
        self._tick.timeout.connect(self._look)

    def _lay_out(self, words: str, form: QFormLayout, *asks: QWidget) -> None:
        """asks: what a person chooses; it stands still while the work runs."""
        self._asks = asks
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.go)
        rows = QVBoxLayout(self)
        rows.addWidget(label(words, "muted", wrap=True))
        rows.addLayout(form)
        for widget in (self.doing, self.bar, self.why):
            rows.addWidget(widget)
            widget.hide()
        rows.addLayout(buttons)

    # ------------------------------------------------------------ a sheet's own

    def start(self) -> None:
        """Begin, or say why not."""
        raise NotImplementedError

    def _result(self) -> Callable[[], object] | None:
        """Return what hands over the result; None where there is none."""
        raise NotImplementedError

    def _told(self, fault: FaultRecord) -> str:
        """Return a fault for a person at the desk."""
        return f"{fault.what} {fault.remedy}"

    # ------------------------------------------------------------ running

    def _run(self, work: Work) -> None:
        self._tell("")
        self._work = work
        self._enable(is_idle=False)
        self._tick.start()
        self._look()

    def _look(self) -> None:
        work = self._work
        if work is None:
            return
        text, share = work.progress
        self.doing.setText(f"{text} …")
        self.bar.setValue(round(share * _STEPS))
        if not work.ended:
            return
        self._tick.stop()
        self._work = None
        self._enable(is_idle=True)
        hand_over = self._result()
        if hand_over is not None:
            self.accept()
            hand_over()
        elif work.fault is not None:
            self._tell(self._told(work.fault))

    def _enable(self, *, is_idle: bool) -> None:
        for widget in (*self._asks, self.go):
            widget.setEnabled(is_idle)
        self.doing.setVisible(not is_idle)
        self.bar.setVisible(not is_idle)

    def _tell(self, text: str) -> None:
        self.why.setText(text)
        self.why.setVisible(bool(text))

    def reject(self) -> None:
        """Stop what runs, else close."""
        if self._work is not None:
            self._work.cancel()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  Qt's name
        """Stop what runs."""
        if self._work is not None:
            self._work.cancel()
        super().closeEvent(event)
