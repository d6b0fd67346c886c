"""The one place that calls a CommandSink: arm, execute once, read back, write down. Nothing is ever queued.

ARMED (a token, 10 s) → ACCEPTED (all checked again, intent on disk) → SENT (one call of the sink) → VERIFIED,
or REFUSED, EXPIRED, FAILED, UNVERIFIED (operations: command life). `arm` and `observe` belong to the tick
thread, `execute` to the loop that owns the sinks; one lock keeps them apart and is never held while waiting.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from armillary.api.ports import CommandSink
from armillary.model.clock import NS, Clock
from armillary.model.command import Check, Interlock, Template
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
from armillary.security.audit import Act, Audit, Scalar
from armillary.world.aims import NOWHERE, Aim, Aims
from armillary.world.interlocks import Conditions, Senses
from armillary.world.killswitch import KillSwitch
from armillary.world.leases import TOKEN_NS, Leave, Leaves, Locks, Rates, Seen
from armillary.world.ledger import Ledger
from armillary.world.permit import (
    NOT_SENT,
    check_link,
    check_quality,
    check_role,
    check_value,
    finding,
    reading_text,
)
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
        self._world, self._table, self._sinks, self._links = world, table, sinks, links
        self._specs = specs
        self._aims = Aims(specs, templates)
        self._senses = Senses(specs, table)
        self._conditions = Conditions(self._senses, templates, interlocks)
        self._status, self._role, self._clock = status, role, clock
        self._ledger = Ledger(audit, clock)
        self._switch = switch or KillSwitch(project)
        self._seals = seals or Seals()
        self._max_age_ns = int(max_age_s * NS)
        self._guard = threading.RLock()
        self._seen, self._locks, self._rates, self._leaves = Seen(), Locks(), Rates(), Leaves()
        self._flights: dict[str, _Flight] = {}  # by tag
        self._receipts: deque[Receipt] = deque(maxlen=RECEIPTS_KEPT)

    def prepare(self, wish: Prepare, actor: str) -> Prepared:
        """Return what of the conditions of a command holds now; arms nothing. Raises OrderFault."""
        now_mono_ns = self._clock.now_mono_ns()
        with self._guard:
            aim = self._aims.of(wish.tag, wish.template)
            spec, role = aim.spec, self._role(actor)
            status = self._status(spec.link)
            found = [finding(f"Link '{spec.link}' is up", lambda: check_link(spec, self._links, status))]
            for what, require in (  # told only where they do not hold
                ("Commands are not stopped", lambda: self._check_open(spec)),
                ("Your role may command it", lambda: check_role(role, actor, spec.name, aim.right)),
            ):
                check = finding(what, require)
                found += [] if check[1] else [check]
            if spec.slot != NOWHERE:
                rank = int(self._table.quality[spec.slot]) & 0xFF
                alive_ns = int(self._table.alive_mono_ns[spec.slot])
                age_s = (now_mono_ns - alive_ns) / NS if alive_ns else math.nan
                text = reading_text(spec, aim.shown(self._table), age_s)
                found.append(finding(f"{spec.name} is known", lambda: check_quality(spec, rank), text))
            found += self._conditions.checks(spec.name, aim.template, now_mono_ns)
        return Prepared(tag=spec.name, template=wish.template, checks=tuple(found))

    def arm(self, wish: Arm, now_mono_ns: int) -> Armed:
        """Return leave to write one value within 10 s. Raises OrderFault with the reason why not."""
        with self._guard:
            try:
                check_role(self._role(wish.actor), wish.actor, wish.tag or wish.template)
                aim = self._aims.of(wish.tag, wish.template)
                wish, spec = self._aims.fixed(aim, wish), aim.spec
                checks = self._allowed(aim, wish.value, wish.unit, wish.actor, wish.seen_seq, now_mono_ns)
                self._locks.claim(spec.name, wish.actor, now_mono_ns)
            except OrderFault as fault:
                target = wish.tag or wish.template
                self._note(wish.actor, "command.arm.refused", target, after=wish.value, reason=fault.what)
                raise
            self._disarm(lambda leave: leave.spec.name == spec.name, "it was armed again.")
            self._locks.claim(spec.name, wish.actor, now_mono_ns)
            status = self._status(spec.link)
            leave = Leave(
                wish=wish,
                spec=spec,
                old=aim.shown(self._table),
                expires_mono_ns=now_mono_ns + TOKEN_NS,
                link_since_ns=status.since_ns if status else 0,
            )
            token = self._leaves.give(leave)
            self._note(wish.actor, "command.arm", spec.name, leave.old, wish.value, wish.reason)
        return Armed(
            token=token,
            tag=spec.name,
            old=leave.old,
            new=wish.value,
            unit=spec.unit,
            title=aim.title,
            expires_mono_ns=leave.expires_mono_ns,
            expires_s=TOKEN_NS / NS,
            template=wish.template,
            checks=checks,
            effect=aim.template.effect if aim.template is not None else "",
        )

    def disarm(self, actor: str, why: str = "the desk is gone.") -> None:
        """Take back all that an actor has armed: a desk left, a person cancelled or logged off."""
        with self._guard:
            self._disarm(lambda leave: leave.wish.actor == actor, why)

    def disarm_all(self, why: str) -> None:
        """Take back all that anybody has armed."""
        with self._guard:
            self._disarm(lambda leave: True, why)

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
            self._seen.note(seq, now_mono_ns)
            self._watch_leaves(now_mono_ns)
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

    # ---------------------------------------------------------------- what must hold

    def _allowed(
        self, aim: Aim, value: float, unit: str, actor: str, seq: int, now_mono_ns: int
    ) -> tuple[Check, ...]:
        """Return the conditions found when an actor may command this now, having seen frame `seq`."""
        spec, tag = aim.spec, aim.spec.name
        check_role(self._role(actor), actor, tag, aim.right)
        self._check_open(spec)
        check_value(spec, value, unit)
        check_link(spec, self._links, self._status(spec.link))
        if spec.link not in self._sinks:
            raise OrderFault(
                f"The link '{spec.link}' cannot write.", where=tag, remedy="Its kind has no command plugin."
            )
        if spec.slot != NOWHERE:
            check_quality(spec, int(self._table.quality[spec.slot]) & 0xFF)
        self._seen.check(seq, tag, now_mono_ns)
        self._rates.check(tag, actor, now_mono_ns)
        return self._conditions.require(tag, aim.template, now_mono_ns)

    def _check_open(self, spec: TagSpec) -> None:
        stopped = self._switch.fault()
        if stopped is not None:
            raise stopped
        self._ledger.check(spec.name)

    def _check_same(self, order: Order, wish: Arm) -> None:
        if not self._leaves.is_new(order.id):
            raise OrderFault("This order was sent before.", where=order.tag, remedy="Arm a new one.")
        armed = (self._world, wish.tag, wish.value, wish.unit, wish.actor, wish.template)
        if (order.world, order.tag, order.value, order.unit, order.actor, order.template) != armed:
            raise OrderFault(
                "The order is not what was armed.", where=order.tag, remedy="Arm it again as you want it."
            )

    def _check_unbroken(self, leave: Leave) -> None:
        """Refuse when the link was lost since arming, also if it is back: nothing outlives a disconnect."""
        status = self._status(leave.spec.link)
        if status is None or status.since_ns != leave.link_since_ns:
            where = f"link {leave.spec.link} was lost after arming"
            raise OrderFault(NOT_SENT, where=where, remedy="Arm it again.")

    def _objection(self, flight: _Flight) -> tuple[OrderState, OrderFault] | None:
        """What has changed while the intent was written; asked just before the one call of the sink."""
        if self._clock.now_ns() > flight.write.not_after_ns:
            return OrderState.EXPIRED, _too_late(flight.spec.name)
        try:
            self._check_open(flight.spec)
            self._check_carried(flight)
            self._conditions.require(flight.spec.name, flight.aim.template, self._clock.now_mono_ns())
        except OrderFault as fault:
            return OrderState.REFUSED, fault
        return None

    def _check_carried(self, flight: _Flight) -> None:
        """Refuse when the link is not the one that was up when the order was armed."""
        status = self._status(flight.spec.link)
        check_link(flight.spec, self._links, status)
        if status is None or status.since_ns != flight.link_since_ns:
            raise OrderFault(
                NOT_SENT, where=f"link {flight.spec.link} was lost after arming", remedy="Arm it again."
            )

    async def _end_pulse(self, flight: _Flight, template: Template) -> None:
        """Write the value of rest; what cannot be sent now is never sent, and the outcome is unknown."""
        await asyncio.sleep(template.pulse_s)
        try:
            self._check_open(flight.spec)
            self._check_carried(flight)
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

    # ---------------------------------------------------------------- steps

    def _accept(self, order: Order, now_ns: int, now_mono_ns: int) -> _Flight | Receipt:
        """Use up the token, check everything again, and let the order fly; or say why not."""
        leave = self._leaves.take(order.token)
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
            return self._refuse(receipt, *self._leaves.why_not(order.token, order.tag))
        if leave.spec.name not in self._flights:
            self._locks.release(leave.spec.name)
        if now_mono_ns > leave.expires_mono_ns or now_ns > order.not_after_ns:
            return self._refuse(receipt, OrderState.EXPIRED, _too_late(order.tag))
        try:
            self._check_same(order, leave.wish)
            aim = self._aims.of(order.tag, order.template)
            spec = aim.spec
            self._allowed(aim, order.value, order.unit, order.actor, order.expect_seq, now_mono_ns)
            self._check_unbroken(leave)
            write = self._seals.seal(
                aim.write(
                    id=order.id,
                    value=order.value,
                    not_after_ns=min(order.not_after_ns, now_ns + self._max_age_ns),
                )
            )
            self._locks.claim(spec.name, order.actor, now_mono_ns)
        except OrderFault as fault:
            return self._refuse(receipt, OrderState.REFUSED, fault)
        if spec.name in self._flights:
            newer = OrderFault(
                "A newer command replaced this one.", where=spec.name, remedy="Follow that one."
            )
            self._end(self._flights[spec.name], OrderState.UNVERIFIED, newer)
            self._locks.claim(spec.name, order.actor, now_mono_ns)
        flight = _Flight(
            order=order,
            aim=aim,
            role=self._role(order.actor),
            write=write,
            receipt=receipt,
            link_since_ns=leave.link_since_ns,
        )
        self._flights[spec.name] = flight
        self._rates.count(spec.name, order.actor, now_mono_ns)
        self._receipts.append(receipt)
        return flight

    def _start_read_back(self, flight: _Flight) -> None:
        """Note how things stand before the plant can have seen anything."""
        spec, template = flight.spec, flight.aim.template
        now_ns, now_mono_ns = self._clock.now_ns(), self._clock.now_mono_ns()
        flight.receipt = replace(flight.receipt, old=flight.aim.shown(self._table))
        if template is not None and template.read_back is not None:
            text = template.read_back.expression
            read = self._senses.slots(text)
            flight.read_back = ProofBack(
                proof=template.read_back,
                senses=self._senses,
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

    def _watch_leaves(self, now_mono_ns: int) -> None:
        if self._leaves.open() and self._switch.why():
            self._disarm(lambda leave: True, "commands were stopped.")
        self._disarm(
            lambda leave: now_mono_ns > leave.expires_mono_ns, "the time ran out.", OrderState.EXPIRED
        )
        self._disarm(lambda leave: not self._is_carried(leave), "link lost, the command was not sent.")

    def _is_carried(self, leave: Leave) -> bool:
        try:
            check_link(leave.spec, self._links, self._status(leave.spec.link))
            self._check_unbroken(leave)
        except OrderFault:
            return False
        return True

    def _disarm(
        self, which: Callable[[Leave], bool], why: str, state: OrderState = OrderState.REFUSED
    ) -> None:
        for leave in self._leaves.drop(which, why, state):
            self._locks.release(leave.spec.name)
            self._note(leave.wish.actor, "command.disarm", leave.spec.name, reason=why)

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
            self._locks.claim(flight.spec.name, flight.order.actor, self._clock.now_mono_ns())
            self._receipts.append(flight.receipt)
            self._ledger.note(self._act(flight, "command.sent", doubt))
            return flight.receipt

    # ---------------------------------------------------------------- ends

    def _refuse(self, receipt: Receipt, state: OrderState, fault: OrderFault) -> Receipt:
        """End an order that was never accepted."""
        ended = replace(receipt, state=state, detail=record(fault))
        self._receipts.append(ended)
        action = f"command.{state.lower()}"
        self._note(receipt.actor, action, receipt.tag, after=receipt.value, reason=fault.what)
        return ended

    def _end(
        self, flight: _Flight, state: OrderState, fault: OrderFault | None, read_back: float | None = None
    ) -> Receipt:
        with self._guard:
            if flight.receipt.state in ENDS:
                return flight.receipt  # a newer command ended it while it waited for the answer
            if self._flights.get(flight.spec.name) is flight:
                del self._flights[flight.spec.name]
                self._locks.release(flight.spec.name)
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

    def _note(
        self,
        actor: str,
        action: str,
        tag: str,
        before: Scalar = None,
        after: Scalar = None,
        reason: str = "",
    ) -> None:
        act = Act(actor=actor, role=self._role(actor), action=action, target=tag, before=before, after=after)
        self._ledger.note(replace(act, reason=reason))


def _too_late(tag: str) -> OrderFault:
    return OrderFault("The order came too late and was not sent.", where=tag, remedy="Arm it again.")
