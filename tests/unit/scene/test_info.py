"""`armillary info` counts what is not drawn as written, prim by prim, the parts of instances too."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from armillary.model.instancing import BOX, MOST_TRIANGLES
from armillary.model.scene import SceneArrays
from armillary.scene import features, info
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet

Write = Callable[..., str]
RANGE = "    startTimeCode = 0\n    endTimeCode = 10\n"
FLAT = 'uniform token subdivisionScheme = "none"'
TRIANGLE = f"""
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
    {FLAT}
"""
PLAIN_POINTS = "point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]"
MOVING_POINTS = """point3f[] points.timeSamples = {
        0: [(0, 0, 0), (1, 0, 0), (0, 1, 0)],
        10: [(0, 0, 1), (1, 0, 0), (0, 1, 0)],
    }"""
MOVING_FACES = (
    PLAIN_POINTS + "\n    int[] holeIndices.timeSamples = {\n        0: [],\n        10: [0],\n    }"
)

GREENER = """
    color3f[] primvars:displayColor.timeSamples = {
        0: [(1, 0, 0)],
        10: [(0, 1, 0)],
    }
"""


def arrays_of(write: Write, body: str) -> SceneArrays:
    found = check(write(body))
    with quiet():
        return load(open_stage(found.root, found.layers).stage)


def told(write: Write, body: str, more: str = "") -> dict[str, Any]:
    found = check(write(body, more=more))
    opened = open_stage(found.root, found.layers)
    with quiet():
        return json.loads(info.info(opened.stage, load(opened.stage)))


def prims(kind: str, inside: str, count: int) -> str:
    return "".join(f'def {kind} "P{i}"\n{{\n    {inside}\n}}\n' for i in range(count))


@pytest.mark.parametrize(
    ("kind", "inside", "feature"),
    [
        ("Mesh", TRIANGLE + PLAIN_POINTS, ""),
        ("Mesh", TRIANGLE + MOVING_POINTS, ""),
        ("Mesh", TRIANGLE + MOVING_FACES, features.ANIMATION),
        ("Mesh", TRIANGLE.replace(FLAT, "") + PLAIN_POINTS, features.SUBDIVISION),
        ("Mesh", TRIANGLE + PLAIN_POINTS + "\n    uniform bool doubleSided = 0", features.ONE_SIDED),
        ("Cube", "double size.timeSamples = {\n        0: 1,\n        10: 2,\n    }", ""),
        ("Cube", GREENER, ""),
        (
            "Mesh",
            TRIANGLE + PLAIN_POINTS + GREENER.replace("(1, 0, 0)", "(1, 0, 0), (1, 1, 1)"),
            features.ANIMATION,
        ),
        (
            "SphereLight",
            "float inputs:intensity.timeSamples = {\n        0: 1,\n        10: 2,\n    }",
            features.ANIMATION,
        ),
        ("Cube", "custom double wear.timeSamples = {\n        0: 1,\n        10: 2,\n    }", ""),
        (
            "Cube",
            'token visibility.timeSamples = {\n        0: "inherited",\n        5: "invisible",\n    }',
            "",
        ),
        ("Camera", "float focalLength.timeSamples = {\n        0: 20,\n        10: 50,\n    }", ""),
        ("Camera", "float fStop = 8", features.LENS),
        ("NurbsPatch", "", features.BY_TYPE["NurbsPatch"]),
        ("SpatialAudio", "", "sounds"),
        ("SphereLight", "float inputs:radius = 1", ""),
        ("PortalLight", "", features.LIGHTS),
        ("Reactor", "", features.UNKNOWN),
    ],
)
def test_a_feature_is_counted_once_a_prim_and_nothing_else_is(
    write: Write, kind: str, inside: str, feature: str
) -> None:
    found = told(write, prims(kind, inside, 3), RANGE)
    expected = [{"feature": feature, "count": 3, "example": "/P0"}] if feature else []
    assert found["unsupported"] == expected
    assert found["types"][kind] == 3


def test_parts_of_instances_are_counted_each(write: Write) -> None:
    part = 'class Xform "C"\n{\n    def NurbsPatch "n"\n    {\n    }\n}\n'
    copies = "".join(
        f'def "I{i}" (\n    instanceable = true\n    references = </C>\n)\n{{\n}}\n' for i in range(4)
    )
    found = told(write, part + copies)["unsupported"]
    assert [(u["feature"], u["count"]) for u in found] == [("NURBS patches", 5)]  # with the class itself


def test_what_plays_and_what_does_not_is_told(write: Write) -> None:
    assert told(write, prims("Mesh", TRIANGLE + MOVING_POINTS, 1), RANGE)["plays"] is True
    assert told(write, prims("Mesh", TRIANGLE + PLAIN_POINTS, 1), RANGE)["plays"] is False


def test_instances_that_are_drawn_as_boxes_are_counted(write: Write) -> None:
    def cloud(many: int) -> str:
        places, numbers = ", ".join(["(0, 0, 0)"] * many), ", ".join(["0"] * many)
        return (
            f'def PointInstancer "Rivets"\n{{\n    point3f[] positions = [{places}]\n'
            f"    int[] protoIndices = [{numbers}]\n    rel prototypes = </Rivets/Rivet>\n"
            '    def Sphere "Rivet"\n    {\n    }\n}\n'
        )

    few = told(write, cloud(3))
    assert [u for u in few["unsupported"] if u["feature"] == features.BOXED] == []
    [boxed] = [u for u in told(write, cloud(20_000))["unsupported"] if u["feature"] == features.BOXED]
    assert boxed["example"].startswith("/Rivets")
    scene = arrays_of(write, cloud(1))
    each = int(scene.proto[1] - scene.proto[0])
    assert each * 20_000 > MOST_TRIANGLES
    assert boxed["count"] == 20_000 - (MOST_TRIANGLES - 20_000 * BOX) // (each - BOX)
