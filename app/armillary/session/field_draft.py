"""A field in hand: which sensors are spread over which mesh, and how. Nothing of it is saved by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from armillary.model.binding import Binding, FieldSpec
from armillary.model.tags import TagSpec
from armillary.project.edit import NewTag

MOST_LINES = 64
METHODS = {  # what the schema calls it → its name for people
    "idw": "Between sensors",
    "surface": "Along the surface",
    "rbf": "Smooth within reach",
}
_NO_READING = ("text", "struct", "array")
_SURFACES = ("field", "primvar")


@dataclass(frozen=True, slots=True)
class Sensor:
    """A place that can be a sensor: a prim with a binding to a number."""

    target: str  # as the layer writes it: `/Prim`, or `/Prim.twin:NAME:signal` where a prim has several
    prim: str
    tag: TagSpec


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """A field in hand. low and high are in the unit of the first sensor; lengths in metres, 0 = no limit."""

    prim: str
    name: str
    sensors: tuple[Sensor, ...] = ()
    method: str = "idw"
    reach: float = 0.0
    farthest: float = 0.0
    neighbours: int = 8
    power: float = 2.0
    lines: int = 0
    colormap: str = "heat"
    low: float = 0.0
    high: float = 1.0
    metres: float = 1.0  # of a unit of the stage
    before: Binding | None = None  # the one that is edited: what the card does not show of it stays
    hint: str = ""
    new: tuple[NewTag, ...] = ()  # a field makes no tags
    channel: str = "field"

    @property
    def shown(self) -> tuple[float, int] | None:
        """No value is tried by hand: the field is drawn with what its sensors say."""
        return None

    @property
    def title(self) -> str:
        """What it is, for undo and for what is told."""
        n = len(self.sensors)
        return f"Spread {n} sensor{'s' if n != 1 else ''} over {self.prim}"

    def why_not(self) -> str:
        """Return why this cannot be a binding, "" when it can."""
        if not self.sensors:
            return "Choose sensors: select parts with a number, or give a pattern of their tags."
        if not all(map(math.isfinite, (self.low, self.high, self.reach, self.farthest))):
            return "Give finite numbers."
        if self.low == self.high:
            return "The two ends of the colours must differ."
        if self.reach < 0 or self.farthest < 0:
            return "A length is 0 (no limit) or more."
        if self.method == "rbf" and self.reach <= 0:
            return "Give a reach: this way needs one."
        return ""

    def binding(self) -> Binding:
        """Return the binding that this draft describes."""
        spread = FieldSpec(
            sensors=tuple(s.target for s in self.sensors),
            method=self.method,
            radius=self.reach / self.metres,
            max_distance=self.farthest / self.metres,
            neighbours=self.neighbours,
            power=self.power,
            iso_lines=self.lines,
        )
        base = self.before or Binding(name=self.name, prim=self.prim, channel="field")
        return replace(
            base,
            colormap=self.colormap,
            ends=(self.low, self.high),
            field=spread,
            origin=f"bindings.usda:{self.prim}#{self.name}",
        )


def candidates(bindings: Sequence[Binding], specs: Sequence[TagSpec]) -> tuple[Sensor, ...]:
    """Return all places that can be sensors, in the order of the bindings, each prim and tag once."""
    spec_of = {spec.name: spec for spec in specs if spec.kind not in _NO_READING}
    signals: dict[str, dict[str, Binding]] = {}
    for b in bindings:
        if b.enabled and b.channel not in _SURFACES and b.signal:
            signals.setdefault(b.prim, {}).setdefault(b.signal, b)
    out = []
    for prim, by_signal in signals.items():
        for signal, b in by_signal.items():
            if signal in spec_of:
                target = prim if len(by_signal) == 1 else f"{prim}.twin:{b.name}:signal"
                out.append(Sensor(target, prim, spec_of[signal]))
    return tuple(out)


def matching(found: Sequence[Sensor], pattern: str) -> tuple[Sensor, ...]:
    """Return the sensors whose tag or prim fits a pattern with `*` and `?`; without either, contains it."""
    plain = pattern.strip().casefold()
    if not plain:
        return ()
    if not set(plain) & set("*?["):
        plain = f"*{plain}*"
    return tuple(
        s for s in found if fnmatchcase(s.tag.name.casefold(), plain) or fnmatchcase(s.prim.casefold(), plain)
    )


def at(found: Sequence[Sensor], prims: Sequence[str]) -> tuple[Sensor, ...]:
    """Return the sensors at some prims or below them."""
    heads = tuple(f"{p}/" for p in prims)
    return tuple(s for s in found if s.prim in prims or s.prim.startswith(heads))


def together(first: Sequence[Sensor], more: Sequence[Sensor]) -> tuple[Sensor, ...]:
    """Return both, each prim once: a place has one reading in a field."""
    return tuple({s.prim: s for s in (*first, *more)}.values())


def begun(
    prim: str,
    sensors: Sequence[Sensor],
    bindings: Sequence[Binding],
    found: Sequence[Sensor],
    *,
    metres: float = 1.0,
    readings: Mapping[str, float] | None = None,
) -> FieldDraft:
    """Return the first draft of a field: that of the prim as it is bound, else one of these sensors.

    readings: what the tags say now, for a range where no tag has one.
    """
    old = next((b for b in bindings if b.prim == prim and b.channel == "field"), None)
    if old is not None:
        kept = {s.target: s for s in found} | {s.prim: s for s in found if s.target != s.prim}
        told = old.field
        return FieldDraft(
            prim=prim,
            name=old.name,
            sensors=together([kept.get(t) or _unread(t) for t in told.sensors], sensors),
            method=told.method,
            reach=told.radius * metres,
            farthest=told.max_distance * metres,
            neighbours=told.neighbours,
            power=told.power,
            lines=told.iso_lines,
            colormap=old.colormap or "heat",
            low=old.ends[0],
            high=old.ends[1],
            metres=metres,
            before=old,
            hint="The field that this part has.",
        )
    taken = {b.name for b in bindings if b.prim == prim}
    name = next(n for n in ("spread", *(f"spread_{i}" for i in range(2, 10_000))) if n not in taken)
    draft = FieldDraft(prim=prim, name=name, sensors=together((), sensors), metres=metres)
    return ranged(draft, readings or {})


def _unread(target: str) -> Sensor:
    """Return a sensor that cannot be read now: an edit of its field does not take it away."""
    return Sensor(target, target.partition(".")[0], TagSpec(slot=0, name=""))


def ranged(draft: FieldDraft, readings: Mapping[str, float]) -> FieldDraft:
    """Return the draft with the range of its sensors: of their tags, else of what they say now."""
    specs = [s.tag for s in draft.sensors]
    wide = [(t.low, t.high) for t in specs if math.isfinite(t.low) and math.isfinite(t.high)]
    if wide:
        low, high = min(a for a, _ in wide), max(b for _, b in wide)
        return replace(draft, low=low, high=high, hint="From the ranges of the tags.")
    now = [x for t in specs if math.isfinite(x := readings.get(t.name, math.nan))]
    if now and max(now) > min(now):
        return replace(draft, low=min(now), high=max(now), hint="No tag has a range: from what they say now.")
    return replace(draft, hint="No tag has a range: give one.") if specs else draft
