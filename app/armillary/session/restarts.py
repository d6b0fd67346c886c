"""When a process of ours that died is started again: soon, but not for ever."""

from __future__ import annotations

from collections import deque

from armillary.model.clock import NS

AFTER_NS = NS  # a person sees that it was gone
MOST, WITHIN_NS = 3, 60 * NS  # deaths; one that dies at once each time would cost more than it gives


class Restarts:
    """Deaths by process, and what is due."""

    def __init__(self) -> None:
        self._died: dict[str, deque[int]] = {}
        self._due_mono_ns: dict[str, int] = {}

    def died(self, name: str, now_mono_ns: int) -> bool:
        """Note that a process died; return whether it will be due to be started again."""
        deaths = self._died.setdefault(name, deque(maxlen=MOST))
        deaths.append(now_mono_ns)
        if len(deaths) == MOST and now_mono_ns - deaths[0] < WITHIN_NS:
            return False
        self._due_mono_ns[name] = now_mono_ns + AFTER_NS
        return True

    def cancel(self, name: str) -> None:
        """Start a process no more: somebody else did."""
        self._due_mono_ns.pop(name, None)

    def take_due(self, now_mono_ns: int) -> list[str]:
        """Return the processes to start now."""
        due = [name for name, at in self._due_mono_ns.items() if at <= now_mono_ns]
        for name in due:
            del self._due_mono_ns[name]
        return due

    def due_s(self, now_mono_ns: int) -> float | None:
        """Return after how many seconds something will be due, None when nothing will."""
        first = min(self._due_mono_ns.values(), default=None)
        return None if first is None else max(0.0, (first - now_mono_ns) / NS)
