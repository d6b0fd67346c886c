"""Tables inside panels (to read, as high as their rows; or to choose a row from) and named buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QPushButton, QTableWidget, QTableWidgetItem


def table(name: str, headings: Sequence[str], stretch: int = 0) -> QTableWidget:
    """Return an empty table that is read, not edited; its height follows its rows."""
    out = QTableWidget(0, len(headings))
    out.setHorizontalHeaderLabels(list(headings))
    out.setAccessibleName(name)
    out.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    out.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    out.setShowGrid(False)
    out.setWordWrap(True)
    out.setTabKeyNavigation(False)
    out.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    out.verticalHeader().hide()
    header = out.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    return out


def choices(name: str, headings: Sequence[str], stretch: int, widths: Mapping[int, int]) -> QTableWidget:
    """Return an empty table of which one row is chosen; `stretch` takes what the other columns leave."""
    out = QTableWidget(0, len(headings))
    out.setHorizontalHeaderLabels(list(headings))
    out.setAccessibleName(name)
    out.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    out.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    out.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    out.setShowGrid(False)
    out.setTabKeyNavigation(False)
    out.verticalHeader().hide()
    header = out.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    for column, width in widths.items():
        out.setColumnWidth(column, width)
    return out


def fill(view: QTableWidget, rows: Sequence[Sequence[str]]) -> None:
    """Show these cells, changing only what differs."""
    if view.rowCount() != len(rows):
        view.setRowCount(len(rows))
    for i, row in enumerate(rows):
        for column, text in enumerate(row):
            item = view.item(i, column)
            if item is None:
                view.setItem(i, column, QTableWidgetItem(text))
            elif item.text() != text:
                item.setText(text)
    view.resizeRowsToContents()
    height = view.horizontalHeader().height() + sum(view.rowHeight(i) for i in range(len(rows))) + 4
    if view.height() != height:
        view.setFixedHeight(height)


def button(text: str, name: str, run: Callable[[], object], *, primary: bool = False) -> QPushButton:
    """Return a push button with a name for screen readers."""
    out = QPushButton(text)
    out.setAccessibleName(name)
    out.setProperty("primary", primary)
    out.setAutoDefault(False)
    out.clicked.connect(lambda _checked=False: run())
    return out
