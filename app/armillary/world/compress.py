"""Leaves samples out of the record that a straight line between others tells within a bound, tag by tag.

Between two samples that are kept a line is drawn; every sample that was left out is within the bound of it.
Kept are also: the least and greatest of each line, both sides of a jump and of a silence, every change of
quality, and texts. Alarms, rules and functions over time have seen all by then.

A line ends where the next sample would not fit (Bristol's swinging door, its doors hung on the sample itself,
with half the bound: the other half is for the least and greatest, which bend the line). The last sample that
fits is held back until it is known whether the line goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, I8, U1, U2, U4
from armillary.model.clock import MS_NS
from armillary.model.sample import HISTORICAL, SampleBatch, joined, taken
from armillary.model.tags import TagSpec

MOST_ROUNDS = 512  # samples of one tag in one batch that are looked at; what is more is kept
_LOW, _HIGH, _HELD = range(3)  # rows held back of each tag
_NONE = np.zeros(0, np.int64)


@dataclass(slots=True)
class _Rows:
    """Whole rows, (3, n): those held back of each tag."""

    value: F8
    source_ns: I8
    arrival_ns: I8
    arrival_mono_ns: I8
    quality: U2
    flags: U1
    status: U4


class Compressor:
    """State of all tags; one thread. offered == kept + left out + waiting."""

    def __init__(self, specs: Sequence[TagSpec], slots: int) -> None:
        """Tags with a `bound` take part; slots: how many there are, marks too."""
        some = [spec for spec in specs if spec.bound > 0]
        n = len(some)
        self._of = np.full(slots, -1, np.int64)
        self._of[[spec.slot for spec in some]] = np.arange(n)
        self._slot = np.array([spec.slot for spec in some], np.uint32)
        self._bound = np.array([spec.bound / 2 for spec in some], np.float64)
        self._is_door = np.array([spec.thinning == "line" for spec in some], np.bool_)
        self._longest_ns = np.array([spec.longest_ms * MS_NS for spec in some], np.int64)
        self._begun = np.zeros(n, np.bool_)  # a line begins at (_t0, _v0)
        self._t0: I8 = np.zeros(n, np.int64)
        self._v0 = np.zeros(n)
        self._word = np.zeros(n, np.uint16)
        self._least, self._most = np.full(n, -np.inf), np.full(n, np.inf)  # slopes, or values of a deadband
        self._holds = np.zeros((3, n), np.bool_)
        self._mono_ns: I8 = np.zeros(n, np.int64)  # when its last line began
        self._rows = _Rows(
            value=np.zeros((3, n)),
            source_ns=np.zeros((3, n), np.int64),
            arrival_ns=np.zeros((3, n), np.int64),
            arrival_mono_ns=np.zeros((3, n), np.int64),
            quality=np.zeros((3, n), np.uint16),
            flags=np.zeros((3, n), np.uint8),
            status=np.zeros((3, n), np.uint32),
        )
        self._open = 0  # samples on lines that have not ended, those held back among them
        self._on_line: I8 = np.zeros(n, np.int64)
        self.compressed = 0

    @property
    def waiting(self) -> int:
        """Samples of which it is not known yet whether they are kept."""
        return int(self._on_line.sum())

    def take(self, batch: SampleBatch, now_mono_ns: int) -> SampleBatch:
        """Return what of a batch, and of what was held back, is to be recorded."""
        if not len(self._slot):
            return batch
        out: list[SampleBatch] = []
        of = self._of[batch.slot] if len(batch) else _NONE
        mine = of >= 0
        if mine.any():
            mine &= (batch.flags & HISTORICAL) == 0  # told of the past: in no line's order
            self._over(batch, of, mine, out)
        late = self._holds[_HELD] & (now_mono_ns - self._mono_ns > self._longest_ns)
        if late.any():
            self._end(np.flatnonzero(late), out)
        rest = np.flatnonzero(~mine)
        if len(rest):
            out.append(batch if len(rest) == len(batch) else taken(batch, rest))
        return joined([part for part in out if len(part)])

    def flush(self) -> SampleBatch:
        """Return what is held back: the world ends."""
        out: list[SampleBatch] = []
        if len(self._slot):
            self._end(np.flatnonzero(self._holds[_HELD]), out)
        return joined(out)

    # ---------------------------------------------------------------- rounds

    def _over(self, batch: SampleBatch, of: I8, mine: B1, out: list[SampleBatch]) -> None:
        """Look at the first sample of every tag, then at the second of those that have one, and so on."""
        rows = np.flatnonzero(mine)
        rows = rows[np.argsort(of[rows], kind="stable")]
        tag = of[rows]
        first = np.concatenate(([True], tag[1:] != tag[:-1])) if len(rows) else np.zeros(0, np.bool_)
        begin = np.flatnonzero(first)
        number = np.arange(len(rows)) - np.repeat(begin, np.diff(np.append(begin, len(rows))))
        order = np.argsort(number, kind="stable")
        ends = np.cumsum(np.bincount(number[order])) if len(rows) else _NONE
        at = 0
        for end in ends[:MOST_ROUNDS].tolist():
            self._round(batch, rows[order[at:end]], tag[order[at:end]], out)
            at = end
        if at < len(rows):
            left = order[at:]
            some = np.unique(tag[left])
            self._end(some, out)
            self._begun[some] = False
            out.append(taken(batch, np.sort(rows[left])))

    def _round(self, batch: SampleBatch, rows: I8, tag: I8, out: list[SampleBatch]) -> None:
        """Look at one sample of each of some tags."""
        v, t, word = batch.value[rows], batch.source_ns[rows], batch.quality[rows]
        number = np.isfinite(v)
        newest = np.where(self._holds[_HELD, tag], self._rows.source_ns[_HELD, tag], self._t0[tag])
        follows = self._begun[tag] & number & (word == self._word[tag]) & (t > newest)
        # a silence shows in the record as it was: both sides of it are kept
        silent = follows & (t - newest > self._longest_ns[tag])
        joins = follows & ~silent & self._fits(tag, t, v)
        ends = ~joins & (self._holds[_HELD, tag] | self._begun[tag])
        if ends.any():
            self._end(tag[ends], out)
        # what does not fit goes on from the last that did, unless it is another thing altogether
        again = follows & ~joins & ~silent
        goes_on = again.copy()
        goes_on[again] = (t - self._t0[tag])[again] <= self._longest_ns[tag[again]]
        goes_on[again] &= self._fits(tag[again], t[again], v[again])
        joins |= goes_on
        fresh = ~joins
        if fresh.any():
            out.append(taken(batch, rows[fresh]))
            some = tag[fresh]
            self._begin(some, t[fresh], v[fresh], word[fresh], batch.arrival_mono_ns[rows[fresh]])
            self._begun[some] = number[fresh]
        if joins.any():
            self._join(batch, rows[joins], tag[joins])

    def _fits(self, tag: I8, t: I8, v: F8) -> B1:
        """Return which samples may end the line so far, with none of it farther off than half the bound."""
        door = self._is_door[tag]
        dt = np.maximum(t - self._t0[tag], 1).astype(np.float64)
        told = np.where(door, (v - self._v0[tag]) / dt, v)
        limited = t - self._t0[tag] <= self._longest_ns[tag]
        out: B1 = limited & (told >= self._least[tag]) & (told <= self._most[tag])
        return out

    def _join(self, batch: SampleBatch, rows: I8, tag: I8) -> None:
        """Hold samples back as the ends of their lines, and narrow what may come next."""
        v, t = batch.value[rows], batch.source_ns[rows]
        dt = np.maximum(t - self._t0[tag], 1).astype(np.float64)
        apart, bound = v - self._v0[tag], self._bound[tag]
        door = self._is_door[tag]
        self._least[tag] = np.where(
            door, np.maximum(self._least[tag], (apart - bound) / dt), self._least[tag]
        )
        self._most[tag] = np.where(door, np.minimum(self._most[tag], (apart + bound) / dt), self._most[tag])
        self._on_line[tag] += 1
        self._keep(_HELD, batch, rows, tag)
        for which, sign in ((_LOW, -1.0), (_HIGH, 1.0)):
            held = self._holds[which, tag]
            best = np.where(held, self._rows.value[which, tag], self._v0[tag])
            beyond = sign * (v - best) > 0
            if beyond.any():
                self._keep(which, batch, rows[beyond], tag[beyond])

    def _keep(self, which: int, batch: SampleBatch, rows: I8, tag: I8) -> None:
        held = self._rows
        held.value[which, tag], held.source_ns[which, tag] = batch.value[rows], batch.source_ns[rows]
        held.arrival_ns[which, tag] = batch.arrival_ns[rows]
        held.arrival_mono_ns[which, tag] = batch.arrival_mono_ns[rows]
        held.quality[which, tag], held.flags[which, tag] = batch.quality[rows], batch.flags[rows]
        held.status[which, tag] = batch.status[rows]
        self._holds[which, tag] = True

    # ---------------------------------------------------------------- lines

    def _begin(self, tag: I8, t: I8, v: F8, word: U2, mono_ns: I8) -> None:
        """Begin lines at samples that are recorded."""
        self._t0[tag], self._v0[tag], self._word[tag] = t, v, word
        door, bound = self._is_door[tag], self._bound[tag]
        self._least[tag] = np.where(door, -np.inf, v - bound)
        self._most[tag] = np.where(door, np.inf, v + bound)
        self._holds[:, tag] = False
        self._mono_ns[tag] = mono_ns
        self._begun[tag] = True

    def _end(self, tag: I8, out: list[SampleBatch]) -> None:
        """Record the ends of lines, and their least and greatest; the next lines begin at the ends."""
        tag = tag[self._holds[_HELD, tag]]
        if not len(tag):
            return
        held, rows = self._rows, self._holds[:, tag].copy()
        end = held.source_ns[_HELD, tag]
        for extreme in (_LOW, _HIGH):  # the end itself may be one of them
            rows[extreme] &= held.source_ns[extreme, tag] != end
        rows[_HIGH] &= ~rows[_LOW] | (held.source_ns[_HIGH, tag] != held.source_ns[_LOW, tag])
        found, at = np.nonzero(rows)
        order = np.lexsort((held.source_ns[found, tag[at]], at))
        which, some = found[order], tag[at[order]]
        kept = SampleBatch(
            slot=self._slot[some],
            value=held.value[which, some],
            source_ns=held.source_ns[which, some],
            arrival_ns=held.arrival_ns[which, some],
            arrival_mono_ns=held.arrival_mono_ns[which, some],
            quality=held.quality[which, some],
            flags=held.flags[which, some],
            status=held.status[which, some],
        )
        out.append(kept)
        self.compressed += int(self._on_line[tag].sum()) - len(kept)
        self._on_line[tag] = 0
        mono = held.arrival_mono_ns[_HELD, tag]
        self._begin(tag, end.copy(), held.value[_HELD, tag], held.quality[_HELD, tag], mono)
