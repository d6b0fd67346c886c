"""Lost quality is told by pattern: plain, hatch and cross-hatch differ in spectrum, under any light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest

from armillary.model.arrays import F8, U1
from armillary.model.look import base_look
from armillary.model.quality import BAD, GOOD, STALE, SUBSTITUTED, UNCERTAIN
from armillary.viewport.theme import DARK
from armillary.viewport.view import View

ViewOf = Callable[..., View]
SIDE, PITCH = 64, 8
HATCH_SHARE, CROSS_SHARE = 0.25, 0.10  # operations 2.4


def energy(patch: F8) -> tuple[float, float]:
    """Return the shares of a patch's energy at the pitch along its two diagonals."""
    power = np.abs(np.fft.fft2(patch - patch.mean())) ** 2
    total = power.sum()
    if total < 1e-9:
        return 0.0, 0.0
    k = SIDE // PITCH
    return (
        float((power[k, k] + power[-k, -k]) / total),
        float((power[k, -k] + power[-k, k]) / total),
    )


def patch_of(view: View, noise: float = 25.0) -> F8:
    rgba: U1 = view.render()
    x, y, _ = view.project(1)
    top, left = int(y) - SIDE // 2, int(x) - SIDE // 2
    grey = rgba[top : top + SIDE, left : left + SIDE, :3].mean(axis=2)
    return grey + np.random.default_rng(7).normal(0, noise, grey.shape)


def with_state(view: View, scene: scenes.SceneArrays, state: int) -> None:
    view.apply(replace(base_look(scene), seq=state + 1, state=np.full(len(scene), state, np.uint8)))


@pytest.mark.parametrize("lit", [False, True])
@pytest.mark.parametrize("distance", [1.0, 0.6])
def test_plain_hatch_and_cross_hatch_are_told_apart_by_their_spectrum(
    view_of: ViewOf, lit: bool, distance: float
) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]))
    view = view_of(scene)
    view.zoom(distance)
    view.set_options(lit=lit)
    shares = {}
    for rank in (GOOD, SUBSTITUTED, STALE, BAD):
        with_state(view, scene, rank)
        shares[rank] = energy(patch_of(view))
    assert max(shares[GOOD]) < 0.02
    assert max(shares[SUBSTITUTED]) < 0.02
    assert max(shares[STALE]) > HATCH_SHARE
    assert min(shares[STALE]) < CROSS_SHARE
    assert min(shares[BAD]) > CROSS_SHARE
    assert max(shares[BAD]) < HATCH_SHARE


def test_the_pattern_is_the_same_in_light_and_shade(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]))
    view = view_of(scene)
    view.set_options(lit=True)
    with_state(view, scene, STALE)
    for right, up in ((0, 0), (60, 40), (150, -60)):
        view.orbit(right, up)
        inside = patch_of(view, noise=0)[24:40, 24:40]
        assert set(np.unique(inside.round())) == {round(sum(DARK.ink) / 3), round(sum(DARK.equipment) / 3)}


def test_the_colour_map_is_gone_from_stale_and_bad_but_not_from_uncertain(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]), rgba=(253, 231, 37, 255))
    view = view_of(scene)
    yellow = {}
    for rank in (GOOD, UNCERTAIN, STALE, BAD):
        with_state(view, scene, rank)
        yellow[rank] = int((view.render()[..., :3] == (253, 231, 37)).all(axis=2).sum())
    assert yellow[STALE] == yellow[BAD] == 0
    assert 0.9 * yellow[GOOD] < yellow[UNCERTAIN] < yellow[GOOD]


def test_a_stale_part_that_had_become_transparent_is_seen(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(0, 0, 0)]), rgba=(120, 130, 138, 0))
    view = view_of(scene)
    assert (view.render()[..., :3] == DARK.ground).all()
    assert view.pick(*view.project(1)[:2]) == -1
    with_state(view, scene, STALE)
    assert energy(patch_of(view, noise=0))[0] + energy(patch_of(view, noise=0))[1] > HATCH_SHARE
    assert view.pick(*view.project(1)[:2]) == 1
