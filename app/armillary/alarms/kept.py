"""Delays that ran before a restart, until the first reading after it says whether they go on.

A reading that comes while its tag would not be stale yet is as good as the one before: the delay goes on, the
gap counted. Later, or with the condition not true any more, it begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.alarm import AlarmProgress
from armillary.model.arrays import B1, I8
from armillary.model.clock import MS_NS, NS
from armillary.model.tags import TagSpec, stale_after_ms

NONE = -1  # no delay ran
DEFAULT_NS = 30 * NS  # a tag that is never stale by age: three times the interval that nobody told


class Kept:
    """What n lines were waiting for. Times are monotonic, those before the start too."""

    def __init__(self, tags: Sequence[TagSpec | None]) -> None:
        """tags: of each line, None for none."""
        n = len(tags)
        self.stale_ns: I8 = np.array(
            [(stale_after_ms(tag) if tag is not None else 0) * MS_NS or DEFAULT_NS for tag in tags], np.int64
        ).reshape(n)
        self.waits: B1 = np.zeros(n, np.bool_)
        self.over: I8 = np.full(n, NONE, np.int64)
        self.under: I8 = np.full(n, NONE, np.int64)
        self._until: I8 = np.zeros(n, np.int64)

    def give(self, row: int, one: AlarmProgress, gap_ns: int, now_mono_ns: int) -> None:
        """Keep what one line was counting `gap_ns` ago."""
        then_ns = now_mono_ns - gap_ns
        self.waits[row] = True
        self.over[row] = NONE if one.over_ns < 0 else then_ns - one.over_ns
        self.under[row] = NONE if one.under_ns < 0 else then_ns - one.under_ns
        self._until[row] = then_ns + self.stale_ns[row]

    def judged(self, a: I8, mono_ns: I8, over: B1, under: B1) -> tuple[I8, I8]:
        """Return since when conditions that are judged hold, and do not: (k,), NONE = from now on.

        They wait for nothing any more.
        """
        in_time = self.waits[a] & (mono_ns <= self._until[a])
        since = np.where(in_time & over, self.over[a], NONE), np.where(in_time & under, self.under[a], NONE)
        self.drop(a)
        return since

    def drop(self, rows: I8) -> None:
        """Forget some."""
        self.waits[rows] = False
        self.over[rows], self.under[rows] = NONE, NONE

    def expire(self, now_mono_ns: int) -> None:
        """Forget delays of which no reading came in time; what is counted goes by the readings' own times."""
        late = np.flatnonzero(self.waits & (self._until < now_mono_ns))
        self.over[late], self.under[late] = NONE, NONE
