"""Reads a project folder, a project.toml or a bare scene; writes a project atomically."""

from __future__ import annotations

import json
import os
import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary._version import __version__
from armillary.model import files
from armillary.model.clock import iso
from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneProblem
from armillary.project import settings
from armillary.project.assembling import assembled, parsed_json
from armillary.project.commands import COMMANDS_FILE
from armillary.project.record import PROJECT_FILE, SCENE_SUFFIXES, SCHEMA, TWINS_FILE, Project
from armillary.project.rules import RULES_FILE
from armillary.project.table import Findings, fault_of

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

GITIGNORE = ".armillary/\nusers.toml\npki/own/*.key\n"
GITATTRIBUTES = (
    "*.usdc binary\n*.usdz binary\n*.fmu binary\n"
    "*.toml merge=armillary\ntwins.json merge=armillary\n"
    "bindings.usda merge=armillary\nbindings/*.usda merge=armillary\ncomposed.usda merge=armillary\n"
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
    return assembled(file, findings), tuple(findings.problems)


def _bare_scene(path: Path, findings: Findings) -> Project | None:
    if not path.is_file():
        findings.add("P01", str(path), "There is no such scene.", "Check the path.")
        return None
    return Project(
        folder=path.parent, saved=False, read_only=False, schema=SCHEMA, id="", name=path.stem, entry=path
    )


def with_rules(folder: Path, text: str) -> Project:
    """Return a project as it would be with another text of rules.toml; nothing is written.

    Raises ProjectFault for a mistake in the text.
    """
    return _with(folder, {RULES_FILE: text})


def with_commands(folder: Path, text: str) -> Project:
    """Return a project as it would be with another text of commands.toml; nothing is written.

    Raises ProjectFault for a mistake in the text.
    """
    return _with(folder, {COMMANDS_FILE: text})


def _with(folder: Path, texts: Mapping[str, str]) -> Project:
    """Return a project as it would be with other texts of some files. Raises ProjectFault."""
    findings = Findings()
    project = assembled(folder / PROJECT_FILE, findings, texts)
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
        held = parsed_json(path.read_text("utf-8")) if path.exists() else {"schema": SCHEMA, "twins": []}
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


def _must_be_valid(folder: Path, texts: Mapping[str, str]) -> None:
    if _with(folder, texts).read_only:
        raise ProjectFault(
            "The project was written by a newer Armillary and is read-only here.",
            where=str(folder),
            remedy="Update Armillary.",
        )


def _older(path: Path) -> bool:
    """Return whether a file of ours is of an older schema than today's."""
    text = path.read_text("utf-8")
    doc = tomllib.loads(text).get("project", {}) if path.suffix == ".toml" else parsed_json(text)
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
