"""A record evaluated anew, forwards: derived values and alarms by today's project, beside those recorded.

What was recorded of links goes in as it was; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmEvent, AlarmSpec, Suppression
from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS
from armillary.model.expression import compile as compile_expression
from armillary.model.expression_past import WINDOWS
from armillary.model.quality import NEVER, rank
from armillary.model.sample import SampleBatch, batch_of, joined, taken
from armillary.model.tags import TagSpec, TagTable
from armillary.twin.derive import Derived
from armillary.twin.past_patterns import KINDS as PATTERNS
from armillary.twin.past_scores import KINDS as SCORES
from armillary.world.record import Recording, Stretch

WARM_UP_NS = 3600 * NS  # of the record before the span, for functions over time
SLIGHT = 0.01  # of a value that looks back: which moments a window has seen differs by parts of a tick
BRIEF = frozenset({"held", "ewma", "latch", "hold", "time_since", "time_since_change"} | PATTERNS)
TOLERANCE = 1e-9  # of the greater of both values: what rounding may make
LASTS_NS = NS // 4  # samples are taken a tick or two after they arrive: what is gone by then is no difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that came out otherwise."""

    t_ns: int
    what: str  # a tag or an alarm
    recorded: str
    computed: str


class Recompute:
    """Evaluates stretches one after another. The first tick starts from the state recorded there."""

    def __init__(
        self,
        specs: Sequence[TagSpec],
        alarms: Sequence[AlarmSpec],
        zone: str = "UTC",
        rules: Sequence[Suppression] = (),
    ) -> None:
        """zone: in which days begin; rules: what hides alarms by design."""
        self._specs = tuple(specs)
        self._table = TagTable(len(specs))
        self._derived = Derived(specs, zone)
        self._alarms = Evaluator(alarms, specs, rules)
        self._own: B1 = np.array([bool(spec.expression) for spec in specs], np.bool_)
        self._since_ns: I8 = np.zeros(len(specs), np.int64)  # when each began to differ; 0 = does not
        self._told: B1 = np.zeros(len(specs), np.bool_)
        self._looks, self._unlike = _looking_back(specs)
        self._before: F8 = np.full(len(specs), np.nan)  # what looks back, some time ago
        self._before_ns = 0
        self._pace: F8 = np.full(len(specs), np.inf)  # how much it changed in two seconds; at first not known

    @property
    def warm_up_ns(self) -> int:
        """How much of the record before the span functions over time want to see."""
        return WARM_UP_NS if self._looks.any() else 0

    def warm_up(self, recording: Recording, stretch: Stretch) -> None:
        """Show functions over time what was before the span; counters begin at what was recorded."""
        if self._derived.past is None:
            return
        was = recording.state(stretch, stretch.from_ns)
        self._derived.go_on(was.value, stretch.from_ns)
        held = taken(was, np.flatnonzero(~self._own & (rank(was.quality) < NEVER)))
        held = replace(held, source_ns=np.full(len(held), stretch.from_ns))
        rows = stretch.tags.passed(stretch.from_ns, stretch.to_ns)
        rows = rows[~self._own[stretch.tags.batch.slot[rows]]]
        self._derived.past.seed(joined([held, taken(stretch.tags.batch, rows)]), stretch.to_ns)

    def times(self, stretch: Stretch, period_ns: int) -> I8:
        """Return when to evaluate: when the live world did after each sample, and every second.

        When it did is known from what it derived; where it derived nothing, ticks from the beginning on are
        as good.
        """
        window, begin, end = stretch.tags, stretch.from_ns, stretch.to_ns
        arrived = window.at_ns
        after = begin + -(-(arrived - begin) // period_ns) * period_ns
        ticks = np.unique(arrived[self._own[window.batch.slot]])
        if len(ticks):
            i = np.minimum(np.searchsorted(ticks, arrived), len(ticks) - 1)
            was = (ticks[i] >= arrived) & (ticks[i] <= arrived + 2 * period_ns)
            after = np.where(was, ticks[i], after)
        every: I8 = np.unique(np.concatenate((after, after + LASTS_NS, np.arange(begin, end + 1, NS))))
        return every[(every >= begin) & (every <= end)]

    def over(self, recording: Recording, stretch: Stretch, times: I8) -> Iterator[Difference]:
        """Yield each derived tag whose value differs from the record, once each time it begins to."""
        window, before = stretch.tags, stretch.from_ns
        for t_ns in times.tolist():
            recorded = recording.state(stretch, t_ns)
            rows = window.passed(before, t_ns)
            passed = replace(taken(window.batch, rows), arrival_mono_ns=window.at_ns[rows])
            self._take(recorded, passed, t_ns)
            before = t_ns
            yield from self._compare(recorded, t_ns)

    def events(self) -> tuple[AlarmEvent, ...]:
        """Return the alarm events since the last call."""
        return self._alarms.take()[1]

    def _take(self, recorded: SampleBatch, passed: SampleBatch, t_ns: int) -> None:
        """Take the inputs as they were, derive the rest, and show both to the alarms."""
        table, inputs = self._table, np.flatnonzero(~self._own)
        changed = (table.quality[inputs] != recorded.quality[inputs]) | (
            table.source_ns[inputs] != recorded.source_ns[inputs]
        )
        for column in ("value", "quality", "source_ns", "arrival_ns", "arrival_mono_ns"):
            getattr(table, column)[inputs] = getattr(recorded, column)[inputs]
        table.alive_mono_ns[inputs] = recorded.arrival_mono_ns[inputs]
        dirty = np.zeros(len(table), np.bool_)
        dirty[inputs[changed]] = True
        of_inputs = taken(passed, np.flatnonzero(~self._own[passed.slot]))
        slots = self._derived.evaluate(table, dirty, t_ns, t_ns, of_inputs)
        own = batch_of(
            slots, table.value[slots], table.source_ns[slots], t_ns, t_ns, quality=table.quality[slots]
        )
        self._alarms.look(table, joined([of_inputs, own]), t_ns, t_ns)

    def _near(self, recorded: SampleBatch, t_ns: int) -> B1:
        """Return which tags that look back are as near as a second and a bend of their window allow."""
        value = self._table.value
        moves = np.maximum(self._pace, np.nan_to_num(np.abs(value - self._before)))
        if t_ns - self._before_ns >= 2 * NS:
            self._pace = np.nan_to_num(np.abs(value - self._before), nan=np.inf)
            self._before, self._before_ns = value.copy(), t_ns
        with np.errstate(invalid="ignore"):
            apart = np.abs(value - recorded.value)
            allowed = moves + SLIGHT * np.maximum(np.abs(value), np.abs(recorded.value))
            out: B1 = self._looks & (apart <= allowed)
        return out

    def _compare(self, recorded: SampleBatch, t_ns: int) -> Iterator[Difference]:
        value, own = self._table.value, self._own
        both_none = np.isnan(value) & np.isnan(recorded.value)
        near = np.isclose(value, recorded.value, rtol=TOLERANCE, atol=0.0)
        if self._looks.any():
            near |= self._near(recorded, t_ns)
        differs = own & ~(both_none | near | self._unlike)
        self._since_ns = np.where(differs & (self._since_ns == 0), t_ns, self._since_ns * differs)
        lasts = differs & (t_ns - self._since_ns >= LASTS_NS)
        for slot in np.flatnonzero(lasts & ~self._told).tolist():
            yield Difference(
                t_ns=t_ns,
                what=self._specs[slot].name,
                recorded=f"{recorded.value[slot]:.6g}",
                computed=f"{value[slot]:.6g}",
            )
        self._told = lasts


def _looking_back(specs: Sequence[TagSpec]) -> tuple[B1, B1]:
    """Return which tags look back, and which of them cannot be compared: they began before what is read.

    What reads such a tag is such a tag.
    """
    looks, unlike = np.zeros(len(specs), np.bool_), np.zeros(len(specs), np.bool_)
    known = {spec.name: spec.slot for spec in specs}
    reads: dict[int, list[int]] = {}
    for spec in specs:
        if not spec.expression:
            continue
        made = compile_expression(spec.expression, known, past=True)
        reads[spec.slot] = [known[name] for name in made.names]
        looks[spec.slot] = bool(made.past)
        long = any(call.seconds * NS > WARM_UP_NS or call.kind in SCORES for call in made.past)
        counts = any(call.kind not in WINDOWS and call.kind not in BRIEF for call in made.past)
        unlike[spec.slot] = long or (counts and made.alone is None)
    for _ in reads:
        before = int(looks.sum() + unlike.sum())
        for slot, of in reads.items():
            looks[slot] |= looks[of].any()
            unlike[slot] |= unlike[of].any()
        if before == int(looks.sum() + unlike.sum()):
            break
    return looks, unlike


def unmatched(
    recorded: Sequence[AlarmEvent],
    computed: Sequence[AlarmEvent],
    active_at_start: frozenset[str],
    within_ns: int,
) -> tuple[Difference, ...]:
    """Return the alarms that were raised in one of the two and not, within a time, in the other.

    active_at_start: those that were active where the computation began, which raises them once more.
    """
    out: list[Difference] = []
    left = [e for e in recorded if e.event == "RAISE"]
    waived = set(active_at_start)
    for event in (e for e in computed if e.event == "RAISE"):
        near = [e for e in left if e.id == event.id and abs(e.t_ns - event.t_ns) <= within_ns]
        if near:
            left.remove(near[0])
        elif event.id in waived:
            waived.remove(event.id)
        else:
            out.append(Difference(t_ns=event.t_ns, what=event.id, recorded="not raised", computed="raised"))
    out += [Difference(t_ns=e.t_ns, what=e.id, recorded="raised", computed="not raised") for e in left]
    return tuple(sorted(out, key=lambda d: d.t_ns))
