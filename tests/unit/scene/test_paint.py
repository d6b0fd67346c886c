"""What parts of foreign scenes look like: materials of many kinds, images, colours of points."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Sdf, UsdUtils, Vt

from armillary.model import message
from armillary.model.scene import SceneArrays, index_of
from armillary.scene.check import check
from armillary.scene.child import SceneServer
from armillary.scene.load import load
from armillary.scene.pictures import Pictures
from armillary.scene.stage import open_stage, quiet

HEAD = '#usda 1.0\n(\n    upAxis = "Z"\n    metersPerUnit = 1\n)\n'
RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)


def rgba(scene: SceneArrays, path: str) -> list[int]:
    return scene.rgba[index_of(scene.prim_path)[path]].tolist()


def codes(scene: SceneArrays) -> list[str]:
    return [p.code for p in scene.problems]


def material(inputs: str, more: str = "", shader: str = "UsdPreviewSurface", context: str = "") -> str:
    return (
        f'def Material "m"\n{{\n token outputs:{context}surface.connect = </m/s.outputs:surface>\n'
        f' def Shader "s"\n {{\n  uniform token info:id = "{shader}"\n'
        f"  {inputs}\n  token outputs:surface\n }}\n"
        f"{more}}}\n"
    )


def bound(body: str = "", kind: str = "Cube", binding: str = "material:binding") -> str:
    applied = '(\n prepend apiSchemas = ["MaterialBindingAPI"]\n)'
    return f'def {kind} "B" {applied}\n{{\n rel {binding} = </m>\n{body}}}\n'


def texture(file: str, more: str = "") -> str:
    return (
        ' def Shader "t"\n {\n  uniform token info:id = "UsdUVTexture"\n'
        f"  asset inputs:file = @{file}@\n  {more}\n  float3 outputs:rgb\n  float outputs:a\n }}\n"
    )


DIFFUSE = "color3f inputs:diffuseColor.connect = </m/t.outputs:rgb>"


def image(path: Path, *pixels: tuple[int, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([pixels], np.uint8)).save(path)


def test_a_material_stands_above_the_display_colour(scene_of) -> None:
    own = " color3f[] primvars:displayColor = [(0, 1, 0)]\n"
    scene = scene_of(material("color3f inputs:diffuseColor = (1, 0, 0)") + bound(own))
    assert rgba(scene, "/B") == list(RED)


def test_a_material_without_a_colour_leaves_the_part_its_own(scene_of) -> None:
    own = " color3f[] primvars:displayColor = [(0, 1, 0)]\n float[] primvars:displayOpacity = [0.5]\n"
    reader = (
        ' def Shader "t"\n {\n  uniform token info:id = "UsdPrimvarReader_float3"\n'
        '  string inputs:varname = "displayColor"\n  float3 inputs:fallback = (1, 0, 0)\n'
        "  float3 outputs:result\n }\n"
    )
    inputs = "color3f inputs:diffuseColor.connect = </m/t.outputs:result>"
    assert rgba(scene_of(material(inputs, reader) + bound(own)), "/B") == [0, 255, 0, 255]


def test_a_material_stands_above_the_colours_of_points(scene_of) -> None:
    mesh = (
        " point3f[] points = [(0,0,0),(1,0,0),(0,1,0)]\n int[] faceVertexCounts = [3]\n"
        " int[] faceVertexIndices = [0,1,2]\n color3f[] primvars:displayColor = [(0,1,0),(0,1,0),(1,1,0)] (\n"
        '  interpolation = "vertex"\n )\n'
    )
    scene = scene_of(material("color3f inputs:diffuseColor = (1, 0, 0)") + bound(mesh, "Mesh"))
    assert rgba(scene, "/B") == list(RED)
    assert not scene.has_point_rgba.any()


def test_an_image_is_shown_as_its_mean_colour_and_named(scene_of, tmp_path) -> None:
    image(tmp_path / "tex" / "wood.png", (255, 0, 0), (255, 0, 0), (0, 0, 255), (0, 0, 255))
    scene = scene_of(material(DIFFUSE, texture("tex/wood.png")) + bound())
    assert rgba(scene, "/B") == [188, 0, 188, 255]  # half the light of each is sRGB 188
    assert codes(scene) == ["S17"]
    assert "diffuse" in scene.problems[0].what


def test_scale_bias_channel_and_colour_space_of_an_image_are_honoured(scene_of, tmp_path) -> None:
    image(tmp_path / "t.png", (128, 64, 0, 64))
    opacity = DIFFUSE + "\n  float inputs:opacity.connect = </m/t.outputs:a>"
    more = (
        'token inputs:sourceColorSpace = "raw"\n  float4 inputs:scale = (1, 0, 1, 2)\n'
        "  float4 inputs:bias = (0, 1, 0, 0)\n"
    )
    scene = scene_of(material(opacity, texture("t.png", more)) + bound())
    assert rgba(scene, "/B") == [188, 255, 0, 128]


def test_a_mask_makes_nothing_transparent_and_its_hidden_pixels_do_not_count(scene_of, tmp_path) -> None:
    image(tmp_path / "leaf.png", (0, 255, 0, 255), (255, 0, 0, 0))
    inputs = (
        DIFFUSE + "\n  float inputs:opacity.connect = </m/t.outputs:a>\n  float inputs:opacityThreshold = 0.5"
    )
    assert rgba(scene_of(material(inputs, texture("leaf.png")) + bound()), "/B") == [0, 255, 0, 255]


def test_the_first_tile_of_many_stands_for_all(scene_of, tmp_path) -> None:
    image(tmp_path / "paint.1002.png", (0, 0, 255))
    assert rgba(scene_of(material(DIFFUSE, texture("./paint.<UDIM>.png")) + bound()), "/B") == list(BLUE)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "was not found"), (b"", "cannot be read"), (b"\x89PNG\r\n\x1a\n" + bytes(40), "cannot be read")],
)
def test_an_image_that_is_no_image_leaves_the_part_its_own_colour(scene_of, tmp_path, content, said) -> None:
    if content is not None:
        (tmp_path / "t.png").write_bytes(content)
    own = " color3f[] primvars:displayColor = [(0, 1, 0)]\n"
    black = "float4 inputs:fallback = (0, 0, 0, 1)"
    scene = scene_of(material(DIFFUSE, texture("./t.png", black)) + bound(own))
    assert rgba(scene, "/B") == [0, 255, 0, 255]
    assert [(p.code, p.severity) for p in scene.problems] == [("S11", "info"), ("S11", "warning")]
    assert said in scene.problems[1].what


def test_an_image_outside_the_project_is_not_opened(write, tmp_path) -> None:
    image(tmp_path / "outside.png", (255, 0, 0))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "outside.png")
    for name in ("../outside.png", "./link.png", str(tmp_path / "outside.png")):
        entry = write(material(DIFFUSE, texture(name)) + bound(), name="in/scene.usda", head=HEAD)
        pictures = Pictures((str(tmp_path / "in"),))
        found = check(entry)
        opened = open_stage(found.root, found.layers)
        with quiet():
            scene = load(opened.stage, None, (), pictures)
        assert rgba(scene, "/B") == [180, 180, 180, 255]
        assert codes(scene) == ["S11", "S03"]
        assert not pictures.files
        entry_layer = Sdf.Layer.Find(entry)
        del found, opened, scene, entry_layer


def test_too_large_an_image_is_not_decoded(tmp_path) -> None:
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    assert Pictures((str(tmp_path),)).mean(str(tmp_path / "bomb.png")) in {
        "cannot be read",
        "is too large to look at",
    }


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "I;16", "1"])
def test_images_of_every_kind_have_a_mean(tmp_path, mode) -> None:
    half = Image.new("L", (40, 30), 128)
    half = half.point(lambda v: v * 257, "I").convert("I;16") if mode == "I;16" else half.convert(mode)
    path = tmp_path / ("t.jpg" if mode == "CMYK" else "t.png")
    half.save(path)
    mean = Pictures((str(tmp_path),)).mean(str(path))
    assert not isinstance(mean, str)
    assert mean.raw == pytest.approx((0.5, 0.5, 0.5, 1.0), abs=0.02)


def test_images_in_a_package_are_read(tmp_path, write) -> None:
    image(tmp_path / "wood.png", (255, 0, 0))
    entry = write(material(DIFFUSE, texture("./wood.png")) + bound(), head=HEAD)
    (tmp_path / "out").mkdir(exist_ok=True)
    assert UsdUtils.CreateNewUsdzPackage(entry, str(tmp_path / "out" / "scene.usdz"))
    found = check(str(tmp_path / "out" / "scene.usdz"))
    opened = open_stage(found.root, found.layers)
    with quiet():
        assert rgba(load(opened.stage), "/B") == list(RED)


def test_a_changed_image_makes_another_scene(tmp_path, write) -> None:
    image(tmp_path / "wood.png", (255, 0, 0))
    entry = write(material(DIFFUSE, texture("./wood.png")) + bound(), head=HEAD)
    server = SceneServer()
    asked = message.OpenScene(entry=entry, cache=str(tmp_path / "cache"))
    first, second = server.answer(asked), server.answer(asked)
    image(tmp_path / "wood.png", (0, 0, 255))
    third = server.answer(asked)
    assert isinstance(first, message.SceneOpened)
    assert isinstance(second, message.SceneOpened)
    assert isinstance(third, message.SceneOpened)
    assert (first.cached, second.cached, third.cached) == (False, True, False)
    assert first.arrays == second.arrays != third.arrays


STANDARD = "color3f inputs:base_color = (1, 0, 0)\n  color3f inputs:emission_color = (1, 1, 1)\n"


@pytest.mark.parametrize(("emission", "glow"), [("", 0), ("float inputs:emission = 1", 255)])
def test_a_materialx_surface_glows_by_its_weight(scene_of, emission, glow) -> None:
    shader = "ND_standard_surface_surfaceshader"
    scene = scene_of(material(STANDARD + emission, shader=shader, context="mtlx:") + bound())
    row = index_of(scene.prim_path)["/B"]
    assert rgba(scene, "/B") == list(RED)
    assert scene.emissive[row].tolist() == [glow] * 3


def test_glass_of_a_materialx_surface_is_seen_through(scene_of) -> None:
    glass = STANDARD + "float inputs:transmission = 1"
    scene = scene_of(material(glass, shader="ND_standard_surface_surfaceshader", context="mtlx:") + bound())
    assert 40 < rgba(scene, "/B")[3] < 90


@pytest.mark.parametrize(("switch", "glow"), [("", 0), ("bool inputs:enable_emission = 1", 255)])
def test_an_mdl_material_glows_when_told_so_and_its_image_counts(scene_of, tmp_path, switch, glow) -> None:
    image(tmp_path / "paint.png", (0, 0, 255))
    inputs = (
        "color3f inputs:diffuse_color_constant = (1, 0, 0)\n  color3f inputs:emissive_color = (1, 1, 1)\n"
        "  float inputs:opacity_constant = 0.5\n  asset inputs:diffuse_texture = @./paint.png@\n"
        "  uniform asset info:mdl:sourceAsset = @OmniPBR.mdl@\n  uniform token info:implementationSource = "
        f'"sourceAsset"\n  {switch}'
    )
    scene = scene_of(material(inputs, context="mdl:") + bound())
    assert rgba(scene, "/B") == list(BLUE)
    assert scene.emissive[index_of(scene.prim_path)["/B"]].tolist() == [glow] * 3


def test_a_metal_of_the_specular_workflow_is_not_black(scene_of) -> None:
    chrome = (
        "int inputs:useSpecularWorkflow = 1\n  color3f inputs:diffuseColor = (0, 0, 0)\n"
        "  color3f inputs:specularColor = (1, 1, 1)"
    )
    assert rgba(scene_of(material(chrome) + bound()), "/B") == [255, 255, 255, 255]


def test_an_image_that_glows_gives_a_black_part_its_colour_and_washes_nothing_out(scene_of, tmp_path) -> None:
    image(tmp_path / "t.png", (255, 0, 0))
    inputs = "color3f inputs:diffuseColor = (0, 0, 0)\n  " + DIFFUSE.replace("diffuse", "emissive")
    scene = scene_of(material(inputs, texture("./t.png")) + bound())
    assert rgba(scene, "/B") == list(RED)
    assert not scene.emissive.any()


@pytest.mark.parametrize("purpose", ["preview", "full"])
def test_bindings_of_one_purpose_count(scene_of, purpose) -> None:
    body = material("color3f inputs:diffuseColor = (1, 0, 0)")
    assert rgba(scene_of(body + bound(binding=f"material:binding:{purpose}")), "/B") == list(RED)


def test_curves_have_a_colour_each_and_a_gradient_where_points_have_one(scene_of) -> None:
    curves = (
        'def BasisCurves "C"\n{{\n uniform token type = "linear"\n int[] curveVertexCounts = [2, 2]\n'
        " point3f[] points = [(0,0,0),(1,0,0),(0,1,0),(1,1,0)]\n float[] widths = [0.1]\n"
        ' color3f[] primvars:displayColor = [{}] (\n  interpolation = "{}"\n )\n}}\n'
    )
    scene = scene_of(curves.format("(1,0,0),(0,0,1)", "uniform"))
    assert scene.has_point_rgba.tolist() == [True]
    low = scene.point[:, 1] < 0.5
    assert (scene.point_rgba[low] == RED).all()
    assert (scene.point_rgba[~low] == BLUE).all()
    scene = scene_of(curves.format("(1,0,0),(0,0,1),(1,0,0),(0,0,1)", "vertex"))
    left = scene.point[:, 0] < 0.5
    assert (scene.point_rgba[left] == RED).all()
    assert (scene.point_rgba[~left] == BLUE).all()


def test_curves_with_too_few_colours_show_their_mean(scene_of) -> None:
    scene = scene_of(
        'def BasisCurves "C"\n{\n uniform token type = "linear"\n int[] curveVertexCounts = [2, 2]\n'
        " point3f[] points = [(0,0,0),(1,0,0),(0,1,0),(1,1,0)]\n"
        ' color3f[] primvars:displayColor = [(1,0,0),(0,0,1),(0,0,1)] (\n  interpolation = "uniform"\n )\n}\n'
    )
    assert not scene.has_point_rgba.any()


CLOUD = (
    'def Points "P"\n{{\n point3f[] points = {}\n float[] widths = [0.1]\n'
    ' color3f[] primvars:displayColor = {} (\n  interpolation = "vertex"\n )\n}}\n'
)


def test_points_of_a_cloud_have_a_colour_each(scene_of) -> None:
    scene = scene_of(CLOUD.format("[(0,0,0),(1,0,0),(nan,0,0),(3,0,0)]", "[(1,0,0),(0,0,1),(0,1,0),(1,0,0)]"))
    assert scene.has_point_rgba.tolist() == [True]
    shown = {}
    for at, proto in zip(scene.instance_matrix[:, 0, 3].tolist(), scene.instance_proto.tolist(), strict=True):
        shown[at] = scene.point_rgba[scene.triangle[scene.proto[proto], 0]].tolist()
    assert shown == {0: list(RED), 1: list(BLUE), 3: list(RED)}
    assert codes(scene) == ["S07"]


def test_a_cloud_of_very_many_colours_is_drawn_in_fewer(scene_of) -> None:
    n = 1000
    places = [(i, 0, 0) for i in range(n)]
    colours = [(i / n, 1 - i / n, (i * 7 % n) / n) for i in range(n)]
    scene = scene_of(CLOUD.format(places, colours))
    assert len(scene.instance_prim) == n
    assert len(scene.proto) - 1 <= 256


def test_a_cloud_with_too_few_colours_shows_their_mean(scene_of) -> None:
    scene = scene_of(CLOUD.format("[(0,0,0),(1,0,0),(2,0,0)]", "[(1,0,0),(1,0,0)]"))
    assert not scene.has_point_rgba.any()
    assert rgba(scene, "/P") == list(RED)


TWO_FACES = (
    " point3f[] points = [(0,0,0),(1,0,0),(1,1,0),(0,1,0)]\n int[] faceVertexCounts = [3, 3]\n"
    " int[] faceVertexIndices = [0,1,2, 0,2,3]\n"
)


def test_faces_have_an_opacity_each(scene_of) -> None:
    opacity = ' float[] primvars:displayOpacity = [0.5, 1] (\n  interpolation = "uniform"\n )\n'
    colour = " color3f[] primvars:displayColor = [(1, 0, 0)]\n"
    scene = scene_of(f'def Mesh "M"\n{{\n{TWO_FACES}{opacity}{colour}}}\n')
    assert scene.point_rgba[scene.triangle].tolist() == [[[255, 0, 0, 128]] * 3, [[255, 0, 0, 255]] * 3]


def test_faces_of_glass_are_clear_and_the_others_keep_the_inherited_colour(scene_of) -> None:
    glass = material("color3f inputs:diffuseColor = (0, 0, 1)\n  float inputs:opacity = 0.5")
    subset = bound(" int[] indices = [1]\n", "GeomSubset").replace('"B"', '"S"')
    red = " color3f[] primvars:displayColor = [(1, 0, 0)]\n"
    scene = scene_of(f'{glass}def Xform "X"\n{{\n{red} def Mesh "M"\n {{\n{TWO_FACES}{subset}}}\n}}\n')
    assert scene.point_rgba[scene.triangle].tolist() == [[[255, 0, 0, 255]] * 3, [[0, 0, 255, 128]] * 3]


def test_metres_per_unit_written_as_a_float_are_metres(tmp_path) -> None:
    path = str(tmp_path / "old.usdc")
    layer = Sdf.Layer.CreateNew(path)
    Sdf.CreatePrimInLayer(layer, "/B").typeName = "Cube"
    layer.GetPrimAtPath("/B").specifier = Sdf.SpecifierDef
    layer.pseudoRoot.SetInfo("metersPerUnit", Vt.Float(0.5))
    layer.Save()
    del layer
    answer = SceneServer().answer(message.AskInfo(entry=path))
    assert isinstance(answer, message.Json)
    assert json.loads(answer.text)["meters_per_unit"] == 0.5


def test_an_up_axis_that_is_none_is_named_and_z_is_used(scene_of) -> None:
    scene = scene_of('def Cube "B"\n{\n}\n', axis="X")
    assert (codes(scene), scene.up_axis) == (["S09"], "Z")


def test_a_type_that_is_not_known_is_drawn_as_the_one_it_names(scene_of) -> None:
    more = '    fallbackPrimTypes = {\n        token[] Pump = ["Sphere"]\n    }\n'
    scene = scene_of('def Pump "B"\n{\n double radius = 3\n}\n', more=more)
    assert scene.box[0] == pytest.approx([-3, -3, -3, 3, 3, 3], abs=0.1)


def facts(write, body: str) -> dict:
    answer = SceneServer().answer(message.AskInfo(entry=write(body, head=HEAD)))
    assert isinstance(answer, message.Json)
    return json.loads(answer.text)


def test_what_is_invisible_has_no_bounds(write) -> None:
    assert facts(write, 'def Cube "B"\n{\n token visibility = "invisible"\n}\n')["bounds"] is None


def test_only_points_of_point_based_prims_are_counted(write) -> None:
    points = "{\n point3f[] points = [(0,0,0)]\n}\n"
    assert facts(write, f'class "A"\n{points}def Mesh "B"\n{points}')["points"] == 1


def test_info_names_what_is_not_shown_as_written(write) -> None:
    told = facts(
        write,
        'def Sphere "B" (\n prepend apiSchemas = ["GeomModelAPI"]\n)\n{\n'
        ' uniform token model:drawMode = "cards"\n}\n'
        'def SphereLight "D"\n{\n float inputs:intensity.timeSamples = {0: 1, 1: 2}\n}\n'
        'def Reactor "C"\n{\n}\n',
    )
    assert [u["feature"] for u in told["unsupported"]] == [
        "animation (the start time is shown)",
        "draw modes (the full geometry is drawn)",
        "types that OpenUSD does not know",
    ]


def test_a_payload_inside_an_instance_is_not_reported_as_left_out(scene_of, write) -> None:
    write('def Cube "W"\n{\n}\n', name="part.usda")
    scene = scene_of(
        'class Xform "P"\n{\n def "p" (\n  payload = @./part.usda@\n )\n {\n }\n}\n'
        'def "I" (\n instanceable = true\n references = </P>\n)\n{\n}\n'
    )
    assert scene.drawable.any()
    assert codes(scene) == []
