"""Measures are in the units of the file."""

from __future__ import annotations

import numpy as np

from armillary.viewport import measure

SQUARE = np.array([[0, 0, 0], [2, 0, 0], [2, 0, 2], [0, 0, 2]], np.float64)


def test_a_distance_is_told_in_the_units_of_the_stage() -> None:
    ends = np.array([[0, 0, 0], [3, 0, 4]], np.float64)
    assert measure.told("distance", ends, 1.0) == "5 m  (level 3, height 4)"
    assert measure.told("distance", ends, 0.01).startswith("500 cm")
    assert measure.told("distance", ends, 0.7).startswith("7.1429 units")


def test_an_angle_is_that_at_the_second_point() -> None:
    assert measure.told("angle", SQUARE[:3], 1.0) == "90.00°"
    assert "no angle" in measure.told("angle", SQUARE[[0, 0, 1]], 1.0)


def test_an_area_is_of_the_polygon_also_where_it_is_hollow() -> None:
    assert measure.told("area", SQUARE, 0.1) == "400 dm²"
    corner = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [1, 1, 0], [1, 2, 0], [0, 2, 0]], np.float64)
    assert measure.area(corner) == 3.0
    assert measure.told("area", SQUARE[:2], 1.0) == ""


def test_an_area_of_corners_that_lie_in_no_plane_says_by_how_much() -> None:
    bent = SQUARE.astype(float).copy()
    bent[0] += 1.0  # along all axes, so out of any plane that is level or upright
    assert "off a plane" in measure.told("area", bent, 1.0)
    assert "off a plane" not in measure.told("area", SQUARE, 1.0)
