"""What is asked of an engineer who edits a tag or an alarm: fields, their texts, and what they change."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from armillary.model.alarm import RATE_WINDOW_S, AlarmSpec
from armillary.model.tags import TagSpec
from armillary.project.alarm_rating import rated
from armillary.project.edit import tag_facts
from armillary.project.record import TWINS_FILE
from armillary.project.rules import RULES_FILE, alarm_facts
from armillary.session.limits import text_of
from armillary.session.limits_fields import (
    ACTION,
    BAD_AFTER,
    CONSEQUENCE,
    EXPECTED,
    FROZEN,
    HIGH,
    LOW,
    OF_KIND,
    PRIORITY,
    RANGE,
    RESPOND,
    SEVERITY,
    SOURCE_UNIT,
    TITLE,
    UNIT,
    WHOLE,
    WHY,
    WRITE,
    Entry,
)
from armillary.session.starting import starting

Change = float | int | str | tuple[float, float] | list[float] | None
LEAST_URGENT = 3  # of what is only predicted
NO_STATES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Fields of one tag or alarm as the file has them. `since`: the file's text when it was read."""

    subject: str  # tag or alarm id
    title: str
    entries: tuple[Entry, ...]
    texts: Mapping[str, str]
    since: str
    alarm: str = ""  # id; "" = a tag is edited
    fixed: Mapping[str, str]  # keys that a new alarm has besides
    unit: str = ""
    kind: str = ""  # of an alarm
    states: Mapping[str, float] = field(default_factory=dict)  # of the tag, by their names in small letters

    @property
    def is_new(self) -> bool:
        return bool(self.fixed)


_DEFAULTS = {"direction": "above", "priority": "3"}
_WHOLE_KEYS = ("priority",)


# ---------------------------------------------------------------- forms


def tag_form(folder: Path, spec: TagSpec) -> Form:
    """Return the form of a tag as its file is now. Raises ProjectFault."""
    since = text_of(folder, TWINS_FILE)
    facts = tag_facts(since, spec.name)
    entries = [TITLE, UNIT, *([] if spec.expression else [SOURCE_UNIT])]
    if spec.kind == "number":
        entries += [*RANGE]
    if not spec.expression:
        entries += [EXPECTED, BAD_AFTER, *([FROZEN] if spec.kind == "number" else [])]
    if facts.get("writable") and spec.kind == "number":
        entries += [*WRITE]
    return Form(
        subject=spec.name,
        title=f"Edit {spec.name}",
        entries=tuple(entries),
        texts=_texts(entries, facts),
        since=since,
        fixed={},
        unit=spec.unit,
    )


def alarm_form(folder: Path, spec: AlarmSpec, unit: str, tag: TagSpec | None = None) -> Form:
    """Return the form of an alarm as its file is now. Raises ProjectFault."""
    since = text_of(folder, RULES_FILE)
    facts = {**_DEFAULTS, **alarm_facts(since, spec.id)}
    entries = _alarm_entries(spec.kind)
    if spec.levels:  # each has its own: they are edited in the file or in a table
        entries = tuple(entry for entry in entries if entry.key not in _OF_LEVELS)
    return Form(
        subject=spec.tag,
        title=f"Edit alarm {spec.id}",
        entries=entries,
        texts=_texts(entries, facts),
        since=since,
        alarm=spec.id,
        fixed={},
        unit=unit,
        kind=spec.kind,
        states=states_of(tag),
    )


def new_alarm_form(folder: Path, tag: TagSpec, taken: Sequence[str], kind: str = "level") -> Form:
    """Return the form of an alarm that is not there yet. Raises ProjectFault."""
    entries = _alarm_entries(kind)
    id_ = free_id(tag.name, taken)
    facts = {**_DEFAULTS, **starting(tag, kind)}
    if kind == "predicted":
        facts["priority"] = str(LEAST_URGENT)
    texts = _texts(entries, facts)
    return Form(
        subject=tag.name,
        title=f"New alarm of {tag.name}",
        entries=entries,
        texts=texts,
        since=text_of(folder, RULES_FILE),
        alarm=id_,
        fixed={"tag": tag.name, "kind": kind},
        unit=tag.unit,
        kind=kind,
        states=states_of(tag),
    )


def _alarm_entries(kind: str) -> tuple[Entry, ...]:
    priority = replace(PRIORITY, choices=("3", "4")) if kind == "predicted" else PRIORITY
    return (
        TITLE, *OF_KIND.get(kind, ()), SEVERITY, RESPOND, priority, WHY, CONSEQUENCE, ACTION,
    )  # fmt: skip


def states_of(tag: TagSpec | None) -> Mapping[str, float]:
    """Return a tag's values by the names of their states."""
    return {name.casefold(): value for value, name in tag.states} if tag is not None else {}


def free_id(tag: str, taken: Sequence[str]) -> str:
    """Return an id for a new alarm of a tag."""
    base = re.sub(r"[^\w.\-]", "-", tag.removesuffix(".value"))
    number = 1
    while (name := f"{base}-A{number}") in taken:
        number += 1
    return name


def _texts(entries: Sequence[Entry], facts: Mapping[str, Any]) -> dict[str, str]:  # Any: of a file
    out = {}
    for entry in entries:
        value = facts.get(entry.key, "")
        if entry.end != WHOLE:
            value = value[entry.end] if isinstance(value, (list, tuple)) and len(value) > entry.end else ""
        if isinstance(value, (list, tuple)):
            value = ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
        out[entry.id] = f"{value:g}" if isinstance(value, float) else str(value)
    return out


# ---------------------------------------------------------------- what was typed


# Any: values of a file, which is read back and checked before it is written
def changes(form: Form, texts: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return (what differs from the file, "") or ({}, why it cannot be saved)."""
    out: dict[str, Any] = {}
    for entry in form.entries:
        text = texts.get(entry.id, "").strip()
        if not text and entry.required:
            return {}, entry.required
        value, why = _value(entry, text, form.states)
        if why:
            return {}, why
        if entry.end == LOW or (entry.end == WHOLE and text == form.texts[entry.id] and not form.is_new):
            continue
        if entry.end == HIGH:
            pair, why = _pair(entry, texts)
            if why:
                return {}, why
            ids = (f"{entry.key}.low", f"{entry.key}.high")
            if any(texts.get(id_, "").strip() != form.texts[id_] for id_ in ids):
                out[entry.key] = pair
            continue
        if value is not None or not form.is_new:
            out[entry.key] = value
    if why := _refused(form, texts):
        return {}, why
    if not out:
        return {}, "Nothing was changed."
    if form.is_new:
        return {**form.fixed, **out}, ""
    return out, ""


def _refused(form: Form, texts: Mapping[str, str]) -> str:
    """Return why an alarm cannot be as it was typed, where no field alone says so."""
    if not form.alarm:
        return ""

    def said(key: str) -> str:
        return texts.get(key, "").strip()

    kind = form.kind
    if kind == "deviation" and bool(said("reference")) == bool(said("setpoint")):
        return "Give a tag that it should be near, or a number, and one of them only."
    if kind == "state" and not said("values") and not said("normal"):
        return "Give the states that are an alarm, or those that are normal."
    if said("severity") and said("priority"):
        asked = suggested_priority(kind, texts)
        if asked != int(said("priority")) and not said("priority_reason"):
            return f"Severity and time to respond give priority {asked}: choose it, or say why not."
    return ""


def suggested_priority(kind: str, texts: Mapping[str, str]) -> int:
    """Return the priority that severity and time to respond give, 0 where no severity is said."""
    severity = texts.get("severity", "").strip()
    found = rated(severity, _number(texts.get("time_to_respond_s", ""))) if severity else 0
    return max(found, LEAST_URGENT) if found and kind == "predicted" else found


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 0.0


def _numbers(entry: Entry, text: str, states: Mapping[str, float]) -> tuple[Change, str]:
    """Return a list of numbers, or of states by their names."""
    out: list[float] = []
    for each in (part.strip() for part in text.split(",")):
        if each.casefold() in states:
            out.append(states[each.casefold()])
            continue
        try:
            out.append(float(each))
        except ValueError:
            known = ", ".join(states) or "none has a name"
            return None, f"{entry.title}: '{each}' is neither a number nor a state ({known})."
    return out, ""


def _value(entry: Entry, text: str, states: Mapping[str, float] = NO_STATES) -> tuple[Change, str]:
    if not text:
        return None, ""
    if entry.kind == "numbers":
        return _numbers(entry, text, states)
    if entry.kind == "text" and entry.key not in _WHOLE_KEYS:
        return text, ""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None, f"{entry.title}: '{text}' is not a number."
    if not math.isfinite(value):
        return None, f"{entry.title}: give a finite number."
    if entry.kind == "whole" or entry.key in _WHOLE_KEYS:
        return (int(value), "") if value == int(value) else (None, f"{entry.title}: give a whole number.")
    return value, ""


def _pair(entry: Entry, texts: Mapping[str, str]) -> tuple[tuple[float, float] | None, str]:
    low, high = (texts.get(f"{entry.key}.{end}", "").strip() for end in ("low", "high"))
    if not low and not high:
        return None, ""
    if not low or not high:
        return None, f"{entry.title}: give both ends, or none."
    a, b = float(low.replace(",", ".")), float(high.replace(",", "."))
    return ((a, b), "") if a < b else (None, f"{entry.title}: low must be below high.")


_OF_LEVELS = ("limit", "priority", "severity", "priority_reason")
_BLANKS = {
    "limit": 0.0,
    "deadband": 0.0,
    "on_delay_s": 0.0,
    "off_delay_s": 0.0,
    "count": 1,
    "window_s": RATE_WINDOW_S,
}
_NEEDS = {"expression": "expression", "discrepancy": "command"}


def spec_of(form: Form, base: AlarmSpec | None, texts: Mapping[str, str]) -> AlarmSpec | None:
    """Return the alarm as typed, for a trial on the record; None where it cannot be tried."""
    told: dict[str, Any] = {}  # Any: the fields of a dataclass by name
    for entry in form.entries:
        value, why = _value(entry, texts.get(entry.id, "").strip(), form.states)
        if why or (value is None and entry.required and not entry.is_long):
            return None
        told[entry.key] = value
    if _NEEDS.get(form.kind, "") and told.get(_NEEDS[form.kind]) in (None, []):
        return None
    start = base or AlarmSpec(id=form.alarm, slot=-1, tag=form.subject)
    facts: dict[str, Any] = {
        key: blank if told[key] is None else told[key] for key, blank in _BLANKS.items() if key in told
    }
    way = str(told.get("direction") or "above")
    facts |= {
        "direction": "below" if way == "below" else "above",
        "two_sided": way == "both",
        "values": tuple(told.get("values") or ()),
        "normal": tuple(told.get("normal") or ()),
        "expression": str(told.get("expression") or ""),
        "reference": str(told.get("reference") or told.get("command") or ""),
        "setpoint": float(told.get("setpoint") or 0.0),
    }
    if form.kind == "discrepancy":
        facts["on_delay_s"] = float(told.get("travel_time_s") or 0.0)
    return replace(start, kind=form.kind, **facts)  # type: ignore[arg-type]
