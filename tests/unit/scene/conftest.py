"""Small scenes written as text, loaded the way the child does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from armillary.model.scene import SceneArrays
from armillary.scene.check import check
from armillary.scene.load import Options, load
from armillary.scene.stage import open_stage, quiet

HEAD = '#usda 1.0\n(\n    upAxis = "{axis}"\n    metersPerUnit = {metres}\n    defaultPrim = "W"\n{more})\n'
Write = Callable[..., str]
Load = Callable[..., SceneArrays]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a layer and returns its path."""

    def _write(
        body: str,
        name: str = "scene.usda",
        axis: str = "Z",
        metres: float = 1.0,
        more: str = "",
        head: str = HEAD,
    ) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head.format(axis=axis, metres=metres, more=more) + body)
        return str(path)

    return _write


@pytest.fixture
def scene_of(write: Write) -> Load:
    """Return a function that writes a scene, checks, composes and loads it."""

    def _load(
        body: str,
        axis: str = "Z",
        metres: float = 1.0,
        options: Options | None = None,
        load_rule: str = "all",
        variants: tuple[tuple[str, str, str], ...] = (),
        more: str = "",
    ) -> SceneArrays:
        found = check(write(body, axis=axis, metres=metres, more=more))
        opened = open_stage(found.root, found.layers, load=load_rule, variants=variants)
        with quiet():
            return load(opened.stage, options, (*found.problems, *opened.problems))

    return _load
