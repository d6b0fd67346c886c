"""Orders: a wish to write to the plant, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from armillary.model.command import Check
from armillary.model.fault import FaultRecord

METHOD = "!"  # in the tag of an order that has no tag: `link!address`, a method of a server


class OrderState(StrEnum):
    """ARMED → ACCEPTED → SENT → VERIFIED, or one of the ends that is not."""

    ARMED = "ARMED"
    ACCEPTED = "ACCEPTED"
    SENT = "SENT"
    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    UNVERIFIED = "UNVERIFIED"


ENDS = (OrderState.VERIFIED, OrderState.REFUSED, OrderState.EXPIRED, OrderState.FAILED, OrderState.UNVERIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Asks the gate for leave to write one tag; answered by Armed or a Fault."""

    tag: str
    value: float
    unit: str
    actor: str  # `name` or `local:<uid>`; the world decides the role
    seen_seq: int  # frame that the person was looking at
    reason: str = ""
    template: str = ""  # id; `tag` may then be left out, and `value` NaN where the template has its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Asks the gate what of its conditions holds now, before anything is armed; answered by Prepared."""

    tag: str
    template: str = ""  # id; `tag` may then be left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the gate found. Leave to nothing: it checks all of it again, and more, to arm and to execute."""

    tag: str
    template: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """Leave to write, for a short time: old → new is shown before it is executed."""

    token: str
    tag: str
    old: float
    new: float
    unit: str
    title: str
    expires_mono_ns: int  # the world's monotonic clock
    expires_s: float  # from now, for a countdown
    template: str = ""
    checks: tuple[Check, ...] = ()  # preconditions and interlocks, as they were found
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Execute what was armed. Sent once, never queued, refused after `not_after_ns`."""

    id: str  # UUID text, the command id
    world: str
    tag: str
    value: float
    unit: str
    actor: str
    token: str  # from Armed
    not_after_ns: int
    expect_seq: int
    reason: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What a command sink is asked to do: one value in the plant's own unit, at one address."""

    id: str
    link: str
    address: str
    value: float
    kind: str  # number | bool | enum | text
    not_after_ns: int
    key: str  # the gate's per-order key
    is_call: bool = False  # of a method, where the protocol has them; `arguments` instead of `value`
    owner: str = ""  # of a method: address of its object; "" = the server says
    arguments: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of an order, at one moment; later receipts of the same order replace it."""

    order: str
    tag: str
    state: OrderState
    t_ns: int
    actor: str
    old: float
    value: float
    unit: str
    detail: FaultRecord | None = None
    read_back: float | None = None
    closed: str = ""  # of one that was not confirmed: who looked at the plant, and what they found


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOrder:
    """Say what was found at the plant of an order that was not confirmed; answered by Done."""

    order: str
    comment: str
