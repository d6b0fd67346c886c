from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.opcua.plant import URI, Host, PlantServer, context, free_port, link, node, plan, until

from armillary.api import LinkState, OrderFault, WallClock, Write
from armillary.model.clock import NS
from armillary.model.link import LinkStatus
from armillary.model.order import Arm, Order, OrderState
from armillary.model.tags import TagSpec, TagTable
from armillary.security.audit import Audit
from armillary.world.gate import Gate
from armillary_plugins.opcua.sink import OpcUaSink, make
from armillary_plugins.opcua.source import make as make_source


def order(name: str, value: float, **changes: Any) -> Write:
    fields: dict[str, Any] = {
        "id": "o1",
        "link": "plc",
        "address": node(name),
        "value": value,
        "kind": "number",
        "not_after_ns": WallClock().now_ns() + 5 * NS,
        "key": f"key-{name}-{value}",
    }
    return Write(**(fields | changes))


async def written(server: PlantServer, folder: Path, *writes: Write) -> None:
    sink = make(context(link(server.url), folder))
    try:
        for write in writes:
            await asyncio.wait_for(sink.execute(write), 5.0)
    finally:
        await sink.close()


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("Level", 2.5, 2.5),
        ("Speed", 61.5, 61.5),
        ("Steps", 12.0000000001, 12),
        ("Running", 0.0, False),
        ("Mode", 2.0, 2),
    ],
)
async def test_a_value_is_written_in_the_nodes_own_type(
    server: PlantServer, tmp_path: Path, name: str, value: float, stored: object
) -> None:
    await written(server, tmp_path, order(name, value))
    found = server.tell(read=name)
    assert found == stored
    assert type(found) is type(stored)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Locked", 5.0, "does not let us write"),
        ("Steps", 40_000.0, "does not fit the node's type Int16"),
        ("Steps", 1.5, "does not fit the node's type Int16"),
        ("Running", 2.0, "does not fit the node's type Boolean"),
        ("Level", float("nan"), "does not fit"),
        ("Word", 1.0, "does not let us write"),
        ("Curve", 1.0, "array|does not fit"),
        ("Nowhere", 1.0, "BadNodeIdUnknown"),
    ],
)
async def test_what_a_node_cannot_take_is_never_written(
    server: PlantServer, tmp_path: Path, name: str, value: float, text: str
) -> None:
    before = None if name == "Nowhere" else server.tell(read=name)
    with pytest.raises(OrderFault, match=text):
        await written(server, tmp_path, order(name, value))
    if name != "Nowhere":
        assert server.tell(read=name) == before


async def test_an_order_past_its_time_is_not_sent(server: PlantServer, tmp_path: Path) -> None:
    with pytest.raises(OrderFault, match="too late"):
        await written(server, tmp_path, order("Level", 4.0, not_after_ns=WallClock().now_ns() - 1))
    assert server.tell(read="Level") == 1.5


async def test_a_key_works_once_and_none_never(server: PlantServer, tmp_path: Path) -> None:
    with pytest.raises(OrderFault, match="did not come from the gate"):
        await written(server, tmp_path, order("Level", 4.0, key=""))
    again = order("Level", 2.0, key="one")
    with pytest.raises(OrderFault, match="did not come from the gate"):
        await written(server, tmp_path, again, order("Level", 3.0, key="one"))
    assert server.tell(read="Level") == 2.0


async def test_without_a_server_the_command_was_not_sent(tmp_path: Path) -> None:
    server = PlantServer(free_port())
    with pytest.raises(OrderFault, match="Not connected: the command was not sent"):
        await written(server, tmp_path, order("Level", 2.0))


async def test_nothing_is_sent_late_to_a_server_that_returns(own_server: PlantServer, tmp_path: Path) -> None:
    sink = make(context(link(own_server.url), tmp_path))
    await sink.execute(order("Level", 2.0))
    own_server.kill()
    with pytest.raises(OrderFault, match="not sent"):
        await sink.execute(order("Level", 3.0))
    own_server.start(shift=2)
    await asyncio.sleep(0.5)
    assert own_server.tell(read="Level") == 1.5
    await sink.execute(order("Level", 4.0))  # a new order goes over a new session, by the new index
    assert own_server.tell(read="Level") == 4.0
    await sink.close()


async def test_a_hanging_server_gets_no_order_when_it_wakes(own_server: PlantServer, tmp_path: Path) -> None:
    sink: OpcUaSink = make(context(link(own_server.url, request_timeout_s=0.8), tmp_path))
    await sink.execute(order("Level", 2.0))
    own_server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(OrderFault, match="not sent"):
            await asyncio.wait_for(sink.execute(order("Level", 3.0)), 5.0)
    finally:
        own_server.signal(signal.SIGCONT)
    await asyncio.sleep(0.5)
    assert own_server.tell(read="Level") == 2.0
    await sink.close()


# ---------------------------------------------------------------- methods


def call(name: str, *arguments: float, **changes: Any) -> Write:
    return order(name, 0.0, is_call=True, arguments=arguments, **changes)


async def test_a_method_is_called_once_with_its_argument_in_its_own_type(
    server: PlantServer, tmp_path: Path
) -> None:
    await written(server, tmp_path, call("Start"), call("SetSteps", 12.0, owner=f"nsu={URI};s=Tank1"))
    assert server.tell(called=True) == ["Start", 12]


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("SetSteps", (101.0,), "refused: BadOutOfRange"),
        ("SetSteps", (1.5,), "does not fit the node's type Int16"),
        ("SetSteps", (), "has 1 arguments, we give 0"),
        ("Start", (1.0,), "has 0 arguments, we give 1"),
        ("Level", (), "This is no method"),
        ("Nowhere", (), "BadNodeIdUnknown|no method"),
    ],
)
async def test_a_method_that_cannot_be_called_so_is_not_called(
    server: PlantServer, tmp_path: Path, name: str, arguments: tuple[float, ...], text: str
) -> None:
    with pytest.raises(OrderFault, match=text):
        await written(server, tmp_path, call(name, *arguments))
    assert server.tell(called=True) == []


# ---------------------------------------------------------------- end to end, through the gate

SPEED = TagSpec(
    slot=0,
    name="speed",
    link="plc",
    address=node("Speed"),
    unit="%",
    writable=True,
    write_low=0.0,
    write_high=100.0,
    liveness="link",
)
LOCKED = TagSpec(
    slot=1, name="locked", link="plc", address=node("Locked"), writable=True, write_low=0.0, write_high=9.0
)


class TableHost(Host):
    """A host that keeps a tag table, as a world does."""

    def __init__(self, table: TagTable) -> None:
        super().__init__()
        self.table = table

    def samples(self, batch: Any) -> None:
        super().samples(batch)
        for column in ("value", "quality", "source_ns", "arrival_ns", "arrival_mono_ns"):
            getattr(self.table, column)[batch.slot] = getattr(batch, column)


class World:
    """The little of a LIVE world that the gate needs, on real sockets and a real clock."""

    def __init__(self, server: PlantServer, folder: Path) -> None:
        self.clock, self.table = WallClock(), TagTable(2)
        self.host = TableHost(self.table)
        self.spec = link(server.url)
        self.source = make_source(context(self.spec, folder))
        self.sink = make(context(self.spec, folder))
        self.audit = Audit(folder / "audit", world_kind="LIVE", now_ns=self.clock.now_ns())
        self.since_ns, self.seq = self.clock.now_ns(), 0
        self.gate = Gate(
            world="w",
            specs=(SPEED, LOCKED),
            table=self.table,
            sinks={"plc": self.sink},
            links={"plc": self.spec},
            status=lambda name: self.status,
            role=lambda actor: "operator",
            audit=self.audit,
            clock=self.clock,
            project=folder,
        )

    @property
    def status(self) -> LinkStatus:
        state = self.host.states[-1][0] if self.host.states else LinkState.OFF
        return LinkStatus(name="plc", kind="opcua", url="", state=state, since_ns=self.since_ns)

    def tick(self) -> None:
        self.seq += 1
        self.gate.observe(self.seq, self.clock.now_mono_ns())

    def order(self, tag: TagSpec, value: float) -> Order:
        self.tick()
        wish = Arm(tag=tag.name, value=value, unit=tag.unit, actor="anna", seen_seq=self.seq)
        armed = self.gate.arm(wish, self.clock.now_mono_ns())
        return Order(
            id=f"order-{tag.name}",
            world="w",
            tag=tag.name,
            value=value,
            unit=tag.unit,
            actor="anna",
            token=armed.token,
            not_after_ns=self.clock.now_ns() + 5 * NS,
            expect_seq=self.seq,
        )

    async def __aenter__(self) -> World:
        routes = plan(self.spec, SPEED.address, LOCKED.address)
        self.task = asyncio.create_task(self.source.run(routes, self.host))
        await until(lambda: self.status.state is LinkState.UP)
        return self

    async def __aexit__(self, *trouble: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.sink.close()
        self.audit.close()


async def test_a_command_changes_the_node_and_is_verified_by_what_comes_back(
    server: PlantServer, tmp_path: Path
) -> None:
    async with World(server, tmp_path) as world:
        receipt = await world.gate.execute(world.order(SPEED, 72.5))
        assert (receipt.state, receipt.old) == (OrderState.SENT, 50.0)
        assert server.tell(read="Speed") == 72.5
        seen: list[OrderState] = []

        def verified() -> bool:
            world.tick()
            seen.extend(r.state for r in world.gate.take_receipts())
            return seen[-1] is OrderState.VERIFIED

        await until(verified, 3.0)
        assert seen == [OrderState.ACCEPTED, OrderState.SENT, OrderState.VERIFIED]


async def test_a_read_only_node_refuses_in_the_servers_name(server: PlantServer, tmp_path: Path) -> None:
    async with World(server, tmp_path) as world:
        receipt = await world.gate.execute(world.order(LOCKED, 5.0))
        assert receipt.state is OrderState.REFUSED
        assert receipt.detail is not None
        assert "does not let us write" in receipt.detail.what
        assert server.tell(read="Locked") == 2.0


async def test_a_killed_server_gets_nothing_when_it_is_back(own_server: PlantServer, tmp_path: Path) -> None:
    async with World(own_server, tmp_path) as world:
        order = world.order(SPEED, 90.0)
        own_server.kill()  # the gate still believes in the link; only the sink can tell
        receipt = await world.gate.execute(order)
        assert receipt.state is OrderState.REFUSED
        assert receipt.detail is not None
        assert receipt.detail.what == "Not connected: the command was not sent."
        own_server.start()
        again = await world.gate.execute(order)
        assert again.state is OrderState.REFUSED
        assert own_server.tell(read="Speed") == 50.0
