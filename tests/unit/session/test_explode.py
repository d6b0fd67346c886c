"""Exploding moves parts out from the middle of what holds them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from armillary.model.look import base_look
from armillary.session.explode import exploded, spread

_SPEC = importlib.util.spec_from_file_location("plant", Path(__file__).parents[2] / "ui" / "plant.py")
assert _SPEC is not None
assert _SPEC.loader is not None
plant = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(plant)


def test_a_part_goes_by_the_way_from_its_parents_middle_with_its_parent() -> None:
    scene = plant.scene()
    way = spread(scene)
    at = {path: i for i, path in enumerate(scene.prim_path)}
    middle = (scene.box[:, :3] + scene.box[:, 3:]) / 2
    pump, motor = at["/Plant/Pumps/P101"], at["/Plant/Pumps/P101/Motor"]
    assert np.allclose(way[motor] - way[pump], middle[motor] - middle[pump])
    assert np.allclose(way[0], 0)
    look = exploded(base_look(scene), scene, way, 0.5)
    moved = look.matrix[motor, :3, 3] - scene.matrix[motor, :3, 3]
    assert np.allclose(moved, 0.5 * way[motor])
    assert exploded(base_look(scene), scene, way, 0.0).moved.size == 0


def test_what_has_nothing_to_draw_goes_with_what_holds_it() -> None:
    scene = plant.scene()
    box = scene.box.copy()
    box[7] = np.nan
    way = spread(type(scene)(**{f: getattr(scene, f) for f in scene.__slots__} | {"box": box}))
    assert np.isfinite(way).all()
    assert np.allclose(way[7], way[6])
