"""The payloads of a link that could not be read: when, on which topic, why, and their first bytes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QTableWidgetItem, QVBoxLayout, QWidget

from armillary.encoding import texts
from armillary.model.fault import FaultRecord
from armillary.model.link import Quarantined
from armillary.session.rows import clock_text
from armillary.ui import theme
from armillary.ui.pieces import label
from armillary.ui.tables import button, choices

HEADINGS = ("Time", "Topic", "Why", "Bytes")
TOPIC, WHY = 1, 2
WIDTHS = {0: 70, 1: 190, 3: 70}
LIST_HEIGHT, PREVIEW_HEIGHT = 150, 110
SHOWN = 256  # bytes of a payload in the preview


class QuarantineView(QWidget):
    """A list, newest first, and below it what the chosen payload begins with."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self._link = link
        self._items: list[Quarantined] = []
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
        chosen = self.chosen
        self._items = list(reversed(items))
        self.hint.setText("The newest 100 of this link, 4 096 bytes of each.")
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._items))
        for row, item in enumerate(self._items):
            cells = (clock_text(item.arrival_ns), item.channel, item.reason, texts.number(item.size))
            for column, text in enumerate(cells):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                self.table.setItem(row, column, cell)
        self.table.blockSignals(False)
        if chosen in self._items:
            self.table.selectRow(self._items.index(chosen))
        elif self._items:
            self.table.selectRow(0)
        self._choose()

    @property
    def chosen(self) -> Quarantined | None:
        """The payload whose bytes are shown."""
        row = self.table.currentRow()
        return self._items[row] if 0 <= row < len(self._items) else None

    def _choose(self) -> None:
        item = self.chosen
        self.copy.setEnabled(item is not None)
        if item is None:
            self.preview.setPlainText("")
            return
        text = texts.decoded(item.head)
        shown = texts.dump(item.head, SHOWN) if text is None else text[:SHOWN]
        more = "…" if item.size > SHOWN else ""
        self.preview.setPlainText(f"{shown}{more}" if shown else "nothing: the payload is empty")

    def _copy(self) -> None:
        """Put all that is kept of the payload on the clipboard, with what is known of it."""
        item = self.chosen
        if item is None:
            return
        text = texts.decoded(item.head)
        body = texts.dump(item.head, len(item.head)) if text is None else text
        head = f"{self._link} · {item.channel} · {clock_text(item.arrival_ns)} · {item.reason}"
        QGuiApplication.clipboard().setText(f"{head} · {item.size} bytes\n{body}")
