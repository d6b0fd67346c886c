"""Command palette: one list of commands, parts and tags, found by typing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from armillary.session.palette import Entry
from armillary.session.seeking import HINT
from armillary.ui import icons, timers
from armillary.ui.pieces import label
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 620, 420
_ICONS = {"action": "command", "tag": "tag", "parts": "fit", "query": "fit", "view": "view-iso"}
_NOTE_ROLE = int(Qt.ItemDataRole.UserRole)
_PAUSE_MS = 60
_TOP = 64
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()


class EntryModel(QAbstractListModel):
    """Entries found."""

    def __init__(self, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colours = colours
        self.entries: Sequence[Entry] = ()

    def replace(self, entries: Sequence[Entry]) -> None:
        """Show other entries."""
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one line shows. Any: Qt's own contract for item data."""
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == _NOTE_ROLE:
            return entry.note
        if role == Qt.ItemDataRole.DecorationRole:
            drawing = icons.prim_icon(entry.note) if entry.kind == "prim" else _ICONS[entry.kind]
            return icons.icon(drawing, self.colours.muted)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.kind}: {entry.text} {entry.note}"
        return None


class _Line(QStyledItemDelegate):
    """Draws the note of a line at its right end."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        note = index.data(_NOTE_ROLE)
        if note:
            painter.save()
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            rect = option.rect.adjusted(0, 0, -10, 0)
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), note)
            painter.restore()


class Commands(QFrame):
    """The palette: a field and a list over the window, closed by Escape or by a click elsewhere."""

    def __init__(
        self,
        over: QWidget,
        colours: Colours,
        find: Callable[[str], Sequence[Entry]],
        chosen: Callable[[Entry], None],
    ) -> None:
        super().__init__(over)
        self._over, self._find, self._chosen = over, find, chosen
        self.setObjectName("commands")
        self.setAccessibleName("Command palette")
        self.field = QLineEdit()
        self.field.setPlaceholderText(f"Search commands, parts, tags and kept views, or {HINT}")
        self.field.setAccessibleName("Search commands, parts and tags")
        self.model = EntryModel(colours, self)
        self.list = QListView()
        self.list.setAccessibleName("What was found")
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Line(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setIconSize(QSize(16, 16))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.clicked.connect(lambda index: self._take(index.row()))
        self.nothing = label("", "muted")
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.addWidget(self.field)
        rows.addWidget(self.list, 1)
        rows.addWidget(self.nothing)
        self._pause = timers.once(self, _PAUSE_MS, self.search)
        self.field.textChanged.connect(lambda _text: self._pause.start())
        self.field.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Show the palette, empty, with the keyboard in its field."""
        self.field.clear()
        width = min(WIDTH, max(self._over.width() - 32, 200))
        height = min(HEIGHT, max(self._over.height() - 2 * _TOP, 160))
        self.setGeometry((self._over.width() - width) // 2, _TOP, width, height)
        self.search()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def search(self) -> None:
        """Show what fits the text."""
        self._pause.stop()
        found = self._find(self.field.text())
        self.model.replace(found)
        if found:
            self.list.setCurrentIndex(self.model.index(0))
        self.nothing.setText("" if found else f"Nothing is named like '{self.field.text().strip()}'.")
        self.nothing.setVisible(not found)

    def _take(self, row: int) -> None:
        if self._pause.isActive():
            self.search()  # typed and confirmed faster than the pause
        if 0 <= row < len(self.model.entries):
            entry = self.model.entries[row]
            self.hide()
            self._over.setFocus()
            self._chosen(entry)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        """Let arrows move in the list while the field keeps the keyboard."""
        if event.type() == QEvent.Type.FocusOut:
            self.hide()
            return False
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        row = self.list.currentIndex().row()
        step = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: 8,
            Qt.Key.Key_PageUp: -8,
        }.get(Qt.Key(event.key()))
        if step is not None:
            last = self.model.rowCount() - 1
            self.list.setCurrentIndex(self.model.index(min(max(row + step, 0), max(last, 0))))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(row)
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
            self._over.setFocus()
        else:
            return False
        return True

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.colours = colours
        self.list.viewport().update()
