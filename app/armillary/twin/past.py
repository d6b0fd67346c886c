"""Functions over time: fed with every sample, answered at every tick, kept over a restart.

Calls of one kind that watch the same of different tags are one set of arrays (`Calls`), however far each
looks back. `Pasts` has all of a world and hands samples out to them.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from armillary.model.arrays import B1, F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.expression_past import Past
from armillary.model.quality import NEVER, STALE, UNCERTAIN, rank
from armillary.model.sample import SampleBatch, joined, taken
from armillary.model.tags import TagTable
from armillary.twin import past_panes, past_patterns, past_spans
from armillary.twin.past_novelty import Novelty
from armillary.twin.past_panes import GAPS, NOT_WARM, NOTHING, Panes
from armillary.twin.past_patterns import Patterns
from armillary.twin.past_scores import Robust, Surprise, Unusual
from armillary.twin.past_spans import Sessions, Tumbling
from armillary.twin.past_sums import NOT_YET, Sums
from armillary.twin.past_track import Told, Track

MOST_WAITING = 2_000_000  # samples that wait until the record was read
BACK_NS = 5 * NS  # a clock that goes back farther is another time: what was counted is no past of it
_NONE = np.zeros(0, np.int64)
Kept = Panes | Sums | Tumbling | Sessions | Patterns | Surprise | Unusual | Novelty
log = logging.getLogger(__name__)

WORDS = {
    NOT_WARM: "warming up: it has not seen its whole time yet",
    GAPS: "what it counts was not known all the time",
    NOTHING: "nothing came yet",
    NOT_YET: "it has not been so since it is watched",
}
READING = "warming up: the record is being read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """State of one kind of call: `columns` have a row for each key."""

    keys: tuple[str, ...]
    columns: Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Samples that calls watch, in their order; `slot` counts those slots alone."""

    slot: I8
    t_ns: I8
    value: F8
    word: U2


class Calls:
    """n calls of one kind, which watch the same of k tags each."""

    def __init__(self, made: Sequence[Past], reads: U4, zone: str = "UTC") -> None:
        """reads: (k, n) slots, in the order of each call's inputs."""
        self.kind, self.keys = made[0].kind, tuple(past.key for past in made)
        self._made, self._reads, self._zone = tuple(made), reads, zone
        self._start = self._target = _NONE
        self.clear()

    def seconds(self, kinds: Collection[str]) -> list[float]:
        """Return how far each looks back, where they are of such a kind."""
        return [past.seconds for past in self._made] if self.kind in kinds else []

    def clear(self) -> None:
        """Begin anew, as if nothing had come."""
        first, n = self._made[0], len(self.keys)
        seconds = np.array([past.seconds for past in self._made])
        extra = np.array([past.extra for past in self._made])
        more = np.array([past.more for past in self._made])
        numbers = np.array([past.numbers for past in self._made], np.float64).T
        self.track = Track(first.node, self._reads, numbers)
        self.kept = _kept(first.kind, seconds, extra, more, self._zone)
        self.value, self.word = np.full(n, np.nan), np.full(n, NEVER, np.uint16)
        self.why: I8 = np.full(n, NOTHING, np.int64)
        self._step_ns = self.kept.step_ns
        self._asked_ns: I8 = np.zeros(n, np.int64)

    def wire(self, place: I8, slots: int) -> None:
        """Learn which of the `slots` watched each input is: place is (N,) by slot."""
        at = place[self.track.reads.astype(np.int64)].reshape(-1)
        order = np.argsort(at, kind="stable")
        self._start = np.searchsorted(at[order], np.arange(slots + 1))
        self._target = order

    def feed(self, rows: _Rows, now_ns: int | None) -> I8:
        """Take samples; return the calls that have some. now_ns: None for a record."""
        count = self._start[rows.slot + 1] - self._start[rows.slot]
        total = int(count.sum())
        if not total:
            return _NONE
        row = np.repeat(np.arange(len(count)), count) if total != len(count) or count.max() > 1 else None
        if row is None:
            target = self._target[self._start[rows.slot]]
            row = np.arange(total)
        else:
            offset = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
            target = self._target[self._start[rows.slot][row] + offset]
        index, member = np.divmod(target, len(self.keys))
        if now_ns is None:  # of a record: only what is not counted yet
            new = rows.t_ns[row] > self.track.seen_ns[index, member]
            index, member, row = index[new], member[new], row[new]
            if not len(row):
                return _NONE
        told = Told(
            member=member, index=index, t_ns=rows.t_ns[row], value=rows.value[row], word=rows.word[row]
        )
        steps = self.track.take(told, now_ns)
        self.kept.add(steps)
        return steps.calls

    def compare(self, table: TagTable, touched: B1, own: B1, now_ns: int, *, trusts: bool) -> I8:
        """Take what the table says and no sample did: derived values, and quality that age has changed.

        own: (N,) derived tags. trusts: there are no samples, the table says everything.
        """
        track = self.track
        hit = touched[track.reads]
        if not hit.any():
            return _NONE
        value, word = table.value[track.reads], table.quality[track.reads]
        same = (value == track.value) | (np.isnan(value) & np.isnan(track.value))
        other = word != track.word
        if not trusts:  # of a tag whose newest samples wait for their turn only the quality may be told
            lost = (rank(word) >= STALE) | (rank(track.word) == NEVER)
            differs = np.where(own[track.reads], ~same | other, other & (same | lost))
        else:
            differs = ~same | other
        index, member = np.nonzero(differs & hit)
        if not len(member):
            return _NONE
        t = track.now(now_ns)[member] - track.skew_ns[member]
        lag = track.lag_ns.copy()
        told = Told(member=member, index=index, t_ns=t, value=value[index, member], word=word[index, member])
        steps = track.take(told, now_ns)
        track.lag_ns = lag  # only samples tell how late samples are
        self.kept.add(steps)
        return steps.calls

    def look(self, fed: Sequence[I8], now_ns: int) -> B1:
        """Answer for the calls that something came for, and those whose turn it is; return which, (n,)."""
        track = self.track
        due = now_ns - self._asked_ns >= self._step_ns
        for calls in fed:
            due[calls] = False
        late = np.flatnonzero(due & track.ok & (track.t_ns > 0))
        if len(late):
            self.kept.add(track.passing(late, track.now(now_ns)[late]))
        for calls in fed:
            due[calls] = True
        calls = np.flatnonzero(due & (track.t_ns > 0))
        changed = np.zeros(len(due), np.bool_)
        if len(calls):
            at = np.where(track.ok, track.t_ns, track.now(now_ns))[calls]
            value, word, why = self.kept.answer(calls, at, track)
            before = self.value[calls]
            same = (value == before) | (np.isnan(value) & np.isnan(before))
            changed[calls] = ~same | (word != self.word[calls])
            self.value[calls], self.word[calls], self.why[calls] = value, word, why
            self._asked_ns[calls] = now_ns
        return changed

    def moved(self, now_ns: int) -> None:
        """Go on after our clock was set back: as if no time had passed."""
        ahead = np.maximum(self.track.t_ns - self.track.skew_ns - now_ns, 0)
        self.track.skew_ns += ahead
        np.minimum(self.track.seen_ns, now_ns, out=self.track.seen_ns)
        np.minimum(self._asked_ns, now_ns, out=self._asked_ns)

    def go_on(self, total: F8, now_ns: int) -> None:
        """Begin counters at totals, (n,); NaN: at nothing. Other kinds begin as they are."""
        if isinstance(self.kept, Sums) and self.kept.counts:
            self.kept.go_on(total, now_ns)

    def saved(self) -> Saved:
        """Return a copy of all state."""
        columns = [*self._columns(), *self._answered()]
        return Saved(keys=self.keys, columns={name: array.copy() for name, array in columns})

    def restore(self, rows: Mapping[str, tuple[Saved, int]], *, exactly: bool = False) -> None:
        """Take state over, of the calls that it names. exactly: what was answered, and when, too."""
        answered: B1 = np.zeros(len(self.keys), np.bool_)
        columns = [*self._columns(), *self._answered()] if exactly else self._columns()
        for i, key in enumerate(self.keys):
            if key not in rows:
                continue
            saved, row = rows[key]
            for name, array in columns:
                given = saved.columns.get(name)
                if given is not None and given[row].shape == array[i].shape:
                    array[i] = given[row]
            answered[i] = exactly and "asked_ns" in saved.columns
        calls = np.flatnonzero((self.track.t_ns > 0) & ~answered)
        if len(calls):
            answer = self.kept.answer(calls, self.track.t_ns[calls], self.track)
            self.value[calls], self.word[calls], self.why[calls] = answer

    def _answered(self) -> list[tuple[str, npt.NDArray[np.generic]]]:
        """Return what was answered last, and when: a world that starts again asks anew."""
        return [
            ("shown", self.value),
            ("shown_word", self.word),
            ("why", self.why),
            ("asked_ns", self._asked_ns),
        ]

    def _columns(self) -> list[tuple[str, npt.NDArray[np.generic]]]:
        """Return all that is counted, a row for each call."""
        track = self.track
        own = (("value", track.value.T), ("word", track.word.T), ("seen_ns", track.seen_ns.T))
        more = (
            ("t_ns", track.t_ns),
            ("held", track.held),
            ("held_word", track.held_word),
            ("was", track.was),
        )
        kept = tuple((f"kept.{name}", array) for name, array in self.kept.columns().items())
        return [*own, *more, ("lag_ns", track.lag_ns), ("skew_ns", track.skew_ns), *kept]


def _kept(kind: str, seconds: F8, extra: F8, more: F8, zone: str) -> Kept:
    """Return what keeps the past of calls of one kind."""
    if kind in past_panes.KINDS:
        return Panes(kind, seconds, extra)
    if kind in past_patterns.KINDS:
        return Patterns(kind, seconds, extra, more)
    if kind in past_spans.KINDS:
        return (Tumbling if kind.startswith(past_spans.TUMBLING) else Sessions)(kind, seconds)
    if kind == "robust":
        return Robust(seconds, extra)
    if kind == "surprise":
        return Surprise(seconds)
    if kind == "novelty":
        return Novelty(seconds, extra, more)
    return Unusual(seconds) if kind == "unusual" else Sums(kind, seconds, extra, zone)


@dataclass(slots=True)
class Pasts:
    """All calls of a world, in groups; used by the tick thread alone."""

    groups: Sequence[Sequence[Calls]]
    own: B1  # (N,) derived tags
    waits: bool = False  # samples are kept until the record was read
    _place: I8 = field(init=False)
    _uses: B1 = field(init=False)
    _rows: _Rows | None = field(init=False, default=None)
    _trusts: bool = field(init=False, default=False)
    _now_ns: int = field(init=False, default=0)
    _waiting: list[SampleBatch] = field(init=False, default_factory=list)
    _waiting_rows: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        calls = self.all
        used = np.unique(
            np.concatenate([each.track.reads.reshape(-1).astype(np.int64) for each in calls] or [_NONE])
        )
        self._place = np.full(len(self.own), -1, np.int64)
        self._place[used] = np.arange(len(used))
        self._uses = self._place >= 0
        for each in calls:
            each.wire(self._place, len(used))

    @property
    def all(self) -> list[Calls]:
        """Every set of calls."""
        return [calls for group in self.groups for calls in group]

    @property
    def slots(self) -> I8:
        """The slots that are watched, ascending."""
        return np.flatnonzero(self._uses)

    def begin(self, readings: SampleBatch | None, now_ns: int) -> None:
        """Take the samples of a tick; None: there are none, the table says everything."""
        if now_ns < self._now_ns - BACK_NS and not self.waits:
            self.forget()
        self._now_ns, self._trusts = now_ns, readings is None
        self._rows = None
        if readings is None or not len(readings):
            return
        rows = np.flatnonzero(self._uses[readings.slot])
        if not len(rows):
            return
        if self.waits:
            self._waiting.append(taken(readings, rows))
            self._waiting_rows += len(rows)
            if self._waiting_rows > MOST_WAITING:
                log.info("the record was not read in time: functions over time begin without it")
                self.seed(None)
            return
        self._rows = self._of(readings, rows)

    def look(self, group: int, table: TagTable, touched: B1) -> B1:
        """Bring one group up to now; return which of its members have another answer, (n,)."""
        changed = np.zeros(0, np.bool_)
        for calls in self.groups[group]:
            if self.waits:
                news = np.zeros(len(calls.keys), np.bool_)
            else:
                fed = [calls.feed(self._rows, self._now_ns)] if self._rows is not None else []
                fed.append(calls.compare(table, touched, self.own, self._now_ns, trusts=self._trusts))
                news = calls.look(fed, self._now_ns)
            changed = news if not len(changed) else changed | news
        return changed

    def inputs(self, group: int, rows: I8) -> tuple[list[F8], list[U2]]:
        """Return (values, quality words) of a group's calls for some members."""
        values = [calls.value[rows] for calls in self.groups[group]]
        words = [calls.word[rows] for calls in self.groups[group]]
        if self.waits:
            floor = np.uint16(UNCERTAIN)
            words = [np.where(rank(word) < floor, floor, word).astype(np.uint16) for word in words]
        return values, words

    def why(self, group: int, rows: I8) -> list[str]:
        """Return of some members why they are not good, "" where nothing of this is the reason."""
        if self.waits:
            return [READING] * len(rows)
        worst = np.zeros(len(rows), np.int64)
        for calls in self.groups[group]:
            worst = np.maximum(worst, calls.why[rows])
        return [WORDS.get(code, "") for code in worst.tolist()]

    # ---------------------------------------------------------------- back in an exercise

    def freeze(self) -> object:
        """Return everything that changes; `thaw` goes on from it exactly."""
        return copy.deepcopy((self.groups, self._now_ns))

    def thaw(self, frozen: object) -> None:
        """Go on from what `freeze` returned; may be done again and again."""
        if not isinstance(frozen, tuple):
            raise TypeError("thaw takes what freeze returned")
        self.groups, self._now_ns = copy.deepcopy(frozen)
        self._rows = None

    # ---------------------------------------------------------------- over a restart

    def saved(self) -> list[Saved]:
        """Return a copy of all state."""
        return [calls.saved() for calls in self.all]

    def restore(self, saved: Sequence[Saved], at_ns: int = 0) -> None:
        """Take over the state of another world; calls that it did not have begin anew.

        at_ns: the time that world had, where this one goes on at that very moment; 0: it is later. Of a call
        that several worlds had counts the one that has come farthest.
        """
        rows: dict[str, tuple[Saved, int]] = {}
        for each in sorted(saved, key=lambda one: int(one.columns["t_ns"].max(initial=0))):
            for i, key in enumerate(each.keys):
                known = rows.get(key)
                if known is None or known[0].columns["t_ns"][known[1]] <= each.columns["t_ns"][i]:
                    rows[key] = (each, i)
        for calls in self.all:
            calls.restore(rows, exactly=bool(at_ns))
        if at_ns:
            self._now_ns = at_ns

    def since_ns(self, now_ns: int, longest_ns: int) -> tuple[I8, I8]:
        """Return (slots, from when on a record is wanted of each), so that nothing is missing."""
        since = np.full(len(self.own), np.iinfo(np.int64).max)
        for calls in self.all:
            track = calls.track
            # what is counted goes on from where it was, or begins now; a window needs its own length
            back, usual = np.zeros(len(track), np.int64), now_ns
            if not isinstance(calls.kept, Sums):
                back, usual = now_ns - calls.kept.whole_ns, 0
            begins = np.where(track.seen_ns > 0, track.seen_ns, usual)
            from_ns = np.maximum(np.maximum(begins, back), now_ns - longest_ns)
            np.minimum.at(since, track.reads.astype(np.int64), from_ns)
        return self.slots, since[self.slots]

    def seed(self, record: SampleBatch | None, ended_ns: int = 0) -> None:
        """Take what was recorded since (slots of ours, filed times), then what has waited meanwhile.

        ended_ns: when the record ends; from then on nothing was known. None: there is none.
        """
        self.waits = False
        self.tell(record, ended_ns)
        for calls in self.all:
            calls.track.lose(calls.track.t_ns > 0)
        waiting, self._waiting, self._waiting_rows = joined(self._waiting), [], 0
        if len(waiting):
            rows_since = self._of(waiting, np.arange(len(waiting)))
            for calls in self.all:
                calls.feed(rows_since, None)

    def tell(self, record: SampleBatch | None, ended_ns: int) -> None:
        """Take what was recorded (slots of ours, filed times) up to a time; what held then holds on."""
        if record is not None and len(record):
            rows = np.flatnonzero(self._uses[record.slot])
            rows = rows[np.argsort(record.source_ns[rows], kind="stable")]
            taken_rows = self._of(record, rows)
            for calls in self.all:
                calls.feed(taken_rows, None)
        for calls in self.all:
            track = calls.track
            open_ = np.flatnonzero(track.ok & (track.t_ns > 0) & (track.t_ns < ended_ns))
            if len(open_):
                calls.kept.add(track.passing(open_, np.full(len(open_), ended_ns, np.int64)))

    def forget(self) -> None:
        """Begin anew: another time is looked at."""
        self._now_ns = 0
        for calls in self.all:
            calls.clear()

    def moved(self, now_ns: int) -> None:
        """Go on after our clock was set back."""
        self._now_ns = min(self._now_ns, now_ns)
        for calls in self.all:
            calls.moved(now_ns)

    def _of(self, batch: SampleBatch, rows: I8) -> _Rows:
        return _Rows(
            slot=self._place[batch.slot[rows]],
            t_ns=batch.source_ns[rows],
            value=batch.value[rows],
            word=batch.quality[rows],
        )
