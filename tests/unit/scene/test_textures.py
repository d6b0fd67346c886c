"""Images of materials arrive on the meshes that have coordinates for them, as texels of one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import UsdUtils

from armillary.model.fault import SceneFault
from armillary.model.scene import (
    TEXTURE_BLENDS,
    TEXTURE_CUTS,
    TEXTURE_DETAIL,
    TEXTURE_GLOWS,
    TEXTURE_TILED,
    SceneArrays,
)
from armillary.scene import cache, texels
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.sampling import BLACK, MIRROR, REPEAT
from armillary.scene.stage import open_stage, quiet

Load = Callable[..., SceneArrays]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PLACES = "[(0, 0), (1, 0), (1, 1), (0, 1)]"
INDEXED = "[(0, 0), (1, 1)]"


def material(
    name: str = "M", file: str = "./a.png", surface: str = "", image: str = "", st: str = "R", more: str = ""
) -> str:
    return f"""
def Material "{name}"
{{
    token outputs:surface.connect = </{name}/S.outputs:surface>
    def Shader "S"
    {{
        uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor.connect = </{name}/T.outputs:rgb>
        {surface}
        token outputs:surface
    }}
    def Shader "T"
    {{
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @{file}@
        float2 inputs:st.connect = </{name}/{st}.outputs:result>
        {image}
        float3 outputs:rgb
        float outputs:a
    }}
    def Shader "R"
    {{
        uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "st"
        float2 outputs:result
    }}
    {more}
}}
"""


def mesh(uv: str = PLACES, of: str = "vertex", bound: str = "M", inside: str = "", faces: int = 1) -> str:
    coordinates = f'texCoord2f[] primvars:st = {uv} (\n interpolation = "{of}"\n )' if uv else ""
    if uv == INDEXED:
        coordinates += "\n    int[] primvars:st:indices = [0, 0, 1, 0]"
    counts, indices = ("[4]", "[0, 1, 2, 3]") if faces == 1 else ("[3, 3]", "[0, 1, 2, 0, 2, 3]")
    return f"""
def Mesh "Q" (
    prepend apiSchemas = ["MaterialBindingAPI"]
)
{{
    rel material:binding = </{bound}>
    point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)]
    int[] faceVertexCounts = {counts}
    int[] faceVertexIndices = {indices}
    uniform token subdivisionScheme = "none"
    {coordinates}
    {inside}
}}
"""


def paint(folder: Path, name: str, *rgb: tuple[int, ...]) -> None:
    """Write an image of one row, a pixel each."""
    Image.fromarray(np.array([rgb], np.uint8)).save(folder / name)


def told(scene: SceneArrays) -> str:
    return " ".join(p.what for p in scene.problems)


def test_an_image_becomes_texels_and_points_know_where_on_it_they_are(scene_of: Load, tmp_path: Path) -> None:
    Image.fromarray(np.array([[RED, RED], [BLUE, GREEN]], np.uint8)).save(tmp_path / "a.png")
    scene = scene_of(material(image='token inputs:wrapS = "repeat"\ntoken inputs:wrapT = "mirror"') + mesh())
    assert scene.texture.tolist() == [[0, 2, 2, REPEAT | MIRROR << 2]]
    assert len(scene.texel) % texels.LINE == 0
    # the lowest row first, then the half of the image: one texel of the mean
    assert scene.texel[:4, :3].tolist() == [list(BLUE), list(GREEN), list(RED), list(RED)]
    assert scene.texel[4].tolist() == [128, 64, 64, 255]
    places = map(tuple, scene.point[:, ::2].tolist())
    by_place = dict(zip(places, map(tuple, scene.point_uv.tolist()), strict=True))
    assert by_place == {(0, 0): (0, 0, 1), (1, 0): (1, 0, 1), (1, 1): (1, 1, 1), (0, 1): (0, 1, 1)}
    assert scene.problems == ()


@pytest.mark.parametrize(
    ("uv", "of", "corner"),
    [
        (PLACES, "faceVarying", (1, 1)),
        ("[(0.25, 0.5)]", "constant", (0.25, 0.5)),
        ("[(0.25, 0.75)]", "uniform", (0.25, 0.75)),
        (INDEXED, "vertex", (1, 1)),
    ],
)
def test_coordinates_of_every_interpolation_are_taken(
    scene_of: Load, tmp_path: Path, uv: str, of: str, corner: tuple[float, float]
) -> None:
    paint(tmp_path, "a.png", RED)
    scene = scene_of(material() + mesh(uv, of))
    third = np.flatnonzero((scene.point == (1, 0, 1)).all(axis=1))
    assert scene.point_uv[third].tolist() == [[*corner, 1]] * len(third)


def test_a_transform_on_the_way_to_the_image_is_applied(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED)
    turn = """def Shader "X"
    {
        uniform token info:id = "UsdTransform2d"
        float2 inputs:in.connect = </M/R.outputs:result>
        float inputs:rotation = 90
        float2 inputs:scale = (2, 3)
        float2 inputs:translation = (0.5, 0)
        float2 outputs:result
    }"""
    scene = scene_of(material(st="X", more=turn) + mesh())
    corner = np.flatnonzero((scene.point == (1, 0, 1)).all(axis=1))
    # (1, 1) → scaled (2, 3) → turned by 90° (-3, 2) → moved (-2.5, 2)
    np.testing.assert_allclose(scene.point_uv[corner, :2], [[-2.5, 2.0]], atol=1e-6)


def test_tiles_are_a_grid_with_gaps(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "t.1001.png", RED)
    paint(tmp_path, "t.1012.png", BLUE)
    scene = scene_of(material(file="./t.<UDIM>.png") + mesh())
    grid, *tiles = scene.texture.tolist()
    assert grid == [1, 2, 2, TEXTURE_TILED]
    assert [t[1] for t in tiles] == [1, 0, 0, 1]
    assert scene.texel[tiles[3][0], :3].tolist() == list(BLUE)


@pytest.mark.parametrize(
    ("threshold", "flag", "alpha"), [(0.5, TEXTURE_CUTS, 255), (0.0, TEXTURE_BLENDS, 153)]
)
def test_opacity_of_an_image_cuts_holes_or_blends(
    scene_of: Load, tmp_path: Path, threshold: float, flag: int, alpha: int
) -> None:
    paint(tmp_path, "a.png", (*RED, 153), (*RED, 0))
    surface = f"float inputs:opacityThreshold = {threshold}\nfloat inputs:opacity.connect = </M/T.outputs:a>"
    scene = scene_of(material(surface=surface) + mesh())
    assert scene.texture[0, 3] == (BLACK | BLACK << 2 | flag)
    assert scene.texel[:2, 3].tolist() == [alpha, 0]


def test_faces_of_a_subset_show_the_image_of_its_own_material(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED)
    paint(tmp_path, "b.png", BLUE)
    subset = """def GeomSubset "S" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        rel material:binding = </N>
        uniform token familyName = "materialBind"
        int[] indices = [1]
    }"""
    scene = scene_of(material() + material("N", "./b.png") + mesh(inside=subset, faces=2))
    image_of = scene.point_uv[scene.triangle, 2]
    assert image_of.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert scene.texel[scene.texture[:, 0], :3].tolist() == [list(RED), list(BLUE)]


def test_a_mesh_without_coordinates_keeps_the_mean_colour_and_says_so(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED)
    scene = scene_of(material() + mesh(uv=""))
    assert len(scene.point_uv) == 0
    assert scene.rgba[scene.prim_path.index("/Q")].tolist() == [*RED, 255]
    assert "no usable texture coordinates 'st'" in told(scene)


def test_coordinates_of_a_wrong_number_are_told_and_ignored(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED)
    scene = scene_of(material() + mesh("[(0, 0), (1, 1), (0, 1)]"))
    assert [p.code for p in scene.problems] == ["S10"]
    assert not scene.point_uv.any()


def test_large_images_are_made_smaller_until_all_fit(
    scene_of: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texels, "MOST_TEXELS", 3 * texels.LINE)
    Image.fromarray(np.full((512, 256, 3), BLUE, np.uint8)).save(tmp_path / "a.png")
    scene = scene_of(material() + mesh())
    assert scene.texture[0, 1:3].tolist() == [128, 256]
    assert len(scene.texel) <= 3 * texels.LINE
    assert scene.texel[0].tolist() == [*BLUE, 255]


def test_a_cached_scene_keeps_its_images_and_a_wrong_number_is_refused(
    scene_of: Load, tmp_path: Path
) -> None:
    paint(tmp_path, "a.png", RED)
    scene = replace(scene_of(material() + mesh()), key="k")
    again = cache.read(cache.write(scene, tmp_path / "c"))
    assert (again.texel == scene.texel).all()
    assert (again.point_uv == scene.point_uv).all()
    wrong = scene.texture.copy()
    wrong[0, 0] = len(scene.texel)
    path = cache.write(replace(scene, texture=wrong), tmp_path / "c")
    with pytest.raises(SceneFault):
        cache.read(path)


GPRIM = """
def {kind} "Q" (
    prepend apiSchemas = ["MaterialBindingAPI"]
)
{{
    rel material:binding = </M>
    {inside}
}}
"""


def uv_at(scene: SceneArrays, *at: float) -> set[tuple[float, float]]:
    """Return the coordinates of the points at a place; where faces meet there are several."""
    here = np.isclose(scene.point, at, atol=1e-5).all(axis=1)
    return {tuple(uv) for uv in scene.point_uv[here, :2].round(4).tolist()}


def test_round_shapes_carry_an_image_once_around_and_upwards(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED, GREEN)
    wall = scene_of(material() + GPRIM.format(kind="Cylinder", inside="double height = 4"))
    assert not wall.problems
    assert (wall.point_uv[:, 2] == 1).all()
    # seen from the front (from -Y) the image runs from left to right, the cap shows it whole
    assert (0.75, 1.0) in uv_at(wall, 0, -1, 2)
    assert (0.5, 0.0) in uv_at(wall, 0, -1, 2)
    assert {(0.0, 0.0), (1.0, 0.0)} <= uv_at(wall, 1, 0, -2)
    ball = scene_of(material() + GPRIM.format(kind="Sphere", inside=""))
    assert uv_at(ball, 0, -1, 0) == {(0.75, 0.5)}
    assert {v for _, v in uv_at(ball, 0, 0, 1)} == {1.0}
    capsule = scene_of(
        material() + GPRIM.format(kind="Capsule", inside="double height = 2\n    double radius = 1")
    )
    assert {v for _, v in uv_at(capsule, 0, -1, 1)} == {0.75}
    assert {v for _, v in uv_at(capsule, 0, 0, -2)} == {0.0}


def test_every_face_of_a_box_shows_the_image_upright(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED, GREEN)
    scene = scene_of(material() + GPRIM.format(kind="Cube", inside=""))
    for face, corner, uv in (
        ((0, -1, 0), (-1, -1, -1), (0, 0)),  # front: lower left
        ((1, 0, 0), (1, -1, -1), (0, 0)),
        ((0, 1, 0), (1, 1, -1), (0, 0)),
        ((-1, 0, 0), (-1, 1, 1), (0, 1)),
        ((0, 0, 1), (1, 1, 1), (1, 1)),
    ):
        here = (scene.normal == face).all(axis=1) & (scene.point == corner).all(axis=1)
        assert scene.point_uv[here, :2].tolist() == [list(map(float, uv))]


PARTS = """
class Xform "C"
{
    def Cube "lid"
    {
    }
    def Mesh "Q"
    {
        point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)]
        int[] faceVertexCounts = [4]
        int[] faceVertexIndices = [0, 1, 2, 3]
        texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] (
            interpolation = "vertex"
        )
    }
}
"""
PART = """
def "{name}" (
    prepend apiSchemas = ["MaterialBindingAPI"]
    instanceable = true
    references = </C>
)
{{
    {bound}
}}
"""


def test_parts_show_the_image_of_the_material_that_their_instance_has(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED, GREEN)
    paint(tmp_path, "b.png", BLUE, GREEN)
    copies = [("x", "M"), ("y", "N"), ("z", "M"), ("plain", "")]
    parts = "".join(
        PART.format(name=n, bound=f"rel material:binding = </{m}>" if m else "") for n, m in copies
    )
    scene = scene_of(material() + material("N", "./b.png") + PARTS + parts)
    assert not scene.problems
    image = {}
    for name, _ in copies:
        for part in ("lid", "Q"):
            mine = scene.point_prim == scene.prim_path.index(f"/{name}/{part}")
            image[name, part] = set(scene.point_uv[mine, 2].tolist())
    shows = {n: image[n, "Q"] for n, _ in copies}
    assert shows["x"] == shows["z"] == image["x", "lid"] != shows["y"]
    assert shows["plain"] == image["plain", "lid"] == {0.0}
    assert len(shows["y"]) == 1


@pytest.mark.parametrize("tiled", [False, True])
def test_an_image_of_emission_is_drawn_and_glows_where_nothing_else_is(
    scene_of: Load, tmp_path: Path, tiled: bool
) -> None:
    paint(tmp_path, "a.png", RED, GREEN)
    paint(tmp_path, "a.1001.png", RED, GREEN)
    paint(tmp_path, "b.png", (0, 0, 0), BLUE)
    paint(tmp_path, "b.1001.png", (0, 0, 0), BLUE)
    udim = ".<UDIM>" if tiled else ""
    lamp = f"""
    def Shader "E"
    {{
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @./b{udim}.png@
        float2 inputs:st.connect = </M/R.outputs:result>
        float3 outputs:rgb
    }}
"""
    glow = "color3f inputs:emissiveColor.connect = </M/E.outputs:rgb>"
    both = scene_of(material(file=f"./a{udim}.png", surface=glow, more=lamp) + mesh())
    assert not both.problems
    row = both.texture[-1]
    assert both.texel[row[0] : row[0] + 2, :3].tolist() == [[255, 0, 0], [0, 255, 255]]
    assert not row[3] & TEXTURE_GLOWS
    plain = "color3f inputs:diffuseColor.connect = </M/T.outputs:rgb>"
    alone = scene_of(
        material(surface=glow, more=lamp).replace(plain, "color3f inputs:diffuseColor = (0, 0, 0)") + mesh()
    )
    row = alone.texture[-1]
    assert alone.texel[row[0] : row[0] + 2, :3].tolist() == [[0, 0, 0], [0, 0, 255]]
    assert row[3] & TEXTURE_GLOWS


def image_of(input_: str, file: str, more: str = "", channel: str = "rgb") -> tuple[str, str]:
    """Return the connection of an input of M and the node of its image."""
    kind = "float3" if channel == "rgb" else "float"
    node = f"""
    def Shader "{input_}_image"
    {{
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @{file}@
        float2 inputs:st.connect = </M/R.outputs:result>
        {more}
        {kind} outputs:{channel}
    }}
"""
    of = {"normal": "normal3f"}.get(input_, "float")
    return f"{of} inputs:{input_}.connect = </M/{input_}_image.outputs:{channel}>\n", node


@pytest.mark.parametrize("tiled", [False, True])
def test_relief_roughness_and_metal_come_behind_the_colours(
    scene_of: Load, tmp_path: Path, tiled: bool
) -> None:
    udim, tile = (".<UDIM>", ".1002") if tiled else ("", "")
    paint(tmp_path, f"a{tile}.png", RED, GREEN)
    paint(tmp_path, f"n{tile}.png", (255, 128, 255), (128, 0, 255))
    paint(tmp_path, f"r{tile}.png", (51, 51, 51), (255, 255, 255))
    spread = "float4 inputs:scale = (2, 2, 2, 1)\n        float4 inputs:bias = (-1, -1, -1, 0)"
    normal = image_of("normal", f"./n{udim}.png", spread)
    rough = image_of("roughness", f"./r{udim}.png", channel="g")
    scene = scene_of(
        material(
            file=f"./a{udim}.png",
            surface=normal[0] + rough[0] + "float inputs:metallic = 1",
            more=normal[1] + rough[1],
        )
        + mesh()
    )
    assert not scene.problems
    first = scene.texture[0]
    assert first[3] & TEXTURE_DETAIL
    behind = 1 + first[1] * first[2] if tiled else 1
    row = scene.texture[behind]
    if tiled:
        assert row[3] & TEXTURE_TILED
        row = scene.texture[row[0] + 1]  # the second tile; the first has no image
    detail = scene.texel[row[0] : row[0] + 2].tolist()
    assert detail == [[255, 128, 204, 255], [128, 1, 0, 255]]


def test_a_normal_image_alone_lies_on_the_plain_colour(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "n.png", (255, 128, 255), (128, 128, 255))
    connection, node = image_of("normal", "./n.png")
    plain = "color3f inputs:diffuseColor.connect = </M/T.outputs:rgb>"
    text = material(surface=connection, more=node).replace(plain, "color3f inputs:diffuseColor = (1, 0, 0)")
    scene = scene_of(text + mesh())
    assert not scene.problems
    assert scene.texel[scene.texture[0][0]].tolist() == [255, 0, 0, 255]
    assert scene.texel[scene.texture[1][0]].tolist()[:2] == [255, 128]  # without scale bytes are -1…1 too


def test_occlusion_makes_the_colour_darker(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED, RED)
    paint(tmp_path, "o.png", (0, 0, 0), (255, 255, 255))
    connection, node = image_of("occlusion", "./o.png", channel="r")
    scene = scene_of(material(surface=connection, more=node) + mesh())
    dark, light = scene.texel[:2, 0].tolist()
    assert 100 < dark < 180 < light == 255


def test_an_image_that_is_laid_on_otherwise_is_told(scene_of: Load, tmp_path: Path) -> None:
    paint(tmp_path, "a.png", RED, GREEN)
    paint(tmp_path, "n.png", (255, 128, 255))
    connection, node = image_of("normal", "./n.png")
    other = """
    def Shader "R2"
    {
        uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "st2"
        float2 outputs:result
    }
"""
    scene = scene_of(material(surface=connection, more=node.replace("/M/R.", "/M/R2.") + other) + mesh())
    assert "Textures of its normal are not drawn" in told(scene)
    assert not (scene.texture[:, 3] & TEXTURE_DETAIL).any()


@pytest.mark.parametrize("tiled", [False, True])
def test_images_inside_a_usdz_are_laid_on(write: Callable[..., str], tmp_path: Path, tiled: bool) -> None:
    for name in ("a.png", "a.1001.png", "a.1002.png"):
        paint(tmp_path, name, RED, GREEN)
    entry = write(material(file="./a.<UDIM>.png" if tiled else "./a.png") + mesh())
    package = tmp_path / "out" / "scene.usdz"
    package.parent.mkdir()
    assert UsdUtils.CreateNewUsdzPackage(entry, str(package))
    found = check(str(package))
    opened = open_stage(found.root, found.layers)
    with quiet():
        scene = load(opened.stage)
    assert not scene.problems
    assert len(scene.texture) == (3 if tiled else 1)
    row = scene.texture[1 if tiled else 0]
    assert scene.texel[row[0] : row[0] + 2, :3].tolist() == [list(RED), list(GREEN)]
    assert scene.point_uv[:, 2].all()
