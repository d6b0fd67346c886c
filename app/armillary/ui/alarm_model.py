"""The alarm list as a table: lines of alarms under heads of groups. Texts are made for what is seen only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView

from armillary.model.arrays import I8
from armillary.model.clock import NS
from armillary.session.alarm_list import Head, Listing, SortBy
from armillary.session.alarm_row import AlarmRow, age_text
from armillary.session.alarmbook import AlarmBook
from armillary.ui import badges
from armillary.ui.row_model import dress_table
from armillary.ui.theme import Colours

PRIORITY, TEXT, VALUE, SINCE, STATE, LIMIT, TAG, WHO = range(8)
HEADINGS = ("P", "Alarm", "Value", "Since", "State", "Limit", "Tag", "Who")
SORTS: tuple[SortBy, ...] = ("priority", "text", "value", "since", "state", "limit", "tag", "who")
WIDTHS = {PRIORITY: 36, TEXT: 250, VALUE: 90, SINCE: 60, STATE: 180, LIMIT: 180, TAG: 160, WHO: 100}
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()
_NO_LINES = Listing(line=np.zeros(0, np.int64))


class AlarmModel(QAbstractTableModel):
    """Lines of a listing; a change of states touches the lines that differ."""

    def __init__(
        self, book: Callable[[], AlarmBook], colours: Colours, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.colours = colours
        self.listing = _NO_LINES
        self.now_ns = 0
        self.sorted_by: Callable[[SortBy, bool], None] = lambda _column, _descending: None
        self._book = book
        self._versions: I8 = np.zeros(0, np.int64)  # of the lines as they were shown; of heads 0
        self._bold = QFont()
        self._bold.setBold(True)

    @property
    def rows(self) -> tuple[AlarmRow, ...]:
        """The alarms that are listed, in their order."""
        book = self._book()
        return tuple(book.line(row) for row in self.listing.rows.tolist())

    def replace(self, listing: Listing, now_ns: int) -> None:
        """Show other lines. The same alarms in the same order keep their places; what differs is told."""
        before, self.now_ns = self.listing, now_ns
        versions = np.append(self._book().table.version, 0)[np.maximum(listing.line, -1)]
        if not np.array_equal(before.line, listing.line):
            self.beginResetModel()
            self.listing, self._versions = listing, versions
            self.endResetModel()
            return
        lines = np.flatnonzero(self._versions != versions)
        self.listing, self._versions = listing, versions
        if before.heads != listing.heads:
            lines = np.concatenate([lines, np.flatnonzero(listing.line < 0)])
        for line in lines.tolist():
            self.dataChanged.emit(self.index(line, 0), self.index(line, len(HEADINGS) - 1))

    def tick(self, now_ns: int) -> None:
        """Show ages as they are now."""
        self.now_ns = now_ns
        if len(self.listing.line):
            self.dataChanged.emit(self.index(0, SINCE), self.index(len(self.listing.line) - 1, SINCE))

    def head(self, line: int) -> Head | None:
        """Return the head of a group that stands in a line, None for an alarm."""
        row = int(self.listing.line[line])
        return self.listing.heads[-1 - row] if row < 0 else None

    def alarm(self, line: int) -> AlarmRow | None:
        """Return the alarm that stands in a line, None for a head."""
        row = int(self.listing.line[line])
        return self._book().line(row) if row >= 0 else None

    def lines_of(self, rows: I8) -> list[int]:
        """Return the lines in which rows of the table stand."""
        out: list[int] = np.flatnonzero(np.isin(self.listing.line, rows)).tolist()
        return out

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self.listing.line)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(HEADINGS)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Ask for another order; -1 = the usual one."""
        by: SortBy = SORTS[column] if 0 <= column < len(SORTS) else ""
        self.sorted_by(by, order == Qt.SortOrder.DescendingOrder)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return what can be done with a cell: heads are no alarms, and are never among the chosen."""
        usual = Qt.ItemFlag.ItemIsEnabled
        is_head = index.isValid() and int(self.listing.line[index.row()]) < 0
        return usual if is_head else usual | Qt.ItemFlag.ItemIsSelectable

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        return None

    def since(self, row: AlarmRow) -> str:
        """Return how long ago an alarm was raised."""
        return age_text(max(self.now_ns - row.raised_ns, 0) / NS) if row.raised_ns else ""

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row, column = int(self.listing.line[index.row()]), index.column()
        if row < 0:
            return self._of_head(self.listing.heads[-1 - row], column, role)
        line = self._book().line(row)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if column == PRIORITY:
                is_said = role == Qt.ItemDataRole.AccessibleTextRole
                said = (
                    f"Priority {line.priority}, predicted" if line.advisory else f"Priority {line.priority}"
                )
                return said if is_said else None
            marks = {"first": "① ", "tie": "① tie "}.get(line.first_out, "")
            marks += f"×{line.chatter} " if line.chatter else ""
            note = f" ({line.note})" if line.note else ""
            cells = (
                marks + line.text + note,
                line.value,
                self.since(line),
                line.state,
                line.limit,
                line.tag,
                line.who,
            )
            return cells[column - 1]
        if role == Qt.ItemDataRole.DecorationRole and column == PRIORITY:
            style = "full" if line.unacknowledged else "hollow"
            return badges.icon(line.mark, style, self.colours.name)
        if role == Qt.ItemDataRole.ToolTipRole:
            first = {"first": "First of its group", "tie": "Among the first of its group"}
            said = first.get(line.first_out, "")
            if line.chatter:
                said = f"{said}\nChattering: raised {line.chatter} times".strip()
            return "\n".join(
                text for text in (line.id, said, line.note, line.consequence, line.operator_action) if text
            )
        return None

    def _of_head(self, head: Head, column: int, role: int) -> Any:  # Any: Qt's own contract
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            arrow = "▾" if head.is_open and not head.folded else "▸"
            return {TEXT: f"{arrow} {head.title}", STATE: head_text(head), LIMIT: lead_text(head)}.get(column)
        if role == Qt.ItemDataRole.DecorationRole and column == PRIORITY:
            return badges.icon(head.worst, "full" if head.waiting else "hollow", self.colours.name)
        if role == Qt.ItemDataRole.FontRole:
            return self._bold
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{head.title}: {head_text(head)}\n{lead_text(head)}\nClick: fold or unfold".replace(
                "\n\n", "\n"
            )
        return None


def head_text(head: Head) -> str:
    """Return what is under a head in words, `12, 3 not acknowledged, 5 folded`."""
    parts = [str(head.count)]
    if head.waiting:
        parts.append(f"{head.waiting} to acknowledge")
    if head.folded:
        parts.append(f"{head.folded} folded")
    return ", ".join(parts)


def lead_text(head: Head) -> str:
    """Return which alarm of a group was the first, `first: Bearing is hot`."""
    return f"first: {head.first_out}" if head.first_out else ""


class AlarmTable(QTableView):
    """The list: A acknowledges, Shift+A what is seen, R resets, S shelves, C comments, Enter goes there."""

    headed = Signal(int)  # a click on the head in this line

    def __init__(self, model: AlarmModel, run: Callable[[str], None]) -> None:
        super().__init__()
        self._run = run
        self.setModel(model)
        dress_table(self, "Alarms")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalHeader().setDefaultSectionSize(max(self.verticalHeader().defaultSectionSize(), 26))
        for column, width in WIDTHS.items():
            self.setColumnWidth(column, width)
        header = self.horizontalHeader()
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

    def seen(self) -> range:
        """Return the lines that are on the screen now."""
        model = self.model()
        n = model.rowCount()
        first, last = self.rowAt(0), self.rowAt(self.viewport().height() - 1)
        return range(max(first, 0) if n else 0, (last + 1) if last >= 0 else n)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        command = {
            Qt.Key.Key_A: "ack",
            Qt.Key.Key_R: "reset",
            Qt.Key.Key_S: "shelve",
            Qt.Key.Key_C: "comment",
            Qt.Key.Key_T: "trend",
            Qt.Key.Key_Return: "go",
            Qt.Key.Key_Enter: "go",
        }.get(Qt.Key(event.key()))
        if held == Qt.KeyboardModifier.ShiftModifier and command == "ack":
            self._run("ack-seen")
            return
        if not held and command is not None:
            self._run(command)
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  Qt's name
        line = self.rowAt(round(event.position().y()))
        model = self.model()
        if line >= 0 and isinstance(model, AlarmModel) and model.head(line) is not None:
            self.headed.emit(line)
            return
        super().mousePressEvent(event)
