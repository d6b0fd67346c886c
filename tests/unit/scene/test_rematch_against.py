"""What `rebind --against` finds: parts whose looks nobody kept are known from the older scene."""

from __future__ import annotations

from pathlib import Path

from armillary.model.binding import Binding
from armillary.model.message import OpenScene, SceneOpened
from armillary.model.rematch import GONE, SURE
from armillary.model.scene import SceneArrays
from armillary.project import rebind
from armillary.scene import cache
from armillary.scene.child import SceneServer

# name → height of a box one metre wide, at x
OLD = {"Pump": (2.0, 0.0), "Tank": (5.0, 4.0), "Fan": (1.0, 9.0)}


def scene(folder: Path, top: str, names: dict[str, str]) -> SceneArrays:
    """Read a plant whose boxes are named otherwise: old name → new name."""
    folder.mkdir()
    boxes = "".join(
        f'def Cube "{names[old]}"\n{{\ndouble3 xformOp:translate = ({x}, 0, 0)\n'
        f"double3 xformOp:scale = (0.5, 0.5, {high / 2})\n"
        'uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]\n}\n'
        for old, (high, x) in OLD.items()
        if old in names
    )
    path = folder / "scene.usda"
    path.write_text(
        f'#usda 1.0\n(\nmetersPerUnit = 1\nupAxis = "Z"\n)\ndef Xform "{top}"\n{{\n{boxes}}}\n', "utf-8"
    )
    answer = SceneServer().answer(OpenScene(entry=str(path), cache=str(folder / "cache")))
    assert isinstance(answer, SceneOpened)
    return cache.read(Path(answer.arrays))


def test_the_older_scene_tells_what_a_part_looked_like_that_nothing_was_kept_of(tmp_path: Path) -> None:
    older = scene(tmp_path / "old", "Plant", {name: name for name in OLD})
    newer = scene(tmp_path / "new", "Hall", {"Pump": "mesh_7", "Tank": "mesh_8"})
    bindings = [Binding(name="t", prim=f"/Plant/{name}", signal="x") for name in OLD]
    alone = rebind.matches(bindings, newer)
    assert rebind.moves(alone) == {}
    found = {m.old: m for m in rebind.matches(bindings, newer, older=older)}
    assert {old: m.new for old, m in found.items() if m.kind != GONE} == {
        "/Plant/Pump": "/Hall/mesh_7",
        "/Plant/Tank": "/Hall/mesh_8",
    }
    assert all(m.confidence >= SURE for m in found.values() if m.kind != GONE)
    assert found["/Plant/Fan"].kind == GONE


def test_what_only_a_rule_or_a_procedure_names_is_found_with_it(tmp_path: Path) -> None:
    older = scene(tmp_path / "old", "Plant", {name: name for name in OLD})
    newer = scene(tmp_path / "new", "Hall", {name: f"{name}_1" for name in OLD})
    found = rebind.matches([], newer, older=older, also=("/Plant/Tank",))
    assert rebind.moves(found) == {"/Plant/Tank": "/Hall/Tank_1"}
