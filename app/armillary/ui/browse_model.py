"""The address spaces of the links as an item model: levels are read when they are opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QColor

from armillary.model.link import BrowseItem
from armillary.session.browsing import NOTHING, Browsing, Node
from armillary.session.workspace import Workspace
from armillary.ui import icons
from armillary.ui.mime import NODE_MIME, TAG_MIME
from armillary.ui.theme import Colours

NAME, VALUE, UNIT, TYPE, WRITE, TAG, SEEN = range(7)
HEADINGS = ("Node", "Value", "Unit", "Type", "Writable", "Tag", "Seen")
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()
READING, EMPTY, MORE = "reading …", "nothing below", "more …"


class BrowseModel(QAbstractItemModel):
    """Nodes of `session.browsing`; a level that is read, empty, broken or longer says so in a last row.

    The internal id of an index is 2 · node, or 2 · node + 1 for the last row below that node.
    """

    def __init__(self, workspace: Workspace, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._at, self._colours = workspace, colours
        self._browsing: Browsing = workspace.browsing
        self._below: dict[int, list[int]] = {}  # node -> ids of the rows that views know of
        self._browsing.changed.connect(self._changed)
        self._browsing.values.connect(self._valued)
        self._browsing.reset.connect(self._reset)
        self._browsing.rooting.connect(self._rooting)
        self._browsing.rooted.connect(self._rooted)

    # ------------------------------------------------------------ rows
    def _wanted(self, node: Node) -> list[int]:
        out = [2 * child for child in node.children or ()]
        if not node.opens:
            return out
        has_last = node.children is None or not node.children or node.has_more or bool(node.why)
        return [*out, 2 * node.number + 1] if has_last else out

    def _rows(self, number: int) -> list[int]:
        if number not in self._below:
            self._below[number] = self._wanted(self._browsing.nodes[number])
        return self._below[number]

    def last_row(self, node: Node) -> str:
        """Return what the last row below a node says."""
        if node.why:
            return f"{node.why} Press Enter to try again."
        if node.asking or node.children is None:
            return READING
        return MORE if node.has_more else EMPTY

    def _reset(self) -> None:
        self.beginResetModel()
        self._below.clear()
        self.endResetModel()

    def _rooting(self, comes: bool) -> None:
        if comes:
            self.beginInsertRows(_NOTHING, 0, 0)
        else:
            self.beginRemoveRows(_NOTHING, 0, 0)

    def _rooted(self, comes: bool) -> None:
        if comes:
            self.endInsertRows()
        else:
            self.endRemoveRows()

    def _changed(self, number: int) -> None:
        """Take what was read below a node; rows that stay keep their place, so that nothing closes."""
        above, old, new = (
            self.index_of(number),
            self._rows(number),
            self._wanted(self._browsing.nodes[number]),
        )
        same = next(
            (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
        )
        if len(old) > same:
            self.beginRemoveRows(above, same, len(old) - 1)
            self._below[number] = old[:same]
            self.endRemoveRows()
        if len(new) > same:
            self.beginInsertRows(above, same, len(new) - 1)
            self._below[number] = new
            self.endInsertRows()
        self._valued(number)

    def _valued(self, number: int) -> None:
        if rows := self._rows(number):
            above = self.index_of(number)
            self.dataChanged.emit(self.index(0, NAME, above), self.index(len(rows) - 1, TAG, above))

    def marks_changed(self) -> None:
        """Show anew which nodes are tags."""
        for number in tuple(self._below):
            self._valued(number)

    # ------------------------------------------------------------ node ↔ index
    def node(self, index: Index) -> Node | None:
        """Return the node of an index; None for a last row and for no index."""
        return (
            self._browsing.nodes[index.internalId() // 2]
            if index.isValid() and not self.is_last(index)
            else None
        )

    def is_last(self, index: Index) -> bool:
        """Return whether an index is the row that tells of its level."""
        return index.isValid() and index.internalId() % 2 == 1

    def above(self, index: Index) -> Node:
        """Return the node whose level a last row tells of."""
        return self._browsing.nodes[index.internalId() // 2]

    def index_of(self, number: int, column: int = NAME) -> QModelIndex:
        """Return the index of a node; invalid for NOTHING."""
        if number == NOTHING:
            return QModelIndex()
        parent = self._browsing.nodes[number].parent
        rows = [2 * root for root in self._browsing.roots] if parent == NOTHING else self._rows(parent)
        return self.createIndex(rows.index(2 * number), column, 2 * number)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours

    # ------------------------------------------------------------ QAbstractItemModel
    def index(self, row: int, column: int, parent: Index = _NOTHING) -> QModelIndex:
        if parent.isValid():
            rows = [] if self.is_last(parent) else self._rows(parent.internalId() // 2)
        else:
            rows = [2 * root for root in self._browsing.roots]
        return self.createIndex(row, column, rows[row]) if 0 <= row < len(rows) else QModelIndex()

    def parent(self, child: Index = _NOTHING) -> QModelIndex:  # type: ignore[override]  # two Qt overloads
        if not child.isValid():
            return QModelIndex()
        number = child.internalId() // 2
        return self.index_of(number if self.is_last(child) else self._browsing.nodes[number].parent)

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        if not parent.isValid():
            return len(self._browsing.roots)
        if parent.column() != NAME or self.is_last(parent):
            return 0
        return len(self._rows(parent.internalId() // 2))

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        return HEADINGS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        node = self.node(index)
        is_dragged = node is not None and (
            self._browsing.can_be_tag(node) or self._slot(node) != NOTHING or self.is_branch(node)
        )
        return flags | Qt.ItemFlag.ItemIsDragEnabled if is_dragged else flags

    def is_branch(self, node: Node) -> bool:
        """Return whether there may be tags below a node: it is dragged as a whole branch."""
        return node.item is not None and node.opens and bool(node.link)

    def mimeTypes(self) -> list[str]:  # noqa: N802
        return [NODE_MIME, TAG_MIME, "text/plain"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """Return the nodes of the rows; those that are tags already as tags too, for a trend."""
        nodes = list(self._chosen(indexes))
        out = QMimeData()
        out.setData(NODE_MIME, ",".join(str(node.number) for node in nodes).encode())
        if slots := [slot for node in nodes if (slot := self._slot(node)) != NOTHING]:
            out.setData(TAG_MIME, ",".join(map(str, slots)).encode())
        out.setText("\n".join(f"{node.link}!{node.address}" for node in nodes))
        return out

    def _chosen(self, indexes: Sequence[QModelIndex]) -> Iterator[Node]:
        seen: set[int] = set()
        for index in indexes:
            node = self.node(index)
            if node is not None and node.number not in seen:
                seen.add(node.number)
                yield node

    def _slot(self, node: Node) -> int:
        return self._browsing.slot_of(node)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        if not index.isValid():
            return None
        node = self.node(index)
        if node is None:
            return self._last(index, role)
        texts = self._texts(node)
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return texts[column]
        if role == Qt.ItemDataRole.DecorationRole and column == NAME:
            return self._icon(node)
        if role == Qt.ItemDataRole.ForegroundRole and column in (UNIT, TYPE, WRITE):
            return QColor(self._colours.muted)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(node)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == NAME:
            parts = [node.name, *(t for t in texts[1:WRITE] if t), "writable" if texts[WRITE] else ""]
            return ", ".join(p for p in (*parts, f"tag {texts[TAG]}" if texts[TAG] else "") if p)
        return None

    def _texts(self, node: Node) -> tuple[str, ...]:
        item, slot = node.item, self._slot(node)
        if item is None:
            status = next((link for link in self._at.links if link.name == node.link), None)
            return (node.name, "", "", f"{status.kind}, {status.state.lower()}" if status else "", "", "", "")
        tag = self._at.specs[slot].name if 0 <= slot < len(self._at.specs) else ""
        kind = (item.data_type or item.kind) if node.link else ""
        return (item.name, item.value, item.unit, kind, "yes" if item.writable else "", tag, seen_of(item))

    def _icon(self, node: Node) -> Any:  # Any: Qt's own contract for item data
        if node.item is None:
            return icons.icon("link-up", self._colours.muted)
        if self._slot(node) != NOTHING:
            return icons.icon("binding", self._colours.focus)
        name = "tag" if self._browsing.can_be_tag(node) else "prim-scope"
        return icons.icon(name, self._colours.muted)

    def _tip(self, node: Node) -> str:
        if node.item is None:
            return f"The link {node.name}. Open it to see what it has."
        slot = self._slot(node)
        if slot != NOTHING:
            said = f"It is the tag {self._at.specs[slot].name}."
        elif self._browsing.can_be_tag(node):
            said = "Drag it onto a part to make it a tag and bind it."
        elif self.is_branch(node):
            said = "Drag it onto a part: what is below it is proposed for what is below the part."
        else:
            said = "It has no value that a tag can hold."
        return "\n".join(part for part in (f"{node.link}!{node.address}", facts(node.item), said) if part)

    def _last(self, index: Index, role: int) -> Any:  # Any: Qt's own contract for item data
        node = self.above(index)
        if index.column() != NAME:
            return None
        if role in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            return self.last_row(node)
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._colours.bad_text if node.why else self._colours.muted)
        if role == Qt.ItemDataRole.DecorationRole and node.why:
            return icons.icon("warning", self._colours.bad_text)
        return None


def seen_of(item: BrowseItem) -> str:
    """Return how often a topic comes and how long ago it last came, "" for what is no topic."""
    if not item.size:
        return ""
    rate = f"{item.rate_hz:.3g}/s" if item.rate_hz > 0 else "retained" if item.retained else "once"
    return f"{rate}, {item.age_s:.0f} s ago"


def facts(item: BrowseItem) -> str:
    """Return what else is known of a node, a fact a line: range, states, rate, size, age, words."""
    out = [item.description] if item.description else []
    if item.low < item.high:
        out.append(f"from {item.low:g} to {item.high:g} {item.unit}".rstrip())
    if item.states:
        out.append("states: " + ", ".join(f"{value:g} {name}" for value, name in item.states[:8]))
    if item.type_definition:
        out.append(f"is a {item.type_definition}")
    if item.size:
        rate = f"{item.rate_hz:.3g} a second, " if item.rate_hz > 0 else ""
        kept = ", kept by the broker" if item.retained else ""
        decoder = f", read as {item.decoder}" if item.decoder else ""
        out.append(f"{rate}{item.size} bytes{decoder}, {item.age_s:.0f} s ago{kept}")
    return "\n".join(out)


class Filtered(QSortFilterProxyModel):
    """The nodes that were read and hold all words, with what is above them."""

    def __init__(self, model: BrowseModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._words = model, tuple[str, ...]()
        self.setSourceModel(model)

    def filter(self, text: str) -> None:
        """Keep nodes whose name, address or tag holds all words of a text; "" keeps all."""
        words = tuple(text.lower().split())
        if words != self._words:
            self._words = words
            self.setRecursiveFilteringEnabled(bool(words))  # it asks for what is below each row: not unasked
            self.invalidate()  # with what is above; no order is kept

    @property
    def is_on(self) -> bool:
        return bool(self._words)

    def filterAcceptsRow(self, row: int, above: Index) -> bool:  # noqa: N802  Qt's name
        """Return whether a row is kept for itself; Qt keeps what is above it."""
        if not self._words:
            return True
        index = self._model.index(row, NAME, above)
        node = self._model.node(index)
        if node is None:
            return False
        tag = self._model.data(index.siblingAtColumn(TAG)) or ""
        item = node.item
        told = f"{item.unit} {item.description}" if item is not None else ""
        text = f"{node.name} {node.address} {tag} {told}".lower()
        return all(word in text for word in self._words)
