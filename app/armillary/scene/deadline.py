"""The time limit of a request: the kernel ends this process then, whatever native code is holding it.

A composition without end holds the interpreter, so no thread of ours could speak up. The parent knows by the
signal (`wire.child.Child.overdue`) that time was over, and says so with the file's name.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

SECONDS = 20.0  # to look at a scene, whatever it holds
BYTES_A_SECOND = 1_000_000  # more for large ones: what the slowest of machines does
MOST_SECONDS = 600.0


def begin(seconds: float = SECONDS) -> None:
    """Start the time of a request; from the main thread."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def extend(files: Iterable[str]) -> None:
    """Give more time for the size of the files that are to be read; nothing where no time runs."""
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    if left > 0:
        size = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
        signal.setitimer(signal.ITIMER_REAL, min(left + size / BYTES_A_SECOND, MOST_SECONDS))


def end() -> None:
    """Stop the time."""
    signal.setitimer(signal.ITIMER_REAL, 0.0)
