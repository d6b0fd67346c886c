"""Stripes that go along a pipe: what the pixels show."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import F8, U1
from armillary.model.binding import Binding
from armillary.model.quality import GOOD, STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.scene.shapes import tube
from armillary.viewport.theme import DARK
from armillary.viewport.view import View
from armillary_bench.synthetic import scene_of

ViewOf = Callable[..., View]
SPEC = TagSpec(slot=0, name="speed", unit="m/s")
PIPE, OWN = 1, (60, 110, 90)
WIDE = 480


def pipes(own: tuple[int, int, int] = OWN) -> SceneArrays:
    """One pipe of 8 m along x."""
    made = tube(np.column_stack([np.linspace(0, 8, 30), np.zeros(30), np.zeros(30)]), np.full(30, 0.4))
    assert made is not None
    scene = scene_of(["/W", "/W/Pipe"], [-1, 0])
    n = len(made.point)
    rgba, box = scene.rgba.copy(), scene.box.copy()
    rgba[PIPE, :3] = own
    box[:] = (0, -0.4, -0.4, 8, 0.4, 0.4)
    return replace(
        scene,
        rgba=rgba,
        box=box,
        local_box=box.astype(np.float32),
        point=made.point,
        normal=made.normal,
        point_prim=np.full(n, PIPE, np.uint32),
        triangle=made.triangle.astype(np.int32),
        proto=np.array([len(made.triangle)], np.int64),
    )


@dataclass
class Shown:
    """A view of the pipe from the front."""

    view: View
    program: Program

    def profile(self, speed: float, phase: float = 0.0, rank: int = GOOD) -> F8:
        """How much brighter than its own colour the pipe is along its middle, (pixels of the pipe,)."""
        picture = self.picture(speed, phase, rank)
        row = picture[picture.shape[0] // 2, :, :3].astype(np.float64)
        on = (np.abs(row - np.array(DARK.ground)) > 6).any(axis=1)
        out: F8 = row[on].mean(axis=1) - np.mean(OWN)
        return out

    def picture(self, speed: float, phase: float = 0.0, rank: int = GOOD) -> U1:
        table = TagTable(1)
        table.value[0], table.quality[0] = speed, rank
        self.view.apply(resolve(self.program, table, Options(phase=np.array([phase]))))
        return self.view.render()


@pytest.fixture
def make(view_of: ViewOf) -> Callable[..., Shown]:
    def _make(own: tuple[int, int, int] = OWN) -> Shown:
        scene = pipes(own)
        binding = Binding(name="f", prim="/W/Pipe", channel="flow", signal="speed")
        program, problems = compiled([binding], scene, [SPEC])
        assert problems == ()
        view = view_of(scene, size=(WIDE, 120))
        view.standard("front")
        return Shown(view, program)

    return _make


@pytest.fixture
def shown(make: Callable[..., Shown]) -> Shown:
    return make()


def heads(profile: F8) -> list[int]:
    """Pixels at which stripes end: bright before, the pipe's own colour behind; one for each stripe."""
    inner = profile[4:-4]
    found = np.flatnonzero((inner[:-2] > 40) & (inner[2:] < 15)) + 4
    return [p for i, p in enumerate(found.tolist()) if i == 0 or p - found[i - 1] > 3]


def test_a_pipe_with_flow_has_stripes_over_its_own_colour(shown: Shown) -> None:
    profile = shown.profile(1.0)
    if folder := os.environ.get("ARMILLARY_PICTURES"):
        Image.fromarray(shown.picture(1.0)[:, :, :3]).save(Path(folder) / "flow.png")
    stripes = heads(profile)
    assert 3 <= len(stripes) <= 8
    assert profile.min() > -12  # nothing is darker than the pipe's own colour
    assert profile.max() > 60


def test_stripes_move_towards_where_it_flows(shown: Shown) -> None:
    at_once = np.array(heads(shown.profile(1.0)))
    later = np.array(heads(shown.profile(1.0, phase=np.pi / 2)))
    step = float(np.diff(at_once).mean())
    moved = (later[: len(at_once)][0] - at_once[0]) % step
    assert moved == pytest.approx(step / 4, abs=4)


def test_flow_the_other_way_turns_the_stripes_round(shown: Shown) -> None:
    forth, back = shown.profile(1.0), shown.profile(-1.0)
    slope = [float(np.mean(np.diff(p[6:-6]) ** 3)) for p in (forth, back)]  # steep at the head
    assert slope[0] < 0 < slope[1]


def test_where_nothing_flows_the_pipe_has_its_own_colour_alone(shown: Shown) -> None:
    shown.profile(1.0)
    assert np.abs(shown.profile(0.0)).max() < 3


def test_a_stale_flow_is_grey_and_hatched_without_stripes(shown: Shown) -> None:
    shown.profile(1.0)
    picture = shown.picture(1.0, phase=1.0, rank=STALE)
    part = picture[55:65, WIDE // 3 : 2 * WIDE // 3, :3].reshape(-1, 3)
    assert {tuple(c) for c in part.tolist()} == {tuple(DARK.equipment), tuple(DARK.ink)}


def test_a_bright_pipe_has_dark_stripes(make: Callable[..., Shown]) -> None:
    profile = make((215, 220, 225)).profile(1.0) - (220 - np.mean(OWN))
    assert profile.min() < -80
    assert profile.max() < 12
