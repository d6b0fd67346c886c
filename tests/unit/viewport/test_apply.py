"""From look to look only what differs is written, and the tables end as the look says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.look import Look, base_look
from armillary.viewport.apply import apply
from armillary.viewport.stage import Stage


def random_look(rng: np.random.Generator, stage: Stage) -> Look:
    m = len(stage.scene)
    moved = np.flatnonzero(rng.random(m) < 0.3).astype(np.uint32)
    matrix = stage.scene.matrix[moved].copy()
    matrix[:, :3, 3] += rng.normal(size=(len(moved), 3))
    return replace(
        base_look(stage.scene),
        rgba=rng.integers(0, 256, (m, 4)).astype(np.uint8),
        state=(rng.integers(0, 6, m) | rng.integers(0, 5, m) << 4).astype(np.uint8),
        visible=rng.random(m) < 0.8,
        emissive=rng.integers(0, 256, (m, 4)).astype(np.uint8),
        moved=moved,
        matrix=matrix,
    )


def tables(stage: Stage) -> list[np.ndarray]:
    return [
        t.array.copy() for t in (stage.looks.colour, stage.looks.state, stage.looks.glow, stage.places.table)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_any_walk_of_looks_ends_in_the_tables_of_the_last(seed: int) -> None:
    rng = np.random.default_rng(seed)
    instances = np.array([scenes.at(i, 5, 0) for i in range(4)])
    scene = scenes.boxes(np.array([scenes.at(i, 0, 0) for i in range(9)]), instances)
    walked, fresh = Stage(scene), Stage(scene)
    last = walked.look
    for _ in range(6):
        look = random_look(rng, walked)
        if rng.random() < 0.3:
            look = replace(look, rgba=last.rgba, moved=last.moved, matrix=last.matrix)
        apply(walked, last, look)
        last = look
    apply(fresh, None, last)
    for a, b in zip(tables(walked), tables(fresh), strict=True):
        np.testing.assert_array_equal(a, b)
    expected = scene.matrix.copy()
    expected[last.moved] = last.matrix
    np.testing.assert_allclose(walked.matrix[: len(scene)], expected[:, :3], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(walked.matrix[len(scene) :], expected[10:, :3], rtol=1e-6, atol=1e-6)


def test_the_count_is_of_prims_that_differ() -> None:
    stage = Stage(scenes.row_of_boxes(10))
    old = stage.look
    rgba, state = old.rgba.copy(), old.state.copy()
    rgba[3, 0], state[3], state[7] = 1, 2, 4
    new = replace(
        old, rgba=rgba, state=state, moved=np.array([7, 9], np.uint32), matrix=stage.scene.matrix[[7, 9]]
    )
    assert apply(stage, old, new) == 3
    assert apply(stage, new, new) == 0
    assert apply(stage, new, old) == 3


def test_a_prim_scaled_to_nothing_at_rest_leaves_its_instances_where_they_are() -> None:
    flat = scenes.at(0, 0, 0, 0.0)
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]), flat[None])
    stage = Stage(scene)
    moved = np.array([2], np.uint32)
    apply(stage, stage.look, replace(stage.look, moved=moved, matrix=np.array([scenes.at(1, 2, 3)])))
    assert np.isfinite(stage.matrix).all()
