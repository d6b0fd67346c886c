"""Tables of tags: one manner for the live table and the inspector."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractItemView, QTableView

from armillary.ui.row_model import dress_table
from armillary.ui.tag_model import AGE, LINK, NAME, QUALITY, VALUE, TagModel

WIDTHS = {NAME: 230, VALUE: 130, QUALITY: 104, AGE: 70, LINK: 110}


def table(model: TagModel, name: str) -> QTableView:
    """Return a table view of tags: rows that can be dragged into a trend."""
    view = QTableView()
    view.setModel(model)
    dress_table(view, name)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setDragEnabled(True)
    view.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
    for column, width in WIDTHS.items():
        view.setColumnWidth(column, width)
    return view


def visible_rows(view: QTableView) -> tuple[int, int]:
    """Return the first and last row that can be seen; (0, -1) when there is none."""
    first = view.rowAt(0)
    last = view.rowAt(view.viewport().height() - 1)
    rows = view.model().rowCount()
    if rows == 0 or first < 0:
        return 0, -1
    return first, last if last >= 0 else rows - 1
