"""A normal image makes raised studs look raised: the light falls on them from above and from the left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from armillary.model.arrays import F8
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet
from armillary.viewport.view import View

ViewOf = Callable[..., View]
SIDE = 64
UPRIGHT = "[(0, 0), (1, 0), (1, 1), (0, 1)]"
MIRRORED = "[(1, 0), (0, 0), (0, 1), (1, 1)]"
TURNED = "[(1, 0), (1, 1), (0, 1), (0, 0)]"
SCENE = """#usda 1.0
(
    upAxis = "Z"
    metersPerUnit = 1
)
def Mesh "plate" (
    prepend apiSchemas = ["MaterialBindingAPI"]
)
{
    rel material:binding = </M>
    point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    uniform token subdivisionScheme = "none"
    texCoord2f[] primvars:st = ST (
        interpolation = "vertex"
    )
}
def Material "M"
{
    token outputs:surface.connect = </M/S.outputs:surface>
    def Shader "S"
    {
        uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor = (0.4, 0.4, 0.4)
        float inputs:roughness = 1
        normal3f inputs:normal.connect = </M/T.outputs:rgb>
        token outputs:surface
    }
    def Shader "T"
    {
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @./n.png@
        float4 inputs:scale = (2, 2, 2, 1)
        float4 inputs:bias = (-1, -1, -1, 0)
        token inputs:wrapS = "clamp"
        token inputs:wrapT = "clamp"
        float2 inputs:st.connect = </M/R.outputs:result>
        float3 outputs:rgb
    }
    def Shader "R"
    {
        uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "st"
        float2 outputs:result
    }
}
"""


def dome() -> F8:
    """Return the normals (h, w, 3) of a half ball, rows from the top of the picture."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE * 2 - 1
    inside = np.hypot(x, y) < 0.9
    flat = np.dstack([np.where(inside, x, 0), np.where(inside, -y, 0)])
    return np.dstack([flat, np.sqrt(np.maximum(1 - (flat**2).sum(axis=2), 0.05))])


@pytest.mark.parametrize("st", [UPRIGHT, MIRRORED, TURNED], ids=["upright", "mirrored", "turned"])
def test_a_dome_is_light_where_the_light_comes_from(view_of: ViewOf, tmp_path: Path, st: str) -> None:
    normals = np.rint(127.5 + 127.5 * dome()).astype(np.uint8)
    Image.fromarray(normals).save(tmp_path / "n.png")
    (tmp_path / "scene.usda").write_text(SCENE.replace("ST", st))
    found = check(str(tmp_path / "scene.usda"))
    opened = open_stage(found.root, found.layers)
    with quiet():
        view = view_of(load(opened.stage), plain=False, size=(200, 200))
    view.set_options(grid=False, axes=False)
    view.standard("front")
    grey = view.render()[..., :3].mean(axis=2)
    rows, columns = np.nonzero(grey > grey[0, 0] + 20)
    plate = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    h, w = plate.shape
    upper_left = plate[int(0.25 * h) : int(0.35 * h), int(0.25 * w) : int(0.35 * w)].mean()
    lower_right = plate[int(0.65 * h) : int(0.75 * h), int(0.65 * w) : int(0.75 * w)].mean()
    # what is painted on a plate is a dome for one who looks at it, however its coordinates run
    assert upper_left > lower_right + 15
    view.set_options(lit=False)
    assert np.ptp(view.render()[80:120, 80:120, :3]) <= 1
