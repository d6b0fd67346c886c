"""What an `[[alarm]]` of kind `predicted` is told by, and what may not hang on it: it trips nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from armillary.model.alarm import ADVISORY, CONFIDENCE, HORIZON_S, AlarmSpec
from armillary.model.clock import MS_NS, NS
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project.settings import MAX_SECONDS
from armillary.project.table import Table, nearest

HIGHEST = 3  # priority: what may come is never as urgent as what is
FEWEST = 8  # readings that a trend wants in half its window
_LEAST_SURE, _MOST_SURE = 0.5, 0.999
CODE = "P79"


def read(table: Table, spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> AlarmSpec:
    """Return an alarm with what it predicts by; mistakes are noted."""
    horizon = table.number("horizon_s", HORIZON_S, 1.0, MAX_SECONDS)
    told = replace(
        spec,
        category=spec.category or ADVISORY,
        horizon_s=horizon,
        window_s=table.number("window_s", horizon, 1.0, MAX_SECONDS),
        confidence=table.number("confidence", CONFIDENCE, _LEAST_SURE, _MOST_SURE),
        forecast_error=table.number("forecast_error", 0.0, 0.0),
    )
    if told.action:
        what = f"'{told.id}' only says what may come: it carries out nothing."
        table.wrong("action", what, "Remove 'action', or give it to the alarm on the limit itself.", CODE)
        told = replace(told, action="")
    if told.priority < HIGHEST:
        what = f"'{told.id}' only says what may come: its priority is {HIGHEST} or 4."
        table.wrong("priority", what, "Give 3 or 4; the alarm on the limit itself may be more urgent.", CODE)
    return _with_model(table, told, tags)


def _with_model(table: Table, spec: AlarmSpec, tags: Mapping[str, TagSpec]) -> AlarmSpec:
    """Return an alarm with the tag that a model writes its forecast to, where it names one."""
    name = table.text("forecast")
    if not name:
        if "forecast_error" in table:
            what = "'forecast_error' says nothing without 'forecast': a trend knows its own."
            table.wrong("forecast_error", what, "Remove it, or name the tag with the forecast.", "P32")
        return spec
    if "window_s" in table:
        what = "'window_s' says nothing beside 'forecast': the model looks back by itself."
        table.wrong("window_s", what, "Remove one of them.", "P32")
    model, mine = tags.get(name) or tags.get(f"{name}.value"), tags.get(spec.tag)
    if model is None:
        remedy = nearest(name, sorted(tags)).strip() or "Add it."
        table.wrong("forecast", f"There is no tag '{name}'.", remedy, "P10")
        return spec
    if mine is not None and model.slot == mine.slot:
        table.wrong("forecast", f"'{mine.name}' is no forecast of itself.", "Name the model's tag.", "P32")
    if mine is not None and model.unit != mine.unit:
        ours, theirs = mine.unit or "no unit", model.unit or "no unit"
        what = f"{mine.name} is in {ours}, {model.name} in {theirs}."
        table.wrong("forecast", what, "Show both in one unit: give one of them 'unit' in twins.json.", "P71")
    return replace(spec, reference=model.name, reference_slot=model.slot)


def refused(alarm: str) -> tuple[str, str]:
    """Return (what, remedy) of something that would hang on a prediction."""
    return (
        f"'{alarm}' only says what may come: nothing is done because of it.",
        "Name the alarm on the limit itself.",
    )


def findings(alarms: Sequence[AlarmSpec], specs: Mapping[str, TagSpec]) -> Iterator[SceneProblem]:
    """Yield predictions that look farther ahead than back, from too few readings, or of no alarm's limit."""
    for spec in _trends(alarms):
        tag = specs.get(spec.tag)
        if spec.horizon_s > spec.window_s:
            what = f"'{spec.id}' looks {spec.horizon_s:g} s ahead and only {spec.window_s:g} s back."
            yield _found("P78", spec, what, "Give a longer 'window_s', or a shorter 'horizon_s'.")
        if tag is not None and FEWEST * tag.expected_ms * MS_NS > spec.window_s * NS:
            what = (
                f"'{spec.id}' looks {spec.window_s:g} s back, and {tag.name} comes every "
                f"{tag.expected_ms / 1000:g} s: it never has {FEWEST} readings."
            )
            yield _found("P77", spec, what, "Give a longer 'window_s'.")
    limits = {
        (each.slot, each.direction, limit)
        for each in alarms
        if each.kind in ("level", "count") and not each.draft
        for limit in (each.limit, *(level.limit for level in each.levels))
    }
    for spec in alarms:
        if spec.is_advisory and not spec.draft and (spec.slot, spec.direction, spec.limit) not in limits:
            what = f"'{spec.id}' predicts a limit that no alarm of {spec.tag} watches."
            yield _found(
                "P78", spec, what, "Add the alarm itself: when it comes, the prediction ends.", "info"
            )


def _trends(alarms: Iterable[AlarmSpec]) -> Iterator[AlarmSpec]:
    return (spec for spec in alarms if spec.is_advisory and not spec.reference)


def _found(code: str, spec: AlarmSpec, what: str, remedy: str, severity: str = "warning") -> SceneProblem:
    return SceneProblem(code=code, severity=severity, where=spec.origin, what=what, remedy=remedy)
