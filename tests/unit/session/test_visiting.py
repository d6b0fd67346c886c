"""Going from world to world, with feeds that the test answers for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_feed import FakeFeed

from armillary.model.account import LoggedIn, Login
from armillary.model.alarm import AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.control import Cursor, Kill, Play, Seek
from armillary.model.fault import FaultRecord, WorldFault
from armillary.model.frame import RunState, WorldKind
from armillary.model.message import Done, Enrolled, Hello
from armillary.model.order import Armed
from armillary.model.scenario import Fork
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.session import workspace
from armillary.session.workspace import Workspace, WorldState
from armillary.wire import runs

WORD = "correct horse battery"
PROJECT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a77"
name = "Small"
"""
HOT = AlarmSpec(id="hot", slot=0, tag="tank.temp", limit=80.0, priority=1, title="Tank too hot")


class Bench:
    def __init__(self, clock: ManualClock, stand: Any, folder: Path) -> None:
        self.clock, self.stand, self.folder = clock, stand, folder
        self.at = Workspace(clock, actor="me")
        self.visits = 0
        self.monkeypatch = pytest.MonkeyPatch()
        self.at.visited.connect(self._visited)

    def _visited(self) -> None:
        self.visits += 1

    @property
    def home(self) -> FakeFeed:
        return FakeFeed.made[0]

    @property
    def other(self) -> FakeFeed:
        return FakeFeed.made[-1]

    def pump(self, feed: FakeFeed | None = None, **batch: Any) -> None:
        for name, value in batch.items():
            setattr((feed or self.home).batch, name, value)
        self.at.pump(self.clock.now_ns(), self.clock.now_mono_ns())

    def open(self) -> None:
        self.at.open(str(self.folder))
        self.pump(welcome=self.stand.welcome(alarms=(HOT,)), live=True)

    def replayed(self, t_ns: int, seq: int, values: dict[int, float], **more: Any) -> Any:
        frame = self.stand.frame(seq, values)
        cursor = Cursor(speed=0.0, asked=0.0)
        kept = {"run": RunState.PAUSED, "cursor": cursor} | more
        return replace(frame, world="r", kind=WorldKind.REPLAY, t_ns=t_ns, **kept)

    def replay(self, t_ns: int) -> FakeFeed:
        """Go into the past; the REPLAY world answers as a real one does."""
        self.at.start_replay(t_ns)
        feed = self.other
        begin = replace(self.stand.welcome(), world="r", kind=WorldKind.REPLAY, about="REPLAY")
        self.pump(feed, welcome=replace(begin, frame=self.replayed(0, 1, {})), live=True)
        assert feed.asked[-1][1] == Seek(t_ns=t_ns)
        self.pump(feed, answers=[(len(feed.asked), Done())], frames=[self.replayed(t_ns, 2, {0: 7.0})])
        return feed


@pytest.fixture
def bench(clock: ManualClock, stand: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    FakeFeed.made.clear()
    monkeypatch.setattr(workspace, "Feed", FakeFeed)
    monkeypatch.setattr(runs, "all_runs", lambda: ())
    (tmp_path / "project.toml").write_text(PROJECT)
    made = Bench(clock, stand, tmp_path)
    made.monkeypatch = monkeypatch
    made.open()
    return made


def test_the_picture_changes_when_the_past_is_there_and_not_before(bench: Bench) -> None:
    at, then = bench.at, bench.clock.now_ns() - 60 * NS
    at.start_replay(then)
    assert bench.other.launched == ["world.replay"]
    bench.pump()
    assert not at.away
    assert at.coming is WorldKind.REPLAY
    FakeFeed.made.pop()
    at._visits.clear()
    bench.replay(then)
    assert at.away
    assert at.kind is WorldKind.REPLAY
    assert at.mirror.t_ns == then
    assert float(at.mirror.table.value[0]) == 7.0
    assert bench.visits == 1


def test_home_goes_on_behind_and_is_there_at_once(bench: Bench) -> None:
    at = bench.at
    bench.replay(bench.clock.now_ns() - 60 * NS)
    bench.pump(frames=[bench.stand.frame(5, {0: 42.0})])
    assert float(at.mirror.table.value[0]) == 7.0, "the past does not change with the present"
    specs = at.specs
    at.go_live()
    assert at.kind is WorldKind.LIVE
    assert float(at.mirror.table.value[0]) == 42.0
    assert at.mirror.seq == 5
    assert at.specs is specs, "equal tags: nothing is compiled anew"
    assert bench.other.asked[-1][1] == Play(speed=0.0), "the replay waits for the next time"


def test_an_urgent_alarm_at_home_is_told_while_away(bench: Bench) -> None:
    told: list[str] = []
    bench.at.home_alarm.connect(lambda spec, state: told.append(f"{spec.title} {state.process.value}"))
    bench.replay(bench.clock.now_ns() - 60 * NS)
    hot = AlarmState(id="hot", process=ProcessState.UNACK, occurrence="o1")
    bench.pump(frames=[bench.stand.frame(5, {}, alarms=(hot,))])
    bench.pump(frames=[bench.stand.frame(6, {}, alarms=(hot,))])
    assert told == ["Tank too hot UNACK"]
    assert bench.at.home_text() == "Live: 1 unacknowledged · live links ok"
    assert not bench.at.alarms.states, "the alarms shown are those of the past"
    bench.at.go_live()
    assert list(bench.at.alarms.states) == ["hot"]


def test_while_scrubbing_the_newest_time_wins(bench: Bench) -> None:
    feed = bench.replay(bench.clock.now_ns() - 60 * NS)
    asked = len(feed.asked)
    for t_ns in (10, 20, 30):
        bench.at.seek(t_ns)
    bench.clock.advance(0.2)
    bench.pump()
    assert [m for _, m in feed.asked[asked:]] == [Seek(t_ns=30)]
    bench.at.seek(40)
    bench.clock.advance(0.2)
    bench.pump()
    assert len(feed.asked) == asked + 1, "one at a time"
    bench.pump(feed, answers=[(len(feed.asked), Done())])
    assert feed.asked[-1][1] == Seek(t_ns=40)


def test_a_visited_world_that_dies_gives_live_back_and_can_be_started_again(bench: Bench) -> None:
    at, then = bench.at, bench.clock.now_ns() - 60 * NS
    feed = bench.replay(then)
    why = FaultRecord(kind="WorldFault", what="It was ended by SIGKILL.", where="log", remedy="Read it.")
    bench.pump(feed, ended=[("world", why)], died={"world"})
    assert not at.away
    assert at.world_state is WorldState.LIVE
    assert at.lost is not None
    assert at.lost.t_ns == then
    assert "SIGKILL" in at.events[-1].text
    at.revisit()
    assert bench.other is not feed
    assert at.coming is WorldKind.REPLAY


def test_a_time_that_is_refused_leaves_what_is_shown(bench: Bench) -> None:
    at = bench.at
    at.start_replay(5)
    feed = bench.other
    begin = replace(bench.stand.welcome(), world="r", kind=WorldKind.REPLAY)
    bench.pump(feed, welcome=replace(begin, frame=bench.replayed(0, 1, {})), live=True)
    no = FaultRecord(kind="StoreFault", what="Nothing is recorded.", where="r", remedy="Wait.")
    bench.pump(feed, answers=[(len(feed.asked), no)])
    assert not at.away
    assert at.coming is None
    assert "Nothing is recorded." in at.events[-1].text


def test_a_world_that_never_answers_is_given_up(bench: Bench) -> None:
    bench.at.visit("ipc://nowhere")
    bench.clock.advance(20)
    bench.pump()
    assert bench.at.coming is None
    assert bench.other.stopped or bench.at._ending
    assert "did not answer" in bench.at.events[-1].text


def test_the_kill_switch_reaches_the_plant_from_the_past(bench: Bench) -> None:
    feed = bench.replay(bench.clock.now_ns() - 60 * NS)
    bench.at.stop_commands(True)
    assert bench.home.asked[-1][1] == Kill(stop=True, reason="")
    assert not [m for _, m in feed.asked if isinstance(m, Kill)]


def test_a_log_in_changes_the_role_that_is_shown(bench: Bench) -> None:
    answers: list[object] = []
    bench.at.people.login("ravi", WORD, answers.append)
    assert bench.home.asked[-1][1] == Login(user="ravi", password=WORD)
    who = LoggedIn(user="ravi", name="Ravi", role="engineer", accounts=True)
    bench.pump(answers=[(len(bench.home.asked), who)])
    assert answers == [None]
    assert bench.at.role == "engineer"
    bench.replay(bench.clock.now_ns() - 60 * NS)
    bench.at.go_live()
    assert bench.at.people.user == "ravi"
    assert bench.at.role == "engineer"


def test_what_is_armed_is_taken_back_when_somebody_else_logs_in(bench: Bench) -> None:
    at = bench.at

    def person(user: str) -> None:
        at.people.login(user, WORD, lambda _fault: None)
        who = LoggedIn(user=user, name=user, role="operator", accounts=True)
        bench.pump(answers=[(len(bench.home.asked), who)])

    person("anna")
    at.orders.arm(2, 3.0)
    leave = Armed(
        token="t",  # noqa: S106  no password
        tag="tank.setpoint",
        old=2.0,
        new=3.0,
        unit="m",
        title="",
        expires_mono_ns=0,
        expires_s=10,
    )
    bench.pump(answers=[(len(bench.home.asked), leave)])
    assert at.orders.armed == leave
    person("anna")
    assert at.orders.armed == leave, "the same person is still here"
    person("bo")
    assert at.orders.armed is None
    card = at.orders.card(bench.clock.now_mono_ns())
    assert card is not None
    assert card.state == "Disarmed: somebody else is at this desk."
    sent = len(bench.home.asked)
    at.orders.execute()
    assert len(bench.home.asked) == sent, "and nothing is sent"


def test_closing_the_project_leaves_all_worlds(bench: Bench) -> None:
    feed = bench.replay(bench.clock.now_ns() - 60 * NS)
    bench.at.close()
    assert feed.stopped
    assert bench.home.stopped
    assert not bench.at.away


def test_a_bare_address_has_no_past(bench: Bench) -> None:
    bench.at.close()
    bench.at.open("ipc://somewhere")
    with pytest.raises(WorldFault, match="cannot be shown"):
        bench.at.start_replay(5)


def test_trends_show_nothing_later_than_the_cursor(bench: Bench) -> None:
    at, then = bench.at, bench.clock.now_ns() - 60 * NS
    at.timeline.add([0])
    bench.replay(then)
    enroll = len(bench.home.asked)
    bench.pump(answers=[(enroll, Enrolled(ids=np.array([5], np.uint32)))])
    query = bench.home.asked[-1][1]
    assert isinstance(query, SeriesQuery)
    assert query.to_ns > then, "read ahead, for playing"
    t = then + np.arange(-20, 20) * NS
    line = np.arange(40.0)
    good = np.zeros(40, np.uint16)
    flat = Series(id=5, t_ns=t, low=line, high=line, mean=line, quality=good, level_s=0.0)
    bench.pump(answers=[(len(bench.home.asked), SeriesAnswer(request=query.request, series=(flat,)))])
    pen = at.timeline.pens()[0]
    assert len(pen.t_ns)
    assert int(pen.t_ns.max()) <= then


def test_a_fork_begins_in_a_spare_and_is_shown_under_its_new_name(bench: Bench) -> None:
    at = bench.at
    row = runs.Run(
        id="w", kind="LIVE", project=str(bench.folder), name="Small", address="ipc://w", recorder="",
        pid=1, started_ns=1,
    )  # fmt: skip
    bench.monkeypatch.setattr(runs, "all_runs", lambda: (row,))
    bench.clock.advance(5)
    at.fork("pump-off")
    feed = bench.other
    assert feed.launched == ["world.whatif"]
    idle = replace(bench.stand.welcome(), world="f", kind=WorldKind.WHATIF, about="not forked yet")
    frame = replace(bench.replayed(0, 1, {}), world="f", kind=WorldKind.WHATIF)
    bench.pump(feed, welcome=replace(idle, frame=frame), live=True)
    assert feed.asked[-1][1] == Fork(source="ipc://w", t_ns=0, scenario="pump-off")
    bench.pump(feed, answers=[(len(feed.asked), Done())])
    assert isinstance(feed.asked[-1][1], Hello)
    assert not at.away
    forked = replace(idle, about="'Pump off' · forked 14:03", frame=replace(frame, t_ns=99))
    bench.pump(feed, welcome=forked)
    assert at.away
    assert at.about == "'Pump off' · forked 14:03"
    assert not at._visits[0].is_idle


def test_who_logged_in_at_the_plant_forks_as_that_person_and_is_told_a_refusal(bench: Bench) -> None:
    at = bench.at
    row = runs.Run(
        id="w", kind="LIVE", project=str(bench.folder), name="Small", address="ipc://w", recorder="",
        pid=1, started_ns=1,
    )  # fmt: skip
    bench.monkeypatch.setattr(runs, "all_runs", lambda: (row,))
    at.people.login("ravi", WORD, lambda _fault: None)
    ravi = LoggedIn(user="ravi", name="Ravi", role="engineer", accounts=True, ticket="signed")
    bench.pump(answers=[(len(bench.home.asked), ravi)])
    told: list[FaultRecord] = []
    at.refused.connect(told.append)
    bench.clock.advance(5)
    at.fork()
    feed = bench.other
    blank = replace(bench.replayed(0, 1, {}), world="f", kind=WorldKind.WHATIF)
    idle = replace(bench.stand.welcome(), world="f", kind=WorldKind.WHATIF, role="viewer", frame=blank)
    bench.pump(feed, welcome=idle, live=True)
    assert feed.asked[-1][1] == Login(user="ravi", ticket="signed"), "before anything is asked"
    bench.pump(feed, answers=[(len(feed.asked), ravi)])
    assert isinstance(feed.asked[-1][1], Fork)
    why = FaultRecord(kind="ProjectFault", what="No such scenario.", where="scenarios", remedy="Name one.")
    bench.pump(feed, answers=[(len(feed.asked), why)])
    assert [fault.what for fault in told] == ["The what-if could not begin: No such scenario."]
    assert told[0].remedy == "Name one."
    assert not at.away
    at.fork()
    bench.pump(feed)
    bench.pump(feed, answers=[(len(feed.asked), ravi)])
    assert isinstance(feed.asked[-1][1], Fork), "the same spare, once more"
    bench.pump(feed, answers=[(len(feed.asked), Done())])
    assert [type(asked[1]) for asked in feed.asked[-2:]] == [Hello, Login], "a greeting makes us a stranger"
    frame = replace(bench.replayed(99, 2, {}), world="f", kind=WorldKind.WHATIF)
    bench.pump(feed, welcome=replace(idle, frame=frame))
    assert not at.away, "not before we are known"
    bench.pump(feed, answers=[(len(feed.asked), ravi)])
    assert at.away
    assert at.people.user == "ravi"


def test_a_desk_that_was_opened_on_a_replay_is_moved_by_its_time_bar(bench: Bench) -> None:
    at, now = bench.at, bench.clock.now_ns()
    cursor = Cursor(from_ns=now - 900 * NS, to_ns=now - 100 * NS)
    begin = replace(bench.stand.welcome(), world="r", kind=WorldKind.REPLAY, about="REPLAY")
    bench.pump(welcome=replace(begin, frame=bench.replayed(now - 500 * NS, 1, {}, cursor=cursor)))
    assert at.why_no_replay() == ""
    assert at.home_ns() == now - 100 * NS, "its present is the end of the record"
    for t_ns in (now - 300 * NS, now - 200 * NS, now - 250 * NS):
        at.seek(t_ns)
    seeks = [asked[1] for asked in bench.home.asked if isinstance(asked[1], Seek)]
    assert seeks == [Seek(t_ns=now - 300 * NS)], "one at a time"
    number = next(i for i, asked in enumerate(bench.home.asked, 1) if isinstance(asked[1], Seek))
    bench.pump(answers=[(number, Done())])
    assert bench.home.asked[-1][1] == Seek(t_ns=now - 250 * NS), "the newest wins"
    assert not at.away
