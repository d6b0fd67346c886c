"""A rule tried on what was recorded: when it would have fired, and what it would have measured.

The same evaluation as in a world, over the same samples in the order of their own times, tick by tick; only
the ticks are farther apart. Derived tags that no rule made are read from the record as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model import expression
from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.model.quality import STALE, rank
from armillary.model.rule import RuleSpec
from armillary.model.sample import HISTORICAL, SampleBatch, taken
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived

MOST_STEPS = 86_400  # of one trial: a second each for a day
SHORTEST_STEP_NS = NS
LONGEST_WARM_UP_NS = 30 * 86_400 * NS
MOST_TOLD = 10_000
FINE_NS, COARSE = 3_600 * NS, 3_600  # before the span; and of what is before that, in how many steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time that a rule fired; an end of 0 is after the span."""

    begin_ns: int
    end_ns: int = 0
    value: float = float("nan")  # what it measured when it began


@dataclass(slots=True)
class Trial:
    """One rule over a span; `advance` until `is_done`."""

    rule: RuleSpec
    inputs: tuple[str, ...]  # tags of the record that it needs
    specs: tuple[TagSpec, ...]  # inputs first, then what rules made, in slots of this trial
    from_ns: int
    to_ns: int
    step_ns: int
    zone: str = "UTC"
    firings: list[Firing] = field(default_factory=list)
    t_ns: list[int] = field(default_factory=list)  # of each tick in the span
    value: list[float] = field(default_factory=list)  # what was measured, or 0 and 1
    unknown: int = 0  # ticks in the span at which nobody could say
    _table: TagTable = field(init=False)
    _derived: Derived = field(init=False)
    _at_ns: int = field(init=False)
    _row: int = field(init=False, default=0)
    _samples: SampleBatch | None = field(init=False, default=None)
    _is_on: bool = field(init=False, default=False)
    _value_at: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        self._table, self._derived = TagTable(len(self.specs)), Derived(self.specs, self.zone)
        self._at_ns = self.warm_from_ns
        name = self.rule.id + ".value"
        self._value_at = next((spec.slot for spec in self.specs if spec.name == name), -1)

    @property
    def warm_from_ns(self) -> int:
        """From when on samples are wanted: a window must have been filled before it can answer."""
        back = min(int(self.rule.span_s * NS), LONGEST_WARM_UP_NS)
        return self.from_ns - back - self.step_ns

    @property
    def is_given(self) -> bool:
        """Whether it has its record."""
        return self._samples is not None

    @property
    def is_done(self) -> bool:
        """Whether the whole span was looked at."""
        return self._at_ns >= self.to_ns

    @property
    def share(self) -> float:
        """How much of it was, 0 to 1."""
        return min(1.0, (self._at_ns - self.warm_from_ns) / max(1, self.to_ns - self.warm_from_ns))

    def give(self, samples: SampleBatch) -> None:
        """Take the record: rows in slots of this trial (the places in `inputs`), in any order."""
        kept = np.flatnonzero(samples.source_ns < self.to_ns)
        order = kept[np.argsort(samples.source_ns[kept], kind="stable")]
        rows = taken(samples, order)
        # what came late is judged as if it had come in time: a trial asks what the rule makes of the plant
        flags = (rows.flags & ~np.uint8(HISTORICAL)).astype(np.uint8)
        self._samples = replace(rows, arrival_ns=rows.source_ns, arrival_mono_ns=rows.source_ns, flags=flags)
        if len(rows):
            self._at_ns = max(self._at_ns, int(rows.source_ns[0]) - self.step_ns)

    def advance(self, ticks: int) -> None:
        """Look at so many more ticks."""
        if self._samples is None:
            return
        source = self._samples.source_ns
        for _ in range(ticks):
            if self.is_done:
                break
            now = min(self._at_ns + self._step(), self.to_ns)
            end = int(np.searchsorted(source, now, "right"))
            rows = taken(self._samples, np.arange(self._row, end))
            state.apply(self._table, rows)
            self._derived.evaluate(self._table, self._table.dirty, now, now, rows)
            self._table.take_dirty()
            self._row, self._at_ns = end, now
            self._note(now)

    def _step(self) -> int:
        """Return how far the next look is: what only warms up, a week of it, needs no look each second.

        Every sample counts all the same. The last hour of it is looked at as the span is, since what rules
        say of rules is known by looks alone.
        """
        left = self.from_ns - FINE_NS - self._at_ns
        whole = self.from_ns - FINE_NS - self.warm_from_ns
        return max(self.step_ns, min(left, -(-whole // COARSE))) if left > 0 else self.step_ns

    def _note(self, now_ns: int) -> None:
        slot = len(self.specs) - 1
        value = float(self._table.value[slot])
        is_known = bool(rank(self._table.quality)[slot] < STALE)
        measured = self._measured()
        if now_ns >= self.from_ns:
            self.t_ns.append(now_ns)
            self.value.append(measured if self.rule.value_slot >= 0 else value)
            self.unknown += not is_known
        if not self.rule.fires or not is_known:
            return
        is_on = value != 0.0
        if now_ns >= self.from_ns and len(self.firings) < MOST_TOLD:
            if is_on and (not self._is_on or not self.t_ns[:-1]):
                self.firings.append(Firing(begin_ns=now_ns, value=measured))
            elif not is_on and self._is_on and self.firings:
                self.firings[-1] = replace(self.firings[-1], end_ns=now_ns)
        self._is_on = is_on

    def _measured(self) -> float:
        return float(self._table.value[self._value_at]) if self._value_at >= 0 else float("nan")

    def curve(self) -> tuple[I8, F8]:
        """Return (times, what was measured) of the span so far."""
        return np.array(self.t_ns, np.int64), np.array(self.value, np.float64)


def trial_of(
    rule: RuleSpec,
    rules: Sequence[RuleSpec],
    specs: Sequence[TagSpec],
    from_ns: int,
    to_ns: int,
    *,
    zone: str = "UTC",
    step_ns: int = 0,
) -> Trial:
    """Return a trial of a rule of a project. step_ns: 0 = a second, or more for what is longer than a day."""
    own = {slot for each in rules for slot in each.made}
    by_name: Mapping[str, TagSpec] = {spec.name: spec for spec in specs}
    by_slot = {spec.slot: spec for spec in specs}
    inputs: dict[str, None] = {}
    made: dict[str, TagSpec] = {}

    def need(spec: TagSpec) -> None:
        """Add what a tag is made of, then the tag: rules read those above them only, so this ends."""
        if spec.slot not in own:
            inputs[spec.name] = None
        elif spec.name not in made:
            for name in expression.compile(spec.expression, by_name, spec.origin, past=True).names:
                need(by_name[name])
            made[spec.name] = spec

    need(by_slot[rule.slot])
    kept = [
        *(replace(by_name[name], expression="", link="record") for name in inputs),
        *made.values(),
    ]
    numbered = tuple(replace(spec, slot=i) for i, spec in enumerate(kept))
    back_s = sum(each.span_s for each in rules if any(by_slot[slot].name in made for slot in each.made))
    step = step_ns or max(SHORTEST_STEP_NS, -(-(to_ns - from_ns) // MOST_STEPS))
    return Trial(
        rule=replace(rule, span_s=back_s),
        inputs=tuple(inputs),
        specs=numbered,
        from_ns=from_ns,
        to_ns=to_ns,
        step_ns=step,
        zone=zone,
    )
