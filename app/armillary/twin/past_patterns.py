"""Patterns in what came: one thing after another, something that stays away, a limit with its deadband.

What is true for less than a tick is true for a second here, so that whoever looks at every tick sees it.
"""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import BAD, DERIVED, REASON_MASK, UNCERTAIN, rank
from armillary.twin.past_panes import GAPS, NOTHING
from armillary.twin.past_track import Columns, Steps, Track

KINDS = frozenset({"sequence", "missing", "absent", "silent", "beyond", "below"})
HOLD_NS = NS
_A, _B = 1, 2  # bits of what `sequence` and `missing` watch


class Patterns:
    """n patterns of one kind."""

    def __init__(self, kind: str, seconds: F8, extra: F8, more: F8) -> None:
        n = len(seconds)
        self._kind = kind
        self._ns: I8 = (seconds * NS).astype(np.int64)
        self.whole_ns: I8 = self._ns * 2
        self._limit, self._deadband = extra, more
        self._first_ns: I8 = np.zeros(n, np.int64)  # when the watch began; 0 = nothing came
        self._a_ns: I8 = np.zeros(n, np.int64)  # last time that a came true; `missing`: and waits for b
        self._b_ns: I8 = np.zeros(n, np.int64)  # last time that b came true
        self._fired_ns: I8 = np.zeros(n, np.int64)
        self._seen_ns: I8 = np.zeros(n, np.int64)  # `absent`, `silent`: last time that it was there
        self._on = np.zeros(n)  # `beyond`, `below`

    @property
    def step_ns(self) -> I8:
        """How often each moves on when nothing comes, (n,)."""
        return np.full(len(self._ns), NS, np.int64)

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        return {
            "first_ns": self._first_ns,
            "a_ns": self._a_ns,
            "b_ns": self._b_ns,
            "fired_ns": self._fired_ns,
            "seen_ns": self._seen_ns,
            "on": self._on,
        }

    def add(self, steps: Steps) -> None:
        """Take what came and, for what stays away, the time that passed."""
        if not len(steps.member):
            return
        calls = steps.calls
        fresh = self._first_ns[calls] == 0
        self._first_ns[calls[fresh]] = steps.t_ns[steps.first[fresh]]
        if self._kind in ("sequence", "missing"):
            self._follow(steps)
        elif self._kind in ("beyond", "below"):
            self._limits(steps)
        else:
            self._watch(steps)

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (1 or 0, quality word, why it is not good) at their times, (c,) each."""
        begun = self._first_ns[calls] > 0
        word, held, ok = track.held_word[calls], track.held[calls], track.ok[calls]
        recent = (self._fired_ns[calls] > 0) & (at_ns - self._fired_ns[calls] < HOLD_NS)
        match self._kind:
            case "sequence":
                stays = _bit(held, _B) & (self._fired_ns[calls] == self._b_ns[calls])
                on = recent | ((self._fired_ns[calls] > 0) & stays)
            case "missing":
                waits = self._a_ns[calls]
                on = (waits > 0) & (at_ns - waits > self._ns[calls])
            case "beyond" | "below":
                on = recent | (self._on[calls] > 0)
            case _:
                there = np.zeros(len(calls), np.bool_)
                if self._kind == "absent":
                    there = ok & (held != 0.0)
                since = np.maximum(self._seen_ns[calls], self._first_ns[calls])
                on = ~there & (at_ns - since > self._ns[calls])
        if self._kind == "silent":  # that nothing comes is known for certain
            out = np.zeros(len(calls), np.uint16)
        else:
            doubtful = (rank(word) > UNCERTAIN) | ~ok
            out = np.where(doubtful, UNCERTAIN | (word & REASON_MASK) | DERIVED, word)
        why = np.where(begun, np.where(rank(out) > 0, GAPS, 0), NOTHING)
        full: U2 = np.where(begun, out, BAD | DERIVED).astype(np.uint16)
        return np.where(begun, on.astype(np.float64), np.nan), full, why

    # ---------------------------------------------------------------- what is watched

    def _follow(self, steps: Steps) -> None:
        """Note when a and b came true, and which b followed its a in time."""
        if not steps.told:
            return
        member, t, n = steps.member, steps.t_ns, len(steps.member)
        code = np.where(steps.ok, steps.v, np.nan)
        begin = np.repeat(steps.first, np.diff(np.append(steps.first, n)))
        row = np.arange(n)
        calls = steps.calls
        rose_a = steps.ok & _bit(code, _A) & np.isfinite(steps.was) & ~_bit(steps.was, _A)
        rose_b = steps.ok & _bit(code, _B) & np.isfinite(steps.was) & ~_bit(steps.was, _B)
        if self._kind == "missing":
            self._wait(steps, rose_a, steps.ok & _bit(code, _B))
            return
        # the last a before each row, not in it: who came together came in no order
        at = np.concatenate(([-1], np.maximum.accumulate(np.where(rose_a, row, -1))[:-1]))
        before = np.where(at >= begin, t[np.maximum(at, 0)], self._a_ns[member])
        ago = t - before
        fired = rose_b & (before > 0) & (ago > 0) & (ago <= self._ns[member])
        self._fired_ns[calls] = np.maximum(self._fired_ns[calls], _newest(t, fired, steps.first))
        self._a_ns[calls] = np.maximum(self._a_ns[calls], _newest(t, rose_a, steps.first))
        self._b_ns[calls] = np.maximum(self._b_ns[calls], _newest(t, rose_b, steps.first))

    def _wait(self, steps: Steps, rose_a: B1, is_b: B1) -> None:
        """Note the first a that no b has answered yet."""
        n, calls = len(steps.member), steps.calls
        row = np.arange(n)
        answered = np.maximum.reduceat(np.where(is_b, row, -1), steps.first)
        counts = np.diff(np.append(steps.first, n))
        open_ = rose_a & (row > np.repeat(answered, counts))
        first = np.minimum.reduceat(np.where(open_, row, n), steps.first)
        begins = np.where(first < n, steps.t_ns[np.minimum(first, n - 1)], 0)
        waits = np.where(answered >= 0, 0, self._a_ns[calls])
        self._a_ns[calls] = np.where(waits > 0, waits, begins)

    def _watch(self, steps: Steps) -> None:
        """Note when it was there last."""
        if self._kind == "silent":
            there = steps.ok & steps.told
            newest = _newest(steps.t_ns, there, steps.first)
        else:  # it was there to the end of every step in which it held, and is where it came
            held = steps.ok0 & (steps.v0 != 0.0)
            newest = _newest(steps.t_ns, held | (steps.ok & (steps.v != 0.0)), steps.first)
        calls = steps.calls
        self._seen_ns[calls] = np.maximum(self._seen_ns[calls], newest)

    def _limits(self, steps: Steps) -> None:
        """Keep the last value that told on which side it is, and when the limit was passed."""
        member, n = steps.member, len(steps.member)
        sign = 1.0 if self._kind == "beyond" else -1.0
        with np.errstate(invalid="ignore"):
            over = steps.ok & (sign * (steps.v - self._limit[member]) > 0)
            back = steps.ok & (sign * (steps.v - self._limit[member]) <= -self._deadband[member])
        calls, row = steps.calls, np.arange(n)
        at = np.maximum.reduceat(np.where(over | back, row, -1), steps.first)
        told = at >= 0
        if steps.told:
            self._fired_ns[calls] = np.maximum(self._fired_ns[calls], _newest(steps.t_ns, over, steps.first))
        self._on[calls[told]] = over[at[told]].astype(np.float64)


def _bit(code: F8, bit: int) -> B1:
    """Return which codes have a bit; none that are not known."""
    out: B1 = (np.nan_to_num(code).astype(np.int64) & bit) != 0
    return out


def _newest(t_ns: I8, which: B1, first: I8) -> I8:
    """Return the newest time of some rows of each call; 0 where there is none."""
    out: I8 = np.maximum.reduceat(np.where(which, t_ns, 0), first)
    return out
