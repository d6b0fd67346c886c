"""Orders of an exercise: the same two steps as at the gate, and they end at the simulator's inputs.

It is no gate and holds no sink. What is armed lapses, what was sent is compared with what the simulated
plant shows, and a receipt tells how it went.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import replace

from armillary.model.account import LoggedIn
from armillary.model.clock import NS
from armillary.model.fault import OrderFault, record
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.tags import TagSpec, TagTable
from armillary.world.drill import Drill
from armillary.world.permit import check_value

TOKEN_S = 10.0
VERIFY_S = 30.0  # simulated
TOLERANCE = 1e-3  # of the value, at least this much absolutely


class Orders:
    """What was armed, what is under way, and the receipts that are still to be told."""

    def __init__(self, drill: Drill, specs: Sequence[TagSpec]) -> None:
        self._drill, self._specs = drill, {spec.name: spec for spec in specs}
        self._armed: dict[str, tuple[Arm, str, int]] = {}
        self._flying: dict[str, tuple[Receipt, float]] = {}
        self._receipts: list[Receipt] = []

    def arm(self, wish: Arm, who: LoggedIn, shown: TagTable, now_mono_ns: int) -> Armed:
        """Return the old and the new value, and a token for a while. Raises OrderFault."""
        spec = self._specs.get(wish.tag)
        if spec is None:
            raise OrderFault("There is no such tag.", where=wish.tag, remedy="Choose a tag of this world.")
        self._need_running(wish.tag)
        check_value(spec, wish.value, wish.unit)
        token = secrets.token_urlsafe(16)
        expires = now_mono_ns + int(TOKEN_S * NS)
        self._armed[token] = (wish, who.user, expires)
        return Armed(
            token=token,
            tag=spec.name,
            old=float(shown.value[spec.slot]),
            new=wish.value,
            unit=spec.unit,
            title=f"{spec.title or spec.name} (simulated)",
            expires_mono_ns=expires,
            expires_s=TOKEN_S,
        )

    def execute(self, order: Order, who: LoggedIn, shown: TagTable, now_mono_ns: int) -> Receipt:
        """Give what was armed to the simulator; return how that began."""
        spec = self._specs.get(order.tag)
        receipt = Receipt(
            order=order.id,
            tag=order.tag,
            state=OrderState.SENT,
            t_ns=self._drill.t_ns,
            actor=who.user,
            old=float(shown.value[spec.slot]) if spec is not None else math.nan,
            value=order.value,
            unit=order.unit,
        )
        try:
            self._check(order, who, now_mono_ns)
            self._drill.command(order.tag, order.value, who.user)
        except OrderFault as fault:
            return self._note(replace(receipt, state=OrderState.REFUSED, detail=record(fault)))
        self._flying[order.tag] = (receipt, self._drill.t_s + VERIFY_S)
        return self._note(receipt)

    def verify(self) -> None:
        """Compare what was commanded with what the simulated plant shows."""
        table = self._drill.core.table
        for tag, (receipt, until_s) in list(self._flying.items()):
            shown = float(table.value[self._specs[tag].slot])
            near = abs(shown - receipt.value) <= max(TOLERANCE, TOLERANCE * abs(receipt.value))
            if near or self._drill.t_s > until_s:
                state = OrderState.VERIFIED if near else OrderState.UNVERIFIED
                del self._flying[tag]
                self._note(replace(receipt, state=state, t_ns=self._drill.t_ns, read_back=shown))

    def forget(self) -> None:
        """Give up what is armed or under way: time went back."""
        self._flying.clear()
        self._armed.clear()

    def take(self) -> tuple[Receipt, ...]:
        """Return the receipts since the last call."""
        out, self._receipts = tuple(self._receipts), []
        return out

    def _check(self, order: Order, who: LoggedIn, now_mono_ns: int) -> None:
        wish, user, expires = self._armed.pop(order.token, (None, "", 0))
        same = wish is not None and (wish.tag, wish.value, user) == (order.tag, order.value, who.user)
        if not same or now_mono_ns > expires:
            raise OrderFault(
                "The order is not what was armed, or too late.", where=order.tag, remedy="Arm it again."
            )
        self._need_running(order.tag)

    def _need_running(self, tag: str) -> None:
        if self._drill.over:
            raise OrderFault("The exercise is over.", where=tag, remedy="Start another.")

    def _note(self, receipt: Receipt) -> Receipt:
        self._receipts.append(receipt)
        return receipt
