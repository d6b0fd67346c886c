"""What people and loops do to the plant in a LIVE world: audit, kill switch, gate, loops. One thread."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from armillary.api.ports import SourceContext
from armillary.extend.registry import Registry
from armillary.model.account import LoggedIn, Right, may
from armillary.model.alarm import AlarmState
from armillary.model.clock import NS
from armillary.model.control import Approve, Proposal
from armillary.model.fault import Fault, FaultRecord, OrderFault, record
from armillary.model.frame import Event, WorldKind
from armillary.model.loop import LoopSpec, terms
from armillary.model.order import Arm, Armed, CloseOrder, Order, OrderState, Prepare, Prepared, Receipt
from armillary.project import loops
from armillary.security import policies
from armillary.security.audit import Audit
from armillary.world import plugins
from armillary.world.acts import Acts
from armillary.world.killswitch import KillSwitch
from armillary.world.loop import Loops
from armillary.world.part import Part
from armillary.world.seal import Seals
from armillary.world.serving import STOP_S, Serving, within

SILENT_NS = 2 * NS  # a desk that takes no frame for this long loses what it has armed
DOUBTED_NS = 2 * NS // 5  # …and for this long is asked for: it may have been killed, and has nothing then


class OneGate(Protocol):
    """The gate as it is used here; only `world.live` may import the real one, and makes it."""

    def prepare(self, wish: Prepare, actor: str) -> Prepared: ...
    def arm(self, wish: Arm, now_mono_ns: int) -> Armed: ...
    async def execute(self, order: Order) -> Receipt: ...
    def observe(self, seq: int, now_mono_ns: int) -> None: ...
    def take_receipts(self) -> tuple[Receipt, ...]: ...
    def disarm(self, actor: str, why: str = "the desk is gone.") -> None: ...
    def disarm_all(self, why: str) -> None: ...


class Deeds:
    """The one way out. What cannot be made is told in `problems`."""

    def __init__(
        self,
        host: Serving,
        part: Part,
        registry: Registry,
        contexts: Mapping[str, SourceContext],
        make_gate: Callable[[Deeds, Audit], OneGate],
    ) -> None:
        """`make_gate`: returns the gate; asked only where commands are on, and an audit is on disk."""
        self._host, self._part = host, part
        project = host.project
        self.seals = Seals()
        self.sinks, problems = plugins.sinks(registry, contexts, self.seals)
        self.problems: list[FaultRecord] = list(problems)
        self.audit = self._open_audit()
        self.gate: OneGate | None = None
        switch = KillSwitch(project.folder, project.timezone)
        self.acts = Acts(self.audit, host.clock, switch, self._disarm_all)
        if self.audit is not None and project.commanding.enabled:
            self.gate = make_gate(self, self.audit)
        self.loops = self._make_loops()
        self._closed: list[Receipt] = []  # orders that somebody has looked after, for the next frame
        self._silent: frozenset[bytes] = frozenset()  # desks that ask for no frames

    def take(
        self, alarms: Sequence[AlarmState]
    ) -> tuple[tuple[Receipt, ...], str, tuple[Proposal, ...], tuple[Event, ...]]:
        """Return receipts, why all is stopped, proposals and events for the next frame, of these alarms."""
        receipts, stopped = self.gate.take_receipts() if self.gate else (), self.acts.switch.why()
        self.loops.note(alarms, receipts)
        receipts, self._closed = (*receipts, *self._closed), []
        if stopped:
            self.loops.stopped(stopped)
        return receipts, stopped, *self.loops.take()

    def published(self, seq: int, now_mono_ns: int) -> None:
        """Look at what was published: read-backs, desks that fell silent, the kill switch."""
        self._disarm_silent(now_mono_ns)
        if self.gate is not None:  # it reads the published table; receipts ride in the next frame
            self.gate.observe(seq, now_mono_ns)
        self.acts.sync(now_mono_ns)

    def answer(self, message: Approve, who: LoggedIn) -> None:
        """Take a person's answer to what a loop proposes."""
        verdict = "loop.approve" if message.yes else "loop.refuse"
        self.acts.note(who, verdict, message.id, reason=message.reason)
        self.loops.answer(message, who, may_release=may(who.role, Right.COMMAND_ENGINEER))

    def left(self, who: LoggedIn) -> None:
        """Take back what a person had armed whose last desk is gone."""
        if self.gate is not None:
            self.gate.disarm(who.user)

    async def end_loops(self) -> None:
        """Let no loop begin anything any more."""
        await within(self.loops.close(), STOP_S)

    async def close(self) -> None:
        """End the connections that commands go by, then the audit."""
        for sink in self.sinks.values():
            closing = getattr(sink, "close", None)  # optional in the port
            if closing is not None:
                await within(closing(), STOP_S / 2)
        if self.audit is not None:
            self.audit.close()

    def close_order(self, wish: CloseOrder, who: LoggedIn) -> None:
        """Put the card of an order that was not confirmed away on all desks. Raises OrderFault."""
        receipt = self._host.publisher.orders.get(wish.order)
        if receipt is None or receipt.state is not OrderState.UNVERIFIED or receipt.closed:
            raise OrderFault("That order does not wait for anybody.", where=wish.order, remedy="See Events.")
        comment = wish.comment.strip()[:500]
        if not comment:
            raise OrderFault("Say what you found at the plant.", where=receipt.tag, remedy="Give a comment.")
        self.acts.note(who, "command.closed", f"{receipt.tag} {receipt.order}", reason=comment)
        self._closed.append(replace(receipt, closed=f"{who.user}: {comment}"))

    def _disarm_silent(self, now_mono_ns: int) -> None:
        """Take back what is armed at a desk that was killed or hangs: nobody there sees the plant."""
        doubted = self._host.publisher.silent(now_mono_ns, DOUBTED_NS)
        self._host.let_go(doubted - self._silent)
        silent = self._host.publisher.silent(now_mono_ns, SILENT_NS)
        fresh, self._silent = silent - self._silent, silent
        if fresh and self.gate is not None:
            here = {self._host.who(peer).user for peer in self._host.publisher.peers - silent}
            for user in {self._host.who(peer).user for peer in fresh} - here:
                self.gate.disarm(user, "the desk fell silent.")

    def _disarm_all(self, why: str) -> None:
        if self.gate is not None:
            self.gate.disarm_all(why)

    # ---------------------------------------------------------------- parts

    def _open_audit(self) -> Audit | None:
        """Return the audit, or None: what people do is then not written down, and that is told."""
        try:
            return Audit(self._part.audit, world_kind=str(WorldKind.LIVE), now_ns=self._host.clock.now_ns())
        except Fault as fault:
            self.problems.append(record(fault))
            return None

    def _make_loops(self) -> Loops:
        """Return the loops; none, which is told, when their file has a mistake."""
        project = self._host.project
        specs: tuple[LoopSpec, ...] = ()
        try:
            found = {spec.name: spec for spec in project.specs}
            alarms, advisory = [a.id for a in project.alarms], [a.id for a in project.alarms if a.is_advisory]
            known = loops.read(project.folder, found, alarms, project.templates, advisory)
            here = {alarm.id for alarm in self._part.alarms}
            specs = tuple(self._signed(spec) for spec in known if spec.detect in here)
        except Fault as fault:
            self.problems.append(record(fault))
        return Loops(
            specs,
            project,
            self._host.clock,
            table=self._host.publisher.table,
            address=self._host.address,
            send=self._send_for_loop,
        )

    def _signed(self, spec: LoopSpec) -> LoopSpec:
        """Return a protective stop with those people only whose signatures under its terms hold."""
        project = self._host.project
        template = next((each for each in project.templates if each.id == spec.stop), None)
        if template is None:
            return spec
        names = policies.signers(project.private, terms(spec, template), spec.policy.signatures)
        return replace(spec, policy=replace(spec.policy, signed_by=names))

    async def _send_for_loop(
        self, tag: str, value: float, actor: str, reason: str, template: str = ""
    ) -> Receipt:
        """Send one command of a loop through the gate, arm and execute, as anybody's."""
        gate = self.need_gate()
        unit = next((spec.unit for spec in self._host.project.specs if spec.name == tag), "")
        seq = self._host.publisher.last.seq
        wish = Arm(
            tag=tag,
            value=value,
            unit=unit,
            actor=actor,
            seen_seq=seq,
            reason=reason,
            template=template,
        )
        armed = gate.arm(wish, self._host.clock.now_mono_ns())
        order = Order(
            id=str(uuid.uuid4()),
            world=self._host.id,
            tag=armed.tag,
            value=armed.new,
            unit=armed.unit,
            actor=actor,
            token=armed.token,
            not_after_ns=self._host.clock.now_ns() + int(self._host.project.commanding.max_age_s * NS),
            expect_seq=seq,
            reason=reason,
            template=template,
        )
        return await gate.execute(order)

    def role_of(self, user: str) -> str:
        """Return what a person, or a loop under a policy, may do here."""
        if self.loops.is_acting(user):
            return "operator"  # a policy in force, checked by the loop before it sends
        return next((who.role for who in self._host.people_here() if who.user == user), "")

    def need_gate(self) -> OneGate:
        """Return the gate. Raises OrderFault where there is none."""
        if not self._host.project.commanding.enabled:
            raise OrderFault(
                "Commands are switched off in this project.",
                where=str(self._host.project.folder / "project.toml"),
                remedy="An engineer may set enabled = true under [command].",
            )
        if self.gate is None:
            raise OrderFault(
                "Commands are locked: their audit cannot be written.",
                where=str(self._host.project.private),
                remedy="Make the project's folder writable and start the world again.",
            )
        return self.gate
