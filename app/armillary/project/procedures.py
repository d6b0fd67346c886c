"""Work instructions: `procedures/*.toml` → Procedure, with every mistake named at once; and back."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from armillary.model import expression
from armillary.model.fault import ProjectFault
from armillary.model.procedure import LONGEST_TEXT, MOST_STEPS, Look, Procedure, ProcedureStep, Xyz
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import locate, migrate
from armillary.project.operands import misfit
from armillary.project.table import Document, Findings, Table, fault_of, nearest

FOLDER = "procedures"
SCHEMA = 1
LONGEST_ID = 64
ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")
ROLES = ("operator", "engineer")
SKIPS = ("operator", "engineer", "nobody")
MOST_HELD_S = 3_600.0
MOST_BYTES = 24_000  # of a file: a run of it is one line of the logbook
_XYZ = 3


def procedures(folder: Path) -> tuple[Path, ...]:
    """Return the procedure files of a project folder, by name."""
    return tuple(sorted((folder / FOLDER).glob("*.toml")))


def find(folder: Path, name: str) -> Path:
    """Return a procedure by its id or file name. Raises ProjectFault with those there are."""
    known: list[str] = []
    for path in procedures(folder):
        id_ = id_of(path)
        if name in (path.stem, path.name, id_):
            return path
        known.append(id_ or path.stem)
    raise ProjectFault(
        f"There is no procedure '{name}'.",
        where=str(folder / FOLDER),
        remedy=nearest(name, known).strip() or f"There are: {', '.join(known) or 'none'}.",
    )


def id_of(path: Path) -> str:
    """Return what a file says it is, "" where it cannot be read."""
    try:
        return str(tomllib.loads(path.read_text("utf-8")).get("id", ""))
    except (OSError, ValueError):
        return ""


def read(path: Path, specs: Mapping[str, TagSpec]) -> Procedure:
    """Return a procedure. Raises one ProjectFault that names every mistake with its line."""
    return parse(_text(path), path.name, specs)


def parse(text: str, name: str, specs: Mapping[str, TagSpec]) -> Procedure:
    """Return the procedure of a text; `name`: of its file. Raises ProjectFault as `read`."""
    findings = Findings()
    procedure = _parsed(text, name, specs, findings)
    if findings.errors or procedure is None:
        raise fault_of(findings.errors, name)
    return procedure


def examine(
    folder: Path, specs: Mapping[str, TagSpec], prims: Collection[str] | None = None
) -> tuple[tuple[Procedure, ...], tuple[SceneProblem, ...]]:
    """Return what could be read of a project's procedures, and everything found wrong.

    prims: of the scene; None when it is not known.
    """
    out: list[Procedure] = []
    problems: list[SceneProblem] = []
    files: dict[str, str] = {}
    for path in procedures(folder):
        findings = Findings()
        try:
            procedure = _parsed(_text(path), path.name, specs, findings)
        except ProjectFault as fault:
            findings.add("P01", fault.where, fault.what, fault.remedy)
            procedure = None
        if procedure is not None:
            before = files.setdefault(procedure.id, path.name)
            if before != path.name:
                what = f"The procedure '{procedure.id}' is in '{before}' too."
                findings.add("P94", path.name, what, "Give one of them another id.")
            if prims is not None:
                findings.problems += lost(procedure, prims)
            out.append(procedure)
        problems += findings.problems
    return tuple(out), tuple(problems)


def lost(procedure: Procedure, prims: Collection[str]) -> list[SceneProblem]:
    """Return what a procedure names that the scene has not."""
    findings = Findings()
    known = prims if isinstance(prims, set | frozenset) else frozenset(prims)
    for step in procedure.steps:
        for prim in step.prims:
            if prim not in known:
                what = f"Step '{step.id}' shows {prim}, which is not in the scene."
                remedy = nearest(prim, sorted(known)).strip() or "Pick the part anew."
                findings.add("P90", step.origin, what, remedy)
        if step.camera and step.camera not in known:
            what = f"Step '{step.id}' looks through {step.camera}, which is not in the scene."
            findings.add("P93", step.origin, what, "Name a camera of the scene, or keep the present view.")
    return findings.problems


# ---------------------------------------------------------------- reading


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"The procedure cannot be read: {getattr(error, 'strerror', '') or error}."
        raise ProjectFault(what, where=str(path), remedy="Name a file that is there.") from error


def _parsed(text: str, name: str, specs: Mapping[str, TagSpec], findings: Findings) -> Procedure | None:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        findings.add("P01", name, f"This is no TOML: {error}.", "Correct it.")
        return None
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        findings.add("P03", f"{name}:1", "'schema' is missing.", f"Add schema = {SCHEMA}.")
        return None
    if schema > SCHEMA:
        what = f"It was written by a newer Armillary (schema {schema}, known is {SCHEMA}): it is read-only."
        findings.add("P11", name, what, "Update Armillary to edit it.", "warning")
    data = migrate.migrated(data, schema, SCHEMA, migrate.PROCEDURE_STEPS)
    if (size := len(text.encode())) > MOST_BYTES:
        what = f"The procedure is {size:,} bytes, more than {MOST_BYTES:,}."
        findings.add("P94", name, what, "Make two procedures of it.")
    document = Document(name, text, locate.toml_line, findings, newer=schema > SCHEMA)
    return _procedure(Table(document, data), specs, hashlib.sha256(text.encode()).hexdigest())


def _procedure(top: Table, specs: Mapping[str, TagSpec], digest: str) -> Procedure:
    top.raw("schema")
    taken: set[str] = set()
    steps = tuple(_step(table, specs, taken) for table in top.tables("step"))
    if not 1 <= len(steps) <= MOST_STEPS:
        top.wrong("step", f"There are {len(steps)} steps.", f"Give 1 to {MOST_STEPS}.", "P94")
    out = Procedure(
        id=_id(top, set()),
        title=top.text("title", required=True),
        role=top.choice("role", ROLES, "operator"),
        text=_words(top, "text"),
        steps=steps,
        origin=top.document.name,
        digest=digest,
    )
    top.done()
    return out


def _step(table: Table, specs: Mapping[str, TagSpec], taken: set[str]) -> ProcedureStep:
    until, unit = table.text("until"), table.text("unit")
    held_s = table.number("held_s", math.nan)
    if until:
        _condition(table, until, unit, specs)
    if "held_s" in table and not 0.0 <= held_s <= MOST_HELD_S:
        table.wrong("held_s", f"'held_s' is {held_s:g}.", f"Give 0 to {MOST_HELD_S:g} seconds.", "P94")
    elif held_s > 0 and not until:
        table.wrong("held_s", "Nothing is held: there is no 'until'.", "Give 'until', or remove it.", "P94")
    out = ProcedureStep(
        id=_id(table, taken),
        text=_words(table, "text", required=True),
        title=table.text("title"),
        prims=_prims(table),
        camera=_path(table, "camera"),
        look=_look(table) if "view" in table else None,
        until=until,
        unit=unit,
        held_s=held_s if 0.0 <= held_s <= MOST_HELD_S else 0.0,
        confirm=table.flag("confirm", False),
        skip=table.choice("skip", SKIPS, "engineer"),
        origin=table.document.where(table.path),
    )
    table.done()
    return out


def _condition(table: Table, until: str, unit: str, specs: Mapping[str, TagSpec]) -> None:
    try:
        compiled = expression.compile(until, specs, table.document.name)
    except ProjectFault as fault:
        table.wrong("until", fault.what, fault.remedy, "P91")
        return
    if not compiled.names:
        table.wrong("until", "The condition reads no tag: it never changes.", "Name a tag in it.", "P91")
    if sides := misfit(until, specs, unit):
        what = f"{sides[0]} is compared with {sides[1]}."
        table.wrong("until", what, "Compare what has the same unit.", "P92")


def _id(table: Table, taken: set[str]) -> str:
    id_ = table.text("id", required=True)
    if id_ and not ID.fullmatch(id_):
        remedy = "Use small letters, digits, _ and -, a letter first."
        table.wrong("id", f"'{id_}' cannot be an id.", remedy, "P94")
    if id_ in taken:
        table.wrong("id", f"There are two steps '{id_}'.", "Rename one of them.", "P94")
    taken.add(id_)
    return id_


def _words(table: Table, key: str, *, required: bool = False) -> str:
    text = table.text(key, required=required)
    if len(text) > LONGEST_TEXT:
        table.wrong(key, f"'{key}' has {len(text)} characters.", f"Use at most {LONGEST_TEXT}.", "P94")
    return text[:LONGEST_TEXT]


def _prims(table: Table) -> tuple[str, ...]:
    raw = table.raw("prim", ())
    given = (raw,) if isinstance(raw, str) else raw
    if not isinstance(given, list | tuple) or not all(isinstance(p, str) for p in given):
        table.wrong("prim", f"'prim' is {raw!r}.", "Give a prim path, or a list of them.", "P90")
        return ()
    for prim in given:
        if not prim.startswith("/"):
            table.wrong("prim", f"'{prim}' is not a prim path.", "Begin it with /.", "P90")
    return tuple(given)


def _path(table: Table, key: str) -> str:
    path = table.text(key)
    if path and not path.startswith("/"):
        table.wrong(key, f"'{path}' is not a prim path.", "Begin it with /.", "P93")
    return path


def _look(table: Table) -> Look | None:
    held = table.table("view")
    position, focus = _xyz(held, "position"), _xyz(held, "focus")
    up = _xyz(held, "up") if "up" in held else (0.0, 0.0, 1.0)
    held.done()
    if position is None or focus is None or up is None or position == focus:
        held.document.wrong(held.path, "The view is none.", "Keep the present view anew.", "P93")
        return None
    return Look(position=position, focus=focus, up=up)


def _xyz(table: Table, key: str) -> Xyz | None:
    raw = table.raw(key)
    is_number = isinstance(raw, Sequence) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in raw
    )
    return (float(raw[0]), float(raw[1]), float(raw[2])) if is_number and len(raw) == _XYZ else None
