"""Rows 51 and 55 of the fault matrix: the recorder and the world are killed under a desk that runs them."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import faultlog
import numpy as np
import pytest
from process_faults import EACH_SECOND, HOT, PATIENCE, Faulty, faulty, longest_gap_s, own_places_of

from armillary.alarms.system import HISTORY_FULL
from armillary.model.alarm import ProcessState
from armillary.model.message import Append
from armillary.model.quality import STALE
from armillary.model.sample import batch_of
from armillary.session.boarding import MEMORY
from armillary.session.feed import RECORDER, WORLD
from armillary.session.workspace import Workspace, WorldState
from armillary.wire.bus import Line
from armillary.wire.child import OVER_MEMORY
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    with own_places_of(tmp_path_factory.mktemp("xdg")), faulty(tmp_path_factory.mktemp("faulty")) as made:
        yield made


@pytest.fixture(autouse=True)
def own_places() -> None:
    """Leave the places as the module's own fixture has them."""


def test_a_killed_recorder_is_started_again_and_nothing_is_missing(plant: Faulty) -> None:
    desk, at = plant.desk, plant.desk.workspace
    began = plant.now_ns()
    desk.until(lambda: plant.stored() > 200, 60, "something is on disk")
    acknowledged = at.history.stored
    killed = plant.kill(RECORDER)
    found = desk.until(lambda: bool(at.recording), PATIENCE, "the world knows")
    assert at.world_state is WorldState.LIVE  # live data are not concerned
    desk.until(lambda: at.history_text.startswith("History: restarting (spill "), PATIENCE, at.history_text)
    assert plant.law_holds()
    back = desk.until(lambda: not at.recording, 8 * PATIENCE, "recorded again")
    assert desk.pid(RECORDER) != killed
    assert at.history_text == "Recording"
    caught_up = at.history.offered
    desk.until(lambda: at.history.stored >= caught_up, 30, "what waited is stored")
    assert plant.law_holds()
    assert at.history.dropped == 0
    assert at.history.stored > acknowledged
    t_ns = plant.times(EACH_SECOND, began)
    assert len(np.unique(t_ns)) == len(t_ns)  # nothing twice
    assert longest_gap_s(t_ns) < 2.5  # and no hole
    faultlog.note("51", "recorder kill -9: said", found, 1.0, patience=PATIENCE)
    faultlog.note("51", "… and recording goes on", found + back, 5.0, patience=PATIENCE)


def test_a_full_disk_of_the_historian_is_an_alarm_and_loses_nothing(plant: Faulty) -> None:
    desk, at = plant.desk, plant.desk.workspace
    began, stored = plant.now_ns(), at.history.stored
    recorder = desk.pid(RECORDER)
    wal = plant.project / ".armillary" / "history.duckdb.wal"
    limit = wal.stat().st_size if wal.exists() else 0
    resource.prlimit(recorder, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        found = desk.until(lambda: HISTORY_FULL in standing(at), PATIENCE, f"the alarm {at.history}")
        state = at.alarms.states[HISTORY_FULL]
        assert state.text.startswith("Disk full: history is spilling, ")
        assert at.alarms.specs[HISTORY_FULL].priority == 2
        assert at.history_text.startswith("History: disk full (spill ")
        assert at.world_state is WorldState.LIVE
        desk.rest(2)
        assert plant.law_holds()
        assert at.history.waiting > 0
        assert plant.stored() > 0  # what is on disk is still told
    finally:
        resource.prlimit(recorder, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    back = desk.until(lambda: not at.recording, 4 * PATIENCE, "recorded again")
    assert desk.pid(RECORDER) == recorder  # repaired without a restart
    caught_up = at.history.offered
    desk.until(lambda: at.history.stored >= caught_up, 30, "what waited is stored")
    desk.until(lambda: HISTORY_FULL not in standing(at), 20, "the alarm is over")
    assert at.history.dropped == 0
    assert at.history.stored > stored
    t_ns = plant.times(EACH_SECOND, began)
    assert len(np.unique(t_ns)) == len(t_ns)
    assert longest_gap_s(t_ns) < 2.5
    faultlog.note("53", "disk full for history: the alarm", found, 2.0, patience=PATIENCE)
    faultlog.note("53", "… recorded again once there is room", back, 2.0, patience=PATIENCE)


@pytest.mark.scale
def test_a_recorder_without_memory_ends_and_another_goes_on(plant: Faulty) -> None:
    desk, at = plant.desk, plant.desk.workspace
    began, before = plant.now_ns(), desk.pid(RECORDER)
    assert resource.prlimit(before, resource.RLIMIT_AS)[0] == MEMORY  # a cap for each
    assert resource.prlimit(desk.pid(WORLD), resource.RLIMIT_AS)[0] == MEMORY
    count = len(at.events)
    resource.prlimit(before, resource.RLIMIT_AS, (64 * 2**20, MEMORY))  # it has more already: no more for it
    line = Line(recorder_address(plant.project))
    nothing = np.zeros(1_500_000, np.int64)  # 70 MB as it travels
    line.send(Append(seq=1, batch=batch_of(nothing.astype(np.uint32), nothing * 1.0, nothing, 0, 0)))
    found = desk.until(lambda: any(OVER_MEMORY in e.text for e in list(at.events)[count:]), 90, "it ends")
    line.close()
    desk.until(lambda: desk.runs(RECORDER) and desk.pid(RECORDER) != before, 60, "another one")
    assert resource.prlimit(desk.pid(RECORDER), resource.RLIMIT_AS)[0] == MEMORY
    caught_up = at.history.offered
    desk.until(lambda: at.history.stored >= caught_up, 30, "what waited is stored")
    assert at.history.dropped == 0
    assert plant.law_holds()
    assert longest_gap_s(plant.times(EACH_SECOND, began)) < 2.5
    told = [e.text for e in list(at.events)[count:] if e.source == "recorder"]
    assert len(told) < 12, told  # what stays the same is not said again
    faultlog.note("57", "out of memory (recorder): it ends, in words", found, None)


def standing(at: Workspace) -> set[str]:
    """Return the alarms that are active."""
    return {name for name, state in at.alarms.states.items() if state.active}


def test_a_killed_world_is_said_within_a_second_and_comes_back_with_its_alarms(plant: Faulty) -> None:
    desk, at = plant.desk, plant.desk.workspace
    plant.raise_alarm()
    at.alarms.acknowledge((HOT,))
    desk.until(lambda: at.alarms.states[HOT].process is ProcessState.ACKED, 20, "acknowledged")
    stands, world = at.alarms.states[HOT], at.mirror.world
    writable = next(s for s in at.specs if s.writable and s.kind == "number" and s.name.startswith("P-101A"))
    desk.until(lambda: desk.can_command(writable.name), 60, "it can be commanded")
    at.orders.arm(writable.slot, writable.write_low + 1)
    desk.until(lambda: at.orders.armed is not None, 20, "armed")

    plant.kill(WORLD)
    found = desk.until(lambda: bool(at.outage), PATIENCE, "the bar is there")
    assert at.outage == "Live data stopped 1 s ago. Restarting…"
    assert "SIGKILL" in at.world_text
    assert not at.mirror.live
    slots = np.arange(len(at.specs), dtype=np.uint32)
    assert ((at.mirror.quality(slots) & 0xFF) >= STALE).all()
    assert "Not connected" in at.orders.why_not(writable.slot)
    assert at.orders.armed is None
    back = desk.until(lambda: at.world_state is WorldState.LIVE, 3 * PATIENCE, "live again")

    assert at.outage == ""
    assert at.mirror.world != world
    desk.until(lambda: HOT in at.alarms.states, 20, "the alarm is there again")
    again = at.alarms.states[HOT]
    assert (again.process, again.occurrence, again.actor) == (stands.process, stands.occurrence, stands.actor)
    assert at.orders.why_not(writable.slot) == ""
    desk.until(lambda: not at.recording, 40, "recorded again")
    assert plant.law_holds()
    faultlog.note("55", "LIVE world kill -9: the bar", found, 1.0, patience=PATIENCE)
    lost = "what came meanwhile at QoS 0"
    faultlog.note("55", "… live again, alarms as they stood", found + back, 3.0, lost, patience=PATIENCE)
