"""The simulator of a project as a plain exercise: nothing goes wrong in it, nothing is expected."""

from __future__ import annotations

from armillary.model.fault import ProjectFault
from armillary.model.lesson import Lesson, LessonStart
from armillary.project import lessons, scenarios
from armillary.project.record import Project

MINUTES = 24 * 60.0


def bench_of(project: Project) -> Lesson:
    """Return an exercise on the simulator of the project's first scenario that can be read.

    Raises ProjectFault when no scenario names one.
    """
    tags = [spec.name for spec in project.specs]
    for path in sorted((project.folder / scenarios.FOLDER).glob("*.toml")):
        try:
            if lessons.is_lesson(path):
                found = lessons.read(path, tags, [alarm.id for alarm in project.alarms])
                return Lesson(
                    id="test-fire",
                    title="Test-fire",
                    minutes=MINUTES,
                    seed=found.seed,
                    start=found.start if found.start.kind == "steady_state" else LessonStart(),
                    simulator=found.simulator,
                    file=found.file,
                    step_s=found.step_s,
                    call_timeout_s=found.call_timeout_s,
                    names=found.names,
                    inputs=found.inputs,
                    origin=found.origin,
                )
            scenario = scenarios.read(path, project.folder)
            return Lesson(
                id="test-fire",
                title="Test-fire",
                minutes=MINUTES,
                seed=scenario.seed,
                simulator=scenario.simulator,
                file=scenario.file,
                step_s=scenario.step_s or Lesson(id="", title="").step_s,
                call_timeout_s=scenario.call_timeout_s,
                names=scenario.map,
                inputs={name: value for name, value in scenario.inputs.items() if name in tags},
                origin=scenario.origin,
            )
        except ProjectFault:
            continue
    raise ProjectFault(
        "This project has no simulator to try a command on.",
        where=str(project.folder / scenarios.FOLDER),
        remedy="Write a scenario that names one: kind, and a file of an FMU.",
    )
