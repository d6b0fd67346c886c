"""Ctrl-C, SIGTERM and SIGHUP while a command runs: it ends in order, wherever it is.

A signal becomes a KeyboardInterrupt, so that whatever was started is stopped on the way out. One that comes
while a module is imported waits until it is there: an exception out of a half-imported library in C (Qt)
ends the process where it stands, and nothing that it started.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_S = 0.05  # how soon a signal that came during an import is looked at again
PATIENCE = 3  # signals; the last one ends the process though it is still stopping
_IMPORTER = "<frozen importlib"
_came = 0
_is_wanted = False


def prepare() -> None:
    """Let signals end this process at once until `arm` is called: there is nothing to stop yet."""
    global _is_wanted  # noqa: PLW0603  a process has one set of signals
    _is_wanted = True
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def arm() -> None:
    """Let signals stop this process in order from now on; one that is ignored (nohup) stays so.

    Without `prepare` nothing changes: a command that another program calls leaves its signals alone.
    """
    if _is_wanted:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    global _came  # noqa: PLW0603  a process has one set of signals
    if number != signal.SIGALRM:
        _came += 1
    if _came >= PATIENCE:
        os._exit(2)
    if is_importing(frame):
        again()
    elif number == signal.SIGALRM or _came == 1:
        raise KeyboardInterrupt


def again() -> None:
    """Let a signal that was lost, thrown where Python takes no exceptions, be looked at again."""
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)


def disarm() -> None:
    """Let signals end this process at once: nothing runs any more that would have to be stopped."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in SIGNALS:
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def is_importing(frame: FrameType | None) -> bool:
    """Return whether a module is being imported at this point of the program."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTER):
            return True
        frame = frame.f_back
    return False
