"""The one place that calls a CommandSink: arm, execute once, read back, write down. Nothing is ever queued.

ARMED (a token, 10 s) → ACCEPTED (all checked again, intent on disk) → SENT (one call of the sink) → VERIFIED,
or REFUSED, EXPIRED, FAILED, UNVERIFIED (operations: command life). `arm` and `observe` belong to the tick
thread, `execute` to the loop that owns the sinks; one lock keeps them apart and is never held while waiting.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from armillary.api.ports import CommandSink
from armillary.model.clock import NS, Clock
from armillary.model.command import Interlock, Template
from armillary.model.fault import OrderFault, record
from armillary.model.link import LinkSpec, LinkStatus
from armillary.model.order import (
    ENDS,
    Arm,
    Armed,
    Order,
    OrderState,
    Prepare,
    Prepared,
    Receipt,
    Write,
)
from armillary.model.tags import TagSpec, TagTable
from armillary.security.audit import Act, Audit
from armillary.world.aims import NOWHERE, Aim
from armillary.world.arming import Arming
from armillary.world.killswitch import KillSwitch
from armillary.world.ledger import Ledger
from armillary.world.readback import NoProof, ProofBack, ReadBack
from armillary.world.seal import Seals

log = logging.getLogger(__name__)

ACK_S = 5.0
RECEIPTS_KEPT = 4_096  # not yet taken


@dataclass(slots=True, kw_only=True)
class _Flight:
    """One order that was accepted and has not ended."""

    order: Order
    aim: Aim
    role: str
    write: Write
    receipt: Receipt
    link_since_ns: int = 0
    read_back: ReadBack | ProofBack | NoProof | None = None  # from the moment before it is sent
    acknowledged: bool = False

    @property
    def spec(self) -> TagSpec:
        """The tag that is written, or that stands for the target."""
        return self.aim.spec


class Gate:
    """Checks, sends and verifies the orders of one LIVE world."""

    def __init__(
        self,
        *,
        world: str,
        specs: Sequence[TagSpec],
        table: TagTable,
        sinks: Mapping[str, CommandSink],
        links: Mapping[str, LinkSpec],
        status: Callable[[str], LinkStatus | None],
        role: Callable[[str], str],
        audit: Audit,
        clock: Clock,
        project: Path,
        max_age_s: float = 5.0,
        switch: KillSwitch | None = None,
        templates: Sequence[Template] = (),
        interlocks: Sequence[Interlock] = (),
        seals: Seals | None = None,
    ) -> None:
        """Take `sinks` and `links` by link name; `status` and `role` answer for a link and an actor.

        `seals`: those that the sinks check.

        Raises ProjectFault for a precondition or interlock that cannot be evaluated.
        """
        self._table, self._sinks, self._specs = table, sinks, specs
        self._role, self._clock = role, clock
        self._ledger = Ledger(audit, clock)
        self._arming = Arming(
            world=world,
            specs=specs,
            table=table,
            writable=sinks.keys(),
            links=links,
            status=status,
            role=role,
            ledger=self._ledger,
            switch=switch or KillSwitch(project),
            templates=templates,
            interlocks=interlocks,
        )
        self._seals = seals or Seals()
        self._max_age_ns = int(max_age_s * NS)
        self._guard = threading.RLock()
        self._flights: dict[str, _Flight] = {}  # by tag
        self._receipts: deque[Receipt] = deque(maxlen=RECEIPTS_KEPT)

    def prepare(self, wish: Prepare, actor: str) -> Prepared:
        """Return what of the conditions of a command holds now; arms nothing. Raises OrderFault."""
        with self._guard:
            return self._arming.prepare(wish, actor, self._clock.now_mono_ns())

    def arm(self, wish: Arm, now_mono_ns: int) -> Armed:
        """Return leave to write one value within 10 s. Raises OrderFault with the reason why not."""
        with self._guard:
            return self._arming.arm(wish, now_mono_ns)

    def disarm(self, actor: str, why: str = "the desk is gone.") -> None:
        """Take back all that an actor has armed: a desk left, a person cancelled or logged off."""
        with self._guard:
            self._arming.disarm(actor, why)

    def disarm_all(self, why: str) -> None:
        """Take back all that anybody has armed."""
        with self._guard:
            self._arming.disarm_all(why)

    async def execute(self, order: Order) -> Receipt:
        """Return what became of an order: SENT (its read-back follows in later receipts) or a refusal."""
        with self._guard:
            flight = self._accept(order, self._clock.now_ns(), self._clock.now_mono_ns())
        if isinstance(flight, Receipt):
            return flight
        try:
            # on disk before the plant sees anything
            await self._ledger.commit(self._act(flight, "command.intent", order.reason), order.tag)
        except OrderFault as fault:
            return self._end(flight, OrderState.REFUSED, fault)
        with self._guard:
            objection = self._objection(flight)
            if objection:
                return self._end(flight, *objection)
            self._start_read_back(flight)
        try:
            await asyncio.wait_for(self._sinks[flight.spec.link].execute(flight.write), ACK_S)
            if flight.aim.template is not None and flight.aim.template.kind == "pulse":
                await self._end_pulse(flight, flight.aim.template)
            flight.acknowledged = True
        except OrderFault as fault:
            return self._end(flight, OrderState.REFUSED, fault)
        except TimeoutError:
            return self._sent(flight, "The plant did not answer")
        except asyncio.CancelledError:
            stopped = OrderFault(
                "The world stopped in mid-command.", where=order.tag, remedy="Check the plant."
            )
            self._end(flight, OrderState.UNVERIFIED, stopped)
            raise
        except Exception:  # border: whatever a plugin raises, the outcome is unknown now
            log.exception("the sink of link '%s' failed on order %s", flight.spec.link, order.id)
            return self._sent(flight, "The link's plugin failed")
        return self._sent(flight, "")

    def observe(self, seq: int, now_mono_ns: int) -> None:
        """Look at the table once a tick, after it was updated: `seq` is the newest frame's number.

        Verifies what was sent, disarms what lost its ground, puts the audit on disk at least once a second.
        """
        with self._guard:
            self._arming.seen.note(seq, now_mono_ns)
            self._arming.watch(now_mono_ns)
            for flight in list(self._flights.values()):
                if flight.receipt.state is OrderState.SENT and flight.read_back is not None:
                    verdict = flight.read_back.look(
                        self._table, now_mono_ns, acknowledged=flight.acknowledged
                    )
                    if verdict:
                        self._end(flight, *verdict)
        self._ledger.sync(now_mono_ns)

    def take_receipts(self) -> tuple[Receipt, ...]:
        """Return what became of orders since the last call, oldest first."""
        with self._guard:
            taken = tuple(self._receipts)
            self._receipts.clear()
        return taken

    # ---------------------------------------------------------------- steps

    def _objection(self, flight: _Flight) -> tuple[OrderState, OrderFault] | None:
        """What has changed while the intent was written; asked just before the one call of the sink."""
        if self._clock.now_ns() > flight.write.not_after_ns:
            return OrderState.EXPIRED, _too_late(flight.spec.name)
        try:
            self._arming.check_open(flight.spec)
            self._arming.check_carried(flight.spec, flight.link_since_ns)
            self._arming.conditions.require(flight.spec.name, flight.aim.template, self._clock.now_mono_ns())
        except OrderFault as fault:
            return OrderState.REFUSED, fault
        return None

    async def _end_pulse(self, flight: _Flight, template: Template) -> None:
        """Write the value of rest; what cannot be sent now is never sent, and the outcome is unknown."""
        await asyncio.sleep(template.pulse_s)
        try:
            self._arming.check_open(flight.spec)
            self._arming.check_carried(flight.spec, flight.link_since_ns)
        except OrderFault as fault:
            log.warning("the pulse of order %s was not ended: %s", flight.order.id, fault.what)
            raise TimeoutError from fault  # sent, and nobody knows: it is read back
        rest = self._seals.seal(
            flight.aim.write(
                id=f"{flight.order.id}/rest",
                value=template.rest,
                not_after_ns=self._clock.now_ns() + self._max_age_ns,
            )
        )
        await asyncio.wait_for(self._sinks[flight.spec.link].execute(rest), ACK_S)

    def _accept(self, order: Order, now_ns: int, now_mono_ns: int) -> _Flight | Receipt:
        """Use up the token, check everything again, and let the order fly; or say why not."""
        leave = self._arming.leaves.take(order.token)
        receipt = Receipt(
            order=order.id,
            tag=order.tag,
            state=OrderState.ACCEPTED,
            t_ns=now_ns,
            actor=order.actor,
            old=leave.old if leave else float("nan"),
            value=order.value,
            unit=order.unit,
        )
        if leave is None:
            return self._refuse(receipt, *self._arming.leaves.why_not(order.token, order.tag))
        if leave.spec.name not in self._flights:
            self._arming.locks.release(leave.spec.name)
        if now_mono_ns > leave.expires_mono_ns or now_ns > order.not_after_ns:
            return self._refuse(receipt, OrderState.EXPIRED, _too_late(order.tag))
        try:
            self._arming.check_same(order, leave.wish)
            aim = self._arming.aims.of(order.tag, order.template)
            spec = aim.spec
            self._arming.allowed(aim, order.value, order.unit, order.actor, order.expect_seq, now_mono_ns)
            self._arming.check_carried(spec, leave.link_since_ns)
            write = self._seals.seal(
                aim.write(
                    id=order.id,
                    value=order.value,
                    not_after_ns=min(order.not_after_ns, now_ns + self._max_age_ns),
                )
            )
            self._arming.locks.claim(spec.name, order.actor, now_mono_ns)
        except OrderFault as fault:
            return self._refuse(receipt, OrderState.REFUSED, fault)
        if spec.name in self._flights:
            newer = OrderFault(
                "A newer command replaced this one.", where=spec.name, remedy="Follow that one."
            )
            self._end(self._flights[spec.name], OrderState.UNVERIFIED, newer)
            self._arming.locks.claim(spec.name, order.actor, now_mono_ns)
        flight = _Flight(
            order=order,
            aim=aim,
            role=self._role(order.actor),
            write=write,
            receipt=receipt,
            link_since_ns=leave.link_since_ns,
        )
        self._flights[spec.name] = flight
        self._arming.rates.count(spec.name, order.actor, now_mono_ns)
        self._receipts.append(receipt)
        return flight

    def _start_read_back(self, flight: _Flight) -> None:
        """Note how things stand before the plant can have seen anything."""
        spec, template = flight.spec, flight.aim.template
        now_ns, now_mono_ns = self._clock.now_ns(), self._clock.now_mono_ns()
        flight.receipt = replace(flight.receipt, old=flight.aim.shown(self._table))
        if template is not None and template.read_back is not None:
            text = template.read_back.expression
            read = self._arming.senses.slots(text)
            flight.read_back = ProofBack(
                proof=template.read_back,
                senses=self._arming.senses,
                specs=[spec for spec in self._specs if spec.slot in read],
                tag=spec.name,
                unit=spec.unit,
                value=flight.order.value,
                sent_ns=now_ns,
                sent_mono_ns=now_mono_ns,
                table=self._table,
            )
        elif spec.slot == NOWHERE or (template is not None and template.kind == "method"):
            flight.read_back = NoProof(tag=spec.name)
        else:
            is_pulse = template is not None and template.kind == "pulse"
            flight.read_back = ReadBack(
                spec=spec,
                value=template.rest if template is not None and is_pulse else flight.order.value,
                old=flight.receipt.old,
                sent_ns=now_ns,
                sent_mono_ns=now_mono_ns,
                source_ns=int(self._table.source_ns[spec.slot]),
            )

    def _sent(self, flight: _Flight, doubt: str) -> Receipt:
        with self._guard:
            if flight.receipt.state in ENDS:
                return flight.receipt
            text = f"{doubt}: outcome unknown, reading back."
            fault = OrderFault(text, where=flight.spec.name, remedy="Watch the plant.") if doubt else None
            flight.receipt = replace(
                flight.receipt,
                state=OrderState.SENT,
                t_ns=self._clock.now_ns(),
                detail=record(fault) if fault else None,
            )
            self._arming.locks.claim(flight.spec.name, flight.order.actor, self._clock.now_mono_ns())
            self._receipts.append(flight.receipt)
            self._ledger.note(self._act(flight, "command.sent", doubt))
            return flight.receipt

    # ---------------------------------------------------------------- ends

    def _refuse(self, receipt: Receipt, state: OrderState, fault: OrderFault) -> Receipt:
        """End an order that was never accepted."""
        ended = replace(receipt, state=state, detail=record(fault))
        self._receipts.append(ended)
        action = f"command.{state.lower()}"
        self._arming.note(receipt.actor, action, receipt.tag, after=receipt.value, reason=fault.what)
        return ended

    def _end(
        self, flight: _Flight, state: OrderState, fault: OrderFault | None, read_back: float | None = None
    ) -> Receipt:
        with self._guard:
            if flight.receipt.state in ENDS:
                return flight.receipt  # a newer command ended it while it waited for the answer
            if self._flights.get(flight.spec.name) is flight:
                del self._flights[flight.spec.name]
                self._arming.locks.release(flight.spec.name)
            flight.receipt = replace(
                flight.receipt,
                state=state,
                t_ns=self._clock.now_ns(),
                detail=record(fault) if fault else None,
                read_back=read_back,
            )
            self._receipts.append(flight.receipt)
            act = self._act(flight, f"command.{state.lower()}", fault.what if fault else "")
            self._ledger.note(act if read_back is None else replace(act, after=read_back))
            return flight.receipt

    def _act(self, flight: _Flight, action: str, reason: str) -> Act:
        return Act(
            actor=flight.order.actor,
            role=flight.role,
            action=action,
            target=f"{flight.spec.name} {flight.order.id}",
            before=flight.receipt.old,
            after=flight.order.value,
            reason=reason,
        )


def _too_late(tag: str) -> OrderFault:
    return OrderFault("The order came too late and was not sent.", where=tag, remedy="Arm it again.")
