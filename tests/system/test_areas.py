"""Past one process: worlds share a project by area, a standby takes one over, nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from byhand import Desk
from faultlog import note
from shared_out import AREAS, TAGS, Publisher, Shared, make_project
from stations import CLOCK, until
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker

from armillary.cli import run
from armillary.model.clock import NS
from armillary.model.fault import WorldFault
from armillary.model.link import LinkState, LinkStatus
from armillary.model.quality import GOOD, STALE
from armillary.session.workspace import Workspace, WorldState

pytestmark = pytest.mark.system
TAKEN_OVER_S, STALE_S = 10.0, 3.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    (tmp_path / "broker").mkdir()
    made = Broker(tmp_path / "broker").start()
    yield made
    made.end()


@pytest.fixture
def shared(own_places: Path, tmp_path: Path, broker: Broker) -> Iterator[Shared]:
    made = Shared(make_project(tmp_path / "project", broker.port), tmp_path)
    try:
        made.start("recorder", "recorder.service")
        for area in AREAS:
            made.start(area, "world.live", area=area)
        for started in made.children.values():
            started.ready(30)
        yield made
    finally:
        made.close()


def _kill(shared: Shared, name: str) -> int:
    os.kill(shared.children[name].pid, signal.SIGKILL)
    killed = CLOCK.now_mono_ns()
    until(lambda: not shared.children[name].alive, 30, "it is gone", every_s=0.01)
    return killed


def test_a_killed_area_is_taken_over_and_every_message_is_stored_once(shared: Shared, broker: Broker) -> None:
    standby = shared.start("standby", "world.live", area="north", standby=True)
    assert standby.ready(30) == {"address": "", "standby": "north"}
    for area in AREAS:
        until(lambda area=area: shared.is_up(area), 60, f"{area} is up")  # type: ignore[misc]
    south = shared.run_of("south")
    publisher = Publisher(broker.port)
    tags = tuple(publisher.sent)
    try:
        until(lambda: len(publisher.sent["north.t0"]) > 60, 60, "messages flow")
        killed = _kill(shared, "north")
        until(lambda: shared.run_of("north") is not None and shared.is_up("north"), 60, "taken over")
        took_s = (CLOCK.now_mono_ns() - killed) / NS
        gone = len(publisher.sent["north.t0"])
        until(lambda: len(publisher.sent["north.t0"]) > gone + 40, 60, "messages flow again")
    finally:
        publisher.end()
    wanted = {tag: sorted(values) for tag, values in publisher.sent.items()}
    until(lambda: shared.stored(tags) == wanted, 60, "all is stored", every_s=0.5)
    for area in AREAS:
        welcome = shared.welcome(area)
        tally = welcome.frame.tally[area]
        assert tally.messages.balanced
        assert tally.samples.balanced
        assert welcome.area == area
        assert len(welcome.own) == TAGS + 1
        assert tally.messages.received > 0
    after = shared.run_of("south")
    assert south is not None
    assert after is not None
    assert after.pid == south.pid
    received = shared.welcome("south").frame.tally["south"].messages.received
    assert received == sum(len(publisher.sent[f"south.t{i}"]) for i in range(TAGS)) + 1  # none twice
    assert shared.welcome("south").frame.links[0].losses == 0
    note("area", "world of an area kill -9, a standby takes over", took_s, TAKEN_OVER_S)


def test_an_area_has_one_world_and_a_shared_out_project_no_other(own_places: Path, tmp_path: Path) -> None:
    shared = Shared(make_project(tmp_path / "project", 1), tmp_path)
    try:
        shared.start("north", "world.live", area="north").ready(30)
        second = shared.start("second", "world.live", area="north")
        whole = shared.start("whole", "world.live")
        with pytest.raises(WorldFault, match=r"A world of the area 'north' runs already \(pid \d+\)"):
            second.ready(30)
        with pytest.raises(WorldFault, match="shared out by area"):
            whole.ready(30)
    finally:
        shared.close()


def _ranks(desk: Desk, area: str) -> set[int]:
    at = desk.workspace
    slots = np.array([s.slot for s in at.specs if s.name.startswith(f"{area}.t")], np.uint32)
    return set(at.mirror.rank(slots).tolist())


def _silent_events(desk: Desk) -> list[str]:
    return [e.text for e in desk.workspace.events if "is silent: its 5 tags are stale" in e.text]


def _waits(at: Workspace, alarm: str) -> bool:
    row = at.alarms.row(alarm)
    return row is not None and row.unacknowledged


def test_one_desk_shows_all_areas_and_the_death_of_one_is_its_own(
    shared: Shared, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    for area in AREAS:
        until(lambda area=area: shared.is_up(area), 60, f"{area} is up")  # type: ignore[misc]
    publisher = Publisher(broker.port, rate_hz=10)
    desk = Desk()
    at = desk.workspace
    try:
        at.open(str(shared.folder))
        desk.until(lambda: at.world_state is WorldState.LIVE and len(at.links) == 2, 60, "both areas are met")
        desk.until(lambda: _ranks(desk, "north") == _ranks(desk, "south") == {GOOD}, 60, "both flow")
        assert set(at.tally) == set(AREAS)
        desk.until(lambda: _waits(at, "south-high"), 40, "an alarm is raised")

        assert run(["state", str(shared.folder), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [link["name"] for link in told["links"]] == ["north", "south"]
        assert {tag["quality"] for tag in told["tags"]} == {"GOOD"}
        assert run(["alarms", "ack", str(shared.folder), "--all", "--yes"]) == 0
        capsys.readouterr()
        desk.until(lambda: not _waits(at, "south-high"), 30, "it is acknowledged")

        command = ["command", str(shared.folder), "south.set", "7", "--yes"]
        until(lambda: run(command) == 0, 60, "it is carried out", every_s=2.5)  # not where all is too slow
        assert set(publisher.commanded) == {"site/south/set/set"}
        desk.until(lambda: desk.value("south.set") == 7.0, 30, "the command is seen")
        assert run(["audit", "verify", str(shared.folder)]) == 0  # of all areas
        assert run(["audit", "verify", str(shared.folder), "--area", "south"]) == 0
        assert "The chain holds." in capsys.readouterr().out

        killed = _kill(shared, "north")
        desk.until(lambda: _ranks(desk, "north") == {STALE}, 40, "the area is stale")
        found_s = (CLOCK.now_mono_ns() - killed) / NS
        words = "Live · Shared · silent: area North"
        desk.until(lambda: at.world_text == words and _ranks(desk, "south") == {GOOD}, 30, "only that one")
        assert any(text.startswith("The world of area North is silent") for text in _silent_events(desk))
        states = {link.name: (str(link.state), link.detail) for link in at.links}
        assert states["north"][0] == "BACKOFF"
        assert "area North is silent" in states["north"][1]
        before = desk.value("south.t1")
        desk.until(lambda: desk.value("south.t1") > before, 30, "the other goes on")

        shared.start("again", "world.live", area="north").ready(30)
        desk.until(lambda: _ranks(desk, "north") == {GOOD}, 60, "the area is back")
        assert desk.value("north.set") == 0.0  # known from the history, though nobody told it since
        words = "Live · Shared"
        desk.until(lambda: at.world_text == words and _ranks(desk, "south") == {GOOD}, 30, "all speak")
        note("area", "world of an area kill -9, no standby: its tags are stale", found_s, STALE_S)
    finally:
        at.close()
        publisher.end()


def test_a_desk_starts_the_worlds_of_all_areas_and_ends_them(
    own_places: Path, tmp_path: Path, broker: Broker
) -> None:
    shared = Shared(make_project(tmp_path / "project", broker.port), tmp_path)
    desk = Desk()
    at = desk.workspace
    try:
        at.open(str(shared.folder))
        desk.until(lambda: len(at.links) == 2 and all(_up(link) for link in at.links), 60, "both are up")
        pids = [each.pid for area in AREAS if (each := shared.run_of(area)) is not None]
        assert len(pids) == 2
        os.kill(pids[0], signal.SIGKILL)
        desk.until(
            lambda: shared.run_of("north") is not None and _pid(shared) != pids[0], 60, "started again"
        )
    finally:
        at.close()
    assert shared.run_of("north") is None
    assert shared.run_of("south") is None


def _pid(shared: Shared) -> int:
    north = shared.run_of("north")
    return north.pid if north is not None else 0


def _up(link: LinkStatus) -> bool:
    return link.state is LinkState.UP
