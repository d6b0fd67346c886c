"""A read-only table over rows of texts, for short lists that are made anew as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from armillary.ui import icons
from armillary.ui.theme import Colours

Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()
_ROW_PADDING = 7
_MAX_ROWS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its texts, a tooltip, and the quality rank marked in `mark_column` (0 = no mark)."""

    texts: tuple[str, ...]
    tip: str = ""
    quality: int = 0


class RowModel(QAbstractTableModel):
    """Rows of texts under headings."""

    def __init__(
        self,
        headings: Sequence[str],
        colours: Colours,
        *,
        mark_column: int = -1,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._headings, self.colours, self._mark = tuple(headings), colours, mark_column
        self.rows: tuple[Row, ...] = ()

    def replace(self, rows: Sequence[Row]) -> None:
        """Show other rows; as many as before keeps selection and scroll position."""
        rows = tuple(rows)
        if rows == self.rows:
            return
        if len(rows) == len(self.rows):
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self._headings) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.texts[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip or row.texts[column]
        if role == Qt.ItemDataRole.DecorationRole and column == self._mark and row.quality:
            return icons.quality_mark(row.quality, self.colours)
        return None


def short_table(model: QAbstractTableModel, name: str) -> QTableView:
    """Return a table that is as high as its rows, for use inside a scrolled sheet."""
    view = QTableView()
    view.setModel(model)
    dress_table(view, name)
    model.modelReset.connect(lambda: fit_height(view))
    return view


def dress_table(view: QTableView, name: str) -> None:
    """Give a table the manner of the house: whole rows, no grid, Tab leaves it."""
    view.setAccessibleName(name)
    view.setShowGrid(False)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setTabKeyNavigation(False)
    view.setWordWrap(False)
    view.verticalHeader().hide()
    view.verticalHeader().setMinimumSectionSize(1)
    view.verticalHeader().setDefaultSectionSize(view.fontMetrics().height() + _ROW_PADDING)
    header = view.horizontalHeader()
    header.setHighlightSections(False)
    header.setStretchLastSection(True)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def double_rows(view: QTableView) -> None:
    """Give rows the height of two lines."""
    view.verticalHeader().setDefaultSectionSize(2 * view.fontMetrics().height() + _ROW_PADDING)


def stretch(view: QTableView, column: int, widths: Mapping[int, int]) -> None:
    """Let one column take what the others, of fixed widths in pixels, leave; never scroll sideways."""
    header = view.horizontalHeader()
    header.setStretchLastSection(False)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    for other, width in widths.items():
        header.setSectionResizeMode(other, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(other, width)
    header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)


def fit_height(view: QTableView, most: int = _MAX_ROWS) -> None:
    """Make a table as high as its rows, at most `most`."""
    rows = min(view.model().rowCount(), most)
    frame = 2 * view.frameWidth() + 2
    height = view.horizontalHeader().sizeHint().height() + rows * view.verticalHeader().defaultSectionSize()
    view.setFixedHeight(height + frame)
