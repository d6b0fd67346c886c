"""Browse dock: what the links' servers and brokers have, level by level; nodes are dragged onto parts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QMenu, QTreeView, QVBoxLayout, QWidget

from armillary.model.frame import WorldKind
from armillary.session.browsing import NOTHING, Node
from armillary.session.searching import Searching
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import timers
from armillary.ui.browse_model import NAME, SEEN, TAG, TYPE, UNIT, VALUE, WRITE, BrowseModel, Filtered
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.tables import button
from armillary.ui.theme import Colours

PUMP_MS = 100  # while a search runs
VALUES_MS = 2000  # values of open levels are read anew, where a level is quick
_WIDTHS = {NAME: 230, VALUE: 90, UNIT: 56, TYPE: 80, WRITE: 68, TAG: 120, SEEN: 110}
Bind = Callable[[tuple[int, ...], int], object]
_HINT = "Drag a node onto a part, or press Enter on it."
_NO_WORLD = "No links. The live world of a project has them."
_NO_LINKS = "The project names no links. They are in project.toml, under [[source]]."
_AWAY = "What a link has is browsed in the live world. Go back to live with L."


class BrowseTree(QTreeView):
    """The tree: Enter opens a level, asks for more, or binds a node to the part that is selected."""

    def __init__(self, enter: Callable[[QModelIndex], object]) -> None:
        super().__init__()
        self._enter = enter
        self.setAccessibleName("Nodes of the links")
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setExpandsOnDoubleClick(False)
        self.setIndentation(14)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.doubleClicked.connect(enter)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._enter(self.currentIndex())
            return
        super().keyPressEvent(event)


class BrowsePanel(QWidget):
    """The address spaces of the live world's links. `bind` begins to bind nodes to a part."""

    def __init__(
        self, workspace: Workspace, colours: Colours, bind: Bind, say: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._at, self._bind, self._say = workspace, bind, say
        self.model = BrowseModel(workspace, colours, self)
        self.shown = Filtered(self.model, self)
        self.view = BrowseTree(self._enter)
        self.view.setModel(self.shown)
        for column, width in _WIDTHS.items():
            self.view.header().resizeSection(column, width)
        self.searching = Searching(workspace, workspace.browsing, workspace.desk)
        self.search = Search("Filter what was opened; Enter searches", "Filter the nodes opened", self.filter)
        self.search.returnPressed.connect(self.search_links)
        self.look = button("Search the links", "Search all links for these words", self.search_links)
        self.hint = label(_HINT, "muted")
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 6, 8, 4)
        bar.setSpacing(8)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.look)
        bar.addWidget(self.hint)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        rows.addWidget(self.view, 1)
        self.setFocusProxy(self.view)
        self.empty = EmptyOver(self.view, "")
        self._turn = 0
        self._open: set[int] = set()  # nodes whose level a person opened
        self.bind_branch: Callable[[], object] = lambda: None  # what is below the chosen nodes
        self.also: Callable[[], int] = lambda: NOTHING  # a level whose values somebody else looks at
        self._pump = timers.every(self, PUMP_MS, self.searching.pump)
        self._pump.stop()
        self.searching.changed.connect(self._searched)
        self._values = QTimer(self)
        self._values.setInterval(VALUES_MS)
        self._values.timeout.connect(self.read_values)
        self.view.expanded.connect(self._expanded)
        self.view.collapsed.connect(self._collapsed)
        self.model.modelAboutToBeReset.connect(self._open.clear)
        workspace.browsing.rooting.connect(self._found_goes)
        self.view.customContextMenuRequested.connect(self._context)
        for signal in (workspace.links_changed, workspace.world_changed, workspace.project_changed):
            signal.connect(self._world_changed)
        self._specs: object = None
        self._world_changed()

    # ------------------------------------------------------------ world → tree
    def _world_changed(self) -> None:
        at = self._at
        if self.isVisible() and not at.away and at.kind is WorldKind.LIVE:
            at.browsing.begin()
        if self._specs is not at.specs:
            self._specs = at.specs
            self.model.marks_changed()
        self._explain()

    def _explain(self) -> None:
        at, text = self._at, ""
        if at.away or at.kind is not WorldKind.LIVE:
            text = _AWAY
        elif not at.browsing.roots:
            text = _NO_WORLD if at.world_state is WorldState.NONE or at.project is None else _NO_LINKS
        elif self.shown.is_on and not self.shown.rowCount():
            text = f"Nothing that was opened is named like '{self.search.text().strip()}'."
        self.view.setEnabled(not at.away and at.kind is WorldKind.LIVE)
        self.empty.set(text)

    def search_links(self) -> None:
        """Search all links for the words typed, or stop the search that runs."""
        if self.searching.is_running:
            self.searching.stop()
            return
        if why := self.searching.begin(self.search.text()):
            self._say(f"Search: {why}")
            return
        self._pump.start()
        self._searched()
        if (node := self._at.browsing.found) is not None:
            self.view.expand(self.shown.mapFromSource(self.model.index_of(node.number)))
            self._open.add(node.number)

    def _found_goes(self, comes: bool) -> None:
        node = self._at.browsing.found
        if node is not None and not comes:
            self._open.discard(node.number)

    def _searched(self) -> None:
        running = self.searching.is_running
        self.look.setText("Stop" if running else "Search the links")
        self.hint.setText(self.searching.said() if self.searching.is_shown else _HINT)
        if not running:
            self._pump.stop()
        node = self._at.browsing.found
        if node is not None and node.children and self.shown.is_on:
            self.view.expand(self.shown.mapFromSource(self.model.index_of(node.number)))
        self._explain()

    def filter(self, text: str) -> None:
        """Show only what was opened and holds all words, with what is above it."""
        if not text.strip():
            self.searching.cancel()
        self.shown.filter(text)
        for number in sorted(self._open):  # what a filter took away comes back closed
            index = self.shown.mapFromSource(self.model.index_of(number))
            if index.isValid():
                self.view.expand(index)
        self._explain()

    def read_values(self) -> None:
        """Read the values of one open level anew, the next one at the next call."""
        level = self.also()
        if (
            not (self.isVisible() or level != NOTHING)
            or self._at.world_state is not WorldState.LIVE
            or self._at.away
        ):
            return
        if level != NOTHING and self._turn % 2 == 0:
            self._turn += 1
            self._at.browsing.again((level,))
        elif levels := self.open_levels():
            self._turn += 1
            first = self._turn % len(levels)
            self._at.browsing.again((*levels[first:], *levels[:first]), self.seen_nodes())

    def seen_nodes(self) -> list[int]:
        """Return the nodes on the screen."""
        out: list[int] = []
        index = self.view.indexAt(QPoint(2, 2))
        while index.isValid() and self.view.visualRect(index).top() < self.view.viewport().height():
            node = self.model.node(self.shown.mapToSource(index))
            if node is not None:
                out.append(node.number)
            index = self.view.indexBelow(index)
        return out

    def open_levels(self) -> list[int]:
        """Return the nodes whose level is open and seen."""
        out: list[int] = []
        index = self.view.indexAt(QPoint(2, 2))
        while index.isValid() and self.view.visualRect(index).top() < self.view.viewport().height():
            node = self.model.node(self.shown.mapToSource(index))
            if node is not None and node.parent >= 0 and node.parent not in out:
                out.append(node.parent)
            index = self.view.indexBelow(index)
        return out

    # ------------------------------------------------------------ tree → world
    def _expanded(self, index: QModelIndex) -> None:
        node = self.model.node(self.shown.mapToSource(index))
        if node is not None:
            self._open.add(node.number)
            self._at.browsing.open(node.number)

    def _collapsed(self, index: QModelIndex) -> None:
        node = self.model.node(self.shown.mapToSource(index))
        if node is not None:
            self._open.discard(node.number)

    def _enter(self, index: QModelIndex) -> None:
        source = self.shown.mapToSource(index).siblingAtColumn(NAME)
        if self.model.is_last(source):
            self._last_entered(self.model.above(source))
            return
        node = self.model.node(source)
        if node is None:
            return
        if node.opens:
            at = index.siblingAtColumn(NAME)
            self.view.setExpanded(at, not self.view.isExpanded(at))
        else:
            self.bind_to_selection()

    def _last_entered(self, node: Node) -> None:
        if node.why:
            self._at.browsing.retry(node.number)
        else:
            self._at.browsing.more(node.number)
        self.model.marks_changed()

    def chosen(self) -> tuple[Node, ...]:
        """Return the nodes that are selected."""
        found = (
            self.model.node(self.shown.mapToSource(i)) for i in self.view.selectionModel().selectedRows()
        )
        return tuple(node for node in found if node is not None)

    def bind_to_selection(self) -> None:
        """Bind the selected nodes to the part that is selected in the scene."""
        nodes = self.chosen()
        if not nodes:
            self._say("Bind: no node is selected.")
        elif not self._at.selection:
            self._say("Bind: select a part in the picture or in the tree first, or drag the node onto one.")
        else:
            self._bind(tuple(node.number for node in nodes), self._at.selection[-1])

    def _context(self, at: QPoint) -> None:
        if not self.chosen():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        bind = menu.addAction("Bind to the selected part…", self.bind_to_selection)
        bind.setEnabled(bool(self._at.selection))
        branch = menu.addAction("Bind the branch to the selected part…", self.bind_branch)
        branch.setEnabled(bool(self._at.selection))
        menu.popup(self.view.viewport().mapToGlobal(at))

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self._world_changed()
        self._values.start()  # and goes on while hidden: a card may look at a level

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.set_colours(colours)
        self.view.viewport().update()
