"""Many short texts that are searched as one: a step a hit, not a step a text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import I8


class Lines:
    """Texts without line ends, M of them, whatever their case."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = "\n".join(texts).lower()
        lengths = np.fromiter(map(len, self._text.split("\n")), np.int64)
        self._end: I8 = np.cumsum(lengths + 1)  # where the next one begins
        self._count = len(texts)

    def holding(self, words: Sequence[str]) -> I8:
        """Return which texts hold all of some words, ascending; none for no words."""
        out: I8 | None = None
        for word in set(words):
            at = np.fromiter((m.start() for m in re.finditer(re.escape(word), self._text)), np.int64)
            rows = np.searchsorted(self._end, at, "right")
            rows = rows[np.r_[True, rows[1:] != rows[:-1]]] if len(rows) else rows
            out = rows if out is None else np.intersect1d(out, rows, assume_unique=True)
        if out is None or not self._count:
            return np.zeros(0, np.int64)
        return out
