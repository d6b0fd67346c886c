"""Leave to command: what must hold, who holds what, and when it is taken back. Sends nothing.

One thread at a time: the gate's lock keeps callers apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

from armillary.model.clock import NS
from armillary.model.command import Check, Interlock, Template
from armillary.model.fault import OrderFault
from armillary.model.link import LinkSpec, LinkStatus
from armillary.model.order import Arm, Armed, Order, OrderState, Prepare, Prepared
from armillary.model.tags import TagSpec, TagTable
from armillary.security.audit import Act, Scalar
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


class Arming:
    """The leaves to command of one LIVE world. Given to the gate, which alone uses them up."""

    def __init__(
        self,
        *,
        world: str,
        specs: Sequence[TagSpec],
        table: TagTable,
        writable: Container[str],
        links: Mapping[str, LinkSpec],
        status: Callable[[str], LinkStatus | None],
        role: Callable[[str], str],
        ledger: Ledger,
        switch: KillSwitch,
        templates: Sequence[Template] = (),
        interlocks: Sequence[Interlock] = (),
    ) -> None:
        """Take `links` by name, those that can write by `writable`; `status` and `role` answer for one each.

        Raises ProjectFault for a precondition or interlock that cannot be evaluated.
        """
        self._world, self._table, self._writable, self._links = world, table, writable, links
        self._status, self._role, self._ledger, self._switch = status, role, ledger, switch
        self.aims = Aims(specs, templates)
        self.senses = Senses(specs, table)
        self.conditions = Conditions(self.senses, templates, interlocks)
        self.seen, self.locks, self.rates, self.leaves = Seen(), Locks(), Rates(), Leaves()

    def prepare(self, wish: Prepare, actor: str, now_mono_ns: int) -> Prepared:
        """Return what of the conditions of a command holds now; arms nothing. Raises OrderFault."""
        aim = self.aims.of(wish.tag, wish.template)
        spec, role = aim.spec, self._role(actor)
        status = self._status(spec.link)
        found = [finding(f"Link '{spec.link}' is up", lambda: check_link(spec, self._links, status))]
        for what, require in (  # told only where they do not hold
            ("Commands are not stopped", lambda: self.check_open(spec)),
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
        found += self.conditions.checks(spec.name, aim.template, now_mono_ns)
        return Prepared(tag=spec.name, template=wish.template, checks=tuple(found))

    def arm(self, wish: Arm, now_mono_ns: int) -> Armed:
        """Return leave to write one value within 10 s. Raises OrderFault with the reason why not."""
        try:
            check_role(self._role(wish.actor), wish.actor, wish.tag or wish.template)
            aim = self.aims.of(wish.tag, wish.template)
            wish, spec = self.aims.fixed(aim, wish), aim.spec
            checks = self.allowed(aim, wish.value, wish.unit, wish.actor, wish.seen_seq, now_mono_ns)
            self.locks.claim(spec.name, wish.actor, now_mono_ns)
        except OrderFault as fault:
            target = wish.tag or wish.template
            self.note(wish.actor, "command.arm.refused", target, after=wish.value, reason=fault.what)
            raise
        self._drop(lambda leave: leave.spec.name == spec.name, "it was armed again.")
        self.locks.claim(spec.name, wish.actor, now_mono_ns)
        status = self._status(spec.link)
        leave = Leave(
            wish=wish,
            spec=spec,
            old=aim.shown(self._table),
            expires_mono_ns=now_mono_ns + TOKEN_NS,
            link_since_ns=status.since_ns if status else 0,
        )
        token = self.leaves.give(leave)
        self.note(wish.actor, "command.arm", spec.name, leave.old, wish.value, wish.reason)
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
        self._drop(lambda leave: leave.wish.actor == actor, why)

    def disarm_all(self, why: str) -> None:
        """Take back all that anybody has armed."""
        self._drop(lambda leave: True, why)

    def allowed(
        self, aim: Aim, value: float, unit: str, actor: str, seq: int, now_mono_ns: int
    ) -> tuple[Check, ...]:
        """Return the conditions found when an actor may command this now, having seen frame `seq`."""
        spec, tag = aim.spec, aim.spec.name
        check_role(self._role(actor), actor, tag, aim.right)
        self.check_open(spec)
        check_value(spec, value, unit)
        check_link(spec, self._links, self._status(spec.link))
        if spec.link not in self._writable:
            raise OrderFault(
                f"The link '{spec.link}' cannot write.", where=tag, remedy="Its kind has no command plugin."
            )
        if spec.slot != NOWHERE:
            check_quality(spec, int(self._table.quality[spec.slot]) & 0xFF)
        self.seen.check(seq, tag, now_mono_ns)
        self.rates.check(tag, actor, now_mono_ns)
        return self.conditions.require(tag, aim.template, now_mono_ns)

    def check_open(self, spec: TagSpec) -> None:
        """Raise OrderFault while commands are stopped or the audit cannot be written."""
        stopped = self._switch.fault()
        if stopped is not None:
            raise stopped
        self._ledger.check(spec.name)

    def check_same(self, order: Order, wish: Arm) -> None:
        """Raise OrderFault for an order that was sent before, or that is not what was armed."""
        if not self.leaves.is_new(order.id):
            raise OrderFault("This order was sent before.", where=order.tag, remedy="Arm a new one.")
        armed = (self._world, wish.tag, wish.value, wish.unit, wish.actor, wish.template)
        if (order.world, order.tag, order.value, order.unit, order.actor, order.template) != armed:
            raise OrderFault(
                "The order is not what was armed.", where=order.tag, remedy="Arm it again as you want it."
            )

    def check_carried(self, spec: TagSpec, since_ns: int) -> None:
        """Refuse when the link is not the one that was up then, also if it is back.

        since_ns: since when it was up when the order was armed. Nothing outlives a disconnect.
        """
        status = self._status(spec.link)
        check_link(spec, self._links, status)
        if status is None or status.since_ns != since_ns:
            where = f"link {spec.link} was lost after arming"
            raise OrderFault(NOT_SENT, where=where, remedy="Arm it again.")

    def watch(self, now_mono_ns: int) -> None:
        """Take back what lost its ground: commands were stopped, the time ran out, the link was lost."""
        if self.leaves.open() and self._switch.why():
            self._drop(lambda leave: True, "commands were stopped.")
        self._drop(lambda leave: now_mono_ns > leave.expires_mono_ns, "the time ran out.", OrderState.EXPIRED)
        self._drop(lambda leave: not self._is_carried(leave), "link lost, the command was not sent.")

    def _is_carried(self, leave: Leave) -> bool:
        try:
            self.check_carried(leave.spec, leave.link_since_ns)
        except OrderFault:
            return False
        return True

    def _drop(self, which: Callable[[Leave], bool], why: str, state: OrderState = OrderState.REFUSED) -> None:
        for leave in self.leaves.drop(which, why, state):
            self.locks.release(leave.spec.name)
            self.note(leave.wish.actor, "command.disarm", leave.spec.name, reason=why)

    def note(
        self,
        actor: str,
        action: str,
        tag: str,
        before: Scalar = None,
        after: Scalar = None,
        reason: str = "",
    ) -> None:
        """Write into the audit what an actor did with a tag, with the next write to disk."""
        act = Act(actor=actor, role=self._role(actor), action=action, target=tag, before=before, after=after)
        self._ledger.note(replace(act, reason=reason))
