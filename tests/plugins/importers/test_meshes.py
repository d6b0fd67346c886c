"""OBJ, STL and PLY: shapes, names, colours and units; trimesh is the independent witness."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pxr import UsdGeom

from armillary.api import ImporterContext, SceneFault
from armillary.extend import importer
from armillary_plugins.importers import obj, ply, stl

QUADS = """# a box of two groups
mtllib paint.mtl
o Pump 1
v 0 0 0
v 100 0 0
v 100 100 0
v 0 100 0
v 0 0 50
vt 0 0
vt 1 0
vt 1 1
vn 0 0 1
g Casing
usemtl Red
f 1/1/1 2/2/1 3/3/1 4/1/1
g Lid
usemtl Blue
f -5 -4 -1
usemtl Nowhere
f 1 2 5
o Pipe
l 1 2 3
"""
PAINT = "newmtl Red\nKd 1 0 0\nNs 0\nd 0.5\nmap_Kd -s 1 1 1 wall.png\nnewmtl Blue\nKd 0 0 1\nmap_Ks x.png\n"
CUBE = trimesh.creation.box((1, 2, 3))


def test_objects_groups_and_faces_of_an_obj_are_kept(imported, kit, tmp_path: Path) -> None:
    (tmp_path / "paint.mtl").write_text(PAINT)
    Image.new("RGB", (2, 2), (255, 255, 255)).save(tmp_path / "wall.png")
    path = tmp_path / "a.obj"
    path.write_text(QUADS)
    found = imported(path, meters=0.01)
    assert [p for p in found.paths() if "Materials" not in p] == [
        "/Plant",
        "/Plant/Pump_1",
        "/Plant/Pump_1/Casing",
        "/Plant/Pump_1/Lid",
        "/Plant/Pump_1/Lid/Blue",
        "/Plant/Pump_1/Lid/Nowhere",
        "/Plant/Pipe",
    ]
    casing = found.stage.GetPrimAtPath("/Plant/Pump_1/Casing")
    assert list(casing.GetAttribute("faceVertexCounts").Get()) == [4]  # not cut into triangles
    assert [tuple(v) for v in casing.GetAttribute("primvars:st").Get()] == [(0, 0), (1, 0), (1, 1), (0, 0)]
    assert [tuple(v) for v in casing.GetAttribute("normals").Get()] == [(0, 0, 1)] * 4
    lid = [(0, 0, 0), (100, 0, 0), (0, 0, 50)]
    assert kit.close(found.world("/Plant/Pump_1/Lid"), lid)
    assert found.colour("/Plant/Pump_1/Casing") == (1, 0, 0)
    assert found.colour("/Plant/Pump_1/Lid/Blue") == (0, 0, 1)
    assert found.stage.GetPrimAtPath("/Plant/Pipe").GetTypeName() == "BasisCurves"
    assert UsdGeom.GetStageMetersPerUnit(found.stage) == 0.01
    assert UsdGeom.GetStageUpAxis(found.stage) == "Y"
    assert [sentence for sentence in found.report["assumed"] if "--units" in sentence] == []
    assert found.dropped() == {"materials that are described nowhere": 1, "textures map_ks": 1}
    assert len(found.report["pictures"]) == 1


@pytest.mark.parametrize(
    "corner", ["1 2 3", "1/1 2/1 3/1", "1//1 2//1 3//1", "1/1/1 2/1/1 3/1/1", "1 2/1 3//1"]
)
def test_corners_of_every_kind_are_read(imported, tmp_path, corner) -> None:
    path = tmp_path / "a.obj"
    path.write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\nf {corner}\n")
    assert imported(path).report["triangles"] == 1


@pytest.mark.parametrize("kind", ["stl", "stl_ascii", "ply", "ply_ascii", "obj"])
def test_the_same_solid_comes_out_of_every_format(imported, kit, tmp_path, kind) -> None:
    path = tmp_path / f"a.{kind.split('_')[0]}"
    if kind == "ply_ascii":
        CUBE.export(path, encoding="ascii")
    else:
        CUBE.export(path, file_type=kind)
    found = imported(path)
    (mesh,) = found.prims("Mesh")
    assert kit.close(found.world(str(mesh.GetPath())), CUBE.vertices)
    assert found.report["triangles"] == 12
    points = np.array(mesh.GetAttribute("points").Get())
    faces = np.array(mesh.GetAttribute("faceVertexIndices").Get()).reshape(-1, 3)
    assert trimesh.Trimesh(points, faces).volume == pytest.approx(6.0)  # and its faces look outwards


@pytest.mark.parametrize("binary", [True, False])
def test_colours_of_points_come_over_as_linear_ones(imported, tmp_path, binary) -> None:
    solid = CUBE.copy()
    solid.visual.vertex_colors = np.tile([255, 188, 0, 128], (8, 1))
    path = tmp_path / "a.ply"
    solid.export(path, encoding="binary" if binary else "ascii")
    found = imported(path)
    (mesh,) = found.prims("Mesh")
    assert np.allclose(mesh.GetAttribute("primvars:displayColor").Get()[0], (1, 0.503, 0), atol=1e-3)
    assert mesh.GetAttribute("primvars:displayOpacity").Get()[0] == pytest.approx(128 / 255)


def test_a_cloud_of_points_comes_over_as_points(imported, tmp_path) -> None:
    path = tmp_path / "a.ply"
    trimesh.PointCloud(np.random.default_rng(1).random((50, 3))).export(path)
    found = imported(path)
    (points,) = found.prims("Points")
    assert len(points.GetAttribute("points").Get()) == 50
    assert found.report["triangles"] == 0


def test_faces_of_different_length_in_a_binary_ply_are_kept(imported, tmp_path) -> None:
    head = (
        b"ply\nformat binary_big_endian 1.0\nelement vertex 5\nproperty double x\nproperty double y\n"
        b"property double z\nelement face 2\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1)], ">f8").tobytes()
    quad = b"\x04" + np.array([0, 1, 2, 3], ">i4").tobytes()
    triangle = b"\x03" + np.array([0, 1, 4], ">i4").tobytes()
    (tmp_path / "a.ply").write_bytes(head + points + quad + triangle)
    found = imported(tmp_path / "a.ply")
    (mesh,) = found.prims("Mesh")
    assert list(mesh.GetAttribute("faceVertexCounts").Get()) == [4, 3]
    assert list(mesh.GetAttribute("faceVertexIndices").Get()) == [0, 1, 2, 3, 0, 1, 4]


def test_solids_of_a_text_stl_keep_their_names_and_share_points(imported, tmp_path) -> None:
    facet = (
        "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex {0} 0 0\nvertex 0 {0} 0\nendloop\nendfacet\n"
    )
    text = "".join(
        f"solid {n}\n{facet.format(s)}{facet.format(-s)}endsolid {n}\n" for n, s in (("A", 1), ("B", 2))
    )
    (tmp_path / "a.stl").write_text(text)
    found = imported(tmp_path / "a.stl")
    assert found.paths() == ["/Plant", "/Plant/A", "/Plant/B"]
    assert len(found.stage.GetPrimAtPath("/Plant/A").GetAttribute("points").Get()) == 5
    assert UsdGeom.GetStageMetersPerUnit(found.stage) == 0.001


def test_colours_of_a_binary_stl_come_over(imported, tmp_path) -> None:
    rows = np.zeros(1, [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
    rows["corners"] = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    rows["extra"] = 0x8000 | (31 << 10)
    (tmp_path / "a.stl").write_bytes(
        b"solid but binary".ljust(80) + np.array([1], "<u4").tobytes() + rows.tobytes()
    )
    found = imported(tmp_path / "a.stl")
    (mesh,) = found.prims("Mesh")
    assert tuple(mesh.GetAttribute("primvars:displayColor").Get()[0]) == (1, 0, 0)


PLY = (
    "ply\nformat {}\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n{}end_header\n"
)
BAD = {
    "empty.obj": b"",
    "no points.obj": b"o A\nf 1 2 3\n",
    "words.obj": b"v a b c\nf 1 1 1\n",
    "corner.obj": b"v 0 0 0\nf x y z\n",
    "no faces.obj": b"v 0 0 0\n",
    "text.stl": b"solid a\nfacet\nvertex 1 2 x\n",
    "two corners.stl": b"solid a\nvertex 1 2 3\nvertex 1 2 3\n",
    "short.stl": b"\0" * 80 + b"\xff\xff\xff\x7f",
    "head only.stl": b"\0" * 30,
    "no head.ply": b"plyx",
    "no end.ply": b"ply\nformat ascii 1.0\n",
    "promises.ply": PLY.format("ascii 1.0", 10**12, "").encode(),
    "format.ply": PLY.format("morse 1.0", 1, "").encode() + b"0 0 0",
    "ends.ply": PLY.format("binary_little_endian 1.0", 9, "").encode() + b"\0" * 40,
    "property.ply": PLY.format("ascii 1.0", 1, "property complex q\n").encode(),
    "list.ply": PLY.format(
        "ascii 1.0", 1, "element face 1\nproperty list uchar int vertex_indices\n"
    ).encode()
    + b"0 0 0 250 1",
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_is_refused_in_words(imported, tmp_path, name) -> None:
    path = tmp_path / name
    path.write_bytes(BAD[name])
    with pytest.raises(SceneFault, match=r"damaged|empty|nothing that can be shown") as caught:
        imported(path)
    assert caught.value.where == str(path)
    assert "Error" not in caught.value.what


def test_materials_outside_the_folder_are_not_read(imported, tmp_path) -> None:
    (tmp_path / "secret.mtl").write_text("newmtl A\nKd 1 0 0\n")
    folder = tmp_path / "in"
    folder.mkdir()
    text = "mtllib ../secret.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl A\nf 1 2 3\n"
    (folder / "a.obj").write_text(text)
    found = imported(folder / "a.obj")
    assert found.dropped() == {
        "material libraries that are not there": 1,
        "materials that are described nowhere": 1,
    }


def test_a_format_that_nobody_reads_names_those_that_are(tmp_path) -> None:
    with pytest.raises(SceneFault, match=r"no importer for '\.fbx'") as caught:
        importer.chosen(tmp_path / "a.fbx", ImporterContext())
    for suffix in (".glb", ".gltf", ".obj", ".stl", ".ply", ".ifc", ".step", ".stp"):
        assert suffix in caught.value.remedy


@settings(max_examples=60, deadline=None)
@given(data=st.data(), which=st.sampled_from(["a.obj", "a.ply", "b.ply", "a.stl", "b.stl"]))
def test_bytes_changed_at_random_give_a_mesh_or_a_fault(tmp_path_factory, data, which) -> None:
    """No reader raises anything but a SceneFault through the border of its process."""
    makers = {"obj": obj, "ply": ply, "stl": stl}
    kind = which.split(".")[1]
    ways = {"a.ply": {"encoding": "ascii"}, "b.ply": {}, "a.obj": {}, "a.stl": {}, "b.stl": {}}[which]
    whole = CUBE.export(file_type="stl_ascii" if which == "b.stl" else kind, **ways)
    content = bytearray(whole.encode() if isinstance(whole, str) else whole)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / f"a.{kind}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    reader = makers[kind].make(ImporterContext())
    with contextlib.suppress(SceneFault):
        importer.read(reader, path)
