"""Opens the sheets that belong to the project as a whole: versions, a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PySide6.QtWidgets import QWidget

from armillary.session.beginning import Beginning
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.add_sheet import SCENES, AddSheet
from armillary.ui.files import Files
from armillary.ui.new_sheet import NewSheet, NextSteps
from armillary.ui.version_sheet import VersionSheet


class Owner(Protocol):
    """What a sheet needs of the window; it is the sheet's parent too."""

    workspace: Workspace
    files: Files

    @property
    def canvas(self) -> QWidget: ...
    def say(self, text: str) -> None: ...
    def frame(self, prims: tuple[int, ...]) -> None: ...
    def use_layout(self, name: str) -> None: ...


def add_scene(owner: Owner, parent: QWidget) -> None:
    """Ask for a scene to be added to the one that is shown."""
    at = owner.workspace
    chosen = at.scene.prim_path[at.selection[-1]] if at.scene is not None and at.selection else ""

    def ask(path: Path) -> None:
        AddSheet(at, path, chosen, owner.say, parent).show()

    folder = str(at.project.folder) if at.project is not None else ""
    ask_file.to_read(parent, "Add a scene to this one", SCENES, folder, ask)


def versions(owner: Owner, parent: QWidget) -> VersionSheet:
    """Open the sheet of versions."""
    sheet = VersionSheet(owner.workspace, owner.say, owner.frame, parent)
    sheet.show()
    return sheet


def new_project(owner: Owner, parent: QWidget) -> NewSheet:
    """Ask for what a new project is made of, with the scene that is shown; open it and say what is next."""

    def made(folder: Path, filled: Beginning) -> None:
        owner.files.open(str(folder))
        owner.use_layout("author")
        NextSteps(owner.canvas, filled.next_steps).show()

    project = owner.workspace.project
    bare = project is not None and not project.saved and project.entry is not None
    sheet = NewSheet(made, str(project.entry) if bare and project is not None else "", parent)
    sheet.show()
    return sheet
