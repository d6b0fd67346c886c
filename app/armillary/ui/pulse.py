"""Pumps the workspace on the Qt thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from armillary.model.clock import Clock
from armillary.session.workspace import Workspace

_MS = 1000
_SLOWEST_PUMP_S = 1.0


class Pulse(QObject):
    """Calls `workspace.pump` on the Qt thread: when the wire thread wakes it, and when something is due."""

    _woken = Signal()

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace, self._clock = workspace, clock
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setTimerType(Qt.TimerType.PreciseTimer)
        self._due.timeout.connect(self.pump)
        self._woken.connect(self.pump, Qt.ConnectionType.QueuedConnection)
        workspace.wake = self._woken.emit

    def pump(self) -> None:
        """Take what is there and ask when to come again."""
        self._workspace.pump(self._clock.now_ns(), self._clock.now_mono_ns())
        due_s = self._workspace.due_s(self._clock.now_mono_ns())
        if due_s is None:
            self._due.stop()
        else:
            self._due.start(round(min(max(due_s, 0.0), _SLOWEST_PUMP_S) * _MS))

    def stop(self) -> None:
        """Take nothing any more."""
        self._workspace.wake = lambda: None
        self._due.stop()
