"""A prim that one layer speaks of is read from it, and gives the same as composition does."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from armillary.model.scene import SceneArrays
from armillary.scene import survey
from armillary.scene.direct import Direct

QUAD = (
    "    int[] faceVertexCounts = [4]\n    int[] faceVertexIndices = [0,1,2,3]\n"
    "    point3f[] points = [(0,0,0),(1,0,0),(1,1,0),(0,1,0)]\n"
)
MIXED = (
    f'def Mesh "A"\n{{\n{QUAD}    color3f[] primvars:displayColor = [(1,0,0)]\n}}\n'
    f'def Xform "G" (\n    kind = "component"\n)\n{{\n    double3 xformOp:translate = (1,2,3)\n'
    '    uniform token[] xformOpOrder = ["xformOp:translate"]\n    token visibility = "invisible"\n'
    f'    def Mesh "B"\n    {{\n{QUAD}        uniform token subdivisionScheme = "none"\n    }}\n'
    '    def Cube "C"\n    {\n        double size = 3\n    }\n}\n'
    f'def Mesh "D"\n{{\n{QUAD}    color3f[] primvars:displayColor = [(0,1,0)]\n'
    "    float[] primvars:displayOpacity = [0.5]\n    bool doubleSided = 1\n}\n"
    f'def Mesh "E"\n{{\n{QUAD}    color3f[] primvars:displayColor = [(0,0,1)]\n}}\n'
    f'def Mesh "F"\n{{\n{QUAD}    color3f[] primvars:displayColor = [(0,0,1),(1,0,1),(1,1,1),(0,1,1)] (\n'
    '        interpolation = "vertex"\n    )\n    uniform token purpose = "guide"\n}\n'
    'def Mesh "N"\n{\n    point3f[] points = None\n    rel faceVertexCounts\n}\n'
    'def "V" (\n    add variantSets = "size"\n    variants = {\n        string size = "big"\n    }\n)\n{\n'
    '    variantSet "size" = {\n        "big" {\n            def Cube "K"\n            {\n            }\n'
    '        }\n        "small" {\n        }\n    }\n}\n'
)


def assert_alike(one: SceneArrays, two: SceneArrays) -> None:
    for item in fields(SceneArrays):
        a, b = getattr(one, item.name), getattr(two, item.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=item.name)
        else:
            assert a == b, item.name


def test_what_is_read_directly_is_what_composition_says(scene_of, monkeypatch) -> None:
    directly = scene_of(MIXED)
    asked: list[str] = []
    real = survey.composed

    def composed(prim, time):
        asked.append(str(prim.GetPath()))
        return real(prim, time)

    monkeypatch.setattr(survey, "composed", composed)
    monkeypatch.setattr(Direct, "spec", lambda _self, _prim, _path: None)
    assert_alike(directly, scene_of(MIXED))
    assert "/A" in asked  # it was composed this time


def test_most_prims_are_not_composed(scene_of, monkeypatch) -> None:
    monkeypatch.setattr(survey, "composed", lambda prim, _time: pytest.fail(f"{prim.GetPath()} was composed"))
    body = MIXED[: MIXED.index('def Mesh "F"')]
    assert scene_of(body).prim_path == ("/A", "/G", "/G/B", "/G/C", "/D", "/E")


PLAIN = f'def Xform "G"\n{{\n    def Mesh "A"\n    {{\n{QUAD}    }}\n}}\ndef Mesh "B"\n{{\n{QUAD}}}\n'
_ARCS = {
    "reference": 'def "R" (\n    references = </G>\n)\n{\n}\n',
    "payload": 'def "R" (\n    payload = </G>\n)\n{\n}\n',
    "inherit": 'class "_C"\n{\n}\ndef "R" (\n    inherits = </_C>\n)\n{\n}\n',
    "specialize": 'def "R" (\n    specializes = </B>\n)\n{\n}\n',
    "below": 'def "T"\n{\n    def "R" (\n        references = </G>\n    )\n    {\n    }\n}\n',
    "variant": MIXED[MIXED.index('def "V"') :],
}


def test_one_layer_in_which_nothing_refers_to_anything_is_read_by_path(scene_of, monkeypatch) -> None:
    found: list[bool] = []
    real = Direct.__init__

    def made(self, stage) -> None:
        real(self, stage)
        found.append(self.is_plain)

    monkeypatch.setattr(Direct, "__init__", made)
    by_path = scene_of(PLAIN)
    assert found[0]
    monkeypatch.setattr("armillary.scene.direct._has_arcs", lambda _stage: True)
    assert_alike(by_path, scene_of(PLAIN))
    assert not found[-1]


@pytest.mark.parametrize("arc", sorted(_ARCS))
def test_a_layer_that_refers_to_itself_is_not(scene_of, monkeypatch, arc: str) -> None:
    found: list[bool] = []
    real = Direct.__init__

    def made(self, stage) -> None:
        real(self, stage)
        found.append(self.is_plain)

    monkeypatch.setattr(Direct, "__init__", made)
    scene_of(PLAIN + _ARCS[arc])
    assert not found[0]


def test_a_stronger_layer_has_the_last_word(scene_of, write) -> None:
    write(f'def Mesh "A"\n{{\n{QUAD}    color3f[] primvars:displayColor = [(1,0,0)]\n}}\n', name="weak.usda")
    over = 'over "A"\n{\n    color3f[] primvars:displayColor = [(0,0,1)]\n}\n'
    scene = scene_of(over, more="    subLayers = [@./weak.usda@]\n")
    assert scene.rgba[0].tolist() == [0, 0, 255, 255]


def test_time_samples_go_before_the_default_of_the_same_layer(scene_of) -> None:
    later = QUAD.replace(
        "points = [(0,0,0),(1,0,0),(1,1,0),(0,1,0)]\n",
        "points = [(0,0,0),(1,0,0),(1,1,0),(0,1,0)]\n"
        "    point3f[] points.timeSamples = {\n        0: [(0,0,0),(9,0,0),(9,9,0),(0,9,0)],\n    }\n",
    )
    scene = scene_of(f'def Mesh "A"\n{{\n{later}}}\n')
    assert scene.point.max() == 9


def test_a_clip_below_which_a_prim_stands_is_asked(scene_of, write) -> None:
    clip = (
        '#usda 1.0\ndef Xform "A"\n{\n    def Mesh "M"\n    {\n        point3f[] points.timeSamples = {\n'
        "            0: [(0,0,0),(7,0,0),(7,7,0),(0,7,0)],\n        }\n    }\n}\n"
    )
    write(clip, name="clip.usda", head="")
    body = (
        'def Xform "A" (\n    clips = {\n        dictionary default = {\n'
        '            asset[] assetPaths = [@./clip.usda@]\n            string primPath = "/A"\n'
        "            double2[] active = [(0, 0)]\n            double2[] times = [(0, 0)]\n"
        "            asset manifestAssetPath = @./clip.usda@\n        }\n    }\n)\n"
        '{\n    def Mesh "M"\n    {\n        int[] faceVertexCounts = [4]\n'
        "        int[] faceVertexIndices = [0,1,2,3]\n        point3f[] points\n    }\n}\n"
    )
    assert scene_of(body).point.max() == 7
