"""A project put together from the texts of its files; every mistake is noted, nothing is written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from armillary.model.link import LinkSpec, TopicTemplate
from armillary.model.tags import TagSpec
from armillary.project import areas, fleets, learnt, migrate, positions, settings, shifts, twins
from armillary.project.commands import COMMANDS_FILE, Commands
from armillary.project.derived import in_units
from armillary.project.locate import KeyPath, json_line, toml_line
from armillary.project.notify import NOTIFY_FILE, Notify
from armillary.project.record import PROJECT_FILE, SCHEMA, TWINS_FILE, Forward, Project
from armillary.project.rules import RULES_FILE, Rules
from armillary.project.streams import Streams
from armillary.project.table import Document, Findings, Table
from armillary.project.thinning import thinned

MAX_SCHEMA = 1_000_000
_AS_THEY_ARE: Mapping[str, str] = {}


def assembled(file: Path, findings: Findings, texts: Mapping[str, str] = _AS_THEY_ARE) -> Project | None:
    """Return the project of a project.toml and the files beside it, None when it cannot be read at all.

    texts: by name, of files that are to be read as if they said this (before a save).
    """
    text = texts.get(PROJECT_FILE)
    if text is None:
        text = _text(file, file.name, findings)
    doc = None if text is None else _parsed(text, file, tomllib.loads, toml_line, findings)
    return _project(file.parent, *doc, texts) if doc is not None else None


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


def parsed_json(text: str) -> Any:  # Any: parsed JSON
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


def _project(folder: Path, document: Document, data: dict[str, Any], texts: Mapping[str, str]) -> Project:
    """Return the project of a parsed project.toml; mistakes are noted in the document's findings."""
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
    areas_given, positions_given = areas.given(root), positions.given(root)
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
    held = twins.Twins({spec.name: spec for spec in links}, historian.record != "listed")
    beside = _Beside.read(folder, findings, links, held, twins_name, texts)
    commands, rules = beside.commands, beside.rules
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
        positions=positions.positions(
            positions_given, [area.name for area in areas_given], [twin.id for twin in held.twins]
        ),
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
        texts: Mapping[str, str],
    ) -> _Beside:
        """Read them, the twins first: commands and rules name their tags."""
        topics: list[TopicTemplate] = []
        seen = fleets.seen_in(folder / ".armillary")
        held.fleets = lambda table, into: topics.extend(fleets.read(table, into, seen))
        newer = [_twins(folder, twins_name, texts.get(TWINS_FILE), held, findings)]
        tags = {spec.name: spec for spec in held.specs}
        streams = Streams(tags, held.relationships, [twin.id for twin in held.twins])
        rules = Rules(tags, held.twins, streams=streams)
        newer.append(_filled(folder / RULES_FILE, rules, findings, texts.get(RULES_FILE)))
        held.specs.extend(streams.specs)  # the tags that rules are made of: commands may name them
        commands = Commands(tags, {link.name: link for link in links})
        newer.append(_filled(folder / COMMANDS_FILE, commands, findings, texts.get(COMMANDS_FILE)))
        return cls(topics=topics, commands=commands, rules=rules, is_newer=any(newer))


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
    doc = None if text is None else _parsed(text, file, parsed_json, json_line, findings)
    if doc is None:
        return False
    document, data = doc
    schema, newer = _version(Table(document, data))
    held.read(Table(document, migrate.migrated(data, schema, SCHEMA, migrate.TWINS_STEPS)))
    return newer


def _filled(file: Path, held: Commands | Rules | Notify, findings: Findings, text: str | None = None) -> bool:
    """Fill `held` from a TOML file (nothing when there is none), or from the text that it is to have.

    Returns whether it is of a newer schema.
    """
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
