"""The dock *Model*: types, twins, their relations drawn, and queries whose answers are marked in 3D."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QTableView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.graph_view import GraphView
from armillary.ui.instance_model import WIDTHS, InstanceModel
from armillary.ui.pieces import EmptyOver, label
from armillary.ui.query_line import QueryLine
from armillary.ui.row_model import dress_table
from armillary.ui.tables import button
from armillary.ui.theme import Colours

_ID = Qt.ItemDataRole.UserRole
_REFRESH_MS = 500
_MOST_STEPS = 6
_NONE = "No twins: what is open has no twins.json, or no project is open."
_READING = "Types, twins and relations are being read …"
_NO_ANSWER = "Nothing answers this query."


class Fly(Protocol):
    """What the panel needs of the window."""

    def fly(self, prims: tuple[int, ...]) -> None: ...


class ModelPanel(QWidget):
    """A query above, then types, twins and the drawing beside each other."""

    def __init__(self, workspace: Workspace, colours: Colours, desk: Fly) -> None:
        super().__init__()
        self._at, self._model, self._desk = workspace, workspace.plant_model, desk
        self._following, self._centre, self._is_stale = False, -1, True
        self._watched: list[QWidget] = []
        self.line = QueryLine(self._offers, self._ask, self._forget)
        self.clear = button("Clear", "Take the marks of the query away", self._clear)
        self.says = label("", "muted", wrap=True)
        self.types = QTreeWidget()
        self.rows = InstanceModel(self._model, self)
        self.view = QTableView()
        self.graph = GraphView(colours, self._choose, self.centre_on)
        self.steps, self.relation = QComboBox(), QComboBox()
        self.drawn = label("", "muted")
        self.upstream = button("Upstream", "Find all that the middle twin gets something from", self._before)
        self.downstream = button(
            "Downstream", "Find all that gets something from the middle twin", self._behind
        )
        self._build()
        self.empty = EmptyOver(self.view, _NONE)
        self._late = timers.once(self, _REFRESH_MS, self._tick)
        self._model.changed.connect(self._stale)
        self._model.answered.connect(self._answered)
        workspace.selection_changed.connect(self._selected)
        workspace.frame_arrived.connect(lambda _slots: self._soon())

    def _build(self) -> None:
        self.types.setHeaderLabels(["Type", "Twins"])
        self.types.setAccessibleName("Types")
        self.types.setUniformRowHeights(True)
        self.types.setColumnWidth(0, 150)
        self.types.itemSelectionChanged.connect(self._list)
        self.view.setModel(self.rows)
        dress_table(self.view, "Twins")
        for column, width in enumerate(WIDTHS):
            self.view.setColumnWidth(column, width)
        self.view.selectionModel().selectionChanged.connect(lambda _new, _old: self._picked())
        self.view.doubleClicked.connect(lambda index: self._fly_to(index.row()))
        for n in range(1, _MOST_STEPS + 1):
            self.steps.addItem(f"{n} step{'s' if n > 1 else ''}", n)
        self.steps.setAccessibleName("Steps around the twin")
        self.steps.activated.connect(lambda _i: self._draw())
        self.relation.setAccessibleName("Relation that is drawn")
        self.relation.activated.connect(lambda _i: self._draw())
        top = QHBoxLayout()
        top.setContentsMargins(8, 4, 8, 2)
        top.addWidget(self.line, 1)
        top.addWidget(self.clear)
        tools = QHBoxLayout()
        tools.setContentsMargins(4, 2, 4, 2)
        tools.addWidget(self.relation)
        tools.addWidget(self.steps)
        tools.addWidget(self.drawn, 1)
        tools.addWidget(self.upstream)
        tools.addWidget(self.downstream)
        right = QWidget()
        side = QVBoxLayout(right)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(0)
        side.addLayout(tools)
        side.addWidget(self.graph, 1)
        parts = QSplitter()
        for part, share in ((self.types, 2), (self.view, 5), (right, 6)):
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, share)
        parts.setSizes([200, 520, 560])
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(top)
        around.addWidget(self.says)
        around.addWidget(parts, 1)
        self.says.setContentsMargins(10, 0, 8, 4)
        self.says.hide()
        self.setFocusProxy(self.line)

    # ------------------------------------------------------------ filling

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  Qt's name
        super().showEvent(event)
        if (window := self.window()) not in self._watched:
            self._watched.append(window)
            window.installEventFilter(self)  # Escape comes there when nothing else took it: a search, a tool
        if self._is_stale:
            self.reload()

    def _stale(self) -> None:
        self._is_stale = True
        if self.isVisible():
            self.reload()

    def reload(self) -> None:
        """Show the types and twins of what is open now."""
        ready = self._model.prepare()
        self.line.setEnabled(ready)
        if not ready:
            self.empty.set(_READING)
            return
        self._is_stale = False
        graph = self._model.graph
        self._fill_types()
        before = self.relation.currentData()
        self.relation.clear()
        self.relation.addItem("all relations", "")
        for key, edges in sorted(graph.relations.items()):
            self.relation.addItem(edges.name, key)
        self.relation.setCurrentIndex(max(self.relation.findData(before), 0))
        self._centre = self._centre if self._centre < len(graph) else -1
        if self._centre < 0 and len(graph):
            chosen = self._model.row_of_prim(self._at.selection[-1]) if self._at.selection else -1
            self._centre = chosen if chosen >= 0 else self._model.busiest()
        self._list()
        self._draw()

    def _fill_types(self) -> None:
        chosen = self._type()
        self.types.blockSignals(True)
        self.types.clear()
        stack: list[QTreeWidgetItem] = []
        everything = QTreeWidgetItem(self.types, ["all twins", str(len(self._model.graph))])
        everything.setData(0, _ID, None)
        for row in self._model.types():
            parent = stack[row.depth - 1] if row.depth else self.types.invisibleRootItem()
            item = QTreeWidgetItem(parent, [row.title, str(row.count)])
            item.setData(0, _ID, row.id)
            guessed = "\nNo model names it: twins with equal tags. `armillary model infer` writes it down."
            item.setToolTip(0, row.id + guessed * row.is_guessed)
            if row.is_guessed:
                font = item.font(0)
                font.setItalic(True)
                item.setFont(0, font)
            stack[row.depth :] = [item]
            if row.id == chosen:
                self.types.setCurrentItem(item)
        self.types.expandAll()
        if self.types.currentItem() is None:
            self.types.setCurrentItem(everything)
        self.types.blockSignals(False)

    def _type(self) -> str | None:
        item = self.types.currentItem()
        found = item.data(0, _ID) if item is not None else None
        return None if found is None else str(found)

    def _list(self) -> None:
        """List the answer, or else the twins of the chosen type."""
        if self._is_stale:
            return
        found = self._model.found
        asked = self._model.query is not None and found is not None
        rows = (
            np.concatenate([found.rows, found.unknown])
            if asked and found
            else self._model.instances(self._type())
        )
        self._following = True
        self.rows.replace(rows)
        self._following = False
        self.empty.set("" if len(rows) else (_NO_ANSWER if asked else _NONE))

    # ------------------------------------------------------------ queries

    def _offers(self, text: str) -> list[str]:
        return [one.text for one in self._model.candidates(text)]

    def _ask(self, text: str) -> None:
        self._model.ask(text)

    def _forget(self) -> None:
        if self._model.text:
            self._model.clear()

    def _clear(self) -> None:
        self.line.clear()
        self._forget()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        """Escape takes the marks away wherever the keyboard is in the panel."""
        if event.key() == Qt.Key.Key_Escape and self._model.text:
            self._clear()
            event.accept()
            return
        super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if event.key() == Qt.Key.Key_Escape and self._model.text:
            self._clear()
            return True
        return False

    def _answered(self) -> None:
        model = self._model
        fault, found, query = model.fault, model.found, model.query
        text, role = "", "muted"
        if fault is not None:
            text, role = f"Letter {fault.at + 1}: {fault.what} {fault.remedy}", "bad"
        elif query is not None and found is not None:
            why = model.not_known
            left = f", {len(found.unknown)} not known ({why})" if len(found.unknown) else ""
            text = f"{len(found.rows)} found{left} · reads: {query.says}"
        self.says.setText(text)
        self.says.setProperty("role", role)
        self.says.setAccessibleName(text)
        self.says.setVisible(bool(text))
        self.says.style().unpolish(self.says)
        self.says.style().polish(self.says)
        if self.isVisible():
            self._list()
            self._draw()

    # ------------------------------------------------------------ drawing

    def centre_on(self, row: int) -> None:
        """Draw what is around a twin."""
        self._centre = row
        self._draw()

    def _draw(self) -> None:
        if self._is_stale or not self.isVisible():
            return
        relation = str(self.relation.currentData() or "")
        aspect = self.graph.width() / max(self.graph.height(), 1)
        drawing = self._model.drawing(self._centre, int(self.steps.currentData()), relation, aspect)
        self.graph.show_drawing(drawing, self._model.node_texts(drawing))
        n = len(drawing.places)
        left = f", {drawing.left_out} left out: take fewer steps or one relation" if drawing.left_out else ""
        self.drawn.setText(f"{n} twin{'s' if n != 1 else ''}{left}" if n else "")

    def _before(self) -> None:
        self._walk("upstream")

    def _behind(self) -> None:
        self._walk("downstream")

    def _walk(self, way: str) -> None:
        """Ask for what lies before or behind the twin in the middle, along what flows."""
        graph = self._model.graph
        if 0 <= self._centre < len(graph):
            name = graph.ids[self._centre]
            text = f'anything {way} of "{name}"'  # an id holds no quotes
            self.line.setText(text)
            self._ask(text)

    def _choose(self, row: int) -> None:
        """Select the part of a twin in the scene and fly there."""
        prim = self._model.prim_of(row)
        if prim is None:
            return
        self._following = True
        self._at.select((prim,))
        self._following = False
        self._desk.fly((prim,))
        self._draw()

    def _picked(self) -> None:
        rows = [int(self.rows.rows[index.row()]) for index in self.view.selectionModel().selectedRows()]
        if self._following or not rows:
            return
        prims = [prim for row in rows if (prim := self._model.prim_of(row)) is not None]
        self._following = True
        self._at.select(prims)
        self._following = False
        self.centre_on(rows[-1])

    def _fly_to(self, line: int) -> None:
        prim = self._model.prim_of(int(self.rows.rows[line]))
        if prim is not None:
            self._desk.fly((prim,))

    def _selected(self, prims: tuple[int, ...]) -> None:
        if self._following or self._is_stale or not self.isVisible():
            return
        row = self._model.row_of_prim(prims[-1]) if prims else -1
        if row >= 0:
            self.centre_on(row)
        else:
            self._draw()

    # ------------------------------------------------------------ time

    def _soon(self) -> None:
        if self.isVisible() and self._model.query is not None and not self._late.isActive():
            self._late.start()

    def _tick(self) -> None:
        self.view.viewport().update()  # the values that the answer rests on

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.graph.set_colours(colours)
        self.view.viewport().update()
