"""Training scenarios of a project as an instructor chooses among them; malfunctions made by hand."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from armillary.model.control import MalfunctionSpec
from armillary.model.fault import Fault
from armillary.project import lessons
from armillary.project.record import Project

SENSOR_KINDS = (
    "sensor.bias",
    "sensor.drift",
    "sensor.noise",
    "sensor.stuck",
    "sensor.spike",
    "sensor.fail_high",
    "sensor.fail_low",
    "sensor.open_circuit",
    "sensor.stale",
)
_DRIFT_SHARE = 0.05  # of a tag's range, a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRow:
    """One training scenario of the project."""

    id: str
    title: str
    minutes: float = 0.0
    difficulty: str = ""
    brief: str = ""
    objectives: tuple[str, ...] = ()
    problem: str = ""  # why it cannot be run; "" = it can


def rows_of(project: Project | None) -> tuple[LessonRow, ...]:
    """Return the training scenarios of a project; one that is wrong says why."""
    if project is None or not project.saved:
        return ()
    tags = [spec.name for spec in project.specs]
    alarms = [alarm.id for alarm in project.alarms]
    out = []
    for path in lessons.lessons(project.folder):
        try:
            lesson = lessons.read(path, tags, alarms)
        except Fault as fault:
            out.append(LessonRow(id=path.stem, title=path.stem, problem=f"{fault.what} {fault.remedy}"))
            continue
        out.append(
            LessonRow(
                id=lesson.id,
                title=lesson.title,
                minutes=lesson.minutes,
                difficulty=lesson.difficulty,
                brief=lesson.brief,
                objectives=lesson.objectives,
            )
        )
    return tuple(out)


def sensor_malfunction(
    kind: str, tag: str, low: float, high: float, taken: Collection[str]
) -> MalfunctionSpec:
    """Return a malfunction of a tag's instrument with an id that is free.

    low, high: of the tag, in its unit; a drift goes a twentieth of that a minute.
    """
    span = high - low if math.isfinite(high - low) and high > low else 100.0
    base = name = f"{kind.removeprefix('sensor.')} {tag}"
    number = 2
    while name in taken:
        name, number = f"{base} {number}", number + 1
    rate = span * _DRIFT_SHARE if kind == "sensor.drift" else 0.0
    return MalfunctionSpec(id=name, target=f"tag:{tag}", kind=kind, rate=rate)
