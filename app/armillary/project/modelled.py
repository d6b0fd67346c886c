"""Types of a project: inferred ones written into it, and which twin is of which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project.record import Project

FOLDER = "model"
FILES = f"{FOLDER}/*.json"
Document = Mapping[str, Any]  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was written."""

    files: tuple[Path, ...] = ()
    typed: tuple[str, ...] = ()  # twins and components that have a type now
    left: tuple[str, ...] = ()  # those that are not in twins.json themselves: members of fleets


def write_documents(
    folder: Path, documents: Mapping[str, Document], *, over: bool = False
) -> tuple[Path, ...]:
    """Write DTDL documents by their file names; return the files.

    Raises ProjectFault, and writes nothing, when a file is there that says something else, unless `over`.
    """
    texts = {
        folder / name: json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        for name, document in documents.items()
    }
    try:
        differing = [f for f, text in texts.items() if f.exists() and f.read_text("utf-8") != text]
        if differing and not over:
            raise ProjectFault(
                f"{len(differing)} of the files are there already and say something else.",
                where=", ".join(file.name for file in differing[:3]),
                remedy="Give another folder, or let them be overwritten.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            projects.write_atomic(file, text)
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            f"The model cannot be written: {error}.",
            where=str(folder),
            remedy="Give a folder that you may write to.",
        ) from error
    return tuple(texts)


def apply(
    project: Project,
    documents: Mapping[str, Document],
    of: Mapping[str, str],
    now_ns: int,
    *,
    over: bool = False,
) -> Typed:
    """Write types into a project's `model/` and say in twins.json which twin is of which; return what was.

    of: id of a twin or component → type. A twin that has a type keeps it. Raises ProjectFault; the project
    is then as it was, but for files of `model/` that nothing refers to yet.
    """
    if not project.saved or project.read_only:
        raise ProjectFault(
            "This project cannot be changed.", where=str(project.folder), remedy="Save it as a project first."
        )
    docs = projects.documents(project.folder)
    typed = _typed(docs.twins, of)
    list_files(docs.project)
    files = write_documents(project.folder / FOLDER, documents, over=over)
    projects.save(project.folder, docs, now_ns)
    return Typed(files=files, typed=tuple(typed), left=tuple(sorted(set(of) - set(typed))))


def _typed(root: dict[str, Any], of: Mapping[str, str]) -> list[str]:
    """Give twins of twins.json and their components a type, after their id; return which got one."""
    out: list[str] = []

    def give(table: dict[str, Any], name: str) -> dict[str, Any]:
        model = of.get(name)
        if model and not table.get("model"):
            first = {"id": table["id"]} if "id" in table else {}
            table = {**first, "model": model, **{key: value for key, value in table.items() if key != "id"}}
            out.append(name)
        inner = table.get("components")
        if isinstance(inner, dict):
            table["components"] = {
                key: give(part, f"{name}.{key}") if isinstance(part, dict) else part
                for key, part in inner.items()
            }
        return table

    root["twins"] = [give(twin, str(twin.get("id"))) for twin in root.get("twins", [])]
    return out


def list_files(project: tomlkit.TOMLDocument) -> None:
    """Let project.toml name the files of the model, where it does not yet."""
    table = project.get("model")
    if table is None:
        table = project["model"] = tomlkit.table()
    files = list(table.get("files", ()))
    if FILES not in files:
        table["files"] = [*files, FILES]
