"""Training scenarios: `scenarios/*.toml` of kind `training` → Lesson, with every mistake named at once."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

from armillary.model import expression
from armillary.model.control import MalfunctionSpec
from armillary.model.fault import Fault, ProjectFault
from armillary.model.lesson import PASS_MARK, STEP_S, Band, Expect, Lesson, LessonStart, command_of
from armillary.model.scene import SceneProblem
from armillary.project import locate
from armillary.project.table import Document, Findings, Table, fault_of, nearest

SCHEMA = 1
SENSOR = (
    "bias",
    "drift",
    "noise",
    "stuck",
    "frozen",
    "spike",
    "fail_high",
    "fail_low",
    "open_circuit",
    "stale",
)
OTHER_KINDS = (
    "actuator.stuck", "actuator.slow", "actuator.leak", "actuator.reversed", "actuator.hunting",
    "equipment.trip", "equipment.efficiency", "equipment.fouling", "equipment.wear", "equipment.leak",
    "equipment.blockage", "equipment.power", "equipment.air", "equipment.cooling", "equipment.supply",
    "link.loss",
    "model.input",
)  # fmt: skip
KINDS = (*(f"sensor.{kind}" for kind in SENSOR), *OTHER_KINDS)
_TARGET = re.compile(r"(tag|twin|link|model):(.+)")
_ACTION = re.compile(r"(command|ack|reset|note):(.+)")
_FOREVER = 1e9


def is_lesson(path: Path) -> bool:
    """Return whether a scenario file is one for training; False also for what cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8")).get("kind") == "training"
    except (OSError, ValueError):
        return False


def lessons(folder: Path) -> tuple[Path, ...]:
    """Return the training scenarios of a project folder, by name."""
    return tuple(path for path in sorted((folder / "scenarios").glob("*.toml")) if is_lesson(path))


def find(folder: Path, name: str) -> Path:
    """Return a training scenario by its id, file name or path. Raises ProjectFault with those there are."""
    given = Path(name)
    if given.is_file():
        return given
    for path in lessons(folder):
        if name in (path.stem, path.name) or tomllib.loads(path.read_text("utf-8")).get("id") == name:
            return path
    known = [path.stem for path in lessons(folder)]
    raise ProjectFault(
        f"There is no training scenario '{name}'.",
        where=str(folder / "scenarios"),
        remedy=nearest(name, known).strip() or f"There are: {', '.join(known) or 'none'}.",
    )


def read(path: Path, tags: Collection[str], alarms: Collection[str] = ()) -> Lesson:
    """Return a training scenario. Raises ProjectFault that names every mistake with its line.

    tags: names that expressions, bands and commands may use; alarms: ids that may be acknowledged.
    """
    findings = Findings()
    lesson = _read(path, tags, alarms, findings)
    if findings.errors:
        raise fault_of(findings.errors, str(path))
    return lesson


def examine(
    path: Path, tags: Collection[str], alarms: Collection[str] = ()
) -> tuple[Lesson | None, tuple[SceneProblem, ...]]:
    """Return what could be read of a training scenario, and everything found wrong."""
    findings = Findings()
    try:
        lesson = _read(path, tags, alarms, findings)
    except ProjectFault as fault:
        findings.add("P01", fault.where, fault.what, fault.remedy)
        return None, tuple(findings.problems)
    return lesson, tuple(findings.problems)


def _read(path: Path, tags: Collection[str], alarms: Collection[str], findings: Findings) -> Lesson:
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        what = f"The scenario cannot be read: {error.strerror or error}."
        raise ProjectFault(what, where=str(path), remedy="Name a file that is there.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectFault(f"This is no TOML: {error}.", where=str(path), remedy="Correct it.") from error
    schema = data.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise ProjectFault("'schema' is missing.", where=f"{path.name}:1", remedy=f"Add schema = {SCHEMA}.")
    document = Document(path.name, text, locate.toml_line, findings, newer=schema > SCHEMA)
    reader = _Reader(document, path, frozenset(tags), frozenset(alarms))
    return reader.lesson(Table(document, data), hashlib.sha256(text.encode()).hexdigest())


class _Reader:
    """One file being read."""

    def __init__(self, document: Document, path: Path, tags: frozenset[str], alarms: frozenset[str]) -> None:
        self._document, self._path, self._tags, self._alarms = document, path, tags, alarms
        self._ids: set[str] = set()

    def lesson(self, top: Table, digest: str) -> Lesson:
        top.whole("schema", SCHEMA, 1, 10**6)
        top.choice("kind", ("training",), "training")
        simulator = top.table("simulator")
        malfunctions = tuple(self._malfunction(t) for t in top.tables("malfunction"))
        expects = tuple(self._expect(t, i) for i, t in enumerate(top.tables("expect")))
        score, end = top.table("score"), top.table("end")
        out = Lesson(
            id=top.text("id", self._path.stem),
            title=top.text("title", required=True),
            minutes=top.number("minutes", 20.0, 0.1, 24 * 60.0),
            seed=top.whole("seed", 1, 0, 2**31),
            version=top.text("version"),
            author=top.text("author"),
            difficulty=top.text("difficulty"),
            brief=top.text("brief"),
            objectives=top.texts("objectives"),
            debrief=top.text("debrief"),
            start=self._start(top.table("start")),
            simulator=simulator.text("kind", required=True),
            file=self._file(simulator),
            step_s=simulator.number("step_s", STEP_S, 1e-3, 60.0),
            call_timeout_s=simulator.number("call_timeout_s", 5.0, 0.1, 600.0),
            names=self._names(top.table("map")),
            inputs=self._numbers(top.table("inputs")),
            malfunctions=malfunctions,
            expects=expects,
            bands=tuple(self._band(t, i) for i, t in enumerate(top.tables("limit"))),
            success=self._expression(end, "success"),
            success_held_s=end.number("held_s", 0.0, 0.0, _FOREVER),
            pass_mark=score.number("pass", PASS_MARK, 0.0, 100.0),
            origin=str(self._path),
            digest=digest,
        )
        for table in (simulator, score, end, top):
            table.done()
        self._check_after(out)
        return out

    def _start(self, table: Table) -> LessonStart:
        given = [kind for kind in ("snapshot", "recording", "steady_state") if kind in table]
        values = {kind: table.text(kind) for kind in ("snapshot", "recording", "steady_state")}
        table.done()
        if len(given) > 1:
            table.wrong(
                given[1], "The start is given twice.", "Keep one of snapshot, recording, steady_state."
            )
        match given[:1]:
            case ["snapshot"]:
                return LessonStart(kind="snapshot", value=values["snapshot"])
            case ["recording"]:
                return LessonStart(kind="recording", value=values["recording"])
        return LessonStart(value=values["steady_state"])

    def _file(self, table: Table) -> str:
        name = table.text("file")
        if not name:
            return ""
        folder = self._path.resolve().parent.parent
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            table.wrong("file", f"'{name}' is outside the project.", "Put the model into simulation/.", "P38")
        elif not path.is_file():
            table.wrong("file", f"There is no file '{name}'.", "Put the model into simulation/.", "P38")
        return str(path)

    def _names(self, table: Table) -> Mapping[str, str]:
        out = {}
        for tag in table.data:
            self._known_tag(table, tag, tag)
            out[tag] = table.text(tag)
        return out

    def _numbers(self, table: Table) -> Mapping[str, float]:
        return {key: table.number(key, 0.0) for key in table.data}

    def _malfunction(self, table: Table) -> MalfunctionSpec:
        target = table.text("target", required=True)
        match = _TARGET.fullmatch(target)
        if match is None and target:
            table.wrong("target", f"'{target}' names nothing.", "Write tag:…, twin:…, link:… or model:….")
        elif match is not None and match[1] == "tag":
            target = f"tag:{self._known_tag(table, 'target', match[2])}"
        spec = MalfunctionSpec(
            id=self._id(table),
            target=target,
            kind=table.choice("kind", KINDS, KINDS[0]),
            severity=table.number("severity", 1.0, 0.0, 1.0),
            rate=table.number("rate", 0.0),
            value=table.number("value", math.nan),
            ramp_s=table.number("ramp_s", 0.0, 0.0, _FOREVER),
            at_s=table.number("at_s", math.nan, 0.0, _FOREVER),
            when=self._expression(table, "when"),
            held_s=table.number("held_s", 0.0, 0.0, _FOREVER),
            after=table.text("after"),
            end_s=table.number("end_s", math.nan, 0.0, _FOREVER),
            repeat=table.flag("repeat", False),
        )
        table.text("visible_cause")
        table.done()
        return spec

    def _expect(self, table: Table, i: int) -> Expect:
        action = table.text("action")
        must_not = self._expression(table, "must_not")
        if bool(action) == bool(must_not):
            table.wrong("id", "An expectation is either an action or a must-not.", "Give one of the two.")
        if action and _ACTION.fullmatch(action) is None:
            table.wrong("action", f"'{action}' is no action.", "Write command:TAG=VALUE or ack:ALARM.")
        elif action.startswith("command:"):
            self._check_command(table, action.removeprefix("command:"))
        elif action.startswith("ack:") and self._alarms:
            alarm = action.removeprefix("ack:")
            if alarm != "any" and alarm not in self._alarms:
                remedy = nearest(alarm, sorted(self._alarms)).strip() or "Name an alarm of rules.toml."
                table.wrong("action", f"There is no alarm '{alarm}'.", remedy, "P35")
        ideal = table.number("ideal_s", 0.0, 0.0, _FOREVER)
        spec = Expect(
            id=self._id(table, f"expect-{i + 1}"),
            title=table.text("title"),
            action=action,
            must_not=must_not,
            after=table.text("after"),
            ideal_s=ideal,
            latest_s=table.number("latest_s", max(ideal, _FOREVER), ideal, _FOREVER),
            points=table.number("points", 0.0, 0.0, 1000.0),
            fail=table.flag("fail", False),
            hint=table.text("hint"),
        )
        table.done()
        return spec

    def _check_command(self, table: Table, text: str) -> None:
        tag = command_of(text)[0]
        if tag not in self._tags:
            remedy = nearest(tag, sorted(self._tags)).strip() or "Name a writable tag."
            table.wrong("action", f"There is no tag '{tag}'.", remedy, "P34")

    def _band(self, table: Table, i: int) -> Band:
        band = table.table("band")
        tag = self._known_tag(band, "tag", band.text("tag", required=True))
        spec = Band(
            id=self._id(table, f"limit-{i + 1}"),
            tag=tag,
            low=band.number("low", -math.inf, -math.inf, math.inf),
            high=band.number("high", math.inf, -math.inf, math.inf),
            points=table.number("points", 0.0, 0.0, 1000.0),
            loss_per_s=table.number("loss_per_s", 0.0, 0.0, 1000.0),
            abort_below=table.number("abort_below", -math.inf),
            abort_above=table.number("abort_above", math.inf),
        )
        band.done()
        table.done()
        return spec

    def _id(self, table: Table, default: str = "") -> str:
        name = table.text("id", default, required=not default)
        if name in self._ids:
            table.wrong("id", f"The id '{name}' is there twice.", "Give each its own.")
        self._ids.add(name)
        return name

    def _known_tag(self, table: Table, key: str, tag: str) -> str:
        if tag and tag not in self._tags and f"{tag}.value" in self._tags:
            return f"{tag}.value"
        if tag and tag not in self._tags:
            remedy = nearest(tag, sorted(self._tags)).strip() or "Name a tag of twins.json."
            table.wrong(key, f"There is no tag '{tag}'.", remedy, "P34")
        return tag

    def _expression(self, table: Table, key: str) -> str:
        text = table.text(key)
        if text:
            try:
                expression.compile(text, self._tags, f"{self._document.name}, {key}")
            except Fault as fault:
                table.wrong(key, fault.what, fault.remedy, "P36")
        return text

    def _check_after(self, lesson: Lesson) -> None:
        known = {f"malfunction:{m.id}" for m in lesson.malfunctions}
        known |= {f"expect:{e.id}" for e in lesson.expects} | {f"alarm:{a}" for a in self._alarms}
        afters = [("malfunction", i, m.after) for i, m in enumerate(lesson.malfunctions)]
        afters += [("expect", i, e.after) for i, e in enumerate(lesson.expects)]
        for kind, i, after in afters:
            is_alarm = after.startswith("alarm:") and not self._alarms
            if after and not is_alarm and after not in known:
                remedy = (
                    nearest(after, sorted(known)).strip() or "Write malfunction:ID, alarm:ID or expect:ID."
                )
                self._document.wrong((kind, i, "after"), f"'{after}' names nothing here.", remedy, "P37")
