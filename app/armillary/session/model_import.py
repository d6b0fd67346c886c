"""Twins of a foreign description (AAS, NGSI-LD, WoT, DTDL): seen first, taken in as one step of undo."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project.imported import Change, Existing, written
from armillary.project.modelled import FOLDER
from armillary.project.record import PROJECT_FILE, TWINS_FILE, Project
from armillary.session import limits
from armillary.session.bulk import Text
from armillary.session.undo import Done, Step, Undo
from armillary.twin import import_aas, import_aas_files, import_adt, import_ngsi, import_wot
from armillary.twin.imports import Imported, Json, Known, Left, short

READERS: Mapping[str, tuple[Callable[[Json], bool], Callable[[Json, Known], Imported]]] = {
    "aas": (import_aas.is_aas, import_aas.imported),
    "dtdl": (import_adt.is_adt, import_adt.imported),
    "wot": (import_wot.is_thing, import_wot.imported),
    "ngsi-ld": (import_ngsi.is_ngsi, import_ngsi.imported),
}
TITLES = {
    "aas": "Asset Administration Shell",
    "dtdl": "DTDL instances",
    "wot": "WoT Things",
    "ngsi-ld": "NGSI-LD",
}
EXISTING: tuple[tuple[str, Existing], ...] = (
    ("Twins that are there stay as they are", "skip"),
    ("Twins that are there get what they lack", "merge"),
)
PACKAGES = (".aasx", ".xml")
KINDS = "Models (*.aasx *.xml *.json *.jsonld)"
MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a file holds and what it would do to a project; nothing is written."""

    file: Path
    made: Imported
    change: Change
    existing: Existing


@dataclass(frozen=True, slots=True)
class Line:
    """A line of what is seen: what becomes of it, its kind, its name, and why."""

    what: str  # comes | is there | gets | stays | is lost
    kind: str
    name: str
    why: str = ""


class Place(Protocol):
    """What an import needs of the workspace."""

    undo: Undo

    @property
    def project(self) -> Project | None: ...
    def now_ns(self) -> int: ...


def document_of(file: Path) -> tuple[Json, tuple[str, ...]]:
    """Return what a file holds, and what its library left out. Raises ProjectFault."""
    if file.suffix.lower() in PACKAGES:
        return import_aas_files.environment(file)
    try:
        if file.stat().st_size > MOST_BYTES:
            what, remedy = "The file is too large.", f"At most {MOST_BYTES // 10**6} MB are read."
            raise ProjectFault(what, where=str(file), remedy=remedy)
        return json.loads(file.read_bytes()), ()
    except OSError as error:
        what = f"The file cannot be read: {error.strerror or error}."
        raise ProjectFault(what, where=str(file), remedy="Give a file that is there.") from error
    except (ValueError, RecursionError) as error:
        raise ProjectFault(
            f"The file is no JSON: {error}."[:300], where=str(file), remedy="Give JSON, AASX or AAS in XML."
        ) from error


def reader_of(document: Json, form: str | None, file: Path) -> Callable[[Json, Known], Imported]:
    """Return who reads a document; form "" or None: it is guessed. Raises ProjectFault."""
    if form:
        return READERS[form][1]
    for is_it, read in READERS.values():
        if is_it(document):
            return read
    raise ProjectFault(
        "It is not plain what this file describes.",
        where=str(file),
        remedy=f"Say its format, one of {', '.join(READERS)}.",
    )


def read(project: Project, file: Path, form: str | None = None) -> Imported:
    """Return what a file describes, as twins of a project. Raises ProjectFault."""
    ids = {twin.id for twin in project.twins}

    def known(foreign: str) -> str | None:
        return next((one for one in (foreign, short(foreign)) if one in ids), None)

    document, unread = document_of(file)
    made = reader_of(document, form, file)(document, known)
    more = tuple(Left("element", said, "The library that reads packages left it out.") for said in unread)
    return replace(made, left=(*made.left, *more))


def put(project: Project, made: Imported, now_ns: int, existing: Existing, *, dry: bool) -> Change:
    """Write what was made into a project; return what changed. Raises ProjectFault."""
    return written(
        project, made.twins, made.relationships, made.sources, made.interfaces, now_ns, existing, dry=dry
    )


def preview(folder: Path, file: Path, form: str, existing: Existing, now_ns: int) -> Preview:
    """Return what a file would do to the project of a folder as it is on disk. Raises ProjectFault."""
    project = projects.read(folder)
    made = read(project, file, form)
    change = put(project, made, now_ns, existing, dry=True)
    return Preview(file=file, made=made, change=change, existing=existing)


def lines_of(found: Preview) -> tuple[Line, ...]:
    """Return what is seen before it is taken in: what comes, what is there, what is lost."""
    made, change = found.made, found.change
    type_of = {str(twin["id"]): str(twin.get("model", "")) for twin in made.twins}
    out = [Line("comes", "twin", name, type_of.get(name, "")) for name in change.added]
    out += [Line("is there", "twin", name, "It stays as it is.") for name in change.there]
    out += [Line("gets", "of a twin", name) for name in change.merged]
    out += [Line("stays", "of a twin", name, "The project says otherwise.") for name in change.kept]
    out += [
        Line("comes", "relation", f"{edge['from']} {edge['name']} {edge['to']}")
        for edge in made.relationships
    ]
    out += [Line("comes", "type", str(one.get("@id", ""))) for one in made.interfaces]
    out += [Line("comes", "source", name) for name in change.sources]
    skip = ("twin", "relationship")
    out += [
        Line("comes", kind, name) for kind, names in made.taken.items() if kind not in skip for name in names
    ]
    out += [Line("is lost", left.kind, left.name, left.why) for left in made.left]
    return tuple(out)


def words_of(found: Preview) -> str:
    """Return a preview in a sentence."""
    made, change = found.made, found.change
    types = {str(twin.get("model")) for twin in made.twins if twin.get("model")}
    said = [
        TITLES.get(made.format, made.format),
        f"{_many(len(change.added), 'twin')} of {_many(len(types), 'type')} to come",
        _many(change.relationships, "relation"),
    ]
    said += [f"{_many(len(change.there), 'twin')} there already"] * bool(change.there)
    said += [f"{_many(len(made.left), 'thing')} lost"] * bool(made.left)
    return ", ".join(said) + "."


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"


def take_in(at: Place, found: Preview) -> str:
    """Write what was seen, as one step of undo; return what to tell. Raises ProjectFault: nothing is then."""
    project = at.project
    if project is None:
        raise ProjectFault("No project is open.", where="model", remedy="Open one first.")
    folder = project.folder
    before = _texts(folder)
    change = put(projects.read(folder), found.made, at.now_ns(), found.existing, dry=False)
    after = _texts(folder)
    texts = tuple(
        Text(path, before.get(path, ""), after.get(path, ""))
        for path in sorted({*before, *after})
        if before.get(path, "") != after.get(path, "")
    )
    count = len(change.added)
    title = f"Take in {count} twins of {found.file.name}"
    at.undo.push(
        Step(title, lambda done: _put(texts, done, back=True), lambda done: _put(texts, done, back=False))
    )
    return f"Saved: {title}. {limits.NEXT}"


def _texts(folder: Path) -> dict[Path, str]:
    paths = [folder / PROJECT_FILE, folder / TWINS_FILE, *sorted((folder / FOLDER).glob("**/*.json"))]
    return {path: path.read_text("utf-8") for path in paths if path.is_file()}


def _put(texts: tuple[Text, ...], done: Done, *, back: bool) -> None:
    """Write all files the one way or the other; what was changed by others meanwhile is refused first."""
    here = [(text, text.before, text.after) if back else (text, text.after, text.before) for text in texts]
    put: list[tuple[Text, str, str]] = []
    try:
        for text, wanted, expected in here:
            text.put(wanted, expected)
            put.append((text, wanted, expected))
    except (Fault, OSError) as fault:
        for text, wanted, expected in reversed(put):
            text.put(expected, wanted)
        done(f"{fault.what} {fault.remedy}" if isinstance(fault, Fault) else str(fault))
    else:
        done("")
