"""Cards of orders that nobody knows the outcome of: they stay until somebody has looked at the plant."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from armillary.model.fault import FaultRecord
from armillary.model.order import Receipt
from armillary.session.orders import value_text
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.when import time_text

CARD_PX = 420
MOST_CARDS = 3
_MARGIN = 12
WHAT = "NOT CONFIRMED: check the plant"


class Unconfirmed(QFrame):
    """One such order; it goes when the world says that somebody closed it."""

    def __init__(self, workspace: Workspace, receipt: Receipt, part: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self.order = workspace, receipt.order
        self.setProperty("role", "card")
        self.setProperty("severity", "error")
        self.setFixedWidth(CARD_PX)
        self.setAccessibleName(f"{WHAT}: {receipt.tag}")
        old, new = (value_text(x, receipt.unit) for x in (receipt.old, receipt.value))
        read = "nothing" if receipt.read_back is None else value_text(receipt.read_back, receipt.unit)
        why = receipt.detail.what if receipt.detail is not None else ""
        said = f"{receipt.tag}: {old} → {new}, sent by {receipt.actor}, {time_text(receipt.t_ns)}."
        self.text = label(f"{said} It reads {read}. {why}".strip(), wrap=True, copyable=True)
        self.comment = QLineEdit()
        self.comment.setPlaceholderText("What did you find at the plant? (kept in the audit)")
        self.comment.setAccessibleName(f"What was found of {receipt.tag}")
        self.done = QPushButton("Close")
        self.done.setAccessibleName(f"Close the unconfirmed order of {receipt.tag}")
        self.done.setAutoDefault(False)
        self.done.setEnabled(False)
        self.part = QPushButton("Show the part")
        self.part.setAccessibleName(f"Show the part of {receipt.tag}")
        self.part.setAutoDefault(False)
        self.why = label("", "bad", wrap=True)
        self.why.hide()
        self.comment.textChanged.connect(lambda text: self.done.setEnabled(bool(text.strip())))
        self.comment.returnPressed.connect(self._close)
        self.done.clicked.connect(lambda _checked=False: self._close())
        self.part.clicked.connect(lambda _checked=False: part(f"tag:{receipt.tag}"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.part)
        buttons.addStretch(1)
        buttons.addWidget(self.done)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 8, 10, 8)
        rows.setSpacing(5)
        for widget in (label(WHAT, "title", wrap=True), self.text, self.comment, self.why):
            rows.addWidget(widget)
        rows.addLayout(buttons)

    def _close(self) -> None:
        comment = self.comment.text().strip()
        if comment:
            self.done.setEnabled(False)
            self._at.orders.close_unconfirmed(self.order, comment, self._told)

    def _told(self, fault: FaultRecord | None) -> None:
        self.done.setEnabled(fault is not None)
        self.why.setText("" if fault is None else f"{fault.what} {fault.remedy}")
        self.why.setVisible(fault is not None)


class UnconfirmedCards(QWidget):
    """The column of them, at the bottom left of a widget."""

    def __init__(self, workspace: Workspace, over: QWidget, part: Callable[[str], None]) -> None:
        super().__init__(over)
        self._at, self._over, self._part = workspace, over, part
        self.cards: list[Unconfirmed] = []
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        over.installEventFilter(self)
        workspace.order_changed.connect(self.refresh)
        workspace.visited.connect(self.refresh)
        self.hide()

    def refresh(self) -> None:
        """Show the orders that wait for somebody to look."""
        waiting = {receipt.order: receipt for receipt in self._at.orders.unconfirmed()}
        for card in [card for card in self.cards if card.order not in waiting]:
            self.cards.remove(card)
            self._rows.removeWidget(card)
            card.hide()
            card.deleteLater()
        known = {card.order for card in self.cards}
        for order, receipt in waiting.items():
            if order not in known and len(self.cards) < MOST_CARDS:
                card = Unconfirmed(self._at, receipt, self._part)
                self.cards.append(card)
                self._rows.addWidget(card)
        self.setVisible(bool(self.cards))
        self.place()

    def place(self) -> None:
        """Stand at the bottom left."""
        height = sum(max(c.heightForWidth(CARD_PX), c.sizeHint().height()) + 8 for c in self.cards)
        top = max(0, self._over.height() - height - _MARGIN)
        self.setGeometry(_MARGIN, top, CARD_PX, max(height, 1))
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False
