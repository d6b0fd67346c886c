"""What-if dock: fork, what was not GOOD, the set-up of a run, and the cards of all runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.account import Right
from armillary.model.control import RunCard, RunRequest
from armillary.model.fault import Fault, FaultRecord
from armillary.model.tags import TagSpec
from armillary.session.actions import action
from armillary.session.whatif import MOST_COMPARED, OVER, again, kept_forks, kept_scenarios
from armillary.session.workspace import Workspace
from armillary.ui.login import ReasonSheet
from armillary.ui.panels.fold import Fold, Line
from armillary.ui.panels.modelmap import ModelSheet
from armillary.ui.panels.whatif_report import RunReport, says, state_text
from armillary.ui.panels.whatif_setup import SetupCard
from armillary.ui.pieces import EmptyOver, label
from armillary.ui.tables import choices
from armillary.ui.theme import Colours
from armillary.ui.when import date_text

_HEADINGS = ("Compare", "Rank", "Run", "State", "What it says")
_COMPARE, _RANK, _TITLE, _STATE, _SAYS = range(5)
_SHARE = Qt.ItemDataRole.UserRole + 1  # 0…1 of a run under way
_ID = Qt.ItemDataRole.UserRole
_NOT_FORKED = "Fork the present state to try something: Ctrl+Shift+F"
_WAITS = "Forking …"
_BOTH_PX = 900  # from here on set-up and runs stand side by side
_MOST_KEPT = 30


class _Progress(QStyledItemDelegate):
    """Draws how far a run is behind the words of its state."""

    colour = QColor("#888888")

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw the bar, then the words."""
        share = index.data(_SHARE)
        if share is not None:
            whole: QRect = option.rect
            colour = QColor(self.colour)
            colour.setAlpha(90)
            painter.fillRect(whole.adjusted(0, 2, -round(whole.width() * (1 - share)), -2), colour)
        super().paint(painter, option, index)


class WhatIfPanel(QWidget):
    """Everything of one fork but the comparison."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        run: Callable[[str], None],
        report: Callable[[Fault], None],
        propose: Callable[[str, str], None],
    ) -> None:
        super().__init__()
        self._at, self._futures = workspace, workspace.futures
        self._run_action, self._report, self._propose = run, report, propose
        self._filling = False
        self._kept_for: object = None
        self.about = Line("muted")
        self.fork = QPushButton("Fork now")
        self.fork.setAccessibleName("Fork now")
        self.fork.setProperty("primary", True)
        self.scenario = QComboBox()
        self.scenario.setAccessibleName("Scenario to fork with")
        self.scenario.setToolTip("A scenario brings its variants; without one you set runs up yourself.")
        self.kept = QPushButton("Earlier forks")
        self.kept.setAccessibleName("Earlier forks on disk")
        self.kept_menu = QMenu(self.kept)
        self.kept_menu.aboutToShow.connect(self._fill_kept)
        self.kept.setMenu(self.kept_menu)
        self.simulator = self._button(
            "Simulator…", "Choose a simulator and say which variable is which tag", self._open_map
        )
        self.doubts = label("", "bad", wrap=True)
        self.confirm = QPushButton("Use them as they are")
        self.confirm.setAccessibleName("Use the inputs that were not GOOD as they are")
        self.setup = SetupCard(workspace, colours, self._start)
        self.view = self._table()
        self.show_run = self._button("Show", "Show the chosen run in the picture", self._show)
        self.stop = self._button("Stop", "Stop the chosen run; what it has is kept", self._stop)
        self.again = self._button("Run again", "Run the same again: the result must be the same", self._again)
        self.propose = self._button("Propose…", "Propose a setpoint of the chosen run to the plant", None)
        self.propose_menu = QMenu(self.propose)
        self.propose_menu.aboutToShow.connect(self._fill_proposals)
        self.propose.setMenu(self.propose_menu)
        self.save = self._button("Save…", "Save these runs as a scenario", self._save)
        self.told = RunReport()
        self._lay_out()
        self.empty = EmptyOver(self.view, _NOT_FORKED)
        self.fork.clicked.connect(lambda _checked=False: self._fork())
        self.confirm.clicked.connect(lambda _checked=False: self._futures.confirm())
        self.view.itemChanged.connect(self._checked)
        self.view.itemSelectionChanged.connect(self._buttons)
        self.view.itemDoubleClicked.connect(lambda _item: self._show())
        self._futures.changed.connect(self.refresh)
        for signal in (workspace.world_changed, workspace.visited, workspace.project_changed):
            signal.connect(self.refresh)
        self.set_colours(colours)
        self.refresh()

    def _table(self) -> QTableWidget:
        view = choices("Runs", _HEADINGS, _SAYS, {_COMPARE: 66, _RANK: 44, _TITLE: 190, _STATE: 150})
        self._bars = _Progress(view)
        view.setItemDelegateForColumn(_STATE, self._bars)
        return view

    def _button(self, text: str, name: str, run: Callable[[], None] | None) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setAutoDefault(False)
        if run is not None:
            button.clicked.connect(lambda _checked=False: run())
        return button

    def _lay_out(self) -> None:
        self.strip = QFrame()
        strip = QHBoxLayout(self.strip)
        strip.setContentsMargins(8, 2, 8, 2)
        strip.addWidget(self.doubts, 1)
        strip.addWidget(self.confirm)
        right = QWidget()
        rows = QVBoxLayout(right)
        rows.setContentsMargins(4, 4, 8, 6)
        rows.setSpacing(4)
        rows.addWidget(self.view, 1)
        rows.addWidget(self.told)
        buttons = QHBoxLayout()
        for button in (self.show_run, self.stop, self.again, self.propose):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.save)
        rows.addLayout(buttons)
        self.fold = Fold((self.setup, right), ("Set up", "Runs"), _BOTH_PX)
        self.fold.split.setSizes([560, 700])
        top = QHBoxLayout()
        top.setContentsMargins(8, 4, 8, 0)
        top.addWidget(self.fold.switch)
        top.addStretch(1)
        for widget in (self.simulator, self.scenario, self.fork, self.kept):
            top.addWidget(widget)
        self.scenario.setMinimumWidth(90)
        second = QHBoxLayout()
        second.setContentsMargins(8, 2, 8, 0)
        second.addWidget(self.about)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(top)
        around.addLayout(second)
        around.addWidget(self.strip)
        around.addWidget(self.fold, 1)

    # ------------------------------------------------------------ showing

    def refresh(self) -> None:
        """Show the fork and its runs as they are now."""
        at, futures = self._at, self._futures
        self._list_scenarios()
        why = action("world.fork").why_not(at)
        self.fork.setEnabled(not why)
        self.fork.setToolTip(why or "Fork a what-if from what is shown; the plant is not touched")
        unmapped = self._why_no_map()
        self.simulator.setEnabled(not unmapped)
        self.simulator.setToolTip(unmapped or self.simulator.accessibleName())
        doubts = futures.doubts()
        runs = futures.runs
        self.strip.setVisible(bool(doubts))
        names = ", ".join(runs.not_good[:8]) if runs is not None else ""
        more = f" and {len(runs.not_good) - 8} more" if runs is not None and len(runs.not_good) > 8 else ""  # noqa: PLR2004
        self.doubts.setText(f"{doubts} {names}{more}" if doubts else "")
        self.doubts.setToolTip("\n".join(runs.not_good) if runs is not None else "")
        self.about.say(self._about())
        self.about.setVisible(bool(self.about.text()))
        self.fold.setEnabled(futures.is_open)
        self._list(futures.cards)
        self.empty.set("" if futures.cards else (_WAITS if futures.is_open else _NOT_FORKED))
        self._buttons()

    def _about(self) -> str:
        futures = self._futures
        if futures.trouble is not None:
            return f"{futures.trouble.what} {futures.trouble.remedy}"
        runs = futures.runs
        if runs is None:
            return "" if futures.is_open else _NOT_FORKED
        model = f"model {futures.offer.model} {futures.offer.version}".rstrip() if futures.offer else ""
        origin = runs.forked_from or "the model's own steady state"
        forked = f"Forked {date_text(runs.forked_ns)} from {origin}"
        return " · ".join(part for part in (forked, model, futures.start_text()) if part)

    def _list_scenarios(self) -> None:
        project = self._at.project
        folder = project.folder if project is not None and project.saved else None
        if folder == self._kept_for and self.scenario.count():
            return
        self._kept_for = folder
        self.scenario.clear()
        self.scenario.addItem("no scenario", "")
        for name in kept_scenarios(folder) if folder is not None else ():
            self.scenario.addItem(name, name)

    def _list(self, cards: tuple[RunCard, ...]) -> None:
        self._filling = True
        if self.view.rowCount() != len(cards):
            self.view.setRowCount(len(cards))
        runs = self._futures.runs
        shown = runs.shown if runs is not None else ""
        for i, card in enumerate(cards):
            mark = "▸ " if card.id == shown else ""
            rank = str(card.rank) if card.rank else ""
            for column, text in enumerate(("", rank, f"{mark}{card.title}", state_text(card), says(card))):
                item = self.view.item(i, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.view.setItem(i, column, item)
                if item.text() != text:
                    item.setText(text)
                    item.setToolTip(text)
                item.setData(_ID, card.id)
            self._mark(i, card)
        self._filling = False

    def _mark(self, row: int, card: RunCard) -> None:
        box, state, title = (self.view.item(row, c) for c in (_COMPARE, _STATE, _TITLE))
        if box is None or state is None or title is None:
            return
        is_on = card.id in self._futures.compared
        box.setFlags(box.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        box.setCheckState(Qt.CheckState.Checked if is_on else Qt.CheckState.Unchecked)
        state.setData(_SHARE, card.progress if card.state == "running" else None)
        runs = self._futures.runs
        font = title.font()
        font.setBold(runs is not None and runs.shown == card.id)
        title.setFont(font)

    def _checked(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != _COMPARE:
            return
        name = str(item.data(_ID))
        chosen = [n for n in self._futures.compared if n != name]
        if item.checkState() == Qt.CheckState.Checked:
            if len(chosen) >= MOST_COMPARED:
                self._tell(
                    FaultRecord(
                        kind="OrderFault",
                        what=f"At most {MOST_COMPARED} runs are compared.",
                        where="what-if",
                        remedy="Take one away first.",
                    )
                )
            chosen.append(name)
        self._futures.compare(chosen)
        self.refresh()

    def chosen(self) -> RunCard | None:
        """Return the card of the row that is selected."""
        item = self.view.item(self.view.currentRow(), _TITLE) if self.view.selectedItems() else None
        return self._futures.card(str(item.data(_ID))) if item is not None else None

    def choose(self, name: str) -> None:
        """Select the row of a run."""
        for i, card in enumerate(self._futures.cards):
            if card.id == name:
                self.view.selectRow(i)

    def _buttons(self) -> None:
        card = self.chosen()
        runs = self._futures.runs
        nothing = "Choose a run." if card is None else ""
        is_over = card is not None and card.state in OVER
        can = self._futures.proposable(card.id, self._home_specs()) if card is not None else ()
        is_shown = card is not None and runs is not None and runs.shown == card.id
        for button, why in (
            (self.show_run, nothing or ("It is shown." if is_shown else "")),
            (self.stop, nothing or ("It is over." if is_over else "")),
            (self.again, nothing),
            (self.propose, nothing or ("" if can else "This run changes no setpoint that may be written.")),
            (self.save, "" if self._futures.cards else "There are no runs."),
        ):
            button.setEnabled(not why)
            button.setToolTip(why or button.accessibleName())
        troubled = next((c for c in reversed(self._futures.cards) if c.state in ("failed", "diverged")), None)
        self.told.show_card(card or troubled)

    # ------------------------------------------------------------ acting

    def _fork(self) -> None:
        scenario = str(self.scenario.currentData() or "")
        if not scenario:
            self._run_action("world.fork")
            return
        try:
            self._at.fork(scenario=scenario)
        except Fault as fault:
            self._report(fault)

    def _fill_kept(self) -> None:
        self.kept_menu.clear()
        project = self._at.project
        found = kept_forks(project.private)[:_MOST_KEPT] if project is not None and project.saved else ()
        for fork in found:
            text = f"{date_text(fork.when_ns)} · {fork.title} · {fork.runs} runs"
            self.kept_menu.addAction(text, partial(self._reopen, fork.name))
        if not found:
            nothing = self.kept_menu.addAction("There is none yet")
            nothing.setEnabled(False)

    def _reopen(self, name: str) -> None:
        try:
            self._at.reopen_fork(name)
        except Fault as fault:
            self._report(fault)

    def _start(self, request: RunRequest) -> None:
        self.fold.show_side(1)  # where it is queued now
        self._futures.start(request, self._tell)

    def _show(self) -> None:
        card = self.chosen()
        if card is not None:
            self._futures.show(card.id, self._tell)

    def _stop(self) -> None:
        card = self.chosen()
        if card is not None:
            self._futures.cancel((card.id,), self._tell)

    def _again(self) -> None:
        card = self.chosen()
        request = again(card, [c.id for c in self._futures.cards]) if card is not None else None
        if request is not None:
            self._start(request)

    def _why_no_map(self) -> str:
        at = self._at
        if at.project is None or not at.project.saved:
            return "A project must be open."
        return "" if at.people.may(Right.FORK) else "Log in as somebody who may fork."

    def _open_map(self) -> None:
        at = self._at
        sheet = ModelSheet(
            at.modelmap,
            self.setup.colours,
            lambda: [s.name for s in at.plant_specs],
            self._mapped,
            self.window(),
        )
        sheet.open()

    def _mapped(self, name: str) -> None:
        """Offer the scenario that was written, as the one to fork with."""
        self._kept_for = None
        self._list_scenarios()
        self.scenario.setCurrentIndex(max(0, self.scenario.findData(name)))

    def _save(self) -> None:
        text = "The runs of this fork as a scenario of the project. Its title:"
        sheet = ReasonSheet("Save as a scenario", text, "Save", self._save_as, self.window())
        sheet.reason.setPlaceholderText("Title of the scenario")
        sheet.reason.setAccessibleName("Title of the scenario")
        sheet.open()

    def _save_as(self, title: str) -> None:
        self._futures.save(title, self._tell)
        self._kept_for = None

    def _home_specs(self) -> tuple[TagSpec, ...]:
        return self._at.plant_specs

    def _fill_proposals(self) -> None:
        self.propose_menu.clear()
        card = self.chosen()
        if card is None or card.request is None:
            return
        values = {name: value for _, name, value in card.request.events}
        for tag in self._futures.proposable(card.id, self._home_specs()):
            text = f"{tag} = {values[tag]:g}"
            self.propose_menu.addAction(text, partial(self._propose, card.id, tag))

    def _tell(self, fault: FaultRecord | None) -> None:
        if fault is not None:
            self._report(fault.fault())

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._bars.colour = QColor(colours.whatif)
        self.setup.set_colours(colours)
        self.view.viewport().update()
