"""Test mode: the values of bindings go over their ranges in this desk's picture. Nothing leaves the desk.

A swept tag is drawn as substituted (a plate "S"), on every part that shows it; tables, trends, alarms and
the plant see what the plant says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.encoding import channels
from armillary.model import units
from armillary.model.arrays import B1, F8, I8
from armillary.model.binding import UNBOUNDED, Binding
from armillary.model.clock import NS
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.session.author_actions import may_not_author
from armillary.session.binding_form import COLOURED
from armillary.session.signal import Signal
from armillary.session.workspace import Workspace

PERIOD_S = 6.0  # from low to high and back
PERIODS = (3.0, 6.0, 15.0, 60.0)
LONGEST_S = 600.0  # then it ends by itself: a test is no state to be left alone in
_NO_SWEEP = ("array", "struct", "text")


@dataclass(frozen=True, slots=True)
class Span:
    """What a tag is swept over: from low to high, or from state to state."""

    low: float
    high: float
    states: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The tags of a sweep as arrays: slots (n,), low and high (n,), states of those that have some."""

    slot: I8
    low: F8
    high: F8
    stepped: B1
    states: tuple[tuple[float, ...], ...]

    def values(self, share: float) -> F8:
        """Return the values (n,) at a share of the way, 0 … 1."""
        out: F8 = self.low + (self.high - self.low) * share
        for i in np.flatnonzero(self.stepped).tolist():
            mine = self.states[i]
            out[i] = mine[min(int(share * len(mine)), len(mine) - 1)]
        return out


def share(at_s: float, period_s: float) -> float:
    """Return how far a sweep is after some seconds: up and down again within a period, 0 … 1."""
    turn = math.fmod(max(at_s, 0.0), period_s) / period_s
    return 1.0 - abs(2.0 * turn - 1.0)


def span_of(binding: Binding, spec: TagSpec) -> Span:
    """Return what the tag of a binding is swept over: what its map tells apart, else the tag's range."""
    plain = binding.map
    if plain.kind in ("states", "steps"):
        keys = [channels.key_number(k, spec, i) for i, k in enumerate(plain.state_keys) if k != "*"]
        known = tuple(k for k in keys if math.isfinite(k))
        if plain.kind == "states" and known:
            return Span(min(known), max(known), known)
        if known:
            reach = (known[-1] - known[0]) / max(1, len(known) - 1) or 1.0
            return Span(known[0] - reach / 2, known[-1] + reach)
    if spec.states:
        own = tuple(x for x, _ in spec.states)
        return Span(min(own), max(own), own)
    if spec.kind == "bool":
        return Span(0.0, 1.0, (0.0, 1.0))
    ends = _ends(binding)
    if ends is not None:
        factor, offset = _conversion(binding, spec)
        low, high = sorted((y - offset) / factor for y in ends)
        if math.isfinite(low) and math.isfinite(high) and low < high:
            return Span(low, high)
    if math.isfinite(spec.low) and math.isfinite(spec.high) and spec.low < spec.high:
        return Span(spec.low, spec.high)
    return Span(0.0, 1.0)


def _ends(binding: Binding) -> tuple[float, float] | None:
    """Return the values of x at which the look has come to its ends, None where the map does not say."""
    plain = binding.map
    scale = 1.0 if plain.kind == "none" else plain.scale
    offset = 0.0 if plain.kind == "none" else plain.offset
    if plain.kind not in ("none", "linear", "range") or scale == 0.0:
        return None
    ends = binding.ends if binding.channel in COLOURED else plain.clamp
    if max(map(abs, ends)) >= UNBOUNDED:
        return None
    return (ends[0] - offset) / scale, (ends[1] - offset) / scale


def _conversion(binding: Binding, spec: TagSpec) -> tuple[float, float]:
    try:
        return units.conversion(spec.unit, binding.unit, binding.where)
    except ProjectFault:
        return 1.0, 0.0


def planned(bindings: Sequence[Binding], specs: Mapping[str, TagSpec]) -> Plan:
    """Return the sweep of some bindings: each tag once, over all that its bindings tell apart."""
    spans: dict[int, Span] = {}
    for b in bindings:
        spec = specs.get(b.signal)
        if spec is None or spec.kind in _NO_SWEEP or not b.enabled:
            continue
        span = span_of(b, spec)
        old = spans.get(spec.slot)
        if old is not None:
            states = tuple(sorted({*old.states, *span.states}))
            span = Span(min(old.low, span.low), max(old.high, span.high), states)
        spans[spec.slot] = span
    return Plan(
        slot=np.array(list(spans), np.int64),
        low=np.array([s.low for s in spans.values()]),
        high=np.array([s.high for s in spans.values()]),
        stepped=np.array([len(s.states) > 1 for s in spans.values()], np.bool_),
        states=tuple(s.states for s in spans.values()),
    )


def like(one: Binding, bindings: Sequence[Binding]) -> tuple[Binding, ...]:
    """Return the bindings that say the same of other parts: those of one template."""
    leaf = one.signal.rpartition(".")[2]
    return tuple(
        b
        for b in bindings
        if (b.channel, b.name, b.map.kind) == (one.channel, one.name, one.map.kind)
        and b.signal.rpartition(".")[2] == leaf
    )


class Sweep:
    """At most one at a time. The owner calls `step` often while it is on."""

    def __init__(self, at: Workspace) -> None:
        self._at = at
        self.changed: Signal[()] = Signal()
        self.period_s = PERIOD_S
        self.plan: Plan | None = None
        self.words = ""
        self._since_mono_ns = 0
        at.visited.connect(self.end)
        at.project_changed.connect(self.end)
        at.people.changed.connect(self._person_changed)
        at.tags_compiled.connect(self.end)  # the slots are others

    @property
    def is_on(self) -> bool:
        return self.plan is not None

    def begin(self, bindings: Sequence[Binding], what: str = "") -> str:
        """Sweep the tags of some bindings; return why not, "" when it has begun."""
        if why := may_not_author(self._at):
            return why
        plan = planned(bindings, {spec.name: spec for spec in self._at.specs})
        if not len(plan.slot):
            return "None of these bindings has a number to sweep."
        n, parts = len(plan.slot), len({b.prim for b in bindings})
        self.plan, self._since_mono_ns = plan, self._at.now_mono_ns()
        tags = f"{n} tag{'s' if n > 1 else ''}"
        parts_text = what or f"{parts} part{'s' if parts > 1 else ''}"
        self.words = f"Test values: {tags} on {parts_text}. Only this picture shows them; nothing is sent."
        self.step(self._since_mono_ns)
        self.changed.emit()
        return ""

    def step(self, now_mono_ns: int) -> None:
        """Show the values of now."""
        if self.plan is None:
            return
        at_s = (now_mono_ns - self._since_mono_ns) / NS
        if at_s > LONGEST_S or may_not_author(self._at):
            self.end()
            return
        values = self.plan.values(share(at_s, self.period_s))
        self._at.showing.overlay = (self.plan.slot, values)
        self._at.show_anew()

    def show(self, share_: float) -> None:
        """Stand at a share of the way, for a person who moves it by hand."""
        if self.plan is not None:
            self._at.showing.overlay = (self.plan.slot, self.plan.values(share_))
            self._at.show_anew()

    def end(self) -> None:
        """Show again what the plant says."""
        if self.plan is None:
            return
        self.plan, self.words = None, ""
        self._at.showing.overlay = None
        self._at.show_anew()
        self.changed.emit()

    def _person_changed(self) -> None:
        if self.is_on and may_not_author(self._at):
            self.end()
