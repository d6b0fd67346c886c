"""What calls of functions over time watch: their inputs as told last, and steps from one moment to the next.

n calls of one kind watch n times the same expression of k tags each. Every sample makes a step; what holds
meanwhile is what was told before. Times are those of the samples and only go forwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import B1, F8, I8, U2, U4, by_value
from armillary.model.clock import NS
from armillary.model.expression_nodes import Inputs, Node
from armillary.model.quality import NEVER, STALE, SUBSTITUTED, UNCERTAIN, rank, worst

MOST_LAG_NS, MOST_LEAD_NS = 10 * NS, 5 * NS  # of a plant's clock against ours
_LOST = np.uint16(STALE)
Columns = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What inputs were told, m rows in any order."""

    member: I8
    index: I8  # which of the k inputs
    t_ns: I8
    value: F8
    word: U2

    def __len__(self) -> int:
        return len(self.member)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """m steps, by call and in each by time: from `t0_ns` to `t_ns` held `v0`, then came `v`."""

    member: I8
    first: I8  # (s,) the first row of each call
    t0_ns: I8
    t_ns: I8
    v0: F8
    v: F8
    ok0: B1  # v0 is a number that can be used
    good0: B1  # … and a good one
    ok: B1
    good: B1
    was: F8  # the last usable value before v; NaN = none yet
    told: bool  # samples; else time passed and nothing came

    @property
    def dt_s(self) -> F8:
        out: F8 = (self.t_ns - self.t0_ns) / NS
        return out

    @property
    def calls(self) -> I8:
        """The calls that have steps, each once."""
        return self.member[self.first]

    @property
    def last(self) -> I8:
        """The last row of each of them."""
        return np.append(self.first[1:], len(self.member)) - 1


class Track:
    """State of what n calls watch."""

    def __init__(self, node: Node, reads: U4, numbers: F8 | None = None) -> None:
        """reads: (k, n) slots. numbers: (p, n) that `node` reads behind them."""
        k, n = reads.shape
        self.reads, self._node = reads, node
        self._numbers: F8 = np.zeros((0, n)) if numbers is None else numbers
        self.value, self.word = np.full((k, n), np.nan), np.full((k, n), NEVER, np.uint16)
        self.seen_ns: I8 = np.zeros((k, n), np.int64)  # time of the last sample of each input
        self.t_ns: I8 = np.zeros(n, np.int64)  # up to here all is counted; 0 = nothing came yet
        self.held, self.held_word = np.full(n, np.nan), np.full(n, NEVER, np.uint16)
        self.was = np.full(n, np.nan)
        self.lag_ns: I8 = np.zeros(n, np.int64)  # how far its samples are behind our clock
        self.skew_ns: I8 = np.zeros(n, np.int64)  # added to all times since our clock was set back

    def __len__(self) -> int:
        return len(self.t_ns)

    @property
    def ok(self) -> B1:
        """Which calls see a usable value now, (n,)."""
        return _usable(self.held, self.held_word)

    def now(self, now_ns: int) -> I8:
        """Return what time it is for each call, (n,): as far behind our clock as its samples are."""
        out: I8 = np.maximum(now_ns + self.skew_ns - self.lag_ns, self.t_ns)
        return out

    def take(self, told: Told, now_ns: int | None) -> Steps:
        """Return the steps that samples make. now_ns: None for a record."""
        member, t = told.member, told.t_ns + self.skew_ns[told.member]
        order = by_value(member)
        if (np.diff(t[order]) < 0).any():
            order = np.lexsort((t, member))
        member, index, t = member[order], told.index[order], t[order]
        value, word = told.value[order], told.word[order]
        first = np.flatnonzero(np.concatenate(([True], member[1:] != member[:-1])))
        last = np.append(first[1:], len(member)) - 1
        calls = member[first]
        self.seen_ns[index, member] = np.maximum(self.seen_ns[index, member], t - self.skew_ns[member])
        if now_ns is not None:
            behind = now_ns + self.skew_ns[calls] - t[last]
            self.lag_ns[calls] = np.clip(behind, -MOST_LEAD_NS, MOST_LAG_NS)
        t = np.maximum(t, self.t_ns[member])
        v, q = self._watched(member, index, value, word, first)
        ok = _usable(v, q)
        is_first = np.zeros(len(member), np.bool_)
        is_first[first] = True
        v0 = np.where(is_first, self.held[member], np.roll(v, 1))
        q0 = np.where(is_first, self.held_word[member], np.roll(q, 1))
        t0 = np.where(is_first, np.where(self.t_ns[member] > 0, self.t_ns[member], t), np.roll(t, 1))
        steps = Steps(
            member=member,
            first=first,
            t0_ns=t0,
            t_ns=t,
            v0=v0,
            v=v,
            ok0=_usable(v0, q0),
            good0=_usable(v0, q0, SUBSTITUTED),
            ok=ok,
            good=_usable(v, q, SUBSTITUTED),
            was=_before(v, ok, is_first, first, self.was[member]),
            told=True,
        )
        self.t_ns[calls], self.held[calls], self.held_word[calls] = t[last], v[last], q[last]
        self.was[calls] = np.where(ok[last], v[last], steps.was[last])
        return steps

    def passing(self, calls: I8, to_ns: I8) -> Steps:
        """Return the steps of calls to which nothing came until a time, (c,) each."""
        t0, held = self.t_ns[calls], self.held[calls]
        ok, good = _usable(held, self.held_word[calls]), _usable(held, self.held_word[calls], SUBSTITUTED)
        self.t_ns[calls] = to_ns
        return Steps(
            member=calls,
            first=np.arange(len(calls)),
            t0_ns=t0,
            t_ns=to_ns,
            v0=held,
            v=held,
            ok0=ok,
            good0=good,
            ok=ok,
            good=good,
            was=self.was[calls],
            told=False,
        )

    def lose(self, calls: B1) -> None:
        """Say that what was known of calls is known no more, from the time on that was counted."""
        came = calls & (rank(self.held_word) < NEVER)
        self.held_word[came] = worst(self.held_word[came], np.full(int(came.sum()), _LOST))
        some = came[None] & (rank(self.word) < NEVER)
        self.word[some] = worst(self.word[some], np.full(int(some.sum()), _LOST))

    def _watched(self, member: I8, index: I8, value: F8, word: U2, first: I8) -> tuple[F8, U2]:
        """Return what is watched at each row, (m,), and note its inputs."""
        k, m = len(self.reads), len(member)
        rows = np.arange(m)
        begin = np.repeat(first, np.diff(np.append(first, m)))
        values: list[F8] = []
        words: list[U2] = []
        for j in range(k):
            at = rows if k == 1 else np.maximum.accumulate(np.where(index == j, rows, -1))
            here = at >= begin
            values.append(np.where(here, value[at], self.value[j, member]))
            words.append(np.where(here, word[at], self.word[j, member]))
        last = np.append(first[1:], m) - 1
        for j in range(k):
            self.value[j, member[last]], self.word[j, member[last]] = values[j][last], words[j][last]
        with np.errstate(all="ignore"):
            values += [row[member] for row in self._numbers]
            words += [np.zeros(m, np.uint16)] * len(self._numbers)
            v, q = self._node.full(Inputs(values, words, [np.zeros(m)] * len(values)))
        return np.broadcast_to(v, (m,)).astype(np.float64), np.broadcast_to(q, (m,)).astype(np.uint16)


def _usable(value: F8, word: U2, at_worst: int = UNCERTAIN) -> B1:
    out: B1 = np.isfinite(value) & (rank(word) <= at_worst)
    return out


def _before(v: F8, ok: B1, is_first: B1, first: I8, was: F8) -> F8:
    """Return the last usable value before each row; `was`: that of its call before all rows."""
    m = len(v)
    at = np.maximum.accumulate(np.where(ok, np.arange(m), -1))
    at = np.where(is_first, -1, np.roll(at, 1))
    begin = np.repeat(first, np.diff(np.append(first, m)))
    return np.where(at >= begin, v[at], was)
