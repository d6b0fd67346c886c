"""What contradicts itself among the alarms of a project: duplicates, limits in the wrong order, no time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from armillary.model.alarm import COMPUTED, AlarmSpec
from armillary.model.clock import MS_NS, NS
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec

_LIMITED = ("level", "count")
FEWEST = 3  # readings that a rate wants in its window
URGENT = 2  # priorities up to here are worth nothing without a time to respond


def findings(alarms: Sequence[AlarmSpec]) -> list[SceneProblem]:
    """Return what is wrong between the alarms of a project; drafts are looked at too, they will be alarms."""
    of_tag: dict[str, list[AlarmSpec]] = defaultdict(list)
    for spec in alarms:
        if spec.tag:
            of_tag[spec.tag].append(spec)
    return [
        *(found for specs in of_tag.values() for found in _twice(specs)),
        *(found for specs in of_tag.values() for found in _out_of_order(specs)),
        *(found for specs in of_tag.values() for found in _no_room(specs)),
        *_timeless(alarms),
    ]


def _found(code: str, spec: AlarmSpec, what: str, remedy: str, severity: str = "warning") -> SceneProblem:
    return SceneProblem(code=code, severity=severity, where=spec.origin, what=what, remedy=remedy)


def _twice(specs: Sequence[AlarmSpec]) -> Iterator[SceneProblem]:
    """Yield alarms that raise at the same moment as another one of their tag."""
    first: dict[object, AlarmSpec] = {}
    for spec in specs:
        limit = (spec.direction, spec.limit) if spec.kind in _LIMITED else ()
        if spec.kind in COMPUTED or spec.levels or spec.normal:  # which are told by more
            told = replace(spec, id="", title="", consequence="", operator_action="", origin="", priority=0)
            key: tuple[object, ...] = (replace(told, prim="", group="", draft=False),)
        else:
            key = (spec.kind, limit, spec.values, spec.count, spec.on_delay_s)
        other = first.setdefault(key, spec)
        if other is not spec:
            what = f"The alarms '{other.id}' and '{spec.id}' raise at the same moment."
            yield _found("P50", spec, what, "Remove one, or give them different limits.")


def _out_of_order(specs: Sequence[AlarmSpec]) -> Iterator[SceneProblem]:
    """Yield limits of one tag and direction where the more urgent alarm comes first."""
    for direction, sign in (("above", 1.0), ("below", -1.0)):
        some = [s for s in specs if s.kind in _LIMITED and s.direction == direction]
        some.sort(key=lambda spec: (sign * spec.limit, -spec.priority))
        for nearer, farther in pairwise(some):
            if nearer.limit != farther.limit and nearer.priority < farther.priority:
                what = (
                    f"'{nearer.id}' (priority {nearer.priority}) raises at {nearer.limit:g}, before "
                    f"'{farther.id}' (priority {farther.priority}) at {farther.limit:g}."
                )
                yield _found("P51", farther, what, "Give the more urgent alarm the farther limit.")


def _no_room(specs: Sequence[AlarmSpec]) -> Iterator[SceneProblem]:
    """Yield pairs above and below between which no value is normal, or neither ever clears."""
    some = [s for s in specs if s.kind in _LIMITED]
    for high in (s for s in some if s.direction == "above"):
        for low in (s for s in some if s.direction == "below"):
            if low.limit >= high.limit:
                what = (
                    f"'{high.id}' is above {high.limit:g}, '{low.id}' below {low.limit:g}: one always stands."
                )
                yield _found("P52", high, what, "Give the upper alarm a higher limit than the lower one.")
            elif high.limit - high.deadband <= low.limit + low.deadband:
                what = (
                    f"Between '{high.id}' ({high.limit:g} - {high.deadband:g}) and "
                    f"'{low.id}' ({low.limit:g} + {low.deadband:g}) no value lets both clear."
                )
                yield _found("P52", high, what, "Make their deadbands smaller.")


def _timeless(alarms: Sequence[AlarmSpec]) -> Iterator[SceneProblem]:
    for spec in alarms:
        if spec.priority <= URGENT and not spec.draft and spec.tag and not spec.time_to_respond_s:
            what = f"The alarm '{spec.id}' of priority {spec.priority} does not say how soon to respond."
            yield _found("P53", spec, what, "Give 'time_to_respond_s'.", "info")


def too_slow(alarms: Sequence[AlarmSpec], specs: Mapping[str, TagSpec]) -> Iterator[SceneProblem]:
    """Yield rates whose tag does not come often enough for their window: they are never evaluated."""
    for spec in alarms:
        tag = specs.get(spec.tag)
        if spec.kind != "rate" or tag is None:
            continue
        if (FEWEST - 1) * tag.expected_ms * MS_NS > spec.window_s * NS:
            what = (
                f"'{spec.id}' looks {spec.window_s:g} s back, and {tag.name} comes every "
                f"{tag.expected_ms / 1000:g} s: it never has {FEWEST} readings."
            )
            yield _found("P77", spec, what, "Give a longer 'window_s'.")
