"""Payloads, nested variants and a scene's own time, through a desk's workspace and a real scene child."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from armillary.model.clock import NS, WallClock
from armillary.model.message import AskAttributes, Attributes
from armillary.session.workspace import Workspace

Until = Callable[[Callable[[], bool]], None]
PLANT = """#usda 1.0
(
    defaultPrim = "Plant"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Plant"
{
    def Xform "North"
    {
        def "Hall" (
            payload = @./hall.usda@
        )
        {
        }
    }
    def "South" (
        payload = @./hall.usda@
    )
    {
    }
}
"""
HALL = """#usda 1.0
(
    defaultPrim = "Hall"
)
def Xform "Hall" (
    variants = {
        string size = "small"
    }
    prepend variantSets = "size"
)
{
    variantSet "size" = {
        "small" {
            def Cube "Box" (
                variants = {
                    string paint = "red"
                }
                prepend variantSets = "paint"
            )
            {
                variantSet "paint" = {
                    "red" {
                        color3f[] primvars:displayColor = [(1, 0, 0)]
                    }
                    "blue" {
                        color3f[] primvars:displayColor = [(0, 0, 1)]
                    }
                }
            }
        }
        "big" {
            def Sphere "Ball"
            {
                double radius = 4
            }
        }
    }
}
"""


@pytest.fixture
def at() -> Iterator[Workspace]:
    workspace = Workspace(WallClock(), actor="anna")
    yield workspace
    workspace.close()


@pytest.fixture
def until(at: Workspace) -> Until:
    clock = WallClock()

    def wait(reached: Callable[[], bool]) -> None:
        end = clock.now_mono_ns() + 60 * NS
        while not reached():
            assert clock.now_mono_ns() < end
            at.pump(clock.now_ns(), clock.now_mono_ns())
            time.sleep(0.02)

    return wait


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    (tmp_path / "hall.usda").write_text(HALL)
    path = tmp_path / "plant.usda"
    path.write_text(PLANT)
    return path


def prims(at: Workspace) -> set[str]:
    return set(at.scene.prim_path) if at.scene is not None else set()


def left_out(at: Workspace) -> set[str]:
    assert at.scene is not None
    return {at.scene.prim_path[prim] for prim, loaded in at.scene.payloads if not loaded}


def test_a_scene_is_opened_without_payloads_and_loaded_branch_by_branch(
    at: Workspace, until: Until, scene: Path
) -> None:
    at.with_payloads = False
    at.open(str(scene))
    until(lambda: at.scene is not None)
    assert left_out(at) == {"/Plant/North/Hall", "/Plant/South"}
    assert [p.code for p in at.problems] == ["S14", "S14"]
    at.load_payloads(("/Plant/North",), on=True)  # the branch above, with all below it
    until(lambda: "/Plant/North/Hall/Box" in prims(at))
    assert left_out(at) == {"/Plant/South"}
    told: list[object] = []
    at.ask_scene(AskAttributes(path="/Plant/South"), told.append, 30.0)
    until(lambda: bool(told))
    assert isinstance(told[0], Attributes)
    assert told[0].payload == "left out"
    at.load_payloads(("/Plant/South",), on=True)
    until(lambda: "/Plant/South/Box" in prims(at))
    assert left_out(at) == set()
    at.load_payloads(("/Plant/North", "/Plant/South"), on=False)
    until(lambda: len(left_out(at)) == 2)
    assert "/Plant/North/Hall/Box" not in prims(at)


def test_variants_within_variants_are_chosen_and_stay_while_a_branch_comes_and_goes(
    at: Workspace, until: Until, scene: Path
) -> None:
    at.open(str(scene))
    until(lambda: at.scene is not None)

    def colour(path: str) -> list[int]:
        prim = at.prim_named(path)
        return [] if prim is None or at.scene is None else at.scene.rgba[prim, :3].tolist()

    assert colour("/Plant/South/Box") == [255, 0, 0]
    at.choose_variant("/Plant/South/Box", "paint", "blue")
    until(lambda: colour("/Plant/South/Box") == [0, 0, 255])
    assert colour("/Plant/North/Hall/Box") == [255, 0, 0]
    at.choose_variant("/Plant/South", "size", "big")  # takes the box away
    until(lambda: "/Plant/South/Ball" in prims(at))
    at.load_payload("/Plant/South", on=False)
    until(lambda: "/Plant/South/Ball" not in prims(at))
    at.load_payload("/Plant/South", on=True)
    until(lambda: "/Plant/South/Ball" in prims(at))
    at.choose_variant("/Plant/South", "size", "small")  # what was chosen within it is still chosen
    until(lambda: colour("/Plant/South/Box") == [0, 0, 255])
