"""The sheet of a branch: proposals to take, correct or refuse line by line; nothing is applied before Accept.

It stands beside the window: the part of the line that is chosen is selected in the picture.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QSortFilterProxyModel, QStringListModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.scene import index_of
from armillary.session.author_actions import may_not_author
from armillary.session.branch import SURE, Row
from armillary.session.draft import OFFERED
from armillary.session.workspace import Workspace
from armillary.ui.branch_model import DRIVES, PART, SCORE, SORT, TAG, BranchModel
from armillary.ui.mime import NODE_MIME, TAG_MIME, numbers
from armillary.ui.pieces import Search, label
from armillary.ui.row_model import dress_table
from armillary.ui.sheet import Sheet
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 980, 560
_WIDTHS = {TAG: 230, PART: 260, DRIVES: 190, SCORE: 60}
_PERCENT = 100
_MOST_CHOICES = 12
Take = Callable[[QMimeData, int], object]


class Lines(QTableView):
    """The table: Space takes or refuses the lines chosen, Delete refuses them."""

    def __init__(self, tick: Callable[[bool | None], None]) -> None:
        super().__init__()
        self._tick = tick

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.key() == Qt.Key.Key_Space:
            self._tick(None)
        elif event.key() == Qt.Key.Key_Delete:
            self._tick(False)
        else:
            super().keyPressEvent(event)


class BranchSheet(Sheet):
    """Shows `workspace.branch` until it is accepted or given up."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._at, self._branch, self._say = workspace, workspace.branch, say
        self.setWindowTitle("Bind a branch")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.title, self.state = label("", "heading", wrap=True), label("", "muted", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.model = BranchModel(self._branch, colours, self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(SORT)
        self.sorted.setFilterKeyColumn(-1)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.sorted.setDynamicSortFilter(False)  # a tick moves no line away from under the hand
        self.table = Lines(self._tick_chosen)
        self.table.setModel(self.sorted)
        dress_table(self.table, "Proposals")
        self.table.setSortingEnabled(True)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for column, width in _WIDTHS.items():
            self.table.setColumnWidth(column, width)
        self.search = Search("Find a line", "Find a line", self.sorted.setFilterFixedString)
        self.above = QSpinBox()
        self.above.setRange(0, _PERCENT)
        self.above.setSuffix(" %")
        self.above.setValue(round(SURE * _PERCENT))
        self.above.setAccessibleName("Take lines that score at least")
        self.take_above = QPushButton("Take all above")
        self.part, self.channel = QLineEdit(), QComboBox()
        self.tag, self.others = QLineEdit(), QComboBox()
        self.tag.setAccessibleName("Tag of the chosen line")
        self.tag.setPlaceholderText("Give the part to another tag")
        self.others.setAccessibleName("Other parts that the chosen line may be of")
        self.part.setAccessibleName("Part of the chosen line")
        self.part.setPlaceholderText("Search a part by its path")
        self.channel.setAccessibleName("What the chosen line drives")
        scene = workspace.scene
        completer = QCompleter(list(scene.prim_path) if scene is not None else [], self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(_MOST_CHOICES)
        if (choices := completer.popup()) is not None:
            choices.setAccessibleName("Parts that are named like this")
        self.part.setCompleter(completer)
        self.use_selected = QPushButton("Use the selected part")
        self.accept_lines, self.shut = QPushButton("Accept"), QPushButton("Close")
        self.accept_lines.setProperty("primary", True)
        self.names = QStringListModel(self)
        tags = QCompleter(self.names, self)
        tags.setFilterMode(Qt.MatchFlag.MatchContains)
        tags.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        tags.setMaxVisibleItems(_MOST_CHOICES)
        if (choices := tags.popup()) is not None:
            choices.setAccessibleName("Tags that are named like this")
        self.tag.setCompleter(tags)
        for pressed in (self.take_above, self.use_selected, self.accept_lines, self.shut):
            pressed.setAutoDefault(False)
        self._filling = False
        self._named = -1  # lines that the names of tags were offered for
        self._lay_out()
        self._connect(completer)
        tags.activated.connect(self._retag)
        self._refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.search, 1)
        head.addWidget(self.take_above)
        head.addWidget(self.above)
        form = QGridLayout()
        form.addWidget(label("Part", "muted"), 0, 0)
        form.addWidget(self.part, 0, 1)
        form.addWidget(self.use_selected, 0, 2)
        form.addWidget(label("Or", "muted"), 1, 0)
        form.addWidget(self.others, 1, 1, 1, 2)
        form.addWidget(label("Tag", "muted"), 2, 0)
        form.addWidget(self.tag, 2, 1)
        form.addWidget(label("Drives", "muted"), 3, 0)
        form.addWidget(self.channel, 3, 1)
        form.setColumnStretch(1, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.state, 1)
        foot.addWidget(self.shut)
        foot.addWidget(self.accept_lines)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        column.addLayout(form)
        column.addWidget(self.why)
        column.addLayout(foot)

    def _connect(self, completer: QCompleter) -> None:
        self._gone = self._branch.changed.connect(self._refresh)
        self._deaf = self._branch.told.connect(self._told)
        self.table.selectionModel().currentRowChanged.connect(lambda _now, _then: self._chosen())
        self.take_above.clicked.connect(
            lambda _c=False: self._branch.tick_above(self.above.value() / _PERCENT)
        )
        self.part.returnPressed.connect(lambda: self._move(self.part.text()))
        completer.activated.connect(self._move)
        self.tag.returnPressed.connect(lambda: self._retag(self.tag.text()))
        self.others.activated.connect(lambda i: self._move(str(self.others.itemData(i) or "")) if i else None)
        self.use_selected.clicked.connect(lambda _c=False: self._move_to_selection())
        self.channel.activated.connect(lambda _i: self._drive())
        self.accept_lines.clicked.connect(lambda _c=False: self._branch.accept())
        self.shut.clicked.connect(lambda _c=False: self.reject())
        self._at.visited.connect(self.reject)

    # ------------------------------------------------------------ lines
    def line(self) -> int:
        """Return the line in hand, -1 for none."""
        index = self.sorted.mapToSource(self.table.currentIndex())
        return index.row() if index.isValid() else -1

    def show_line(self, number: int) -> None:
        """Take a line in hand."""
        self.table.setCurrentIndex(self.sorted.mapFromSource(self.model.index(number, TAG)))

    def _chosen(self) -> None:
        """Show the line in hand: its part in the picture, and what can be changed of it."""
        at = self.line()
        self._fill()
        self._show_why()
        if 0 <= at < len(self._branch.rows) and self._at.scene is not None:
            prim = index_of(self._at.scene.prim_path).get(self._branch.rows[at].prim)
            if prim is not None:
                self._at.select((prim,))

    def _fill(self) -> None:
        at = self.line()
        has = 0 <= at < len(self._branch.rows)
        for widget in (self.part, self.use_selected):
            widget.setEnabled(has)
        self._filling = True
        self.channel.clear()
        row = self._branch.rows[at] if has else None
        self._fill_others(row)
        self.tag.setEnabled(row is not None and row.suggestion is not None)
        if not self.tag.hasFocus() or row is None:
            self.tag.setText(row.name if row is not None else "")
        drives = row.suggestion.binding.channel if row is not None and row.suggestion is not None else ""
        for name in (
            dict.fromkeys((drives, *self._branch.choices(at), "displayColor", "label")) if drives else ()
        ):
            self.channel.addItem(OFFERED[name][0], name)
        self.channel.setEnabled(bool(drives))
        if not self.part.hasFocus() or row is None:
            self.part.setText(row.prim if row is not None else "")
        self._filling = False

    def _tick_chosen(self, on: bool | None) -> None:
        """Take or refuse the lines that are selected; None: the other way than the one in hand is."""
        rows = [self.sorted.mapToSource(i).row() for i in self.table.selectionModel().selectedRows()]
        if rows and on is None:
            on = not self._branch.rows[self.line() if self.line() >= 0 else rows[0]].ticked
        self._branch.tick(rows, bool(on))

    def _move(self, prim: str) -> None:
        at = self.line()
        if at >= 0:
            why = self._branch.move(at, prim.strip())
            self.why.setText(why)
            self.why.setVisible(bool(why))
            if not why:
                self.part.clearFocus()
                self._chosen()

    def _fill_others(self, row: Row | None) -> None:
        self.others.clear()
        found = [one for one in row.candidates if one.prim != row.prim] if row is not None else []
        many = f"{len(found)} other part{'s' * (len(found) > 1)} may be meant"
        self.others.addItem(many if found else "No other part is likely", "")
        for one in found:
            self.others.addItem(f"{one.prim}   {one.score:.0%}: {'; '.join(one.reasons)}", one.prim)
        self.others.setEnabled(bool(found))

    def _retag(self, name: str) -> None:
        """Give the part of the line in hand to another tag."""
        at = self.line()
        if at < 0:
            return
        why = self._branch.retag(at, name.strip())
        self.why.setText(why)
        self.why.setVisible(bool(why))
        if not why:
            self.tag.clearFocus()
            number = next((i for i, row in enumerate(self._branch.rows) if row.name == name.strip()), at)
            self.show_line(number)
            self._fill()

    def _move_to_selection(self) -> None:
        scene, chosen = self._at.scene, self._at.selection
        if scene is not None and chosen:
            self._move(scene.prim_path[chosen[-1]])

    def _drive(self) -> None:
        if not self._filling and self.line() >= 0:
            self._branch.drive(self.line(), str(self.channel.currentData()))

    # ------------------------------------------------------------ what is being done
    def _refresh(self) -> None:
        branch = self._branch
        self.model.refresh()
        self.title.setText(branch.title)
        rows, taken = branch.rows, branch.chosen()
        proposals = sum(row.suggestion is not None for row in rows)
        lone = len(rows) - proposals
        words = [f"{proposals} proposals", f"{lone} without a part", f"{len(taken)} taken"]
        if branch.bound:
            words.append(f"{branch.bound} bound already")
        self.state.setText(branch.doing or ", ".join(words))
        self._show_why()
        self.accept_lines.setText(f"Accept {len(taken)}" if taken else "Accept")
        self.accept_lines.setEnabled(bool(taken) and not branch.why_not())
        self.take_above.setEnabled(bool(proposals))
        if self._named != len(rows):
            self._named = len(rows)
            self.names.setStringList(list(branch.tags()))
        self._fill()

    def _show_why(self) -> None:
        """Say why what is taken cannot be accepted; what was said of another line goes."""
        branch = self._branch
        why = branch.why_not() if branch.chosen() and not branch.doing else ""
        self.why.setText(why)
        self.why.setVisible(bool(why))

    def _told(self, text: str) -> None:
        self._say(text)
        if text.startswith("Saved"):
            self.accept()
        else:
            self.why.setText(text)
            self.why.show()

    def done(self, result: int) -> None:
        """Close; what was not accepted is given up."""
        self._gone()
        self._deaf()
        if self._branch.rows or self._branch.doing:
            self._branch.cancel()
        super().done(result)


class Branching:
    """Drops on parts: a branch, or several tags, open the sheet; one tag goes to the binding's card."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        window: QWidget,
        one: Take,
    ) -> None:
        self._at, self._colours, self._say, self._window, self._one = workspace, colours, say, window, one
        self.sheet: BranchSheet | None = None

    def take(self, data: QMimeData, prim: int) -> object:
        """Take what was dropped on a part."""
        nodes, tags = numbers(data, NODE_MIME), numbers(data, TAG_MIME)
        known = self._at.browsing.nodes
        branches = [n for n in nodes if n < len(known) and known[n].opens and known[n].item is not None]
        if branches or (not nodes and len(tags) > 1):
            return self.begin(nodes if branches else (), tags, prim)
        return self._one(data, prim)

    def begin(self, nodes: tuple[int, ...], tags: tuple[int, ...], prim: int) -> bool:
        """Propose parts below a prim for nodes and what is below them, else for tags."""
        at = self._at
        why = may_not_author(at) or ("" if at.project is not None else "No project is open.")
        why = why or ("" if nodes or tags else "Choose a node in Browse or tags in the live table first.")
        if why or at.scene is None or not 0 <= prim < len(at.scene):
            self._say(f"Bind a branch: {why or 'no part is meant.'}")
            return False
        at.authoring.cancel()
        if self.sheet is not None:
            self.sheet.reject()
        sheet = self.sheet = BranchSheet(at, self._colours, self._say, self._window)
        sheet.finished.connect(lambda _result: self._closed(sheet))
        sheet.show()
        if nodes:
            at.branch.begin_nodes(nodes, prim)
        else:
            at.branch.begin_tags(tags, prim)
        sheet.show_line(0)
        return True

    def _closed(self, sheet: BranchSheet) -> None:
        if self.sheet is sheet:
            self.sheet = None
