"""What a LIVE world told of alarms, links and orders, its replay tells at the same times: a real plant."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from following import Follower
from PIL import Image
from stations import CLOCK, until

from armillary.cli.plant import start_plant
from armillary.model.alarm import AlarmAct, AlarmActed, AlarmState, ProcessState
from armillary.model.clock import MS_NS, NS, iso
from armillary.model.control import Play, Step
from armillary.model.fault import OrderFault
from armillary.model.frame import Frame, RunState, frame_of
from armillary.model.look import Look, base_look
from armillary.model.message import SceneOpened
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session.alarmbook import AlarmBook
from armillary.session.mirror import Mirror
from armillary.session.reading import ask_child, scene_child
from armillary.session.scenery import Scenery, load, prim_of_tag
from armillary.session.showing import Showing
from armillary.ui.theme import THEMES
from armillary.viewport.view import View
from armillary.wire import child, marks

pytestmark = pytest.mark.system
REST_NS = 2_500 * MS_NS  # between two writes of one tag
ALARM, TAG = "SP-HIGH", "LIC-101.sp"
RULE = f"""
[[alarm]]
id = "{ALARM}"
tag = "{TAG}"
title = "Setpoint unusually high"
limit = 64.0
deadband = 0.5
priority = 3
consequence = "T-101 overflows"
operator_action = "Ask who set it"
"""


@dataclass
class Lived:
    """A record, and what was live then."""

    folder: Path
    told: list[tuple[int, tuple[object, ...]]] = field(default_factory=list)  # just after frames
    values: list[tuple[int, float]] = field(default_factory=list)  # of the setpoint, at their frames
    events: list[tuple[int, str]] = field(default_factory=list)  # of the alarm: time of its frame, what
    still: tuple[int, Frame, dict[str, str]] | None = None  # time, whole state, alarms while one was active

    def when(self, event: str) -> int:
        return next(t_ns for t_ns, name in self.events if name == event)


def order(desk: Follower, value: float) -> None:
    """Write the setpoint through the gate; again while it is refused, as a busy machine makes happen."""

    def is_sent() -> bool:
        desk.look()
        try:
            receipt = written(desk, value)
        except OrderFault:  # what was looked at is out of date, the link is not up yet
            return False
        return receipt.state in (OrderState.SENT, OrderState.VERIFIED)

    until(is_sent, 30, "an order that is sent")


def written(desk: Follower, value: float) -> Receipt:
    """Arm and execute once. Raises OrderFault."""
    actor = f"local:{os.getuid()}"
    armed = desk.line.ask(Arm(tag=TAG, value=value, unit="%", actor=actor, seen_seq=desk.last.seq), 10)
    assert isinstance(armed, Armed), armed
    wish = Order(
        id=str(uuid.uuid4()),
        world=desk.welcome.world,
        tag=TAG,
        value=value,
        unit="%",
        actor=actor,
        token=armed.token,
        not_after_ns=CLOCK.now_ns() + 5 * NS,
        expect_seq=desk.last.seq,
    )
    receipt = desk.line.ask(wish, 20)
    assert isinstance(receipt, Receipt)
    return receipt


def whole(desk: Follower) -> Frame:
    """Return the state that a desk has, as one frame."""
    return frame_of(desk.table, np.arange(len(desk.table), dtype=np.uint32), desk.last)


def live_shift(folder: Path, logs: Path, lived: Lived) -> None:
    """Raise, acknowledge and clear an alarm by two orders, while everything is recorded and noted."""
    recorder = child.start("recorder.service", {"project": str(folder)}, logs / "recorder.log")
    world = child.start("world.live", {"project": str(folder)}, logs / "world.log")
    desk: Follower | None = None
    try:
        recorder.ready()
        desk = Follower(str(world.ready()["address"]))
        slot = next(s.slot for s in desk.welcome.specs if s.name == TAG)

        def look(desk: Follower = desk) -> None:
            before = desk.last.seq
            frame = desk.look()
            if frame.seq == before:
                return
            lived.told.append((frame.t_ns + MS_NS, desk.told()))
            lived.values.append((frame.t_ns + MS_NS, float(desk.table.value[slot])))
            lived.events.extend((frame.t_ns, e.event) for e in frame.alarm_events if e.id == ALARM)

        def state() -> ProcessState:
            look()
            found = marks.record_of(desk.alarms[ALARM], AlarmState) if ALARM in desk.alarms else None
            return found.process if found is not None else ProcessState.NORM

        def is_verified() -> bool:
            look()
            return desk.order is not None and desk.order.state is OrderState.VERIFIED

        def all_good() -> bool:
            look()
            return not (desk.table.quality & 0xFF).any()

        until(all_good, 25, "all tags GOOD")
        order(desk, 66.0)
        until(lambda: state() is ProcessState.UNACK, 20, "raised")
        until(is_verified, 30, "verified")
        occurrence = marks.record_of(desk.alarms[ALARM], AlarmState).occurrence
        acted = desk.line.ask(AlarmAct(action="ack", occurrences=(occurrence,), comment="was me"))
        assert acted == AlarmActed(results=("",))
        until(lambda: state() is ProcessState.ACKED, 20, "acknowledged")
        lived.still = (desk.last.t_ns + MS_NS, whole(desk), dict(desk.alarms))
        first_ns = CLOCK.now_mono_ns()
        until(lambda: (look(), CLOCK.now_mono_ns() - first_ns > REST_NS)[1], 10, "the gate's pause is over")
        order(desk, 60.0)
        until(lambda: state() is ProcessState.NORM, 20, "cleared")
        until(is_verified, 30, "verified")
        for _ in range(40):
            look()
    finally:
        if desk is not None:
            desk.line.close()
        world.stop(5)
        recorder.stop(5)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("xdg")
        for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            (home / variable[4:8].lower()).mkdir(mode=0o700)
            patch.setenv(variable, str(home / variable[4:8].lower()))
        plant = start_plant("pumping-station", home / "station")
        try:
            with (plant.project / "rules.toml").open("a", encoding="utf-8") as file:
                file.write(RULE)
            made = Lived(folder=home / "project")
            live_shift(plant.project, home, made)
            shutil.copytree(plant.project, made.folder)
        finally:
            plant.stop()
    return made


@pytest.fixture(scope="module")
def desk(lived: Lived) -> Iterator[Follower]:
    """One replay for all tests that jump to where they begin."""
    log = lived.folder.parent / "replay.log"
    world = child.start("world.replay", {"project": str(lived.folder), "idle": True}, log)
    made = Follower(str(world.ready()["address"]))
    yield made
    made.line.close()
    world.stop(5)


def commands(*lines: tuple[object, ...]) -> list[tuple[int, str, str]]:
    """Run `armillary replay` with each of these, side by side; return status, output and errors of each."""

    def run(words: tuple[object, ...]) -> tuple[int, str, str]:
        args = [sys.executable, "-m", "armillary", "replay", *map(str, words)]
        done = subprocess.run(args, capture_output=True, text=True, timeout=180, check=False)
        return done.returncode, done.stdout, done.stderr

    with ThreadPoolExecutor() as pool:
        return list(pool.map(run, lines))


def test_at_any_time_alarms_links_and_orders_are_what_the_live_frames_said(
    lived: Lived, desk: Follower
) -> None:
    assert [name for _, name in lived.events] == ["RAISE", "ACK", "CLEAR"]
    around = [lived.when(event) for event in ("RAISE", "ACK", "CLEAR")]
    times = [t_ns for t_ns, _ in lived.told]
    chosen = sorted({i + j for t in around for i in [int(np.searchsorted(times, t))] for j in (-1, 0, 3)})
    near_the_end = int(np.searchsorted(times, times[-1] - NS))  # the newest rows are on disk a little later
    chosen = [*chosen, len(times) // 2, near_the_end]
    rng = np.random.default_rng(1)
    for i in rng.permutation(chosen).tolist():
        t_ns, told = lived.told[i]
        desk.at(t_ns)
        assert desk.told() == told, iso(t_ns)
        slot = next(s.slot for s in desk.welcome.specs if s.name == TAG)
        assert desk.table.value[slot] == lived.values[i][1], iso(t_ns)
    raised, acked = (
        marks.record_of(told[0][ALARM], AlarmState)  # type: ignore[index]
        for told in (dict(lived.told)[t + MS_NS] for t in around[:2])
    )
    assert (raised.process, acked.process) == (ProcessState.UNACK, ProcessState.ACKED)
    assert (acked.actor, acked.comment) == (f"local:{os.getuid()}", "was me")


def drawn(scenery: Scenery, project: Project, desk: Follower, frame: Frame, alarms: dict[str, str]) -> Look:
    """Return the look of a state with its alarms, as a desk makes it."""
    mirror, showing = Mirror(len(project.specs)), Showing()
    mirror.take(replace(frame, seq=1), 0)
    mirror.live = True
    showing.show(scenery)
    book = AlarmBook(
        lambda *_asked: None,
        lambda spec: prim_of_tag(scenery, spec.slot, project.twins, project.specs[spec.slot]),
        lambda: project.specs,
    )
    book.welcome([spec for spec in desk.welcome.alarms if spec.slot >= 0])
    states = tuple(marks.record_of(text, AlarmState) for text in alarms.values())
    book.take(replace(frame, alarms=states, alarm_events=()))
    book.place(scenery.scene)
    rollup = book.rollup()
    assert rollup is not None, "an alarm is active"
    showing.alarms = rollup.mark
    look = showing.resolve(mirror, (), 0)
    assert look is not None
    return look


def test_the_same_instant_live_and_replayed_gives_equal_states_and_equal_pictures(
    lived: Lived, desk: Follower
) -> None:
    assert lived.still is not None
    t_ns, live, alarms = lived.still
    desk.at(t_ns)
    replayed = whole(desk)
    for name in ("value", "quality", "source_ns"):
        assert np.array_equal(getattr(live, name), getattr(replayed, name), equal_nan=True), name
    project = projects.read(lived.folder)
    request = project.scene_request()
    assert request is not None
    with scene_child() as (line, process):
        opened = ask_child(line, process, request, 60, request.entry)
    assert isinstance(opened, SceneOpened)
    scenery = load(opened, project.specs, project.colormaps)
    looks = [drawn(scenery, project, desk, *each) for each in ((live, alarms), (replayed, dict(desk.alarms)))]
    pictures = []
    for look in (*looks, base_look(scenery.scene)):
        view = View(scenery.scene, 480, 320)
        view.apply(look)
        pictures.append(view.render(rest=True).copy())
        view.close()
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2]), "values and the alarm are seen in it"


def test_playing_tells_alarm_events_and_orders_and_executes_none(lived: Lived, desk: Follower) -> None:
    desk.at(lived.when("RAISE") - NS)
    seen = len(desk.frames)
    desk.line.ask(Play(speed=10.0), 5)
    until(lambda: desk.look().t_ns > lived.when("CLEAR") + NS, 20, "played over all")
    frames = desk.frames[seen:]
    told = list[str]()
    for (
        frame
    ) in frames:  # the list of all that had happened may come meanwhile, and takes the place of the last
        told = [] if frame.anew else told
        told += [event.event for event in frame.alarm_events if event.id == ALARM]
    assert told == ["RAISE", "ACK", "CLEAR"]
    orders = {(r.value, r.state) for f in frames for r in f.orders}
    assert {(66.0, OrderState.VERIFIED), (60.0, OrderState.VERIFIED)} <= orders
    said = [e.text for f in frames for e in f.events]
    assert any(text.startswith("Recorded command of local:") and "verified" in text for text in said)
    (old,) = [r for f in frames for r in f.orders if (r.value, r.state) == (66.0, OrderState.VERIFIED)]
    again = Order(
        id=old.order,
        world=desk.welcome.world,
        tag=TAG,
        value=66.0,
        unit="%",
        actor=old.actor,
        token="",
        not_after_ns=CLOCK.now_ns() + NS,
        expect_seq=desk.last.seq,
    )
    refused = desk.line.ask(again, 5)
    assert isinstance(refused, Receipt)
    assert refused.state is OrderState.REFUSED


def test_alarm_steps_go_from_transition_to_transition_both_ways(lived: Lived, desk: Follower) -> None:
    desk.at(lived.when("RAISE") - NS)  # well before: a frame may hold two ticks, the event be of the first
    for count, wanted in (
        (1, "UNACK"),
        (1, "ACKED"),
        (1, "NORM"),
        (-1, "ACKED"),
        (-1, "UNACK"),
        (2, "NORM"),
        (-2, "UNACK"),
    ):
        before = desk.last.t_ns
        desk.line.ask(Step(by="alarm", count=count), 10)
        until(lambda before=before: desk.look().t_ns != before, 20, "a step")  # type: ignore[misc]
        assert marks.record_of(desk.alarms[ALARM], AlarmState).process == wanted


def test_computed_anew_the_record_is_the_same_and_under_other_rules_it_is_not(
    lived: Lived, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(lived.folder, other)
    rules = (other / "rules.toml").read_text("utf-8")
    (other / "rules.toml").write_text(rules.replace("limit = 64.0", "limit = 70.0"), "utf-8")
    same, changed = commands(*((each, "--recompute", "--json") for each in (lived.folder, other)))
    assert json.loads(same[1])["differences"] == [], same[2]
    assert same[0] == 0
    (only,) = json.loads(changed[1])["differences"]
    assert (changed[0], only["what"], only["recorded"], only["computed"]) == (
        1,
        ALARM,
        "raised",
        "not raised",
    )


def test_a_replay_pauses_where_it_was_told_to_and_can_go_on(lived: Lived, tmp_path: Path) -> None:
    at_ns, to_ns = lived.when("RAISE") - NS, lived.when("RAISE") + NS // 2
    args = {"project": str(lived.folder), "at_ns": at_ns, "to_ns": to_ns, "speed": 2.0}
    world = child.start("world.replay", args, tmp_path / "replay.log")
    desk = Follower(str(world.ready()["address"]))
    try:
        until(lambda: desk.look().t_ns == to_ns and desk.last.run is RunState.PAUSED, 15, "the end asked for")
        desk.line.ask(Play(speed=1.0), 5)
        until(lambda: desk.look().t_ns > to_ns + NS // 4, 10, "it goes on")
        assert desk.last.run is RunState.RUNNING
    finally:
        desk.line.close()
        world.stop(5)


def is_marked(picture: Path) -> bool:
    """Whether a picture of the desk is framed as a replay, and holds the plant."""
    shot = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    teal = THEMES["dark"].replay.lstrip("#")
    wanted = [int(teal[i : i + 2], 16) for i in (0, 2, 4)]
    is_teal = np.abs(shot - wanted).max(axis=2) < 12
    goes_across, goes_down = is_teal[:120].any(axis=0).mean() > 0.8, is_teal[:, :4].mean() > 0.5
    return bool(goes_across and goes_down and is_teal.mean() < 0.2)


def test_the_command_opens_a_desk_on_the_record_and_its_pictures_are_marked(
    lived: Lived, tmp_path: Path
) -> None:
    picture, folder = tmp_path / "replay.png", tmp_path / "pictures"
    begin_ns = lived.when("RAISE") - NS
    span = (lived.folder, "--from", iso(begin_ns), "--to", iso(begin_ns + 2 * NS))
    (one,) = commands((*span, "--speed", 0, "--screenshot", picture, "--after", 6))
    (many,) = commands((*span, "--pictures", folder, "--every", 1.5))  # with the scene from the cache
    assert (one[0], many[0]) == (0, 0), one[2] + many[2]
    assert is_marked(picture)
    before, after = sorted(folder.iterdir())
    assert before.name.startswith(iso(begin_ns)[:19].replace("-", "").replace(":", ""))
    assert is_marked(before)
    assert is_marked(after)
    assert before.read_bytes() != after.read_bytes(), "the alarm came between them"


@pytest.mark.scale
def test_a_span_becomes_a_film_and_a_folder_of_pictures_with_a_line_a_second(
    lived: Lived, tmp_path: Path
) -> None:
    begin_ns = lived.when("RAISE") - NS // 2
    span = (lived.folder, "--from", iso(begin_ns), "--to", iso(begin_ns + NS), "--headless")
    ((status, _, err),) = commands((*span, "--speed", 12, "-o", tmp_path / "films" / "shift.gif"))
    assert status == 0, err
    assert "3 pictures" in err
    with Image.open(tmp_path / "films" / "shift.gif") as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]  Pillow says so of animations
        film.seek(2)
        film.convert("RGB").save(tmp_path / "last.png")
    assert is_marked(tmp_path / "last.png")
    assert [file.name for file in (tmp_path / "films").iterdir()] == ["shift.gif"], "nothing is left beside"
