"""The cards of what loops propose: over the picture, never modal, whatever world is shown.

One click approves. What may be approved the LIVE world decides; a card only greys out and says why.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from armillary.model.clock import NS, Clock
from armillary.model.fault import FaultRecord
from armillary.session.proposals import Evidence, ProposalCard
from armillary.session.workspace import Workspace
from armillary.ui.pieces import IconButton, label, restyle
from armillary.ui.theme import Colours

CARD_PX = 520
MOST_CARDS = 2
LONGEST_S = 86_400.0  # that a bar of the time left shows
LEAST_EVIDENCE_PX = 60  # of a card that has not the room for all of it: the rest is scrolled to
TICK_MS = 250
GUARD_NS = NS // 2  # a card that has just come takes no click: nobody has read it
_MARGIN = 12


class Offer(QFrame):
    """One proposal."""

    def __init__(self, workspace: Workspace, clock: Clock, name: str, part: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self._clock, self.name = workspace, clock, name
        self._since_mono_ns = clock.now_mono_ns()
        self._span_s = 0.0
        self._evidence: tuple[object, ...] = ()
        self._said = ""  # what the world answered to our wish
        self.setProperty("role", "card")
        self.setObjectName("offer")
        self.headline = label("", "strong", wrap=True)
        self.change = label("", "value", wrap=True)
        self.reason = label("", wrap=True, copyable=True)
        self.state = label("", wrap=True)
        self.why = label("", "muted", wrap=True)
        self.left = QProgressBar()
        self.left.setTextVisible(False)
        self.left.setFixedHeight(5)
        self.left.setAccessibleName("Time left to approve")
        self.table = QWidget()
        self._grid = QGridLayout(self.table)
        self._grid.setContentsMargins(0, 2, 0, 2)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(3)
        self.table.setObjectName("evidence")
        self.runs = QScrollArea()
        self.runs.setObjectName("evidence")
        self.runs.setFrameShape(QFrame.Shape.NoFrame)
        self.runs.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.runs.setWidgetResizable(True)
        self.runs.setWidget(self.table)
        self.runs.setAccessibleName("What was simulated")
        self.approve = self._button("Approve and send", self._approve, primary=True)
        self.refuse = self._button("Refuse…", self._ask_reason)
        self.fork = self._button("Open the fork", self._open_fork)
        self.login = self._button("Log in…", lambda: part("user.log-in"))
        self.part = self._button("Show the part", lambda: part(f"tag:{self._tag()}"))
        self.words = QLineEdit()
        self.words.setPlaceholderText("Why not? (kept in the audit)")
        self.words.setAccessibleName("Reason for refusing")
        self.words.returnPressed.connect(self._refuse)
        self.refused = self._button("Refuse", self._refuse)
        self.refused.setEnabled(False)
        self.words.textChanged.connect(lambda text: self.refused.setEnabled(bool(text.strip())))
        self.close_button = IconButton(
            "close", "Put this card away", lambda: workspace.proposals.dismiss(name)
        )
        self._lay_out()
        self.refresh()

    def _button(self, text: str, run: Callable[[], None], *, primary: bool = False) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text)
        button.setAutoDefault(False)
        button.setProperty("primary", primary)
        button.clicked.connect(lambda _checked=False: run())
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.headline, 1)
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self._ask = QWidget()
        asking = QHBoxLayout(self._ask)
        asking.setContentsMargins(0, 0, 0, 0)
        asking.addWidget(self.words, 1)
        asking.addWidget(self.refused)
        self._ask.hide()
        buttons = QHBoxLayout()
        for button in (self.part, self.fork):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for button in (self.login, self.refuse, self.approve):
            buttons.addWidget(button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(12, 10, 8, 10)
        rows.setSpacing(5)
        rows.addLayout(head)
        for widget in (self.change, self.reason, self.runs, self.state, self.left, self.why, self._ask):
            rows.addWidget(widget, 1 if widget is self.runs else 0)
        rows.addLayout(buttons)

    def _tag(self) -> str:
        proposal = self._at.proposals.items.get(self.name)
        return proposal.tag if proposal is not None else ""

    # ------------------------------------------------------------ showing

    def refresh(self) -> None:
        """Show the proposal as it is now."""
        proposal = self._at.proposals.items.get(self.name)
        if proposal is None:
            return
        card = self._at.proposals.card(proposal, self._at.home_ns())
        self.headline.setText(card.headline)
        self.setAccessibleName(f"Proposal: {card.headline}")
        self.change.setText(card.change)
        self.change.setVisible(bool(card.change))
        self.reason.setText(card.reason)
        self.state.setText(card.state)
        self._show_evidence(card)
        is_offered = card.tone == "offered"
        fresh = self._clock.now_mono_ns() - self._since_mono_ns < GUARD_NS
        advises = self._advises()
        why = self._said or card.why_not or advises
        self.approve.setVisible(is_offered)
        self.refuse.setVisible(is_offered and not self._ask.isVisibleTo(self))
        if not is_offered:
            self._ask.hide()
        self.approve.setEnabled(not (card.why_not or advises or fresh))
        self.refuse.setEnabled(not card.why_not)
        self.approve.setToolTip(card.why_not or advises or f"Send {card.change} through the gate, once")
        self.refuse.setToolTip(card.why_not or "Send nothing; say why")
        self.why.setText(why)
        self.why.setVisible(is_offered and bool(why))
        people = self._at.people
        can_log_in = people.accounts and not self._at.away and "may not approve" in card.why_not
        self.login.setVisible(is_offered and can_log_in)
        self.fork.setVisible(bool(card.fork))
        self.part.setVisible(bool(card.change) and "!" not in self._tag())
        left_s = min(card.left_s, LONGEST_S)  # Qt's numbers end at two thousand million
        self._span_s = max(self._span_s, left_s)
        self.left.setVisible(is_offered)
        self.left.setMaximum(max(1, round(self._span_s * 10)))
        self.left.setValue(round(left_s * 10))
        if self.property("tone") != card.tone:
            self.setProperty("tone", card.tone)
            restyle(self)

    def _advises(self) -> str:
        proposal = self._at.proposals.items.get(self.name)
        loop = self._at.proposals.loop(proposal.loop) if proposal is not None else None
        if loop is None or loop.level != "advise":
            return ""
        return "This loop only advises: send the command by its own card in the inspector."

    def _show_evidence(self, card: ProposalCard) -> None:
        if (card.heads, card.evidence) == self._evidence:
            return
        self._evidence = (card.heads, card.evidence)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for column, text in enumerate(("", "Simulated", *card.heads, "Breaks")):
            self._grid.addWidget(label(text, "muted", wrap=column > 1), 0, column)
        for row, line in enumerate(card.evidence, 1):
            self._line(row, line)
        self._grid.setColumnStretch(1, 1)
        self.runs.setVisible(bool(card.evidence))

    def _line(self, row: int, line: Evidence) -> None:
        cells = [
            line.rank,
            line.title,
            *(text.replace(" (", "\n(") for text in line.measures),
            line.violations,
        ]
        for column, text in enumerate(cells):
            shown = label(text, "strong" if line.is_chosen else "", wrap=column in (1, len(cells) - 1))
            shown.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            shown.setToolTip(line.tip)
            self._grid.addWidget(shown, row, column)

    def fit(self, width: int, most: int) -> int:
        """Take a width and at most a height: what does not fit of the evidence is scrolled to. Return it."""
        self.setFixedWidth(width)
        rows = self.layout()
        table_px = 0
        if rows is not None and self.runs.isVisibleTo(self):
            sides = rows.contentsMargins()
            bar_px = self.runs.verticalScrollBar().sizeHint().width()
            inner = width - sides.left() - sides.right() - bar_px - 4
            table_px = self._grid.heightForWidth(inner) if self._grid.hasHeightForWidth() else 0
            table_px = max(table_px, self._grid.sizeHint().height())
        self.runs.setFixedHeight(table_px)
        height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        if height > most:
            left = table_px - (height - most)
            self.runs.setFixedHeight(left if left >= LEAST_EVIDENCE_PX else 0)  # the dock has it too
            height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        self.setFixedHeight(height)
        return height

    # ------------------------------------------------------------ acting

    def _approve(self) -> None:
        if self.approve.isEnabled():
            self._said = ""
            self._at.proposals.decide(self.name, True, told=self._told)

    def _ask_reason(self) -> None:
        self._ask.show()
        self.refuse.hide()
        self.words.setFocus()

    def _refuse(self) -> None:
        reason = self.words.text().strip()
        if reason:
            self._said = ""
            self._ask.hide()
            self._at.proposals.decide(self.name, False, reason, self._told)

    def _open_fork(self) -> None:
        proposal = self._at.proposals.items.get(self.name)
        if proposal is not None and proposal.fork:
            self._at.visit(proposal.fork)

    def _told(self, fault: FaultRecord | None) -> None:
        self._said = "" if fault is None else f"{fault.what} {fault.remedy}"
        self.refresh()


class Offers(QWidget):
    """The column of proposals at the top left of a widget; it blocks nothing but what it covers."""

    def __init__(
        self, workspace: Workspace, clock: Clock, over: QWidget, colours: Colours, run: Callable[[str], None]
    ) -> None:
        super().__init__(over)
        self._at, self._clock, self._over, self._colours = workspace, clock, over, colours
        self._run = run
        self.cards: list[Offer] = []
        self.more = label("", "muted")
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self._rows.addWidget(self.more)
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.refresh)
        over.installEventFilter(self)
        self.placed: Callable[[], object] = lambda: None  # the cards take another room now
        self._ended = False
        workspace.proposals.changed.connect(self.refresh)
        workspace.people.changed.connect(self.refresh)
        workspace.visited.connect(self.refresh)
        self.hide()

    def refresh(self) -> None:
        """Show a card for each proposal that has one now."""
        if self._ended:
            return
        wanted = [p.id for p in self._at.proposals.shown(self._at.home_ns())]
        shown = wanted[:MOST_CARDS]
        for card in [card for card in self.cards if card.name not in shown]:
            self.cards.remove(card)
            self._rows.removeWidget(card)
            card.hide()
            card.deleteLater()
        known = {card.name for card in self.cards}
        for place, name in enumerate(shown):
            if name not in known:
                card = Offer(self._at, self._clock, name, self._run)
                card.close_button.set_colours(self._colours)
                self.cards.insert(place, card)
                self._rows.insertWidget(place, card)
        for card in self.cards:
            card.refresh()
        others = len(wanted) - len(shown)
        self.more.setText(f"{others} more in the Loops dock" if others > 0 else "")
        self.more.setVisible(others > 0)
        self.setVisible(bool(shown))
        if shown and not self._tick.isActive():
            self._tick.start()
        elif not shown:
            self._tick.stop()
        self.place()

    def place(self) -> None:
        """Stand at the top left, whole: what sends must never be out of sight."""
        width = min(CARD_PX, max(self._over.width() - 2 * _MARGIN, 1))
        left = self._over.height() - 2 * _MARGIN - 8 * len(self.cards)
        left -= self.more.sizeHint().height() if self.more.isVisibleTo(self) else 0
        height = 0
        for after, card in enumerate(reversed(self.cards)):  # the newest, on top, gets what is left
            share = left // (len(self.cards) - after)
            used = card.fit(width, share)
            left -= used
            height += used + 8
        height += self.more.sizeHint().height() if self.more.isVisibleTo(self) else 0
        self.setGeometry(_MARGIN, _MARGIN, width, max(height, 1))
        self.raise_()
        self.placed()

    def end(self) -> None:
        """The window closes: nothing is shown any more. Qt draws a bar at once when its value changes."""
        self._ended = True
        self._tick.stop()
        self.hide()

    def room(self) -> QRect | None:
        """Return what is taken of the picture, None while nothing is offered."""
        return self.geometry() if self.cards else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        for card in self.cards:
            card.close_button.set_colours(colours)
