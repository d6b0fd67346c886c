"""The mean of a group: as good as the share of its members that are good (operations 2.3).

A mean is an estimate, so one sensor of ten that is gone does not take it away. A sum or a highest value of
only those that can be heard is another number, so those stay as bad as the worst of what they read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from armillary.model.arrays import B1, F8, U2
from armillary.model.quality import (
    BAD,
    DERIVED,
    GOOD,
    REASON_MASK,
    STALE,
    SUBSTITUTED,
    UNCERTAIN,
    rank,
    worst,
)

FEWEST = 3  # of two members nobody can say which one to believe
ENOUGH, TOO_LITTLE = 0.8, 0.2  # share of good members: GOOD from here on; of known ones: BAD below that
Value = tuple[F8, U2]


def mean(pairs: Sequence[Value], *, traces: bool = False) -> Value:
    """Return (value, quality) of the mean of members, pairs of arrays that broadcast; NaN where it is BAD.

    With 80 % of them GOOD or SUBSTITUTED it is theirs, and as good. With 20 % that are known it is theirs,
    and UNCERTAIN. Else it is STALE where all have a value, so of all, or BAD. The reasons of what is left out
    are told where it makes the result doubtful; with `traces` only those of what the mean is made of.
    """
    shape = np.broadcast_shapes(*(v.shape for v, _ in pairs), *(q.shape for _, q in pairs))
    ranks = [rank(word) for _, word in pairs]
    finite = [np.isfinite(value) for value, _ in pairs]
    good = [np.broadcast_to(f & (r <= SUBSTITUTED), shape) for f, r in zip(finite, ranks, strict=True)]
    known = [np.broadcast_to(f & (r < STALE), shape) for f, r in zip(finite, ranks, strict=True)]
    heard = [np.broadcast_to(f & (r < BAD), shape) for f, r in zip(finite, ranks, strict=True)]
    n = len(pairs)
    fine = _count(good) >= ENOUGH * n
    doubtful = ~fine & (_count(known) >= TOO_LITTLE * n)
    old = ~fine & ~doubtful & (_count(heard) == n)
    used = [np.where(fine, g, np.where(doubtful, k, old)) for g, k in zip(good, known, strict=True)]
    value = _mean_of(pairs, used)
    told = reduce(
        worst,
        (np.where(u, word, GOOD).astype(np.uint16) for (_, word), u in zip(pairs, used, strict=True)),
    )
    level = np.where(fine, rank(told), np.where(doubtful, UNCERTAIN, np.where(old, STALE, BAD)))
    every = reduce(np.bitwise_or, (word & REASON_MASK for _, word in pairs))
    made = fine | ((doubtful | old) & traces)  # without any it is made of all: none was good enough
    reasons = np.where(made, told & REASON_MASK, every | np.uint16(0 if traces else DERIVED))
    quality: U2 = (level.astype(np.uint16) | reasons).astype(np.uint16)
    return value, quality


def _count(members: Sequence[B1]) -> F8:
    out: F8 = sum((m.astype(np.float64) for m in members[1:]), start=members[0].astype(np.float64))
    return out


def _mean_of(pairs: Sequence[Value], used: Sequence[B1]) -> F8:
    """Return the mean of the values used, added in their order; NaN of none."""
    rows = [np.where(u, value, 0.0) for (value, _), u in zip(pairs, used, strict=True)]
    count = _count(used)
    total: F8 = sum(rows[1:], start=rows[0])
    out: F8 = np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
    return out
