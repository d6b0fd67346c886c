"""Marks: what changes in a frame is recorded once, under a name that no tag can have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from armillary.model.alarm import (
    AlarmEvent,
    AlarmSpec,
    AlarmState,
    ProcessState,
    ServerAlarm,
    ServerAlarms,
)
from armillary.model.clock import NS, ManualClock
from armillary.model.frame import Event, Frame, WorldKind, empty_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import OrderState, Receipt
from armillary.model.sample import SampleBatch
from armillary.project import folder as projects
from armillary.wire import marks
from armillary.world.marking import Marking
from armillary.world.record import Names
from armillary.world.recorded import Recorded
from armillary.world.replay import Replay

TAGS = 10
HOT = AlarmState(id="hot", process=ProcessState.UNACK, occurrence="hot-1", raised_ns=5, value=86.0)
PLC = LinkStatus(name="plc", kind="opcua", url="opc.tcp://x", state=LinkState.UP, since_ns=3, rate_hz=4.0)


def frame(**changes: object) -> Frame:
    return replace(empty_frame("w", WorldKind.LIVE), t_ns=1_000, tick_mono_ns=7, **changes)  # type: ignore[arg-type]


def named(marking: Marking, batch: SampleBatch) -> list[tuple[str, float]]:
    return [
        (marking.names[s - TAGS], v) for s, v in zip(batch.slot.tolist(), batch.value.tolist(), strict=True)
    ]


def test_an_alarm_that_changed_is_one_row_with_its_whole_state_as_text() -> None:
    marking = Marking(TAGS, ["hot", "cold"], ["plc"])
    batch = marking.of(frame(alarms=(HOT,)))
    assert named(marking, batch) == [("~alarm:hot", 1.0)]
    assert marks.record_of(batch.text[0], AlarmState) == HOT


def test_a_link_is_written_when_it_changed_and_not_for_its_rate() -> None:
    marking = Marking(TAGS, [], ["plc"])
    assert named(marking, marking.of(frame(links=(PLC,)))) == [("~link:plc", marks.LINK_CODES[LinkState.UP])]
    assert len(marking.of(frame(links=(replace(PLC, rate_hz=9.0, delay_s=1.0),)))) == 0
    assert len(marking.of(frame(links=(replace(PLC, delivery="silent"),)))) == 1


def test_receipts_and_events_of_one_tick_each_have_a_time_of_their_own() -> None:
    marking = Marking(TAGS, [], [])
    receipt = Receipt(
        order="1", tag="a", state=OrderState.SENT, t_ns=1, actor="anna", old=0.0, value=1.0, unit="m"
    )
    events = (
        Event(t_ns=1, level="info", source="plc", text="up"),
        Event(t_ns=1, level="error", source="b", text=""),
    )
    raised = AlarmEvent(
        id="hot", occurrence="hot-1", event="RAISE", before=ProcessState.NORM, after=ProcessState.UNACK,
        t_ns=1, priority=2,
    )  # fmt: skip
    batch = marking.of(frame(orders=(receipt,), events=events, alarm_events=(raised,)))
    assert named(marking, batch) == [
        ("~orders", 2.0), ("~events", 0.0), ("~events", 2.0), ("~alarm-events", 2.0)
    ]  # fmt: skip
    assert len(set(batch.source_ns.tolist())) == 4
    again = marking.of(frame(events=events))  # the wall clock stands still
    assert again.source_ns.min() > batch.source_ns.max()


def test_a_start_writes_every_alarm_and_an_end_says_so() -> None:
    marking = Marking(TAGS, ["hot"], [])
    start = marking.started([HOT], 50, 0)
    assert named(marking, start) == [("~world", 1.0), ("~alarm:hot", 1.0)]
    assert named(marking, marking.ended(60, 0)) == [("~world", 0.0)]
    assert start.source_ns[0] == 50


def test_a_frame_without_news_makes_no_rows_and_what_has_no_name_is_left_out() -> None:
    marking = Marking(TAGS, [], [])
    batch = marking.of(frame(alarms=(HOT,)))
    assert len(batch) == 0
    assert batch.slot.dtype == np.uint32


def test_events_of_an_alarm_that_tells_of_a_person_say_neither_value_nor_words() -> None:
    pulse, hot = (
        AlarmEvent(
            id=name,
            occurrence="1",
            event="RAISE",
            before=ProcessState.NORM,
            after=ProcessState.UNACK,
            t_ns=5,
            priority=2,
            value=187.25,
            text="187.25 is high",
        )
        for name in ("pulse", "hot")
    )
    marking = Marking(TAGS, ["pulse", "hot"], [], personal=["pulse"])
    masked, whole = marking.of(frame(alarm_events=(pulse, hot))).text.values()
    assert "187" not in masked
    assert "187.25 is high" in whole


# ---------------------------------------------------------------- alarms that servers own

OWNED = AlarmSpec(id="opcua:plc:T1.High", slot=-1, tag="", kind="link", title="T1 High", priority=2)
RAISED = AlarmState(
    id=OWNED.id, process=ProcessState.UNACK, occurrence="o", raised_ns=5, value=1.0, text="level high"
)


def test_alarms_of_servers_are_one_text_at_most_one_a_second() -> None:
    marking = Marking(TAGS, [], [])
    first = marking.of(frame(alarm_specs=(OWNED,), alarms=(RAISED,)))
    assert named(marking, first) == [("~server-alarms", 1.0)]
    told = marks.record_of(first.text[0], ServerAlarms)
    assert told == ServerAlarms(alarms=(ServerAlarm(spec=OWNED, state=RAISED),))
    acked = replace(RAISED, process=ProcessState.ACKED)
    assert len(marking.of(replace(frame(alarms=(acked,)), tick_mono_ns=NS // 2))) == 0
    second = marking.of(replace(frame(), tick_mono_ns=2 * NS))  # what was left out comes by itself
    assert marks.record_of(second.text[0], ServerAlarms).alarms[0].state == acked
    assert len(marking.of(replace(frame(), tick_mono_ns=4 * NS))) == 0
    over = marking.of(replace(frame(alarms=(AlarmState(id=OWNED.id),)), tick_mono_ns=6 * NS))
    assert marks.record_of(over.text[0], ServerAlarms) == ServerAlarms()


def test_a_replay_reads_the_alarms_of_servers_back_as_they_stood() -> None:
    marking, hot = Marking(TAGS, [], []), AlarmSpec(id="hot", slot=0, tag="a")
    text = marking.of(frame(alarm_specs=(OWNED,), alarms=(RAISED,))).text[0]
    recorded, names = Recorded((), (hot,)), Names(["hot"], [])
    slot = names.all.index(marks.SERVER_ALARMS)
    assert recorded.servers({slot: text}) == {OWNED.id: ServerAlarm(spec=OWNED, state=RAISED)}
    assert recorded.servers({}) == {}
    assert recorded.servers({slot: "no mark"}) == {}
    assert recorded.procedures({slot: text}) == ()


def test_a_replay_shows_a_servers_alarm_from_when_it_stood_until_it_was_over(tmp_path: Path) -> None:
    project = projects.new(tmp_path / "plant", "Plant")
    replay = Replay(project, ManualClock(), alarms=())
    slot = Names([], []).all.index(marks.SERVER_ALARMS)
    stood = {slot: marks.text_of(ServerAlarms(alarms=(ServerAlarm(spec=OWNED, state=RAISED),)))}
    assert replay._of_servers({}) == ([], ())
    assert replay._of_servers(stood) == ([RAISED], (OWNED,))
    assert replay._of_servers(stood) == ([], ())
    assert OWNED in replay.alarm_specs  # for who joins now
    states, specs = replay._of_servers({})
    assert ([state.id for state in states], specs) == ([OWNED.id], ())
    assert states[0].process is ProcessState.NORM
    assert replay._of_servers(stood) == ([RAISED], ())
