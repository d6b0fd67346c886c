"""Orders of an exercise: the same two steps as at the gate, and they end at the simulator's inputs.

It is no gate and holds no sink. Templates are checked as there: role, limits, preconditions, interlocks, and
their own read-back. What is armed lapses, what was sent is compared with what the simulated
plant shows, and a receipt tells how it went.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import replace

from armillary.model.account import LoggedIn, may
from armillary.model.clock import NS
from armillary.model.command import Interlock, Template
from armillary.model.fault import OrderFault, record
from armillary.model.order import Arm, Armed, Order, OrderState, Prepare, Prepared, Receipt
from armillary.model.tags import TagSpec, TagTable
from armillary.world.aims import Aim, Aims
from armillary.world.drill import Drill
from armillary.world.interlocks import Conditions, Senses
from armillary.world.permit import check_value
from armillary.world.readback import ProofBack
from armillary.world.stepping import MONO_NS

TOKEN_S = 10.0
VERIFY_S = 30.0  # simulated
TOLERANCE = 1e-3  # of the value, at least this much absolutely


class Orders:
    """What was armed, what is under way, and the receipts that are still to be told."""

    def __init__(
        self,
        drill: Drill,
        specs: Sequence[TagSpec],
        templates: Sequence[Template] = (),
        interlocks: Sequence[Interlock] = (),
    ) -> None:
        """Raises ProjectFault for a precondition or interlock that cannot be evaluated."""
        self._drill = drill
        self._aims = Aims(specs, templates)
        self._specs = {spec.name: spec for spec in specs}
        self._senses = Senses(specs, drill.core.table)
        self._conditions = Conditions(self._senses, templates, interlocks)
        self._armed: dict[str, tuple[Arm, str, int]] = {}
        self._flying: dict[str, tuple[Receipt, float, ProofBack | None]] = {}
        self._receipts: list[Receipt] = []

    def prepare(self, wish: Prepare, who: LoggedIn) -> Prepared:
        """Return what of the conditions of a command holds now; arms nothing. Raises OrderFault."""
        aim = self._aims.of(wish.tag, wish.template)
        checks = self._conditions.checks(aim.spec.name, aim.template, self._mono_ns())
        return Prepared(tag=aim.spec.name, template=wish.template, checks=checks)

    def arm(self, wish: Arm, who: LoggedIn, shown: TagTable, now_mono_ns: int) -> Armed:
        """Return the old and the new value, and a token for a while. Raises OrderFault."""
        aim = self._aims.of(wish.tag, wish.template)
        wish, spec = self._aims.fixed(aim, wish), aim.spec
        self._need_running(wish.tag)
        self._need_role(aim, who)
        check_value(spec, wish.value, wish.unit)
        checks = self._conditions.require(spec.name, aim.template, self._mono_ns())
        token = secrets.token_urlsafe(16)
        expires = now_mono_ns + int(TOKEN_S * NS)
        self._armed[token] = (wish, who.user, expires)
        return Armed(
            token=token,
            tag=spec.name,
            old=aim.shown(shown),
            new=wish.value,
            unit=spec.unit,
            title=f"{aim.title} (simulated)",
            expires_mono_ns=expires,
            expires_s=TOKEN_S,
            template=wish.template,
            checks=checks,
            effect=aim.template.effect if aim.template is not None else "",
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
        proof = None
        try:
            self._check(order, who, now_mono_ns)
            aim = self._aims.of(order.tag, order.template)
            self._conditions.require(aim.spec.name, aim.template, self._mono_ns())
            proof = self._proof(aim, order.value)
            self._drill.command(order.tag, order.value, who.user)
        except OrderFault as fault:
            return self._note(replace(receipt, state=OrderState.REFUSED, detail=record(fault)))
        limit_s = proof.proof.verify_timeout_s if proof is not None else VERIFY_S
        self._flying[order.tag] = (receipt, self._drill.t_s + limit_s, proof)
        return self._note(receipt)

    def verify(self) -> None:
        """Compare what was commanded with what the simulated plant shows."""
        table = self._drill.core.table
        for tag, (receipt, until_s, proof) in list(self._flying.items()):
            if proof is not None:
                self._look(tag, receipt, proof)
                continue
            shown = float(table.value[self._specs[tag].slot])
            near = abs(shown - receipt.value) <= max(TOLERANCE, TOLERANCE * abs(receipt.value))
            if near or self._drill.t_s > until_s:
                state = OrderState.VERIFIED if near else OrderState.UNVERIFIED
                del self._flying[tag]
                self._note(replace(receipt, state=state, t_ns=self._drill.t_ns, read_back=shown))

    def _look(self, tag: str, receipt: Receipt, proof: ProofBack) -> None:
        """Note what a template's own read-back says, once it says something."""
        verdict = proof.look(self._drill.core.table, self._mono_ns(), acknowledged=True)
        if verdict is not None:
            state, why, shown = verdict
            del self._flying[tag]
            detail = record(why) if why is not None else None
            self._note(replace(receipt, state=state, t_ns=self._drill.t_ns, read_back=shown, detail=detail))

    def _proof(self, aim: Aim, value: float) -> ProofBack | None:
        template = aim.template
        if template is None or template.read_back is None:
            return None
        compiled = self._senses.compile(template.read_back.expression, template.origin)
        return ProofBack(
            proof=template.read_back,
            senses=self._senses,
            specs=[self._specs[name] for name in compiled.names],
            tag=aim.spec.name,
            unit=aim.spec.unit,
            value=value,
            sent_ns=self._drill.t_ns,
            sent_mono_ns=self._mono_ns(),
            table=self._drill.core.table,
        )

    def _need_role(self, aim: Aim, who: LoggedIn) -> None:
        if not may(who.role, aim.right, training=True):
            raise OrderFault(
                f"The role '{who.role or 'none'}' may not carry '{aim.title}' out.",
                where=who.user,
                remedy="Log in as somebody who may.",
            )

    def _mono_ns(self) -> int:
        return MONO_NS + round(self._drill.t_s * NS)

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
        armed = None if wish is None else (wish.tag, wish.value, wish.template, user)
        same = armed == (order.tag, order.value, order.template, who.user)
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
