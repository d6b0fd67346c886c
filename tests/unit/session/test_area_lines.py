"""Several worlds as one: rows and laws together, requests to their owners, a silent area stale alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from armillary.model.alarm import AlarmAct, AlarmActed, AlarmState
from armillary.model.clock import NS, ManualClock
from armillary.model.control import TakeSnapshot
from armillary.model.fault import FaultRecord
from armillary.model.frame import Flow, Frame, RunState, Tally, WorldKind, apply_frame, empty_frame, frame_of
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import Bye, Credit, Hello, Retry, Welcome
from armillary.model.order import Arm, Order
from armillary.model.quality import COMM, GOOD, NEVER, STALE, rank
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.session.area_lines import AreaLines, address_of
from armillary.twin.state import apply
from armillary.wire.runs import Run

AREAS = ("north", "south")
SPECS = tuple(
    TagSpec(slot=i, name=f"{AREAS[i % 2]}.t{i}", link=AREAS[i % 2], address=f"x/{i}") for i in range(6)
)
T0 = 1_750_000_000 * NS


@dataclass
class World:
    """One area's world as its line sees it: it answers what it is told to, when it is told to."""

    area: str
    start: int = 1
    user: str = "local:0"
    sent: list[object] = field(default_factory=list)
    out: list[tuple[int, object]] = field(default_factory=list)
    is_deaf: bool = False
    seq: int = 100

    def __post_init__(self) -> None:
        self.table = TagTable(len(SPECS))
        self.own = np.array([s.slot for s in SPECS if s.link == self.area], np.uint32)

    @property
    def run(self) -> Run:
        return Run(
            id=f"live-{self.area}-{self.start}",
            kind="LIVE",
            project="/p",
            name="P",
            address=f"ipc://{self.area}{self.start}",
            recorder="",
            pid=1,
            started_ns=self.start,
            area=self.area,
        )

    def send(self, message: object) -> int:
        self.sent.append(message)
        number = len(self.sent)
        if isinstance(message, Hello) and not self.is_deaf:
            self.out.append((number, self.welcome()))
        return number

    def poll(self, timeout_s: float) -> list[tuple[int, object]]:
        out, self.out = self.out, []
        return out

    def close(self) -> None:
        self.out = []

    def base(self, **more: Any) -> Frame:
        status = LinkStatus(name=self.area, kind="mqtt", url="", state=LinkState.UP, since_ns=T0)
        law = Flow(received=3, done=3)
        return Frame(
            **{
                **{name: getattr(empty_frame("", WorldKind.LIVE), name) for name in Frame.__slots__},
                "world": self.run.id,
                "seq": self.seq,
                "first_seq": self.seq,
                "t_ns": T0,
                "links": (status,),
                "tally": {self.area: Tally(messages=law, samples=law)},
                **more,
            }
        )

    def put(self, value: float, slots: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
        slots = self.own if slots is None else slots
        apply(
            self.table,
            batch_of(slots, np.full(len(slots), value), np.full(len(slots), T0 + int(value)), T0, 1),
        )
        return self.table.take_dirty()

    def welcome(self) -> Welcome:
        slots = np.arange(len(SPECS), dtype=np.uint32)
        return Welcome(
            world=self.run.id,
            kind=WorldKind.LIVE,
            run=RunState.RUNNING,
            project="/p",
            name="P",
            role="operator",
            specs=SPECS,
            twins=(),
            relationships=(),
            frame=frame_of(self.table, slots, self.base()),
            user=self.user,
            area=self.area,
            areas=AREAS,
            own=self.own,
        )

    def push(self, value: float, **more: Any) -> None:
        self.seq += 1
        self.out.append((0, frame_of(self.table, self.put(value), self.base(**more))))

    def answer(self, kind: type, answer: object) -> None:
        number = max(i for i, m in enumerate(self.sent, 1) if isinstance(m, kind))
        self.out.append((number, answer))


class QuietBell:
    def ring(self) -> None: ...
    def wait(self, lines: object, timeout_s: float) -> None: ...
    def close(self) -> None: ...


class Desk:
    """What a desk's feed does: Hello, take, credit."""

    def __init__(self, *worlds: World) -> None:
        self.clock = ManualClock(T0)
        self.worlds = {w.area: w for w in worlds}
        self.lines = AreaLines(
            address_of(cast("Any", "/p")),
            self.clock,
            line=lambda address: cast(
                "Any", next(w for w in self.worlds.values() if w.run.address == address)
            ),
            all_runs=lambda: [w.run for w in self.worlds.values()],
            bell=cast("Any", QuietBell()),
        )
        self.table = TagTable(len(SPECS))
        self.welcomes: list[Welcome] = []
        self.frames: list[Frame] = []
        self.answers: dict[int, object] = {}
        self.hello = self.lines.send(Hello(actor="a", desk="d"))
        self.poll()

    def poll(self, after_s: float = 0.0) -> None:
        if after_s:
            self.clock.advance(after_s)
        for number, message in self.lines.poll(0.0):
            if isinstance(message, Welcome):
                self.table = TagTable(len(SPECS))
                self.welcomes.append(message)
                apply_frame(self.table, message.frame)
                self.lines.send(Credit(seq=message.frame.seq))
            elif isinstance(message, Frame):
                self.frames.append(message)
                apply_frame(self.table, message)
                self.lines.send(Credit(seq=message.seq))
            else:
                self.answers[number] = message

    def both_speak(self, seconds: float) -> None:
        """Let time pass in which all worlds that are not deaf give signs of life."""
        for _ in range(int(seconds / 0.25)):
            for world in self.worlds.values():
                if not world.is_deaf:
                    world.seq += 1
                    world.out.append((0, world.base()))
            self.poll(0.25)


@pytest.fixture
def north() -> World:
    world = World("north")
    world.put(1.0)
    return world


@pytest.fixture
def south() -> World:
    world = World("south")
    world.put(2.0)
    return world


@pytest.fixture
def desk(north: World, south: World) -> Desk:
    return Desk(north, south)


def test_a_desk_is_greeted_once_with_the_rows_of_all_areas(desk: Desk) -> None:
    (welcome,) = desk.welcomes
    assert desk.table.value.tolist() == [1.0, 2.0] * 3
    assert [status.name for status in welcome.frame.links] == ["north", "south"]
    assert set(welcome.frame.tally) == {"north", "south"}
    assert welcome.area == ""


def test_frames_of_both_areas_reach_the_desk_and_each_is_credited_to_its_world(
    desk: Desk, north: World, south: World
) -> None:
    north.push(5.0)
    south.push(6.0)
    desk.poll()
    assert len(desk.frames) == 1  # what came together goes together
    assert desk.table.value.tolist() == [5.0, 6.0] * 3
    north.push(7.0)
    desk.poll()
    assert desk.table.value.tolist() == [7.0, 6.0] * 3
    assert [m.seq for m in north.sent if isinstance(m, Credit)] == [100, 101, 102]
    assert [m.seq for m in south.sent if isinstance(m, Credit)] == [100, 101]


def test_a_world_gets_no_credit_before_the_desk_took_its_frame(desk: Desk, north: World) -> None:
    desk.lines.send = lambda message: 0  # type: ignore[method-assign,assignment]  # a desk that is busy
    north.push(5.0)
    desk.poll()
    credits_before = len([m for m in north.sent if isinstance(m, Credit)])
    north.push(6.0)
    desk.poll()
    assert len(desk.frames) == 1
    assert len([m for m in north.sent if isinstance(m, Credit)]) == credits_before


def test_a_silent_area_is_stale_and_named_while_the_other_goes_on(
    desk: Desk, north: World, south: World
) -> None:
    north.is_deaf = True
    desk.both_speak(1.5)
    assert (desk.table.quality[north.own] == STALE | COMM).all()
    assert (desk.table.quality[south.own] == GOOD).all()
    assert (desk.table.value[north.own] == 1.0).all()  # what it was stays to be seen
    (event,) = [e for f in desk.frames for e in f.events]
    assert "The world of area north is silent: its 3 tags are stale." in event.text
    links = next(f.links for f in reversed(desk.frames) if f.links)
    assert [(status.name, status.state) for status in links] == [
        ("north", LinkState.BACKOFF),
        ("south", LinkState.UP),
    ]
    assert "area north is silent" in links[0].detail
    assert desk.frames[-1].silent == "area north"
    south.push(8.0)
    desk.poll()
    assert (desk.table.value[south.own] == 8.0).all()


def test_an_area_that_only_paused_is_whole_again(desk: Desk, north: World) -> None:
    north.is_deaf = True
    desk.both_speak(1.5)
    north.is_deaf = False
    north.put(9.0)
    desk.both_speak(3.0)
    assert len(desk.welcomes) == 2
    assert (desk.table.value[north.own] == 9.0).all()
    assert (desk.table.quality == GOOD).all()


def test_a_standby_that_took_over_is_met_by_itself(desk: Desk, north: World) -> None:
    north.is_deaf = True
    desk.both_speak(1.5)
    successor = World("north", start=2)
    successor.put(4.0)
    desk.worlds["north"] = successor
    desk.both_speak(0.5)
    assert (desk.table.value[north.own] == 4.0).all()
    assert (desk.table.quality == GOOD).all()


def test_the_others_are_whole_when_one_comes_back(desk: Desk, north: World, south: World) -> None:
    south.push(7.0)
    desk.poll()
    north.is_deaf = True
    desk.both_speak(1.5)
    desk.worlds["north"] = World("north", start=2)
    desk.both_speak(0.5)
    assert len(desk.welcomes) == 2
    assert (desk.table.value[south.own] == 7.0).all()
    assert (desk.table.quality[south.own] == GOOD).all()


def test_when_all_areas_are_silent_nothing_is_said(desk: Desk, north: World, south: World) -> None:
    north.is_deaf = south.is_deaf = True
    before = len(desk.frames)
    for _ in range(8):
        desk.poll(0.25)
    assert len(desk.frames) == before  # so that the desk's own dead-man sees it


def test_one_hanging_world_keeps_the_greeting_waiting_for_a_moment_only(north: World, south: World) -> None:
    south.is_deaf = True
    desk = Desk(north, south)
    assert desk.welcomes == []
    desk.poll(1.1)
    assert len(desk.welcomes) == 1
    assert (desk.table.value[north.own] == 1.0).all()
    assert (rank(desk.table.quality[south.own]) == NEVER).all()


def test_an_area_without_a_world_is_named(north: World) -> None:
    desk = Desk(north)
    (event,) = desk.welcomes[0].frame.events
    assert "No world of the area 'south' runs" in event.text
    assert desk.welcomes[0].frame.silent == "area south"


def test_a_command_goes_to_the_world_whose_tag_it_is(desk: Desk, north: World, south: World) -> None:
    south.push(3.0)
    desk.poll()
    seen = desk.frames[-1].seq
    number = desk.lines.send(
        Arm(tag="south.t1", value=1.0, unit="", actor="a", seen_seq=seen, reason="because")
    )
    (arm,) = [m for m in south.sent if isinstance(m, Arm)]
    assert arm.seen_seq == south.seq
    assert not [m for m in north.sent if isinstance(m, Arm)]
    south.answer(Arm, FaultRecord(kind="OrderFault", what="No.", where="", remedy=""))
    desk.poll()
    assert isinstance(desk.answers[number], FaultRecord)
    order = Order(
        id="o", world="areas-p", tag="north.t0", value=1.0, unit="", actor="a", token="t",  # noqa: S106
        not_after_ns=1, expect_seq=seen,
    )  # fmt: skip
    desk.lines.send(order)
    (sent,) = [m for m in north.sent if isinstance(m, Order)]
    assert (sent.world, sent.expect_seq) == (north.run.id, north.seq)


def test_a_link_is_retried_in_its_own_world(desk: Desk, north: World, south: World) -> None:
    desk.lines.send(Retry(link="south"))
    assert [type(m) for m in south.sent][-1] is Retry
    assert Retry not in [type(m) for m in north.sent]


def test_alarms_of_both_areas_are_acknowledged_in_one_act(desk: Desk, north: World, south: World) -> None:
    north.push(5.0, alarms=(AlarmState(id="a", occurrence="a1"),))
    south.push(5.0, alarms=(AlarmState(id="b", occurrence="b1"),))
    desk.poll()
    number = desk.lines.send(AlarmAct(action="ack", occurrences=("b1", "a1")))
    south.answer(AlarmAct, AlarmActed(results=("",)))
    desk.poll()
    assert number not in desk.answers
    north.answer(AlarmAct, AlarmActed(results=("It is over.",)))
    desk.poll()
    answer = desk.answers[number]
    assert isinstance(answer, AlarmActed)
    assert answer.results == ("", "It is over.")


def test_what_a_silent_area_was_asked_fails_with_its_name(desk: Desk, north: World) -> None:
    number = desk.lines.send(Retry(link="north"))
    north.is_deaf = True
    desk.both_speak(1.5)
    answer = desk.answers[number]
    assert isinstance(answer, FaultRecord)
    assert "area north" in answer.what
    number = desk.lines.send(Retry(link="north"))
    desk.poll()
    assert "nothing was sent" in cast("FaultRecord", desk.answers[number]).what


def test_what_only_one_world_can_answer_is_refused(desk: Desk) -> None:
    number = desk.lines.send(TakeSnapshot(title="x"))
    desk.poll()
    assert (
        "Several worlds at once do not answer TakeSnapshot" in cast("FaultRecord", desk.answers[number]).what
    )


def test_a_world_that_came_anew_does_not_know_who_was_logged_in(
    desk: Desk, north: World, south: World
) -> None:
    for world in (north, south):
        world.user = "anna"
    desk.lines.send(Hello(actor="a", desk="d"))
    desk.poll()
    assert desk.welcomes[-1].user == "anna"
    successor = World("north", start=2)
    desk.worlds["north"] = successor
    desk.both_speak(1.5)
    assert desk.welcomes[-1].user == "local:0"
    assert any(type(m).__name__ == "Logout" for m in south.sent)


def test_closing_says_good_bye_to_all(desk: Desk, north: World, south: World) -> None:
    desk.lines.send(Bye())
    assert isinstance(north.sent[-1], Bye)
    assert isinstance(south.sent[-1], Bye)
