"""The live table as an item model over the mirror's arrays; only rows that are looked at are formatted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from armillary.model.arrays import F8, I8
from armillary.model.quality import GOOD, STALE, UNCERTAIN, WORDS
from armillary.session.rows import TagRow
from armillary.session.whatif import outside_name
from armillary.session.workspace import Workspace
from armillary.ui import icons
from armillary.ui.mime import TAG_MIME
from armillary.ui.theme import Colours

NAME, VALUE, QUALITY, AGE, LINK = range(5)
HEADINGS = ("Tag", "Value", "Quality", "Age", "Link")
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_KEEP_ROWS = 4096  # formatted rows kept between two refreshes


class TagModel(QAbstractTableModel):
    """Tags as rows, in the order asked for; texts come from the workspace when a row is looked at."""

    def __init__(
        self, workspace: Workspace, colours: Colours, *, compact: bool = False, parent: QObject | None = None
    ) -> None:
        """Make a model; a compact one shows the quality by its mark, as the value says it in words too."""
        super().__init__(parent)
        self._workspace, self._colours, self._compact = workspace, colours, compact
        self._all: I8 = np.zeros(0, np.int64)
        self._shown: I8 = np.zeros(0, np.int64)
        self._lower: list[str] = []
        self._by_name: I8 = np.zeros(0, np.int64)  # rank of each slot in alphabetical order
        self._text: dict[int, TagRow] = {}
        self._query = ""
        self._column, self._descending = NAME, False
        self._now_mono_ns = 0

    # ------------------------------------------------------------ content
    def set_slots(self, slots: Sequence[int]) -> None:
        """Replace the rows by these tags; the order chosen stays."""
        self.beginResetModel()
        names = [spec.name for spec in self._workspace.specs]
        self._lower = [
            f"{n.lower()} {s.title.lower()}" for n, s in zip(names, self._workspace.specs, strict=True)
        ]
        self._by_name = np.empty(len(names), np.int64)
        self._by_name[np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)] = np.arange(
            len(names)
        )
        self._all = np.array(slots, np.int64)
        self._text.clear()
        self._shown = self._arranged()
        self.endResetModel()

    def filter(self, query: str) -> int:
        """Keep tags whose name or title holds all words of `query`; return how many."""
        self._query = query
        self.beginResetModel()
        self._shown = self._arranged()
        self.endResetModel()
        return len(self._shown)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column: name, value, quality (worst first when descending), age or link."""
        self._column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        self._reorder()

    def _arranged(self) -> I8:
        slots = self._all
        if words := self._query.lower().split():
            keep = [s for s in slots.tolist() if all(word in self._lower[s] for word in words)]
            slots = np.array(keep, np.int64)
        if not len(slots):
            return slots
        by_name = self._by_name[slots]
        order = np.lexsort((by_name, self._key(slots)))
        if self._descending:  # within equals names still ascend, so that rows do not dance
            order = np.lexsort((by_name, -self._key(slots)))
        return slots[order]

    def _key(self, slots: I8) -> I8 | F8:
        """Return numbers that sort as the chosen column does."""
        mirror, rows = self._workspace.mirror, slots.astype(np.uint32)
        if self._column == VALUE:
            value = mirror.table.value[slots]
            return np.where(np.isnan(value), -np.inf, value)
        if self._column == QUALITY:
            return np.asarray(mirror.rank(rows), np.int64)
        if self._column == AGE:
            age = mirror.age_ns(rows, self._now_mono_ns)
            return np.where(age < 0, np.iinfo(np.int64).max // 2, age)
        if self._column == LINK:
            links = [self._workspace.specs[s].link for s in slots.tolist()]
            table = {name: i for i, name in enumerate(sorted(set(links)))}
            return np.array([table[name] for name in links], np.int64)
        return self._by_name[slots]

    def _reorder(self) -> None:
        shown = self._arranged()
        if np.array_equal(shown, self._shown):
            return
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        row_of = {slot: row for row, slot in enumerate(shown.tolist())}
        moved = [self.createIndex(row_of[int(self._shown[i.row()])], i.column()) for i in old]
        self._shown = shown
        self.changePersistentIndexList(old, moved)
        self.layoutChanged.emit()

    def refresh(self, now_mono_ns: int, first: int, last: int) -> None:
        """Take the time and format rows `first`…`last` (what is visible) anew; sort again when that moves."""
        self._now_mono_ns = now_mono_ns
        if self._column in (VALUE, QUALITY, AGE):
            self._reorder()
        visible = self._shown[max(first, 0) : last + 1].tolist()
        if len(self._text) > _KEEP_ROWS:
            self._text.clear()
        fresh = {row.slot: row for row in self._workspace.tag_rows(visible, now_mono_ns)}
        differs = [r for r, s in enumerate(visible, max(first, 0)) if self._text.get(s) != fresh.get(s)]
        self._text = fresh  # rows that are not visible are formatted when they are looked at
        if differs:
            self.dataChanged.emit(
                self.index(differs[0], VALUE), self.index(differs[-1], self.columnCount() - 1)
            )

    def set_colours(self, colours: Colours) -> None:
        """Draw marks in another theme."""
        self._colours = colours

    # ------------------------------------------------------------ slot ↔ row
    def slot(self, row: int) -> int:
        """Return the tag of a row."""
        return int(self._shown[row])

    def row_of(self, slot: int) -> int:
        """Return the row of a tag, -1 when the filter hides it."""
        found = np.flatnonzero(self._shown == slot)
        return int(found[0]) if len(found) else -1

    def row(self, slot: int) -> TagRow:
        """Return the texts of a tag."""
        if (kept := self._text.get(slot)) is None:
            kept = self._workspace.tag_rows((slot,), self._now_mono_ns)[0]
            self._text[slot] = kept
        return kept

    # ------------------------------------------------------------ QAbstractTableModel
    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return "" if self._compact and section == QUALITY else HEADINGS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (VALUE, AGE):
            return _RIGHT
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:  # noqa: N802
        return [TAG_MIME, "text/plain"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """Return the tags of the rows: slots for ourselves, names for the rest of the world."""
        slots = list(dict.fromkeys(self.slot(i.row()) for i in indexes))
        out = QMimeData()
        out.setData(TAG_MIME, ",".join(map(str, slots)).encode())
        out.setText("\n".join(self._name_outside(s) for s in slots))
        return out

    def words(self, slots: Sequence[int]) -> str:
        """Return tags with value and quality as lines of a table, for a spreadsheet or a message."""
        rows = ((slot, self.row(slot)) for slot in slots)
        return "\n".join(f"{self._name_outside(s)}\t{row.value}\t{row.note}" for s, row in rows)

    def _name_outside(self, slot: int) -> str:
        return outside_name(self._workspace.kind, self._workspace.specs[slot].name)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        row, column = self.row(self.slot(index.row())), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            if self._compact and column == QUALITY:
                return None
            return (row.name, row.cell, WORDS[row.quality].lower(), row.age, row.link)[column]
        if role == Qt.ItemDataRole.DecorationRole and column == QUALITY:
            return icons.quality_mark(row.quality, self._colours)
        if role == Qt.ItemDataRole.ForegroundRole:
            return _ink(row.quality, column, self._colours)
        if role == Qt.ItemDataRole.FontRole and column == VALUE and row.quality != GOOD:
            return _face(row.quality)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (VALUE, AGE):
            return _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            title = f"{row.title}\n" if row.title else ""
            note = row.note or WORDS[row.quality].lower()
            return "\n".join(filter(None, (f"{title}{row.name}", row.value, note, row.detail)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.name}: {row.value}, {WORDS[row.quality].lower()}, age {row.age}"
        return None


def _ink(quality: int, column: int, colours: Colours) -> QColor:
    if (column == QUALITY and quality == GOOD) or column in (AGE, LINK):
        return QColor(colours.muted)
    if column in (VALUE, QUALITY) and quality > STALE:
        return QColor(colours.bad_text if WORDS[quality] == "BAD" else colours.muted)
    if column == VALUE and quality == STALE:
        return QColor(colours.muted)
    return QColor(colours.text)


def _face(quality: int) -> QFont:
    face = QFont()
    face.setItalic(quality >= UNCERTAIN)
    return face
