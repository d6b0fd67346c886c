"""The card of one command: what must hold, new value with limits, arm, old → new with countdown, execute.

The command is a write of one tag, or one of the project's templates (commands.toml).
"""

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
from armillary.model.command import Template
from armillary.model.frame import WorldKind
from armillary.model.tags import TagSpec
from armillary.session.orders import value_text
from armillary.session.workspace import Workspace
from armillary.ui.command_parts import Findings, choices, limits_text, narrowed, parse
from armillary.ui.pieces import label, restyle

KEYS_WAIT_S = 0.5  # Enter and Space do not execute before (operations 4.2)
REFRESH_MS = 200
ASK_TICKS = 5  # of REFRESH_MS: how often the gate is asked what holds
_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class WriteCard(QFrame):
    """One order in hand. What may be written is decided by the world's gate, never here."""

    closed = Signal()

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace, self._clock = workspace, clock
        self._slot = -1
        self._spec: TagSpec | None = None  # what is written, None while the card is closed
        self._template: Template | None = None
        self._ticks = 0
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
        self.findings = Findings()
        self.effect = label("", wrap=True)
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
        self._tick.timeout.connect(self._ticked)
        workspace.orders.changed.connect(self.refresh)
        workspace.visited.connect(lambda: self.close_card() if self.is_open else None)
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
        parts = (self.hint, self.change, self.effect, self.findings, self.left, self.state, self.remedy)
        for widget in parts:
            rows.addWidget(widget)
        rows.addLayout(buttons)

    # ------------------------------------------------------------ opening
    def open(self, slot: int, value: float = math.nan, source: str = "") -> None:
        """Show the form for a tag; `value` fills it in, `source` says where that came from. Sends nothing."""
        spec = self._workspace.specs[slot]
        self._open(spec, None, source)
        if math.isfinite(value):
            self.entry.setText(f"{value:g}")
            self.choice.setCurrentIndex(max(0, self.choice.findData(value)))
        self.refresh()
        (self.choice if choices(spec) else self.entry).setFocus()

    def open_template(self, template: Template) -> None:
        """Show the form of a template. Sends nothing."""
        known = next((s for s in self._workspace.specs if s.name == template.tag), None)
        self._open(narrowed(known, template), template, "")
        self.refresh()
        (self.entry if template.parameter is not None else self.arm).setFocus()

    def _open(self, spec: TagSpec, template: Template | None, source: str) -> None:
        same = (self._spec and self._spec.name, self._template) == (spec.name, template)
        if self.is_open and not same:
            self._workspace.orders.cancel()
        self._slot, self._spec, self._template = spec.slot, spec, template
        self._reason = source
        self.source.setText(source)
        self.source.setVisible(bool(source))
        self.title.setText(spec.title or spec.name)
        self.effect.setText(template.effect if template is not None else "")
        self.effect.setVisible(bool(self.effect.text()))
        self.entry.clear()
        self.entry.setAccessibleName(f"New value of {spec.name}")
        self.choice.clear()
        for state, name in choices(spec):
            self.choice.addItem(name, state)
        self.unit.setText(spec.unit)
        self._ticks = 0
        self._prepare()
        self.show()
        self._tick.start()

    @property
    def is_open(self) -> bool:
        """Whether a command is shown."""
        return self._spec is not None

    @property
    def _is_fixed(self) -> bool:
        """Whether what is sent is settled by the template: nothing is asked."""
        return self._template is not None and self._template.parameter is None

    def _prepare(self) -> None:
        spec = self._spec
        if self._template is not None:
            self._workspace.orders.prepare("", self._template.id)
        elif spec is not None:
            self._workspace.orders.prepare(spec.name)

    def _ticked(self) -> None:
        self._ticks += 1
        if self._ticks % ASK_TICKS == 0 and self.arm.isVisibleTo(self):
            self._prepare()
        self.refresh()

    @property
    def slot(self) -> int:
        """The tag that the card is about, -1 when it is closed."""
        return self._slot

    def close_card(self) -> None:
        """Forget the order in hand and hide."""
        self._workspace.orders.cancel()
        self._slot, self._spec, self._template = -1, None, None
        self._tick.stop()
        self.hide()
        self.closed.emit()

    # ------------------------------------------------------------ showing
    def refresh(self) -> None:
        """Show the order in hand as it is now."""
        spec = self._spec
        if spec is None:
            return
        now_mono_ns = self._clock.now_mono_ns()
        card = self._workspace.orders.card(now_mono_ns)
        mine = (spec.slot, self._template.id if self._template is not None else "")
        if card is not None and (card.slot, card.template) != mine:
            card = None
        now = ""
        if spec.slot >= 0:
            now = f" · now {self._workspace.tag_rows((spec.slot,), now_mono_ns)[0].value}"
        self.now.setText(f"{spec.name}{now}")
        is_simulated = self._workspace.kind is WorldKind.TRAINING
        if self.arm.property("simulate") != is_simulated:
            for button, word in ((self.arm, "Arm"), (self.execute, "Execute")):
                button.setProperty("simulate", is_simulated)
                button.setText(f"{word} (simulate)" if is_simulated else word)
                restyle(button)
        is_form = card is None or card.tone == "idle"
        asks = is_form and not self._is_fixed
        self.entry.setVisible(asks and not choices(spec))
        self.choice.setVisible(asks and bool(choices(spec)))
        self.unit.setVisible(asks)
        for widget in (self.hint, self.arm):
            widget.setVisible(is_form)
        found = self._workspace.orders.prepared
        is_mine = found is not None and (found.template == mine[1] if mine[1] else found.tag == spec.name)
        if is_form:
            self.findings.tell(found.checks if found is not None and is_mine else ())
        else:
            self.findings.tell(card.checks if card is not None and card.tone == "armed" else ())
        is_armed = card is not None and card.tone == "armed"
        self.effect.setVisible(bool(self.effect.text()) and (is_form or is_armed))
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
        spec = self._spec
        if spec is None:
            return
        why = self._workspace.orders.why_not(spec.slot) if self._template is None else self._why_no_template()
        value, problem = self._value(spec)
        limits = "" if choices(spec) or self._is_fixed else limits_text(spec)
        missing = self.findings.first_missing
        self.hint.setText(why or problem or self._sends() or limits)
        self.arm.setEnabled(not (why or missing) and value is not None)
        self.arm.setToolTip(why or problem or missing)

    def _value(self, spec: TagSpec) -> tuple[float | None, str]:
        """Return (what would be sent, why it cannot be)."""
        if self._is_fixed:
            return math.nan, ""  # the template's own
        if choices(spec):
            chosen = self.choice.currentData()  # None while another tag's states are filled in
            return (float(chosen), "") if chosen is not None else (None, "Choose a value.")
        return parse(self.entry.text(), spec)

    def _sends(self) -> str:
        spec, template = self._spec, self._template
        if spec is None or template is None or not self._is_fixed:
            return ""
        if not math.isfinite(template.value) or template.calls:
            return "Calls the method, without a value."
        return f"Sends {dict(spec.states).get(template.value) or value_text(template.value, spec.unit)}"

    def _why_no_template(self) -> str:
        mirror = self._workspace.mirror
        if self._workspace.kind is not WorldKind.LIVE:
            return f"A {self._workspace.kind.value} world takes no commands."
        return "" if mirror.live else "Not connected: nothing can be sent."

    # ------------------------------------------------------------ acting
    def _arm(self) -> None:
        spec = self._spec
        if spec is None or not self.arm.isEnabled() or not self.arm.isVisibleTo(self):
            return
        value, _ = self._value(spec)
        if value is None:
            return
        if self._template is not None:
            self._workspace.orders.arm_template(self._template, value, self._reason)
        else:
            self._workspace.orders.arm(spec.slot, value, self._reason)

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
