"""A workspace with its real children: world, recorder and scene child, on local sockets."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from byhand import Desk

from armillary.model.fault import FaultRecord
from armillary.model.message import Attributes
from armillary.model.quality import STALE
from armillary.session.feed import RECORDER, SCENE, WORLD
from armillary.session.workspace import WorldState

pytestmark = pytest.mark.system

SCENE_TEXT = """#usda 1.0
(
    defaultPrim = "Plant"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Plant"
{
    def Cube "Tank"
    {
    }
}
"""
BINDINGS_TEXT = """#usda 1.0
over "Plant"
{
    over "Tank" (
        prepend apiSchemas = ["TwinBindingAPI:heat"]
    )
    {
        uniform string twin:heat:signal = "tank.twice"
        uniform token twin:heat:channel = "displayColor"
    }
}
"""
PROJECT_TEXT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a77"
name = "Small"

[scene]
entry = "scene.usda"
bindings = "bindings.usda"

[model]
twins = "twins.json"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"
"""
TWINS_TEXT = """{"schema": 1, "twins": [{"id": "tank", "prim": "/Plant/Tank", "tags": {
  "level": {"address": "site!tank/level", "unit": "m", "expected_interval_s": 1.0},
  "twice": {"expression": "tank.level * 2"}}}], "relationships": []}
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    for name, text in {
        "scene.usda": SCENE_TEXT,
        "bindings.usda": BINDINGS_TEXT,
        "project.toml": PROJECT_TEXT,
        "twins.json": TWINS_TEXT,
    }.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.workspace.close()


def test_a_project_opens_with_scene_world_and_recorder_and_closes_within_three_seconds(
    desk: Desk, project: Path
) -> None:
    ws = desk.workspace
    ws.open(str(project))
    desk.until(lambda: ws.world_state is WorldState.LIVE and ws.scene is not None, 20, "scene and world")
    assert ws.scene is not None
    assert ws.scene.prim_path == ("/Plant", "/Plant/Tank")
    assert [b.signal for b in ws.bindings] == ["tank.twice"]
    assert ws.look is not None
    assert ws.look.state[1] > STALE  # no value has come yet
    got: list[Attributes | FaultRecord] = []
    ws.attributes("/Plant/Tank", got.append)
    desk.until(lambda: bool(got), 10, "attributes")
    assert isinstance(got[0], Attributes)
    pids = [desk.pid(peer) for peer in (WORLD, RECORDER, SCENE)]
    started = desk.clock.now_mono_ns()
    ws.close()
    assert (desk.clock.now_mono_ns() - started) / 1e9 < 3.0
    assert not any(alive(pid) for pid in pids)


def test_a_killed_world_is_not_live_within_a_second_and_can_be_started_again(
    desk: Desk, project: Path
) -> None:
    ws = desk.workspace
    ws.open(str(project))
    desk.until(lambda: ws.world_state is WorldState.LIVE, 20, "world")
    os.kill(desk.pid(WORLD), signal.SIGKILL)
    took = desk.until(lambda: ws.world_state is WorldState.NOT_LIVE, 3, "not live")
    assert took < 1.5
    assert "SIGKILL" in ws.world_text
    ws.restart_world()
    desk.until(lambda: ws.world_state is WorldState.LIVE, 20, "world again")


def test_a_world_that_hangs_is_not_live_until_it_goes_on(desk: Desk, project: Path) -> None:
    ws = desk.workspace
    ws.open(str(project))
    desk.until(lambda: ws.world_state is WorldState.LIVE, 20, "world")
    pid = desk.pid(WORLD)
    os.kill(pid, signal.SIGSTOP)
    try:
        took = desk.until(lambda: ws.world_state is WorldState.NOT_LIVE, 3, "not live")
        assert 0.5 < took < 1.6
    finally:
        os.kill(pid, signal.SIGCONT)
    desk.until(lambda: ws.world_state is WorldState.LIVE, 20, "live again")


def test_a_second_desk_joins_the_world_that_runs_and_its_end_stops_nothing(desk: Desk, project: Path) -> None:
    desk.workspace.open(str(project))
    desk.until(lambda: desk.workspace.world_state is WorldState.LIVE, 20, "world")
    second = Desk()
    try:
        second.workspace.open(str(project))
        second.until(lambda: second.workspace.world_state is WorldState.LIVE, 10, "second desk")
        assert second.workspace.mirror.world == desk.workspace.mirror.world
    finally:
        second.workspace.close()
    assert alive(desk.pid(WORLD))
    assert desk.workspace.world_state is WorldState.LIVE


def test_a_broken_scene_is_named_and_the_world_goes_on(desk: Desk, project: Path) -> None:
    (project / "scene.usda").write_text('#usda 1.0\ndef "Plant" {{{')
    ws = desk.workspace
    ws.open(str(project))
    desk.until(lambda: any(p.severity == "error" for p in ws.problems), 20, "problem")
    desk.until(lambda: ws.world_state is WorldState.LIVE, 20, "world")
    assert "scene.usda" in " ".join(p.where + p.what for p in ws.problems)
    assert ws.scene is None
