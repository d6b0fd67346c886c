"""Whatever happens in whatever order: nothing leaves that was not armed, in time, over an unbroken link."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from armillary.model.clock import NS, ManualClock
from armillary.model.fault import OrderFault
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.model.order import ENDS, Arm, Armed, Order, Write
from armillary.model.quality import GOOD
from armillary.model.tags import TagSpec, TagTable
from armillary.security.audit import Audit
from armillary.security.chain import verify
from armillary.world.gate import Gate

TAG = TagSpec(
    slot=0,
    name="p",
    link="plc",
    address="i=1",
    writable=True,
    write_low=0.0,
    write_high=100.0,
    liveness="link",
)
ROLES = {"anna": "operator", "erik": "engineer", "vera": "viewer"}


class GateMachine(RuleBasedStateMachine):
    """A gate among people, a link that flaps, a clock that runs and a switch that stops everything."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.clock, self.table = ManualClock(), TagTable(1)
        self.table.quality[0], self.table.value[0] = GOOD, 1.0
        self.status = LinkStatus(
            name="plc", kind="x", url="", state=LinkState.UP, since_ns=self.clock.now_ns()
        )
        self.seq = 1
        self.armed: list[tuple[Armed, Arm, int, int]] = []  # with link's since and the monotonic time
        self.allowed: set[tuple[str, float]] = set()  # (order id, value) that may leave
        self.writes: list[Write] = []
        self.audit = Audit(self.path / "audit", world_kind="LIVE", now_ns=self.clock.now_ns())
        self.gate = Gate(
            world="w",
            specs=(TAG,),
            table=self.table,
            sinks={"plc": self},
            links={"plc": LinkSpec(name="plc", kind="x", url="", commands=True)},
            status=lambda name: self.status,
            role=lambda actor: ROLES.get(actor, ""),
            audit=self.audit,
            clock=self.clock,
            project=self.path,
        )
        self.tick(0.05)

    async def execute(self, write: Write) -> None:
        """Stand for the link's sink."""
        self.writes.append(write)

    @property
    def is_stopped(self) -> bool:
        return (self.path / "STOP_COMMANDS").exists()

    @rule(actor=st.sampled_from([*ROLES, "nobody"]), value=st.sampled_from([-1.0, 0.0, 50.0, 100.0, 1e9]))
    def arm(self, actor: str, value: float) -> None:
        wish = Arm(tag="p", value=value, unit="", actor=actor, seen_seq=self.seq)
        try:
            armed = self.gate.arm(wish, self.clock.now_mono_ns())
        except OrderFault:
            return
        assert ROLES.get(actor) in ("operator", "engineer")
        assert 0.0 <= value <= 100.0
        assert self.status.state is LinkState.UP
        assert not self.is_stopped
        self.armed.append((armed, wish, self.status.since_ns, self.clock.now_mono_ns()))

    @precondition(lambda self: self.armed)
    @rule(data=st.data(), twist=st.sampled_from(["", "", "", "value", "actor", "late", "world"]))
    def order(self, data: st.DataObject, twist: str) -> None:
        armed, wish, since_ns, mono_ns = data.draw(st.sampled_from(self.armed))
        order = Order(
            id=f"{len(self.writes)}-{self.clock.now_ns()}",
            world="w",
            tag="p",
            value=wish.value,
            unit="",
            actor=wish.actor,
            token=armed.token,
            not_after_ns=self.clock.now_ns() + 5 * NS,
            expect_seq=self.seq,
        )
        order = {
            "value": replace(order, value=99.0),
            "actor": replace(order, actor="erik" if wish.actor == "anna" else "anna"),
            "late": replace(order, not_after_ns=self.clock.now_ns() - 1),
            "world": replace(order, world="other"),
        }.get(twist, order)
        before = len(self.writes)
        receipt = asyncio.run(self.gate.execute(order))
        sent = len(self.writes) - before
        is_right = (
            not twist
            and self.status.state is LinkState.UP
            and self.status.since_ns == since_ns
            and not self.is_stopped
            and self.clock.now_mono_ns() - mono_ns <= 10 * NS
        )
        assert sent <= (1 if is_right else 0)
        assert (receipt.state in ENDS) == (sent == 0)
        if sent:
            assert self.writes[-1].value == wish.value
            assert armed.token not in {token for token, _ in self.allowed}
            self.allowed.add((armed.token, wish.value))

    @rule(seconds=st.sampled_from([0.05, 0.5, 2.1, 9.0, 31.0]))
    def tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.seq += 1
        self.gate.observe(self.seq, self.clock.now_mono_ns())

    @rule(state=st.sampled_from([LinkState.UP, LinkState.BACKOFF, LinkState.DEGRADED]))
    def link(self, state: LinkState) -> None:
        self.clock.advance(0.001)
        if state is not self.status.state:
            self.status = replace(self.status, state=state, since_ns=self.clock.now_ns())

    @rule(value=st.sampled_from([0.0, 50.0]))
    def plant_reports(self, value: float) -> None:
        self.clock.advance(0.001)
        self.table.value[0] = value
        self.table.source_ns[0] = self.table.arrival_ns[0] = self.clock.now_ns()
        self.table.arrival_mono_ns[0] = self.table.alive_mono_ns[0] = self.clock.now_mono_ns()

    @rule()
    def stop_switch(self) -> None:
        path = self.path / "STOP_COMMANDS"
        if path.exists():
            path.unlink()
        else:
            path.touch()

    @invariant()
    def receipts_are_whole(self) -> None:
        for receipt in self.gate.take_receipts():
            assert receipt.tag == "p"
            assert (receipt.detail is None) or receipt.detail.what

    def teardown(self) -> None:
        self.audit.close()
        assert verify(self.path / "audit").holds
        self.folder.cleanup()


TestGate = GateMachine.TestCase
TestGate.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
