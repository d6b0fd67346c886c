"""What an engineer works with besides the card of one binding: the table, test values, lists and sheets."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from armillary.model.binding import Binding
from armillary.session.workspace import Workspace
from armillary.ui.binding_paste import PasteSheet
from armillary.ui.colour_sheet import ColourSheet
from armillary.ui.derived_sheet import DerivedSheet
from armillary.ui.panels.bindings import BindingsPanel
from armillary.ui.sweep_bar import SweepBar
from armillary.ui.theme import Colours
from armillary.ui.undo_list import UndoList


class AuthorTools:
    """Made once by the window; `run` does what `session.binding_actions` names."""

    def __init__(
        self,
        window: QWidget,
        workspace: Workspace,
        colours: Colours,
        *,
        say: Callable[[str], None],
        edit: Callable[[Binding], bool],
        frame: Callable[[tuple[int, ...]], None],
    ) -> None:
        self._window, self._at, self._say, self._colours = window, workspace, say, colours
        self.bar = SweepBar(workspace, window)
        self.panel = BindingsPanel(workspace, colours, say=say, edit=edit, frame=frame, sweep=self.sweep)

    def run(self, what: str) -> None:
        """Do a command by its name."""
        match what:
            case "copy":
                self._copy()
            case "paste":
                PasteSheet.ask(self.panel.desk, self._at, self._say, self._window)
            case "sweep":
                self.sweep(self.panel.desk.of_parts(self._at.selection))
            case "sweep-end":
                self.bar.sweep.end()
            case "history":
                UndoList(self._at.undo, self._say, self._window).show()
            case "colours":
                ColourSheet(self._at, self._colours, self._say, self._window).show()
            case "derived":
                DerivedSheet(self._at, self._colours, self._say, self._window).show()

    def _copy(self) -> None:
        """Put the bindings of the selected parts on the clipboard."""
        chosen = self.panel.desk.of_parts(self._at.selection)
        if not chosen:
            self._say("Copy: the selected parts have no bindings.")
            return
        QGuiApplication.clipboard().setText(self.panel.desk.copy(chosen))
        n = len(chosen)
        self._say(f"Copied {n} binding{'s' if n > 1 else ''}.")

    def sweep(self, chosen: tuple[Binding, ...]) -> None:
        """Sweep the values of bindings."""
        if why := self.bar.sweep.begin(chosen):
            self._say(f"Test: {why}")

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.panel.set_colours(colours)
