"""Alarms dock: what is not normal, what is chosen in detail, and the journal of this session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTabBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.alarm import AlarmEvent, Presentation
from armillary.model.clock import NS
from armillary.session.alarm_actions import may_not_act
from armillary.session.alarmbook import WORDS, AlarmRow, age_text
from armillary.session.rows import clock_text
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import badges
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.row_model import Row, RowModel, dress_table
from armillary.ui.theme import Colours

PRIORITY, TEXT, VALUE, SINCE, STATE, LIMIT, TAG, WHO = range(8)
HEADINGS = ("P", "Alarm", "Value", "Since", "State", "Limit", "Tag", "Who")
WIDTHS = {PRIORITY: 36, TEXT: 250, VALUE: 90, SINCE: 60, STATE: 180, LIMIT: 180, TAG: 160, WHO: 100}
FILTERS = ("All", "Not acknowledged", "Active", "Priority 1 and 2", "Hidden")
HIDDEN = 4
REFRESH_MS, AGE_MS = 100, 1000
_JOURNAL = ("Time", "Alarm", "What happened", "From → to", "Who")
_JOURNAL_WIDTHS = {0: 90, 1: 190, 3: 260, 4: 120}
_NO_EVENTS = "No alarm has changed since this desk connected."
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()


class AlarmModel(QAbstractTableModel):
    """Alarms that are not normal; a change of states touches the rows that differ."""

    def __init__(self, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colours = colours
        self.rows: tuple[AlarmRow, ...] = ()
        self.now_ns = 0

    def replace(self, rows: Sequence[AlarmRow], now_ns: int) -> None:
        """Show other rows. The same alarms in the same order keep their places; only what differs is told."""
        rows, self.now_ns = tuple(rows), now_ns
        if [row.id for row in rows] != [row.id for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        differs = [i for i, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
        self.rows = rows
        for i in differs:
            self.dataChanged.emit(self.index(i, 0), self.index(i, len(HEADINGS) - 1))

    def tick(self, now_ns: int) -> None:
        """Show ages as they are now."""
        self.now_ns = now_ns
        if self.rows:
            self.dataChanged.emit(self.index(0, SINCE), self.index(len(self.rows) - 1, SINCE))

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        return None

    def since(self, row: AlarmRow) -> str:
        """Return when an alarm was raised and how long ago that is."""
        return age_text(max(self.now_ns - row.raised_ns, 0) / NS) if row.raised_ns else ""

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if column == PRIORITY:
                return f"Priority {row.priority}" if role == Qt.ItemDataRole.AccessibleTextRole else None
            note = f" ({row.note})" if row.note else ""
            cells = (row.text + note, row.value, self.since(row), row.state, row.limit, row.tag, row.who)
            return cells[column - 1]
        if role == Qt.ItemDataRole.DecorationRole and column == PRIORITY:
            style = "full" if row.unacknowledged else "hollow"
            return badges.icon(row.priority, style, self.colours.name)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.id}\n{row.consequence}\n{row.operator_action}".strip()
        return None


class AlarmTable(QTableView):
    """The list: A acknowledges, R resets, S shelves, Enter goes there. Nothing here reaches the plant."""

    def __init__(self, model: AlarmModel, run: Callable[[str], None]) -> None:
        super().__init__()
        self._run = run
        self.setModel(model)
        dress_table(self, "Alarms")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalHeader().setDefaultSectionSize(max(self.verticalHeader().defaultSectionSize(), 26))
        for column, width in WIDTHS.items():
            self.setColumnWidth(column, width)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        command = {
            Qt.Key.Key_A: "ack",
            Qt.Key.Key_R: "reset",
            Qt.Key.Key_S: "shelve",
            Qt.Key.Key_Return: "go",
            Qt.Key.Key_Enter: "go",
        }.get(Qt.Key(event.key()))
        if plain and command is not None:
            self._run(command)
            return
        super().keyPressEvent(event)


class AlarmsPanel(QWidget):
    """List, detail and journal of the alarms of the world that is shown."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        go: Callable[[AlarmRow | None], None],
        hide: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._workspace, self._go, self._hide, self._say = workspace, go, hide, say
        self._following = False
        self.model = AlarmModel(colours, self)
        self.view = AlarmTable(self.model, self._command)
        self.journal = RowModel(_JOURNAL, colours, parent=self)
        self.journal_view = QTableView()
        self.journal_view.setModel(self.journal)
        dress_table(self.journal_view, "Alarm events of this session")
        header = self.journal_view.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for column, width in _JOURNAL_WIDTHS.items():
            self.journal_view.setColumnWidth(column, width)
        self._lay_out()
        self.empty = EmptyOver(self.view, "")
        self.no_events = EmptyOver(self.journal_view, _NO_EVENTS)
        self._late, self._ages = QTimer(self), QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(REFRESH_MS)
        self._late.timeout.connect(self.refresh)
        self._ages.setInterval(AGE_MS)
        self._ages.timeout.connect(self._tick)
        book = workspace.alarms
        book.changed.connect(self._changed)
        book.noted.connect(lambda _event: self._later())
        book.told.connect(say)
        book.chosen_changed.connect(self._follow)
        workspace.world_changed.connect(self.refresh)
        self.view.selectionModel().selectionChanged.connect(self._picked)
        self.view.doubleClicked.connect(lambda _index: self._command("go"))
        self.refresh()

    def _lay_out(self) -> None:
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Alarms or their journal")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.addTab("Alarms")
        self.tabs.addTab("Journal")
        self.search = Search("Search alarms", "Search alarms", lambda _text: self.refresh())
        self.filter = QComboBox()
        self.filter.setAccessibleName("Which alarms are listed")
        self.filter.addItems(FILTERS)
        self.filter.setMaximumWidth(150)
        self.search.setMaximumWidth(180)
        self.filter.currentIndexChanged.connect(lambda _i: self.refresh())
        self.acknowledge = QPushButton("Acknowledge (A)")
        self.acknowledge.setAccessibleName("Acknowledge the chosen alarms")
        self.acknowledge.clicked.connect(lambda: self._command("ack"))
        self.reset = QPushButton("Reset (R)")
        self.reset.setAccessibleName("Reset the chosen alarms")
        self.reset.clicked.connect(lambda: self._command("reset"))
        self.shelve = QPushButton()
        self.shelve.clicked.connect(lambda: self._command("shelve"))
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 4, 8, 4)
        bar.setSpacing(8)
        bar.addWidget(self.tabs)
        bar.addStretch(1)
        for widget in (self.search, self.filter, self.acknowledge, self.reset, self.shelve):
            bar.addWidget(widget)
        self.detail = label("", wrap=True, copyable=True)
        self.detail.setContentsMargins(10, 4, 10, 6)
        listed = QWidget()
        rows = QVBoxLayout(listed)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.view, 1)
        rows.addWidget(self.detail)
        self.pages = QStackedWidget()
        self.pages.addWidget(listed)
        self.pages.addWidget(self.journal_view)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(bar)
        around.addWidget(self.pages, 1)

    # ------------------------------------------------------------ book → list
    def _changed(self, _ids: frozenset[str]) -> None:
        self._later()

    def _later(self) -> None:
        if not self._late.isActive():
            self._late.start()

    def _listed(self) -> tuple[AlarmRow, ...]:
        words, which = self.search.text().lower().split(), self.filter.currentIndex()
        kept = (
            lambda _row: True,
            lambda row: row.unacknowledged,
            lambda row: row.active,
            lambda row: row.priority <= 2,  # noqa: PLR2004  critical and high
            lambda _row: True,
        )[which]
        book = self._workspace.alarms
        rows = (row for row in (book.hidden_rows() if which == HIDDEN else book.rows()) if kept(row))
        return tuple(r for r in rows if all(w in f"{r.text} {r.tag} {r.id}".lower() for w in words))

    def refresh(self) -> None:
        """Show the alarms as they are now."""
        rows = self._listed()
        self.model.replace(rows, self._workspace.mirror.t_ns)
        every = len(self._workspace.alarms.rows())
        self.tabs.setTabText(0, f"Alarms ({every})" if every else "Alarms")
        self.empty.set("" if rows else self._why_empty(every))
        self._tell_hidden()
        events = self._workspace.alarms.events
        self.journal.replace([self._event_row(event) for event in reversed(events)])
        self.no_events.set("" if events else _NO_EVENTS)
        self._follow()
        self._offer()

    def _tell_hidden(self) -> None:
        n = len(self._workspace.alarms.hidden)
        self.filter.setItemText(HIDDEN, f"{FILTERS[HIDDEN]} ({n})" if n else FILTERS[HIDDEN])

    def show_hidden(self) -> None:
        """List what bothers nobody."""
        self.tabs.setCurrentIndex(0)
        self.filter.setCurrentIndex(HIDDEN)

    def _why_empty(self, every: int) -> str:
        ws = self._workspace
        if self.filter.currentIndex() == HIDDEN:
            return "No alarm is shelved, suppressed or out of service."
        if every:
            return "No alarm fits the search and the filter."
        if ws.world_state is WorldState.NONE:
            return "No alarms: a bare scene has no telemetry."
        if ws.world_state is not WorldState.LIVE:
            return "Alarms are not being evaluated: the world is silent."
        if hidden := ws.alarms.hidden_text():
            return f"No active alarms. {hidden}."
        if not ws.alarms.specs:
            return "No alarms are defined. They are written in rules.toml, under [[alarm]]."
        last = ws.alarms.events[-1].t_ns if ws.alarms.events else 0
        return "No active alarms." + (f" Last: {clock_text(last)}." if last else "")

    def _event_row(self, event: AlarmEvent) -> Row:
        spec = self._workspace.alarms.specs.get(event.id)
        name = (spec.title or spec.tag) if spec is not None else event.id
        change = f"{WORDS[event.before]} → {WORDS[event.after]}" if event.before != event.after else ""
        text = event.text or event.event.lower()
        comment = f" “{event.comment}”" if event.comment else ""
        return Row((clock_text(event.t_ns), name, text + comment, change, event.actor))

    def _tick(self) -> None:
        self.model.tick(self._workspace.mirror.t_ns)

    def _follow(self) -> None:
        """Mark what is chosen in the book."""
        chosen = set(self._workspace.alarms.chosen)
        self._following = True
        selection = QItemSelection()
        for i, row in enumerate(self.model.rows):
            if row.id in chosen:
                selection.select(self.model.index(i, 0), self.model.index(i, WHO))
        flag = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        self._following = False
        self._tell()

    # ------------------------------------------------------------ list → book
    def chosen(self) -> tuple[AlarmRow, ...]:
        """Return the lines that are selected, in their order."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return tuple(self.model.rows[i] for i in rows if i < len(self.model.rows))

    def _picked(self) -> None:
        if not self._following:
            self._workspace.alarms.choose([row.id for row in self.chosen()])
            self._tell()

    def _tell(self) -> None:
        """Show what an operator must know of the alarm chosen last."""
        rows = self.chosen()
        self.detail.setVisible(bool(rows))
        if rows:
            row = rows[-1]
            parts = [f"{row.text}: {row.state}, raised at {clock_text(row.raised_ns)}."]
            if row.presentation is not Presentation.SHOWN:
                parts.append(row.note)
            if row.consequence:
                parts.append(f"If ignored: {row.consequence}")
            if row.operator_action:
                parts.append(f"What to do: {row.operator_action}")
            self.detail.setText("\n".join(parts))
        self._offer()

    def _offer(self) -> None:
        why = may_not_act(self._workspace)
        rows = self.chosen()
        waits, latched = any(r.unacknowledged for r in rows), any(r.latched for r in rows)
        self.acknowledge.setEnabled(not why and waits)
        self.acknowledge.setToolTip(why or ("" if waits else "Nothing that waits is selected."))
        self.reset.setEnabled(not why and latched)
        self.reset.setToolTip(why or ("" if latched else "Nothing latched is selected."))
        hidden = any(r.presentation is not Presentation.SHOWN for r in rows)
        self.shelve.setText("Bring back (S)" if hidden else "Shelve… (S)")
        self.shelve.setAccessibleName(
            "Bring the chosen alarms back" if hidden else "Shelve the chosen alarms"
        )
        self.shelve.setEnabled(not why and bool(rows))
        self.shelve.setToolTip(why or ("" if rows else "No alarm is selected."))

    def _command(self, name: str) -> None:
        rows = self.chosen()
        if name == "go":
            self._go(rows[-1] if rows else None)
            return
        if why := may_not_act(self._workspace) or ("" if rows else "No alarm is selected."):
            self._say(why)
            return
        if name == "shelve":
            hidden = any(row.presentation is not Presentation.SHOWN for row in rows)
            self._hide("show" if hidden else "shelve")
            return
        ids = [row.id for row in rows]
        book = self._workspace.alarms
        asked = book.acknowledge(ids) if name == "ack" else book.reset(ids)
        if not asked:
            self._say("Nothing to acknowledge." if name == "ack" else "Nothing to reset.")

    # ------------------------------------------------------------ Qt
    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self._ages.start()
        self.refresh()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._ages.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.colours = self.journal.colours = colours
        self.view.viewport().update()
