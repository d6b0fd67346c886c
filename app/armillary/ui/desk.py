"""What the parts of the window may know of it: they are made by it and never import it."""

from __future__ import annotations

from PySide6.QtWidgets import QMainWindow

from armillary.model.fault import Fault
from armillary.session.workspace import Workspace
from armillary.ui.canvas import Canvas
from armillary.ui.files import Files


class Desk(QMainWindow):
    """The base of `ui.window.DeskWindow`, which makes and does all of this."""

    workspace: Workspace
    canvas: Canvas
    files: Files

    def say(self, text: str) -> None:
        """Show a short message in the status line."""
        raise NotImplementedError

    def fault(self, fault: Fault) -> None:
        """Show what went wrong and what to do."""
        raise NotImplementedError
