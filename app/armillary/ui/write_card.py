"""The card of one write: new value with unit and limits, arm, old → new with countdown, execute, outcome."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from armillary.model.clock import NS, Clock
from armillary.model.frame import WorldKind
from armillary.model.tags import TagSpec
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label, restyle

KEYS_WAIT_S = 0.5  # Enter and Space do not execute before (operations 4.2)
REFRESH_MS = 200
_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


def limits_text(spec: TagSpec) -> str:
    """Return the limits of a setpoint in words, "" when there are none."""
    low, high = spec.write_low, spec.write_high
    unit = f" {spec.unit}" if spec.unit else ""
    if math.isfinite(low) and math.isfinite(high):
        return f"Limits {low:g} … {high:g}{unit}"
    if math.isfinite(low):
        return f"At least {low:g}{unit}"
    return f"At most {high:g}{unit}" if math.isfinite(high) else ""


def parse(text: str, spec: TagSpec) -> tuple[float | None, str]:
    """Return (value, "") of what was typed, or (None, why it cannot be taken)."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None, "Type a number." if text.strip() else ""
    if not math.isfinite(value):
        return None, "Type a finite number."
    if not spec.write_low <= value <= spec.write_high:
        return None, f"{text.strip()} is outside. {limits_text(spec)}."
    return value, ""


def choices(spec: TagSpec) -> tuple[tuple[float, str], ...]:
    """Return the states that a tag can be set to, () for one that takes a number."""
    return spec.states or (((0.0, "false"), (1.0, "true")) if spec.kind == "bool" else ())


class WriteCard(QFrame):
    """One order in hand. What may be written is decided by the world's gate, never here."""

    closed = Signal()

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace, self._clock = workspace, clock
        self._slot = -1
        self._reason = ""  # where the value came from, for the audit
        self._armed_mono_ns = 0
        self._span_s = 0.0
        self.setProperty("role", "card")
        self.setAccessibleName("Write a value to the plant")
        self.title = label("", "value", wrap=True)
        self.now = label("", "muted", wrap=True)
        self.source = label("", wrap=True)
        self.source.hide()
        self.entry = QLineEdit()
        self.choice = QComboBox()
        self.unit = label()
        self.hint = label("", "muted", wrap=True)
        self.change = label("", "value", wrap=True)
        self.state = label("", wrap=True)
        self.remedy = label("", "muted", wrap=True)
        self.left = QProgressBar()
        self.left.setTextVisible(False)
        self.left.setAccessibleName("Time left to execute")
        self.arm = QPushButton("Arm")
        self.execute = QPushButton("Execute")
        self.cancel = QPushButton("Cancel")
        self._lay_out()
        self.entry.textChanged.connect(self._typed)
        self.entry.returnPressed.connect(self._arm)
        self.arm.clicked.connect(self._arm)
        self.execute.clicked.connect(self._execute)
        self.execute.installEventFilter(self)
        self.cancel.clicked.connect(self._cancel)
        self._tick = QTimer(self)
        self._tick.setInterval(REFRESH_MS)
        self._tick.timeout.connect(self.refresh)
        workspace.orders.changed.connect(self.refresh)
        workspace.visited.connect(lambda: self.close_card() if self._slot >= 0 else None)
        self.hide()

    def _lay_out(self) -> None:
        for button, name, primary in (
            (self.arm, "Arm the write", True),
            (self.execute, "Execute the armed write", True),
            (self.cancel, "Cancel the write", False),
        ):
            button.setAccessibleName(name)
            button.setProperty("primary", primary)
            button.setAutoDefault(False)
            button.setMinimumHeight(32)
        self.choice.setAccessibleName("New state")
        self.entry.setAccessibleName("New value")
        entry = QHBoxLayout()
        entry.addWidget(self.entry, 1)
        entry.addWidget(self.choice, 1)
        entry.addWidget(self.unit)
        # Execute stands at the other end than Arm: two clicks at one place never write
        buttons = QHBoxLayout()
        buttons.addWidget(self.execute)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.arm)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.setSpacing(6)
        rows.addWidget(self.title)
        rows.addWidget(self.now)
        rows.addWidget(self.source)
        rows.addLayout(entry)
        for widget in (self.hint, self.change, self.left, self.state, self.remedy):
            rows.addWidget(widget)
        rows.addLayout(buttons)

    # ------------------------------------------------------------ opening
    def open(self, slot: int, value: float = math.nan, source: str = "") -> None:
        """Show the form for a tag; `value` fills it in, `source` says where that came from. Sends nothing."""
        spec = self._workspace.specs[slot]
        if self._slot >= 0 and self._slot != slot:
            self._workspace.orders.cancel()
        self._slot = slot
        self._reason = source
        self.source.setText(source)
        self.source.setVisible(bool(source))
        self.title.setText(spec.title or spec.name)
        self.entry.clear()
        self.entry.setAccessibleName(f"New value of {spec.name}")
        self.choice.clear()
        for state, name in choices(spec):
            self.choice.addItem(name, state)
        if math.isfinite(value):
            self.entry.setText(f"{value:g}")
            self.choice.setCurrentIndex(max(0, self.choice.findData(value)))
        self.unit.setText(spec.unit)
        self.show()
        self._tick.start()
        self.refresh()
        (self.choice if choices(spec) else self.entry).setFocus()

    @property
    def slot(self) -> int:
        """The tag that the card is about, -1 when it is closed."""
        return self._slot

    def close_card(self) -> None:
        """Forget the order in hand and hide."""
        self._workspace.orders.cancel()
        self._slot = -1
        self._tick.stop()
        self.hide()
        self.closed.emit()

    # ------------------------------------------------------------ showing
    def refresh(self) -> None:
        """Show the order in hand as it is now."""
        if self._slot < 0:
            return
        now_mono_ns = self._clock.now_mono_ns()
        spec = self._workspace.specs[self._slot]
        row = self._workspace.tag_rows((self._slot,), now_mono_ns)[0]
        card = self._workspace.orders.card(now_mono_ns)
        if card is not None and card.slot != self._slot:
            card = None
        self.now.setText(f"{spec.name} · now {row.value}")
        is_simulated = self._workspace.kind is WorldKind.TRAINING
        if self.arm.property("simulate") != is_simulated:
            for button, word in ((self.arm, "Arm"), (self.execute, "Execute")):
                button.setProperty("simulate", is_simulated)
                button.setText(f"{word} (simulate)" if is_simulated else word)
                restyle(button)
        is_form = card is None or card.tone == "idle"
        self.entry.setVisible(is_form and not choices(spec))
        self.choice.setVisible(is_form and bool(choices(spec)))
        for widget in (self.unit, self.hint, self.arm):
            widget.setVisible(is_form)
        self.cancel.setText("Cancel" if is_form or (card is not None and card.tone == "armed") else "Close")
        self.change.setVisible(card is not None and not is_form)
        self.execute.setVisible(card is not None and card.tone == "armed")
        self.left.setVisible(card is not None and card.tone == "armed")
        self.state.setVisible(card is not None)
        if card is None:
            self.remedy.hide()
            self._armed_mono_ns = 0
            self._typed()
            return
        self.change.setText(card.change)
        self.state.setText(card.state)
        self.remedy.setText(card.fault.remedy if card.fault is not None else "")
        self.remedy.setVisible(bool(self.remedy.text()))
        if card.tone == "armed":
            if not self._armed_mono_ns:
                self._armed_mono_ns, self._span_s = now_mono_ns, max(card.countdown_s, 0.1)
            self.execute.setEnabled(card.can_execute)
            self.left.setMaximum(round(self._span_s * 10))
            self.left.setValue(round(card.countdown_s * 10))
        else:
            self._armed_mono_ns = 0
        if is_form:
            self._typed()

    def _typed(self) -> None:
        if self._slot < 0:
            return
        spec = self._workspace.specs[self._slot]
        why = self._workspace.orders.why_not(self._slot)
        value, problem = (0.0, "") if choices(spec) else parse(self.entry.text(), spec)
        self.hint.setText(why or problem or ("" if choices(spec) else limits_text(spec)))
        self.arm.setEnabled(not why and value is not None)
        self.arm.setToolTip(why or problem)

    # ------------------------------------------------------------ acting
    def _arm(self) -> None:
        if self._slot < 0 or not self.arm.isEnabled() or not self.arm.isVisibleTo(self):
            return
        spec = self._workspace.specs[self._slot]
        value = float(self.choice.currentData()) if choices(spec) else parse(self.entry.text(), spec)[0]
        if value is not None:
            self._workspace.orders.arm(self._slot, value, self._reason)

    def _execute(self) -> None:
        self.execute.setEnabled(False)  # one try
        self._workspace.orders.execute()

    def _cancel(self) -> None:
        self.close_card()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        """Swallow Enter and Space on Execute right after arming, and keys that repeat."""
        if isinstance(event, QKeyEvent) and event.key() in _KEYS:
            held_ns = self._clock.now_mono_ns() - self._armed_mono_ns
            return event.isAutoRepeat() or held_ns < KEYS_WAIT_S * NS
        return False
