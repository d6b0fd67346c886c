"""A value by hand in the inspector: which, for how long and why; who gave it, and its end."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from armillary.session import by_hand
from armillary.session.workspace import Workspace
from armillary.ui.command_parts import choices
from armillary.ui.pieces import label
from armillary.ui.tables import button


class HandCard(QFrame):
    """One tag in hand. What may be given the world decides, never this card."""

    closed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._at, self._slot = workspace, -1
        self.setProperty("role", "card")
        self.setAccessibleName("Give a value by hand")
        self.title = label("", "value", wrap=True)
        self.about = label(
            "Nothing is sent to the plant. Everybody sees that it is yours.", "muted", wrap=True
        )
        self.entry, self.reason = QLineEdit(), QLineEdit()
        self.choice, self.span = QComboBox(), QComboBox()
        self.block = QCheckBox("Block at the value that it shows")
        self.unit = label()
        self.hint = label("", "muted", wrap=True)
        self.give, self.cancel = QPushButton("Give by hand"), QPushButton("Cancel")
        self.give.setProperty("primary", True)
        for pressed in (self.give, self.cancel):
            pressed.setAutoDefault(False)
        for widget, name in (
            (self.entry, "Value by hand"),
            (self.choice, "State by hand"),
            (self.span, "How long it holds"),
            (self.reason, "Why it is given by hand"),
            (self.give, "Give the value by hand"),
            (self.cancel, "Cancel the value by hand"),
        ):
            widget.setAccessibleName(name)
        self.reason.setPlaceholderText("why, for all who see it")
        self._lay_out()
        for field in (self.entry, self.reason):
            field.textChanged.connect(self._typed)
            field.returnPressed.connect(self._give)
        self.block.toggled.connect(self._typed)
        self.give.clicked.connect(self._give)
        self.cancel.clicked.connect(self.close_card)
        workspace.visited.connect(self.close_card)
        self.hide()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(6)
        value = QHBoxLayout()
        for widget in (self.entry, self.choice, self.unit):
            value.addWidget(widget, 0 if widget is self.unit else 1)
        grid.addWidget(label("Value", "muted"), 0, 0)
        grid.addLayout(value, 0, 1)
        grid.addWidget(self.block, 1, 1)
        grid.addWidget(label("For", "muted"), 2, 0)
        grid.addWidget(self.span, 2, 1)
        grid.addWidget(label("Reason", "muted"), 3, 0)
        grid.addWidget(self.reason, 3, 1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.give)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.setSpacing(6)
        rows.addWidget(self.title)
        rows.addWidget(self.about)
        rows.addLayout(grid)
        rows.addWidget(self.hint)
        rows.addLayout(buttons)

    @property
    def is_open(self) -> bool:
        """Whether a tag is in hand."""
        return self._slot >= 0

    def open(self, slot: int) -> None:
        """Show the form for a tag. Asks nothing yet."""
        spec = self._at.specs[slot]
        self._slot = slot
        states = choices(spec)
        self.title.setText(f"{spec.title or spec.name} by hand")
        self.entry.setVisible(not states)
        self.choice.setVisible(bool(states))
        self.unit.setText(spec.unit)
        self.choice.clear()
        for value, name in states:
            self.choice.addItem(name, value)
        self.span.clear()
        for seconds, words in by_hand.spans(self._at.role):
            self.span.addItem(words, seconds)
        self.span.setCurrentIndex(max(0, self.span.findData(by_hand.USUAL_S)))
        self.entry.clear()
        self.reason.clear()
        self.block.setChecked(False)
        self.show()
        self._typed()
        (self.choice if states else self.entry).setFocus()

    def close_card(self, _checked: bool = False) -> None:
        """Give up what is in hand."""
        if self.is_open:
            self._slot = -1
            self.hide()
            self.closed.emit()

    def _wish(self) -> tuple[float | None, str]:
        """Return (value or None for a block, why it cannot be given)."""
        spec = self._at.specs[self._slot]
        value: float | None = None
        why = ""
        if not self.block.isChecked() and choices(spec):
            value = float(self.choice.currentData())
        elif not self.block.isChecked():
            value, why = by_hand.number(spec, self.entry.text())
            if not why and not self.entry.text().strip():
                why = "Type a value, or block it."
        if not why and not self.reason.text().strip():
            why = "Say why."
        return value, why

    def _typed(self, _value: object = None) -> None:
        if not self.is_open:
            return
        _, why = self._wish()
        for field in (self.entry, self.choice):
            field.setEnabled(not self.block.isChecked())
        self._hint(why)
        self.give.setEnabled(not why)

    def _hint(self, text: str) -> None:
        self.hint.setText(text)
        self.hint.setVisible(bool(text))

    def _give(self, _checked: bool = False) -> None:
        if not self.is_open or not self.give.isEnabled():
            return
        slot, (value, _) = self._slot, self._wish()
        self.give.setEnabled(False)

        def told(why: str) -> None:
            if slot != self._slot:
                return  # another is in hand by now
            if why:
                self._hint(f"Not given: {why}")
                self.give.setEnabled(True)
            else:
                self.close_card()

        by_hand.give(self._at, slot, value, float(self.span.currentData()), self.reason.text(), told)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
            return
        super().keyPressEvent(event)


class HandBar(QWidget):
    """Who gave the chosen tag its value, and the buttons to give one and to end it."""

    def __init__(
        self, workspace: Workspace, card: HandCard, chosen: Callable[[], int], say: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._at, self._card, self._chosen, self._say = workspace, card, chosen, say
        self.who = label("", wrap=True)
        self.give = button("Give by hand…", "Give a value by hand", self.begin)
        self.end = button("End by hand", "End the value by hand", self._end)
        buttons = QHBoxLayout()
        buttons.addWidget(self.give)
        buttons.addWidget(self.end)
        buttons.addStretch(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.who)
        rows.addLayout(buttons)

    def refresh(self) -> None:
        """Say what holds now of the tag selected in the values, else the first."""
        at, slot = self._at, self._chosen()
        why = by_hand.why_not(at, slot)
        is_held = bool(by_hand.held(at, (slot,))) if slot >= 0 else False
        name = at.specs[slot].name if 0 <= slot < len(at.specs) else ""
        told = f"{name} {by_hand.words(at, slot)}" if is_held else ""
        if told != self.who.text():
            self.who.setText(told)
        self.who.setVisible(is_held)
        for pressed, verb in (
            (self.give, "Give a value of {} by hand"),
            (self.end, "End the value of {} by hand"),
        ):
            pressed.setEnabled(not why)
            pressed.setToolTip(why or verb.format(name))
            pressed.setAccessibleName(verb.format(name))
        self.end.setVisible(is_held)
        self.setVisible(is_held or not why)  # whoever may not sees at least who did

    def begin(self) -> None:
        """Open the card for the chosen tag."""
        slot = self._chosen()
        if why := by_hand.why_not(self._at, slot):
            self._say(f"By hand: {why}")
        else:
            self._card.open(slot)

    def _end(self) -> None:
        by_hand.end(self._at, self._chosen(), lambda why: self._say(f"Not ended: {why}") if why else None)
