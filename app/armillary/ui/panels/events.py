"""Events dock: what happened, newest first, and the problems that are open now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
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

from armillary.model.clock import Clock
from armillary.model.frame import Event
from armillary.session.author_actions import may_not_author
from armillary.session.journal import JournalLine, line_of_event
from armillary.session.rows import EventRow, event_row
from armillary.session.workspace import Workspace
from armillary.ui import icons
from armillary.ui.journal_page import LEVELS, JournalPage
from armillary.ui.pieces import EmptyOver, IconButton, Search
from armillary.ui.theme import Colours

KEPT = 2000
TIME, SOURCE, TEXT, REMEDY = range(4)
EVENTS, PROBLEMS, JOURNAL = range(3)
_HEADINGS = (
    ("Time", "From", "What happened", "What to do"),
    ("Code", "Where", "What is wrong", "What to do"),
)
_GRAVITY = {"info": 0, "warning": 1, "error": 2}
_LEVELS = {"info": "info", "warning": "warning", "error": "error"}
_EMPTY = ("Nothing has happened yet. Link changes, orders and faults appear here.", "No problems.")
_ROW_PADDING = 7
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()


class EventModel(QAbstractTableModel):
    """Rows of four texts and a level."""

    def __init__(self, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colours = colours
        self.kind = EVENTS
        self.rows: list[EventRow] = []

    def replace(self, kind: int, rows: Sequence[EventRow]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.kind, self.rows = kind, list(rows)
        self.endResetModel()

    def add(self, row: EventRow) -> None:
        """Put a row on top; the oldest go beyond the limit."""
        self.beginInsertRows(QModelIndex(), 0, 0)
        self.rows.insert(0, row)
        self.endInsertRows()
        if len(self.rows) > KEPT:
            self.beginRemoveRows(QModelIndex(), KEPT, len(self.rows) - 1)
            del self.rows[KEPT:]
            self.endRemoveRows()

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(_HEADINGS[0])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADINGS[self.kind][section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (row.time, row.source, row.text, row.remedy)[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == TIME:
            loud = row.level != "info"
            colour = self.colours.text if loud else self.colours.edge
            return icons.icon(_LEVELS.get(row.level, "info"), colour)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.text}\n{row.remedy}".strip()
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.level}: {row.time}, {row.source}, {row.text} {row.remedy}"
        return None


class EventsPanel(QWidget):
    """Events and problems, one list each."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        *,
        copy: Callable[[str], None],
        replay: Callable[[int], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._workspace, self._copy_text = workspace, copy
        self.model = EventModel(colours, self)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Events or problems")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.addTab("Events")
        self.tabs.addTab("Problems")
        self.tabs.addTab("Journal")
        self.tabs.currentChanged.connect(self._paged)
        self.search = Search("Search events", "Search events and problems", lambda _text: self.reload())
        self.search.setMaximumWidth(200)
        self.level = QComboBox()
        self.level.setAccessibleName("How grave")
        self.level.addItems([text for text, _ in LEVELS["events"]])
        self.level.currentIndexChanged.connect(lambda _i: self.reload())
        self.copy = IconButton("copy", "Copy the selected rows", self._copy)
        self.mend = QPushButton("Mend")
        self.mend.setToolTip("Mend what of the problems cannot be mended wrongly; one step of undo")
        self.mend.clicked.connect(lambda _checked=False: workspace.refinding.mend())
        self.mend.hide()
        self.view = QTableView()
        self.view.setModel(self.model)
        self.view.setAccessibleName("Events and problems")
        self.view.setShowGrid(False)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setTabKeyNavigation(False)
        self.view.setWordWrap(False)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setMinimumSectionSize(1)
        self.view.verticalHeader().setDefaultSectionSize(self.view.fontMetrics().height() + _ROW_PADDING)
        header = self.view.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        for column, width in ((TIME, 100), (SOURCE, 150), (REMEDY, 300)):
            self.view.setColumnWidth(column, width)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 2, 6, 0)
        bar.addWidget(self.tabs)
        bar.addStretch(1)
        for widget in (self.mend, self.search, self.level, self.copy):
            bar.addWidget(widget)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        self.history = JournalPage(
            workspace.event_journal,
            colours,
            now_ns=clock.now_ns,
            instead=self._session_lines,
            trend=lambda _alarm, _t_ns: None,
            replay=replay,
            copy=copy,
            say=say,
            export=workspace.journal_export(workspace.event_journal),
            until=workspace.record_until,
        )
        workspace.frame_arrived.connect(lambda _slots: self.history.follow())
        self.pages = QStackedWidget()
        bar.insertWidget(2, self.history.tools, 1)
        self.history.tools.hide()
        self.pages.addWidget(self.view)
        self.pages.addWidget(self.history)
        rows.addWidget(self.pages, 1)
        self.empty = EmptyOver(self.view, _EMPTY[EVENTS])
        self.set_colours(colours)
        workspace.event_added.connect(self._added)
        workspace.problems_changed.connect(self._problems)
        workspace.events_changed.connect(self.reload)
        workspace.project_changed.connect(self.reload)
        workspace.project_changed.connect(self.history.forget)
        workspace.visited.connect(self.reload)
        self.reload()

    def _added(self, event: Event) -> None:
        row = event_row(event)
        if self.tabs.currentIndex() == EVENTS and self._fits(row):
            self.model.add(row)
            self.empty.set("")

    def _paged(self, page: int) -> None:
        is_journal = page == JOURNAL
        self.pages.setCurrentIndex(int(is_journal))
        for widget in (self.search, self.level):
            widget.setVisible(not is_journal)
        self.history.tools.setVisible(is_journal)
        self._offer()
        if not is_journal:
            self.reload()

    def _offer(self) -> None:
        """Offer to mend where the problems are shown and some can be."""
        can = self._workspace.refinding.can_mend() if self.tabs.currentIndex() == PROBLEMS else 0
        self.mend.setText(f"Mend {can}")
        self.mend.setVisible(can > 0 and not may_not_author(self._workspace))

    def _fits(self, row: EventRow) -> bool:
        """Return whether a row has all words of the search and is grave enough."""
        levels = LEVELS["events"][self.level.currentIndex()][1]
        if levels and _GRAVITY.get(row.level, 0) not in levels:
            return False
        said = f"{row.source} {row.text} {row.remedy}".lower()
        return all(word in said for word in self.search.text().lower().split())

    def _session_lines(self) -> tuple[JournalLine, ...]:
        events = reversed(self._workspace.events)
        return tuple(line_of_event(event, _GRAVITY.get(event.level, 0)) for event in events)

    def _problems(self) -> None:
        n = len(self._workspace.problems)
        self.tabs.setTabText(PROBLEMS, f"Problems ({n})" if n else "Problems")
        self._offer()
        if self.tabs.currentIndex() == PROBLEMS:
            self.reload()

    def reload(self) -> None:
        """Fill the list that is chosen."""
        kind = self.tabs.currentIndex()
        if kind == JOURNAL:
            return
        if kind == EVENTS:
            rows = [event_row(event) for event in reversed(self._workspace.events)]
        else:
            rows = [EventRow(p.code, p.severity, p.where, p.what, p.remedy) for p in self._workspace.problems]
        kept = [row for row in rows if self._fits(row)]
        self.model.replace(kind, kept)
        self.empty.set("" if kept else "Nothing fits the search." if rows else _EMPTY[kind])

    def _copy(self) -> None:
        if self.tabs.currentIndex() == JOURNAL:
            self.history.copy()
            return
        chosen = [self.model.rows[i.row()] for i in self.view.selectionModel().selectedRows()]
        text = "\n".join(f"{r.time}\t{r.level}\t{r.source}\t{r.text}\t{r.remedy}" for r in chosen)
        if text:
            self._copy_text(text)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.colours = colours
        self.copy.set_colours(colours)
        self.history.set_colours(colours)
        self.view.viewport().update()
