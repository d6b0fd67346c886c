"""The only place that asks the system for the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

NS = 1_000_000_000
MS_NS = 1_000_000
_AGES = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Two readings: the wall (ns since 1970 UTC) for people and files, the monotonic one for ages."""

    def now_ns(self) -> int: ...
    def now_mono_ns(self) -> int: ...


class WallClock:
    """The clock of this machine."""

    def now_ns(self) -> int:
        return time.time_ns()

    def now_mono_ns(self) -> int:
        """Goes on while the machine sleeps, where the system can tell: what is old then is old."""
        return time.clock_gettime_ns(_AGES)


class ManualClock:
    """A clock that moves when told to; both readings move together."""

    def __init__(self, now_ns: int = 1_750_000_000 * NS, now_mono_ns: int = 1_000 * NS) -> None:
        self._now_ns, self._now_mono_ns = now_ns, now_mono_ns

    def now_ns(self) -> int:
        return self._now_ns

    def now_mono_ns(self) -> int:
        return self._now_mono_ns

    def advance(self, seconds: float) -> None:
        """Move both readings by a span in seconds; monotonic time never goes back."""
        step = int(seconds * NS)
        self._now_ns += step
        self._now_mono_ns += max(step, 0)

    def jump(self, seconds: float) -> None:
        """Set the wall clock alone, as a person or a time server does."""
        self._now_ns += int(seconds * NS)


def iso(t_ns: int) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds, `2026-01-01T00:00:00.000Z`."""
    stamp = datetime.fromtimestamp(t_ns / NS, UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t_ns // MS_NS % 1000:03d}Z"


def parse_iso(text: str) -> int:
    """Return ns since 1970 UTC of an ISO 8601 time; a time without zone is UTC. Raises ValueError."""
    stamp = datetime.fromisoformat(text)
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=UTC)
    whole = int(stamp.replace(microsecond=0).timestamp())
    return whole * NS + stamp.microsecond * 1000
