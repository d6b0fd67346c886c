"""What is counted on and on: hours, integrals, starts, meters; and what was true, or was so, last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import BAD, DERIVED, REASON_MASK, UNCERTAIN, rank
from armillary.twin.past_panes import GAPS, NOTHING
from armillary.twin.past_track import Columns, Steps, Track

KINDS = frozenset(
    {"hours_run", "hours_today", "integral", "integral_today", "starts", "starts_today", "metered"}
    | {"metered_today", "ewma", "held", "time_since", "time_since_change", "latch", "hold"}
)
_BY_TIME = frozenset({"hours_run", "hours_today", "integral", "integral_today", "ewma", "held"})
_BY_TIME_TOO = frozenset({"time_since", "time_since_change"})  # what they answer grows with time alone
HOUR_S = 3600.0
NEAR = 4  # a counter that falls counted less than this part of its range meanwhile: it ran over
NOT_YET = 4  # why an answer is not good
_TODAY = "_today"


class Sums:
    """n calls of one kind."""

    def __init__(self, kind: str, seconds: F8, extra: F8, zone: str = "UTC") -> None:
        n = len(seconds)
        self._kind, self._today = kind.removesuffix(_TODAY), kind.endswith(_TODAY)
        self._kind = "hours_run" if self._kind == "hours" else self._kind
        self._seconds, self._extra = seconds, extra
        starts_at = np.nan if kind in ("ewma", "hold") else 0.0
        self._total = np.full(n, starts_at)
        self._since_ns: I8 = np.zeros(n, np.int64)
        self._day_ns: I8 = np.zeros(n, np.int64)  # when the day began whose total this is
        self._word = np.zeros(n, np.uint16)  # of what is held
        self._days = Days(zone)
        adds: dict[str, Callable[[Steps], F8]] = {
            "hours_run": self._hours,
            "integral": self._integral,
            "starts": self._starts,
            "metered": self._metered,
        }
        keeps: dict[str, Callable[[Steps], None]] = {
            "ewma": self._smooth,
            "held": self._run,
            "time_since": self._rise,
            "time_since_change": self._change,
            "latch": self._latch,
            "hold": self._hold,
        }
        self._adds, self._keeps = adds.get(self._kind), keeps.get(self._kind)

    @property
    def step_ns(self) -> I8:
        """How often each moves on when nothing comes, (n,); a day may end at any second."""
        moves = self._kind in (_BY_TIME | _BY_TIME_TOO) or self._today
        return np.full(len(self._total), NS if moves else 2**62, np.int64)

    @property
    def counts(self) -> bool:
        """Whether there is a total that goes on and on."""
        return self._adds is not None

    def go_on(self, total: F8, now_ns: int) -> None:
        """Begin at totals, (n,), of now; NaN: at nothing."""
        self._total[:] = np.where(np.isfinite(total), total, 0.0)
        if self._today:
            self._day_ns[:] = self._days.starts(np.full(len(total), now_ns))

    def add(self, steps: Steps) -> None:
        """Add what held and what came."""
        if not len(steps.member):
            return
        calls = steps.calls
        if self._today:
            self._begin_day(calls, steps.t_ns[steps.last])
        if self._adds is not None:
            self._total[calls] += np.add.reduceat(self._counted(self._adds(steps), steps), steps.first)
        elif self._keeps is not None:
            self._keeps(steps)

    def answer(self, calls: I8, at_ns: I8, track: Track) -> tuple[F8, U2, I8]:
        """Return (value, quality word, why it is not good) of some calls at their times, (c,) each."""
        if self._today:
            self._begin_day(calls, at_ns)
        total, since = self._total[calls], self._since_ns[calls]
        begun, ago = track.t_ns[calls] > 0, (at_ns - since) / NS
        word = track.held_word[calls]
        # what was counted stays right while nothing can be: it stands still, and that is told
        out = np.where(rank(word) > UNCERTAIN, UNCERTAIN | (word & REASON_MASK) | DERIVED, word)
        out = np.where(~np.isfinite(track.held[calls]) & (rank(out) < UNCERTAIN), UNCERTAIN | DERIVED, out)
        why = np.where(rank(out) > 0, GAPS, 0)
        value = total
        if self._kind == "held":
            value = np.where((since > 0) & (ago >= self._seconds[calls]), 1.0, 0.0)
        elif self._kind in _BY_TIME_TOO:
            value = np.where(since > 0, np.maximum(ago, 0.0), np.nan)
        elif self._kind == "hold":  # as good as it was then, whatever its tag is now
            out, why = self._word[calls], np.zeros(len(calls), np.int64)
        none = ~np.isfinite(value) | ~begun
        out = np.where(none, BAD | DERIVED, out)
        why = np.where(none, np.where(begun, NOT_YET, NOTHING), why)
        return np.where(none, np.nan, value), out.astype(np.uint16), why

    def columns(self) -> Columns:
        """Return all state, n rows each."""
        return {
            "total": self._total,
            "since_ns": self._since_ns,
            "day_ns": self._day_ns,
            "word": self._word,
        }

    # ---------------------------------------------------------------- days

    def _begin_day(self, calls: I8, at_ns: I8) -> None:
        """Begin at zero where another day has begun."""
        day = self._days.starts(at_ns)
        new = day > self._day_ns[calls]
        self._total[calls[new]], self._day_ns[calls[new]] = 0.0, day[new]

    def _counted(self, amount: F8, steps: Steps) -> F8:
        """Return of amounts what fell on the day that is counted."""
        if not self._today:
            return amount
        day = self._day_ns[steps.member]
        if self._kind in _BY_TIME:
            whole = np.maximum(steps.t_ns - steps.t0_ns, 1)
            since: F8 = np.clip(steps.t_ns - np.maximum(steps.t0_ns, day), 0, None) / whole
            return amount * since
        return np.where(steps.t_ns >= day, amount, 0.0)

    # ---------------------------------------------------------------- what is added

    def _hours(self, steps: Steps) -> F8:
        return np.where(steps.ok0 & (steps.v0 != 0.0), steps.dt_s / HOUR_S, 0.0)

    def _integral(self, steps: Steps) -> F8:
        return np.where(steps.ok0, np.where(steps.ok0, steps.v0, 0.0) * steps.dt_s, 0.0)

    def _starts(self, steps: Steps) -> F8:
        rose = steps.ok & (steps.v != 0.0) & (steps.was == 0.0)
        return np.where(rose & steps.told, 1.0, 0.0)

    def _metered(self, steps: Steps) -> F8:
        """Return what a counter counted between two readings; one that fell has begun anew."""
        counts = steps.ok & np.isfinite(steps.was) & steps.told
        with np.errstate(invalid="ignore"):
            more = steps.v - steps.was
            wrap = self._extra[steps.member]
            over = more + wrap
            # one that ran over was near its end: had it been reset, more would be missing to it
            ran_over = (over >= 0) & (over < wrap / NEAR)
            fallen = np.where(ran_over, over, np.maximum(steps.v, 0.0))
            return np.where(counts, np.where(more < 0, fallen, more), 0.0)

    # ---------------------------------------------------------------- what is kept

    def _smooth(self, steps: Steps) -> None:
        calls, member = steps.calls, steps.member
        counts = np.diff(np.append(steps.first, len(member)))
        first_ok = np.where(steps.ok0, steps.v0, np.where(steps.ok, steps.v, np.nan))
        begins = np.repeat(np.isnan(self._total[calls]), counts) & np.isfinite(first_ok)
        if begins.any():
            rows = np.flatnonzero(begins)
            _, at = np.unique(member[rows], return_index=True)
            self._total[member[rows[at]]] = first_ok[rows[at]]
        tau = self._seconds[member]
        held_ns = np.where(steps.ok0, steps.t_ns - steps.t0_ns, 0)
        through = np.cumsum(held_ns)
        through -= np.repeat(through[steps.first] - held_ns[steps.first], counts)
        whole = through[steps.last]
        left = (np.repeat(whole, counts) - through) / NS
        weight = np.exp(-left / tau) - np.exp(-(left + held_ns / NS) / tau)
        news = np.add.reduceat(
            np.where(steps.ok0, np.where(steps.ok0, steps.v0, 0.0) * weight, 0.0), steps.first
        )
        fade = np.exp(-whole / NS / self._seconds[calls])
        self._total[calls] = np.where(np.isnan(self._total[calls]), np.nan, self._total[calls] * fade + news)

    def _run(self, steps: Steps) -> None:
        """Note since when a condition is true without a break."""
        true, before = steps.ok & (steps.v != 0.0), steps.ok0 & (steps.v0 != 0.0)
        begins = np.maximum.reduceat(np.where(true & ~before, steps.t_ns, 0), steps.first)
        calls = steps.calls
        since = np.where(begins > 0, begins, self._since_ns[calls])
        self._since_ns[calls] = np.where(true[steps.last], since, 0)

    def _rise(self, steps: Steps) -> None:
        self._newest(steps, steps.ok & (steps.v != 0.0) & ~(np.isfinite(steps.was) & (steps.was != 0.0)))

    def _change(self, steps: Steps) -> None:
        self._newest(steps, steps.ok & (steps.v != steps.was))

    def _newest(self, steps: Steps, which: B1) -> None:
        times = np.maximum.reduceat(np.where(which & steps.told, steps.t_ns, 0), steps.first)
        calls = steps.calls
        self._since_ns[calls] = np.maximum(self._since_ns[calls], times)

    def _latch(self, steps: Steps) -> None:
        self._keep_last(steps, steps.ok & (steps.v != 0.0), np.where(steps.v > 0.0, 1.0, 0.0))

    def _hold(self, steps: Steps) -> None:
        at, calls = self._keep_last(steps, steps.ok, steps.v)
        self._word[calls] = np.where(steps.good[at], 0, UNCERTAIN | DERIVED)

    def _keep_last(self, steps: Steps, which: B1, value: F8) -> tuple[I8, I8]:
        """Keep the last of some values of each call; return their rows, and the calls that have one."""
        at = np.maximum.reduceat(np.where(which, np.arange(len(which)), -1), steps.first)
        kept = at >= 0
        calls = steps.calls[kept]
        self._total[calls] = value[at[kept]]
        return at[kept], calls


class Days:
    """When days begin, in a time zone."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._begin_ns = self._end_ns = 0  # of the day that was asked for last

    def starts(self, at_ns: I8) -> I8:
        """Return the beginning of the day of each time, (n,)."""
        if len(at_ns) and not (self._begin_ns <= int(at_ns.min()) and int(at_ns.max()) < self._end_ns):
            self._begin_ns, self._end_ns = self._day(int(at_ns.max()))
        out = np.full(len(at_ns), self._begin_ns, np.int64)
        for i in np.flatnonzero(at_ns < self._begin_ns).tolist():  # at midnight only
            out[i] = self._day(int(at_ns[i]))[0]
        return out

    def _day(self, at_ns: int) -> tuple[int, int]:
        local = datetime.fromtimestamp(at_ns // NS, UTC).astimezone(self._zone)
        begin = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        end = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=self._zone)
        return int(begin.timestamp()) * NS, int(end.timestamp()) * NS
