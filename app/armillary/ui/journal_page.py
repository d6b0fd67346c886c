"""A journal as a page: search and time above, lines below, a hundred thousand of them as smooth as ten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.alarm import ADVISORY_MARK
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.times import parse_time
from armillary.session.journal import Journal, JournalLine, JournalSearch
from armillary.session.journal_file import Export
from armillary.session.rows import clock_text
from armillary.ui import badges, icons
from armillary.ui.journal_export import ExportButton
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.row_model import dress_table
from armillary.ui.theme import Colours

HEADINGS = {
    "alarms": ("Time", "Alarm", "What happened", "From → to", "Who"),
    "events": ("Time", "From", "What happened", "What to do", ""),
}
_WIDTHS = {0: 146, 3: 200, 4: 70}
LEVELS = {
    "alarms": (
        ("Every priority", ()),
        ("Priority 1", (1,)),
        ("Priority 1 and 2", (1, 2)),
        ("1 to 3", (1, 2, 3)),
    ),
    "events": (("Everything", ()), ("Warnings and errors", (1, 2)), ("Errors", (2,))),
}
SPANS = (
    ("All time", 0),
    ("Last hour", 3_600),
    ("Last 8 hours", 28_800),
    ("Last day", 86_400),
    ("Last week", 604_800),
)
LOOK_MS = 1000
COMING = "…"
Index = QModelIndex | QPersistentModelIndex
_NOTHING = QModelIndex()
_EVENT_ICONS = ("info", "warning", "error")
_TYPED = -1


class JournalModel(QAbstractTableModel):
    """Lines of a Journal; what this session knows stands in where nobody reads the record."""

    def __init__(self, journal: Journal, colours: Colours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.journal, self.colours = journal, colours
        self.instead: tuple[JournalLine, ...] | None = None  # shown while there is no record
        self._headings = HEADINGS[journal.of]
        journal.reset.connect(self._reset)
        journal.grown.connect(self._grown)
        journal.filled.connect(self._filled)

    def show_instead(self, lines: tuple[JournalLine, ...] | None) -> None:
        """Show these lines while nobody reads the record; None: the record again."""
        if lines != self.instead:
            self.beginResetModel()
            self.instead = lines
            self.endResetModel()

    def _reset(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def _grown(self, n: int) -> None:
        if self.instead is None:
            self.beginInsertRows(QModelIndex(), 0, n - 1)
            self.endInsertRows()

    def _filled(self, first: int, last: int) -> None:
        if self.instead is None and self.rowCount():
            bottom = min(last, self.rowCount() - 1)
            self.dataChanged.emit(self.index(first, 0), self.index(bottom, len(self._headings) - 1))

    def line(self, row: int) -> JournalLine | None:
        """Return a line, None while it is on its way."""
        return self.instead[row] if self.instead is not None else self.journal.line(row)

    def time(self, row: int) -> int:
        """Return when a line was written."""
        return self.instead[row].t_ns if self.instead is not None else self.journal.time(row)

    def rowCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802  Qt's name
        if parent.isValid():
            return 0
        return len(self.instead) if self.instead is not None else len(self.journal)

    def columnCount(self, parent: Index = _NOTHING) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Return a heading. Any: Qt's own contract for item data."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows. Any: Qt's own contract for item data."""
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DecorationRole:
            return self._mark(row) if column == 0 else None
        if role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            return None
        if column == 0:
            return moment_text(self.time(row))
        line = self.line(row)
        if line is None:
            return COMING
        text = (line.name, line.text, line.change, line.who)[column - 1]
        return (
            text
            if role != Qt.ItemDataRole.ToolTipRole
            else f"{line.name}: {line.text}\n{line.change}".strip()
        )

    def _mark(self, row: int) -> Any:  # Any: Qt's own contract
        level = self.instead[row].level if self.instead is not None else self.journal.level(row)
        if self.journal.of == "alarms":
            line = self.line(row)
            mark = ADVISORY_MARK if line is not None and line.advisory else level
            return badges.icon(mark, "full", self.colours.name)
        colour = self.colours.text if level else self.colours.edge
        return icons.icon(_EVENT_ICONS[min(level, 2)], colour)


def moment_text(t_ns: int) -> str:
    """Return a local day and time to the tenth of a second, `22 Nov 06:14:03.2`."""
    stamp = datetime.fromtimestamp(t_ns // NS, UTC).astimezone()
    return f"{stamp:%-d %b %H:%M:%S}.{t_ns % NS // 100_000_000}"


class JournalPage(QWidget):
    """Search, span and priority; the lines; and what can be done with one: its trend, its replay, a copy."""

    def __init__(
        self,
        journal: Journal,
        colours: Colours,
        *,
        now_ns: Callable[[], int],
        instead: Callable[[], tuple[JournalLine, ...]],
        trend: Callable[[str, int], None],
        replay: Callable[[int], None],
        copy: Callable[[str], None],
        say: Callable[[str], None],
        export: Export,
        until: Callable[[], int] = lambda: 0,
    ) -> None:
        """`trend` gets an alarm's id and a time; `instead` what is known without a record.

        until: up to which time the world that is shown knows the record, 0 = all of it.
        """
        super().__init__()
        self.journal, self._instead, self._until = journal, instead, until
        self._now_ns: Callable[[], int] = lambda: until() or now_ns()
        self.export = ExportButton(journal, export, say)
        self._trend, self._replay, self._copy, self._say = trend, replay, copy, say
        self._is_read = False
        self.model = JournalModel(journal, colours, self)
        self.view = QTableView()
        self.view.setModel(self.model)
        name = "Journal of alarms" if journal.of == "alarms" else "Journal of events"
        dress_table(self.view, name)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        header = self.view.horizontalHeader()
        header.setStretchLastSection(False)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            self.view.setColumnWidth(column, width)
        if journal.of == "events":
            self.view.setColumnHidden(4, True)
        self._lay_out()
        self.empty = EmptyOver(self.view, "")
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._looked)
        journal.reset.connect(self._tell)
        journal.grown.connect(self._stay)
        self.view.selectionModel().selectionChanged.connect(self._offer)
        self.view.doubleClicked.connect(
            lambda _index: self._run("trend" if journal.of == "alarms" else "replay")
        )
        self._offer()

    def _lay_out(self) -> None:
        of = self.journal.of
        self.search = Search(
            "Search: text, alarm, who" if of == "alarms" else "Search: text, source",
            "Search the journal",
            lambda _text: self.look_for(),
        )
        self.search.setMinimumWidth(80)
        self.search.setMaximumWidth(220)
        self.span = QComboBox()
        self.span.setAccessibleName("Which time of the journal")
        for text, seconds in SPANS:
            self.span.addItem(text, seconds)
        self.span.addItem("From …", _TYPED)
        self.from_time = QLineEdit()
        self.from_time.setAccessibleName("From when")
        self.from_time.setPlaceholderText("06:00, -2h, yesterday 06:00")
        self.from_time.setMaximumWidth(180)
        self.from_time.hide()
        self.level = QComboBox()
        self.level.setAccessibleName("Which priorities" if of == "alarms" else "How grave")
        for text, levels in LEVELS[of]:
            self.level.addItem(text, levels)
        self.count = label("", "muted")
        self.trend = QPushButton("Trend")
        self.trend.setAccessibleName("Trend of the alarm's tag at this moment")
        self.replay = QPushButton("Replay")
        self.replay.setAccessibleName("Show the plant as it was at this moment")
        self.trend.clicked.connect(lambda _on=False: self._run("trend"))
        self.replay.clicked.connect(lambda _on=False: self._run("replay"))
        self.trend.setVisible(of == "alarms")
        self.span.currentIndexChanged.connect(lambda _i: self._spanned())
        self.level.currentIndexChanged.connect(lambda _i: self.look_for())
        self.from_time.returnPressed.connect(self.look_for)
        self.tools = QWidget()  # whoever holds the page gives them a place
        bar = QHBoxLayout(self.tools)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.setSpacing(6)
        for widget in (self.search, self.span, self.from_time, self.level, self.count):
            bar.addWidget(widget)
        bar.addStretch(1)
        bar.addWidget(self.trend)
        bar.addWidget(self.replay)
        bar.addWidget(self.export)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.view, 1)

    # ------------------------------------------------------------ what is searched
    def _spanned(self) -> None:
        is_typed = self.span.currentData() == _TYPED
        self.from_time.setVisible(is_typed)
        if is_typed:
            self.from_time.setFocus()
        else:
            self.look_for()

    def look_for(self) -> None:
        """Search for what the fields say."""
        span_s, from_ns = int(self.span.currentData()), 0
        if span_s == _TYPED:
            try:
                from_ns = parse_time(self.from_time.text(), self._now_ns())
            except Fault as fault:
                self._say(f"{fault.what} {fault.remedy}")
                return
        elif span_s:
            from_ns = self._now_ns() - span_s * NS
        levels = tuple(int(level) for level in self.level.currentData() or ())
        self._is_read = True
        self.journal.look_for(JournalSearch(text=self.search.text(), from_ns=from_ns, levels=levels))

    def show_alarm(self, text: str) -> None:
        """Search for one alarm."""
        self.search.setText(text)
        self.look_for()

    def forget(self) -> None:
        """Something else is open: read it anew when it is looked at."""
        self._is_read = False
        self.journal.begin()
        if self.isVisible():
            self.look_for()

    def follow(self) -> None:
        """Show the lines up to the time that is shown, while somebody looks."""
        if self.isVisible() and self._until() != self.journal.until_ns:
            self.journal.show_until(self._until())
            self._tell()

    def _looked(self) -> None:
        self.journal.show_until(self._until())
        if not self._is_read or self.journal.trouble:
            self.look_for()  # the recorder may be there by now
        else:
            self.journal.look()
        self._tell()

    # ------------------------------------------------------------ what is shown
    def _tell(self) -> None:
        trouble = self.journal.trouble
        self.model.show_instead(self._instead() if trouble else None)
        n = self.model.rowCount()
        more = "" if self.journal.is_whole else ", the newest ones"
        bound = f", up to {clock_text(self.journal.until_ns)}" if self.journal.until_ns else ""
        self.count.setText(
            f"{n:,}".replace(",", "\u202f") + more + bound if not trouble else "this session only"
        )
        self.count.setToolTip(trouble or f"{n} lines fit{bound and ', the time that is shown'}")
        self.export.tell()
        self.empty.set("" if n else self._why_empty(trouble))
        self._offer()

    def _why_empty(self, trouble: str) -> str:
        if trouble:
            return f"Nothing has happened since this desk connected. The record is not read: {trouble}"
        search = self.journal.search
        return "Nothing fits the search." if search != JournalSearch() else "Nothing is recorded yet."

    def _stay(self, n: int) -> None:
        """Keep the lines that are read where they are while others come on top."""
        bar = self.view.verticalScrollBar()
        if bar.value() > 0:
            bar.setValue(bar.value() + n)
        self._tell()

    def _chosen(self) -> list[int]:
        return sorted(index.row() for index in self.view.selectionModel().selectedRows())

    def _offer(self) -> None:
        rows = self._chosen()
        self.replay.setEnabled(bool(rows))
        line = self.model.line(rows[0]) if rows else None
        self.trend.setEnabled(line is not None and bool(line.alarm))
        why = "" if rows else "No line is chosen."
        self.trend.setToolTip(why or "The trend of the alarm's tag at this moment")
        self.replay.setToolTip(why or "The plant as it was at this moment")

    def _run(self, what: str) -> None:
        rows = self._chosen()
        if not rows:
            self._say("No line is chosen.")
            return
        t_ns = self.model.time(rows[0])
        if what == "replay":
            self._replay(t_ns)
            return
        line = self.model.line(rows[0])
        if line is not None and line.alarm:
            self._trend(line.alarm, t_ns)

    def copy(self) -> None:
        """Copy the chosen lines."""
        lines = [(self.model.time(row), self.model.line(row)) for row in self._chosen()]
        text = "\n".join(
            "\t".join((moment_text(t), line.name, line.text, line.change, line.who))
            for t, line in lines
            if line is not None
        )
        if text:
            self._copy(text)

    # ------------------------------------------------------------ Qt
    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self._look.start()
        self._looked()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._look.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.colours = colours
        self.view.viewport().update()
