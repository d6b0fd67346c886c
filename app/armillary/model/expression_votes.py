"""Choosing among several inputs: the first good one, the vote of a majority, and who dissents.

All take (value, quality) pairs of arrays that broadcast, and return such a pair; NaN is not settled yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from armillary.model.arrays import B1, F8, U2
from armillary.model.quality import BAD, DERIVED, SUBSTITUTED, rank, worst

Value = tuple[F8, U2]
_CONSTANT = np.uint16(SUBSTITUTED | DERIVED)


def first_good(pairs: Sequence[Value], is_constant: Sequence[bool]) -> Value:
    """Return the first that is good (or substituted), else the first of the least bad.

    A constant is SUBSTITUTED, so nothing behind it is ever read.
    """
    value, word = _stacked(pairs)
    constant = np.array(is_constant)
    word[constant] = worst(word[constant], np.asarray(_CONSTANT))
    chosen = np.maximum(rank(word), SUBSTITUTED).argmin(axis=0)[None]
    return np.take_along_axis(value, chosen, axis=0)[0], np.take_along_axis(word, chosen, axis=0)[0]


def vote(pairs: Sequence[Value]) -> Value:
    """Return the median of those with a value; its quality is the worst of the majority that agrees best.

    Where fewer than half of all have a value the median is NaN, with the worst quality of all.
    """
    middle, word, far = _heard(pairs)
    # of voters equally far from the median the better one is asked first
    order = np.lexsort((rank(word), far), axis=0)[: len(pairs) // 2 + 1]
    agreeing = reduce(worst, np.take_along_axis(word, order, axis=0))
    quality: U2 = np.where(np.isnan(middle), reduce(worst, word), agreeing).astype(np.uint16)
    return middle, quality


def dissent(pairs: Sequence[Value], allowed: Value) -> Value:
    """Return who is farther from the median than allowed, counted from 1; 0 for nobody.

    Who has no value dissents. NaN where fewer than half have one.
    """
    middle, _, far = _heard(pairs)
    limit, limit_quality = allowed
    farthest = far.argmax(axis=0)
    beyond: B1 = np.take_along_axis(far, farthest[None], axis=0)[0] > limit
    value = np.where(beyond, farthest + 1.0, 0.0)
    return np.where(np.isnan(middle) | np.isnan(limit), np.nan, value), limit_quality


def _stacked(pairs: Sequence[Value]) -> tuple[F8, U2]:
    shape = np.broadcast_shapes(*(v.shape for v, _ in pairs), *(q.shape for _, q in pairs))
    value = np.stack([np.broadcast_to(v, shape) for v, _ in pairs])
    word = np.stack([np.broadcast_to(q, shape) for _, q in pairs])
    return value, word


def _heard(pairs: Sequence[Value]) -> tuple[F8, U2, F8]:
    """Return (median, words, distances from it); distances of those without a value are infinite."""
    value, word = _stacked(pairs)
    heard = np.isfinite(value) & (rank(word) < BAD)
    n = heard.sum(axis=0)
    ascending = np.sort(np.where(heard, value, np.inf), axis=0)
    last = len(pairs) - 1
    low, high = np.clip((n - 1) // 2, 0, last)[None], np.minimum(n // 2, last)[None]
    middle = (np.take_along_axis(ascending, low, 0)[0] + np.take_along_axis(ascending, high, 0)[0]) / 2
    middle = np.where(n > len(pairs) // 2, middle, np.nan)
    far = np.where(heard & ~np.isnan(middle), np.abs(value - middle), np.inf)
    return middle, word, far
