"""The set-up of a what-if run as data: what is changed, when, for how long, with what uncertainty."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from armillary.model.control import ModelOffer, RunRequest, Settable

MOST_MEMBERS = 10_000
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)  # relative standard deviations that are offered
_SLOWER = 0.85
_ON = 0.5
_SPEEDS = ("rpm", "1/min", "1/s", "Hz")
_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that a run sets."""

    name: str  # of a Settable
    value: float
    at_s: float = 60.0  # after the fork; parameters are set at the fork


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A run that is being set up."""

    title: str = ""
    changes: tuple[Change, ...] = ()
    horizon_s: float = 3600.0
    members: int = 1
    spread: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1

    def with_change(self, change: Change) -> Draft:
        """Return the draft with a change; one of the same name is replaced."""
        if change.name not in [c.name for c in self.changes]:
            return replace(self, changes=(*self.changes, change))
        return replace(self, changes=tuple(change if c.name == change.name else c for c in self.changes))

    def without(self, name: str) -> Draft:
        """Return the draft without what it changes of a name."""
        return replace(self, changes=tuple(c for c in self.changes if c.name != name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A ready-made question about one piece of equipment."""

    text: str  # `What if P-101A trips?`
    changes: tuple[Change, ...]


def draft_for(offer: ModelOffer) -> Draft:
    """Return an empty draft with the horizon and the uncertainty of the fork's scenario."""
    return Draft(horizon_s=offer.horizon_s, members=offer.members, spread=dict(offer.spread), seed=offer.seed)


def why_not(draft: Draft, offer: ModelOffer | None) -> str:
    """Return why a draft cannot be run, "" when it can."""
    if offer is None:
        return "The model has not said yet what can be set."
    known = {s.name: s for s in offer.settable}
    if not draft.changes:
        return "Nothing is changed: add a value, or ask a question about the selected part."
    for change in draft.changes:
        found = known.get(change.name)
        if found is None:
            return f"The model has no '{change.name}'."
        if not math.isfinite(change.value) or not found.low <= change.value <= found.high:
            return f"{change.name}: give {range_text(found)}."
        if found.causality == "input" and not 0 <= change.at_s < draft.horizon_s:
            return f"{change.name}: it changes at {change.at_s:g} s, the run ends at {draft.horizon_s:g} s."
    if not (math.isfinite(draft.horizon_s) and draft.horizon_s > 0):
        return "Give a horizon."
    if not 1 <= draft.members <= MOST_MEMBERS:
        return f"Give 1 to {MOST_MEMBERS} members."
    if draft.members > 1 and not draft.spread:
        return "Several members need an uncertainty that tells them apart."
    return ""


def request_of(draft: Draft, offer: ModelOffer, taken: Sequence[str]) -> RunRequest:
    """Return what the world is asked for; its id is free among those taken."""
    inputs = {s.name for s in offer.settable if s.causality == "input"}
    title = draft.title.strip() or title_of(draft, offer)
    spread = dict(draft.spread) if draft.members > 1 else {}
    return RunRequest(
        id=free_id(title, taken),
        title=title,
        horizon_s=draft.horizon_s,
        events=tuple((c.at_s, c.name, c.value) for c in draft.changes if c.name in inputs),
        parameters={c.name: c.value for c in draft.changes if c.name not in inputs},
        members=draft.members,
        spread=spread,
        seed=draft.seed,
    )


def free_id(title: str, taken: Sequence[str]) -> str:
    """Return an id made of a title that is not taken: results never change, so an id is used once."""
    stem = _NAME.sub("-", title.lower()).strip("-")[:60] or "run"
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name


def title_of(draft: Draft, offer: ModelOffer) -> str:
    """Return a title that says what a draft changes."""
    known = {s.name: s for s in offer.settable}
    parts = []
    for change in draft.changes[:3]:
        found = known.get(change.name)
        unit = f" {found.unit}" if found is not None and found.unit else ""
        parts.append(f"{change.name} {change.value:g}{unit}")
    more = len(draft.changes) - len(parts)
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def range_text(found: Settable) -> str:
    """Return the range of a value in words."""
    unit = f" {found.unit}" if found.unit else ""
    low, high = math.isfinite(found.low), math.isfinite(found.high)
    if low and high:
        return f"{found.low:g} … {found.high:g}{unit}"
    if low:
        return f"at least {found.low:g}{unit}"
    return f"at most {found.high:g}{unit}" if high else f"a number{unit and f' in{unit}'}"


def is_switch(found: Settable) -> bool:
    """Return whether a value is on or off rather than an amount."""
    return not found.unit and (found.low, found.high) == (0.0, 1.0) and not found.fault


def matching(offer: ModelOffer, words: str) -> tuple[Settable, ...]:
    """Return what can be set that has all these words in its name or title; setpoints first, faults last."""
    wanted = words.lower().split()
    found = [s for s in offer.settable if all(w in f"{s.name} {s.title} {s.fault}".lower() for w in wanted)]
    return tuple(sorted(found, key=lambda s: (bool(s.fault), s.causality == "parameter", not s.tag)))


def of_equipment(offer: ModelOffer, twins: Sequence[str]) -> tuple[Settable, ...]:
    """Return what can be set on these twins."""
    return tuple(s for s in offer.settable if s.name.split(".", 1)[0] in twins and "." in s.name)


def questions(offer: ModelOffer, twin: str) -> tuple[Question, ...]:
    """Return ready-made questions about a twin, out of what the model offers for it."""
    out: list[Question] = []
    own = of_equipment(offer, (twin,))
    is_actuator = any(s.fault.startswith("actuator.") for s in own)
    speed = next((s for s in own if s.unit in _SPEEDS and s.causality == "input"), None)
    for s in own:
        change = Change(name=s.name, value=1.0)
        if s.fault.endswith(".trip"):
            out.insert(0, Question(text=f"What if {twin} trips?", changes=(change,)))
        elif s.fault:
            words = s.title.removeprefix(twin).strip() or s.fault
            out.append(Question(text=f"What if {twin}: {words}?", changes=(change,)))
        elif s is speed and s.now > 0:
            slower = float(round(s.now * _SLOWER))
            text = f"What if {twin} is slowed to {slower:g} {s.unit}?"
            out.append(Question(text=text, changes=(replace(change, value=slower),)))
        elif is_switch(s) and s.name.endswith(".run"):
            is_on = s.now > _ON
            changes = [replace(change, value=0.0 if is_on else 1.0)]
            if not is_on and speed is not None and math.isfinite(speed.high) and not speed.now > 0:
                changes.append(Change(name=speed.name, value=speed.high))
            words = "is stopped" if is_on else "is started"
            out.append(Question(text=f"What if {twin} {words}?", changes=tuple(changes)))
        elif is_actuator and s.unit == "%" and s.causality == "input":
            for words, value in (("is shut", 0.0), ("is opened", 100.0)):
                out.append(Question(text=f"What if {twin} {words}?", changes=(replace(change, value=value),)))
    return tuple(sorted(out, key=lambda q: ": " in q.text))  # plain ones before faults


def spread_of(offer: ModelOffer, share: float) -> Mapping[str, float]:
    """Return the uncertainty of a run at a relative standard deviation.

    Spread are the variables that the scenario spreads; without any, the parameters that scale something.
    """
    if share <= 0:
        return {}
    named = tuple(offer.spread) or tuple(
        s.name for s in offer.settable if s.causality == "parameter" and s.name.endswith("_scale")
    )
    return dict.fromkeys(named, share)
