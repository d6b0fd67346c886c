"""The sheets of authoring that a command opens by name: lists of tags in and out, templates of bindings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from armillary.model.fault import Fault
from armillary.session import tag_list
from armillary.session.model_import import KINDS
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.binding_template_sheet import TemplateSheet
from armillary.ui.model_import_sheet import ModelImportSheet
from armillary.ui.sheet import Sheet
from armillary.ui.tag_list_sheet import TagListSheet
from armillary.ui.theme import Colours

LISTS = "Lists of tags (*.csv *.xlsx)"


class AuthorSheets:
    """Opens one of them at a time, beside the window."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Callable[[], Colours],
        say: Callable[[str], None],
        window: QWidget,
    ) -> None:
        self._at, self._colours, self._say, self._window = workspace, colours, say, window
        self.sheet: Sheet | None = None

    def open(self, name: str) -> None:
        """Open a sheet: import-model | import-tags | export-tags | binding-templates."""
        project = self._at.project
        folder = str(project.folder) if project is not None else ""
        if name == "import-tags":
            ask_file.to_read(self._window, "Take in a list of tags", LISTS, folder, self.take_in)
        elif name == "import-model":
            ask_file.to_read(self._window, "Import a model", KINDS, folder, self.import_model)
        elif name == "export-tags":
            title = "Write the tags as a list"
            ask_file.to_write(self._window, title, LISTS, folder, self.export, suffix="csv")
        elif name == "binding-templates":
            self._show(TemplateSheet(self._at, self._colours(), self._say, self._window))

    def take_in(self, path: Path) -> None:
        """Show what a list would do."""
        self._show(TagListSheet(self._at, self._colours(), self._say, path, self._window))

    def import_model(self, path: Path) -> None:
        """Show what a model would bring."""
        self._show(ModelImportSheet(self._at, self._colours(), self._say, path, self._window))

    def export(self, path: Path) -> None:
        """Write the tags of the project as a list."""
        project = self._at.project
        if project is None:
            return
        try:
            count = tag_list.export(project, path)
        except Fault as fault:
            self._say(f"{fault.what} {fault.remedy}")
        else:
            self._say(f"{path.name}: {count} tags, one a line.")

    def _show(self, sheet: Sheet) -> None:
        if self.sheet is not None:
            self.sheet.reject()
        self.sheet = sheet
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.finished.connect(lambda _result: self._closed(sheet))
        sheet.show()

    def _closed(self, sheet: Sheet) -> None:
        if self.sheet is sheet:
            self.sheet = None
