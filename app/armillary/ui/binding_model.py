"""The table of bindings as an item model over rows; only what is looked at is formatted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from armillary.session.binding_rows import HEADINGS, NAME, NOW, PART, STATE, TAG, BindingRows
from armillary.session.rows import TagRow
from armillary.ui import icons
from armillary.ui.theme import Colours

Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()


class BindingModel(QAbstractTableModel):
    """All bindings. `live` gives the text of a tag now."""

    def __init__(
        self,
        rows: BindingRows,
        colours: Colours,
        live: Callable[[int], TagRow | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.rows, self._colours, self._live = rows, colours, live

    def again(self, change: Callable[[], None]) -> None:
        """Do what changes rows or their order."""
        self.beginResetModel()
        change()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        self.rows.column, self.rows.descending = column, order == Qt.SortOrder.DescendingOrder
        self.again(self.rows.arrange)

    def tell(self, first: int, last: int) -> None:
        """Say that live values of these rows may be others."""
        if last >= first:
            self.dataChanged.emit(self.index(first, NOW), self.index(last, NOW))

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DecorationRole and column == NOW:
            live = self._tag(row)
            return icons.quality_mark(live.quality, self._colours) if live is not None else None
        if role == Qt.ItemDataRole.ForegroundRole and column == STATE:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if column == NOW:
                live = self._tag(row)
                return live.value if live is not None else "unknown tag"
            if column == PART:  # the end of a path says more than its begin where room is short
                return self.rows.text(row, PART)
            return self.rows.text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            b = self.rows.binding(row)
            parts = (self.rows.text(row, PART), self.rows.text(row, NAME), self.rows.text(row, TAG))
            return "\n".join((*parts, self.rows.problem(b))).strip()
        return None

    def _tag(self, row: int) -> TagRow | None:
        slot = int(self.rows.slot[int(self.rows.shown[row])])
        return self._live(slot) if slot >= 0 else None

    def set_colours(self, colours: Colours) -> None:
        """Draw marks in another theme."""
        self._colours = colours
