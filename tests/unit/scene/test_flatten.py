"""A flattened scene has the colours and places that were shown, and no file of the scene is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from armillary.model.fault import SceneFault
from armillary.model.message import Flatten, Json, OpenScene, SceneOpened
from armillary.model.scene import SceneArrays
from armillary.scene import cache
from armillary.scene.child import SceneServer

BODY = """
def Xform "W"
{
    double3 xformOp:translate = (1, 2, 3)
    uniform token[] xformOpOrder = ["xformOp:translate"]
    def Cube "Tank"
    {
        color3f[] primvars:displayColor = [(1, 0, 0)]
        double3 xformOp:translate = (2, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
    def Cube "Lid"
    {
    }
}
"""
Opened = Callable[[str], SceneArrays]


@pytest.fixture
def server() -> SceneServer:
    return SceneServer()


@pytest.fixture
def opened(server: SceneServer, tmp_path: Path) -> Opened:
    """Return what opens a file with the server and reads its arrays."""

    def _open(entry: str) -> SceneArrays:
        got = server.answer(OpenScene(entry=entry, cache=str(tmp_path / "cache")))
        assert isinstance(got, SceneOpened)
        return cache.read(Path(got.arrays))

    return _open


@pytest.mark.parametrize("axis", ["Z", "Y"])
def test_colours_places_and_what_is_hidden_are_baked(
    write: Callable[..., str], server: SceneServer, opened: Opened, tmp_path: Path, axis: str
) -> None:
    entry, out = write(BODY, axis=axis, metres=0.01), tmp_path / "out.usdc"
    before, scene = Path(entry).read_bytes(), opened(entry)
    tank, lid = scene.prim_path.index("/W/Tank"), scene.prim_path.index("/W/Lid")
    rgba, visible = scene.rgba.copy(), scene.visible.copy()
    rgba[tank] = (30, 120, 200, 128)
    visible[lid] = False
    matrix = scene.matrix[[tank]].copy()
    matrix[0, :3, 3] += (0.5, 0.25, 0.125)
    look = tmp_path / "look.npz"
    np.savez(look, rgba=rgba, visible=visible, moved=np.array([tank], np.uint32), matrix=matrix)
    answer = server.answer(Flatten(output=str(out), look=str(look)))
    assert isinstance(answer, Json)
    told = json.loads(answer.text)
    assert (told["coloured"], told["hidden"], told["moved"], told["left"]) == (1, 1, 1, 0)
    again = opened(str(out))
    assert again.prim_path == scene.prim_path
    assert np.abs(again.rgba[tank].astype(int) - rgba[tank]).max() <= 1
    assert again.visible.tolist() == visible.tolist()
    assert np.allclose(again.matrix[tank], matrix[0], atol=1e-6)
    assert np.allclose(again.matrix[lid], scene.matrix[lid])
    assert Path(entry).read_bytes() == before
    assert not list(tmp_path.glob(".*part*"))


def test_no_file_of_the_scene_and_without_force_none_at_all_is_replaced(
    write: Callable[..., str], server: SceneServer, opened: Opened, tmp_path: Path
) -> None:
    entry, other = write(BODY), tmp_path / "other.usda"
    opened(entry)
    other.write_text("mine")
    for output, force, said in ((entry, True, "scene itself"), (str(other), False, "there already")):
        with pytest.raises(SceneFault, match=said):
            server.answer(Flatten(output=output, force=force))
    assert other.read_text() == "mine"
    with pytest.raises(SceneFault, match="no name"):
        server.answer(Flatten(output=str(tmp_path / "x.png")))
    server.answer(Flatten(output=str(other), force=True))
    assert opened(str(other)).prim_path == ("/W", "/W/Tank", "/W/Lid")


def test_a_look_of_another_scene_is_refused(
    write: Callable[..., str], server: SceneServer, opened: Opened, tmp_path: Path
) -> None:
    opened(write(BODY))
    look = tmp_path / "look.npz"
    np.savez(
        look, rgba=np.zeros((9, 4), np.uint8), visible=np.ones(9, bool), moved=[], matrix=np.zeros((0, 4, 4))
    )
    with pytest.raises(SceneFault, match="another scene"):
        server.answer(Flatten(output=str(tmp_path / "o.usda"), look=str(look)))
    assert not (tmp_path / "o.usda").exists()


PLATE = """
def Xform "W"
{
    def Mesh "Plate"
    {
        point3f[] points = [(9, 9, 9), (0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [1, 2, 3, 4]
        color3f[] primvars:displayColor = [(1, 0, 0)]
    }
}
"""


def test_values_on_a_mesh_are_baked_at_the_points_of_its_file(
    write: Callable[..., str], server: SceneServer, opened: Opened, tmp_path: Path
) -> None:
    entry, out = write(PLATE), tmp_path / "out.usdc"
    scene = opened(entry)
    point = np.flatnonzero(scene.point_prim == scene.prim_path.index("/W/Plate"))
    shade = np.array([[0, 0, 0], [10, 20, 30], [60, 120, 240], [255, 255, 255], [90, 90, 90]], np.uint8)
    none = np.zeros(0, np.uint32)
    look = tmp_path / "look.npz"
    np.savez(
        look,
        rgba=scene.rgba,
        visible=scene.visible,
        moved=none,
        matrix=np.zeros((0, 4, 4)),
        point=point,
        point_rgb=shade[scene.point_vertex[point]],
    )
    answer = server.answer(Flatten(output=str(out), look=str(look)))
    assert isinstance(answer, Json)
    assert json.loads(answer.text)["coloured"] == 1
    again = opened(str(out))
    assert again.has_point_rgba[again.prim_path.index("/W/Plate")]
    shown = again.point_rgba[:, :3].astype(int)
    assert np.abs(shown - shade[again.point_vertex]).max() <= 1
