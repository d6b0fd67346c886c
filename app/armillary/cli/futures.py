"""What is wrong in a project's loops, lessons and what-if scenarios, against the models that they name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from armillary.model import places
from armillary.model.clock import parse_iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.lesson import Lesson
from armillary.model.scenario import MeasureSpec, Scenario, Score
from armillary.model.scene import SceneProblem
from armillary.model.simulation import ModelInfo, OpenModel
from armillary.project import lessons, loops, scenarios
from armillary.project.locate import KeyPath, toml_line
from armillary.project.record import Project
from armillary.project.table import nearest
from armillary.simulate import measures
from armillary.simulate.host import SimulatorHost
from armillary.simulate.malfunctions import Malfunctions
from armillary.world import forks
from armillary.world.forked import Forked, empty_state, model_of
from armillary.world.simulated import Wiring

Models = Callable[[OpenModel], ModelInfo]  # raises a Fault for one that cannot be opened
_Found = Iterator[SceneProblem]


def findings(project: Project, models: Models | None = None) -> list[SceneProblem]:
    """Return what is wrong. models: opens the model of a scenario; each is asked once."""
    known: dict[OpenModel, ModelInfo | Fault] = {}

    def asked(model: OpenModel) -> ModelInfo:
        if model not in known:
            try:
                known[model] = (models or _opener(project.folder))(model)
            except Fault as fault:
                known[model] = fault
        found = known[model]
        if isinstance(found, Fault):
            raise found
        return found

    if not project.saved:
        return []
    specs, alarms = {spec.name: spec for spec in project.specs}, [alarm.id for alarm in project.alarms]
    advisory = [alarm.id for alarm in project.alarms if alarm.is_advisory]
    out = [*loops.examine(project.folder, specs, alarms, project.templates, advisory)]
    for path in sorted((project.folder / scenarios.FOLDER).glob("*.toml")):
        out += _File(path, project).problems(asked)
    return out


def _opener(folder: Path) -> Models:
    """Return what asks a model in a process of its own, as one may crash or hang."""

    async def ask(model: OpenModel) -> ModelInfo:
        host = SimulatorHost(model, places.logs() / f"check-{os.getpid()}.log", project=folder)
        try:
            return await host.open()
        finally:
            await host.close()

    return lambda model: asyncio.run(ask(model))


class _File:
    """One scenario file."""

    def __init__(self, path: Path, project: Project) -> None:
        self._path, self._project = path, project
        self._text = ""

    def problems(self, models: Models) -> list[SceneProblem]:
        """Return everything that is wrong in it: by itself, and when it is sound, against its model."""
        kind = scenarios.kind_of(self._path)
        if kind in ("whatif", ""):  # nothing for what cannot be read: the reader says why
            scenario, found = scenarios.examine(self._path, self._project.folder)
            lesson: Lesson | None = None
        elif lessons.is_lesson(self._path):
            tags = [spec.name for spec in self._project.specs]
            lesson, found = lessons.examine(self._path, tags, [a.id for a in self._project.alarms])
            scenario = None
        else:
            remedy = f'Write kind = "whatif" or "training".{nearest(kind, ("whatif", "training"))}'
            what = "The scenario does not say what it is for, so nothing lists it."
            return [self._at(("kind",), "P38", what, remedy, "warning")]
        if any(p.severity == "error" for p in found):
            return [*found]
        self._text = self._path.read_text("utf-8")
        if scenario is not None:
            return [*found, *self._whatif(scenario, models)]
        return [*found, *(self._lesson(lesson, models) if lesson is not None else ())]

    def _at(self, key: KeyPath, code: str, what: str, remedy: str, severity: str = "error") -> SceneProblem:
        where = f"{self._path.name}:{toml_line(self._text, key)}"
        return SceneProblem(code=code, severity=severity, where=where, what=what, remedy=remedy)

    # ---------------------------------------------------------------- what-ifs

    def _whatif(self, scenario: Scenario, models: Models) -> _Found:
        project = self._project
        try:
            info = models(model_of(scenario))
        except Fault as fault:
            yield self._at(("simulator", "kind"), "P38", fault.what, fault.remedy)
            return
        try:
            fork = Forked(empty_state(project.hash, 0), scenario, info, project.specs, str(project.folder))
        except ProjectFault as fault:
            yield self._at(("map",), "P34", fault.what, fault.remedy)
            return
        sound = True
        for key, name in _named(scenario):
            try:
                fork.variable(name, 0.0)
            except ProjectFault as fault:
                sound = False
                yield self._at(key, "P34", fault.what, fault.remedy)
        if not sound:
            return
        try:
            signals = forks.tried(fork)
        except ProjectFault as fault:
            yield self._at((), "P37", fault.what, fault.remedy)
            return
        yield from self._expressions(scenario, signals)

    def _expressions(self, scenario: Scenario, signals: measures.Signals) -> _Found:
        asked: list[tuple[KeyPath, tuple[MeasureSpec, ...], Score]] = [
            (("measure", i, "of"), (one,), Score()) for i, one in enumerate(scenario.measures)
        ]
        asked += [(("score", "minimise"), scenario.measures, Score(minimise=scenario.score.minimise))]
        asked += [
            (("score", "constraint"), scenario.measures, Score(constraint=(text,)))
            for text in scenario.score.constraint
        ]
        sound = True
        for key, specs, score in asked:
            if score != Score() and not sound:
                return  # a score of measures that are refused cannot be judged
            try:
                measures.check(specs, score, signals, scenario.origin)
            except ProjectFault as fault:
                sound = sound and score != Score()
                yield self._at(key, "P36", fault.what, fault.remedy)

    # ---------------------------------------------------------------- lessons

    def _lesson(self, lesson: Lesson, models: Models) -> _Found:
        project = self._project
        yield from self._start(lesson)
        model = OpenModel(
            kind=lesson.simulator,
            file=lesson.file,
            call_timeout_s=lesson.call_timeout_s,
            step_s=lesson.step_s,
        )
        try:
            info = models(model)
        except Fault as fault:
            yield self._at(("simulator", "kind"), "P38", fault.what, fault.remedy)
            return
        wiring = Wiring(project.specs, info, lesson.names)
        variables = [v.name for v in info.variables]
        for tag, variable in lesson.names.items():
            if variable not in variables:
                remedy = nearest(variable, variables).strip() or "Name a variable of the model."
                yield self._at(("map", tag), "P34", f"The model has no variable '{variable}'.", remedy)
        offered = sorted({*wiring.inputs, *wiring.input_of})
        for name in lesson.inputs:
            if name not in offered:
                remedy = nearest(name, offered).strip() or "Name an input of the model."
                yield self._at(("inputs", name), "P34", f"The model has no input '{name}'.", remedy)
        faults = Malfunctions(project.specs, info, lesson.seed)
        for i, spec in enumerate(lesson.malfunctions):
            try:
                faults.check(spec)
            except ProjectFault as fault:
                yield self._at(("malfunction", i, "target"), "P34", fault.what, fault.remedy)

    def _start(self, lesson: Lesson) -> _Found:
        start = lesson.start
        if start.kind == "snapshot" and not (self._project.folder / start.value).is_file():
            what = f"There is no snapshot '{start.value}'."
            yield self._at(("start", "snapshot"), "P38", what, "Give a file inside the project.")
        if start.kind == "recording":
            try:
                parse_iso(start.value)
            except ValueError:
                what = f"'recording' is '{start.value}', which is no time."
                yield self._at(("start", "recording"), "P39", what, "Give 2026-01-01T00:00:00Z.")


def _named(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    """Yield where each name of an input, parameter or tag stands that the scenario sets or spreads."""
    for name in scenario.inputs:
        yield ("inputs", name), name
    for name in scenario.spread:
        yield ("uncertainty", "spread"), name
    for i, event in enumerate(scenario.events):
        for name in event.set:
            yield ("event", i, "set"), name
    for i, variant in enumerate(scenario.variants):
        for name in variant.parameters:
            yield ("variant", i, "set"), name
        for event in variant.events:
            for name in event.set:
                yield ("variant", i, "event"), name
