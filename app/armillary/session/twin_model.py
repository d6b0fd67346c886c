"""The DTDL model of a project, read from the files that project.toml names."""

from __future__ import annotations

from pathlib import Path

from armillary.model.dtdl import Model
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.project.settings import inside
from armillary.twin import dtdl
from armillary.twin.dtdl_context import Options

MOST_FILES = 20_000


def model_of(project: Project) -> Model | None:
    """Return the interfaces of a project, None where it has none or they cannot be read.

    What is wrong with them is told by `armillary model check`, not here.
    """
    if not project.saved or not project.model_files:
        return None
    found = sorted({file for pattern in project.model_files for file in project.folder.glob(pattern)})
    documents = []
    for file in found[:MOST_FILES]:
        try:
            if file.is_file() and inside(file, (project.folder,)):
                documents.append(dtdl.Document(where=str(file), data=file.read_bytes()))
        except OSError:
            continue
    if not documents:
        return None
    return dtdl.judge(str(project.folder), documents, Options(undefined=True)).model


def model_at(folder: Path) -> Model | None:
    """Return the interfaces of the project in a folder, None where there is none."""
    project, _ = projects.examine(folder)
    return model_of(project) if project is not None else None
