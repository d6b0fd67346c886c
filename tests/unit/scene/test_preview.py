"""The boxes told while a scene is read are those of the whole scene, coloured as far as colours are known."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.message import SceneProgress
from armillary.scene import survey
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet

QUAD = (
    "int[] faceVertexCounts = [4]\nint[] faceVertexIndices = [0,1,2,3]\n"
    "point3f[] points = [(0,0,0),(1,0,0),(1,1,0),(0,1,0)]\n"
)


def place(x: float, y: float = 0, z: float = 0) -> str:
    return (
        f'double3 xformOp:translate = ({x},{y},{z})\nuniform token[] xformOpOrder = ["xformOp:translate"]\n'
    )


BODY = (
    f'def Xform "A" {{\n{place(10)}color3f[] primvars:displayColor = [(1,0,0)]\n'
    f'def Mesh "M" {{\n{QUAD}{place(1, 2, 3)}}}\n'
    'def Cube "C" {\ndouble size = 4\ncolor3f[] primvars:displayColor = [(0,0,1)]\n}\n}\n'
    'def Xform "Off" {\ntoken visibility = "invisible"\ndef Cube "Unseen" {\n}\n}\n'
    'def Cube "Guide" {\nuniform token purpose = "guide"\n}\n'
    'def Cylinder "Pipe" {\ndouble height = 6\ndouble radius = 1\nuniform token axis = "X"\n}\n'
    'def Mesh "Endless" {\nint[] faceVertexCounts = [3]\nint[] faceVertexIndices = [0,1,2]\n'
    "point3f[] points = [(0,0,0),(inf,0,0),(1,1,0)]\n}\n"
    'def PointInstancer "I" {\nrel prototypes = [</I/P>]\nint[] protoIndices = [0]\n'
    'point3f[] positions = [(50,0,0)]\ndef Cube "P" {\n}\n}\n'
)


@pytest.fixture
def told_of(write):
    def told(body: str, axis: str = "Z", metres: float = 1.0) -> tuple[list[SceneProgress], object]:
        found = check(write(body, axis=axis, metres=metres))
        opened = open_stage(found.root, found.layers)
        out: list[SceneProgress] = []
        with quiet():
            return out, load(opened.stage, tell=out.append)

    return told


@pytest.mark.parametrize("run", [1, 3, 10_000])
def test_boxes_are_those_of_the_whole_scene_however_they_are_dealt_out(told_of, monkeypatch, run) -> None:
    monkeypatch.setattr(survey, "RUN", run)
    told, scene = told_of(BODY, axis="Y", metres=0.01)
    box = np.concatenate([each.box for each in told])
    rgba = np.concatenate([each.rgba for each in told])
    rows = [scene.prim_path.index(p) for p in ("/A/M", "/A/C", "/Pipe")]
    order = np.lexsort(box.T)
    expected = scene.box[rows].astype(np.float32)
    again = np.lexsort(expected.T)
    np.testing.assert_allclose(box[order], expected[again], rtol=1e-5, atol=1e-6)
    assert rgba[order].tolist() == scene.rgba[rows][again].tolist()
    reading = [each for each in told if each.what == "reading"]
    assert [each.done for each in reading] == sorted(each.done for each in reading)
    assert reading[-1].done == reading[-1].total == len(scene) == 10
    assert told[-1].what == "building"


def test_a_scene_of_nothing_tells_of_no_boxes(told_of) -> None:
    told, scene = told_of("")
    assert len(scene) == 0
    assert not any(len(each.box) for each in told)
