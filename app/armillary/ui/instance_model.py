"""Twins as lines of a table; texts are made for what is seen only."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from armillary.model.arrays import I8
from armillary.session.plant_model import PlantModel

Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()
HEADINGS = ("Twin", "Title", "Type", "Answer", "Because", "Part")
WIDTHS = (110, 190, 110, 76, 230)


class InstanceModel(QAbstractTableModel):
    """Twins as lines; texts are made for what is seen only."""

    def __init__(self, model: PlantModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.rows: I8 = np.zeros(0, np.int64)

    def replace(self, rows: I8) -> None:
        """Show other twins; the same in the same order keep their place."""
        if np.array_equal(rows, self.rows):
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

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
        shown = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
        if role not in shown or index.row() >= len(self.rows):
            return None
        row = int(self.rows[index.row()])
        return self._model.cells(row)[index.column()] if row < len(self._model.graph) else None
