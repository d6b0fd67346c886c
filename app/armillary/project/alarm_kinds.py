"""The keys of an `[[alarm]]` that belong to its kind: what each kind needs, and what says nothing for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from armillary.model import expression
from armillary.model.alarm import RATE_WINDOW_S, RE_ALARM_S, AlarmKind, AlarmLevel, AlarmSpec
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.project import advisories
from armillary.project.settings import MAX_SECONDS
from armillary.project.table import Table, nearest

KINDS: tuple[AlarmKind, ...] = (
    "level", "count", "state", "quality", "rate", "deviation", "discrepancy", "expression", "predicted",
)  # fmt: skip
ALIAS = ".value"  # TT-212 alone means TT-212.value
MOST_LEVELS = 4
LOWEST = 4  # priority
_DELAYS = ("on_delay_s", "off_delay_s")
_LIMIT = ("limit", "deadband", "unit")
# What a kind is told by; someone who gives another key expects what will not happen.
SAYS: Mapping[str, tuple[str, ...]] = {
    "level": (*_LIMIT, *_DELAYS, "direction", "levels"),
    "count": (*_LIMIT, "direction", "count", "count_clear", "on_bad"),
    "state": (*_DELAYS, "values", "normal"),
    "quality": _DELAYS,
    "rate": (*_LIMIT, *_DELAYS, "direction", "levels", "window_s"),
    "deviation": (*_LIMIT, *_DELAYS, "levels", "reference", "setpoint"),
    "discrepancy": (*_LIMIT, "off_delay_s", "command", "travel_time_s"),
    "expression": (*_DELAYS, "expression"),
    "predicted": (
        *_LIMIT,
        *_DELAYS,
        "direction",
        "window_s",
        "horizon_s",
        "confidence",
        "forecast",
        "forecast_error",
    ),
}
OF_KINDS = tuple(dict.fromkeys(key for keys in SAYS.values() for key in keys))
_LIMITED = ("level", "count", "rate", "deviation", "predicted")
_NUMBERLESS = ("text", "struct", "array")


def found_tag(name: str, tags: Mapping[str, TagSpec]) -> TagSpec | None:
    """Return a tag by its name, or by that of its asset where its value is meant."""
    return tags.get(name) or tags.get(name + ALIAS)


def tag_of(table: Table, key: str, tags: Mapping[str, TagSpec], *, required: bool = False) -> TagSpec | None:
    """Return the tag that a key names; one that is not there is noted."""
    name = table.text(key, required=required)
    found = found_tag(name, tags)
    if name and found is None:
        remedy = nearest(name, sorted(tags)).strip() or "Add it."
        table.wrong(key, f"There is no tag '{name}'.", remedy, "P10")
    return found


def of_kind(table: Table, spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> AlarmSpec:
    """Return an alarm with what its kind is told by; mistakes are noted.

    `spec` has what all kinds have, its tag too.
    """
    for key in OF_KINDS:
        if key in table and key not in SAYS[spec.kind]:
            what = f"'{key}' says nothing for an alarm of kind '{spec.kind}'."
            table.wrong(key, what, "Remove it, or give another kind.", "P32")
            table.raw(key)
    way = table.choice("direction", _ways(spec), "above")
    told = replace(
        spec,
        direction="below" if way == "below" else "above",
        two_sided=way == "both",
        limit=table.number("limit", 0.0),
        values=_values(table, "values"),
        normal=_values(table, "normal"),
        window_s=table.number("window_s", RATE_WINDOW_S, 0.1, MAX_SECONDS) if not spec.is_advisory else 0.0,
        setpoint=table.number("setpoint", 0.0),
    )
    if spec.kind in ("deviation", "discrepancy"):
        told = _with_reference(table, told, tags)
    if spec.kind == "expression":
        told = _with_expression(table, told, tags)
    if spec.is_advisory:
        told = advisories.read(table, told, tags)
    if "levels" in table:
        told = _with_levels(table, told)
    urgent = min([told.priority, *(level.priority for level in told.levels)])
    usual = RE_ALARM_S if urgent == 1 else 0.0
    told = replace(told, re_alarm_s=table.number("re_alarm_s", usual, 0.0, MAX_SECONDS))
    _must_fit(table, told, tags)
    return told


def _ways(spec: AlarmSpec) -> tuple[str, ...]:
    return ("above", "below", "both") if spec.kind == "rate" else ("above", "below")


def _values(table: Table, key: str) -> tuple[float, ...]:
    raw = table.raw(key, [])
    if not isinstance(raw, list) or not all(isinstance(value, int | float | bool) for value in raw):
        table.wrong(key, f"'{key}' is {raw!r}, which is not a list of numbers.", "Give [2].")
        return ()
    return tuple(float(value) for value in raw)


def _with_reference(table: Table, spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> AlarmSpec:
    """Return an alarm with what its tag should be near, or with the command that it should follow."""
    follows = spec.kind == "discrepancy"
    key = "command" if follows else "reference"
    other = tag_of(table, key, tags, required=follows)
    travel_s = table.number("travel_time_s", 0.0, 0.0, MAX_SECONDS)
    if follows and not travel_s:
        what = "'travel_time_s' is missing."
        table.document.wrong(table.path, what, "Give the seconds that it may take to follow.", "P03")
    if not follows and ("reference" in table) == ("setpoint" in table):
        what = "A deviation needs a 'reference' tag or a 'setpoint', and one of them only."
        table.document.wrong(table.path, what, "Give one of them.", "P03")
    mine = tags.get(spec.tag)
    if other is not None and mine is not None:
        if other.slot == mine.slot:
            table.wrong(key, f"'{mine.name}' is compared with itself.", "Name another tag.", "P32")
        if other.kind in _NUMBERLESS:
            table.wrong(key, f"The tag {other.name} is a {other.kind}: it has no limit.", _NAME_ONE, "P32")
        if other.unit != mine.unit:
            what = f"{mine.name} is in {_unit(mine.unit)}, {other.name} in {_unit(other.unit)}."
            table.wrong(key, what, "Show both in one unit: give one of them 'unit' in twins.json.", "P71")
    return replace(
        spec,
        reference=other.name if other is not None else "",
        reference_slot=other.slot if other is not None else -1,
        on_delay_s=travel_s if follows else spec.on_delay_s,
    )


def _with_expression(table: Table, spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> AlarmSpec:
    """Return an alarm with its condition; without a tag of its own it is shown at the first that it reads."""
    text = table.text("expression", required=True)
    if not text:
        return spec
    try:
        made = expression.compile(text, tags, table.document.where(table.path))
    except ProjectFault as fault:
        table.wrong("expression", fault.what, fault.remedy, "P70")
        return spec
    if not made.names:
        table.wrong("expression", f"'{text}' reads no tag: it never changes.", "Name a tag in it.", "P70")
        return spec
    first = tags[made.names[0]]
    return replace(
        spec,
        expression=text,
        tag=spec.tag or first.name,
        slot=spec.slot if spec.tag else first.slot,
    )


def _with_levels(table: Table, spec: AlarmSpec) -> AlarmSpec:
    """Return an alarm with its limits, nearest first; its own limit and priority are those of the nearest."""
    for key in ("limit", "priority"):
        if key in table:
            what = f"'{key}' says nothing beside 'levels': each has its own."
            table.wrong(key, what, "Remove it, or the levels.", "P32")
    sign = -1.0 if spec.direction == "below" else 1.0
    letter = "L" if spec.direction == "below" else "H"
    levels: list[AlarmLevel] = []
    for n, each in enumerate(table.tables("levels"), 1):
        level = AlarmLevel(
            name=each.text("name", letter * n),
            limit=each.number("limit", 0.0),
            priority=each.whole("priority", spec.priority, 1, LOWEST),
            deadband=each.number("deadband", 0.0, 0.0) if "deadband" in each else None,
            on_delay_s=_seconds(each, "on_delay_s"),
            off_delay_s=_seconds(each, "off_delay_s"),
        )
        if "limit" not in each:
            table.document.wrong(each.path, "'limit' is missing.", "Give the limit in the tag's unit.", "P03")
        each.done()
        before = levels[-1] if levels else None
        if before is not None and sign * level.limit <= sign * before.limit:
            what = (
                f"The limit {level.limit:g} of {level.name} is not beyond {before.limit:g} of {before.name}."
            )
            table.document.wrong(each.path, what, "Give the nearest limit first.", "P72")
        if before is not None and level.priority > before.priority:
            what = f"{level.name} is less urgent ({level.priority}) than {before.name} ({before.priority})."
            table.document.wrong(each.path, what, "Give the farther limit the more urgent priority.", "P72")
        if level.name in {other.name for other in levels}:
            table.document.wrong(each.path, f"There are two levels '{level.name}'.", "Rename one.", "P72")
        levels.append(level)
    if not 1 <= len(levels) <= MOST_LEVELS:
        table.wrong("levels", f"There are {len(levels)} levels.", f"Give 1 to {MOST_LEVELS}.", "P72")
        return spec
    return replace(spec, levels=tuple(levels), limit=levels[0].limit, priority=levels[0].priority)


def _seconds(table: Table, key: str) -> float | None:
    return table.number(key, 0.0, 0.0, MAX_SECONDS) if key in table else None


_NAME_ONE = "Name a tag with numbers."


def _must_fit(table: Table, spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> None:
    """Note keys that the kind of alarm needs, and a limit that is never reached or in another unit."""
    if spec.kind in _LIMITED and "limit" not in table and "levels" not in table:
        table.document.wrong(table.path, "'limit' is missing.", "Give the limit in the tag's unit.", "P03")
    if spec.kind == "state" and not spec.values and not spec.normal:
        table.document.wrong(table.path, "'values' is missing.", "Give the alarm's values, [2].", "P03")
    if set(spec.values) & set(spec.normal):
        table.wrong("normal", "A value is normal and an alarm at once.", "Take it out of one of them.", "P32")
    tag, unit = tags.get(spec.tag), table.text("unit")
    if tag is None or spec.kind not in (*_LIMITED, "discrepancy"):
        return
    if tag.kind in _NUMBERLESS:
        table.wrong("tag", f"The tag {tag.name} is a {tag.kind}: it has no limit.", _NAME_ONE, "P32")
    _must_be_in(table, unit, spec, tag)
    if spec.kind in ("deviation", "discrepancy") and spec.limit < 0:
        table.wrong("limit", f"A distance is never less than {spec.limit:g}.", "Give 0 or more.", "P32")
    if spec.kind not in ("level", "count", "predicted"):
        return
    limit = spec.levels[-1].limit if spec.levels else spec.limit
    reached = limit < tag.high if spec.direction == "above" else limit > tag.low
    if not reached:
        what = f"The limit {limit:g} is at or beyond the end of the range of {tag.name}."
        remedy = "Give a limit inside the tag's range; such an alarm never raises on a good value."
        table.document.wrong((*table.path, "limit"), what, remedy, "P33", "warning")


def _must_be_in(table: Table, unit: str, spec: AlarmSpec, tag: TagSpec) -> None:
    """Note a limit that is written in another unit than it is compared in."""
    ours = f"{tag.unit}/s" if spec.kind == "rate" and tag.unit else tag.unit
    if unit and unit != ours:
        what = f"The limit is in {_unit(unit)}, {tag.name} in {_unit(ours)}."
        table.wrong("unit", what, f"Give the limit in {_unit(ours)}.", "P71")


def _unit(unit: str) -> str:
    return unit or "no unit"
