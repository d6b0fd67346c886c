import numpy as np
import pytest

from armillary.model.arrays import F8
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneArrays, index_of
from armillary.scene.load import Options

SQUARE = """
    point3f[] points = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    uniform token subdivisionScheme = "none"
"""
STACK = """
class Xform "Proto"
{
    def Xform "arm"
    {
        double3 xformOp:translate = (1, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Cube "box"
        {
            color3f[] primvars:displayColor = [(1, 0, 0)]
        }
    }
}
def Xform "W"
{
    def "a" (
        instanceable = true
        references = </Proto>
    )
    {
    }
    def Xform "b" (
        instanceable = true
        references = </Proto>
    )
    {
        double3 xformOp:translate = (0, 10, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
}
"""


def row(scene: SceneArrays, path: str) -> int:
    return index_of(scene.prim_path)[path]


def world_points(scene: SceneArrays) -> F8:
    """Return the points of what is drawn once, in world metres."""
    used = np.unique(scene.triangle[: scene.proto[0]])
    matrix = scene.matrix[scene.point_prim[used]]
    return np.einsum("nij,nj->ni", matrix[:, :3, :3], scene.point[used]) + matrix[:, :3, 3]


def area(scene: SceneArrays) -> float:
    a, b, c = (scene.point[scene.triangle[:, k]].astype(float) for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def codes(scene: SceneArrays) -> list[str]:
    return [p.code for p in scene.problems]


def test_prims_come_depth_first_with_their_parents(scene_of) -> None:
    scene = scene_of(
        'def Xform "W"\n{\n def Scope "a"\n {\n  def Cube "x"\n  {\n  }\n }\n def Cube "b"\n {\n }\n}\n'
    )
    assert scene.prim_path == ("/W", "/W/a", "/W/a/x", "/W/b")
    assert scene.parent.tolist() == [-1, 0, 1, 0]
    assert [scene.type_names[t] for t in scene.prim_type] == ["Xform", "Scope", "Cube", "Cube"]
    assert scene.drawable.tolist() == [False, False, True, True]


def test_a_centimetre_y_up_scene_becomes_metres_with_z_up(scene_of) -> None:
    scene = scene_of(
        'def Cube "W"\n{\n double size = 200\n double3 xformOp:translate = (100, 300, 500)\n'
        ' uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n',
        axis="Y",
        metres=0.01,
    )
    np.testing.assert_allclose(scene.box[0], [0, -6, 2, 2, -4, 4], atol=1e-9)
    np.testing.assert_allclose(scene.matrix[0, :3, 3], [1, -5, 3])
    points = world_points(scene)
    np.testing.assert_allclose(points.min(axis=0), [0, -6, 2], atol=1e-5)
    assert (scene.up_axis, scene.meters_per_unit) == ("Y", 0.01)


def test_transforms_of_parents_add_up_and_a_reset_stack_stands_alone(scene_of) -> None:
    move = 'double3 xformOp:translate = (1, 2, 3)\n uniform token[] xformOpOrder = ["xformOp:translate"]\n'
    reset = move.replace('["xform', '["!resetXformStack!", "xform')
    scene = scene_of(
        f'def Xform "W"\n{{\n {move} def Cube "a"\n {{\n {move} }}\n def Cube "b"\n {{\n {reset} }}\n}}\n'
    )
    np.testing.assert_allclose(scene.matrix[1, :3, 3], [2, 4, 6])
    np.testing.assert_allclose(scene.matrix[2, :3, 3], [1, 2, 3])


def test_a_concave_polygon_keeps_its_area(scene_of) -> None:
    scene = scene_of(
        'def Mesh "W"\n{\n point3f[] points = [(0,0,0), (4,0,0), (4,4,0), (2,1,0), (0,4,0)]\n'
        " int[] faceVertexCounts = [5]\n int[] faceVertexIndices = [0, 1, 2, 3, 4]\n"
        ' uniform token subdivisionScheme = "none"\n}\n'
    )
    assert len(scene.triangle) == 3
    assert area(scene) == pytest.approx(10.0)
    assert (scene.normal == (0, 0, 1)).all()


def test_a_left_handed_mesh_is_wound_the_other_way(scene_of) -> None:
    right = scene_of(f'def Mesh "W"\n{{\n{SQUARE}}}\n')
    left = scene_of(f'def Mesh "W"\n{{\n{SQUARE} uniform token orientation = "leftHanded"\n}}\n')
    assert (right.normal[:, 2] > 0).all()
    assert (left.normal[:, 2] < 0).all()
    a, b, c = (left.point[left.triangle[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] < 0).all()


def test_holes_are_not_drawn(scene_of) -> None:
    body = SQUARE.replace("[4]", "[3, 3]").replace("[0, 1, 2, 3]", "[0, 1, 2, 0, 2, 3]")
    scene = scene_of(f'def Mesh "W"\n{{\n{body} int[] holeIndices = [1, 7]\n}}\n')
    assert len(scene.triangle) == 1


def test_a_subdivided_box_without_normals_keeps_its_edges_and_a_flat_sheet_is_smooth(scene_of) -> None:
    box = """
    point3f[] points = [(-1,-1,-1),(1,-1,-1),(1,1,-1),(-1,1,-1),(-1,-1,1),(1,-1,1),(1,1,1),(-1,1,1)]
    int[] faceVertexCounts = [4,4,4,4,4,4]
    int[] faceVertexIndices = [3,2,1,0, 4,5,6,7, 0,1,5,4, 1,2,6,5, 2,3,7,6, 3,0,4,7]
    """
    scene = scene_of(f'def Mesh "W"\n{{\n{box}}}\n')
    assert len(scene.point) == 24
    assert np.allclose(np.abs(scene.normal).max(axis=1), 1.0, atol=1e-6)
    outward = np.einsum("ij,ij->i", scene.normal, scene.point)
    assert (outward > 0).all()
    bent = """
    point3f[] points = [(0,0,0),(1,0,0.1),(2,0,0),(0,1,0),(1,1,0.1),(2,1,0)]
    int[] faceVertexCounts = [4,4]
    int[] faceVertexIndices = [0,1,4,3, 1,2,5,4]
    """
    smooth = scene_of(f'def Mesh "W"\n{{\n{bent}}}\n')
    assert len(smooth.point) == 6
    np.testing.assert_allclose(smooth.normal[[1, 4]], [[0, 0, 1]] * 2, atol=1e-6)


def test_a_coarse_ball_is_smooth_although_faces_across_a_point_lean_far_apart(scene_of) -> None:
    around, up = np.meshgrid(np.arange(8) * np.pi / 4, np.radians([-40.0, 0.0, 40.0]))
    ball = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], 2).reshape(-1, 3)
    quads = [
        [r * 8 + k, r * 8 + (k + 1) % 8, r * 8 + 8 + (k + 1) % 8, r * 8 + 8 + k]
        for r in (0, 1)
        for k in range(8)
    ]
    scene = scene_of(
        'def Mesh "W"\n{\n'
        f"point3f[] points = {[tuple(p) for p in ball.tolist()]}\n"
        f"int[] faceVertexCounts = {[4] * 16}\nint[] faceVertexIndices = {np.ravel(quads).tolist()}\n}}\n"
    )
    apart = np.einsum("ij,ij->i", scene.normal, scene.point)
    middle = np.abs(scene.point[:, 2]) < 1e-6
    assert (apart[middle] > 0.999).all()


@pytest.mark.parametrize(
    ("interpolation", "normals", "points"),
    [
        ("vertex", "[(0,0,1),(1,0,0),(0,1,0),(0,0,-2)]", 4),
        ("faceVarying", "[(0,0,1),(1,0,0),(0,1,0),(0,0,-2)]", 4),
        ("uniform", "[(0,3,0)]", 4),
    ],
)
def test_authored_normals_are_kept_at_unit_length(scene_of, interpolation, normals, points) -> None:
    scene = scene_of(
        f'def Mesh "W"\n{{\n{SQUARE} normal3f[] normals = {normals} (\n'
        f'  interpolation = "{interpolation}"\n )\n}}\n'
    )
    assert len(scene.point) == points
    np.testing.assert_allclose(np.linalg.norm(scene.normal, axis=1), 1.0, atol=1e-6)
    expected = (0, 1, 0) if interpolation == "uniform" else (0, 0, -1)
    assert (scene.normal[3] == expected).all()


def test_normals_of_a_wrong_number_are_named_and_computed_instead(scene_of) -> None:
    scene = scene_of(f'def Mesh "W"\n{{\n{SQUARE} normal3f[] normals = [(1,0,0),(1,0,0)]\n}}\n')
    assert codes(scene) == ["S10"]
    assert scene.problems[0].where == "/W"
    assert (scene.normal == (0, 0, 1)).all()


@pytest.mark.parametrize(
    ("indices", "code", "triangles"),
    [("[0, 1, 2, 0, 2, 9]", "S06", 1), ("[0, 1, 2, 0, 2, -1]", "S06", 1), ("[0, 1, 2, 0]", "S05", 0)],
)
def test_indices_that_point_nowhere_never_reach_the_arrays(scene_of, indices, code, triangles) -> None:
    body = SQUARE.replace("[4]", "[3, 3]").replace("[0, 1, 2, 3]", indices)
    scene = scene_of(f'def Mesh "W"\n{{\n{body}}}\n')
    assert codes(scene) == [code]
    assert len(scene.triangle) == triangles
    assert scene.triangle.size == 0 or scene.triangle.max() < len(scene.point)


def test_faces_with_points_that_are_not_finite_are_left_out(scene_of) -> None:
    body = SQUARE.replace("(1, 1, 0)", "(nan, 1, 0)").replace("[4]", "[3, 3]")
    scene = scene_of(f'def Mesh "W"\n{{\n{body.replace("[0, 1, 2, 3]", "[0, 1, 2, 0, 1, 3]")}}}\n')
    assert codes(scene) == ["S07"]
    assert np.isfinite(scene.point).all()
    assert len(scene.triangle) == 1


def test_a_mesh_of_nothing_and_one_of_the_wrong_type_are_prims_without_geometry(scene_of) -> None:
    scene = scene_of(
        'def Mesh "W"\n{\n}\ndef Mesh "V"\n{\n string points = "x"\n int[] faceVertexCounts = [3]\n}\n'
    )
    assert scene.prim_path == ("/W", "/V")
    assert not scene.drawable.any()
    assert np.isnan(scene.box).all()


@pytest.mark.parametrize(
    ("prim", "box"),
    [
        ('Cube "W"\n{\n double size = 3\n}', [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]),
        ('Sphere "W"\n{\n double radius = 2\n}', [-2, -2, -2, 2, 2, 2]),
        (
            'Cylinder "W"\n{\n double radius = 2\n double height = 6\n token axis = "X"\n}',
            [-3, -2, -2, 3, 2, 2],
        ),
        ('Cone "W"\n{\n double radius = 1\n double height = 4\n token axis = "Y"\n}', [-1, -2, -1, 1, 2, 1]),
        ('Capsule "W"\n{\n double radius = 1\n double height = 4\n}', [-1, -1, -3, 1, 1, 3]),
        ('Plane "W"\n{\n double width = 2\n double length = 6\n}', [-1, -3, 0, 1, 3, 0]),
        ('Plane "W"\n{\n double width = 2\n double length = 6\n token axis = "Y"\n}', [-1, 0, -3, 1, 0, 3]),
        ('Plane "W"\n{\n double width = 2\n double length = 6\n token axis = "X"\n}', [0, -3, -1, 0, 3, 1]),
    ],
)
def test_gprims_have_their_size_and_face_outwards(scene_of, prim, box) -> None:
    scene = scene_of(f"def {prim}\n")
    np.testing.assert_allclose(scene.local_box[0], box, atol=1e-5)
    a, b, c = (scene.point[scene.triangle[:, k]] for k in range(3))
    facing = np.cross(b - a, c - a)
    assert (np.einsum("ij,ij->i", facing, scene.normal[scene.triangle[:, 0]]) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(scene.normal, axis=1), 1.0, atol=1e-5)


def test_native_instances_have_rows_of_their_own_and_share_their_shape(scene_of) -> None:
    scene = scene_of(STACK, options=Options(merge_points=0))
    assert scene.prim_path == ("/W", "/W/a", "/W/a/arm", "/W/a/arm/box", "/W/b", "/W/b/arm", "/W/b/arm/box")
    assert scene.parent.tolist() == [-1, 0, 1, 2, 0, 4, 5]
    assert scene.instance_root.tolist() == [False, True, False, False, True, False, False]
    assert scene.proto.tolist() == [0, 12]
    assert scene.instance_prim.tolist() == [3, 6]
    np.testing.assert_allclose(scene.instance_matrix[:, :3, 3], [[1, 0, 0], [1, 10, 0]])
    assert (scene.instance_matrix == scene.matrix[scene.instance_prim]).all()
    assert (scene.rgba[[3, 6]] == (255, 0, 0, 255)).all()


def test_few_copies_of_an_instance_are_merged_like_any_mesh(scene_of) -> None:
    scene = scene_of(STACK)
    assert len(scene.instance_prim) == 0
    assert scene.proto.tolist() == [24]
    assert set(scene.point_prim.tolist()) == {3, 6}


def test_nested_instances_are_spread_out(scene_of) -> None:
    outer = """
class Xform "Pair"
{
    def "one" (
        instanceable = true
        references = </Proto>
    )
    {
    }
    def "two" (
        instanceable = true
        references = </Proto>
    )
    {
    }
}
def Xform "Top"
{
    def "x" (
        instanceable = true
        references = </Pair>
    )
    {
    }
    def "y" (
        instanceable = true
        references = </Pair>
    )
    {
    }
}
"""
    scene = scene_of(STACK + outer, options=Options(merge_points=0))
    assert "/Top/y/two/arm/box" in scene.prim_path
    assert len(scene.instance_prim) == 6
    assert len(scene.point) == 24


def test_instances_of_instances_without_end_are_refused(scene_of) -> None:
    levels = ['class Xform "L0"\n{\n def Cube "c"\n {\n }\n}\n']
    for k in range(1, 8):
        arcs = "".join(
            f' def "i{n}" (\n  instanceable = true\n  references = </L{k - 1}>\n )\n {{\n }}\n'
            for n in range(10)
        )
        levels.append(f'class Xform "L{k}"\n{{\n{arcs}}}\n')
    top = 'def "W" (\n instanceable = true\n references = </L7>\n)\n{\n}\n'
    with pytest.raises(SceneFault, match="more than"):
        scene_of("".join(levels) + top, options=Options(max_prims=100_000))


INSTANCER = """
def PointInstancer "W"
{{
    rel prototypes = [</W/P/cube>, </Ball>]
    int[] protoIndices = {indices}
    point3f[] positions = [(0, 0, 0), (10, 0, 0), (20, 0, 0), (30, 0, 0)]
    {more}
    def Scope "P"
    {{
        def Cube "cube"
        {{
            double3 xformOp:translate = (0, 5, 0)
            uniform token[] xformOpOrder = ["xformOp:translate"]
            color3f[] primvars:displayColor = [(1, 0, 0)]
        }}
    }}
}}
class Sphere "Ball"
{{
    color3f[] primvars:displayColor = [(0, 0, 1)]
}}
"""


def test_a_point_instancer_shows_its_prototypes_where_it_says(scene_of) -> None:
    scene = scene_of(
        INSTANCER.format(
            indices="[0, 1, 0, 1]", more="int64[] ids = [7, 8, 9, 10]\n int64[] invisibleIds = [9]"
        )
    )
    assert sorted(scene.instance_id.tolist()) == [7, 8, 10]
    assert set(scene.instance_prim.tolist()) == {0}
    place = dict(zip(scene.instance_id.tolist(), scene.instance_matrix[:, :3, 3].tolist(), strict=True))
    assert place == {7: [0, 5, 0], 8: [10, 0, 0], 10: [30, 0, 0]}
    assert not scene.drawable[row(scene, "/W/P/cube")]
    assert scene.proto[0] == 0
    assert scene.has_point_rgba[0]
    assert set(map(tuple, scene.point_rgba.tolist())) == {(255, 0, 0, 255), (0, 0, 255, 255)}
    np.testing.assert_allclose(scene.box[0], [-1, -1, -1, 31, 6, 1], atol=1e-6)


def test_an_instancer_with_one_colour_lends_it_to_its_prim(scene_of) -> None:
    scene = scene_of(INSTANCER.format(indices="[1, 1, 1, 1]", more=""))
    assert scene.rgba[0].tolist() == [0, 0, 255, 255]
    assert not scene.has_point_rgba.any()


def test_orientations_and_scales_turn_and_size_instances(scene_of) -> None:
    more = (
        "quath[] orientations = [(0.70710677, 0, 0, 0.70710677), (1,0,0,0), (1,0,0,0), (1,0,0,0)]\n"
        " float3[] scales = [(2, 1, 1), (1,1,1), (1,1,1), (1,1,1)]"
    )
    scene = scene_of(INSTANCER.format(indices="[1, 1, 1, 1]", more=more))
    np.testing.assert_allclose(scene.instance_matrix[0, :3, 0], [0, 2, 0], atol=1e-3)


def test_instances_of_prototypes_that_do_not_exist_are_left_out(scene_of) -> None:
    scene = scene_of(INSTANCER.format(indices="[0, 5, -1, 1]", more=""))
    assert codes(scene) == ["S08"]
    assert scene.instance_id.tolist() == [0, 3]


def test_an_instancer_that_shows_itself_ends(scene_of) -> None:
    scene = scene_of(
        'def PointInstancer "W"\n{\n rel prototypes = [</W>]\n int[] protoIndices = [0]\n'
        " point3f[] positions = [(0, 0, 0)]\n}\n"
    )
    assert len(scene.instance_prim) == 0


def test_visibility_and_purpose_are_inherited(scene_of) -> None:
    scene = scene_of(
        'def Xform "W"\n{\n def Xform "off"\n {\n  token visibility = "invisible"\n'
        '  def Cube "c"\n  {\n  }\n }\n'
        ' def Xform "guide"\n {\n  uniform token purpose = "guide"\n  def Cube "c"\n  {\n  }\n }\n'
        ' def Cube "proxy"\n {\n  uniform token purpose = "proxy"\n }\n def Cube "plain"\n {\n }\n}\n'
    )
    shown = {p: bool(v) for p, v in zip(scene.prim_path, scene.visible, strict=True)}
    assert shown["/W/plain"]
    assert not shown["/W/off/c"]
    assert not shown["/W/guide/c"]
    assert not shown["/W/proxy"]
    assert scene.purpose[row(scene, "/W/guide/c")] == 3
    assert scene.drawable[row(scene, "/W/off/c")]
    assert np.isnan(scene.box[row(scene, "/W/proxy")]).all()


def test_proxies_are_shown_when_asked_for(scene_of) -> None:
    body = 'def Cube "W"\n{\n uniform token purpose = "proxy"\n}\n'
    scene = scene_of(body, options=Options(purposes=("default", "proxy")))
    assert scene.visible[0]


def test_display_colours_are_turned_to_srgb_and_inherited(scene_of) -> None:
    scene = scene_of(
        'def Xform "W"\n{\n color3f[] primvars:displayColor = [(0.5, 0, 1)]\n'
        " float[] primvars:displayOpacity = [0.5]\n"
        ' def Cube "a"\n {\n }\n def Cube "b"\n {\n  color3f[] primvars:displayColor = [(0, 1, 0)]\n }\n}\n'
        'def Cube "V"\n{\n}\n'
    )
    assert scene.rgba[row(scene, "/W/a")].tolist() == [188, 0, 255, 128]
    assert scene.rgba[row(scene, "/W/b")].tolist() == [0, 255, 0, 128]
    assert scene.rgba[row(scene, "/V")].tolist() == [180, 180, 180, 255]


@pytest.mark.parametrize(
    ("interpolation", "values", "extra", "expected"),
    [
        ("uniform", "[(1,0,0), (0,1,0)]", "", [(255, 0, 0), (255, 0, 0), (255, 0, 0), (0, 255, 0)]),
        (
            "vertex",
            "[(1,0,0), (0,1,0), (0,0,1), (1,1,1)]",
            "",
            [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 0)],
        ),
        (
            "faceVarying",
            "[(1,0,0), (0,0,1)]",
            " int[] primvars:displayColor:indices = [0,1,0,1,1,1]\n",
            [(255, 0, 0), (0, 0, 255), (255, 0, 0), (0, 0, 255)],
        ),
    ],
)
def test_colours_of_faces_points_and_corners_are_drawn(
    scene_of, interpolation, values, extra, expected
) -> None:
    body = SQUARE.replace("[4]", "[3, 3]").replace("[0, 1, 2, 3]", "[0, 1, 2, 0, 2, 3]")
    scene = scene_of(
        f'def Mesh "W"\n{{\n{body} color3f[] primvars:displayColor = {values} (\n'
        f'  interpolation = "{interpolation}"\n )\n{extra}}}\n'
    )
    assert scene.has_point_rgba[0]
    corner = scene.point_rgba[scene.triangle.ravel()][:4, :3]
    assert [tuple(c) for c in corner.tolist()] == expected
    assert not codes(scene)


def test_colours_of_a_wrong_number_are_named_and_their_mean_is_shown(scene_of) -> None:
    scene = scene_of(
        f'def Mesh "W"\n{{\n{SQUARE} color3f[] primvars:displayColor = [(1,0,0),(1,0,0)] (\n'
        f'  interpolation = "vertex"\n )\n}}\n'
    )
    assert codes(scene) == ["S10"]
    assert scene.rgba[0].tolist() == [255, 0, 0, 255]
    assert not scene.has_point_rgba[0]


MATERIALS = """
def Scope "Mats"
{
    def Material "red"
    {
        token outputs:surface.connect = </Mats/red/s.outputs:surface>
        def Shader "s"
        {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor = (1, 0, 0)
            color3f inputs:emissiveColor = (0, 1, 0)
            float inputs:opacity = 0.5
            float inputs:metallic = 1
            float inputs:roughness = 0.25
            token outputs:surface
        }
    }
    def Material "blue"
    {
        color3f inputs:base = (0, 0, 1)
        token outputs:surface.connect = </Mats/blue/s.outputs:surface>
        def Shader "s"
        {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </Mats/blue.inputs:base>
            token outputs:surface
        }
    }
    def Material "photo"
    {
        token outputs:surface.connect = </Mats/photo/s.outputs:surface>
        def Shader "s"
        {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = </Mats/photo/t.outputs:rgb>
            token outputs:surface
        }
        def Shader "t"
        {
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @./wood.png@
            float4 inputs:fallback = (0, 1, 0, 1)
            float3 outputs:rgb
        }
    }
}
"""


def bound(kind: str, name: str, material: str, body: str = "") -> str:
    return (
        f'def {kind} "{name}" (\n prepend apiSchemas = ["MaterialBindingAPI"]\n)\n{{\n'
        f" rel material:binding = </Mats/{material}>\n{body}}}\n"
    )


def test_materials_colour_what_is_bound_to_them(scene_of) -> None:
    child = 'def Cube "c"\n{\n}\n'
    scene = scene_of(
        MATERIALS
        + bound("Xform", "W", "red", child)
        + bound("Cube", "B", "blue")
        + bound("Cube", "P", "photo")
    )
    at = row(scene, "/W/c")
    assert scene.rgba[at].tolist() == [255, 0, 0, 128]
    assert scene.emissive[at].tolist() == [0, 255, 0]
    assert (scene.metallic[at], scene.roughness[at]) == (255, 64)
    assert scene.rgba[row(scene, "/B")].tolist() == [0, 0, 255, 255]
    assert scene.rgba[row(scene, "/P")].tolist() == [0, 255, 0, 255]
    assert codes(scene) == ["S11", "S11"]
    assert "wood.png was not found" in scene.problems[1].what


def test_a_stronger_binding_above_wins(scene_of) -> None:
    inner = bound("Cube", "c", "blue")
    outer = bound("Xform", "W", "red", inner).replace(
        "rel material:binding = </Mats/red>",
        'rel material:binding = </Mats/red> (\n bindMaterialAs = "strongerThanDescendants"\n)',
    )
    assert scene_of(MATERIALS + outer).rgba[-1].tolist() == [255, 0, 0, 128]


def test_parts_of_an_instance_take_the_material_bound_above_it(scene_of) -> None:
    stack = STACK.replace("color3f[] primvars:displayColor = [(1, 0, 0)]", "")
    body = MATERIALS + stack.replace(
        'def Xform "W"\n{',
        'def Xform "W" (\n prepend apiSchemas = ["MaterialBindingAPI"]\n)\n{\n'
        " rel material:binding = </Mats/blue>",
    )
    scene = scene_of(body)
    assert scene.rgba[row(scene, "/W/b/arm/box")].tolist() == [0, 0, 255, 255]


def test_face_subsets_show_their_material(scene_of) -> None:
    body = SQUARE.replace("[4]", "[3, 3]").replace("[0, 1, 2, 3]", "[0, 1, 2, 0, 2, 3]")
    subset = bound(
        "GeomSubset",
        "s",
        "blue",
        ' uniform token elementType = "face"\n uniform token familyName = "materialBind"\n'
        " int[] indices = [1]\n",
    )
    scene = scene_of(MATERIALS + bound("Mesh", "W", "red", body + subset))
    first, second = scene.point_rgba[scene.triangle[:, 0]]
    assert first[:3].tolist() == [255, 0, 0]
    assert second[:3].tolist() == [0, 0, 255]


def test_payloads_are_loaded_or_left(scene_of, write) -> None:
    write('def Cube "W"\n{\n}\n', name="part.usda")
    body = 'def Xform "T"\n{\n def "p" (\n  payload = @./part.usda@\n )\n {\n }\n}\n'
    assert scene_of(body).drawable.any()
    left = scene_of(body, load_rule="none")
    assert left.prim_path == ("/T", "/T/p")
    assert not left.drawable.any()
    assert codes(left) == ["S14"]
    assert left.problems[0].where == "/T/p"


def test_variants_are_listed_and_a_live_choice_shows_another(scene_of) -> None:
    body = (
        'def Xform "W" (\n variants = {\n  string size = "small"\n }\n prepend variantSets = "size"\n)\n{\n'
        ' variantSet "size" = {\n  "small" {\n   def Cube "c"\n   {\n    double size = 1\n   }\n  }\n'
        '  "big" {\n   def Cube "c"\n   {\n    double size = 8\n   }\n  }\n }\n}\n'
    )
    scene = scene_of(body)
    (variant,) = scene.variants
    assert (variant.prim, variant.name, variant.choices, variant.selection) == (
        0,
        "size",
        ("big", "small"),
        "small",
    )
    assert scene.box[0, 3] == pytest.approx(0.5)
    assert scene_of(body, variants=(("/W", "size", "big"),)).box[0, 3] == pytest.approx(4.0)


def test_values_are_those_of_the_start_time(scene_of) -> None:
    body = (
        'def Cube "W"\n{\n double3 xformOp:translate.timeSamples = {\n  0: (0, 0, 0),\n'
        "  10: (10, 0, 0),\n }\n"
        ' uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
    )
    assert scene_of(body).matrix[0, 0, 3] == 0
    later = scene_of(body, more="    startTimeCode = 5\n    endTimeCode = 10\n    timeCodesPerSecond = 30\n")
    assert later.matrix[0, 0, 3] == 5
    assert later.time_range == (5, 10, 30)


def test_cameras_are_in_world_metres(scene_of) -> None:
    scene = scene_of(
        'def Camera "main_cam"\n{\n float focalLength = 50\n float verticalAperture = 25\n'
        " float focusDistance = 400\n"
        " double3 xformOp:translate = (0, 100, 500)\n"
        ' uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n',
        axis="Y",
        metres=0.01,
    )
    (camera,) = scene.cameras
    np.testing.assert_allclose(camera.position, (0, -5, 1))
    np.testing.assert_allclose(camera.focus, (0, -1, 1), atol=1e-9)
    np.testing.assert_allclose(camera.up, (0, 0, 1), atol=1e-9)
    assert camera.fov_deg == pytest.approx(28.07, abs=0.01)
    assert scene.default_camera == "/main_cam"


def test_curves_become_tubes_and_points_become_balls(scene_of) -> None:
    scene = scene_of(
        'def BasisCurves "W"\n{\n uniform token type = "linear"\n'
        " point3f[] points = [(0,0,0),(5,0,0),(5,5,0)]\n"
        " int[] curveVertexCounts = [3]\n float[] widths = [0.2]\n}\n"
        'def Points "P"\n{\n point3f[] points = [(0,0,9),(nan,0,0)]\n float[] widths = [2, 2]\n}\n'
    )
    np.testing.assert_allclose(scene.local_box[0], [0, -0.1, -0.1, 5.1, 5, 0.1], atol=0.08)
    assert scene.drawable.all()
    np.testing.assert_allclose(scene.box[1], [-1, -1, 8, 1, 1, 10], atol=1e-5)
    assert codes(scene) == ["S07"]


def test_boxes_of_parents_hold_those_of_their_children_and_nothing_is_nan(scene_of) -> None:
    scene = scene_of(
        'def Xform "W"\n{\n double3 xformOp:scale = (2, 2, 2)\n'
        ' uniform token[] xformOpOrder = ["xformOp:scale"]\n'
        ' def Cube "a"\n {\n  double3 xformOp:translate = (3, 0, 0)\n'
        '  uniform token[] xformOpOrder = ["xformOp:translate"]\n }\n'
        ' def Cube "b"\n {\n }\n def Scope "empty"\n {\n }\n}\n'
    )
    np.testing.assert_allclose(scene.box[0], [-2, -2, -2, 8, 2, 2])
    np.testing.assert_allclose(scene.local_box[0], [-1, -1, -1, 4, 1, 1])
    assert np.isnan(scene.box[3]).all()


def test_a_transform_that_is_not_a_number_leaves_the_prim_with_its_parent(scene_of) -> None:
    scene = scene_of(
        'def Cube "W"\n{\n double3 xformOp:translate = (nan, 0, 0)\n'
        ' uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
    )
    assert codes(scene) == ["S12"]
    assert np.isfinite(scene.matrix).all()


def test_units_of_zero_fall_back_and_are_named(scene_of) -> None:
    scene = scene_of('def Cube "W"\n{\n}\n', metres=0.0)
    assert codes(scene) == ["S09"]
    assert scene.meters_per_unit == 0.01


def test_an_empty_scene_has_no_prims(scene_of) -> None:
    scene = scene_of("")
    assert len(scene) == 0
    assert scene.proto.tolist() == [0]
    assert scene.point_rgba.shape == (0, 4)


def test_kinds_are_kept_and_inactive_prims_are_absent(scene_of) -> None:
    scene = scene_of(
        'def Xform "W" (\n kind = "component"\n)\n{\n def Cube "gone" (\n  active = false\n'
        ' )\n {\n }\n def Cube "c"\n {\n }\n}\n'
    )
    assert scene.kind == ((0, "component"),)
    assert scene.prim_path == ("/W", "/W/c")


def test_too_many_prims_and_too_deep_nesting_are_refused(scene_of) -> None:
    many = "".join(f'def Cube "c{i}"\n{{\n}}\n' for i in range(20))
    with pytest.raises(SceneFault, match="more than 10 prims"):
        scene_of(many, options=Options(max_prims=10))
    deep = "".join(f'def "p{i}"\n{{\n' for i in range(300)) + "}\n" * 300
    with pytest.raises(SceneFault, match="256 prims deep"):
        scene_of(deep)


def test_attributes_of_an_unusual_type_do_not_stop_the_scene(scene_of) -> None:
    scene = scene_of(
        'def Cube "W"\n{\n string size = "big"\n color3f primvars:displayColor = (1, 0, 0)\n'
        " float primvars:displayOpacity = 0\n}\n"
        f'def Mesh "M"\n{{\n{SQUARE} normal3f normals = (0, 0, 1)\n string[] holeIndices = ["0"]\n'
        ' string[] primvars:displayColor = ["red"]\n}\n'
        'def PointInstancer "I"\n{\n string[] protoIndices = ["0"]\n point3f[] positions = [(0, 0, 0)]\n}\n'
        'def BasisCurves "C"\n{\n string[] points = ["0"]\n int[] curveVertexCounts = [1]\n}\n'
    )
    assert scene.rgba[0].tolist() == [255, 0, 0, 0]
    np.testing.assert_allclose(scene.local_box[0], [-1, -1, -1, 1, 1, 1])
    assert scene.drawable.tolist() == [True, True, False, False]
    assert sorted(codes(scene)) == ["S05", "S08", "S10"]


WEDGE = """
def Xform "W"
{
    def Cube "before"
    {
    }
    def Mesh "wedge"
    {
        point3f[] points = [(9, 9, 9), (0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)]
        int[] faceVertexCounts = [4, 4, 3]
        int[] faceVertexIndices = [4, 3, 2, 1, 1, 2, 6, 5, 1, 5, 4]
    }
}
"""


def test_each_point_of_a_mesh_knows_which_point_of_the_file_it_is(scene_of) -> None:
    scene = scene_of(WEDGE)
    wedge = row(scene, "/W/wedge")
    written = np.array(
        [(9, 9, 9), (0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)], np.float32
    )
    own = scene.point_prim == wedge
    assert own.sum() > len(written) - 1  # hard edges have points of their own
    np.testing.assert_array_equal(scene.point[own], written[scene.point_vertex[own]])
    assert scene.vertices[wedge] == len(written)  # the one that no face uses counts too
    assert (scene.point_vertex[~own] == -1).all()
    assert scene.vertices[row(scene, "/W/before")] == 0


def test_cylinders_and_capsules_have_a_radius_at_each_end(scene_of) -> None:
    cut = scene_of(
        'def Cylinder_1 "W"\n{\n double height = 4\n double radiusTop = 0.5\n double radiusBottom = 2\n}\n'
    )
    reach = np.hypot(cut.point[:, 0], cut.point[:, 1])
    assert reach[cut.point[:, 2] > 1.9].max() == pytest.approx(0.5)
    assert reach[cut.point[:, 2] < -1.9].max() == pytest.approx(2)
    wall = np.abs(cut.normal[:, 2]) < 0.9
    assert np.allclose(cut.normal[wall, 2], np.sin(np.arctan2(1.5, 4)), atol=1e-5)
    assert (np.einsum("ij,ij->i", cut.normal[wall, :2], cut.point[wall, :2]) > 0).all()
    pin = scene_of('def Capsule_1 "W"\n{\n double height = 2\n double radiusTop = 0.5\n}\n')
    assert pin.point[:, 2].max() == pytest.approx(1.5)
    assert pin.point[:, 2].min() == pytest.approx(-1.5)
    plain = scene_of('def Cylinder_1 "W"\n{\n}\n')
    assert np.ptp(plain.point, axis=0).tolist() == [2, 2, 2]
