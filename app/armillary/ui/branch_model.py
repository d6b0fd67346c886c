"""The lines of a branch as a table: taken or not, tag, part, what it drives, how sure, and why."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from armillary.session.branch import Branch, Row
from armillary.ui.theme import Colours

TAG, PART, DRIVES, SCORE, WHY = range(5)
HEADINGS = ("Tag", "Part", "Drives", "Score", "Because")
SORT = int(Qt.ItemDataRole.UserRole)
NO_PART = "no part found"
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()


class BranchModel(QAbstractTableModel):
    """Rows of `session.branch`; a tick takes a line."""

    def __init__(self, branch: Branch, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._branch, self._colours, self._count = branch, colours, 0

    def refresh(self) -> None:
        """Show the rows as they are; as many as before keep selection and place."""
        count = len(self._branch.rows)
        if count != self._count:
            self.beginResetModel()
            self._count = count
            self.endResetModel()
        elif count:
            self.dataChanged.emit(self.index(0, 0), self.index(count - 1, WHY))

    def row(self, index: Index) -> Row | None:
        """Return the line of an index."""
        return self._branch.rows[index.row()] if index.isValid() and index.row() < self._count else None

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        is_heading = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return HEADINGS[section] if is_heading else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        row = self.row(index)
        can = row is not None and row.suggestion is not None and index.column() == TAG
        return flags | Qt.ItemFlag.ItemIsUserCheckable if can else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Take a line or refuse it. Any: Qt's own contract for item data."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != TAG:
            return False
        self._branch.tick((index.row(),), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row = self.row(index)
        if row is None:
            return None
        column = index.column()
        if role == Qt.ItemDataRole.CheckStateRole and column == TAG:
            return Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return _text(row, column)
        if role == SORT:
            return row.score if column == SCORE else _text(row, column).lower()
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.said}\n{'; '.join(row.reasons) or NO_PART}"
        if role == Qt.ItemDataRole.ForegroundRole and (row.suggestion is None or column in (DRIVES, WHY)):
            return QColor(self._colours.muted)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == SCORE:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


def _text(row: Row, column: int) -> str:
    if column == TAG:
        return row.name
    if column == PART:
        return row.prim or NO_PART
    if column == DRIVES:
        return row.suggestion.says if row.suggestion is not None else ""
    if column == SCORE:
        return f"{row.score:.0%}" if row.suggestion is not None else ""
    bound = ("replaces a saved binding",) if row.is_bound else ()
    return "; ".join((*bound, *row.reasons))
