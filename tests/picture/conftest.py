"""Fixtures of the pictures: views that are closed again, and the hand-made scenes on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from armillary.model.scene import SceneArrays
from armillary.viewport.view import View

WIDTH, HEIGHT = 320, 240


@pytest.fixture
def view_of() -> Iterator[Callable[..., View]]:
    """Return a maker of plain views: no grid, no axes, no light, so that colours are exact."""
    made: list[View] = []

    def make(
        scene: SceneArrays | None, *, plain: bool = True, size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> View:
        view = View(scene, *size)
        if plain:
            view.set_options(grid=False, axes=False, lit=False)
            view.standard("front")
        made.append(view)
        return view

    yield make
    for view in made:
        view.close()
