"""What-if scenarios: `scenarios/*.toml` of kind `whatif` ↔ Scenario, with every mistake named at once.

The kind decides who reads a file: those of kind `training` are read by `project.lessons`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

import tomlkit
from tomlkit.items import InlineTable
from tomlkit.items import Table as TomlTable

from armillary.model.clock import parse_iso
from armillary.model.fault import ProjectFault
from armillary.model.scenario import MEASURE_KINDS, MeasureSpec, Scenario, ScenarioEvent, Score, Variant
from armillary.model.scene import SceneProblem
from armillary.project import locate
from armillary.project.folder import write_atomic
from armillary.project.table import Document, Findings, Table, fault_of, nearest

SCHEMA = 1
FOLDER = "scenarios"
MOST_MEMBERS = 10_000
MOST_VARIANTS = 200
_YEAR_S = 366 * 86_400.0
_TIMED = ("time_above", "time_below")


def kind_of(path: Path) -> str:
    """Return the kind of a scenario file: whatif, training; "" for what cannot be read."""
    try:
        return str(tomllib.loads(path.read_text("utf-8")).get("kind", "training"))
    except (OSError, ValueError):
        return ""


def scenarios(folder: Path) -> tuple[Path, ...]:
    """Return the what-if scenarios of a project folder, by name."""
    return tuple(path for path in sorted((folder / FOLDER).glob("*.toml")) if kind_of(path) == "whatif")


def find(folder: Path, name: str) -> Path:
    """Return a what-if scenario by its id, file name or path. Raises ProjectFault with those there are."""
    given = Path(name)
    if given.suffix == ".toml" and given.is_file():
        return given.absolute()
    known: list[str] = []
    for path in scenarios(folder):
        names = (path.stem, path.name, str(tomllib.loads(path.read_text("utf-8")).get("id", "")))
        if name in names:
            return path
        known.append(path.stem)
    here = folder / FOLDER / (name if name.endswith(".toml") else f"{name}.toml")
    if here.is_file() and kind_of(here) in ("", "training"):
        return here  # `read` says what is wrong with it
    raise ProjectFault(
        f"There is no what-if scenario '{name}'.",
        where=str(folder / FOLDER),
        remedy=nearest(name, known).strip() or f"There are: {', '.join(known) or 'none'}.",
    )


def read(path: Path, project: Path) -> Scenario:
    """Return a what-if scenario; names are checked once the model is known.

    project: the folder that files of the scenario must be inside. Raises one ProjectFault that names
    every mistake with file, line and the nearest known key.
    """
    findings = Findings()
    scenario = _read(path, project, findings)
    if findings.errors:
        raise fault_of(findings.errors, str(path))
    return scenario


def examine(path: Path, project: Path) -> tuple[Scenario | None, tuple[SceneProblem, ...]]:
    """Return what could be read of a what-if scenario, and everything found wrong but its names."""
    findings = Findings()
    try:
        scenario = _read(path, project, findings)
    except ProjectFault as fault:
        findings.add("P01", fault.where, fault.what, fault.remedy)
        return None, tuple(findings.problems)
    return scenario, tuple(findings.problems)


def _read(path: Path, project: Path, findings: Findings) -> Scenario:
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        what = f"The scenario cannot be read: {error.strerror or error}."
        raise ProjectFault(what, where=str(path), remedy="Name a file that is there.") from error
    except (ValueError, RecursionError) as error:
        raise ProjectFault(
            f"The scenario cannot be read: {error}.", where=str(path), remedy="Correct its syntax."
        ) from error
    document = Document(path.name, text, locate.toml_line, findings)
    top = Table(document, data)
    schema = top.whole("schema", 0, 0, 10**6)
    if schema > SCHEMA:
        raise ProjectFault(
            f"The scenario was written by a newer Armillary (schema {schema}, known is {SCHEMA}).",
            where=str(path),
            remedy="Update Armillary to use it.",
        )
    if schema < 1:
        document.wrong((), "'schema' is missing.", f"Add schema = {SCHEMA}.", "P03")
    return _scenario(top, path, project.resolve())


def _scenario(top: Table, path: Path, project: Path) -> Scenario:
    top.choice("kind", ("whatif",), "whatif")
    simulator, start = top.table("simulator"), top.table("start")
    uncertainty, score = top.table("uncertainty"), top.table("score")
    begin = start.choice("from", ("live", "time", "snapshot"), "live")
    time = _time(start)
    measures = tuple(_measure(table) for table in top.tables("measure"))
    _unique(top, "measure", [m.name for m in measures])
    variants = tuple(_variant(table) for table in top.tables("variant"))
    _unique(top, "variant", [v.id for v in variants])
    if len(variants) > MOST_VARIANTS:
        top.wrong("variant", f"There are {len(variants)} variants.", f"Give at most {MOST_VARIANTS}.")
    out = Scenario(
        id=top.text("id", path.stem),
        title=top.text("title", required=True),
        horizon_s=top.number("horizon_s", 3600.0, 1e-3, _YEAR_S),
        seed=top.whole("seed", 1, 0, 2**31),
        simulator=simulator.text("kind", required=True),
        file=_inside(simulator, "file", project),
        step_s=simulator.number("step_s", 0.0, 0.0, 86_400.0),
        call_timeout_s=simulator.number("call_timeout_s", 5.0, 0.1, 600.0),
        start="live" if begin == "live" else "time" if begin == "time" else "snapshot",
        time=time,
        snapshot=_inside(start, "snapshot", project),
        warm_up_s=start.number("warm_up_s", 0.0, 0.0, 86_400.0),
        map=_names(top.table("map")),
        inputs=_numbers(top.table("inputs")),
        events=tuple(_event(table) for table in top.tables("event")),
        variants=variants,
        measures=measures,
        score=Score(minimise=score.text("minimise"), constraint=score.texts("constraint")),
        members=uncertainty.whole("members", 1, 1, MOST_MEMBERS),
        spread=_numbers(uncertainty.table("spread"), low=0.0),
        sample_s=top.number("sample_s", 0.0, 0.0, 86_400.0),
        origin=str(path),
    )
    if begin == "time" and not time:
        start.wrong("time", "'time' is missing.", "Add the time to start from.", "P03")
    if begin == "snapshot" and not out.snapshot and "snapshot" not in start:
        start.wrong("snapshot", "'snapshot' is missing.", "Name a snapshot file.", "P03")
    if out.simulator == "fmu" and not out.file and "file" not in simulator:
        simulator.wrong("file", "'file' is missing.", "Name an FMU of the project.", "P03")
    for table in (simulator, start, uncertainty, score, top):
        table.done()
    return out


def _unique(top: Table, key: str, names: list[str]) -> None:
    for row, name in enumerate(names):
        if name in names[:row]:
            top.document.wrong((*top.path, key, row), f"'{name}' is given twice.", "Give another name.")


def _time(table: Table) -> str:
    raw = table.raw("time", "")
    text = raw if isinstance(raw, str) else raw.isoformat() if hasattr(raw, "isoformat") else ""
    try:
        if raw != "":
            parse_iso(text)
    except ValueError:
        table.wrong("time", f"'time' is {raw!r}, which is no time.", "Give 2026-01-01T00:00:00Z.", "P39")
        return ""
    return text


def _inside(table: Table, key: str, project: Path) -> str:
    """Return an absolute path of a file inside the project; "" when none is named, or it is wrong."""
    name = table.text(key)
    if not name:
        return ""
    path = (project / name).resolve()
    if not path.is_relative_to(project):
        table.wrong(
            key, f"'{name}' is outside the project.", "Put the file into the project's folder.", "P38"
        )
        return ""
    if not path.is_file():
        table.wrong(
            key, f"There is no file '{name}'.", "Correct the path; it is relative to the project.", "P38"
        )
        return ""
    return str(path)


def _flat(data: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return a table whose names may hold dots unquoted (T-101.level = 3) as one level."""
    out: dict[str, object] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            out.update(_flat(value, f"{prefix}{key}."))
        else:
            out[prefix + key] = value
    return out


def _numbers(table: Table, low: float = -math.inf) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, value in _flat(table.data).items():
        ok = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value < math.inf
        if ok and isinstance(value, (int, float)):
            out[name] = float(value)
        else:
            table.wrong(name, f"'{name}' is {value!r}, which is no number for this.", "Give a finite number.")
    return out


def _names(table: Table) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in _flat(table.data).items():
        if isinstance(value, str) and value:
            out[name] = value
        else:
            table.wrong(name, f"'{name}' is {value!r}.", "Give the name of a model variable.")
    for name, variable in out.items():
        if sum(v == variable for v in out.values()) > 1:
            table.wrong(name, f"'{variable}' is given for several tags.", "Map each variable once.")
            break
    return out


def _event(table: Table) -> ScenarioEvent:
    event = ScenarioEvent(at_s=table.number("at_s", 0.0, 0.0, _YEAR_S), set=_numbers(table.table("set")))
    if not event.set:
        table.wrong("set", "The event sets nothing.", "Give set = { name = value }.")
    table.done()
    return event


def _variant(table: Table) -> Variant:
    variant = Variant(
        id=table.text("id", required=True),
        title=table.text("title", table.text("id")),
        events=tuple(_event(each) for each in table.tables("event")),
        parameters=_numbers(table.table("set")),
    )
    table.done()
    return variant


def _measure(table: Table) -> MeasureSpec:
    name = table.text("name", required=True)
    kind = table.choice("kind", MEASURE_KINDS, "max")
    measure = MeasureSpec(
        name=name,
        kind=next(k for k in MEASURE_KINDS if k == kind),
        of=table.text("of", required=True),
        limit=table.number("limit", math.nan) if "limit" in table else math.nan,
        unit=table.text("unit"),
    )
    if not name.isidentifier():
        table.wrong("name", f"'{name}' is no name for a measure.", "Use letters, digits and _.")
    if kind in _TIMED and "limit" not in table:
        table.wrong("limit", "'limit' is missing.", "Add the limit that time is counted beyond.", "P03")
    table.done()
    return measure


# ---------------------------------------------------------------- writing


def write(scenario: Scenario, path: Path, project: Path) -> None:
    """Write a what-if scenario atomically; it reads back equal. Raises ProjectFault."""
    doc = tomlkit.document()
    doc["schema"] = SCHEMA
    doc["id"], doc["title"], doc["kind"] = scenario.id, scenario.title, "whatif"
    doc["horizon_s"], doc["seed"] = scenario.horizon_s, scenario.seed
    if scenario.sample_s:
        doc["sample_s"] = scenario.sample_s
    doc["simulator"] = _kept(
        kind=scenario.simulator,
        file=_relative(scenario.file, project),
        step_s=scenario.step_s,
        call_timeout_s=scenario.call_timeout_s,
    )
    start = _kept(time=scenario.time, snapshot=_relative(scenario.snapshot, project))
    doc["start"] = {"from": scenario.start, **start, **_kept(warm_up_s=scenario.warm_up_s)}
    if scenario.map:
        doc["map"] = dict(scenario.map)
    if scenario.inputs:
        doc["inputs"] = dict(scenario.inputs)
    if scenario.members > 1 or scenario.spread:
        doc["uncertainty"] = {"members": scenario.members, "spread": dict(scenario.spread)}
    for event in scenario.events:
        doc.setdefault("event", tomlkit.aot()).append(_event_table(event))
    for variant in scenario.variants:
        table = tomlkit.table()
        table["id"], table["title"] = variant.id, variant.title
        if variant.parameters:
            table["set"] = _inline(variant.parameters)
        if variant.events:
            array = tomlkit.array().multiline(True)
            for event in variant.events:
                inline = tomlkit.inline_table()
                inline.update({"at_s": event.at_s, "set": _inline(event.set)})
                array.append(inline)
            table["event"] = array
        doc.setdefault("variant", tomlkit.aot()).append(table)
    for measure in scenario.measures:
        table = tomlkit.table()
        table.update({"name": measure.name, "kind": measure.kind, "of": measure.of})
        if math.isfinite(measure.limit):
            table["limit"] = measure.limit
        if measure.unit:
            table["unit"] = measure.unit
        doc.setdefault("measure", tomlkit.aot()).append(table)
    if scenario.score != Score():
        doc["score"] = _kept(minimise=scenario.score.minimise, constraint=list(scenario.score.constraint))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, tomlkit.dumps(doc))
    except OSError as error:
        raise ProjectFault(
            f"The scenario cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Choose a folder that you may write to.",
        ) from error


def remap(path: Path, project: Path, simulator: str, file: str, names: Mapping[str, str]) -> None:
    """Give a scenario file another simulator and map, and leave all else as it is, comments too.

    file: absolute, of an FMU. names: tag → variable. What is written must read back. Raises ProjectFault.
    """
    try:
        text = path.read_text("utf-8")
        doc = tomlkit.parse(text)
    except (OSError, ValueError) as error:
        raise ProjectFault(
            f"The scenario cannot be read: {error}.", where=str(path), remedy="Correct the file."
        ) from error
    table = doc.setdefault("simulator", tomlkit.table())
    table["kind"] = simulator
    table.pop("file", None)
    if file:
        table["file"] = _relative(file, project)
    doc.pop("map", None)
    if names:
        made = tomlkit.table()
        made.update(dict(names))
        doc["map"] = made
    try:
        write_atomic(path, tomlkit.dumps(doc))
        read(path, project)
    except ProjectFault:
        write_atomic(path, text)
        raise
    except OSError as error:
        raise ProjectFault(
            f"The scenario cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Choose a folder that you may write to.",
        ) from error


def _kept(**entries: object) -> dict[str, object]:
    return {key: value for key, value in entries.items() if value not in ("", 0.0, [])}


def _relative(path: str, project: Path) -> str:
    return Path(path).relative_to(project.resolve()).as_posix() if path else ""


def _inline(values: Mapping[str, float]) -> InlineTable:
    table: InlineTable = tomlkit.inline_table()
    table.update(dict(values))
    return table


def _event_table(event: ScenarioEvent) -> TomlTable:
    table = tomlkit.table()
    table["at_s"], table["set"] = event.at_s, _inline(event.set)
    return table


def unknown(names: Collection[str], known: Collection[str], where: str) -> ProjectFault | None:
    """Return a fault that names what is not known, with the nearest known name; None when all are."""
    lost = [name for name in names if name not in known]
    if not lost:
        return None
    return ProjectFault(
        f"The model and the project know no {', '.join(repr(n) for n in lost[:5])}.",
        where=where,
        remedy=nearest(lost[0], list(known)).strip() or "Correct the name.",
    )
