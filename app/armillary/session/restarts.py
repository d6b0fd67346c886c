"""When a process of ours that died is started again: soon, then less and less often, but always."""

from __future__ import annotations

from collections import deque

from armillary.model.clock import NS

FIRST_NS = NS // 5  # at once; what is shown of it stays until it is back
LONGEST_NS = 30 * NS  # one that dies at once each time costs little more than it gives
WITHIN_NS = 60 * NS  # deaths that are longer ago say nothing
_KEPT = 16


class Restarts:
    """Deaths by process, and what is due."""

    def __init__(self) -> None:
        self._died: dict[str, deque[int]] = {}
        self._due_mono_ns: dict[str, int] = {}

    def died(self, name: str, now_mono_ns: int) -> float:
        """Note that a process died; return after how many seconds it is due to be started again.

        Each death within a minute doubles the time.
        """
        deaths = self._died.setdefault(name, deque(maxlen=_KEPT))
        deaths.append(now_mono_ns)
        recent = sum(now_mono_ns - at < WITHIN_NS for at in deaths)
        wait_ns = min(FIRST_NS << (recent - 1), LONGEST_NS)
        self._due_mono_ns[name] = now_mono_ns + wait_ns
        return wait_ns / NS

    def again(self, name: str, at_mono_ns: int) -> None:
        """Look at a process at a time: it need not be started yet."""
        self._due_mono_ns[name] = at_mono_ns

    def cancel(self, name: str) -> None:
        """Start a process no more: somebody else did."""
        self._due_mono_ns.pop(name, None)

    def is_due(self, name: str) -> bool:
        """Return whether a process will be started."""
        return name in self._due_mono_ns

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
