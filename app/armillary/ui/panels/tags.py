"""Live table dock: all tags with value, quality in words and age; formats only what is visible."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QMenu, QVBoxLayout, QWidget

from armillary.model.arrays import U4
from armillary.model.clock import Clock
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import timers
from armillary.ui.mime import NODE_MIME, numbers
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.tag_model import NAME, TagModel
from armillary.ui.tag_view import table, visible_rows
from armillary.ui.theme import Colours

REFRESH_MS = 200
AGE_MS = 1000


class TagsPanel(QWidget):
    """All tags of the world, live."""

    def __init__(
        self, workspace: Workspace, clock: Clock, colours: Colours, trend: Callable[[tuple[int, ...]], None]
    ) -> None:
        super().__init__()
        self._workspace, self._clock, self._trend = workspace, clock, trend
        self.model = TagModel(workspace, colours, parent=self)
        self.view = table(self.model, "Live values of all tags")
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(NAME, Qt.SortOrder.AscendingOrder)
        self.view.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Interactive)
        self.view.doubleClicked.connect(self._show_prim)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._context)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        self.search = Search("Search tags", "Search tags", self.filter)
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
        self.empty = EmptyOver(self.view, "")
        self.on_nodes: Callable[[tuple[int, ...]], object] = lambda _nodes: (
            None
        )  # of the link browser, dropped
        self.setAcceptDrops(True)
        self._specs: object = None
        self._late = timers.once(self, REFRESH_MS, self.refresh)
        self._ages = timers.every(self, AGE_MS, self.refresh)  # ages count on though nothing arrives
        workspace.project_changed.connect(self.reload)
        workspace.world_changed.connect(self.reload)
        workspace.frame_arrived.connect(self._arrived)
        self.view.verticalScrollBar().valueChanged.connect(lambda _value: self.refresh())
        self.reload()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  Qt's name
        if event.mimeData().hasFormat(NODE_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        self.on_nodes(numbers(event.mimeData(), NODE_MIME))
        event.acceptProposedAction()

    def reload(self) -> None:
        """Show the tags that the world has now."""
        if self._specs is not self._workspace.specs:
            self._specs = self._workspace.specs
            self.model.set_slots(range(len(self._workspace.specs)))
        self._say()
        self.refresh()

    def _say(self) -> None:
        total, shown = len(self._workspace.specs), self.model.rowCount()
        self.count.setText(f"{total} tags" if shown == total else f"{shown} of {total}")
        if shown:
            self.empty.set("")
        elif total:
            self.empty.set(f"No tag is named like '{self.search.text().strip()}'.")
        elif self._workspace.world_state == WorldState.NONE:
            self.empty.set("No tags. A bare scene has no telemetry; open a project with Ctrl+O.")
        else:
            self.empty.set("No tags yet. They appear as soon as the world answers.")

    def filter(self, text: str) -> None:
        """Show only tags whose name or title holds all words."""
        self.model.filter(text)
        self._say()
        self.refresh()

    def _arrived(self, _slots: U4) -> None:
        if not self._late.isActive() and self.isVisible():
            self._late.start()

    def refresh(self) -> None:
        """Format the visible rows anew."""
        first, last = visible_rows(self.view)
        self.model.refresh(self._clock.now_mono_ns(), first, last)

    def chosen(self) -> tuple[int, ...]:
        """Return the tags selected in the table."""
        return tuple(self.model.slot(i.row()) for i in self.view.selectionModel().selectedRows())

    def copy(self) -> None:
        """Put the selected tags with their values on the clipboard; those of a what-if say so."""
        if slots := self.chosen():
            QGuiApplication.clipboard().setText(self.model.words(slots))

    def reveal(self, slot: int) -> None:
        """Select a tag and bring its row into view; a filter that hides it is taken away."""
        if self.model.row_of(slot) < 0:
            self.search.clear()
            self.filter("")
        if (row := self.model.row_of(slot)) >= 0:
            self.view.selectRow(row)
            self.view.scrollTo(self.model.index(row, NAME))

    def _show_prim(self, index: QModelIndex) -> None:
        if (prim := self._workspace.prim_of_tag(self.model.slot(index.row()))) is not None:
            self._workspace.select((prim,))

    def _context(self, at: QPoint) -> None:
        slots = self.chosen()
        if not slots:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show in trends", lambda: self._trend(slots))
        menu.addAction("Copy with values", self.copy)
        show = menu.addAction("Select its part", lambda: self._show_prim(self.view.currentIndex()))
        show.setEnabled(self._workspace.prim_of_tag(slots[0]) is not None)
        menu.popup(self.view.viewport().mapToGlobal(at))

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self._ages.start()
        self.refresh()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._ages.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.set_colours(colours)
        self.view.viewport().update()
