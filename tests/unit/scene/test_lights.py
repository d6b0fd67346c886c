"""Lights of a scene: where they come from, their colour, and how strong each is against the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from armillary.model.scene import Light, SceneArrays
from armillary.viewport.lamps import KEY, lamps
from armillary.viewport.shader import LAMPS

Load = Callable[..., SceneArrays]
BOX = 'def Cube "W"\n{\n}\n'


def light(kind: str, inside: str, name: str = "L") -> str:
    return f'def {kind} "{name}"\n{{\n{inside}\n}}\n'


def test_a_distant_light_comes_from_where_its_axis_points(scene_of: Load) -> None:
    turn = (
        'float3 xformOp:rotateXYZ = (0, 90, 0)\nuniform token[] xformOpOrder = ["xformOp:rotateXYZ"]\n'
        "color3f inputs:color = (1, 0, 0)\nfloat inputs:intensity = 3\nfloat inputs:exposure = 1"
    )
    (sun,) = scene_of(BOX + light("DistantLight", turn)).lights
    assert sun.kind == "distant"
    np.testing.assert_allclose(sun.at, (1, 0, 0), atol=1e-6)
    assert sun.colour == (1, 0, 0)
    assert sun.strength == 6


def test_a_lamp_is_weaker_with_the_square_of_its_distance(scene_of: Load) -> None:
    def lamp(name: str, far: float) -> str:
        place = (
            f'double3 xformOp:translate = ({far}, 0, 0)\nuniform token[] xformOpOrder = ["xformOp:translate"]'
        )
        return light("SphereLight", place, name)

    near, far = scene_of(BOX + lamp("Far", 4) + lamp("Near", 2)).lights
    assert (near.path, far.path) == ("/Near", "/Far")
    assert near.strength == pytest.approx(4 * far.strength)
    assert near.at == (2, 0, 0)
    assert near.beam == (0, 0, 0)


def test_a_rect_light_shines_to_one_side(scene_of: Load) -> None:
    place = 'double3 xformOp:translate = (0, 0, 5)\nuniform token[] xformOpOrder = ["xformOp:translate"]'
    (lamp,) = scene_of(BOX + light("RectLight", place)).lights
    assert lamp.beam == (0, 0, -1)


@pytest.mark.parametrize(
    "inside", ['token visibility = "invisible"', "float inputs:intensity = 0", "float inputs:intensity = -2"]
)
def test_a_light_that_is_off_is_none(scene_of: Load, inside: str) -> None:
    assert scene_of(BOX + light("DistantLight", inside)).lights == ()


def one(kind: str, strength: float, colour: tuple[float, float, float] = (1, 1, 1)) -> Light:
    return Light(
        path="/L", kind=kind, at=(0, 0, 1), beam=(0, 0, 0), colour=colour, strength=strength, distance=2.0
    )


def test_any_measure_of_intensity_gives_the_same_picture() -> None:
    small = lamps([one("distant", 3), one("lamp", 1)], np.zeros(3))
    large = lamps([one("distant", 30_000), one("lamp", 10_000)], np.zeros(3))
    np.testing.assert_allclose(small.tint, large.tint)
    np.testing.assert_allclose(small.tint[:, 0].sum(), KEY)
    np.testing.assert_allclose(small.tint[0, 0], 3 * small.tint[1, 0])


def test_lights_beyond_those_that_are_drawn_come_from_all_sides() -> None:
    few = lamps([one("distant", 1)] * LAMPS, np.zeros(3))
    many = lamps([one("distant", 1)] * (LAMPS + 2), np.zeros(3))
    assert len(many.at) == LAMPS
    assert (many.ambient > few.ambient).all()


def test_a_sky_lights_from_all_sides_in_its_colour() -> None:
    sky = lamps([one("dome", 1, (0.2, 0.4, 1.0))], np.zeros(3))
    assert len(sky.at) == 0
    assert sky.ambient[2] > sky.ambient[0]
