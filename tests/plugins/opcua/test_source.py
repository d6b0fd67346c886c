from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.opcua.plant import (
    URI,
    Host,
    PlantServer,
    context,
    free_port,
    link,
    node,
    plan,
    until,
)

from armillary.api import (
    LinkFault,
    LinkRefused,
    LinkSpec,
    LinkState,
    ManualClock,
    Route,
    SourceContext,
    WallClock,
    quality,
)
from armillary_plugins.opcua.source import OpcUaSource, make

BAD_SENSOR = 0x808C0000


@asynccontextmanager
async def running(
    source: OpcUaSource, host: Host, server: PlantServer, *channels: str | Route
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a source until the block ends, then cancel it as the host does."""
    task = asyncio.create_task(source.run(plan(link(server.url), *channels), host))
    try:
        await until(lambda: bool(host.states) and host.states[-1][0] is not LinkState.CONNECTING)
        await until(lambda: host.states[-1][0] is not LinkState.SYNCING)
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def source_for(server: PlantServer, folder: Path, **settings: Any) -> OpcUaSource:
    return make(context(link(server.url, **settings), folder))


async def refused(source: OpcUaSource, spec: LinkSpec) -> None:
    """Run a source that should not get far."""
    await asyncio.wait_for(source.run(plan(spec, node("Level")), Host()), 8.0)


async def test_values_of_every_plain_type_arrive_as_numbers(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    names = ("Level", "Speed", "Steps", "Running", "Mode", "Fast")
    before = WallClock().now_ns()
    async with running(source_for(server, tmp_path), host, server, *map(node, names)):
        assert [state for state, _ in host.states] == [LinkState.CONNECTING, LinkState.SYNCING, LinkState.UP]
        assert [host.value[slot] for slot in range(6)] == [1.5, 50.0, 7.0, 1.0, 1.0, 0.0]
        assert all(quality.rank(batch.quality).max() == quality.GOOD for batch in host.batches)
        server.tell(write=["Level", 2.25])
        await until(lambda: host.value[0] == 2.25, 2.0)
        assert before - 60e9 < host.source_ns[0] < WallClock().now_ns()
        assert host.source_ns[0] > before


async def test_a_browse_path_finds_the_same_node(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    paths = (f"nsu={URI};/Objects/Plant/Tank1/Level", f"nsu={URI};/0:Objects/t:Plant/Tank1/Speed")
    async with running(source_for(server, tmp_path, namespaces={"t": URI}), host, server, *paths):
        assert (host.value[0], host.value[1]) == (1.5, 50.0)


async def test_a_bad_status_makes_the_tag_bad_and_keeps_the_code(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    async with running(source_for(server, tmp_path), host, server, node("Broken")):
        assert host.value[0] == 3.0
        server.tell(status=["Broken", BAD_SENSOR])
        await until(lambda: host.quality[0] != quality.GOOD, 2.0)
        assert host.quality[0] == quality.BAD | quality.SENSOR
        assert host.status[0] == BAD_SENSOR
        assert host.value[0] != host.value[0]  # NaN, never 3.0 and never zero


async def test_texts_and_arrays_are_kept_apart_from_numbers(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    routes = (
        Route(slot=0, tag="word", channel=node("Word"), kind="text"),
        Route(slot=1, tag="curve", channel=node("Curve"), kind="struct"),
        Route(slot=2, tag="wrong", channel=node("Locked"), kind="number"),
        Route(slot=3, tag="same", channel=node("Locked"), kind="number"),
    )
    async with running(source_for(server, tmp_path), host, server, *routes):
        assert host.text == {0: "hello", 1: "[1.0, 2.0]"}
        assert host.quality == {0: quality.GOOD, 1: quality.GOOD, 2: quality.GOOD, 3: quality.GOOD}
        assert (host.value[2], host.value[3]) == (2.0, 2.0)  # one node, two tags


async def test_a_text_where_a_number_is_due_is_bad(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    async with running(source_for(server, tmp_path), host, server, node("Word")):
        assert host.quality[0] == quality.BAD | quality.DECODE


async def test_refused_items_are_named_and_the_rest_flows(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    wrong = (
        node("Nowhere"),
        "nsu=urn:nobody;s=X",
        f"nsu={URI};/Objects/Plant/Gone",
        "ns=2;s=Level",
        "nonsense",
    )
    async with running(source_for(server, tmp_path), host, server, node("Level"), *wrong):
        state, detail = host.states[-1]
        assert state is LinkState.DEGRADED
        assert detail.startswith("5 of 6 items refused: ")
        for text in (
            "BadNodeIdUnknown",
            "no namespace 'urn:nobody'",
            "BadNoMatch",
            "by its index",
            "is no node",
        ):
            assert text in detail
        assert host.value[0] == 1.5
        assert {host.quality[slot] for slot in range(1, 6)} == {quality.BAD | quality.CONFIG}


async def test_keep_alives_prove_the_carrier_alive_while_nothing_changes(
    server: PlantServer, tmp_path: Path
) -> None:
    host = Host()
    async with running(source_for(server, tmp_path, publishing_ms=50), host, server, node("Level")):
        await until(lambda: host.signs_of_life >= 2)
        batches, signs = len(host.batches), host.signs_of_life
        await until(lambda: host.signs_of_life >= signs + 3, 2.0)
        assert len(host.batches) == batches


async def test_a_burst_inside_one_publishing_interval_arrives_whole(
    server: PlantServer, tmp_path: Path
) -> None:
    host = Host()
    source = source_for(server, tmp_path, queue=100, sampling_ms=0)
    async with running(source, host, server, node("Fast")):
        server.tell(burst=60)
        await until(lambda: host.value[0] == 60.0, 3.0)
        seen = [v for batch in host.batches for v in batch.value.tolist()]
        assert sorted(set(seen)) == [float(i) for i in range(61)]


async def test_a_host_without_room_stops_asking_and_is_not_taken_for_a_dead_server(
    server: PlantServer, tmp_path: Path
) -> None:
    host = Host()
    async with running(source_for(server, tmp_path), host, server, node("Level")) as task:
        await until(lambda: host.signs_of_life >= 2)
        host.has_room = False
        await asyncio.sleep(1.5)
        batches = len(host.batches)
        server.tell(write=["Level", 4.0])
        await asyncio.sleep(3.0)
        assert len(host.batches) == batches
        assert not task.done()
        host.has_room = True
        await until(lambda: host.value[0] == 4.0, 2.0)


async def test_units_ranges_states_and_writability_are_learnt(server: PlantServer, tmp_path: Path) -> None:
    host, source = Host(), source_for(server, tmp_path)
    async with running(source, host, server, node("Level"), node("Mode"), node("Locked")):
        await until(lambda: bool(source.described()))
        level, mode, locked = (source.described()[node(name)] for name in ("Level", "Mode", "Locked"))
        assert (level.unit, level.low, level.high, level.writable) == ("m", 0.0, 5.0, True)
        assert mode.states == ((0.0, "Off"), (1.0, "Manual"), (2.0, "Auto"))
        assert (mode.data_type, locked.writable) == ("Int32", False)


async def test_an_edited_plan_is_subscribed_without_a_new_connection(
    server: PlantServer, tmp_path: Path
) -> None:
    host = Host()
    async with running(source_for(server, tmp_path), host, server, node("Level")):
        spec = link(server.url)
        await host.edits.put(plan(spec, node("Level"), node("Speed")))
        await until(lambda: host.value.get(1) == 50.0)
        server.tell(write=["Speed", 75.0])
        await until(lambda: host.value[1] == 75.0)
        assert [s for s, _ in host.states].count(LinkState.CONNECTING) == 1
        await host.edits.put(plan(spec, node("Speed")))
        await until(lambda: host.value[0] == 75.0)  # slot 0 is Speed now
        await until(lambda: host.states[-1][0] is LinkState.UP)
        server.tell(write=["Level", 3.5])
        server.tell(write=["Speed", 80.0])
        await until(lambda: host.value[0] == 80.0)
        assert 3.5 not in [v for batch in host.batches for v in batch.value.tolist()]


async def test_a_killed_server_is_noticed_at_once(own_server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    async with running(source_for(own_server, tmp_path), host, own_server, node("Level")) as task:
        own_server.kill()
        with pytest.raises(LinkFault, match="closed the connection"):
            await asyncio.wait_for(task, 1.0)


async def test_values_flow_again_after_a_restart_with_shifted_namespaces(
    own_server: PlantServer, tmp_path: Path
) -> None:
    host, source = Host(), source_for(own_server, tmp_path)
    first = own_server.index
    async with running(source, host, own_server, node("Level")) as task:
        own_server.kill()
        with pytest.raises(LinkFault):
            await asyncio.wait_for(task, 2.0)
    own_server.start(shift=3)
    assert own_server.index == first + 3
    host = Host()
    async with running(source, host, own_server, node("Level")):
        assert host.states[-1] == (LinkState.UP, "Namespaces renumbered: 1 item re-bound.")
        own_server.tell(write=["Level", 3.25])
        await until(lambda: host.value[0] == 3.25, 2.0)
        assert host.quality[0] == quality.GOOD


async def test_a_server_that_hangs_is_noticed_within_five_seconds(
    own_server: PlantServer, tmp_path: Path
) -> None:
    host, clock = Host(), WallClock()
    async with running(source_for(own_server, tmp_path), host, own_server, node("Level")) as task:
        await until(lambda: host.signs_of_life >= 2)
        started = clock.now_mono_ns()
        own_server.signal(signal.SIGSTOP)
        try:
            with pytest.raises(LinkFault, match="answer"):
                await asyncio.wait_for(task, 6.0)
        finally:
            own_server.signal(signal.SIGCONT)
        assert (clock.now_mono_ns() - started) / 1e9 < 5.0


async def test_cancelling_leaves_no_task_and_no_session(server: PlantServer, tmp_path: Path) -> None:
    host = Host()
    before = asyncio.all_tasks()
    async with running(source_for(server, tmp_path), host, server, node("Level")):
        pass
    await until(lambda: asyncio.all_tasks() == before, 2.0)


async def test_nothing_listening_is_a_fault_that_is_tried_again(tmp_path: Path) -> None:
    spec = link(f"opc.tcp://127.0.0.1:{free_port()}")
    with pytest.raises(LinkFault, match="Nothing listens") as caught:
        await refused(make(context(spec, tmp_path)), spec)
    assert not isinstance(caught.value, LinkRefused)


async def test_a_port_that_speaks_something_else_is_a_link_fault(tmp_path: Path) -> None:
    async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        await reader.read(100)
        writer.close()

    other = await asyncio.start_server(chat, "127.0.0.1", 0)
    spec = link(f"opc.tcp://127.0.0.1:{other.sockets[0].getsockname()[1]}", request_timeout_s=1.0)
    with pytest.raises(LinkFault):
        await refused(make(context(spec, tmp_path)), spec)
    other.close()
    await other.wait_closed()


@pytest.mark.parametrize(
    ("url", "settings", "text"),
    [
        ("opc.tcp://127.0.0.1:1", {"security": "Basic128Rsa15:Sign"}, "broken"),
        ("opc.tcp://plc.example:4840", {"security": "None"}, "may only reach this machine"),
        ("http://127.0.0.1:4840", {}, "not the address of an OPC UA server"),
        ("opc.tcp://127.0.0.1:99999", {}, "not the address of an OPC UA server"),
        ("opc.tcp://anna:secret@127.0.0.1:4840", {}, "user name or password stands in the address"),
        ("opc.tcp://127.0.0.1:4840", {"publishing_ms": "fast"}, "'publishing_ms' is 'fast'"),
        ("opc.tcp://127.0.0.1:4840", {"publishing": 1}, "no setting 'publishing'"),
    ],
)
async def test_settings_that_cannot_work_are_refused_without_a_connection(
    tmp_path: Path, url: str, settings: dict[str, Any], text: str
) -> None:
    spec = link(url, **settings)
    with pytest.raises(LinkRefused, match=text):
        await refused(make(context(spec, tmp_path)), spec)


async def test_another_server_at_the_address_is_refused(server: PlantServer, tmp_path: Path) -> None:
    spec = link(server.url, server_uri="urn:the:right:one")
    with pytest.raises(LinkRefused, match="Another server answers"):
        await refused(make(context(spec, tmp_path)), spec)


async def test_an_unknown_user_is_refused_for_good(server: PlantServer, tmp_path: Path) -> None:
    settings = {"user": "olaf", "secret": "plc-user"}
    spec = link(server.url, **settings)
    with_secret = SourceContext(link=spec, clock=ManualClock(), secret=lambda name: "wrong", project=tmp_path)
    with pytest.raises(LinkRefused, match=r"refused the connection: Bad.*user name or its secret|right"):
        await refused(make(with_secret), spec)


async def test_the_tree_is_listed_lazily_with_what_is_known_of_each_node(
    server: PlantServer, tmp_path: Path
) -> None:
    source = source_for(server, tmp_path)  # not running: it opens a connection of its own
    top = {item.name: item for item in await source.browse("", 100)}
    assert top["Plant"].has_children
    assert top["Plant"].kind == "Object"
    (tank,) = await source.browse(top["Plant"].address, 100)
    items = {item.name: item for item in await source.browse(tank.address, 100)}
    methods = {name for name, item in items.items() if item.kind == "Method"}
    assert methods == {"SetSteps", "Start"}
    assert len(set(items) - methods) == 10
    level = items["Level"]
    assert level.address == node("Level")
    assert (level.kind, level.data_type, level.unit, level.value) == ("Variable", "Double", "m", "1.5")
    assert (level.low, level.high, level.writable, level.has_children) == (0.0, 5.0, True, False)
    assert items["Fast"].value == "0"
    assert len(await source.browse(tank.address, 3)) == 3
    with pytest.raises(LinkFault, match="no namespace"):
        await source.browse("nsu=urn:nobody;s=X", 10)


async def test_a_running_source_browses_over_its_own_session(server: PlantServer, tmp_path: Path) -> None:
    host, source = Host(), source_for(server, tmp_path)
    async with running(source, host, server, node("Level")):
        server_side = await source.browse(f"nsu={URI};/Objects/Plant", 10)
        assert [item.name for item in server_side] == ["Tank1"]
