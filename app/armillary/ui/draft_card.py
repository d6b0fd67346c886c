"""The base of cards that edit a binding in hand: numbers that are typed, colour maps, Escape gives up."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFrame, QLineEdit

from armillary.session.draft import colour_maps
from armillary.session.workspace import Workspace


class DraftCard(QFrame):
    """A card over `workspace.authoring`."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        """Give the draft up on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self._workspace.authoring.cancel()
            return
        super().keyPressEvent(event)

    def _offer(self, box: QComboBox, chosen: str) -> None:
        """Offer the colour maps that there are, with one chosen."""
        names = colour_maps(self._workspace.colormaps)
        if names != tuple(box.itemText(i) for i in range(box.count())):
            box.clear()
            box.addItems(names)
        box.setCurrentText(chosen)


def show_numbers(rows: Sequence[tuple[QLineEdit, float]]) -> None:
    """Show a number in each field."""
    for field, value in rows:
        field.setText(f"{value:g}")


def number(field: QLineEdit) -> float:
    """Return the number that is typed, NaN for none; a decimal comma is one too."""
    try:
        return float(field.text().strip().replace(",", "."))
    except ValueError:
        return float("nan")
