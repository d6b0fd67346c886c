"""Signals of the system, on the Qt thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts(QObject):
    """Turns Ctrl-C, SIGTERM and SIGHUP into a call on the Qt thread, at once though Qt waits in C.

    Made before anything of Qt: an exception that a signal throws into the making of a window ends the
    process where it stands. A signal that comes before `listen` is obeyed then.
    """

    def __init__(self) -> None:
        super().__init__()
        self._run: Callable[[], None] | None = None
        self._came = False
        self._notifier: QSocketNotifier | None = None
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        heard = [s for s in _SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
        self._old = {s: signal.signal(s, self._handle) for s in heard}

    def listen(self, run: Callable[[], None]) -> None:
        """Call `run` for every signal from now on, and for one that came already, from the event loop.

        Never from where the signal met the program: a desk that is still being made would be closed before
        its loop begins, and the loop would then go on without it.
        """
        self._run = run
        self._notifier = QSocketNotifier(self._read, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True

    def _drain(self) -> None:
        os.read(self._read, 64)  # the handler itself has run by the time that Python got here
        if self._came and self._run is not None:
            self._came = False
            self._run()

    def restore(self) -> None:
        """Give the signals back to who had them."""
        if self._notifier is not None:
            self._notifier.setEnabled(False)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._read)
        os.close(self._write)
