"""Bindings dock: all bindings of the scene, searched, sorted, changed many at a time, copied, tested."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QItemSelectionRange, QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.arrays import U4
from armillary.model.binding import Binding
from armillary.session.binding_desk import BindingDesk
from armillary.session.binding_rows import DRIVES, FILTERS, MAP, NAME, NOW, PART, SELECTED, STALE, TAG
from armillary.session.rows import TagRow
from armillary.session.sweep import like
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.binding_change import ChangeCard
from armillary.ui.binding_model import BindingModel
from armillary.ui.binding_paste import PasteSheet
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.row_model import dress_table
from armillary.ui.tables import button
from armillary.ui.tag_view import visible_rows
from armillary.ui.theme import Colours

REFRESH_MS = 500
LATE_MS = 200
WIDTHS = {PART: 260, NAME: 110, TAG: 190, DRIVES: 110, MAP: 190, NOW: 130, STALE: 80}


class BindingsPanel(QWidget):
    """All bindings. What it changes goes through authoring: one step of undo each."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        *,
        say: Callable[[str], None],
        edit: Callable[[Binding], bool],
        frame: Callable[[tuple[int, ...]], None],
        sweep: Callable[[tuple[Binding, ...]], None],
    ) -> None:
        super().__init__()
        self._at, self._say, self._edit, self._frame, self._sweep = workspace, say, edit, frame, sweep
        self.desk = BindingDesk(workspace)
        self.model = BindingModel(self.desk.rows, colours, self._live, self)
        self.view = QTableView()
        self.view.setModel(self.model)
        dress_table(self.view, "Bindings of the scene")
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(PART, Qt.SortOrder.AscendingOrder)
        self.view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for column, width in WIDTHS.items():
            self.view.setColumnWidth(column, width)
        self.view.doubleClicked.connect(self._edit_row)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._context)
        self.search = Search("Search bindings", "Search bindings", self.filter)
        self.choice = QComboBox()
        self.choice.setAccessibleName("Which bindings")
        for key, words in FILTERS.items():
            self.choice.addItem(words, key)
        self.choice.currentIndexChanged.connect(lambda _i: self.arrange())
        self.count = label("", "muted")
        self.buttons = {
            "edit": button("Edit…", "Edit the binding", self.edit),
            "change": button("Change…", "Change a field of all chosen bindings", self.change),
            "copy": button("Copy", "Copy the chosen bindings", self.copy),
            "paste": button("Paste…", "Paste bindings on the selected parts", self.paste),
            "sweep": button("Test", "Sweep the values of the chosen bindings", self.sweep),
            "delete": button("Delete", "Delete the chosen bindings", self.delete),
            "go": button("Go to", "Show the parts of the chosen bindings", self.go),
        }
        self.card = ChangeCard(self.desk, self.chosen, self._tell)
        self._lay_out()
        self.empty = EmptyOver(self.view, "")
        self._keys()
        self._late = timers.once(self, LATE_MS, self.reload)
        self._values = timers.every(self, REFRESH_MS, self._refresh_values)
        for signal in (workspace.bindings_changed, workspace.scene_changed, workspace.problems_changed):
            signal.connect(self._soon)
        workspace.authoring.changed.connect(self._soon)
        workspace.frame_arrived.connect(self._arrived)
        workspace.selection_changed.connect(lambda _prims: self._selected())
        workspace.people.changed.connect(self._enable)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self.reload()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 6, 8, 4)
        bar.setSpacing(6)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.choice)
        for each in self.buttons.values():
            bar.addWidget(each)
        bar.addWidget(self.count)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        rows.addWidget(self.card)
        rows.addWidget(self.view, 1)

    def _keys(self) -> None:
        for key, run in (
            (QKeySequence(QKeySequence.StandardKey.Copy), self.copy),
            (QKeySequence(QKeySequence.StandardKey.Paste), self.paste),
            (QKeySequence(QKeySequence.StandardKey.Delete), self.delete),
            (QKeySequence(Qt.Key.Key_Return), self.edit),
        ):
            shortcut = QShortcut(key, self.view)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(run)

    # ------------------------------------------------------------ shown

    def _soon(self, *_: object) -> None:
        if not self._late.isActive():
            self._late.start()

    def reload(self) -> None:
        """Show the bindings as they are now; what was chosen stays chosen where it is still there."""
        if not self.isVisible() and len(self.desk.rows.bindings):
            return
        if not self.desk.is_other:
            return
        kept = {b.where for b in self.chosen()}
        self.model.again(self.desk.refresh)
        self._choose(kept)
        self._told()

    def arrange(self) -> None:
        """Filter and sort as it is chosen now."""
        at, rows = self._at, self.desk.rows
        kept = {b.where for b in self.chosen()}
        rows.query, rows.choice = self.search.text(), str(self.choice.currentData())
        paths = tuple(at.scene.prim_path[p] for p in at.selection) if at.scene is not None else ()
        self.model.again(lambda: rows.arrange(paths, at.mirror.table.value))
        self._choose(kept)
        self._told()

    def filter(self, _text: str) -> None:
        """Show only bindings that hold all words."""
        self.arrange()

    def _choose(self, kept: set[str]) -> None:
        if not kept or len(kept) > len(self.desk.rows):
            return
        chosen = QItemSelection()
        for row in range(len(self.desk.rows)):
            if self.desk.rows.binding(row).where in kept:
                at = self.model.index(row, 0)
                chosen.append(QItemSelectionRange(at, self.model.index(row, self.model.columnCount() - 1)))
        flags = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().select(chosen, flags.Select | flags.Rows)

    def _told(self) -> None:
        rows = self.desk.rows
        self.count.setText(rows.words)
        if len(rows):
            self.empty.set("")
        elif rows.bindings:
            self.empty.set("No binding is like that. Take the search away, or choose all bindings.")
        elif self._at.scene is None:
            self.empty.set("No scene, so no bindings. Open a project or a scene with Ctrl+O.")
        else:
            n = len(self._at.scene)
            self.empty.set(f"{n:,} parts, none bound. Drag a tag from the live table onto a part.")
        self._enable()

    def _selected(self) -> None:
        if self.desk.rows.choice == SELECTED or str(self.choice.currentData()) == SELECTED:
            self.arrange()
        self._enable()

    def _arrived(self, _slots: U4) -> None:
        if self.isVisible() and not self._values.isActive():
            self._values.start()

    def _refresh_values(self) -> None:
        self._values.stop()
        if self.isVisible():
            self.model.tell(*visible_rows(self.view))

    def _live(self, slot: int) -> TagRow | None:
        at = self._at
        if not 0 <= slot < min(len(at.specs), len(at.mirror.table)):
            return None
        (row,) = at.tag_rows((slot,), at.now_mono_ns())
        return row

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self.reload()

    # ------------------------------------------------------------ chosen

    def chosen(self) -> tuple[Binding, ...]:
        """Return the chosen bindings, in the order of the rows."""
        if not len(self.desk.rows):
            return ()
        return self.desk.rows.chosen([i.row() for i in self.view.selectionModel().selectedRows()])

    def _enable(self) -> None:
        n = len(self.view.selectionModel().selectedRows())
        why = self.desk.may_not()
        for key, each in self.buttons.items():
            needs_right = key in ("edit", "change", "paste", "delete", "sweep")
            lacks = "" if key == "paste" or n else "Choose bindings first."
            lacks = lacks or ("Choose one binding." if key == "edit" and n != 1 else "")
            told = (why if needs_right else "") or lacks
            each.setEnabled(not told)
            each.setToolTip(told or each.accessibleName())
        self.card.follow()

    def _tell(self, why: str) -> None:
        if why:
            self._say(f"Bindings: {why}")

    # ------------------------------------------------------------ what is done

    def edit(self) -> None:
        """Take the chosen binding in hand."""
        chosen = self.chosen()
        if len(chosen) == 1:
            self._edit(chosen[0])

    def _edit_row(self, index: QModelIndex) -> None:
        self._edit(self.desk.rows.binding(index.row()))

    def change(self) -> None:
        """Open or close the row that changes a field of all."""
        self.card.setVisible(not self.card.isVisible())
        self.card.follow()

    def copy(self) -> None:
        """Put the chosen bindings on the clipboard."""
        if text := self.desk.copy(self.chosen()):
            QGuiApplication.clipboard().setText(text)
            self._say(f"Copied {len(self.chosen())} bindings.")

    def paste(self) -> None:
        """Show what pasting on the selected parts would bind."""
        PasteSheet.ask(self.desk, self._at, self._say, self.window())

    def delete(self) -> None:
        """Take the chosen bindings out; undo brings them back."""
        if chosen := self.chosen():
            self._tell(self.desk.delete(chosen))

    def go(self) -> None:
        """Select the parts of the chosen bindings and frame them."""
        at = self._at
        prims = tuple(
            p for b in self.chosen() if (p := at.prim_named((b.targets or (b.prim,))[0])) is not None
        )
        if prims:
            at.select(tuple(dict.fromkeys(prims)))
            self._frame(tuple(dict.fromkeys(prims)))

    def sweep(self) -> None:
        """Sweep the values of the chosen bindings."""
        if chosen := self.chosen():
            self._sweep(chosen)

    def _sweep_like(self, chosen: tuple[Binding, ...]) -> None:
        """Sweep a whole template: all bindings that say the same of other parts."""
        found = {b.where: b for one in chosen for b in like(one, self._at.authoring.saved)}
        self._sweep(tuple(found.values()))

    def _context(self, at: QPoint) -> None:
        if not self.chosen():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key, each in self.buttons.items():
            made = menu.addAction(each.text(), getattr(self, key))
            made.setEnabled(each.isEnabled())
        one = self.chosen()
        same = menu.addAction("Test all bindings like it", lambda: self._sweep_like(one))
        same.setEnabled(self.buttons["sweep"].isEnabled())
        menu.popup(self.view.viewport().mapToGlobal(at))

    def reveal(self, where: str) -> None:
        """Choose a binding by its name in messages, and bring its row into view."""
        if self.desk.rows.row_of(where) < 0:
            self.search.clear()
            self.choice.setCurrentIndex(0)
            self.arrange()
        if (row := self.desk.rows.row_of(where)) >= 0:
            self.view.selectRow(row)
            self.view.scrollTo(self.model.index(row, PART))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.set_colours(colours)
        self.view.viewport().update()
