"""Alarms that servers own, in a world: they ride in its frames, and an acknowledge is asked, not done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from armillary.alarms.remote import ACKNOWLEDGING
from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmAct, AlarmState, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.condition import Condition, ConditionAsk, Conditions
from armillary.model.fault import FaultRecord, OrderFault
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.telemetry.heard import MOST, Heard
from armillary.world.mirroring import READ_ONLY, Mirroring, is_remote

ANNA = LoggedIn(user="anna", name="Anna", role="operator")
HIGH = Condition(
    id="c", event_id=b"e", name="High", source="T1", priority=2, active=True, acked=False, t_ns=1
)
ID = "opcua:plc:T1.High"


@dataclass
class World:
    """The parts around it, and what they were asked."""

    commands: bool = True
    refuses: str = ""
    asked: list[tuple[str, str, bytes, str]] = field(default_factory=list)
    asks: list[ConditionAsk] = field(default_factory=list)
    noted: list[tuple[str, str, str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock, self.heard = ManualClock(NS), Heard()
        link = LinkSpec(name="plc", kind="opcua", url="opc.tcp://x", commands=self.commands)
        self.mirroring = Mirroring(
            self.heard, {"plc": link}, self, self.clock, self._spawn, self._note, self._tell
        )

    async def ask_condition(self, link: str, ask: ConditionAsk) -> None:
        self.asked.append((link, ask.condition, ask.event_id, ask.comment))
        self.asks.append(ask)
        if self.refuses:
            raise OrderFault(self.refuses, where=link, remedy="")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)

    def _note(self, who: LoggedIn, action: str, target: str, why: str) -> None:
        self.noted.append((who.user, action, target, why))

    def _tell(self, fault: FaultRecord, level: str) -> None:
        self.told.append(f"{level}: {fault.what}")

    def tick(self, state: LinkState = LinkState.UP) -> Frame:
        status = LinkStatus(name="plc", kind="opcua", url="", state=state, since_ns=0)
        base = replace(empty_frame("w", WorldKind.LIVE), t_ns=self.clock.now_ns())
        return self.mirroring.merged(base, (status,), self.clock.now_mono_ns())

    def hears(self, condition: Condition = HIGH) -> AlarmState:
        self.heard.put(Conditions(link="plc", conditions=(condition,)))
        (state,) = self.tick().alarms
        return state


def test_condition_rides_in_the_frame_with_what_it_is() -> None:
    world = World()
    world.heard.put(Conditions(link="plc", conditions=(HIGH,)))
    frame = world.tick()
    assert [spec.id for spec in frame.alarm_specs] == [ID]
    assert [state.process for state in frame.alarms] == [ProcessState.UNACK]
    assert [event.event for event in frame.alarm_events] == ["RAISE"]
    assert world.tick().alarm_specs == world.tick().alarms == ()
    assert world.mirroring.specs() == frame.alarm_specs
    assert is_remote(frame.alarms[0].occurrence)


def test_lost_link_leaves_the_row_unverified() -> None:
    world = World()
    world.hears()
    (state,) = world.tick(LinkState.BACKOFF).alarms
    assert (state.process, state.unverified) == (ProcessState.UNACK, True)


def test_acknowledge_is_written_down_and_asked_and_changes_nothing_before_the_answer() -> None:
    world = World()
    state = world.hears()
    act = AlarmAct(action="ack", occurrences=(state.occurrence,), comment="seen")
    assert world.mirroring.act(ANNA, act, state.occurrence) == ""
    assert world.noted == [("anna", "alarm.ack", f"{state.occurrence} at plc", "seen")]
    assert world.asked == [("plc", "c", b"e", "seen")]
    (after,) = world.tick().alarms
    assert (after.process, after.pending) == (ProcessState.UNACK, ACKNOWLEDGING)
    assert world.hears(replace(HIGH, acked=True, t_ns=2)).process is ProcessState.ACKED


def test_refusal_of_the_server_stands_in_the_row() -> None:
    world = World(refuses="The server did not acknowledge it: BadEventIdUnknown.")
    state = world.hears()
    world.mirroring.act(ANNA, AlarmAct(action="ack", occurrences=()), state.occurrence)
    assert "BadEventIdUnknown" in world.tick().alarms[0].pending


def test_read_only_link_asks_its_server_nothing() -> None:
    world = World(commands=False)
    state = world.hears()
    act = AlarmAct(action="ack", occurrences=(state.occurrence,))
    assert world.mirroring.act(ANNA, act, state.occurrence) == READ_ONLY
    assert world.asked == world.noted == []
    assert all(not state.pending for state in world.tick().alarms)


def test_a_shelf_is_asked_of_a_server_that_has_shelves_and_refused_of_another() -> None:
    world = World()
    world.hears(replace(HIGH, offers=("shelve",)))
    act = AlarmAct(action="shelve", occurrences=(ID,), comment="known fault", duration_s=600.0)
    assert world.mirroring.act(ANNA, act, ID) == ""
    assert world.noted == [("anna", "alarm.shelve", f"{ID} at plc", "known fault")]
    assert [(ask.action, ask.duration_ms) for ask in world.asks] == [("shelve", 600_000.0)]
    (state,) = world.tick().alarms
    assert state.pending == "shelving…"
    assert world.hears(replace(HIGH, offers=("shelve",), shelved_ms=600_000.0, t_ns=2)).hiding is not None
    other = World()
    other.hears()
    assert other.mirroring.act(ANNA, act, ID) == "Its server offers no shelving of this alarm"
    assert other.noted == other.asked == []


def test_flood_beyond_the_bound_is_dropped_counted_and_told_once() -> None:
    world = World()
    heard = world.heard
    heard.put(Conditions(link="plc", conditions=(HIGH,) * MOST))
    heard.put(Conditions(link="plc", conditions=(HIGH,)))
    assert heard.dropped == 1
    assert [len(told.conditions) for told in heard.take()] == [MOST]
    assert heard.take() == []
    world.tick()
    world.tick()
    assert world.told == ["warning: 1 events of servers' alarms came too fast and were dropped."]
