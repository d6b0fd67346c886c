"""Conditions of servers on their way from a link's thread to the world; bounded, drops are counted."""

from __future__ import annotations

import threading

from armillary.model.condition import Conditions

MOST = 50_000  # conditions that wait; a world takes them at every tick


class Heard:
    """Any thread puts, the world takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Conditions] = []
        self._count = 0
        self.dropped = 0

    def put(self, told: Conditions) -> None:
        """Hand over what a source heard; a flood beyond the bound is dropped and counted."""
        with self._lock:
            if self._count + len(told.conditions) > MOST:
                self.dropped += len(told.conditions)
                return
            self._count += len(told.conditions)
            self._waiting.append(told)

    def take(self) -> list[Conditions]:
        """Return what came since the last call, in its order."""
        if not self._waiting:
            return []
        with self._lock:
            taken, self._waiting, self._count = self._waiting, [], 0
        return taken
