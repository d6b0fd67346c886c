"""Reads a project folder, a project.toml or a bare scene; writes a project atomically."""

from __future__ import annotations

import json
import os
import tomllib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary._version import __version__
from armillary.model import files
from armillary.model.clock import iso
from armillary.model.fault import ProjectFault
from armillary.model.link import LinkSpec, TopicTemplate
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import areas, fleets, learnt, migrate, settings, shifts, twins
from armillary.project.commands import COMMANDS_FILE, Commands
from armillary.project.derived import in_units
from armillary.project.locate import KeyPath, json_line, toml_line
from armillary.project.notify import NOTIFY_FILE, Notify
from armillary.project.record import (
    PROJECT_FILE,
    SCENE_SUFFIXES,
    SCHEMA,
    TWINS_FILE,
    Forward,
    Project,
)
from armillary.project.rules import RULES_FILE, Rules
from armillary.project.streams import Streams
from armillary.project.table import Document, Findings, Table, fault_of
from armillary.project.thinning import thinned

__all__ = [
    "Documents",
    "Project",
    "documents",
    "examine",
    "new",
    "read",
    "save",
    "save_rules",
    "with_rules",
    "write_atomic",
]

MAX_SCHEMA = 1_000_000
GITIGNORE = ".armillary/\nusers.toml\npki/own/*.key\n"
GITATTRIBUTES = (
    "*.usdc binary\n*.usdz binary\n*.fmu binary\n"
    "*.toml merge=armillary\ntwins.json merge=armillary\n"
    "bindings.usda merge=armillary\nbindings/*.usda merge=armillary\n"
)
EMPTY_TWINS = '{\n "schema": 1,\n "twins": [],\n "relationships": []\n}\n'
_SCENE = '#usda 1.0\n(\n    defaultPrim = "Plant"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n\n'
EMPTY_SCENE = _SCENE + 'def Xform "Plant" (\n    kind = "assembly"\n)\n{\n}\n'


def read(path: Path) -> Project:
    """Return the project at a folder, a project.toml or a bare scene.

    Raises one ProjectFault that names every mistake with file, line and remedy.
    """
    project, problems = examine(path)
    errors = [p for p in problems if p.severity == "error"]
    if project is None or errors:
        raise fault_of(errors, str(path))
    return project


def examine(path: Path) -> tuple[Project | None, tuple[SceneProblem, ...]]:
    """Return what could be read and everything found wrong; None when nothing could be read at all."""
    path = Path(os.path.abspath(path))
    findings = Findings()
    if path.suffix.lower() in SCENE_SUFFIXES and not path.is_dir():
        return _bare_scene(path, findings), tuple(findings.problems)
    file = path / PROJECT_FILE if path.is_dir() else path
    if file.name != PROJECT_FILE and file.suffix != ".toml":
        findings.add(
            "P01",
            str(path),
            "This is no project and no scene." if path.exists() else "There is no such file or folder.",
            f"Give a project folder, a {PROJECT_FILE} or a scene ({', '.join(SCENE_SUFFIXES)}).",
        )
        return None, tuple(findings.problems)
    text = _text(file, file.name, findings)
    doc = None if text is None else _parsed(text, file, tomllib.loads, toml_line, findings)
    if doc is None:
        return None, tuple(findings.problems)
    return _project(file.parent, *doc), tuple(findings.problems)


def _bare_scene(path: Path, findings: Findings) -> Project | None:
    if not path.is_file():
        findings.add("P01", str(path), "There is no such scene.", "Check the path.")
        return None
    return Project(
        folder=path.parent, saved=False, read_only=False, schema=SCHEMA, id="", name=path.stem, entry=path
    )


def _text(file: Path, name: str, findings: Findings) -> str | None:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        findings.add("P01", str(file), f"{name} is not there.", "Open another folder, or make a new project.")
    except UnicodeDecodeError as error:
        findings.add("P01", str(file), f"{name} is not UTF-8 (byte {error.start}).", "Save it as UTF-8.")
    except OSError as error:
        findings.add("P01", str(file), f"{name} cannot be read: {error.strerror}.", "Check its permissions.")
    return None


def _parsed(
    text: str,
    file: Path,
    parse: Callable[[str], Any],
    line: Callable[[str, KeyPath], int],
    findings: Findings,
) -> tuple[Document, dict[str, Any]] | None:
    """Return a file's text as a document and its content, None when it cannot be parsed (noted)."""
    name = file.name
    try:
        data = parse(text)
    except (ValueError, RecursionError) as error:  # both parsers' errors are ValueErrors
        findings.add("P01", str(file), f"{name} cannot be read: {error}.", "Correct its syntax.")
        return None
    if not isinstance(data, dict):
        findings.add("P01", str(file), f"{name} holds no table.", "Begin it with { and end it with }.")
        return None
    return Document(name, text, line, findings), data


def _json(text: str) -> Any:  # Any: parsed JSON
    """Return parsed JSON; a key given twice and NaN are errors, as both would be lost silently."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) != len(pairs):
            twice = next(key for key, _ in pairs if sum(k == key for k, _ in pairs) > 1)
            raise ValueError(f"the key '{twice}' is given twice in one table")
        return out

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not a number that JSON knows")

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)


def _version(table: Table) -> tuple[int, bool]:
    """Return (schema, newer than known)."""
    schema = table.whole("schema", SCHEMA, 1, MAX_SCHEMA)
    if schema > SCHEMA:
        table.document.newer = True
        table.document.wrong(
            (*table.path, "schema"),
            f"It was written by a newer Armillary (schema {schema}, known is {SCHEMA}): it opens read-only.",
            "Update Armillary to edit it.",
            "P11",
            "warning",
        )
    return schema, schema > SCHEMA


def _project(
    folder: Path,
    document: Document,
    data: dict[str, Any],
    twins_text: str | None = None,
    rules_text: str | None = None,
    commands_text: str | None = None,
) -> Project:
    """Return the project of a parsed project.toml; mistakes are noted in the document's findings.

    twins_text, …: of twins.json, rules.toml, commands.toml when they are not the files' (before a save).
    """
    findings = document.findings
    head = Table(document, data).table("project")
    schema, newer = _version(head)
    root = Table(document, migrate.migrated(data, schema, SCHEMA, migrate.PROJECT_STEPS))
    identity, name, version = (
        head.text("id", required=True),
        head.text("name", required=True),
        head.text("version"),
    )
    head.text("created_with")
    zone = head.zone("UTC")
    head.done()
    root.raw("project")
    scene = settings.scene(root.table("scene"), folder)
    links, decoders = settings.links(root), settings.decoders(root)
    areas_given = areas.given(root)
    work, figures = shifts.shifts(root, zone), shifts.given_figures(root)
    maps = tuple(m for name, table in root.named("colormap") if (m := settings.colormap(name, table)))
    model_files, twins_name = settings.model_files(root.table("model"))
    historian = settings.historian(root.table("historian"))
    drifting = settings.drifting(root.table("drift"))
    commanding = settings.commanding(root.table("command"))
    publish_persons = settings.publish_persons(root.table("publish"))
    tick_hz, tag_limit = settings.limits(root.table("limits"))
    forward = settings.forward(root.table("forward"), links) if "forward" in root else None
    root.done()
    beside = _Beside.read(
        folder,
        findings,
        links,
        twins.Twins({spec.name: spec for spec in links}, historian.record != "listed"),
        twins_name,
        twins_text,
        rules_text,
        commands_text,
    )
    held, commands, rules = beside.held, beside.commands, beside.rules
    notify = Notify(zone, [area.name for area in areas_given])
    beside_newer = beside.is_newer | _filled(folder / NOTIFY_FILE, notify, findings)
    _fitting(document, forward, held.specs, tag_limit)
    return Project(
        folder=folder,
        saved=True,
        read_only=newer or beside_newer,
        schema=schema,
        id=identity,
        name=name,
        version=version,
        timezone=zone,
        entry=scene.entry,
        bindings=scene.bindings,
        composed=scene.composed,
        roots=scene.roots,
        load=scene.load,
        purposes=scene.purposes,
        default_camera=scene.default_camera,
        scene_time=scene.time,
        limits=scene.limits,
        model_files=model_files,
        links=links,
        decoders=decoders,
        areas=areas.areas(document, areas_given, links, held.specs),
        topics=tuple(beside.topics),
        specs=thinned(
            in_units(learnt.applied(held.specs, learnt.read(folder / ".armillary"))), historian, links
        ),
        twins=tuple(held.twins),
        relationships=tuple(held.relationships),
        colormaps=maps,
        historian=historian,
        drifting=drifting,
        commanding=commanding,
        publish_persons=publish_persons,
        forward=forward,
        templates=tuple(commands.templates),
        interlocks=tuple(commands.interlocks),
        alarms=tuple(rules.alarms),
        shifts=work,
        figures=shifts.figures(figures, held.specs),
        receivers=tuple(notify.receivers),
        suppressions=tuple(rules.suppressions),
        rules=tuple(rules.streams.rules) if rules.streams is not None else (),
        tick_hz=tick_hz,
        tag_limit=tag_limit,
        problems=tuple(findings.problems),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What the files beside project.toml say: twins.json, commands.toml, rules.toml."""

    held: twins.Twins
    topics: Sequence[TopicTemplate]
    commands: Commands
    rules: Rules
    is_newer: bool  # one of them is of a newer schema

    @classmethod
    def read(
        cls,
        folder: Path,
        findings: Findings,
        links: Sequence[LinkSpec],
        held: twins.Twins,
        twins_name: str,
        twins_text: str | None,
        rules_text: str | None,
        commands_text: str | None = None,
    ) -> _Beside:
        """Read them, the twins first: commands and rules name their tags."""
        topics: list[TopicTemplate] = []
        seen = fleets.seen_in(folder / ".armillary")
        held.fleets = lambda table, into: topics.extend(fleets.read(table, into, seen))
        newer = [_twins(folder, twins_name, twins_text, held, findings)]
        tags = {spec.name: spec for spec in held.specs}
        streams = Streams(tags, held.relationships, [twin.id for twin in held.twins])
        rules = Rules(tags, held.twins, streams=streams)
        newer.append(_rules(folder, rules, findings, rules_text))
        held.specs.extend(streams.specs)  # the tags that rules are made of: commands may name them
        commands = Commands(tags, {link.name: link for link in links})
        newer.append(_commands(folder, commands, findings, commands_text))
        return cls(held=held, topics=topics, commands=commands, rules=rules, is_newer=any(newer))


def _fitting(document: Document, forward: Forward | None, specs: Sequence[TagSpec], tag_limit: int) -> None:
    """Note where the tags of the project do not go with what project.toml says."""
    if forward is not None and any(spec.link == forward.link for spec in specs):
        what = f"Tags come from '{forward.link}', which is the way up of the edge."
        document.wrong(("forward", "link"), what, "Give the way up a source of its own.", "P48")
    if len(specs) > tag_limit:
        what = f"The project has {len(specs)} tags, more than its limit of {tag_limit}."
        document.wrong(("limits", "tags"), what, "Raise limits.tags or remove tags.", "P12")


def _twins(folder: Path, name: str, text: str | None, held: twins.Twins, findings: Findings) -> bool:
    """Fill `held` from twins.json (nothing when there is none); return whether it is of a newer schema."""
    file = folder / name
    if not settings.inside(file, (folder,)):
        findings.add("P05", PROJECT_FILE, f"'{name}' lies outside the project.", "Move it into the project.")
        return False
    if text is None:
        if not file.exists():
            return False
        text = _text(file, name, findings)
    doc = None if text is None else _parsed(text, file, _json, json_line, findings)
    if doc is None:
        return False
    document, data = doc
    schema, newer = _version(Table(document, data))
    held.read(Table(document, migrate.migrated(data, schema, SCHEMA, migrate.TWINS_STEPS)))
    return newer


def _commands(folder: Path, held: Commands, findings: Findings, text: str | None = None) -> bool:
    """Fill `held` from commands.toml (nothing when there is none); return whether it is of a newer schema."""
    return _filled(folder / COMMANDS_FILE, held, findings, text)


def _rules(folder: Path, held: Rules, findings: Findings, text: str | None) -> bool:
    """Fill `held` from rules.toml (nothing when there is none); return whether it is of a newer schema."""
    return _filled(folder / RULES_FILE, held, findings, text)


def _filled(file: Path, held: Commands | Rules | Notify, findings: Findings, text: str | None = None) -> bool:
    """Fill `held` from a TOML file, or from the text that it is to have; return as `_commands` does."""
    if text is None:
        if not file.exists():
            return False
        text = _text(file, file.name, findings)
    doc = None if text is None else _parsed(text, file, tomllib.loads, toml_line, findings)
    if doc is None:
        return False
    root = Table(*doc)
    _, newer = _version(root)  # first: it decides how strictly the rest is read
    held.read(root)
    return newer


def with_rules(folder: Path, text: str) -> Project:
    """Return a project as it would be with another text of rules.toml; nothing is written.

    Raises ProjectFault for a mistake in the text.
    """
    findings = Findings()
    head = _text(folder / PROJECT_FILE, PROJECT_FILE, findings)
    doc = None if head is None else _parsed(head, folder / PROJECT_FILE, tomllib.loads, toml_line, findings)
    project = _project(folder, *doc, rules_text=text) if doc is not None else None
    if project is None or findings.errors:
        raise fault_of(findings.errors, str(folder))
    return project


def with_commands(folder: Path, text: str) -> Project:
    """Return a project as it would be with another text of commands.toml; nothing is written.

    Raises ProjectFault for a mistake in the text.
    """
    findings = Findings()
    head = _text(folder / PROJECT_FILE, PROJECT_FILE, findings)
    doc = None if head is None else _parsed(head, folder / PROJECT_FILE, tomllib.loads, toml_line, findings)
    project = _project(folder, *doc, commands_text=text) if doc is not None else None
    if project is None or findings.errors:
        raise fault_of(findings.errors, str(folder))
    return project


def save_commands(folder: Path, text: str) -> Project:
    """Write commands.toml and return the project as read again; nothing is written if it has a mistake.

    Raises ProjectFault as `save_rules`.
    """
    _save_text(folder, COMMANDS_FILE, text, with_commands(folder, text))
    return read(folder)


def save_rules(folder: Path, text: str) -> Project:
    """Write rules.toml and return the project as read again; nothing is written if it has a mistake.

    Raises ProjectFault for a mistake in the text and for a folder that cannot be written.
    """
    _save_text(folder, RULES_FILE, text, with_rules(folder, text))
    return read(folder)


def _save_text(folder: Path, name: str, text: str, project: Project) -> None:
    """Write a file of a project, which was read with that text. Raises ProjectFault."""
    if project.read_only:
        raise ProjectFault(
            "The project was written by a newer Armillary and is read-only here.",
            where=str(folder),
            remedy="Update Armillary.",
        )
    try:
        write_atomic(folder / name, text)
    except OSError as error:
        raise ProjectFault(
            f"{name} cannot be saved: {error.strerror}.",
            where=str(error.filename or folder),
            remedy="Check the folder's permissions and free space; the file is as it was.",
        ) from error


# ---------------------------------------------------------------- writing
@dataclass(slots=True)
class Documents:
    """The two files of a project as they can be edited: TOML keeps comments and order."""

    project: tomlkit.TOMLDocument
    twins: dict[str, Any]  # Any: parsed JSON


def documents(folder: Path) -> Documents:
    """Return a project's files for editing. Raises ProjectFault when one cannot be read."""
    try:
        project = tomlkit.parse((folder / PROJECT_FILE).read_text("utf-8"))
        path = folder / TWINS_FILE
        held = _json(path.read_text("utf-8")) if path.exists() else {"schema": SCHEMA, "twins": []}
    except (OSError, ValueError, TOMLKitError) as error:
        raise ProjectFault(
            f"The project cannot be edited: {error}.", where=str(folder), remedy="Correct the file first."
        ) from error
    return Documents(project, held)


def save(folder: Path, docs: Documents, now_ns: int) -> Project:
    """Write both files of a project and return it as read again; nothing is written if it has a mistake.

    Originals of an older schema are first copied to .armillary/backup/<time>/. Raises ProjectFault for
    a mistake in the documents, a project of a newer Armillary and a folder that cannot be written.
    """
    texts = {PROJECT_FILE: tomlkit.dumps(docs.project), TWINS_FILE: _twins_text(docs.twins)}
    _must_be_valid(folder, texts)
    old = [name for name in texts if (folder / name).exists() and _older(folder / name)]
    try:
        if old:
            backup = folder / ".armillary" / "backup" / iso(now_ns).replace(":", "")
            backup.mkdir(parents=True, exist_ok=True)
            for name in old:
                write_atomic(backup / name, (folder / name).read_text("utf-8"))
        for name, text in texts.items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise ProjectFault(
            f"The project cannot be saved: {error.strerror}.",
            where=str(error.filename or folder),
            remedy="Check the folder's permissions and free space; the files are as they were.",
        ) from error
    return read(folder)


def save_head(folder: Path, text: str) -> None:
    """Write project.toml alone, all other files stay byte for byte; nothing is written if it has a mistake.

    Raises ProjectFault for a mistake in the text and for a folder that cannot be written.
    """
    path = folder / TWINS_FILE
    try:
        twins_text = path.read_text("utf-8") if path.exists() else _twins_text({"schema": SCHEMA})
        _must_be_valid(folder, {PROJECT_FILE: text, TWINS_FILE: twins_text})
        write_atomic(folder / PROJECT_FILE, text)
    except OSError as error:
        raise ProjectFault(
            f"{PROJECT_FILE} cannot be saved: {error.strerror}.",
            where=str(error.filename or folder),
            remedy="Check the folder's permissions and free space; the file is as it was.",
        ) from error


def _must_be_valid(folder: Path, texts: dict[str, str]) -> None:
    findings = Findings()
    doc = _parsed(texts[PROJECT_FILE], folder / PROJECT_FILE, tomllib.loads, toml_line, findings)
    project = _project(folder, *doc, texts[TWINS_FILE]) if doc is not None else None
    if findings.errors:
        raise fault_of(findings.errors, str(folder))
    if project is not None and project.read_only:
        raise ProjectFault(
            "The project was written by a newer Armillary and is read-only here.",
            where=str(folder),
            remedy="Update Armillary.",
        )


def _older(path: Path) -> bool:
    """Return whether a file of ours is of an older schema than today's."""
    text = path.read_text("utf-8")
    doc = tomllib.loads(text).get("project", {}) if path.suffix == ".toml" else _json(text)
    return bool(doc.get("schema", SCHEMA) < SCHEMA)


def _twins_text(held: dict[str, Any]) -> str:
    """Return twins.json as text: sorted by id, one twin a block, one fact a line."""
    ordered = {**held, "twins": sorted(held.get("twins", []), key=lambda twin: str(twin.get("id", "")))}
    return json.dumps(ordered, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_atomic(path: Path, text: str) -> None:
    """Replace a file, whole, and keep its mode. Raises OSError."""
    files.replace(path, text.encode(), path.stat().st_mode & 0o777 if path.exists() else 0o644)


def new(folder: Path, name: str, scene: Path | None = None) -> Project:
    """Make a minimal project in a folder and return it; without a scene an empty one is written too.

    Raises ProjectFault when there is a project already, or the scene is not inside the folder.
    """
    if (folder / PROJECT_FILE).exists():
        raise ProjectFault("There is a project already.", where=str(folder), remedy="Open it.")
    if scene is not None and not settings.inside(scene, (folder,)):
        raise ProjectFault(
            "The scene is not in the project's folder.",
            where=str(scene),
            remedy="Make the project beside it.",
        )
    entry = Path(os.path.relpath(scene, folder)).as_posix() if scene is not None else "scene.usda"
    doc = tomlkit.document()
    doc["project"] = {
        "schema": SCHEMA,
        "id": str(uuid.uuid4()),
        "name": name,
        "version": "0.1.0",
        "created_with": __version__,
        "timezone": "UTC",
    }
    doc["scene"] = {"entry": entry, "bindings": "bindings.usda"}
    texts = {
        PROJECT_FILE: tomlkit.dumps(doc),
        TWINS_FILE: EMPTY_TWINS,
        ".gitignore": GITIGNORE,
        ".gitattributes": GITATTRIBUTES,
    }
    if scene is None:
        texts["scene.usda"] = EMPTY_SCENE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # project.toml last: a folder is a project only once all of it is there
        for file in sorted(texts, key=lambda name: name == PROJECT_FILE):
            if file == PROJECT_FILE or not (folder / file).exists():
                write_atomic(folder / file, texts[file])
    except OSError as error:
        raise ProjectFault(
            f"The project cannot be written: {error.strerror}.",
            where=str(error.filename or folder),
            remedy="Choose a folder that you may write to.",
        ) from error
    return read(folder)
