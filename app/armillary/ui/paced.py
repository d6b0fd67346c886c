"""What is shown of many alarms: at once while they are few, in a flood so many times a second."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from armillary.ui import timers

PACE_MS = 80  # a raise is on the desk within 250 ms of its sample; this is what a flood may take of it


class Paced:
    """Runs something when it is asked for, or soon after once, where there is too much to do it each time."""

    def __init__(self, owner: QObject, run: Callable[[], object], is_many: Callable[[], bool]) -> None:
        self._run, self._is_many = run, is_many
        self._late = timers.once(owner, PACE_MS, run)

    def __call__(self) -> None:
        """Ask for it."""
        if not self._is_many():
            self._late.stop()
            self._run()
        elif not self._late.isActive():
            self._late.start()
