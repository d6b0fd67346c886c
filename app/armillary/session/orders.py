"""Writes, as the desk sees them: arm, countdown, execute, receipts. Decides nothing about permission."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.encoding import texts
from armillary.model.clock import NS, Clock
from armillary.model.command import Check, Template
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import (
    ENDS,
    METHOD,
    Arm,
    Armed,
    CloseOrder,
    Order,
    OrderState,
    Prepare,
    Prepared,
    Receipt,
)
from armillary.model.tags import TagSpec
from armillary.session.mirror import Mirror
from armillary.session.signal import Signal

VALID_S = 5.0  # an order is worth nothing later than this after it was sent
ANSWER_S = 20.0  # the world answers when the plant has, which it awaits for a few seconds
GUARD_S = 0.5  # *Execute* takes no key in this time after arming (operations: command life)
RECEIPTS_KEPT = 500
Ask = Callable[[object, Callable[[object], None], float], None]  # message, callback, timeout in s


@dataclass(frozen=True, slots=True)
class OrderCard:
    """What the card of the order in hand shows."""

    title: str  # `Setpoint of tank T-101`
    change: str  # `2.5 m → 3 m`
    state: str  # a sentence: `Armed: execute within 8 s`, `Verified: reads 3 m`
    tone: str  # idle | armed | running | good | bad
    countdown_s: float  # left to execute; 0 when not armed
    fault: FaultRecord | None
    can_execute: bool
    slot: int
    template: str = ""  # id
    checks: tuple[Check, ...] = ()  # as the gate found them when it was armed
    effect: str = ""


@dataclass(slots=True)
class _InHand:
    """The order in hand, from arming to its end."""

    spec: TagSpec
    value: float
    reason: str
    old: float
    number: int
    armed_mono_ns: int = 0  # this machine's clock
    expires_mono_ns: int = 0
    order: str = ""  # its id once it was executed
    receipt: Receipt | None = None
    fault: FaultRecord | None = None
    over: str = ""  # why it ended before it was executed
    template: str = ""
    checks: tuple[Check, ...] = ()
    effect: str = ""
    link_since_ns: int = 0  # since when its link was up when it was armed; 0 = not known yet


class Orders:
    """The order in hand (one at a time) and what became of earlier ones."""

    def __init__(
        self,
        clock: Clock,
        actor: str,
        ask: Ask,
        mirror: Callable[[], Mirror],
        specs: Callable[[], Sequence[TagSpec]],
    ) -> None:
        self.changed: Signal[()] = Signal()
        self.receipts: dict[str, Receipt] = {}  # order id -> newest receipt
        self.armed: Armed | None = None
        self._clock, self._actor, self._ask = clock, actor, ask
        self._mirror, self._specs = mirror, specs
        self._hand: _InHand | None = None
        self._number = 0
        self.prepared: Prepared | None = None  # what the gate found last of the command being prepared
        self._preparing = False

    def prepare(self, tag: str, template: str = "") -> None:
        """Ask the gate what of a command's conditions holds now: `prepared` follows. Arms nothing.

        One question at a time; what cannot be asked leaves no findings, and arming says why.
        """
        known = self.prepared
        if known is not None and (known.template != template or (not template and known.tag != tag)):
            self.prepared = None
        if self._preparing or self._mirror().kind is not WorldKind.LIVE:
            return
        self._preparing = True

        def answered(answer: object) -> None:
            self._preparing = False
            self.prepared = answer if isinstance(answer, Prepared) else None
            self.changed.emit()

        self._ask(Prepare(tag=tag, template=template), answered, ANSWER_S)

    def why_not(self, slot: int) -> str:
        """Return why a tag cannot be written from here, "" when the world may be asked."""
        mirror, specs = self._mirror(), self._specs()
        if not 0 <= slot < len(specs):
            return "Select a tag."
        if not specs[slot].writable:
            return "This tag is not writable; an engineer can allow it in twins.json."
        if mirror.kind not in (WorldKind.LIVE, WorldKind.TRAINING):
            return f"A {mirror.kind.value} world takes no commands."
        return "" if mirror.live else "Not connected: nothing can be sent."

    def arm(self, slot: int, value: float, reason: str = "") -> None:
        """Ask the world's gate for leave to write a tag; the answer changes `card`."""
        mirror, spec = self._mirror(), self._specs()[slot]
        wish = Arm(
            tag=spec.name,
            value=value,
            unit=spec.unit,
            actor=self._actor,
            seen_seq=mirror.seq,
            reason=reason,
        )
        self._wish(spec, float(mirror.table.value[slot]), wish)

    def arm_template(self, template: Template, value: float = math.nan, reason: str = "") -> None:
        """Ask the world's gate for leave to carry out a template; `value` is its parameter, if it has one.

        The templates are those of the world's Welcome; what the gate found of its conditions is in `armed`.
        """
        mirror = self._mirror()
        spec = next((s for s in self._specs() if s.name == template.tag), None)
        old = math.nan if spec is None else float(mirror.table.value[spec.slot])
        unit = template.parameter.unit if template.parameter is not None else ""
        shown = TagSpec(slot=-1, name=template.id, unit=unit) if spec is None else spec
        wish = Arm(
            tag="",
            value=value,
            unit=unit,
            actor=self._actor,
            seen_seq=mirror.seq,
            reason=reason,
            template=template.id,
        )
        self._wish(replace(shown, title=template.title or template.id), old, wish)

    def _wish(self, spec: TagSpec, old: float, wish: Arm) -> None:
        self._number += 1
        number = self._number
        self.armed = None
        self._hand = _InHand(spec, wish.value, wish.reason, old, number, template=wish.template)
        self._ask(wish, lambda answer: self._armed(number, answer), ANSWER_S)
        self.changed.emit()

    def execute(self) -> None:
        """Send the armed order once. Nothing happens when nothing is armed or its time is over."""
        hand, armed = self._hand, self.armed
        now_mono = self._clock.now_mono_ns()
        if hand is None or armed is None or hand.order or not self._time_left_s(now_mono) > 0:
            return
        mirror = self._mirror()
        hand.order = str(uuid.uuid4())
        order = Order(
            id=hand.order,
            world=mirror.world,
            tag=armed.tag,
            value=armed.new,
            unit=armed.unit,
            actor=self._actor,
            token=armed.token,
            not_after_ns=self._clock.now_ns() + int(VALID_S * NS),
            expect_seq=mirror.seq,
            reason=hand.reason,
            template=armed.template,
        )
        self.armed = None
        number = hand.number
        self._ask(order, lambda answer: self._executed(number, answer), ANSWER_S)
        self.changed.emit()

    def cancel(self) -> None:
        """Forget the order in hand; what is armed expires at the gate, what was sent goes on."""
        if self._hand is not None:
            self._hand, self.armed = None, None
            self._number += 1
            self.changed.emit()

    def forget(self) -> None:
        """Forget all orders: something else is open."""
        self.receipts.clear()
        self._hand, self.armed = None, None
        self._number += 1

    def take(self, receipts: Sequence[Receipt]) -> None:
        """Take receipts out of a frame: those of the order in hand change its card."""
        for receipt in receipts:
            self.receipts[receipt.order] = receipt
            if self._hand is not None and receipt.order == self._hand.order:
                self._hand.receipt = receipt
        while len(self.receipts) > RECEIPTS_KEPT:
            self.receipts.pop(next(iter(self.receipts)))
        if receipts:
            self.changed.emit()

    def unconfirmed(self) -> tuple[Receipt, ...]:
        """Return the orders that nobody knows the outcome of, and nobody has looked after; oldest first."""
        return tuple(r for r in self.receipts.values() if r.state is OrderState.UNVERIFIED and not r.closed)

    def close_unconfirmed(
        self, order: str, comment: str, told: Callable[[FaultRecord | None], None] = lambda _fault: None
    ) -> None:
        """Tell the world what was found at the plant: the card goes on all desks."""

        def answered(answer: object) -> None:
            told(answer if isinstance(answer, FaultRecord) else None)

        self._ask(CloseOrder(order=order, comment=comment), answered, ANSWER_S)

    def watch(self, links: Sequence[LinkStatus]) -> None:
        """Take back what is armed when its link was lost since, also if it is back: so does the gate."""
        hand = self._hand
        if self.armed is None or hand is None:
            return
        status = next((each for each in links if each.name == hand.spec.link), None)
        if status is None:
            return
        is_up = status.state is LinkState.UP  # as the gate has it
        if not is_up or hand.link_since_ns not in (0, status.since_ns):
            self.armed, hand.over = None, "Disarmed: link lost, the command was not sent."
            self.changed.emit()
        hand.link_since_ns = hand.link_since_ns or status.since_ns

    def disarm(self, why: str) -> None:
        """Take back what is armed: the world fell silent, or something else was selected."""
        if self.armed is not None and self._hand is not None:
            self.armed, self._hand.over = None, f"Disarmed: {why}"
            self.changed.emit()

    def card(self, now_mono_ns: int) -> OrderCard | None:
        """Return what the card shows now, None when there is no order in hand."""
        hand = self._hand
        if hand is None:
            return None
        left = self._time_left_s(now_mono_ns)
        state, tone = self._state(hand, left)
        unit = hand.spec.unit
        return OrderCard(
            title=hand.spec.title or hand.spec.name,
            change=change_text(hand.spec, hand.old, hand.value, unit),
            state=state,
            tone=tone,
            countdown_s=left,
            fault=hand.fault or (hand.receipt.detail if hand.receipt is not None else None),
            can_execute=left > 0 and now_mono_ns - hand.armed_mono_ns >= GUARD_S * NS,
            slot=hand.spec.slot,
            template=hand.template,
            checks=hand.checks,
            effect=hand.effect,
        )

    @property
    def is_counting(self) -> bool:
        """Whether a countdown is shown, so that the card must be drawn again and again."""
        return self.armed is not None

    # ------------------------------------------------------------ answers

    def _armed(self, number: int, answer: object) -> None:
        hand = self._hand
        if hand is None or hand.number != number:
            return  # it was cancelled meanwhile; the gate lets it expire
        if isinstance(answer, Armed):
            self.armed, hand.old, hand.value = answer, answer.old, answer.new
            hand.checks, hand.effect = answer.checks, answer.effect
            hand.armed_mono_ns = self._clock.now_mono_ns()
            hand.expires_mono_ns = hand.armed_mono_ns + int(answer.expires_s * NS)
        else:
            hand.fault = _as_fault(answer)
        self.changed.emit()

    def _executed(self, number: int, answer: object) -> None:
        if isinstance(answer, Receipt):
            known = self.receipts.get(answer.order)
            if known is None or known.t_ns <= answer.t_ns:  # a frame may have told more already
                self.take((answer,))
            return
        if self._hand is not None and self._hand.number == number:
            self._hand.fault = _as_fault(answer)
            self.changed.emit()

    def _time_left_s(self, now_mono_ns: int) -> float:
        if self.armed is None or self._hand is None:
            return 0.0
        return max(0.0, (self._hand.expires_mono_ns - now_mono_ns) / NS)

    def _state(self, hand: _InHand, left_s: float) -> tuple[str, str]:
        if hand.receipt is not None:
            return receipt_text(hand.receipt, dict(hand.spec.states)), _tone(hand.receipt.state)
        if hand.fault is not None:
            return hand.fault.what, "bad"
        if hand.over:
            return hand.over, "bad"
        if hand.order:
            return "Sending …", "running"
        if self.armed is None:
            return "Asking for leave …", "running"
        if left_s <= 0:
            return "Expired: nothing was sent. Prepare it again.", "bad"
        return f"Armed: execute within {left_s:.0f} s", "armed"


def change_text(spec: TagSpec, old: float, new: float, unit: str) -> str:
    """Return what an order changes; a method has no value that a person would know."""
    if math.isnan(old) and spec.slot < 0 and not unit:
        return "called once"
    return f"{_shown(spec, old, unit)} → {_shown(spec, new, unit)}"


def receipt_text(receipt: Receipt, states: Mapping[float, str] | None = None) -> str:
    """Return what became of an order, in a sentence; `states` names the values of a tag that has names."""
    why = f": {receipt.detail.what}" if receipt.detail is not None else ""
    read = ""
    if receipt.read_back is not None and METHOD not in receipt.tag:  # its proof is that a condition holds
        named = (states or {}).get(receipt.read_back)
        read = named or texts.number(receipt.read_back, receipt.unit)
    return {
        OrderState.ARMED: "Armed",
        OrderState.ACCEPTED: "Accepted: being sent",
        OrderState.SENT: "Outcome unknown: reading back…" if why else "Sent: waiting for the read-back",
        OrderState.VERIFIED: f"Verified: reads {read}" if read else "Verified",
        OrderState.REFUSED: f"Refused{why}",
        OrderState.EXPIRED: f"Expired{why or ': nothing was sent'}",
        OrderState.FAILED: f"Failed{why}",
        OrderState.UNVERIFIED: f"NOT CONFIRMED: check the plant{f', it reads {read}' if read else ''}",
    }[receipt.state]


def _tone(state: OrderState) -> str:
    if state is OrderState.VERIFIED:
        return "good"
    return "bad" if state in ENDS else "running"


def _shown(spec: TagSpec, value: float, unit: str) -> str:
    named: Mapping[float, str] = dict(spec.states)
    return named.get(value) or texts.number(value, unit)


def _as_fault(answer: object) -> FaultRecord:
    if isinstance(answer, FaultRecord):
        return answer
    return FaultRecord(
        kind="OrderFault",
        what="The world answered something else.",
        where=type(answer).__name__,
        remedy="See its log file.",
    )


def value_text(value: float, unit: str = "") -> str:
    """Return a value with its unit, as everywhere on the desk."""
    return texts.number(value, unit)
