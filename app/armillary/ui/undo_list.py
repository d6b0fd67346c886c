"""What was changed since the desk was opened: the newest first, with what has been undone above it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from armillary.session.undo import Undo
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button

WIDTH, HEIGHT = 520, 420


class UndoList(Sheet):
    """Undo to a line, or do again up to one; each step is carried out by itself, in order."""

    def __init__(self, undo: Undo, say: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._undo = undo
        self.setWindowTitle("What was changed")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.list = QListWidget()
        self.list.setAccessibleName("Changes, newest first")
        self.told = label("", "muted", wrap=True)
        self.back = button("Undo", "Undo the newest change", undo.undo)
        self.forth = button("Redo", "Do the change undone last again", undo.redo)
        self.to = button("Go back to here", "Undo all changes above the chosen line", self._go)
        self.shut = button("Close", "Close the list", self.reject)
        foot = QHBoxLayout()
        for widget in (self.back, self.forth, self.to):
            foot.addWidget(widget)
        foot.addStretch(1)
        foot.addWidget(self.shut)
        rows = QVBoxLayout(self)
        rows.addWidget(self.list, 1)
        rows.addWidget(self.told)
        rows.addLayout(foot)
        self.list.itemSelectionChanged.connect(self._enable)
        undo.changed.connect(self._changed)
        undo.told.connect(self._tell)
        self._open = True
        self.refresh()

    def _changed(self) -> None:
        if self._open:
            self.refresh()

    def _tell(self, text: str) -> None:
        if self._open:
            self.told.setText(text)

    def refresh(self) -> None:
        """Show the steps as they are now."""
        undo = self._undo
        self.list.clear()
        for title in undo.undone:  # nearest to now last, so that the list reads as time does
            item = QListWidgetItem(f"undone: {title}")
            item.setForeground(self.palette().placeholderText())
            self.list.addItem(item)
        for i, title in enumerate(reversed(undo.done)):
            self.list.addItem(f"{'now: ' if i == 0 else ''}{title}")
        if not undo.done and not undo.undone:
            self.told.setText("Nothing was changed since this project was opened.")
        self.list.addItem("as the project was opened")
        self._enable()

    def _enable(self) -> None:
        undo, row = self._undo, self.list.currentRow()
        self.back.setEnabled(bool(undo.undoes) and not undo.busy)
        self.forth.setEnabled(bool(undo.redoes) and not undo.busy)
        self.to.setEnabled(row >= 0 and row != len(undo.undone) and not undo.busy)

    def _go(self) -> None:
        steps = self.list.currentRow() - len(self._undo.undone)
        self._undo.go(steps)

    def done(self, result: int) -> None:
        """Close."""
        self._open = False
        super().done(result)
