"""A desk over several real worlds: into the past and back, two desks, a world that is killed."""

import os
import signal
from collections.abc import Iterator

import pytest
from byhand import Desk

from armillary.cli.plant import RunningPlant, start_plant
from armillary.model.clock import NS
from armillary.model.frame import RunState, WorldKind
from armillary.session.workspace import WorldState
from armillary.wire import runs

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlant]:
    """One plant for all tests; each has a world and a recorder of its own."""
    folder = tmp_path_factory.mktemp("plant")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        running = start_plant("pumping-station", folder / "station")
    yield running
    running.stop()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.workspace.close()


def is_up(desk: Desk) -> bool:
    at = desk.workspace
    return at.world_state is WorldState.LIVE and bool(at.links) and all(r.good for r in at.link_rows())


def shown_pid(desk: Desk) -> int:
    return next(w.pid for w in desk.workspace.worlds if w.is_shown)


def test_a_desk_goes_into_the_past_and_back_while_home_goes_on(desk: Desk, plant: RunningPlant) -> None:
    at = desk.workspace
    at.open(str(plant.project))
    desk.until(lambda: is_up(desk), 30, "the links come up")
    live_pid = next(w.pid for w in at.worlds if w.is_home)
    desk.rest(4)
    at.warm = True
    desk.until(lambda: any(v.is_welcomed for v in at._visits), 25, "a spare is warm")
    assert [w.kind for w in at.worlds] == [WorldKind.LIVE], "a spare is nobody's business"

    then = at.home_ns() - 3 * NS
    at.start_replay(then)
    desk.until(lambda: at.away, 20, "the past is shown")
    assert at.kind is WorldKind.REPLAY
    assert abs(at.mirror.t_ns - then) < NS // 10
    assert at.mirror.run is RunState.PAUSED
    good = int(((at.mirror.table.quality & 0xFF) == 0).sum())
    assert good > 50, "the past is shown as it was, whole"
    home = at.home
    assert home is not None
    seq = home.mirror.seq
    desk.rest(1.0)
    assert home.mirror.seq > seq, "home goes on behind"
    assert home.mirror.live
    assert at.home_text().startswith("Live: ")

    at.play(-2.0)
    desk.until(lambda: at.mirror.t_ns < then - NS // 2, 10, "it runs backwards")
    replay_pid = shown_pid(desk)
    assert replay_pid != live_pid
    at.go_live()
    assert not at.away
    assert at.kind is WorldKind.LIVE
    assert at.mirror.live
    desk.until(lambda: is_up(desk), 20, "live is live")
    pids = [v.feed._peers["world"].child.pid for v in at._visits if v.is_ours]  # type: ignore[attr-defined]
    began = desk.clock.now_mono_ns()
    at.close()
    assert (desk.clock.now_mono_ns() - began) / NS < 3.5
    assert not [pid for pid in (live_pid, replay_pid, *pids) if runs.alive(pid)]


def test_a_replay_that_is_killed_is_said_and_can_be_started_again(desk: Desk, plant: RunningPlant) -> None:
    at = desk.workspace
    at.open(str(plant.project))
    desk.until(lambda: is_up(desk), 30, "the links come up")
    desk.rest(3)
    then = at.home_ns() - 2 * NS
    at.start_replay(then)  # cold: nothing was warm
    desk.until(lambda: at.away, 15, "the past is shown")
    os.kill(shown_pid(desk), signal.SIGKILL)
    desk.until(lambda: not at.away, 20, "live is shown instead")
    assert at.kind is WorldKind.LIVE
    assert at.lost is not None
    assert at.lost.can_restart
    assert "SIGKILL" in at.lost.what
    at.revisit()
    desk.until(lambda: at.away, 15, "it is there again")
    assert at.lost is None
    assert abs(at.mirror.t_ns - then) < NS // 5
    at.close_world(at.mirror.world)
    assert at.kind is WorldKind.LIVE
    assert [w.kind for w in at.worlds] == [WorldKind.LIVE], "a world that ends is nothing to go to"


def test_two_desks_on_one_world_agree(desk: Desk, plant: RunningPlant) -> None:
    other = Desk()
    try:
        desk.workspace.open(str(plant.project))
        desk.until(lambda: is_up(desk), 30, "the links come up")
        desk.rest(2)
        other.workspace.open(str(plant.project))
        other.until(lambda: is_up(other), 20, "the other desk has joined")
        ours, theirs = desk.workspace, other.workspace
        assert ours.mirror.world == theirs.mirror.world
        ours.start_replay(ours.home_ns() - 2 * NS)
        desk.until(lambda: ours.away, 15, "the past is shown at one desk")
        address = next(w.address for w in ours.worlds if w.is_shown)
        theirs.visit(address)
        other.until(lambda: theirs.away, 10, "the other desk visits it")
        desk.rest(0.3)
        other.rest(0.3)
        assert theirs.mirror.t_ns == ours.mirror.t_ns
        assert (theirs.mirror.table.quality == ours.mirror.table.quality).all()
        same = theirs.mirror.table.value == ours.mirror.table.value
        nothing = (theirs.mirror.table.quality & 0xFF) >= 5
        assert (same | nothing).all()
        theirs.step("second", -1)
        moved = ours.mirror.t_ns
        desk.until(lambda: ours.mirror.t_ns < moved, 20, "what one does the other sees")
        theirs.go_live()
        assert theirs.kind is WorldKind.LIVE
        assert ours.kind is WorldKind.REPLAY
    finally:
        other.workspace.close()
