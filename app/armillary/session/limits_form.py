"""What is asked of an engineer who edits a tag or an alarm: fields, their texts, and what they change."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from armillary.model.alarm import AlarmSpec
from armillary.model.tags import TagSpec
from armillary.project.edit import tag_facts
from armillary.project.record import TWINS_FILE
from armillary.project.rules import RULES_FILE, alarm_facts
from armillary.session.limits import text_of

LOW, HIGH = 0, 1
WHOLE = -1  # an entry that is not one end of a pair
_DELAYS = ("level", "quality", "state")
_LIMITS = ("level", "count")
Change = float | int | str | tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field. A blank one takes its key out of the file."""

    key: str  # of the file
    title: str
    end: int = WHOLE  # LOW or HIGH of a pair
    kind: str = "text"  # text | number | whole
    choices: tuple[str, ...] = ()
    required: str = ""  # what is said when it is blank
    is_long: bool = False
    hint: str = ""

    @property
    def id(self) -> str:
        """Names the field in a form."""
        return self.key if self.end == WHOLE else f"{self.key}.{('low', 'high')[self.end]}"


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

    @property
    def is_new(self) -> bool:
        return bool(self.fixed)


_UNIT = Entry(key="unit", title="Unit")
_SOURCE_UNIT = Entry(
    key="source_unit", title="Sent in", hint="Unit in which the value comes; blank: the same"
)
_RANGE = (
    Entry(key="range", title="Range", end=LOW, kind="number", hint="Outside of it a value is uncertain"),
    Entry(key="range", title="Range", end=HIGH, kind="number"),
)
_EXPECTED = Entry(
    key="expected_interval_s",
    title="Expected, s",
    kind="number",
    hint="How often a value comes; it is stale after three times as long. Blank: only when it changes",
)
_FROZEN = Entry(
    key="frozen_after_s",
    title="Frozen, s",
    kind="number",
    hint="Exactly the same for longer is uncertain. Blank: not watched",
)
_BAD_AFTER = Entry(
    key="bad_after_s",
    title="Bad after, s",
    kind="number",
    hint="So long without a sign of life it is bad. Blank: it stays stale",
)
_WRITE = (
    Entry(key="write_range", title="Write range", end=LOW, kind="number", hint="What may be set"),
    Entry(key="write_range", title="Write range", end=HIGH, kind="number"),
)
_TITLE = Entry(key="title", title="Title")
_DIRECTION = Entry(key="direction", title="Raises", choices=("above", "below"))
_LIMIT = Entry(key="limit", title="Limit", kind="number", required="Give the limit.")
_DEADBAND = Entry(key="deadband", title="Deadband", kind="number", hint="It clears so much inside the limit")
_COUNT = Entry(key="count", title="Readings", kind="whole", hint="So many in sequence raise it")
_ON = Entry(key="on_delay_s", title="Delay on, s", kind="number")
_OFF = Entry(key="off_delay_s", title="Delay off, s", kind="number")
_PRIORITY = Entry(key="priority", title="Priority", choices=("1", "2", "3", "4"))
_CONSEQUENCE = Entry(
    key="consequence",
    title="Consequence",
    is_long=True,
    required="Say what happens when nobody answers: an alarm without a consequence is none.",
)
_ACTION = Entry(
    key="operator_action",
    title="What to do",
    is_long=True,
    required="Say what the operator does: an alarm without an operator action is none.",
)
_DEFAULTS = {"direction": "above", "priority": "3"}
_WHOLE_KEYS = ("priority",)


# ---------------------------------------------------------------- forms


def tag_form(folder: Path, spec: TagSpec) -> Form:
    """Return the form of a tag as its file is now. Raises ProjectFault."""
    since = text_of(folder, TWINS_FILE)
    facts = tag_facts(since, spec.name)
    entries = [_TITLE, _UNIT, *([] if spec.expression else [_SOURCE_UNIT])]
    if spec.kind == "number":
        entries += [*_RANGE]
    if not spec.expression:
        entries += [_EXPECTED, _BAD_AFTER, *([_FROZEN] if spec.kind == "number" else [])]
    if facts.get("writable") and spec.kind == "number":
        entries += [*_WRITE]
    return Form(
        subject=spec.name,
        title=f"Edit {spec.name}",
        entries=tuple(entries),
        texts=_texts(entries, facts),
        since=since,
        fixed={},
        unit=spec.unit,
    )


def alarm_form(folder: Path, spec: AlarmSpec, unit: str) -> Form:
    """Return the form of an alarm as its file is now. Raises ProjectFault."""
    since = text_of(folder, RULES_FILE)
    facts = {**_DEFAULTS, **alarm_facts(since, spec.id)}
    entries = _alarm_entries(spec.kind)
    return Form(
        subject=spec.tag,
        title=f"Edit alarm {spec.id}",
        entries=entries,
        texts=_texts(entries, facts),
        since=since,
        alarm=spec.id,
        fixed={},
        unit=unit,
    )


def new_alarm_form(folder: Path, tag: TagSpec, taken: Sequence[str], kind: str = "level") -> Form:
    """Return the form of an alarm that is not there yet. Raises ProjectFault."""
    entries = _alarm_entries(kind)
    id_ = free_id(tag.name, taken)
    texts = _texts(entries, {**_DEFAULTS, "count": 5} if kind == "count" else _DEFAULTS)
    return Form(
        subject=tag.name,
        title=f"New alarm of {tag.name}",
        entries=entries,
        texts=texts,
        since=text_of(folder, RULES_FILE),
        alarm=id_,
        fixed={"tag": tag.name, "kind": kind},
        unit=tag.unit,
    )


def _alarm_entries(kind: str) -> tuple[Entry, ...]:
    limits = (_DIRECTION, _LIMIT, _DEADBAND) if kind in _LIMITS else ()
    when = (_COUNT,) if kind == "count" else (_ON, _OFF) if kind in _DELAYS else ()
    return (_TITLE, *limits, *when, _PRIORITY, _CONSEQUENCE, _ACTION)


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
        value, why = _value(entry, text)
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
    if not out:
        return {}, "Nothing was changed."
    if form.is_new:
        return {**form.fixed, **out}, ""
    return out, ""


def _value(entry: Entry, text: str) -> tuple[Change, str]:
    if not text:
        return None, ""
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


def spec_of(form: Form, base: AlarmSpec | None, texts: Mapping[str, str]) -> AlarmSpec | None:
    """Return the alarm as typed, for a trial on the record; None where it cannot be tried."""
    numbers = {}
    for entry in form.entries:
        value, why = _value(entry, texts.get(entry.id, "").strip())
        if why:
            return None
        if entry.key in ("limit", "deadband", "on_delay_s", "off_delay_s", "count"):
            numbers[entry.key] = value
    if numbers.get("limit") is None:
        return None
    kind = form.fixed.get("kind", "level") if base is None else base.kind
    start = base or AlarmSpec(id=form.alarm, slot=-1, tag=form.subject)
    given = {key: value for key, value in numbers.items() if value is not None}
    blank = {"deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "count": 1}
    facts: dict[str, Any] = {**blank, **given}  # Any: the fields of a dataclass by name
    direction = texts.get("direction", "above")
    return replace(start, kind=kind, direction=direction, **facts)  # type: ignore[arg-type]
