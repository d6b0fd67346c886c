"""Who may act on what at this moment: frames seen, locks on targets, rates, tokens. No I/O, time is given."""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from armillary.model.clock import NS
from armillary.model.fault import OrderFault
from armillary.model.order import Arm, OrderState
from armillary.model.tags import TagSpec

TOKEN_NS = 10 * NS
SEEN_NS = NS  # what a person looked at may have been out of date for this long
AHEAD = 1  # a frame may reach a desk just before the gate is told of it
LEASE_NS = 30 * NS
TARGET_EVERY_NS = 2 * NS  # one command per target
ACTOR_COUNT, ACTOR_SPAN_NS = 10, 60 * NS  # commands per actor
KEPT = 4_096  # ended tokens and order ids remembered


class Seen:
    """When each of the newest frames was published."""

    def __init__(self) -> None:
        self._frames: deque[tuple[int, int]] = deque()  # (seq, monotonic ns)

    def note(self, seq: int, now_mono_ns: int) -> None:
        """Take in the number of the newest frame."""
        if not self._frames or seq > self._frames[-1][0]:
            self._frames.append((seq, now_mono_ns))
        while len(self._frames) > 1 and now_mono_ns - self._frames[1][1] > 2 * SEEN_NS:
            self._frames.popleft()

    def check(self, seq: int, tag: str, now_mono_ns: int) -> None:
        """Raise OrderFault when frame `seq` has been out of date for more than a second."""
        later = [mono for number, mono in self._frames if number > seq]
        is_known = bool(self._frames) and self._frames[0][0] <= seq <= self._frames[-1][0] + AHEAD
        if not is_known or (later and now_mono_ns - later[0] > SEEN_NS):
            raise OrderFault(
                "What you were looking at is out of date.", where=tag, remedy="Look again, then order."
            )


class Locks:
    """One writer per target, by leases."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, int]] = {}  # tag -> (actor, until)

    def claim(self, tag: str, actor: str, now_mono_ns: int) -> None:
        """Take or renew a target's lock for 30 s. Raises OrderFault while somebody else holds it."""
        owner, until = self._held.get(tag, (actor, 0))
        if owner != actor and now_mono_ns < until:
            raise OrderFault(f"Held by {owner}.", where=tag, remedy="Wait until that command has ended.")
        self._held[tag] = actor, now_mono_ns + LEASE_NS

    def release(self, tag: str) -> None:
        self._held.pop(tag, None)


class Rates:
    """How often targets and actors were served."""

    def __init__(self) -> None:
        self._target: dict[str, int] = {}
        self._actor: dict[str, deque[int]] = {}

    def check(self, tag: str, actor: str, now_mono_ns: int) -> None:
        """Raise OrderFault when a target or an actor had its share."""
        last = self._target.get(tag)
        if last is not None and now_mono_ns - last < TARGET_EVERY_NS:
            raise OrderFault("The last command was less than 2 s ago.", where=tag, remedy="Wait, then look.")
        mine = self._actor.get(actor)
        if mine and len(mine) == ACTOR_COUNT and now_mono_ns - mine[0] < ACTOR_SPAN_NS:
            raise OrderFault("Ten commands in a minute is the limit.", where=actor, remedy="Wait a little.")

    def count(self, tag: str, actor: str, now_mono_ns: int) -> None:
        self._target[tag] = now_mono_ns
        self._actor.setdefault(actor, deque(maxlen=ACTOR_COUNT)).append(now_mono_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Leave to write, held against a token."""

    wish: Arm
    spec: TagSpec
    old: float
    expires_mono_ns: int
    link_since_ns: int  # a link that went down and came back has another one


class Leaves:
    """Tokens: each can be taken once; what became of it is told to whoever comes with it again."""

    def __init__(self) -> None:
        self._open: dict[str, Leave] = {}
        self._over: OrderedDict[str, tuple[OrderState, OrderFault]] = OrderedDict()
        self._orders: OrderedDict[str, None] = OrderedDict()

    def open(self) -> list[Leave]:
        """Return what is armed now."""
        return list(self._open.values())

    def give(self, leave: Leave) -> str:
        """Return a new token for a leave."""
        token = secrets.token_urlsafe(24)
        self._open[token] = leave
        return token

    def take(self, token: str) -> Leave | None:
        """Return the leave behind a token and use it up; None when there is none (any more)."""
        leave = self._open.pop(token, None)
        if leave is not None:
            tag = leave.spec.name
            used = OrderFault("This leave to write was used before.", where=tag, remedy="Arm it again.")
            self._end(token, OrderState.REFUSED, used)
        return leave

    def why_not(self, token: str, tag: str) -> tuple[OrderState, OrderFault]:
        """Return what became of a token that cannot be taken."""
        unknown = OrderFault("This order was not armed.", where=tag, remedy="Arm it first.")
        return self._over.get(token, (OrderState.REFUSED, unknown))

    def drop(self, which: Callable[[Leave], bool], why: str, state: OrderState) -> list[Leave]:
        """Take back the leaves that `which` names and return them."""
        gone = [(token, leave) for token, leave in self._open.items() if which(leave)]
        for token, leave in gone:
            del self._open[token]
            self._end(
                token, state, OrderFault(f"Disarmed: {why}", where=leave.spec.name, remedy="Arm it again.")
            )
        return [leave for _, leave in gone]

    def is_new(self, order_id: str) -> bool:
        """Return True the first time an order's id is seen."""
        if order_id in self._orders:
            return False
        self._orders[order_id] = None
        while len(self._orders) > KEPT:
            self._orders.popitem(last=False)
        return True

    def _end(self, token: str, state: OrderState, fault: OrderFault) -> None:
        self._over[token] = state, fault
        while len(self._over) > KEPT:
            self._over.popitem(last=False)
