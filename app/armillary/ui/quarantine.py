"""The payloads of a link that could not be read: when, on which topic, why, and their first bytes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QTableWidgetItem, QVBoxLayout, QWidget

from armillary.model.fault import FaultRecord
from armillary.model.link import Quarantined
from armillary.session.unreadable import UnreadableRow, unreadable_rows
from armillary.ui import theme
from armillary.ui.pieces import label
from armillary.ui.tables import button, choices

HEADINGS = ("Time", "Topic", "Why", "Bytes")
TOPIC, WHY = 1, 2
WIDTHS = {0: 70, 1: 190, 3: 70}
LIST_HEIGHT, PREVIEW_HEIGHT = 150, 110


class QuarantineView(QWidget):
    """A list, newest first, and below it what the chosen payload begins with."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self._rows: tuple[UnreadableRow, ...] = ()
        self.hint = label("", "muted", wrap=True)
        self.table = choices(f"Unreadable payloads of link {link}", HEADINGS, WHY, WIDTHS)
        self.table.setFixedHeight(LIST_HEIGHT)
        self.table.itemSelectionChanged.connect(self._choose)
        self.preview = QPlainTextEdit()
        self.preview.setReadOnly(True)
        self.preview.setFont(theme.mono())
        self.preview.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.preview.setFixedHeight(PREVIEW_HEIGHT)
        self.preview.setAccessibleName("First bytes of the chosen payload")
        self.preview.setTabChangesFocus(True)
        self.copy = button("Copy", "Copy the chosen payload", self._copy)
        foot = QHBoxLayout()
        foot.addWidget(self.hint, 1)
        foot.addWidget(self.copy)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 4, 0, 0)
        rows.setSpacing(4)
        for widget in (self.table, self.preview):
            rows.addWidget(widget)
        rows.addLayout(foot)
        self.show_items(())

    def show_items(self, items: Sequence[Quarantined] | FaultRecord) -> None:
        """Show these payloads (oldest first, as the world gives them); the chosen one stays chosen."""
        if isinstance(items, FaultRecord):
            self.hint.setText(f"{items.what} {items.remedy}")
            return
        before = self.chosen
        self._rows = unreadable_rows(items)
        self.hint.setText("The newest 100 of this link, 4 096 bytes of each.")
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in enumerate(row.cells):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                self.table.setItem(number, column, cell)
        self.table.blockSignals(False)
        kept = [row.item for row in self._rows]
        if before is not None and before.item in kept:
            self.table.selectRow(kept.index(before.item))
        elif self._rows:
            self.table.selectRow(0)
        self._choose()

    @property
    def chosen(self) -> UnreadableRow | None:
        """The payload whose bytes are shown."""
        row = self.table.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def _choose(self) -> None:
        row = self.chosen
        self.copy.setEnabled(row is not None)
        self.preview.setPlainText(row.preview if row is not None else "")

    def _copy(self) -> None:
        """Put all that is kept of the payload on the clipboard."""
        if (row := self.chosen) is not None:
            QGuiApplication.clipboard().setText(row.whole)
