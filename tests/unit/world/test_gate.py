from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from armillary.model.clock import NS, ManualClock
from armillary.model.fault import OrderFault
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt, Write
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.tags import TagSpec, TagTable
from armillary.security.audit import Audit, files
from armillary.security.chain import verify
from armillary.world.gate import Gate

SPEED = TagSpec(
    slot=0,
    name="p101.speed",
    link="plc",
    address="nsu=urn:x;s=Speed",
    unit="%",
    factor=0.1,
    offset=5.0,
    writable=True,
    write_low=10.0,
    write_high=90.0,
    expected_ms=500,
)
VALVE = TagSpec(
    slot=1,
    name="v12.open",
    link="plc",
    address="nsu=urn:x;s=V12",
    kind="bool",
    writable=True,
    liveness="link",
)
LEVEL = TagSpec(slot=2, name="t1.level", link="plc", address="nsu=urn:x;s=Level", unit="m")
FREE = TagSpec(slot=3, name="free", link="plc", address="nsu=urn:x;s=Free", writable=True)
ROLES = {"anna": "operator", "erik": "engineer", "vera": "viewer", "adam": "admin", "ida": "instructor"}


class Sink:
    """Notes what it is asked to write; `answer` is what the plant says."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.answer: Callable[[], Any] = lambda: None

    async def execute(self, write: Write) -> None:
        self.writes.append(write)
        self.answer()


class Bench:
    """A gate with a plant of four tags, a clock that is moved by hand and a link that can be cut."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.sink, self.table = folder, ManualClock(), Sink(), TagTable(4)
        self.status = LinkStatus(
            name="plc", kind="opcua", url="", state=LinkState.UP, since_ns=self.clock.now_ns()
        )
        self.links = {"plc": LinkSpec(name="plc", kind="opcua", url="", commands=True)}
        self.audit = Audit(folder / "audit", world_kind="LIVE", now_ns=self.clock.now_ns())
        self.gate = Gate(
            world="w1",
            specs=(SPEED, VALVE, LEVEL, FREE),
            table=self.table,
            sinks={"plc": self.sink},
            links=self.links,
            status=lambda name: self.status,
            role=lambda actor: ROLES.get(actor, ""),
            audit=self.audit,
            clock=self.clock,
            project=folder,
        )
        self.seq = 1
        for spec, value in ((SPEED, 50.0), (VALVE, 0.0), (LEVEL, 1.0), (FREE, 1.0)):
            self.arrives(spec, value)
        self.tick(0)

    def arrives(self, spec: TagSpec, value: float, *, quality: int = GOOD, source_ago_s: float = 0.0) -> None:
        table, slot = self.table, spec.slot
        table.value[slot], table.quality[slot] = value, quality
        table.source_ns[slot] = self.clock.now_ns() - int(source_ago_s * NS)
        table.arrival_ns[slot] = self.clock.now_ns()
        table.arrival_mono_ns[slot] = table.alive_mono_ns[slot] = self.clock.now_mono_ns()

    def tick(self, seconds: float = 0.05) -> None:
        self.clock.advance(seconds)
        self.seq += 1
        self.gate.observe(self.seq, self.clock.now_mono_ns())

    def link(self, state: LinkState) -> None:
        self.clock.advance(0.01)
        self.status = replace(self.status, state=state, since_ns=self.clock.now_ns())

    def wish(self, value: float = 60.0, **changes: Any) -> Arm:
        wish = Arm(
            tag=SPEED.name, value=value, unit="%", actor="anna", seen_seq=self.seq, reason="less noise"
        )
        return replace(wish, **changes)

    def arm(self, value: float = 60.0, **changes: Any) -> Armed:
        return self.gate.arm(self.wish(value, **changes), self.clock.now_mono_ns())

    def order(self, armed: Armed, **changes: Any) -> Order:
        order = Order(
            id=f"order-{armed.token}",
            world="w1",
            tag=armed.tag,
            value=armed.new,
            unit=armed.unit,
            actor="anna",
            token=armed.token,
            not_after_ns=self.clock.now_ns() + 5 * NS,
            expect_seq=self.seq,
        )
        return replace(order, **changes)

    def execute(self, order: Order) -> Receipt:
        return asyncio.run(self.gate.execute(order))

    def states(self) -> list[OrderState]:
        return [receipt.state for receipt in self.gate.take_receipts()]

    def actions(self) -> list[str]:
        self.audit.sync()
        lines = [line for path in files(self.folder / "audit") for line in path.read_text().splitlines()]
        return [json.loads(line)["action"] for line in lines]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.audit.close()


def refused(receipt: Receipt, text: str, state: OrderState = OrderState.REFUSED) -> None:
    assert receipt.state is state
    assert receipt.detail is not None
    assert text in f"{receipt.detail.what} {receipt.detail.where}"


# ---------------------------------------------------------------- the good way


def test_an_order_is_sent_once_in_the_plants_unit_and_verified_by_its_read_back(bench: Bench) -> None:
    armed = bench.arm(60.0)
    assert (armed.old, armed.new, armed.unit, armed.expires_s) == (50.0, 60.0, "%", 10.0)
    order = bench.order(armed)
    assert bench.execute(order).state is OrderState.SENT
    (write,) = bench.sink.writes
    assert (write.id, write.link, write.address, write.kind) == (order.id, "plc", SPEED.address, "number")
    assert write.value == pytest.approx(550.0)  # (60 - 5) / 0.1
    assert write.key
    assert write.not_after_ns == order.not_after_ns
    bench.clock.advance(0.2)
    bench.arrives(SPEED, 60.01)
    bench.tick()
    assert bench.states() == [OrderState.ACCEPTED, OrderState.SENT]  # equal, but not for 2 x expected yet
    bench.tick(0.5)
    bench.tick(0.5)
    (verified,) = bench.gate.take_receipts()
    assert (verified.state, verified.read_back, verified.old) == (OrderState.VERIFIED, 60.01, 50.0)
    assert bench.actions() == ["command.arm", "command.intent", "command.sent", "command.verified"]
    assert verify(bench.folder / "audit").holds


def test_the_intent_is_on_disk_before_the_plant_sees_anything(bench: Bench) -> None:
    seen: list[str] = []

    def answer() -> None:
        assert not bench.audit.unsynced
        seen.extend(bench.actions())

    bench.sink.answer = answer
    bench.execute(bench.order(bench.arm()))
    assert seen[-1] == "command.intent"


def test_a_value_that_the_plant_had_already_is_verified_by_a_living_carrier(bench: Bench) -> None:
    armed = bench.arm(0.0, tag=VALVE.name, unit="")
    assert bench.execute(bench.order(armed)).state is OrderState.SENT
    bench.tick()
    assert OrderState.VERIFIED not in bench.states()
    bench.table.alive_mono_ns[VALVE.slot] = bench.clock.now_mono_ns()  # keep-alive: no change to report
    bench.tick()
    assert bench.states() == [OrderState.VERIFIED]


# ---------------------------------------------------------------- nothing is queued


def test_nothing_is_sent_while_the_link_is_down_nor_after_it_returns(bench: Bench) -> None:
    order = bench.order(bench.arm())
    bench.link(LinkState.BACKOFF)
    refused(bench.execute(order), "Not connected: the command was not sent.")
    bench.link(LinkState.UP)
    for _ in range(50):
        bench.tick()
    refused(bench.execute(order), "used before")
    assert bench.sink.writes == []


def test_a_link_that_went_down_and_came_back_between_ticks_disarms(bench: Bench) -> None:
    order = bench.order(bench.arm())
    bench.link(LinkState.BACKOFF)
    bench.link(LinkState.UP)
    refused(bench.execute(order), "Not connected: the command was not sent.")
    assert bench.sink.writes == []


def test_a_tick_without_the_link_disarms_and_says_so(bench: Bench) -> None:
    order = bench.order(bench.arm())
    bench.link(LinkState.DEGRADED)
    bench.tick()
    refused(bench.execute(order), "link lost, the command was not sent")
    assert "command.disarm" in bench.actions()


def test_a_link_lost_while_the_intent_is_written_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = bench.audit.append

    def slow(act: Any, **rest: Any) -> int:
        if act.action == "command.intent":
            bench.link(LinkState.BACKOFF)
        return append(act, **rest)

    order = bench.order(bench.arm())
    monkeypatch.setattr(bench.audit, "append", slow)
    refused(bench.execute(order), "Not connected")
    assert bench.sink.writes == []


def test_arming_without_a_link_is_refused(bench: Bench) -> None:
    bench.link(LinkState.CONNECTING)
    with pytest.raises(OrderFault, match="Not connected: the command was not sent"):
        bench.arm()


# ---------------------------------------------------------------- the token


def test_a_token_works_once(bench: Bench) -> None:
    order = bench.order(bench.arm())
    assert bench.execute(order).state is OrderState.SENT
    refused(bench.execute(order), "used before")
    refused(bench.execute(replace(order, id="another")), "used before")
    assert len(bench.sink.writes) == 1


@pytest.mark.parametrize("wait_s", [10.05, 60.0])
def test_a_token_ends_after_ten_seconds(bench: Bench, wait_s: float) -> None:
    armed = bench.arm()
    bench.tick(wait_s)
    refused(bench.execute(bench.order(armed)), "the time ran out", OrderState.EXPIRED)
    assert bench.sink.writes == []


def test_a_token_ends_also_when_no_tick_noticed(bench: Bench) -> None:
    armed = bench.arm()
    bench.clock.advance(10.05)
    refused(bench.execute(bench.order(armed)), "too late", OrderState.EXPIRED)


def test_a_token_nobody_gave_is_refused(bench: Bench) -> None:
    armed = bench.arm()
    refused(bench.execute(bench.order(armed, token="x" * 32)), "not armed")
    assert bench.sink.writes == []


@pytest.mark.parametrize(
    "change",
    [
        {"value": 61.0},
        {"tag": VALVE.name, "unit": "", "value": 1.0},
        {"unit": "m"},
        {"actor": "erik"},
        {"world": "w2"},
        {"value": math.nan},
    ],
)
def test_an_order_that_differs_from_what_was_armed_is_refused(bench: Bench, change: dict[str, Any]) -> None:
    refused(bench.execute(bench.order(bench.arm(), **change)), "not what was armed")
    assert bench.sink.writes == []


def test_an_order_past_its_not_after_expires(bench: Bench) -> None:
    order = bench.order(bench.arm())
    bench.clock.advance(5.01)
    bench.gate.observe(bench.seq, bench.clock.now_mono_ns())
    refused(bench.execute(order), "too late", OrderState.EXPIRED)
    assert bench.sink.writes == []
    assert "command.intent" not in bench.actions()


def test_a_far_not_after_is_cut_to_the_limit(bench: Bench) -> None:
    order = bench.order(bench.arm())
    bench.execute(replace(order, not_after_ns=order.not_after_ns + 3600 * NS))
    assert bench.sink.writes[0].not_after_ns == order.not_after_ns


def test_arming_again_ends_the_token_before(bench: Bench) -> None:
    first = bench.arm(60.0)
    bench.arm(70.0)
    refused(bench.execute(bench.order(first)), "armed again")


def test_a_desk_that_leaves_is_disarmed(bench: Bench) -> None:
    armed = bench.arm()
    bench.gate.disarm("anna")
    refused(bench.execute(bench.order(armed)), "the desk is gone")
    bench.arm(actor="erik")  # and its lock is free again


# ---------------------------------------------------------------- who, what, when


@pytest.mark.parametrize("actor", ["vera", "adam", "ida", "nobody"])
def test_only_operators_and_engineers_may_command(bench: Bench, actor: str) -> None:
    with pytest.raises(OrderFault, match="may not write"):
        bench.arm(actor=actor)


def test_a_role_lost_after_arming_counts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bench.order(bench.arm())
    monkeypatch.setitem(ROLES, "anna", "viewer")
    refused(bench.execute(order), "may not write")
    assert bench.sink.writes == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"value": 90.5}, "outside 10 to 90"),
        ({"value": 9.9}, "outside 10 to 90"),
        ({"value": math.nan}, "not a number"),
        ({"value": math.inf}, "not a number"),
        ({"unit": "rpm"}, "'rpm', the tag in '%'"),
        ({"tag": "nowhere"}, "no such tag"),
        ({"tag": LEVEL.name, "unit": "m"}, "cannot be written"),
        ({"tag": FREE.name, "unit": ""}, "no limits"),
        ({"tag": VALVE.name, "unit": "", "value": 0.5}, "no state"),
    ],
)
def test_a_wish_outside_what_the_tag_allows_is_refused(
    bench: Bench, change: dict[str, Any], text: str
) -> None:
    with pytest.raises(OrderFault, match=text):
        bench.arm(**change)
    assert bench.actions() == ["command.arm.refused"]


def test_a_read_only_link_takes_no_commands(bench: Bench) -> None:
    bench.links["plc"] = replace(bench.links["plc"], commands=False)
    with pytest.raises(OrderFault, match="read-only"):
        bench.arm()


@pytest.mark.parametrize(("quality", "may"), [(UNCERTAIN, True), (STALE, False), (BAD, False)])
def test_a_target_must_be_known_at_least_uncertainly(bench: Bench, quality: int, may: bool) -> None:
    bench.arrives(SPEED, 50.0, quality=quality | 0x0100)
    if may:
        assert bench.arm().token
    else:
        with pytest.raises(OrderFault, match="not known well enough"):
            bench.arm()


def test_who_looked_at_an_old_picture_must_look_again(bench: Bench) -> None:
    seen = bench.seq
    for _ in range(25):
        bench.tick(0.05)
    with pytest.raises(OrderFault, match="out of date"):
        bench.arm(seen_seq=seen)
    assert bench.arm(seen_seq=bench.seq - 10).token  # half a second ago


def test_a_picture_that_did_not_change_is_not_old(bench: Bench) -> None:
    for _ in range(100):
        bench.clock.advance(0.05)
        bench.gate.observe(bench.seq, bench.clock.now_mono_ns())
    assert bench.arm().token


def test_a_frame_that_was_never_published_is_not_known(bench: Bench) -> None:
    with pytest.raises(OrderFault, match="out of date"):
        bench.arm(seen_seq=bench.seq + 1_000)


def test_an_order_on_an_old_picture_is_refused(bench: Bench) -> None:
    order = bench.order(bench.arm())
    for _ in range(25):
        bench.tick(0.05)
    refused(bench.execute(order), "out of date")


def test_one_target_has_one_writer_until_it_ends(bench: Bench) -> None:
    bench.arm()
    with pytest.raises(OrderFault, match="Held by anna"):
        bench.arm(actor="erik")
    bench.tick(10.1)  # anna's token ran out
    assert bench.arm(actor="erik").token


def test_a_target_is_written_at_most_every_two_seconds(bench: Bench) -> None:
    bench.execute(bench.order(bench.arm()))
    bench.tick(1.9)
    with pytest.raises(OrderFault, match="less than 2 s"):
        bench.arm()
    bench.tick(0.2)
    assert bench.arm().token


def test_ten_commands_a_minute_are_enough_for_one_person(bench: Bench) -> None:
    for _ in range(10):
        bench.execute(bench.order(bench.arm()))
        bench.tick(2.0)
    with pytest.raises(OrderFault, match="Ten commands"):
        bench.arm()
    assert bench.arm(tag=VALVE.name, unit="", value=1.0, actor="erik").token


def test_the_stop_file_refuses_and_disarms(bench: Bench) -> None:
    order = bench.order(bench.arm())
    (bench.folder / "STOP_COMMANDS").touch()
    refused(bench.execute(order), "stopped by the file STOP_COMMANDS")
    with pytest.raises(OrderFault, match="STOP_COMMANDS"):
        bench.arm()
    (bench.folder / "STOP_COMMANDS").unlink()
    order = bench.order(bench.arm())
    (bench.folder / "STOP_COMMANDS").touch()
    bench.tick()
    (bench.folder / "STOP_COMMANDS").unlink()
    refused(bench.execute(order), "commands were stopped")
    assert bench.sink.writes == []


def test_without_an_audit_commands_are_locked(bench: Bench, log_guard: Any) -> None:
    log_guard.announced.append("The audit is closed")
    order = bench.order(bench.arm())
    bench.audit.close()
    refused(bench.execute(order), "Audit unavailable: commands are locked.")
    with pytest.raises(OrderFault, match="Audit unavailable"):
        bench.arm()
    assert bench.sink.writes == []
    bench.tick(2.0)  # and the tick goes on


# ---------------------------------------------------------------- what the plant says


def test_a_plant_that_says_no_ends_the_order_with_its_words(bench: Bench) -> None:
    def no() -> None:
        raise OrderFault("The server refused: BadNotWritable.", where="plc", remedy="Ask the plant.")

    bench.sink.answer = no
    refused(bench.execute(bench.order(bench.arm())), "BadNotWritable")
    assert bench.states() == [OrderState.ACCEPTED, OrderState.REFUSED]


def test_an_unanswered_write_is_read_back_and_verified(bench: Bench) -> None:
    def silence() -> None:
        raise TimeoutError

    bench.sink.answer = silence
    receipt = bench.execute(bench.order(bench.arm()))
    refused(receipt, "outcome unknown", OrderState.SENT)
    bench.clock.advance(0.1)
    bench.arrives(SPEED, 60.0)
    bench.tick(0.05)
    bench.tick(1.0)
    assert bench.states()[-1] is OrderState.VERIFIED


@pytest.mark.parametrize(("answered", "state"), [(True, OrderState.UNVERIFIED), (False, OrderState.FAILED)])
def test_a_read_back_with_the_old_value_is_never_a_success(
    bench: Bench, answered: bool, state: OrderState
) -> None:
    def silence() -> None:
        raise TimeoutError

    bench.sink.answer = (lambda: None) if answered else silence
    bench.execute(bench.order(bench.arm()))
    bench.tick(15.0)
    bench.arrives(SPEED, 50.0)
    bench.tick(14.9)
    assert len(bench.states()) == 2
    bench.tick(0.2)
    (receipt,) = bench.gate.take_receipts()
    refused(receipt, "NOT CONFIRMED: 60 % was sent, the plant shows 50 %", state)
    assert receipt.read_back == 50.0


@pytest.mark.parametrize(
    ("value", "quality", "source_ago_s"),
    [(61.0, GOOD, 0.0), (60.0, STALE, 0.0), (60.0, BAD, 0.0), (60.0, GOOD, 5.0), (60.0, UNCERTAIN, 0.0)],
)
def test_only_a_good_and_equal_value_made_after_sending_verifies(
    bench: Bench, value: float, quality: int, source_ago_s: float
) -> None:
    bench.execute(bench.order(bench.arm()))
    bench.clock.advance(0.1)
    bench.arrives(SPEED, value, quality=quality, source_ago_s=source_ago_s)
    bench.tick(1.0)
    bench.tick(30.0)
    assert bench.states()[-1] is OrderState.UNVERIFIED


def test_a_sample_made_before_sending_does_not_verify_though_it_is_news_to_us(bench: Bench) -> None:
    bench.arrives(SPEED, 50.0, source_ago_s=60.0)
    bench.execute(bench.order(bench.arm()))
    bench.clock.advance(0.1)
    bench.arrives(SPEED, 60.0, source_ago_s=5.0)
    bench.tick(1.0)
    bench.tick(2.0)
    assert OrderState.VERIFIED not in bench.states()


def test_a_sample_that_waited_in_the_inbox_while_the_order_was_sent_does_not_verify(bench: Bench) -> None:
    before = bench.clock.now_mono_ns()
    bench.clock.advance(0.1)
    bench.execute(bench.order(bench.arm()))
    bench.clock.advance(0.1)
    bench.arrives(SPEED, 60.0)
    bench.table.arrival_mono_ns[SPEED.slot] = before
    bench.tick(1.0)
    bench.tick(2.0)
    assert OrderState.VERIFIED not in bench.states()


def test_a_value_that_does_not_hold_is_not_verified(bench: Bench) -> None:
    bench.execute(bench.order(bench.arm()))
    for value in (60.0, 50.0, 60.0, 50.0):
        bench.clock.advance(0.1)
        bench.arrives(SPEED, value)
        bench.tick(0.5)
    assert OrderState.VERIFIED not in bench.states()


def test_a_plugin_that_breaks_leaves_the_outcome_open(bench: Bench, log_guard: Any) -> None:
    log_guard.announced.append("the sink of link 'plc' failed")

    def broken() -> None:
        raise ValueError("a bug")

    bench.sink.answer = broken
    refused(bench.execute(bench.order(bench.arm())), "plugin failed: outcome unknown", OrderState.SENT)


def test_a_newer_command_replaces_one_that_waits_for_its_read_back(bench: Bench) -> None:
    bench.execute(bench.order(bench.arm(60.0)))
    bench.tick(3.0)
    bench.execute(bench.order(bench.arm(70.0)))
    states = bench.states()
    assert states == [
        OrderState.ACCEPTED,
        OrderState.SENT,
        OrderState.UNVERIFIED,
        OrderState.ACCEPTED,
        OrderState.SENT,
    ]
    assert [write.value for write in bench.sink.writes] == pytest.approx([550.0, 650.0])


def test_a_switch_travels_as_a_whole_number(bench: Bench) -> None:
    bench.execute(bench.order(bench.arm(1.0, tag=VALVE.name, unit="")))
    assert (bench.sink.writes[0].value, bench.sink.writes[0].kind) == (1.0, "bool")
