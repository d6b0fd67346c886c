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

from armillary.api import (
    ActsOnAlarms,
    Condition,
    ConditionAsk,
    LinkRefused,
    LinkState,
    OrderFault,
    OwnsAlarms,
    SubscriptionPlan,
)
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
        # fields below a state machine are not among those that the library knows of
        event.data_types["ShelvingState/CurrentState/Id"] = ua.VariantType.NodeId
        event.data_types["ShelvingState/UnshelveTime"] = ua.VariantType.Double
        self.called: list[tuple[str, tuple[Any, ...]]] = []
        for method, does in {
            ua.ObjectIds.AcknowledgeableConditionType_Acknowledge: self._acknowledge,
            ua.ObjectIds.AcknowledgeableConditionType_Confirm: self._confirm,
            ua.ObjectIds.ConditionType_AddComment: self._add_comment,
            ua.ObjectIds.ShelvedStateMachineType_TimedShelve: self._timed_shelve,
            ua.ObjectIds.AlarmConditionType_ShelvingState_Unshelve: self._unshelve,
            ua.ObjectIds.AlarmConditionType_Suppress: self._suppress,
            ua.ObjectIds.AlarmConditionType_Reset: self._reset,
        }.items():
            self.server.link_method(self.server.get_node(ua.NodeId(method)), does)
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

    async def _as(self, word: str, *arguments: Any, **fields: Any) -> None:
        """Note a call, and say how the condition stands after it."""
        self.called.append((word, arguments))
        event = self.made.event
        await self.say(
            getattr(event, "ActiveState/Id"), getattr(event, "AckedState/Id"), retain=True, **fields
        )

    @uamethod
    async def _confirm(self, _parent: Any, event_id: bytes, comment: Any) -> Any:
        if event_id != self.made.event.EventId.Value:
            return ua.StatusCode(ua.StatusCodes.BadEventIdUnknown)
        await self._as("confirm", comment.Text, **{"ConfirmedState/Id": True})
        return None

    @uamethod
    async def _add_comment(self, _parent: Any, _event_id: bytes, comment: Any) -> None:
        await self._as("comment", comment.Text, Comment=comment)

    @uamethod
    async def _timed_shelve(self, _parent: Any, ms: float) -> Any:
        if ms > 3_600_000:
            return ua.StatusCode(ua.StatusCodes.BadShelvingTimeOutOfRange)
        state = ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_TimedShelved)
        await self._as(
            "shelve", ms, **{"ShelvingState/CurrentState/Id": state, "ShelvingState/UnshelveTime": ms}
        )
        return None

    @uamethod
    async def _unshelve(self, _parent: Any) -> None:
        state = ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_Unshelved)
        await self._as("unshelve", **{"ShelvingState/CurrentState/Id": state})

    @uamethod
    async def _suppress(self, _parent: Any) -> None:
        await self._as("suppress", **{"SuppressedState/Id": True})

    @uamethod
    async def _reset(self, _parent: Any) -> Any:
        return ua.StatusCode(ua.StatusCodes.BadInvalidState)

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


async def test_what_people_ask_is_the_servers_method_and_comes_back_as_its_event(
    alarms: Alarms, tmp_path: Path
) -> None:
    off = ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_Unshelved)
    has = {
        "ConfirmedState/Id": False,
        "SuppressedState/Id": False,
        "LatchedState/Id": True,
        "ShelvingState/CurrentState/Id": off,
        "ShelvingState/UnshelveTime": 0.0,
    }
    async with Linked(alarms, tmp_path) as one:
        assert isinstance(one.source, ActsOnAlarms)
        await alarms.say(True, True, **has)
        await until(lambda: len(one.desk.told) == 2, "the event")
        first = one.desk.last
        assert set(first.offers) >= {"confirm", "shelve", "suppress", "reset"}
        assert (first.confirmed, first.latched, first.shelved_ms) == (False, True, -1.0)

        async def ask(action: str, comment: str = "", ms: float = 0.0) -> Condition:
            last, n = one.desk.last, len(one.desk.told)
            wish = ConditionAsk(
                condition=last.id, event_id=last.event_id, action=action, comment=comment, duration_ms=ms
            )
            await one.source.act_on(wish)
            await until(lambda: len(one.desk.told) > n, action)
            return one.desk.last

        assert (await ask("confirm", "checked")).confirmed
        assert (await ask("comment", "valve changed")).comment == "valve changed"
        assert (await ask("shelve", ms=600_000.0)).shelved_ms == 600_000.0
        assert (await ask("unshelve")).shelved_ms == -1.0  # by the second of the two names of its method
        assert (await ask("suppress")).suppressed
        assert [word for word, _ in alarms.called] == ["confirm", "comment", "shelve", "unshelve", "suppress"]
        assert alarms.called[0][1] == ("checked",)
        with pytest.raises(OrderFault, match="did not shelve it: BadShelvingTimeOutOfRange"):
            await ask("shelve", ms=7_200_000.0)
        with pytest.raises(OrderFault, match="did not reset it: BadInvalidState"):
            await ask("reset")
        await alarms.say(
            False, True, retain=False, **has | {"LatchedState/Id": False, "ConfirmedState/Id": True}
        )


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
