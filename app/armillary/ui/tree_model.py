"""The scene tree as an item model over arrays: no Python object per prim is made up front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt

from armillary.model.arrays import B1, I4, I8, U1
from armillary.model.quality import WORDS
from armillary.model.scene import SceneArrays, subtree_ends
from armillary.session.alarm_places import Rollup
from armillary.ui import badges, icons
from armillary.ui.lines import Lines
from armillary.ui.mime import PRIM_MIME
from armillary.ui.theme import Colours
from armillary.viewport.badges import Style

NAME, ALARM, QUALITY, EYE = range(4)
HEADINGS = ("Part", "", "", "")
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()


class TreeModel(QAbstractItemModel):
    """Prims in depth-first order as rows; a filter keeps matches and their ancestors."""

    def __init__(self, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._scene: SceneArrays | None = None
        self._lines: Lines | None = None
        self._bare(0)

    def _bare(self, m: int) -> None:
        self._parent: I4 = np.zeros(0, np.int32)
        self._ends: I8 = np.zeros(0, np.int64)
        self._order: I8 = np.zeros(0, np.int64)  # kept prims, grouped by parent, in scene order
        self._first: I8 = np.zeros(1, np.int64)  # (M + 2,) first row in _order of the children of prim p - 1
        self._row: I8 = np.zeros(0, np.int64)  # (M,) row among its siblings, -1 when filtered out
        self._own: U1 = np.zeros(m, np.uint8)
        self._below: U1 = np.zeros(m, np.uint8)
        self._shown: B1 = np.ones(m, np.bool_)
        self._off: B1 = np.zeros(m, np.bool_)
        self._alarms: Rollup | None = None
        self._left_out: frozenset[int] = frozenset()  # prims whose payload is not loaded

    # ------------------------------------------------------------ content
    def show(self, scene: SceneArrays | None) -> None:
        """Replace all rows by the prims of a scene; None empties the tree."""
        self.beginResetModel()
        self._scene = scene
        self._lines = None
        self._bare(len(scene) if scene is not None else 0)
        if scene is not None:
            self._parent, self._ends = scene.parent, subtree_ends(scene.parent)
            self._shown = scene.visible.copy()
            self._left_out = frozenset(prim for prim, loaded in scene.payloads if not loaded)
            self._arrange(np.ones(len(scene), np.bool_))
        self.endResetModel()

    def _arrange(self, keep: B1) -> None:
        m = len(self._parent)
        kept = np.flatnonzero(keep)
        group = self._parent[kept] + 1
        self._order = kept[np.argsort(group, kind="stable")]
        self._first = np.searchsorted(group[np.argsort(group, kind="stable")], np.arange(m + 2))
        self._row = np.full(m, -1, np.int64)
        self._row[self._order] = np.arange(len(kept)) - self._first[self._parent[self._order] + 1]

    def filter(self, text: str) -> int:
        """Keep prims whose path holds all words of `text`, and their ancestors; return how many match."""
        if self._scene is None:
            return 0
        words = text.lower().split()
        if self._lines is None:
            self._lines = Lines(self._scene.prim_path)
        hits = self._lines.holding(words)
        keep = np.zeros(len(self._parent), np.bool_) if words else np.ones(len(self._parent), np.bool_)
        rows = hits
        while len(rows):
            keep[rows] = True
            up = self._parent[rows]
            rows = np.unique(up[up >= 0])
            rows = rows[~keep[rows]]
        self.beginResetModel()
        self._arrange(keep)
        self.endResetModel()
        return len(hits) if words else len(self._parent)

    def set_state(self, state: U1) -> None:
        """Take the quality of all prims, (M,) as in Look.state; parents carry the worst one below them."""
        if len(state) != len(self._own):
            return
        self._own = state & np.uint8(0x0F)
        below = np.zeros_like(self._own)
        for level in range(1, int(self._own.max(initial=0)) + 1):
            count = np.concatenate([[0], np.cumsum(self._own >= level)])
            below[count[self._ends] > count[np.arange(len(self._ends))]] = level
        self._below = below

    def set_alarms(self, rollup: Rollup | None) -> None:
        """Take the alarms of all prims with all below them, None for no alarm."""
        self._alarms = rollup if rollup is not None and len(rollup.worst) == len(self._own) else None

    def set_visibility(self, shown: B1, hidden: set[int]) -> None:
        """Take what is drawn, (M,), and the prims that a person switched off."""
        if len(shown) != len(self._own):
            return
        self._shown = shown
        self._off = np.zeros(len(shown), np.bool_)
        for prim in hidden:
            self._off[prim : int(self._ends[prim])] = True

    def set_colours(self, colours: Colours) -> None:
        """Draw icons in another theme."""
        self._colours = colours

    # ------------------------------------------------------------ prim ↔ index
    def prim(self, index: Index) -> int:
        """Return the prim of an index, -1 for none."""
        return int(index.internalId()) if index.isValid() else -1

    def index_of(self, prim: int, column: int = NAME) -> QModelIndex:
        """Return the index of a prim; invalid when the filter hides it."""
        if not 0 <= prim < len(self._row) or self._row[prim] < 0:
            return QModelIndex()
        return self.createIndex(int(self._row[prim]), column, prim)

    def is_drawn(self, index: Index) -> bool:
        """Return whether a part or something below it has geometry."""
        prim = self.prim(index)
        return self._scene is not None and prim >= 0 and bool(np.isfinite(self._scene.box[prim, 0]))

    # ------------------------------------------------------------ QAbstractItemModel
    def index(self, row: int, column: int, parent: Index = _NOTHING) -> QModelIndex:
        above = self.prim(parent)
        at = int(self._first[above + 1]) + row
        if row < 0 or above + 2 >= len(self._first) or at >= int(self._first[above + 2]):
            return QModelIndex()
        return self.createIndex(row, column, int(self._order[at]))

    def parent(self, child: Index = _NOTHING) -> QModelIndex:  # type: ignore[override]  # two Qt overloads
        prim = self.prim(child)
        above = int(self._parent[prim]) if 0 <= prim < len(self._parent) else -1
        return self.createIndex(int(self._row[above]), NAME, above) if above >= 0 else QModelIndex()

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        above = self.prim(parent)
        if (parent.isValid() and parent.column() != NAME) or above + 2 >= len(self._first):
            return 0
        return int(self._first[above + 2] - self._first[above + 1])

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        return HEADINGS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsDragEnabled if index.column() == NAME else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        scene, prim = self._scene, self.prim(index)
        if scene is None or prim < 0:
            return None
        if index.column() == NAME:
            return self._name(scene, prim, role)
        if index.column() == ALARM:
            return self._alarm(prim, role)
        if index.column() == QUALITY:
            return self._quality(prim, role)
        return self._eye(prim, role)

    def mimeTypes(self) -> list[str]:  # noqa: N802
        return [PRIM_MIME, "text/plain"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """Return the parts of the rows: indices for ourselves, paths for the rest of the world."""
        prims = list(dict.fromkeys(self.prim(i) for i in indexes))
        out = QMimeData()
        out.setData(PRIM_MIME, ",".join(map(str, prims)).encode())
        paths = self._scene.prim_path if self._scene is not None else ()
        out.setText("\n".join(paths[p] for p in prims))
        return out

    def _name(self, scene: SceneArrays, prim: int, role: int) -> Any:
        path = scene.prim_path[prim]
        left_out = prim in self._left_out
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return path.rsplit("/", 1)[-1] + (" (not loaded)" if left_out else "")
        if role == Qt.ItemDataRole.DecorationRole and left_out:
            return icons.icon("prim-left-out", self._colours.muted)
        if role == Qt.ItemDataRole.DecorationRole:
            kind = scene.type_names[int(scene.prim_type[prim])]
            colour = self._colours.muted if self._shown[prim] else self._colours.edge
            name = "prim-instance" if scene.instance_root[prim] else icons.prim_icon(kind)
            return icons.icon(name, colour)
        if role == Qt.ItemDataRole.ToolTipRole:
            more = "\nIts payload is not loaded: load it by the menu of the right button" if left_out else ""
            return f"{path}\n{scene.type_names[int(scene.prim_type[prim])] or 'no type'}{more}"
        return None

    def _alarm(self, prim: int, role: int) -> Any:
        if self._alarms is None:
            return None
        count, hidden = int(self._alarms.count[prim]), int(self._alarms.hidden[prim])
        if not count and not hidden:
            return None
        new, worst = int(self._alarms.unacknowledged[prim]), int(self._alarms.worst[prim])
        if role == Qt.ItemDataRole.DisplayRole:
            return str(count) if count > 1 else None
        if role == Qt.ItemDataRole.DecorationRole:
            style: Style = "full" if new else "hollow"
            return badges.icon(new or worst, style, self._colours.name, dot=hidden > 0)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            waits = f"worst that waits: priority {new}" if new else "all acknowledged"
            told = [f"{count} {'alarm' if count == 1 else 'alarms'}, {waits}"] if count else []
            told += [f"{hidden} hidden inside"] if hidden else []
            return " · ".join(told)
        return None

    def _quality(self, prim: int, role: int) -> Any:
        own, below = int(self._own[prim]), int(self._below[prim])
        worst = max(own, below)
        if worst == 0:
            return None
        if role == Qt.ItemDataRole.DecorationRole:
            return icons.quality_mark(worst, self._colours)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{WORDS[worst].lower()}" if own == worst else f"{WORDS[worst].lower()} below"
        return None

    def _eye(self, prim: int, role: int) -> Any:
        off = bool(self._off[prim]) or not bool(self._shown[prim])
        if role == Qt.ItemDataRole.DecorationRole:
            if off:
                return icons.icon("eye-off", self._colours.text)
            return icons.icon("eye-on", self._colours.edge)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            if off and not self._off[prim]:
                return "not drawn: hidden in the scene or by its parent"
            return "hidden: click to show" if off else "shown: click to hide"
        return None
