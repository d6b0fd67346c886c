"""Two versions of a scene are compared by path."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "picture"))

import picture_scenes as scenes

from armillary.model.difference import difference


def test_a_scene_does_not_differ_from_itself() -> None:
    scene = scenes.row_of_boxes(3)
    found = difference(scene, scenes.row_of_boxes(3))
    assert not any(len(rows) for rows in (found.added, found.removed, found.moved, found.changed))


def test_added_removed_moved_and_changed_parts_are_told_apart() -> None:
    old, new = scenes.row_of_boxes(3), scenes.row_of_boxes(4)
    matrix, rgba, point = old.matrix.copy(), new.rgba.copy(), new.point.copy()
    new_matrix = new.matrix.copy()
    new_matrix[1:4] = matrix[1:4]
    new_matrix[2, 0, 3] += 0.5
    rgba[1] = (255, 0, 0, 255)
    point[new.point_prim == 3] *= 2
    found = difference(old, replace(new, matrix=new_matrix, rgba=rgba, point=point))
    assert found.added.tolist() == [4]
    assert found.removed.tolist() == []
    assert found.moved.tolist() == [2]
    assert found.changed.tolist() == [1, 3]
    assert difference(new, old).removed.tolist() == [4]


def test_what_is_only_carried_along_is_not_moved() -> None:
    old = scenes.row_of_boxes(2)
    shift = np.eye(4)
    shift[0, 3] = 5.0
    found = difference(old, replace(old, matrix=shift @ old.matrix))
    assert found.moved.tolist() == [0]
