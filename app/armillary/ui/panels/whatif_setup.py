"""The set-up of a what-if run: values to change, ready-made questions, horizon, uncertainty, Run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from armillary.model.control import RunRequest, Settable
from armillary.session.whatif_setup import (
    MOST_MEMBERS,
    SHARES,
    Change,
    Draft,
    Question,
    draft_for,
    matching,
    of_equipment,
    questions,
    request_of,
    spread_of,
    title_of,
    why_not,
)
from armillary.session.workspace import Workspace
from armillary.ui.panels.whatif_rows import InputRow
from armillary.ui.pieces import empty, label
from armillary.ui.theme import Colours

_EMPTY = "Nothing is changed yet. Add a setpoint, or select a part and ask about it."
_MINUTE_S = 60
_MOST_QUESTIONS = 12
_DEFAULT_MEMBERS = 32


class SetupCard(QWidget):
    """One draft at a time."""

    def __init__(self, workspace: Workspace, colours: Colours, run: Callable[[RunRequest], None]) -> None:
        super().__init__()
        self._at, self.colours, self._start = workspace, colours, run
        self.draft = Draft()
        self._made_for: object = None  # the offer that the draft and the list are of
        self.rows: dict[str, InputRow] = {}
        self.add = QComboBox()
        self.add.setEditable(True)
        self.add.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.add.setAccessibleName("Add a value to change")
        line = self.add.lineEdit()
        if line is not None:
            line.setPlaceholderText("Add a setpoint, equipment, demand …")
            line.setAccessibleName("Search what can be set")
        completer = QCompleter(self.add.model(), self.add)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        if (popup := completer.popup()) is not None:
            popup.setAccessibleName("What can be set")
        self.add.setCompleter(completer)
        self.add.activated.connect(self._chosen)
        self.ask = QPushButton("Ask about the selection")
        self.ask.setAccessibleName("Ready-made questions about the selected part")
        self.menu = QMenu(self.ask)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.ask.setMenu(self.menu)
        self.title = QLineEdit()
        self.title.setAccessibleName("Title of the run")
        self.horizon, self.members = QSpinBox(), QSpinBox()
        self.horizon.setRange(1, 366 * 1440)
        self.horizon.setSuffix(" min")
        self.horizon.setAccessibleName("Horizon in minutes")
        self.members.setRange(1, MOST_MEMBERS)
        self.members.setAccessibleName("Members of the ensemble")
        self.spread = QComboBox()
        self.spread.setAccessibleName("Uncertainty")
        self.run = QPushButton("Run")
        self.run.setProperty("primary", True)
        self.run.setAccessibleName("Run this what-if")
        self.why = label("", "muted", wrap=True)
        self.empty = empty(_EMPTY)
        self._lay_out()
        self.title.textEdited.connect(lambda text: self._set(replace(self.draft, title=text)))
        self.horizon.valueChanged.connect(
            lambda minutes: self._set(replace(self.draft, horizon_s=float(minutes * _MINUTE_S)))
        )
        self.members.valueChanged.connect(lambda n: self._set(replace(self.draft, members=n)))
        self.spread.activated.connect(lambda _index: self._spread_chosen())
        self.run.clicked.connect(lambda _checked=False: self._run())
        workspace.futures.changed.connect(self.refresh)
        workspace.selection_changed.connect(lambda _prims: self.refresh())
        self.refresh()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.add, 1)
        top.addWidget(self.ask)
        self._sheet = QVBoxLayout()
        self._sheet.setContentsMargins(0, 0, 0, 0)
        self._sheet.setSpacing(0)
        self._sheet.addWidget(self.empty)
        self._sheet.addStretch(1)
        sheet = QWidget()
        sheet.setObjectName("sheet")
        sheet.setLayout(self._sheet)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setAccessibleName("Values that the run changes")
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(sheet)
        second = QHBoxLayout()
        for words, widget in (
            ("For", self.horizon),
            ("Members", self.members),
            ("Uncertainty", self.spread),
        ):
            second.addWidget(label(words, "muted"))
            second.addWidget(widget)
        second.addStretch(1)
        first = QHBoxLayout()
        first.addWidget(self.title, 1)
        first.addWidget(self.run)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 6)
        rows.setSpacing(4)
        rows.addLayout(top)
        rows.addWidget(self.area, 1)
        rows.addWidget(self.why)
        rows.addLayout(second)
        rows.addLayout(first)

    # ------------------------------------------------------------ the draft

    def refresh(self) -> None:
        """Show the draft for what the fork offers now."""
        offer = self._at.futures.offer
        if offer is not None and offer != self._made_for:
            self._made_for = offer
            self.add.clear()
            for found in matching(offer, ""):
                self.add.addItem(f"{found.name}  –  {found.title or found.causality}", found.name)
            self.add.setCurrentIndex(-1)
            self.spread.clear()
            for share in SHARES:
                self.spread.addItem(f"± {share:.0%}" if share else "none", share)
            if offer.spread:
                self.spread.addItem("as the scenario has it", -1.0)
            self._show(draft_for(offer))
        is_there = offer is not None and self._at.futures.is_open
        for widget in (self.add, self.horizon, self.members, self.spread, self.title):
            widget.setEnabled(is_there)
        asked = self._questions() if is_there else ()
        twin = self._twin()
        self.ask.setText(f"Ask about {twin}" if twin else "Ask about the selection")
        self.ask.setEnabled(bool(asked))
        self.ask.setToolTip("" if asked else "Select a part that the model knows, e.g. a pump.")
        doubts = self._at.futures.doubts()
        why = doubts and f"{doubts} Look at them first."
        why = why or why_not(self.draft, offer if is_there else None)
        self.run.setEnabled(not why)
        self.run.setToolTip(why)
        self.why.setText(why if self.draft.changes else "")
        self.why.setVisible(bool(self.why.text()))
        self.title.setPlaceholderText(title_of(self.draft, offer) if offer is not None else "Title")

    def _show(self, draft: Draft) -> None:
        self.draft = draft
        for box, value in ((self.horizon, round(draft.horizon_s / _MINUTE_S)), (self.members, draft.members)):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self.title.setText(draft.title)
        self.spread.setCurrentIndex(self.spread.count() - 1 if draft.spread else 0)
        for row in self.rows.values():
            row.deleteLater()
        self.rows.clear()
        for change in draft.changes:
            self._add_row(change)

    def _set(self, draft: Draft) -> None:
        self.draft = draft
        self.empty.setVisible(not draft.changes)
        self.refresh()

    def add_change(self, change: Change) -> None:
        """Add a value to change, or change the one that is there."""
        before = self.rows.pop(change.name, None)
        if before is not None:
            before.deleteLater()
        self._add_row(change)
        self._set(self.draft.with_change(change))

    def _add_row(self, change: Change) -> None:
        found = self._found(change.name)
        if found is None:
            return
        row = InputRow(found, change, self._changed, self.remove, self.colours)
        self.rows[change.name] = row
        self._sheet.insertWidget(self._sheet.count() - 1, row)

    def _changed(self, change: Change) -> None:
        self._set(self.draft.with_change(change))

    def remove(self, name: str) -> None:
        """Leave a value as it is in the plant."""
        row = self.rows.pop(name, None)
        if row is not None:
            row.deleteLater()
        self._set(self.draft.without(name))

    def _found(self, name: str) -> Settable | None:
        offer = self._at.futures.offer
        return next((s for s in offer.settable if s.name == name), None) if offer is not None else None

    def _chosen(self, index: int) -> None:
        found = self._found(str(self.add.itemData(index) or ""))
        self.add.setCurrentIndex(-1)
        self.add.clearEditText()
        if found is not None:
            self.add_change(Change(name=found.name, value=found.now))

    def _spread_chosen(self) -> None:
        offer, share = self._at.futures.offer, float(self.spread.currentData())
        if offer is None:
            return
        spread = offer.spread if share < 0 else spread_of(offer, share)
        members = self.draft.members
        if spread and members == 1:
            members = max(offer.members, _DEFAULT_MEMBERS) if share < 0 else _DEFAULT_MEMBERS
        self.members.blockSignals(True)
        self.members.setValue(members)
        self.members.blockSignals(False)
        self._set(replace(self.draft, spread=dict(spread), members=members))

    def _run(self) -> None:
        offer = self._at.futures.offer
        if offer is not None and self.run.isEnabled():
            self._start(request_of(self.draft, offer, [card.id for card in self._at.futures.cards]))

    # ------------------------------------------------------------ questions about the selection

    def _twin(self) -> str:
        offer = self._at.futures.offer
        for prim in self._at.selection[-1:]:
            twin = self._at.twin_of_prim(prim)
            if twin is not None and offer is not None and of_equipment(offer, (twin.id,)):
                return twin.id
        return ""

    def _questions(self) -> tuple[Question, ...]:
        offer, twin = self._at.futures.offer, self._twin()
        return questions(offer, twin)[:_MOST_QUESTIONS] if offer is not None and twin else ()

    def _fill_menu(self) -> None:
        self.menu.clear()
        for question in self._questions():
            self.menu.addAction(question.text, partial(self.take, question))
        self.menu.addSeparator()
        offer = self._at.futures.offer
        for found in of_equipment(offer, (self._twin(),)) if offer is not None else ():
            if not found.fault:
                add = partial(self.add_change, Change(name=found.name, value=found.now))
                self.menu.addAction(f"Change {found.name}", add)

    def take(self, question: Question) -> None:
        """Put a ready-made question into the draft."""
        offer = self._at.futures.offer
        if offer is None:
            return
        self._show(replace(self.draft, title=question.text, changes=()))
        for change in question.changes:
            self.add_change(change)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.colours = colours
        for row in self.rows.values():
            row.set_colours(colours)
