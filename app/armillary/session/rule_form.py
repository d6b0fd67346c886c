"""What is asked of an engineer who edits a rule on streams: keys by kind, texts, and what they change."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from armillary.model.expression_past import AGGREGATES
from armillary.model.fault import ProjectFault
from armillary.model.rule import RuleSpec
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE
from armillary.project.streams import KINDS, METHODS, WINDOWS
from armillary.project.streams_edit import Value, rule_facts, with_rule
from armillary.project.streams_related import AGGREGATES as OF_MEMBERS

NUMBER, TEXT, FLAG, LIST = "number", "text", "flag", "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One field of the form. A blank one takes its key out of the file."""

    name: str
    title: str
    kind: str = TEXT
    choices: tuple[str, ...] = ()
    hint: str = ""


def _number(name: str, title: str, hint: str = "") -> Key:
    return Key(name=name, title=title, kind=NUMBER, hint=hint)


_OF = Key(name="of", title="Watches", hint="A tag, or an expression of tags")
_SECONDS = _number("seconds", "Over, s")
_WITHIN = _number("within_s", "Within, s")
_FIRST = Key(name="first", title="First", hint="A condition, as P-101A.speed > 30")
_THEN = Key(name="then", title="Then", hint="A condition that becomes true after it")
_UNIT = Key(name="unit", title="Unit", hint="Of what is measured, and of the limits")
_LIMITS = (
    _number("above", "Above", "Fires above this"),
    _number("below", "Below", "Fires below this"),
    _number("deadband", "Deadband", "So far inside the limit it ends"),
)
_ALWAYS = (
    _number("for_s", "For, s", "So long without a break"),
    _number("rest_s", "Rest, s", "Ends when it was not so for as long"),
    Key(name="event", title="Event", hint="Told when it begins"),
    Key(name="event_end", title="Event at end", hint="Told when it ends"),
)
_CORNERS = (
    Key(name="polygon", title="Polygon", kind=LIST, hint="[[0, 0], [4, 0], [4, 2]]"),
    Key(name="low", title="Box from", kind=LIST, hint="[0, 0] or [0, 0, 0]"),
    Key(name="high", title="Box to", kind=LIST, hint="[4, 2] or [4, 2, 1]"),
)
OWN: Mapping[str, tuple[Key, ...]] = {
    "window": (
        _OF,
        Key(name="window", title="Window", choices=WINDOWS),
        _SECONDS,
        Key(name="aggregate", title="Aggregate", choices=tuple(AGGREGATES)),
        *_LIMITS,
        _UNIT,
        _number("gap_s", "Gap, s", "Of a session: the silence that ends it"),
        Key(name="where", title="While", hint="Only what comes while this is true"),
    ),
    "expression": (_OF, Key(name="when", title="When", hint="A condition, instead"), _UNIT, *_LIMITS),
    "sequence": (_FIRST, _THEN, _WITHIN),
    "absence": (
        _OF,
        Key(name="no", title="No", choices=("condition", "sample", "change")),
        _SECONDS,
        _FIRST,
        _THEN,
        _WITHIN,
    ),
    "geofence": (
        Key(name="x", title="x", hint="A tag"),
        Key(name="y", title="y"),
        Key(name="z", title="z", hint="With a box that has heights"),
        Key(name="when", title="When", choices=("inside", "outside")),
        Key(name="prim", title="Prim", hint="armillary rules box writes its box"),
        *_CORNERS,
    ),
    "energy": (
        _OF,
        Key(name="period", title="Period", choices=("total", "day")),
        Key(name="counter", title="Is a meter", kind=FLAG, choices=("false", "true")),
        _number("wrap", "Begins anew at"),
        _UNIT,
        *_LIMITS,
    ),
    "relation": (
        Key(name="of", title="Twin"),
        Key(name="relation", title="Relation"),
        Key(name="tag", title="Tag of each"),
        Key(name="aggregate", title="Aggregate", choices=OF_MEMBERS),
        Key(name="direction", title="Direction", choices=("to", "from")),
        Key(name="deep", title="And theirs", kind=FLAG, choices=("false", "true")),
        _UNIT,
        *_LIMITS,
    ),
    "correlation": (_OF, Key(name="with", title="With"), _SECONDS, *_LIMITS),
    "anomaly": (
        _OF,
        Key(name="method", title="Method", choices=tuple(METHODS)),
        _SECONDS,
        _number("period_s", "Period, s", "Of seasonal and novelty: a day is 86400"),
        _number("resolution", "Resolution", "Of robust and novelty: what is less is no deviation"),
        *_LIMITS,
    ),
}


def keys(kind: str) -> tuple[Key, ...]:
    """Return the fields of a kind, in their order."""
    own = OWN.get(kind, OWN["window"])
    return (Key(name="title", title="Title"), *own, *_ALWAYS)


def text_of(value: Value | None) -> str:
    """Return a value of the file as a field shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def changes(kind: str, texts: Mapping[str, str], facts: Mapping[str, Value]) -> dict[str, Value | None]:
    """Return what the texts change in the file; keys of another kind go. Raises ProjectFault."""
    out: dict[str, Value | None] = {"kind": kind}
    known = {key.name for key in keys(kind)}
    for own in OWN.values():
        out.update((key.name, None) for key in own if key.name in facts and key.name not in known)
    for key in keys(kind):
        text = texts.get(key.name, "").strip()
        if key.choices and text == key.choices[0] and key.name not in facts:
            continue  # the usual one is not written
        if text or key.name in facts:
            out[key.name] = _value(key, text) if text else None
    return out


def _value(key: Key, text: str) -> Value:
    if key.kind == FLAG:
        return text == "true"
    if key.kind == NUMBER:
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ProjectFault(
                f"{key.title}: '{text}' is no number.", where=key.name, remedy="Give one, as 85."
            )
        return number
    if key.kind == LIST:
        try:
            found = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            found = None
        if not isinstance(found, list):
            raise ProjectFault(f"{key.title}: '{text}' is no list.", where=key.name, remedy=f"As {key.hint}.")
        return found
    return text


def draft(
    folder: Path, text: str, rule: str, changed: Mapping[str, Value | None]
) -> tuple[Project, RuleSpec]:
    """Return the project and the rule as they would be; nothing is written. Raises ProjectFault."""
    project = projects.with_rules(folder, with_rule(text, rule, changed))
    found = next((each for each in project.rules if each.id == rule), None)
    if found is None:
        raise ProjectFault(f"There is no rule '{rule}'.", where=str(folder), remedy="Give it an id.")
    return project, found


def first_free(taken: Mapping[str, object], kind: str) -> str:
    """Return an id that no tag has."""
    number = 1
    while f"{kind}-{number}" in taken:
        number += 1
    return f"{kind}-{number}"


__all__ = [
    "KINDS",
    "RULES_FILE",
    "Key",
    "Value",
    "changes",
    "draft",
    "first_free",
    "keys",
    "rule_facts",
    "text_of",
]
