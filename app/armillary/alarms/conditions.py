"""Conditions of alarms as arrays: which begin and which end, from every reading of a tick.

Readings of one tag are looked at one after another, those of different tags at once: a round takes the next
reading of each tag. Nothing here knows of acknowledging; `alarms.machine` decides what a hit means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.alarms.kept import Kept
from armillary.alarms.quiet import Quiet
from armillary.alarms.readings import Readings, known, padded, starts_of, taken
from armillary.model.alarm import AlarmProgress, AlarmSpec
from armillary.model.arrays import B1, F8, I8, U2
from armillary.model.clock import MS_NS, NS
from armillary.model.quality import RANK_MASK, STALE, SUBSTITUTED
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagSpec, TagTable

KINDS = ("level", "count", "state", "quality", "link")
_LEVEL, _COUNT, _STATE, _QUALITY, _LINK = range(len(KINDS))
GAP_FACTOR = 5  # × expected interval: readings further apart are not in sequence
LATE_FACTOR, LATE_FLOOR_NS = 2, 2 * NS  # an older reading than this on arrival is delayed
FLOOD = 16  # readings of one tag in one tick: beyond, only those that tell something are looked at
_LAST_KEPT = 2  # of readings that are alike: the newest, and the one before should it be corrected
_NONE = -1  # no delay runs
_COUNTED = ("run", "run_clear", "run_before", "run_clear_before", "source_ns", "lag_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Conditions that began (`raised`) or ended, k alarms, with the reading that did it."""

    raised: bool
    alarm: I8  # (k,) rows of the specs
    value: F8  # (k,)
    source_ns: I8  # (k,) 0 = no reading, a delay ran out
    quality: U2  # (k,)
    delayed_ns: I8  # (k,) 0 = on time
    change: int = 0  # of alarms with several limits: +1 = they stood and a farther one is passed, -1 = left
    level: I8 | None = None  # (k,) the farthest limit that is passed; None: they have one


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one tick did, in this order, as rows of the specs: inputs good again, hits, inputs gone bad."""

    good: I8
    hits: tuple[Hit, ...]
    bad: I8


class Conditions:
    """A alarms over N tags; used by one thread at a time."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        n = len(specs)
        by_slot = {tag.slot: tag for tag in tags}
        of = [by_slot.get(spec.slot) for spec in specs]
        expected = np.array([tag.expected_ms * MS_NS if tag else 0 for tag in of], np.int64)
        self.kind = np.array([KINDS.index(spec.kind) for spec in specs], np.int8)
        self.slot = np.array([spec.slot for spec in specs], np.int64)
        self._sign = np.array([1.0 if spec.direction == "above" else -1.0 for spec in specs])
        self._limit = np.array([spec.limit for spec in specs], np.float64)
        self._clear_at = self._limit - self._sign * np.array([spec.deadband for spec in specs], np.float64)
        self._on_ns = np.array([int(spec.on_delay_s * NS) for spec in specs], np.int64)
        self._off_ns = np.array([int(spec.off_delay_s * NS) for spec in specs], np.int64)
        self._need = np.array([spec.count for spec in specs], np.int64)
        self._need_clear = np.array([spec.count_clear or spec.count for spec in specs], np.int64)
        self._skips_bad = np.array([spec.on_bad == "skip" for spec in specs], np.bool_)
        self._gap_ns = GAP_FACTOR * expected
        self._late_ns = LATE_FACTOR * expected + LATE_FLOOR_NS
        self._alarm_values = padded([spec.values for spec in specs])
        self._known_values = padded([known(spec, tag) for spec, tag in zip(specs, of, strict=True)])
        self._names_states = ~np.isnan(self._known_values[:, 0])
        enabled = np.array([not spec.draft for spec in specs], np.bool_)
        self._watched: I8 = np.flatnonzero(enabled & (self.slot >= 0))
        self._order = self._watched[np.argsort(self.slot[self._watched], kind="stable")]
        tag_count = max(max((tag.slot for tag in tags), default=-1), int(self.slot.max(initial=-1))) + 1
        self._first: I8 = np.searchsorted(self.slot[self._order], np.arange(tag_count + 1))
        above, kind = self._sign > 0, self.kind
        on_level = self._watched[kind[self._watched] == _LEVEL]
        self._quiet = Quiet(
            self.slot,
            on_level[above[on_level]],
            on_level[~above[on_level]],
            self._watched[kind[self._watched] == _STATE],
            self._limit,
            self._order,
            self._first,
        )
        self._kept = Kept(of)
        self._keeps = False  # some line waits for the first reading after a restart
        self._nearer: I8 = np.zeros(n, np.int64)
        self._farthest = 0
        # dynamic
        self.active: B1 = np.zeros(n, np.bool_)
        self.value: F8 = np.full(n, np.nan)
        self._over_since: I8 = np.full(n, _NONE, np.int64)
        self._under_since: I8 = np.full(n, _NONE, np.int64)
        self._run: I8 = np.zeros(n, np.int64)
        self._run_clear: I8 = np.zeros(n, np.int64)
        self._run_before: I8 = np.zeros(n, np.int64)  # before the newest reading, should it be corrected
        self._run_clear_before: I8 = np.zeros(n, np.int64)
        self._source_ns: I8 = np.zeros(n, np.int64)
        self._lag_ns: I8 = np.zeros(n, np.int64)
        self._quality: U2 = np.zeros(n, np.uint16)
        self._bad: B1 = np.zeros(tag_count, np.bool_)  # of tags
        self._gap: B1 = np.zeros(n, np.bool_)  # counted anew after a gap, and not sure of itself since
        self._hits: list[Hit] = []
        self._sure: list[I8] = []  # alarms that are sure of themselves again after a gap

    def imply(self, nearer: I8) -> None:
        """Learn how many rows before each one, (n,), are nearer limits of the same alarm: it implies them."""
        self._nearer, self._farthest = nearer, int(nearer.max(initial=0))

    def forget(self, slots: I8) -> I8:
        """Begin the counts of these tags anew: readings of them are missing. Return their alarms' rows."""
        rows = np.flatnonzero((self.kind == _COUNT) & np.isin(self.slot, slots))
        for counter in (self._run, self._run_clear, self._run_before, self._run_clear_before):
            counter[rows] = 0
        self._source_ns[rows] = 0
        self._gap[rows] = True
        return rows

    def restore(self, active: B1) -> None:
        """Begin anew with these alarms active: every delay and count restarts."""
        self.active = active.copy()
        for counter in (self._run, self._run_clear, self._run_before, self._run_clear_before):
            counter[:] = 0
        self._over_since[:], self._under_since[:] = _NONE, _NONE
        self._kept.drop(np.arange(len(active)))
        self._keeps = False
        self._source_ns[:] = 0
        self._bad[:] = False
        self._gap[:] = False

    def progress(self, now_mono_ns: int) -> dict[int, AlarmProgress]:
        """Return what is being counted, by row of the specs; `AlarmProgress.id` is left to the caller."""
        counts = (self._run > 0) | (self.active & (self._run_clear > 0))
        over = np.where(self._kept.waits, self._kept.over, self._over_since)
        under = np.where(self._kept.waits, self._kept.under, self._under_since)
        rows = np.flatnonzero((over != _NONE) | (under != _NONE) | counts)

        def since(begun: I8) -> list[int]:
            out: list[int] = np.where(begun[rows] == _NONE, -1, now_mono_ns - begun[rows]).tolist()
            return out

        columns = zip(
            rows.tolist(),
            since(over),
            since(under),
            *(getattr(self, f"_{name}")[rows].tolist() for name in _COUNTED),
            self.value[rows].tolist(),
            strict=True,
        )
        return {
            row: AlarmProgress(
                id="", over_ns=over, under_ns=under, value=value, **dict(zip(_COUNTED, counted, strict=True))
            )
            for row, over, under, *counted, value in columns
        }

    def resume(self, table: TagTable, progress: Mapping[int, AlarmProgress], now_mono_ns: int) -> None:
        """Go on after `restore` from the tags as they were and what was being counted, by row."""
        w = self._watched
        word = table.quality[self.slot[w]]
        self._quality[w] = word
        self._bad = (table.quality[: len(self._bad)] & RANK_MASK) >= STALE
        self.value[w] = np.where(self._bad[self.slot[w]], self.value[w], table.value[self.slot[w]])
        for row, one in progress.items():
            self._over_since[row] = _NONE if one.over_ns < 0 else now_mono_ns - one.over_ns
            self._under_since[row] = _NONE if one.under_ns < 0 else now_mono_ns - one.under_ns
            self.value[row] = one.value
            for name in _COUNTED:
                getattr(self, f"_{name}")[row] = getattr(one, name)

    def go_on(self, progress: Mapping[int, AlarmProgress], gap_ns: int, now_mono_ns: int) -> None:
        """Go on after `restore` from what was being counted `gap_ns` ago, by row; nothing is known since.

        A delay goes on with the first reading, if that comes before its tag would be stale. A count goes on
        unless readings are missing by their own times: without an expected interval nobody can tell, so it
        begins anew.
        """
        for row, one in progress.items():
            self._kept.give(row, one, gap_ns, now_mono_ns)
            self.value[row] = one.value
            if self._gap_ns[row]:
                for name in _COUNTED:
                    getattr(self, f"_{name}")[row] = getattr(one, name)
        self._keeps = bool(progress)

    def look(
        self, table: TagTable, readings: SampleBatch, now_mono_ns: int, links: tuple[I8, B1, B1] | None = None
    ) -> Look:
        """See a tick: its readings in order, what the qualities became, and which delays ran out.

        `links`: alarms of kind `link`, (k,), whether each one's condition holds, and whether it certainly
        does not; where neither is known, the alarm stays as it is.
        """
        self._hits, self._sure = [], []
        bad_now = (table.quality[: len(self._bad)] & RANK_MASK) >= STALE
        changed = np.flatnonzero(self._bad != bad_now)
        rows = np.sort(self._quiet.alarms_of(changed)[0])
        is_bad = bad_now[self.slot[rows]]
        good, bad = rows[~is_bad], rows[is_bad]
        self._bad = bad_now
        self._readings(readings)
        unread = good[~np.isin(self.slot[good], readings.slot)] if len(good) else good
        self._good_again(table, unread, now_mono_ns)
        self._became_bad(table, bad, now_mono_ns)
        if links is not None:
            self._judge_at(*links, now_mono_ns)
        if self._keeps:
            self._kept.expire(now_mono_ns)
            self._keeps = bool(self._kept.waits.any())
        self._run_out(now_mono_ns)
        if self._sure or self._gap.any():
            good = np.concatenate([good[~self._gap[good]], *self._sure])
        return Look(good=good, hits=tuple(self._hits), bad=bad)

    # ---------------------------------------------------------------- readings

    def _readings(self, batch: SampleBatch) -> None:
        """Look at every reading."""
        slot = batch.slot.astype(np.int64)
        rows = np.arange(len(slot))
        if len(slot) and int(slot.max()) >= len(self._first) - 1:
            rows = np.flatnonzero(slot < len(self._first) - 1)
            slot = slot[rows]
        rows, slot = self._stirring(batch, rows, slot)
        telling = self._passed(batch, rows, slot)
        if not telling.any():
            return
        rows, slot = rows[telling], slot[telling]
        order = np.argsort(slot, kind="stable")
        rows, slot = rows[order], slot[order]
        starts = starts_of(slot)
        sizes = np.diff(np.append(starts, len(slot)))
        if int(sizes.max()) > FLOOD:
            telling = self._telling(batch, rows, slot, sizes)
            rows, slot = rows[telling], slot[telling]
            starts = starts_of(slot)
        turn = np.arange(len(slot)) - np.repeat(starts, np.diff(np.append(starts, len(slot))))
        by_turn = np.argsort(turn, kind="stable")
        ends = np.cumsum(np.bincount(turn))
        for begin, end in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
            chosen = by_turn[begin:end]
            self._round(batch, rows[chosen], slot[chosen])

    def _stirring(self, batch: SampleBatch, rows: I8, slot: I8) -> tuple[I8, I8]:
        """Take note of readings of tags at which all is quiet, before and after; return the others."""
        busy = self.active | (self._over_since != _NONE) | (self._under_since != _NONE)
        busy |= (self.kind == _COUNT) | self._kept.waits if self._keeps else self.kind == _COUNT
        left, (alarm, value, quality) = self._quiet.split(
            batch, rows, slot, self.slot[busy & (self.slot >= 0)]
        )
        self.value[alarm], self._quality[alarm] = value, quality
        return rows[left], slot[left]

    def _passed(self, batch: SampleBatch, rows: I8, slot: I8) -> B1:
        """Take note of readings that change nothing, all at once; return which are left.

        An alarm at rest, with no delay running, of which no reading is beyond its limit stays at rest; an
        active one of which none is inside stays active. The last is remembered. Counts are never passed.
        """
        alarm, row = self._quiet.alarms_of(slot)
        value, quality = batch.value[rows][row], batch.quality[rows][row]
        over, under, unusable, _, _ = self._signs(alarm, value, quality)
        stirs = (self._over_since != _NONE) | (self._under_since != _NONE) | (self.kind == _COUNT)
        if self._keeps:
            stirs |= self._kept.waits
        stirs[alarm[np.where(self.active[alarm], under, over)]] = True
        stirred = stirs[alarm]
        usable = ~(stirred | unusable)
        self.value[alarm[usable]] = value[usable]
        self._quality[alarm[~stirred]] = quality[~stirred]
        left = np.zeros(len(rows), np.bool_)
        left[row[stirred]] = True
        return left

    def _telling(self, batch: SampleBatch, rows: I8, slot: I8, sizes: I8) -> B1:
        """Return which readings, ordered by tag, tell more than the one before, where a tag is flooded.

        Of readings that are alike for every alarm of their tag the first ones count, the rest change
        nothing, and the last is what is remembered. Left whole: corrections, another arrival, gaps.
        """
        out = np.ones(len(slot), np.bool_)
        at = np.flatnonzero(np.repeat(sizes > FLOOD, sizes))
        alarm, row = self._quiet.alarms_of(slot[at])
        r = self._read(batch, rows[at][row], alarm)
        over, under, unusable, bad, sure = self._signs(r.alarm, r.value, r.quality)
        sign = over | under << 1 | unusable << 2 | bad << 3 | sure << 4
        before = np.arange(len(row)) - np.bincount(row)[row]  # the same alarm, the reading before
        alike = (before >= 0) & (alarm[before] == alarm) & (sign[before] == sign)
        alike &= (r.mono_ns[before] == r.mono_ns) & (r.source_ns[before] < r.source_ns)
        first = starts_of(row)
        source = r.source_ns[first]
        heads = starts_of(slot[at])
        span = np.maximum.reduceat(source, heads) - np.minimum.reduceat(source, heads)
        gap = self._gap_ns[alarm]
        wide = np.repeat(span, np.diff(np.append(heads, len(at))))[row] > gap
        alike &= ~((self.kind[alarm] == _COUNT) & (gap > 0) & wide)
        same = np.logical_and.reduceat(alike, first)
        need = np.maximum.reduceat(np.maximum(self._need[alarm], self._need_clear[alarm]), first)
        run = np.cumsum(~same) - 1
        begin = np.flatnonzero(~same)
        length = np.bincount(run)
        place = np.arange(len(at)) - begin[run]
        out[at] = (place <= need) | (place >= length[run] - _LAST_KEPT)
        return out

    def _round(self, batch: SampleBatch, rows: I8, slots: I8) -> None:
        alarm, row = self._quiet.alarms_of(slots)
        self._judge_values(self._read(batch, rows[row], alarm))

    def _read(self, batch: SampleBatch, at: I8, alarm: I8) -> Readings:
        lag = batch.arrival_ns[at] - batch.source_ns[at]
        return Readings(
            alarm,
            batch.value[at],
            batch.quality[at],
            batch.source_ns[at],
            np.asarray(batch.arrival_mono_ns[at]),
            np.where(lag > self._late_ns[alarm], lag, 0),
        )

    def _signs(self, a: I8, value: F8, quality: U2) -> tuple[B1, B1, B1, B1, B1]:
        """Return whether readings are beyond the limit, inside it, unusable, bad, and good to be counted."""
        kind, rank = self.kind[a], quality & RANK_MASK
        bad = rank >= STALE
        unusable = bad | np.isnan(value)
        over = self._sign[a] * (value - self._limit[a]) > 0
        under = self._sign[a] * (value - self._clear_at[a]) <= 0
        is_state = kind == _STATE
        if is_state.any():
            hit = self._in_alarm_state(a[is_state], value[is_state])
            over[is_state], under[is_state] = hit, ~hit
        over &= ~unusable
        under &= ~unusable
        is_quality = kind == _QUALITY
        over[is_quality], under[is_quality] = bad[is_quality], ~bad[is_quality]
        return over, under, unusable, bad, rank <= SUBSTITUTED

    def _judge_values(self, r: Readings) -> None:
        a, kind = r.alarm, self.kind[r.alarm]
        over, under, unusable, _, sure = self._signs(a, r.value, r.quality)
        self.value[a] = np.where(unusable, self.value[a], r.value)
        self._quality[a] = r.quality
        counts = kind == _COUNT
        if counts.any():
            self._count(r, counts, over, under, unusable, sure)
        if not counts.all():
            self._judge(taken(r, ~counts), over[~counts], under[~counts])

    def _in_alarm_state(self, a: I8, value: F8) -> B1:
        """Return whether a value is one of the alarm's, or one that its tag does not know."""
        column = value[:, None]
        named = (column == self._alarm_values[a]).any(axis=1)
        unknown = self._names_states[a] & ~(column == self._known_values[a]).any(axis=1)
        out: B1 = named | unknown
        return out

    def _count(self, every: Readings, counts: B1, over: B1, under: B1, unusable: B1, sure: B1) -> None:
        """Count readings in sequence. A corrected reading (same time) takes the place of the one before."""
        r = taken(every, counts)
        a, over, under = r.alarm, over[counts], under[counts]
        bad, usable = unusable[counts], sure[counts] & ~unusable[counts]
        again = r.source_ns == self._source_ns[a]
        run = np.where(again, self._run_before[a], self._run[a])
        clear = np.where(again, self._run_clear_before[a], self._run_clear[a])
        gap = (self._gap_ns[a] > 0) & (self._source_ns[a] > 0)
        gap &= r.source_ns - self._source_ns[a] > self._gap_ns[a]
        if self._keeps:
            self._kept.drop(a)
        run[gap], clear[gap] = 0, 0
        self._run_before[a], self._run_clear_before[a] = run, clear
        new = np.where(usable, np.where(over, run + 1, 0), np.where(bad & ~self._skips_bad[a], 0, run))
        new_clear = np.where(usable, np.where(under, clear + 1, 0), np.where(bad, 0, clear))
        self._run[a], self._run_clear[a], self._source_ns[a] = new, new_clear, r.source_ns
        # the oldest of the counted readings says how late the alarm is
        self._lag_ns[a] = np.where(new > 1, np.maximum(self._lag_ns[a], r.lag_ns), r.lag_ns)
        rise = ~self.active[a] & (new >= self._need[a])
        fall = self.active[a] & (new_clear >= self._need_clear[a])
        if self._gap.any():
            sure = self._gap[a] & ((new >= self._need[a]) | (new_clear >= self._need_clear[a]))
            self._sure.append(a[sure])
            self._gap[a[sure]] = False
        self._hit(True, a[rise], r.value[rise], r.source_ns[rise], self._lag_ns[a[rise]])
        self._hit(False, a[fall], r.value[fall], r.source_ns[fall], r.lag_ns[fall])

    # ---------------------------------------------------------------- delays

    def _judge(self, r: Readings, over: B1, under: B1) -> None:
        """Start, stop and finish delays of alarms `r.alarm` (each once) by what is true at `r.mono_ns`."""
        a = r.alarm
        self._due(a, r.mono_ns)  # a delay that ran out before this reading counts as such
        rest = ~self.active[a]
        begins = rest & over & (self._over_since[a] == _NONE)
        ends = ~rest & under & (self._under_since[a] == _NONE)
        self._over_since[a[begins]] = r.mono_ns[begins]
        self._under_since[a[ends]] = r.mono_ns[ends]
        if self._keeps:  # delays of before a restart
            held, gone = self._kept.judged(a, r.mono_ns, begins, ends)
            self._over_since[a] = np.where(held != _NONE, held, self._over_since[a])
            self._under_since[a] = np.where(gone != _NONE, gone, self._under_since[a])
        self._over_since[a[rest & ~over]] = _NONE
        self._under_since[a[~rest & ~under]] = _NONE
        self._lag_ns[a] = np.where(begins, r.lag_ns, self._lag_ns[a])
        rise, fall = begins & (self._on_ns[a] == 0), ends & (self._off_ns[a] == 0)
        self._hit(True, a[rise], r.value[rise], r.source_ns[rise], r.lag_ns[rise])
        self._hit(False, a[fall], r.value[fall], r.source_ns[fall], r.lag_ns[fall])

    def _due(self, a: I8, mono_ns: I8 | int) -> None:
        over, under = self._over_since[a], self._under_since[a]
        rise = a[~self.active[a] & (over != _NONE) & (mono_ns - over >= self._on_ns[a])]
        fall = a[self.active[a] & (under != _NONE) & (mono_ns - under >= self._off_ns[a])]
        self._hit(True, rise, self.value[rise], np.zeros(len(rise), np.int64), self._lag_ns[rise])
        self._hit(False, fall, self.value[fall], np.zeros(len(fall), np.int64), np.zeros(len(fall), np.int64))

    def _run_out(self, now_mono_ns: int) -> None:
        pending = np.flatnonzero((self._over_since != _NONE) | (self._under_since != _NONE))
        if len(pending):
            self._due(pending, now_mono_ns)

    def _hit(self, raised: bool, alarm: I8, value: F8, source_ns: I8, delayed_ns: I8) -> None:
        if not len(alarm):
            return
        self.active[alarm] = raised
        if raised and self._farthest:
            of, nearer = self._implied(alarm)
            alarm, value = np.append(alarm, nearer), np.append(value, value[of])
            source_ns, delayed_ns = np.append(source_ns, source_ns[of]), np.append(delayed_ns, delayed_ns[of])
        self._over_since[alarm], self._under_since[alarm] = _NONE, _NONE
        self._run_clear[alarm] = 0
        self._hits.append(
            Hit(
                raised=raised,
                alarm=alarm,
                value=value.copy(),
                source_ns=source_ns,
                quality=self._quality[alarm],
                delayed_ns=delayed_ns.copy(),
            )
        )

    def _implied(self, alarm: I8) -> tuple[I8, I8]:
        """Return (places in `alarm` of farther limits, rows of nearer ones that stand now for them)."""
        of = [np.flatnonzero(self._nearer[alarm] >= k) for k in range(1, self._farthest + 1)]
        rows, first = np.unique(
            np.concatenate([alarm[at] - k for k, at in enumerate(of, 1)]), return_index=True
        )
        rest = ~self.active[rows]
        rows = rows[rest]
        self.active[rows] = True
        return np.concatenate(of)[first[rest]], rows

    # ---------------------------------------------------------------- quality

    def _good_again(self, table: TagTable, alarm: I8, now_mono_ns: int) -> None:
        """Evaluate what a carrier made good without a new reading as if it were the first one."""
        alarm = alarm[self.kind[alarm] != _COUNT]
        if len(alarm):
            slot = self.slot[alarm]
            self._judge_values(
                Readings(
                    alarm,
                    table.value[slot],
                    table.quality[slot],
                    table.source_ns[slot],
                    np.full(len(alarm), now_mono_ns, np.int64),
                    np.zeros(len(alarm), np.int64),
                )
            )

    def _became_bad(self, table: TagTable, alarm: I8, now_mono_ns: int) -> None:
        """Stop what was counting: a condition on bad data neither begins nor ends."""
        if not len(alarm):
            return
        asked = self.kind[alarm] == _QUALITY
        wants = alarm[asked]
        self._quality[alarm] = table.quality[self.slot[alarm]]
        if len(wants):
            yes = np.ones(len(wants), np.bool_)
            self._judge_at(wants, yes, ~yes, now_mono_ns)
        rest = alarm[~asked]
        if self._keeps:  # nothing has come since the start: that is no bad reading
            rest = rest[~self._kept.waits[rest]]
        self._over_since[rest], self._under_since[rest] = _NONE, _NONE
        self._run[rest[~self._skips_bad[rest]]] = 0
        self._run_clear[rest] = 0

    def _judge_at(self, alarm: I8, over: B1, under: B1, now_mono_ns: int) -> None:
        """Judge alarms without readings by whether their condition holds now."""
        n = len(alarm)
        nothing = np.zeros(n, np.int64)
        now = np.full(n, now_mono_ns, np.int64)
        self._judge(
            Readings(alarm, self.value[alarm], self._quality[alarm], nothing, now, nothing), over, under
        )
