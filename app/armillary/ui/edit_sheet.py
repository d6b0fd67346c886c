"""The base of sheets that edit: unsaved edits are not dropped without asking, and a save says why not.

It asks in the sheet, not with a window over it: nothing stands still, and what is edited can still be seen.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from armillary.model.fault import Fault
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button

ASKS = "What you changed here is not saved."


class EditSheet(Sheet):
    """A subclass gives `edited`, and calls `mark` when what is shown is as it is saved."""

    why: QLabel  # where it says why something cannot be saved

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marked: object = None
        self._is_marked = False
        self._go: Callable[[], None] = self.drop
        self.asks = QFrame(self)
        self.asks.setObjectName("card")
        self.keep_editing = button("Keep editing", "Go on with what is changed here", self._stay)
        self.drop_edits = button("Drop the changes", "What is changed here is lost", self._leave)
        row = QHBoxLayout(self.asks)
        row.addWidget(label(ASKS, wrap=True), 1)
        row.addWidget(self.keep_editing)
        row.addWidget(self.drop_edits)
        self.asks.hide()

    def edited(self) -> object:
        """Return what is edited, as it can be compared."""
        raise NotImplementedError

    def mark(self) -> None:
        """What is shown now is what is saved."""
        self._marked, self._is_marked = self.edited(), True
        self.asks.hide()

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost."""
        return self._is_marked and self.edited() != self._marked

    def ask_first(self, go: Callable[[], None]) -> bool:
        """Do something that drops what is edited: at once where nothing is lost, else when a person says so.

        Returns whether it was done.
        """
        if not self.is_unsaved:
            go()
            return True
        self._go = go
        self._place()
        self.asks.show()
        self.keep_editing.setFocus()
        return False

    def reject(self) -> None:
        """Close, by the button, Esc or the window's own; asks where edits would be lost."""
        if self.isVisible():
            self.ask_first(self.drop)
        else:
            self.drop()

    def drop(self) -> None:
        """Close without asking: what it was about is gone."""
        self._is_marked = False
        super().reject()

    def save_or_say(self, work: Callable[[], str], say: Callable[[str], None]) -> bool:
        """Save, and say what was done; else say in the sheet why not. Returns whether it is saved."""
        try:
            told = work()
        except Fault as fault:
            self.why.setText(f"Not saved: {fault.what} {fault.remedy}")
            self.why.show()
            return False
        self.mark()
        say(told)
        return True

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  Qt's name
        """Keep a place for the question."""
        self._place()
        super().showEvent(event)

    def _place(self) -> None:
        column = self.layout()
        if isinstance(column, QVBoxLayout) and column.indexOf(self.asks) < 0:
            column.addWidget(self.asks)

    def _stay(self) -> None:
        self.asks.hide()

    def _leave(self) -> None:
        self.asks.hide()
        self._is_marked = False
        self._go()
