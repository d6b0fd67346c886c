"""Scene tree dock: search, types, quality, visibility; selection goes both ways."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QMimeData, QModelIndex, QPoint, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.look import Look
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.mime import can_be_bound
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.theme import Colours
from armillary.ui.tree_model import ALARM, EYE, NAME, QUALITY, TreeModel

REFRESH_MS = 250
_ICON_COLUMN = 24
_ALARM_COLUMN = 40
_INDENT_PX = 14
_AUTO_EXPAND = 60  # rows opened by themselves when a scene arrives or a search has few matches
_NO_SCENE = "No scene.\nOpen a project or a USD file with Ctrl+O, or drop one on the window."
_LOADING = "The scene is being read."


class Tree(QTreeView):
    """The tree itself: a click on an eye toggles, a double click or Enter frames the part."""

    def __init__(
        self, activated: Callable[[QModelIndex], object], eye: Callable[[QModelIndex], object]
    ) -> None:
        super().__init__()
        self._eye = eye
        self.setAccessibleName("Parts of the scene")
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(_INDENT_PX)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setExpandsOnDoubleClick(False)
        self.setIndentation(14)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.on_drop: Callable[[QMimeData, QModelIndex], object] = lambda _data, _index: None
        self.setMouseTracking(True)
        self.doubleClicked.connect(activated)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  Qt's name
        """Take tags and nodes of links; what else is dragged goes on to the window."""
        event.setAccepted(can_be_bound(event.mimeData()))

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        event.setAccepted(self.indexAt(event.position().toPoint()).isValid())

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            event.acceptProposedAction()
            self.on_drop(event.mimeData(), index)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  Qt's name
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.column() == EYE and event.button() == Qt.MouseButton.LeftButton:
            self._eye(index)  # does not change the selection
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            self._eye(index)
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self.doubleClicked.emit(index)
            return
        super().keyPressEvent(event)


class TreePanel(QWidget):
    """The scene as a tree, kept equal with the workspace's selection, visibility and quality."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        frame: Callable[[tuple[int, ...]], None],
        menu: Callable[[QMenu], None] | None = None,
    ) -> None:
        super().__init__()
        self._workspace, self._frame, self._menu = workspace, frame, menu
        self._following = False  # we are writing the selection ourselves
        self.model = TreeModel(colours, self)
        self.view = Tree(self._activated, self._toggle)
        self.view.setModel(self.model)
        header = self.view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in (QUALITY, EYE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, _ICON_COLUMN)
        header.setSectionResizeMode(ALARM, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(ALARM, _ALARM_COLUMN)
        self.search = Search("Search parts", "Search parts of the scene", self.filter)
        self.count = label("", "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 6, 8, 4)
        bar.setSpacing(8)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.count)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        rows.addWidget(self.view, 1)
        self.empty = EmptyOver(self.view, _NO_SCENE)
        self.view.selectionModel().selectionChanged.connect(self._picked)
        self.view.customContextMenuRequested.connect(self._context)
        # quality and visibility are drawn a few times a second, not per frame
        self._late = timers.once(self, REFRESH_MS, self._refresh)
        workspace.scene_changed.connect(self.reload)
        workspace.project_changed.connect(self._opening)
        workspace.look_changed.connect(self._look_changed)
        workspace.selection_changed.connect(self.follow)
        workspace.alarms.placed.connect(self._alarmed)
        self.reload()

    # ------------------------------------------------------------ workspace → tree
    def reload(self) -> None:
        """Show the scene that is open now."""
        self.search.clear()
        scene = self._workspace.scene
        self.model.show(scene)
        self._refresh()
        self.empty.set("" if scene is not None and len(scene) else self._why_empty())
        self.count.setText(f"{len(scene):,}".replace(",", " ") if scene is not None else "")
        self._open_some()
        self.follow(self._workspace.selection)

    def _opening(self) -> None:
        if self._workspace.scene is None:
            self.empty.set(self._why_empty())

    def _why_empty(self) -> str:
        return _LOADING if self._workspace.progress[0] else _NO_SCENE

    def _open_some(self) -> None:
        """Open levels from the top while they are few; what has nothing to draw (materials) stays closed."""
        level, total = [QModelIndex()], 0
        while level and (total := total + sum(map(self.model.rowCount, level))) <= _AUTO_EXPAND:
            for index in level:
                self.view.expand(index)
            level = [
                self.model.index(row, NAME, index)
                for index in level
                for row in range(self.model.rowCount(index))
            ]
            level = [index for index in level if self.model.is_drawn(index)]

    def filter(self, text: str) -> None:
        """Show only parts whose path holds all words, with their ancestors."""
        found = self.model.filter(text)
        words = bool(text.strip())
        self.count.setText(f"{found:,}".replace(",", " ") + (" found" if words else ""))
        nothing = words and found == 0
        self.empty.set(f"No part is named like '{text.strip()}'." if nothing else "")
        if self._workspace.scene is None:
            self.empty.set(self._why_empty())
        elif words and found <= _AUTO_EXPAND:
            self.view.expandAll()
        else:
            self._open_some()
        self.follow(self._workspace.selection)

    def _look_changed(self, _old: Look, _new: Look) -> None:
        if not self._late.isActive():
            self._late.start()

    def _alarmed(self) -> None:
        if not self._late.isActive():
            self._late.start()

    def _refresh(self) -> None:
        self.model.set_alarms(self._workspace.alarms.rollup())
        look, scene = self._workspace.look, self._workspace.scene
        if look is None or scene is None or len(look.state) != len(scene):
            return
        self.model.set_state(look.state)
        self.model.set_visibility(look.visible, self._workspace.hidden)
        self.view.viewport().update()

    def follow(self, prims: tuple[int, ...]) -> None:
        """Mark these prims and bring the last one into view."""
        self._following = True
        selection = QItemSelection()
        last = QModelIndex()
        for prim in prims:
            index = self.model.index_of(prim)
            if index.isValid():
                selection.select(index, self.model.index_of(prim, EYE))
                last = index
        flag = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        if last.isValid():
            self.view.selectionModel().setCurrentIndex(last, flag.NoUpdate)
            self.view.scrollTo(last)
        self._following = False

    # ------------------------------------------------------------ tree → workspace
    def _picked(self) -> None:
        if self._following:
            return
        chosen = {self.model.prim(i) for i in self.view.selectionModel().selectedRows()}
        kept = [prim for prim in self._workspace.selection if prim in chosen]
        self._workspace.select((*kept, *sorted(chosen.difference(kept))))

    def _activated(self, index: QModelIndex) -> None:
        if index.column() != EYE and (prim := self.model.prim(index)) >= 0:
            self._frame((prim,))

    def _toggle(self, index: QModelIndex) -> None:
        self._workspace.toggle_visible(self.model.prim(index))
        self._refresh()

    def _context(self, at: QPoint) -> None:
        if self._menu is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._menu(menu)
        menu.popup(self.view.viewport().mapToGlobal(at))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.set_colours(colours)
        self.view.viewport().update()
