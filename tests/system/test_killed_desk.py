"""Rows 56 and 56a of the fault matrix: the desk is killed, or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import faultlog
import psutil
import pytest
from byhand import Desk
from process_faults import EACH_SECOND, PATIENCE, longest_gap_s, own_places_of
from process_faults import Faulty as Looking
from stations import until

from armillary.cli.plant import RunningPlant, start_plant
from armillary.model.clock import NS
from armillary.session.feed import RECORDER, WORLD
from armillary.session.workspace import WorldState
from armillary.wire import child, runs

pytestmark = pytest.mark.system
PART = "/Station/PumpHall/P_101A"
SENT, ARMED = "P-101A.speed_sp", "P-101B.speed_sp"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlant]:
    folder = tmp_path_factory.mktemp("killed")
    with own_places_of(tmp_path_factory.mktemp("xdg")):
        made = start_plant("pumping-station", folder / "station")
        yield made
        made.stop()


@pytest.fixture(autouse=True)
def own_places() -> None:
    """Leave the places as the module's own fixture has them."""


class Victim:
    """A desk in a process of its own."""

    def __init__(self, project: Path, *tags: str) -> None:
        script = Path(__file__).with_name("killed_desk.py")
        command = [sys.executable, str(script), str(project), PART, *tags]
        paths = os.pathsep.join(sys.path)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
        )
        limit = threading.Timer(150, self.process.kill)
        limit.start()
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        limit.cancel()
        assert said == "READY\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def audit_of(project: Path) -> str:
    return "".join(p.read_text("utf-8") for p in sorted((project / ".armillary" / "audit").glob("*.jsonl")))


def test_world_and_recorder_that_are_services_go_on_without_a_killed_desk(
    plant: RunningPlant, tmp_path: Path
) -> None:
    project = plant.project
    recorder = child.start("recorder.service", {"project": str(project)}, tmp_path / "recorder.log")
    world = child.start("world.live", {"project": str(project)}, tmp_path / "world.log")
    desk = Desk()
    try:
        recorder.ready(60)
        world.ready(60)
        victim = Victim(project, SENT, ARMED)
        assert "command.disarm" not in audit_of(project)
        began = desk.clock.now_ns()
        victim.kill()
        disarmed = until(lambda: "desk is gone" in audit_of(project), 2 + PATIENCE, "disarmed by the gate")
        until(lambda: "command.verified" in audit_of(project), 60, "what was sent is verified")
        assert audit_of(project).count("command.sent") == 1

        at = desk.workspace
        told: list[str] = []
        at.reopened.connect(told.append)
        at.open(str(project))
        desk.until(lambda: at.world_state is WorldState.LIVE and at.scene is not None, 60, "reopened")
        desk.until(lambda: bool(told), 20, "said")
        assert told[0].startswith("Reopened after unexpected end: ")
        assert told[0].endswith(" s missed on screen, nothing missed in history.")
        assert any(event.text == told[0] for event in at.events)
        desk.until(lambda: bool(at.selection), 20, "chosen as before")
        assert at.scene is not None
        assert [at.scene.prim_path[prim] for prim in at.selection] == [PART]
        assert at.timebar.span_s == pytest.approx(300)
        assert not at.timebar.following
        assert at.orders.armed is None
        assert world.alive
        assert recorder.alive
        looking = Looking(plant, desk)
        gap = longest_gap_s(looking.times(EACH_SECOND, began))
        assert gap < 2.5
        faultlog.note("56", "desk kill -9: what it had armed is disarmed", disarmed, 1.0, patience=PATIENCE)

        at.close()  # in order: nothing is left to be taken up
        told.clear()
        at.open(str(project))
        desk.until(lambda: at.world_state is WorldState.LIVE, 60, "opened again")
        desk.rest(1)
        assert told == []
    finally:
        desk.workspace.close()
        world.stop(5)
        recorder.stop(5)


def test_children_of_a_killed_desk_end_and_the_next_one_starts_its_own(plant: RunningPlant) -> None:
    project = plant.project
    victim = Victim(project)
    family = psutil.Process(victim.process.pid).children(recursive=True)
    assert len(family) >= 3  # world, recorder, reader of scenes
    victim.kill()
    desk = Desk()
    at = desk.workspace
    try:
        told: list[str] = []
        at.reopened.connect(told.append)
        at.open(str(project))  # at once: the world of the killed desk may still be there
        ended = desk.until(lambda: not any(p.is_running() for p in family), 10 * 3, "children end")
        desk.until(lambda: at.world_state is WorldState.LIVE and bool(told), 60, "a world of our own")
        assert "missed on screen, and in history" in told[0]
        assert desk.pid(WORLD) not in {p.pid for p in family}
        assert desk.pid(RECORDER)
        desk.until(lambda: not at.recording, 60, "recorded")
        [run] = [r for r in runs.all_runs() if r.project == str(project)]
        assert run.pid == desk.pid(WORLD)
        faultlog.note("56", "… its children have ended", ended, 10.0, patience=3)
    finally:
        at.close()


@pytest.mark.scale
def test_a_desk_that_hangs_gets_the_newest_state_in_one_frame_and_has_nothing_armed(
    plant: RunningPlant,
) -> None:
    desk = Desk()
    at = desk.workspace
    try:
        at.open(str(plant.project))
        desk.until(lambda: at.world_state is WorldState.LIVE and not at.recording, 60, "live")
        spec = next(s for s in at.specs if s.name == ARMED)
        desk.until(lambda: desk.can_command(ARMED), 60, "it can be commanded")
        at.orders.arm(spec.slot, spec.write_low + 0.4 * (spec.write_high - spec.write_low))
        desk.until(lambda: at.orders.armed is not None, 20, "armed")
        world, before = desk.pid(WORLD), at.mirror.frames
        stopped = desk.clock.now_mono_ns()
        threading.Event().wait(5)  # nobody pumps: the event loop hangs
        slept_s = (desk.clock.now_mono_ns() - stopped) / NS
        back = desk.until(lambda: at.mirror.frames > before, 20, "something is taken")
        desk.until(lambda: desk.clock.now_ns() - at.mirror.t_ns < NS, PATIENCE, "it is the newest")
        taken = at.mirror.frames - before
        assert taken < slept_s * 20 / 4  # merged and not queued: 20 a second were made
        assert desk.pid(WORLD) == world
        assert at.world_state is WorldState.LIVE
        at.orders.execute()
        desk.until(lambda: at.orders.armed is None, 10, "asked")
        audit = audit_of(plant.project)
        desk.until(lambda: "fell silent" in audit_of(plant.project), 10, "disarmed")
        desk.rest(1)
        assert audit_of(plant.project).count("command.sent") == audit.count("command.sent")
        faultlog.note("56a", "desk hangs for 5 s: newest state after it", back, 0.25, patience=PATIENCE)
    finally:
        at.close()
