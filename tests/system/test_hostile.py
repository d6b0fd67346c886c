"""Scenes that kill or hang their reader: one message, in time, and the next scene is read all the same."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, Vt

from armillary.model.fault import SceneFault
from armillary.model.message import OpenScene, SceneOpened
from armillary.session.reading import ask_child, scene_child

pytestmark = pytest.mark.system

HEAD = "#usda 1.0\n"
LIMIT_S = 4  # instead of 20, so that this file is quick


def bomb(arc: str) -> str:
    """Return ten levels of ten prims that each refer to the level below: 10^10 prims in 100 lines."""
    levels = []
    for level in range(10):
        below = "".join(f'def "c{i}" (\n {arc} = </L{level + 1}>\n)\n{{\n}}\n' for i in range(10))
        levels.append(f'def "L{level}"\n{{\n{below}}}\n')
    return HEAD + "".join(levels) + 'def "L10"\n{\n}\n'


def deep_crate(path: Path) -> None:
    layer = Sdf.Layer.CreateAnonymous("deep.usda")
    layer.ImportFromString(HEAD + "".join(f'def "x{i}"\n{{\n' for i in range(900)) + "}\n" * 900)
    layer.Export(str(path))


def huge_crate(path: Path) -> None:
    """Write 4 kB that say 1.6 GB: the format packs equal numbers."""
    stage = Usd.Stage.CreateNew(str(path))
    made = UsdGeom.Mesh.Define(stage, "/M")
    many = Vt.IntArray.FromNumpy(np.zeros(50_000_000, np.int32))
    for name in ("faceVertexIndices", "faceVertexCounts"):
        made.GetPrim().GetAttribute(name).Set(many)
    stage.GetRootLayer().Save()


def written(name: str, folder: Path) -> Path:
    path = folder / "scene.usda"
    match name:
        case "references" | "inherits" | "payload" | "specializes":
            path.write_text(bomb(name))
        case "variant of itself":
            path.write_text(
                HEAD + 'def "A" (\n variants = {\n  string v = "a"\n }\n prepend variantSets = "v"\n)\n{\n'
                ' variantSet "v" = {\n  "a" (\n   references = </A>\n  ) {\n  }\n }\n}\n'
            )
        case "bomb in a crate":
            text = folder / "t.usda"
            text.write_text(bomb("references"))
            path = folder / "scene.usdc"
            Sdf.Layer.OpenAsAnonymous(str(text)).Export(str(path))
        case "deep crate":
            path = folder / "scene.usdc"
            deep_crate(path)
        case "huge arrays":
            path = folder / "scene.usdc"
            huge_crate(path)
    return path


@pytest.mark.parametrize(
    "name",
    ["references", "inherits", "variant of itself", "bomb in a crate", "deep crate", "huge arrays"],
)
def test_a_scene_without_end_ends_with_one_message(tmp_path: Path, name: str) -> None:
    path = written(name, tmp_path)
    wish = OpenScene(entry=str(path), cache=str(tmp_path / "cache"), limits={"seconds": LIMIT_S})
    began = time.monotonic()
    told = ""
    with scene_child() as (line, process):
        try:
            assert isinstance(ask_child(line, process, wish, 60, str(path)), SceneOpened)
        except SceneFault as fault:
            told = fault.what
            where = fault.where
            remedy = fault.remedy
    assert time.monotonic() - began < 20 + LIMIT_S
    if told:
        assert any(word in told for word in ("refused", "crashed its reader", "nested more than")), told
        assert where
        assert remedy
    else:
        assert name != "deep crate"  # of all others a part is shown


def test_the_next_scene_is_read_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "fine.usda"
    path.write_text(HEAD + 'def Cube "Fine"\n{\n}\n')
    with scene_child() as (line, process):
        wish = OpenScene(entry=str(path), cache=str(tmp_path / "cache"), limits={"seconds": LIMIT_S})
        assert isinstance(ask_child(line, process, wish, 30, str(path)), SceneOpened)
        assert process.alive  # the time of a request that is answered does not run on
        assert not process.overdue
    assert os.path.exists(path)
