"""Files made to break a reader: each ends in words that name the layer or the prim, the rest is shown."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pxr import Sdf

from armillary.model.fault import SceneFault
from armillary.model.message import OpenScene
from armillary.model.scene import SceneArrays
from armillary.scene import cache
from armillary.scene.child import SceneServer

HEAD = '#usda 1.0\n(\n    upAxis = "Z"\n    metersPerUnit = 1\n)\n'
FINE = 'def Cube "Fine"\n{\n}\n'
REFERS = 'def "A" (\n    references = @{}@\n)\n{{\n}}\n'
TEXTURED = """
def Material "M"
{
    token outputs:surface.connect = </M/S.outputs:surface>
    def Shader "S"
    {
        uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor.connect = </M/T.outputs:rgb>
        token outputs:surface
    }
    def Shader "T"
    {
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @TEXTURE@
        float3 outputs:rgb
    }
}
def Cube "C" (
    prepend apiSchemas = ["MaterialBindingAPI"]
)
{
    rel material:binding = </M>
}
"""


def mesh(name: str, counts: str, indices: str, points: str = "(0,0,0),(1,0,0),(0,1,0)") -> str:
    return (
        f'def Mesh "{name}"\n{{\n    point3f[] points = [{points}]\n    int[] faceVertexCounts = [{counts}]\n'
        f"    int[] faceVertexIndices = [{indices}]\n}}\n"
    )


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., SceneArrays]:
    """Return a function that writes a scene beside what the test has made, and opens it as the child does."""

    def run(body: str | bytes, name: str = "scene.usda") -> SceneArrays:
        path = tmp_path / name
        if isinstance(body, str):
            path.write_text(HEAD + FINE + body)
        elif body:
            path.write_bytes(body)
        answer = SceneServer().answer(OpenScene(entry=str(path), cache=str(tmp_path / "cache")))
        return cache.read(Path(answer.arrays))  # type: ignore[attr-defined]

    return run


def codes(scene: SceneArrays) -> list[str]:
    assert "/Fine" in scene.prim_path
    return sorted(p.code for p in scene.problems)


@pytest.mark.parametrize("target", ["/dev/zero", "/proc/self/mem", "../../../../../../etc/passwd"])
def test_devices_and_files_of_the_system_are_not_opened(opened, target) -> None:
    scene = opened(REFERS.format(target))
    assert codes(scene) == ["S03"]
    assert target in scene.problems[0].what


def test_a_link_to_a_device_is_not_followed(opened, tmp_path) -> None:
    os.symlink("/dev/zero", tmp_path / "z.usda")
    assert codes(opened(REFERS.format("./z.usda"))) == ["S03"]


def test_pipes_are_never_waited_for(opened, tmp_path) -> None:
    """A pipe has no end: reading one, or only its hash, would hang."""
    for name in ("p.usda", "t.png", "m.mtlx"):
        os.mkfifo(tmp_path / name)
    assert "S01" in codes(opened(REFERS.format("./p.usda")))
    assert "S11" in codes(opened(TEXTURED.replace("TEXTURE", "./t.png")))
    assert "S01" in codes(opened(REFERS.format("./m.mtlx")))
    os.mkfifo(tmp_path / "own.usda")
    with pytest.raises(SceneFault, match="not found"):
        opened(b"", name="own.usda")


def test_links_in_a_circle_and_folders_are_no_layers(opened, tmp_path) -> None:
    os.symlink(tmp_path / "a.usda", tmp_path / "b.usda")
    os.symlink(tmp_path / "b.usda", tmp_path / "a.usda")
    (tmp_path / "d.usda").mkdir()
    assert codes(opened(REFERS.format("./a.usda"))) == ["S01"]
    assert codes(opened(REFERS.format("./d.usda"))) == ["S01"]


def test_a_texture_of_another_folder_is_named_and_not_read(opened) -> None:
    scene = opened(TEXTURED.replace("TEXTURE", "/etc/passwd"))
    assert any(p.code == "S03" and "/etc/passwd" in p.what and p.where == "/M" for p in scene.problems)


def test_prims_that_refer_to_themselves_are_named(opened) -> None:
    cycle = 'def "A" (\n references = </A/B>\n)\n{\n def "B" (\n  references = </A>\n )\n {\n }\n}\n'
    scene = opened(cycle)
    assert codes(scene) == ["S02", "S02"]
    assert {p.where for p in scene.problems} == {"/A", "/A/B"}
    assert codes(opened(REFERS.format("./scene.usda") + 'def "B"\n{\n}\n')) != []


def package(path: Path, *files: tuple[str, bytes], way: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(path, "w", way) as made:
        for name, content in files:
            made.writestr(name, content)
    return path.read_bytes()


def test_packages_that_are_bombs_are_refused_by_name(opened, tmp_path) -> None:
    layer = (HEAD + FINE).encode()
    path = tmp_path / "x.usdz"
    with pytest.raises(SceneFault, match=r"a\.usda is compressed"):
        opened(package(path, ("a.usda", layer + b" " * 10**7), way=zipfile.ZIP_DEFLATED), "s.usdz")
    with pytest.raises(SceneFault, match="leads out of it"):
        opened(package(path, ("a.usda", layer), ("../../x.usda", layer)), "s.usdz")
    deep = "".join(f'def "x{i}"\n{{\n' for i in range(2000)) + "}\n" * 2000
    inner = package(path, ("b.usda", (HEAD + deep).encode()))
    with pytest.raises(SceneFault, match="nested more than 1,000 deep") as caught:
        opened(package(path, ("a.usda", layer), ("in.usdz", inner)), "s.usdz")
    assert caught.value.where.endswith("s.usdz[in.usdz][b.usda]")


def test_a_package_that_shows_one_file_many_times_is_refused(opened, tmp_path) -> None:
    raw = package(tmp_path / "x.usdz", ("a.usda", (HEAD + FINE).encode() + b"#" + b" " * 1_000_000))
    first, end = raw.rfind(b"PK\x01\x02"), raw.rfind(b"PK\x05\x06")
    listed, last, n = raw[first:end], bytearray(raw[end:]), 1000
    struct.pack_into("<HHII", last, 8, n, n, len(listed) * n, first)
    with pytest.raises(SceneFault, match="promises more than it holds"):
        opened(raw[:first] + listed * n + bytes(last), "s.usdz")


def test_a_package_that_lies_about_sizes_is_refused(opened, tmp_path) -> None:
    raw = bytearray(package(tmp_path / "x.usdz", ("a.usda", (HEAD + FINE).encode())))
    struct.pack_into("<II", raw, raw.rfind(b"PK\x01\x02") + 20, 0xFFFFFFF0, 0xFFFFFFF0)
    with pytest.raises(SceneFault, match="damaged"):
        opened(bytes(raw), "s.usdz")


@pytest.mark.parametrize("size", [0.1, 0.5, 0.9])
def test_a_truncated_crate_is_left_out_and_the_rest_shown(opened, tmp_path, size) -> None:
    layer = Sdf.Layer.CreateNew(str(tmp_path / "part.usdc"))
    layer.ImportFromString(HEAD + FINE)
    layer.Save()
    whole = (tmp_path / "part.usdc").read_bytes()
    (tmp_path / "cut.usdc").write_bytes(whole[: int(len(whole) * size)])
    scene = opened(REFERS.format("./cut.usdc"))
    assert codes(scene) == ["S02"]
    assert scene.problems[0].where.endswith("cut.usdc")


def test_indices_and_counts_that_lie_name_their_mesh(opened) -> None:
    body = mesh("A", "3", "0,1,2000000000") + mesh("B", "3", "0,1,-1") + mesh("C", "2147483647,3", "0,1,2")
    scene = opened(body + mesh("D", "-3,3", "0,1,2") + mesh("E", "3", "0,1,2"))
    assert sorted((p.where, p.code) for p in scene.problems) == [
        ("/A", "S06"), ("/B", "S06"), ("/C", "S05"), ("/D", "S05"),
    ]  # fmt: skip
    drawn = scene.point_prim[scene.triangle[:, 0]]
    assert {scene.prim_path[p] for p in drawn} == {"/Fine", "/E"}


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e308", "1e200", "0"])
def test_transforms_of_any_number_leave_only_finite_points_and_boxes(opened, number) -> None:
    row = f"({number},0,0,0),(0,{number},0,0),(0,0,{number},0),({number},{number},{number},1)"
    body = (
        f'def Xform "X"\n{{\n    matrix4d xformOp:transform = ( {row} )\n'
        '    uniform token[] xformOpOrder = ["xformOp:transform"]\n    def Xform "Y"\n    {\n'
        "        double3 xformOp:scale = (1e200, 1e200, 1e200)\n"
        '        uniform token[] xformOpOrder = ["xformOp:scale"]\n'
        '        def Cube "C"\n        {\n        }\n'
        "    }\n}\n"
    )
    scene = opened(body)
    assert "/Fine" in scene.prim_path
    assert np.isfinite(scene.point).all()
    if number in {"nan", "inf", "-inf"}:
        assert any(p.code == "S12" and p.where == "/X" for p in scene.problems)


@pytest.mark.parametrize("content", [b"\xff\xfe", b'string x = "\xfe"'])
def test_text_that_is_not_utf_8_is_named_with_its_line(opened, tmp_path, content) -> None:
    body = (HEAD + FINE).encode() + b'def "A"\n{\n    ' + content + b"\n}\n"
    with pytest.raises(SceneFault, match=r"not UTF-8: line 11"):
        opened(body)
    (tmp_path / "part.usda").write_bytes(body)
    scene = opened(REFERS.format("./part.usda"))
    assert codes(scene) == ["S02"]
    assert scene.problems[0].where.endswith("part.usda")


def test_types_that_do_not_fit_leave_the_rest(opened) -> None:
    body = (
        'def Mesh "M"\n{\n    string points = "x"\n    float[] faceVertexIndices = [0.5]\n}\n'
        'def PointInstancer "P"\n{\n    rel prototypes = [</P>, </P.prototypes>]\n'
        "    int[] protoIndices = [0, -1, 99]\n    point3f[] positions = [(0,0,0),(nan,0,0),(1,1,1)]\n}\n"
        'def BasisCurves "B"\n{\n    int[] curveVertexCounts = [2147483647, -1]\n'
        "    point3f[] points = [(0,0,0)]\n    float[] widths = [nan, -1, 1e38]\n}\n"
        'def Cube "C"\n{\n    token[] xformOpOrder = ["xformOp:nothing", "!invert!xformOp:x"]\n}\n'
    )
    scene = opened(body)
    assert {"/M", "/P", "/B"} <= set(scene.prim_path)
    assert {p.where for p in scene.problems} >= {"/P", "/B", "/C"}


def test_times_without_end_are_replaced(opened) -> None:
    head = (
        "#usda 1.0\n(\n    timeCodesPerSecond = 0\n    startTimeCode = -1e308\n    endTimeCode = 1e308\n)\n"
    )
    scene = opened((head + FINE).encode())
    assert "S04" in codes(scene)


# What the fuzz found: each took the whole scene with it.
@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        ('def Camera "C"\n{\n uniform token[] xformOpOrder = ["xformOp:nonsense"]\n}\n', "S12", "/C"),
        (
            'def Cube "C"\n{\n color3f[] primvars:displayColor = [(1, 0, 0)]\n'
            " float[] primvars:displayColor:indices = [0.5]\n}\n",
            "",
            "",
        ),
        ('def DomeLight "C"\n{\n float2[] inputs:color = []\n}\n', "", ""),
        ('def DomeLight "C"\n{\n token inputs:color = "red"\n}\n', "S11", "/C"),
        ('def Mesh "C"\n{\n int points = 3\n int[] faceVertexCounts = [3]\n}\n', "S05", "/C"),
        ('def Cone "C"\n{\n double height = 1e308\n}\n', "S07", "/C"),
        (
            'def "C" (\n instanceable = true\n)\n{\n'
            ' def "D" (\n  references = </C>\n  instanceable = true\n )\n {\n }\n}\n',
            "S02",
            "",
        ),
    ],
)
def test_one_prim_of_nonsense_leaves_the_others(opened, body: str, code: str, where: str) -> None:
    arrays = opened(body)
    assert "/Fine" in arrays.prim_path
    assert np.isfinite(arrays.point).all()
    if code:
        found = [p for p in arrays.problems if p.code == code and where in p.where]
        assert found, arrays.problems


def test_places_that_multiply_past_all_numbers_are_told(opened) -> None:
    nested = "".join(
        f'def Xform "X{i}"\n{{\n double3 xformOp:scale = (1e15, 1e15, 1e15)\n'
        ' uniform token[] xformOpOrder = ["xformOp:scale"]\n'
        for i in range(25)
    )
    arrays = opened(nested + 'def Cube "Far"\n{\n}\n' + "}\n" * 25)
    assert np.isfinite(arrays.matrix).all()
    assert not np.isinf(arrays.box).any()
    assert "S12" in {p.code for p in arrays.problems}


def test_shapes_past_the_limits_of_points_and_triangles_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "scene.usda"
    square = mesh("Small", "3", "0,1,2") + mesh(
        "Big", "3,3", "0,1,2,0,2,3", "(0,0,0),(1,0,0),(1,1,0),(0,1,0)"
    )
    path.write_text(HEAD + square + FINE)
    for limits, words in (({"points": 6}, "4 points"), ({"triangles": 2}, "2 triangles")):
        opened = SceneServer().answer(OpenScene(entry=str(path), cache=str(tmp_path / "c"), limits=limits))
        arrays = cache.read(Path(opened.arrays))
        (found,) = arrays.problems
        assert (found.code, found.where) == ("S19", "/Big")
        assert words in found.what
        assert {"/Small", "/Fine"} <= {arrays.prim_path[i] for i in np.flatnonzero(arrays.drawable)}


def test_a_texture_that_is_nowhere_is_missing_not_forbidden(opened) -> None:
    arrays = opened(TEXTURED.replace("TEXTURE", "nowhere.png"))
    assert [p.what for p in arrays.problems if "nowhere" in p.what] == [
        "The texture nowhere.png was not found."
    ]


def test_a_reference_to_a_file_that_can_be_imported_says_so(opened, tmp_path: Path) -> None:
    (tmp_path / "part.obj").write_text("v 0 0 0\n")
    (found,) = opened(REFERS.format("./part.obj")).problems
    assert "armillary import" in found.remedy


def test_text_that_is_not_understood_is_told_without_the_grammar(tmp_path: Path) -> None:
    path = tmp_path / "scene.usda"
    path.write_text('#usda 1.0\ndef "A"\n{\n custom string a = "b\n\n')
    with pytest.raises(SceneFault) as told:
        SceneServer().answer(OpenScene(entry=str(path), cache=str(tmp_path / "c")))
    assert "pegtl" not in told.value.what
    assert "not understood" in told.value.what
