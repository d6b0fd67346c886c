"""A real asyncua server's alarm conditions: told, refreshed after a connect, acknowledged by its method."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua
from asyncua.common.methods import uamethod
from tests.plugins.opcua.plant import Host, context, free_port, link

from armillary.api import Condition, LinkRefused, LinkState, OrderFault, OwnsAlarms, SubscriptionPlan
from armillary_plugins.opcua import source as opcua
from armillary_plugins.opcua.quiet import quieten

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMIT_S = 30.0
URI = "urn:armillary:conditions"


class Alarms:
    """The server: one condition `Tank1.High`, and a method that acknowledges it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.refuses = False

    async def start(self) -> None:
        self.server = Server()
        self.server.iserver.bind_condition_methods = True
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await self.server.register_namespace(URI)
        self.node = await self.server.nodes.objects.add_object(
            ua.NodeId("Tank1.High", index), "High", ua.ObjectIds.AlarmConditionType
        )
        self.made = await self.server.get_event_generator(ua.ObjectIds.AlarmConditionType)
        event = self.made.event
        event.NodeId = self.node.nodeid
        event.ConditionName, event.SourceName, event.BranchId = "High", "Tank1", ua.NodeId()
        event.Quality = ua.StatusCode(ua.StatusCodes.Good)
        setattr(event, "EnabledState/Id", True)
        method = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
        self.server.link_method(self.server.get_node(method), self._acknowledge)
        await self.server.start()

    async def say(
        self, active: bool, acked: bool, severity: int = 750, text: str = "level high", **more: Any
    ) -> None:
        event = self.made.event
        event.Severity = severity
        event.Retain = more.pop("retain", active or not acked)
        for name, value in {"ActiveState/Id": active, "AckedState/Id": acked, **more}.items():
            setattr(event, name, value)
        await self.made.trigger(message=text)

    @uamethod
    async def _acknowledge(self, _parent: Any, event_id: bytes, comment: Any) -> Any:
        if self.refuses or event_id != self.made.event.EventId.Value:
            return ua.StatusCode(ua.StatusCodes.BadEventIdUnknown)
        event = self.made.event
        event.Comment, event.ClientUserId = comment, "anna"
        await self.say(getattr(event, "ActiveState/Id"), True)
        return None

    async def stop(self) -> None:
        await self.server.stop()


@dataclass
class Desk(Host):
    """A host that takes conditions, too."""

    told: list[tuple[tuple[Condition, ...], bool]] = field(default_factory=list)

    def conditions(self, found: Sequence[Condition], *, is_all: bool) -> None:
        self.told.append((tuple(found), is_all))

    @property
    def last(self) -> Condition:
        return [one for found, _ in self.told for one in found][-1]


async def until(true: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            while not true():  # noqa: ASYNC110  what is waited for is anything
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not within {LIMIT_S} s: {what}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Alarms]:
    quieten()  # the library warns that the server has no certificates: none is meant
    made = Alarms(free_port())
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def alarms(running: Alarms) -> Alarms:
    """The server, with nothing that stands."""
    await running.say(False, True, Quality=ua.StatusCode(ua.StatusCodes.Good))
    return running


class Linked:
    """A running source with conditions."""

    def __init__(self, alarms: Alarms, folder: Path, **settings: Any) -> None:
        spec = link(f"opc.tcp://127.0.0.1:{alarms.port}", conditions=True, publishing_ms=20, **settings)
        self.source = opcua.make(context(spec, folder))
        self.desk = Desk()
        self._task = asyncio.create_task(self.source.run(SubscriptionPlan(link=spec, routes=()), self.desk))

    async def __aenter__(self) -> Linked:
        await until(lambda: any(is_all for _, is_all in self.desk.told), "a refresh")
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_condition_is_told_as_its_events_say(alarms: Alarms, tmp_path: Path) -> None:
    async with Linked(alarms, tmp_path) as one:
        assert isinstance(one.source, OwnsAlarms)
        assert one.desk.told == [((), True)]
        assert one.desk.states[-1][0] is LinkState.UP
        await alarms.say(True, False)
        await until(lambda: len(one.desk.told) == 2, "the event")
        told = one.desk.last
        assert (told.source, told.name, told.text) == ("Tank1", "High", "level high")
        assert (told.active, told.acked, told.retain, told.priority) == (True, False, True, 2)
        assert told.id == f"nsu={URI};s=Tank1.High"
        assert told.t_ns > 1_700_000_000_000_000_000
        assert not told.is_bad
        await alarms.say(
            False, True, 950, Quality=ua.StatusCode(ua.StatusCodes.BadSensorFailure), retain=True
        )
        await until(lambda: not one.desk.last.active, "the next")
        assert (one.desk.last.priority, one.desk.last.is_bad) == (1, True)


async def test_what_stood_before_we_came_is_told_by_a_refresh(alarms: Alarms, tmp_path: Path) -> None:
    await alarms.say(True, False)
    async with Linked(alarms, tmp_path) as one:
        ((found, is_all),) = one.desk.told
        assert is_all
        assert [(c.name, c.active, c.acked) for c in found] == [("High", True, False)]


async def test_acknowledge_is_the_servers_and_comes_back_as_its_event(alarms: Alarms, tmp_path: Path) -> None:
    async with Linked(alarms, tmp_path) as one:
        await alarms.say(True, False)
        await until(lambda: len(one.desk.told) == 2, "the event")
        told = one.desk.last
        await one.source.acknowledge(told.id, told.event_id, "seen by me")
        await until(lambda: one.desk.last.acked, "the server's event")
        assert (one.desk.last.comment, one.desk.last.actor) == ("seen by me", "anna")
        with pytest.raises(OrderFault, match="BadEventIdUnknown"):
            await one.source.acknowledge(told.id, told.event_id, "again")
        with pytest.raises(OrderFault, match="told nothing"):
            await one.source.acknowledge("nsu=x;s=y", b"", "")
    with pytest.raises(OrderFault, match="not up"):
        await one.source.acknowledge(told.id, told.event_id, "too late")


async def test_cut_points_of_the_severity_are_the_links_own(alarms: Alarms, tmp_path: Path) -> None:
    async with Linked(alarms, tmp_path, severities=[800, 600, 400, 200]) as one:
        await alarms.say(True, False, 250)
        await until(lambda: len(one.desk.told) == 2, "the event")
        assert one.desk.last.priority == 4


@pytest.mark.parametrize("severities", [[901, 701, 551], [701, 901, 551, 401], [1001, 3, 2, 1], "high"])
async def test_cut_points_that_do_not_fall_are_refused(tmp_path: Path, severities: object) -> None:
    spec = link("opc.tcp://127.0.0.1:1", conditions=True, severities=severities)
    with pytest.raises(LinkRefused, match="severities"):
        await opcua.make(context(spec, tmp_path)).run(SubscriptionPlan(link=spec, routes=()), Desk())
