"""The DTDL model of a project, read from the files that project.toml names, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from armillary.model.dtdl import Model, Verdict
from armillary.model.scene import SceneProblem
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session.twin_check import mismatches
from armillary.twin import dtdl
from armillary.twin.dtdl_context import Options

_MOST = 50  # findings on documents that are told; `armillary model check` tells all
_SEVERITY = {"error": "error", "warning": "warning"}


def verdict_of(project: Project) -> Verdict | None:
    """Return the verdict on the documents of a project, taken as one model; None where it names none."""
    documents = [dtdl.Document(where=where, data=data) for where, data in _documents(project)]
    if not documents:
        return None
    return dtdl.judge(str(project.folder), documents, Options(undefined=False))


def _documents(project: Project) -> Iterator[tuple[str, bytes]]:
    seen: set[Path] = set()
    for pattern in project.model_files:
        for path in _files(project.folder, pattern):
            if path in seen:
                continue
            seen.add(path)
            try:
                yield str(path.relative_to(project.folder)), path.read_bytes()
            except OSError:
                continue  # gone, or not ours to read: what it defines is found nowhere, which is told


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a pattern inside the folder; none for one that leads out of it."""
    try:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
    except (ValueError, NotImplementedError):
        return []
    top = folder.resolve()
    return [path for path in found if path.resolve().is_relative_to(top)]


def model_of(project: Project) -> Model | None:
    """Return the interfaces of a project, None where it has none or they cannot be read."""
    verdict = verdict_of(project)
    return verdict.model if verdict is not None else None


def model_at(folder: Path) -> Model | None:
    """Return the interfaces of the project in a folder, None where there is none."""
    project, _ = projects.examine(folder)
    return model_of(project) if project is not None else None


def findings(project: Project) -> list[SceneProblem]:
    """Return what is wrong with a project's model, and where its twins are not what their types say."""
    found = [
        SceneProblem(
            code="P81",
            severity="warning",
            where="project.toml:[model] files",
            what=f"No file is named '{pattern}'.",
            remedy="Correct the pattern, or remove it.",
        )
        for pattern in project.model_files
        if not _files(project.folder, pattern)
    ]
    verdict = verdict_of(project)
    if verdict is None:
        return found
    found += [
        SceneProblem(
            code="P81",
            severity=_SEVERITY.get(f.severity, "error"),
            where=f.place,
            what=f"{f.message} ({f.rule})",
            remedy=f.hint,
        )
        for f in verdict.findings[:_MOST]
    ]
    if verdict.model is not None:
        found += mismatches(verdict.model, project.twins, project.relationships)
    return found
