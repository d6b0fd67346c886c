"""Alarms dock: what is not normal, what is chosen in detail, and the journal of all that was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from PySide6.QtCore import QItemSelection, QItemSelectionModel, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from armillary.model.alarm import Presentation
from armillary.model.clock import Clock
from armillary.session.alarm_actions import may_not_act
from armillary.session.alarm_list import EVERYTHING, Folding, listing
from armillary.session.alarm_row import AlarmRow
from armillary.session.journal import JournalLine, line_of
from armillary.session.rows import clock_text
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace, WorldState
from armillary.ui.alarm_detail import AlarmDetail
from armillary.ui.alarm_filter import HIDDEN, AlarmFilter
from armillary.ui.alarm_model import PRIORITY, SINCE, TEXT, VALUE, WHO, AlarmModel, AlarmTable
from armillary.ui.comment_sheet import CommentSheet
from armillary.ui.journal_page import JournalPage
from armillary.ui.pieces import EmptyOver, label
from armillary.ui.server_alarm import ServerMenu
from armillary.ui.theme import Colours

__all__ = ["HIDDEN", "PRIORITY", "SINCE", "TEXT", "VALUE", "WHO", "AlarmsPanel"]

REFRESH_MS, AGE_MS = 100, 1000
SHARE = 20  # a refresh that took long is not done again before so many times that
LISTED, JOURNAL = range(2)


class AlarmDesk(Protocol):
    """What the panel needs of the window."""

    def say(self, text: str) -> None: ...
    def copy(self, text: str) -> None: ...
    def hide_alarms(self, how: str) -> None: ...
    def go_to_alarm(self, row: AlarmRow | None) -> None: ...
    def trend_at(self, slots: Sequence[int], t_ns: int) -> None: ...
    def replay_at(self, t_ns: int) -> None: ...
    def show_limits(self, name: str) -> None: ...


class AlarmsPanel(QWidget):
    """List, detail and journal of the alarms of the world that is shown."""

    def __init__(
        self, workspace: Workspace, clock: Clock, colours: Colours, settings: Settings, desk: AlarmDesk
    ) -> None:
        super().__init__()
        self._workspace, self._clock, self._desk = workspace, clock, desk
        self._following = False
        self._folding = Folding()
        self.model = AlarmModel(lambda: workspace.alarms, colours, self)
        self.view = AlarmTable(self.model, self._command)
        self.strip = AlarmDetail(self._command)
        self.detail = self.strip.text
        self.server = ServerMenu(workspace, self.strip.buttons["server"], desk.say, self)
        self.filter_bar = AlarmFilter(workspace, settings, self.refresh)
        self.filter, self.search = self.filter_bar.which, self.filter_bar.search
        self.history = JournalPage(
            workspace.journal,
            colours,
            now_ns=clock.now_ns,
            instead=self._session_lines,
            trend=self._trend_of,
            replay=desk.replay_at,
            copy=desk.copy,
            say=desk.say,
            export=workspace.journal_export(workspace.journal),
            until=workspace.record_until,
        )
        workspace.frame_arrived.connect(lambda _slots: self.history.follow())
        self.journal = self.history.model
        self._lay_out()
        self.empty = EmptyOver(self.view, "")
        self._late, self._ages = QTimer(self), QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(REFRESH_MS)
        self._late.timeout.connect(self.refresh)
        self._ages.setInterval(AGE_MS)
        self._ages.timeout.connect(self._tick)
        self.model.sorted_by = self.filter_bar.sort
        book = workspace.alarms
        book.changed.connect(lambda _ids: self._later())
        book.told.connect(desk.say)
        book.chosen_changed.connect(self._follow)
        workspace.world_changed.connect(self._later)
        workspace.project_changed.connect(self.history.forget)
        self.view.selectionModel().selectionChanged.connect(self._picked)
        self.view.doubleClicked.connect(lambda _index: self._command("go"))
        self.view.headed.connect(self._fold)
        self.refresh()

    def _lay_out(self) -> None:
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Alarms or their journal")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.addTab("Alarms")
        self.tabs.addTab("Journal")
        self.acknowledge = self._button("Acknowledge", "Acknowledge the chosen alarms", "ack")
        self.seen = self._button("All seen", "Acknowledge the alarms on the screen", "ack-seen")
        self.reset = self._button("Reset", "Reset the chosen alarms", "reset")
        self.shelve = self._button("", "", "shelve")
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 4, 8, 4)
        bar.setSpacing(6)
        bar.addWidget(self.tabs)
        self.tools = QWidget()
        tools = QHBoxLayout(self.tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(6)
        tools.addStretch(1)
        for widget in (self.filter_bar, self.acknowledge, self.seen, self.reset, self.shelve):
            tools.addWidget(widget)
        bar.addWidget(self.tools, 1)
        bar.addWidget(self.history.tools, 1)
        self.history.tools.hide()
        self.flood = QFrame()
        self.flood.setProperty("role", "banner")
        self.flood.setAccessibleName("Alarm flood")
        self.flood_text = label("", "strong")
        self.unfold = QPushButton("Unfold")
        self.unfold.setAccessibleName("Unfold the alarms that the flood folded")
        self.unfold.clicked.connect(lambda _on=False: self._unfold())
        line = QHBoxLayout(self.flood)
        line.setContentsMargins(10, 2, 8, 2)
        line.addWidget(self.flood_text, 1)
        line.addWidget(self.unfold)
        self.flood.hide()
        listed = QWidget()
        rows = QVBoxLayout(listed)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.flood)
        rows.addWidget(self.view, 1)
        rows.addWidget(self.strip)
        self.pages = QStackedWidget()
        self.pages.addWidget(listed)
        self.pages.addWidget(self.history)
        self.tabs.currentChanged.connect(self._paged)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(bar)
        around.addWidget(self.pages, 1)

    def _button(self, text: str, name: str, command: str) -> QPushButton:
        out = QPushButton(text)
        out.setAccessibleName(name)
        out.clicked.connect(lambda _on=False: self._command(command))
        return out

    def _paged(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.tools.setVisible(page == LISTED)
        self.history.tools.setVisible(page == JOURNAL)

    # ------------------------------------------------------------ book → list
    def _later(self) -> None:
        if not self._late.isActive():
            self._late.start()

    def refresh(self) -> None:
        """Show the alarms as they are now. A list that is long is shown anew less often."""
        began_ns = self._clock.now_mono_ns()
        book, view = self._workspace.alarms, self.filter_bar.view
        flood = book.nuisance.flood_text
        if bool(flood) != self._folding.flood:
            self._folding = Folding(flood=bool(flood))
        found = listing(book, view, self._folding)
        self.model.replace(found, self._workspace.mirror.t_ns)
        every = len(book.table.order())
        self.tabs.setTabText(0, f"Alarms ({every})" if every else "Alarms")
        self.empty.set("" if len(found.line) else self._why_empty(every))
        self._tell_flood(flood, sum(head.folded for head in found.heads))
        self.filter_bar.name_hidden(len(book.hidden))
        self.filter_bar.name_outside(book.outside())
        self._follow()
        took_ms = (self._clock.now_mono_ns() - began_ns) // 1_000_000
        self._late.setInterval(max(REFRESH_MS, SHARE * took_ms))

    def _tell_flood(self, flood: str, folded: int) -> None:
        self.flood.setVisible(bool(flood))
        if flood:
            more = f" · {folded} of low priority folded under the first of their asset" if folded else ""
            self.flood_text.setText(flood + more)
            self.unfold.setVisible(bool(folded))

    def _unfold(self) -> None:
        keys = frozenset(head.key for head in self.model.listing.heads)
        self._folding = replace(self._folding, opened=keys, closed=frozenset())
        self.refresh()

    def _fold(self, line: int) -> None:
        head = self.model.head(line)
        if head is not None:
            self._folding = self._folding.toggled(head)
            self.refresh()

    def show_hidden(self) -> None:
        """List what bothers nobody."""
        self.tabs.setCurrentIndex(LISTED)
        self.filter.setCurrentIndex(HIDDEN)

    def show_alarm(self, name: str) -> None:
        """Show the line of an alarm, or what the journal has of it while it is normal."""
        book = self._workspace.alarms
        row = book.table.row_of.get(name, -1)
        if row < 0 or book.row(name) is None:
            spec = book.specs.get(name)
            self.show_journal((spec.title or spec.tag) if spec is not None else name)
            return
        self.tabs.setCurrentIndex(LISTED)
        self.filter_bar.show_view(EVERYTHING)
        book.choose((name,))
        self.refresh()
        for line in self.model.lines_of(np.array([row])):
            self.view.scrollTo(self.model.index(line, 0))

    def show_journal(self, search: str = "") -> None:
        """Show the journal, of one alarm where there is a search for it."""
        self.tabs.setCurrentIndex(JOURNAL)
        if search:
            self.history.show_alarm(search)

    def _why_empty(self, every: int) -> str:
        ws = self._workspace
        if self.filter_bar.view.which == "hidden":
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

    def _session_lines(self) -> tuple[JournalLine, ...]:
        book = self._workspace.alarms
        return tuple(line_of(event, book.specs) for event in reversed(book.events))

    def _tick(self) -> None:
        self.model.tick(self._workspace.mirror.t_ns)
        self.strip.tick(self._workspace.mirror.t_ns)

    def _follow(self) -> None:
        """Mark what is chosen in the book."""
        book = self._workspace.alarms
        rows = np.array([book.table.row_of.get(name, -1) for name in book.chosen], np.int64)
        selection = QItemSelection()
        for line in self.model.lines_of(rows[rows >= 0]) if len(rows) else ():
            selection.select(self.model.index(line, 0), self.model.index(line, WHO))
        self._following = True
        flag = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        self._following = False
        self._tell()

    # ------------------------------------------------------------ list → book
    def chosen(self) -> tuple[AlarmRow, ...]:
        """Return the alarms that are selected, in their order."""
        lines = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        found = (self.model.alarm(line) for line in lines if line < self.model.rowCount())
        return tuple(row for row in found if row is not None)

    def _seen(self) -> tuple[AlarmRow, ...]:
        """Return the alarms on the screen that wait, as they are shown there."""
        found = (self.model.alarm(line) for line in self.view.seen())
        return tuple(row for row in found if row is not None and row.unacknowledged)

    def _picked(self) -> None:
        if not self._following:
            self._workspace.alarms.choose([row.id for row in self.chosen()])
            self._tell()

    def _tell(self) -> None:
        """Show what an operator must know of the alarm chosen last."""
        rows = self.chosen()
        self.strip.show_row(rows[-1] if rows else None, len(rows), self._workspace.mirror.t_ns)
        self.server.follow(rows[-1].id if rows else "")
        self._offer(rows)

    def _offer(self, rows: tuple[AlarmRow, ...]) -> None:
        why = may_not_act(self._workspace)
        waits, latched = any(r.unacknowledged for r in rows), any(r.latched for r in rows)
        self.acknowledge.setEnabled(not why and waits)
        self.acknowledge.setToolTip(why or ("A" if waits else "Nothing that waits is selected."))
        waiting = bool(self._workspace.alarms.counts().to_acknowledge)
        self.seen.setEnabled(not why and waiting and self.filter_bar.view.which != "hidden")
        self.seen.setToolTip(
            why
            or (
                "Shift+A: those on the screen now, not what is folded or scrolled away."
                if waiting
                else "None waits."
            )
        )
        self.reset.setEnabled(not why and latched)
        self.reset.setToolTip(why or ("R" if latched else "Nothing latched is selected."))
        hidden = any(r.presentation is not Presentation.SHOWN for r in rows)
        self.shelve.setText("Bring back" if hidden else "Shelve…")
        self.shelve.setAccessibleName(
            "Bring the chosen alarms back" if hidden else "Shelve the chosen alarms"
        )
        self.shelve.setEnabled(not why and bool(rows))
        self.shelve.setToolTip(why or ("S" if rows else "No alarm is selected."))
        self.strip.buttons["comment"].setEnabled(not why and any(row.occurrence for row in rows))

    def _command(self, name: str) -> None:
        rows = self.chosen()
        match name:
            case "go":
                self._desk.go_to_alarm(rows[-1] if rows else None)
            case "trend" if rows:
                self._trend_of(rows[-1].id, rows[-1].raised_ns)
            case "journal" if rows:
                self.show_journal(rows[-1].text)
            case "procedure" if rows:
                self._workspace.guide.open(rows[-1].procedure, self._desk.say)
            case "limits" if rows:
                self._desk.show_limits(rows[-1].id)
            case _:
                self._act(name, rows)

    def _act(self, name: str, rows: tuple[AlarmRow, ...]) -> None:
        if why := may_not_act(self._workspace):
            self._desk.say(why)
            return
        book = self._workspace.alarms
        if name == "ack-seen":
            n = book.acknowledge_shown(self._seen())
            self._desk.say(f"{n} alarms acknowledged." if n > 1 else "" if n else "Nothing to acknowledge.")
        elif not rows:
            self._desk.say("No alarm is selected.")
        elif name == "shelve":
            hidden = any(row.presentation is not Presentation.SHOWN for row in rows)
            self._desk.hide_alarms("show" if hidden else "shelve")
        elif name == "comment":
            self._comment(rows)
        elif name == "ack":
            if not book.acknowledge_shown(rows):
                self._desk.say("Nothing to acknowledge.")
        elif not book.reset([row.id for row in rows]):
            self._desk.say("Nothing to reset.")

    def _comment(self, rows: tuple[AlarmRow, ...]) -> None:
        """Ask for a comment; what is meant is what was shown when it was asked for."""
        CommentSheet(rows, lambda words, ack: self._commented(rows, words, acknowledges=ack), self).open()

    def _commented(self, rows: tuple[AlarmRow, ...], words: str, *, acknowledges: bool) -> None:
        book = self._workspace.alarms
        if acknowledges and not book.acknowledge_shown(rows, words):
            self._desk.say("Nothing to acknowledge.")
        elif not acknowledges and not book.comment_on(rows, words):
            self._desk.say("Nothing stands that could be commented on.")

    def _trend_of(self, name: str, t_ns: int) -> None:
        spec = self._workspace.alarms.specs.get(name)
        if spec is None or spec.slot < 0:
            self._desk.say("This alarm has no tag that could be drawn.")
            return
        self._desk.trend_at((spec.slot,), t_ns)

    # ------------------------------------------------------------ Qt
    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self._ages.start()
        self.refresh()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._ages.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.model.colours = colours
        self.history.set_colours(colours)
        self.view.viewport().update()
