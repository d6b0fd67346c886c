"""glTF: places, names, instances, materials, pictures, what is left out, and files that lie."""

import base64
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import UsdGeom, UsdShade

from armillary.model.fault import SceneFault

FLAT = np.array(((0, 0, 0), (1, 0, 0), (0, 1, 0)), float)


def moved(x: float, y: float, z: float) -> np.ndarray:
    """Return the triangle at another place."""
    return FLAT + np.array((x, y, z), float)


def png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(out, "PNG")
    return out.getvalue()


def test_nodes_stand_where_the_file_places_them(imported, kit, tmp_path: Path) -> None:
    half = 0.5**0.5
    made = kit.triangle(
        nodes=[
            {"name": "Line", "translation": [10, 0, 0], "children": [1, 2]},
            {"name": "Turned", "rotation": [0, 0, half, half], "scale": [2, 2, 2], "mesh": 0},
            {"name": "Placed", "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 7, 0, 1], "children": [3]},
            {"name": "Deep", "translation": [0, 0, 1], "mesh": 1},
        ],
        scenes=[{"nodes": [0]}],
    )
    made.document["meshes"].append(made.document["meshes"][0])
    found = imported(made.glb(tmp_path / "a.glb"))
    assert kit.close(found.world("/Plant/Line/Turned"), [(10, 0, 0), (10, 2, 0), (8, 0, 0)])
    assert kit.close(found.world("/Plant/Line/Placed/Deep"), moved(10, 7, 1))
    assert UsdGeom.GetStageUpAxis(found.stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(found.stage) == 1.0


def test_a_mesh_of_many_nodes_is_written_once_and_each_node_is_an_instance(imported, kit, tmp_path) -> None:
    made = kit.triangle(
        nodes=[{"name": "Bolt", "mesh": 0, "translation": [i, 0, 0]} for i in range(5)],
        scenes=[{"nodes": [*range(5)]}],
    )
    found = imported(made.glb(tmp_path / "a.glb"), suffix=".usdc")
    instances = [p for p in found.stage.Traverse() if p.IsInstance()]
    assert [p.GetName() for p in instances] == ["Bolt", "Bolt_2", "Bolt_3", "Bolt_4", "Bolt_5"]
    assert len(found.stage.GetPrototypes()) == 1
    assert found.report["instances"] == 5
    assert found.report["triangles"] == 5
    assert found.report["points"] == 3
    assert kit.close(found.world("/Plant/Bolt_4/Tri"), moved(3, 0, 0))


def test_copies_of_the_instancing_extension_are_instances(imported, kit, tmp_path) -> None:
    made = kit.triangle(scenes=[{"nodes": [0]}])
    places = made.accessor([(0, 0, 0), (0, 5, 0), (0, 9, 0)], "<f4")
    given = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}
    made.document["nodes"] = [{"name": "Row", "mesh": 0, "translation": [1, 0, 0], "extensions": given}]
    found = imported(made.glb(tmp_path / "a.glb"))
    assert found.report["instances"] == 3
    assert kit.close(found.world("/Plant/Row/Tri_1/Tri"), moved(1, 5, 0))


def test_names_become_valid_and_unique_and_are_shown_as_they_were(imported, kit, tmp_path) -> None:
    names = ["Pump 1", "Pump/1", "1st", "Größe", "", "Pump 1", "Materials"]
    made = kit.triangle(nodes=[{"name": name, "mesh": 0} for name in names])
    made.document["meshes"] += [made.document["meshes"][0]] * 6
    for i, node in enumerate(made.document["nodes"]):
        node["mesh"] = i
    made.document["materials"] = [{"name": "Paint"}]
    found = imported(made.glb(tmp_path / "a.glb"))
    children = found.stage.GetPrimAtPath("/Plant").GetChildren()
    shown = {p.GetName(): p.GetDisplayName() for p in children}
    assert shown == {
        "Materials": "",
        "Pump_1": "Pump 1",
        "Pump_1_2": "Pump/1",
        "_1st": "1st",
        "Größe": "",
        "Tri": "",
        "Pump_1_3": "Pump 1",
        "Materials_2": "Materials",
    }


def test_primitives_become_one_mesh_with_a_subset_for_each_material(imported, kit, tmp_path) -> None:
    made = kit.triangle(nodes=[{"name": "Part", "mesh": 0}])
    first = made.document["meshes"][0]["primitives"][0]
    further = {"attributes": {"POSITION": made.accessor(moved(5, 5, 5), "<f4")}}
    made.document["meshes"][0]["primitives"] = [{**first, "material": 0}, {**further, "material": 1}]
    made.document["materials"] = [
        {"name": "Red", "pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1], "roughnessFactor": 0.25}},
        {
            "name": "Glass",
            "alphaMode": "BLEND",
            "doubleSided": False,
            "pbrMetallicRoughness": {"baseColorFactor": [0, 0, 1, 0.25]},
        },
    ]
    found = imported(made.glb(tmp_path / "a.glb"))
    assert found.colour("/Plant/Part/Red") == (1, 0, 0)
    assert found.colour("/Plant/Part/Glass") == (0, 0, 1)
    subset = UsdGeom.Subset(found.stage.GetPrimAtPath("/Plant/Part/Glass"))
    assert list(subset.GetIndicesAttr().Get()) == [1]
    surface = UsdShade.Shader(found.stage.GetPrimAtPath("/Plant/Materials/Glass/Surface"))
    assert surface.GetInput("opacity").Get() == 0.25
    assert surface.GetInput("metallic").Get() == 1.0  # what glTF takes where nothing is said


@pytest.mark.parametrize("how", ["view", "uri", "file"])
def test_pictures_are_copied_and_found_by_the_layer(imported, kit, tmp_path, how) -> None:
    made = kit.triangle(nodes=[{"mesh": 0}])
    data = png((0, 255, 0))
    (tmp_path / "paint.png").write_bytes(data)
    image = {
        "view": lambda: {"bufferView": made.view(data), "mimeType": "image/png", "name": "paint"},
        "uri": lambda: {"uri": f"data:image/png;base64,{base64.b64encode(data).decode()}", "name": "paint"},
        "file": lambda: {"uri": "paint.png"},
    }[how]()
    primitive = made.document["meshes"][0]["primitives"][0]
    primitive["attributes"]["TEXCOORD_0"] = made.accessor([(0, 0), (1, 0), (0, 1)], "<f4")
    primitive["material"] = 0
    made.document |= {
        "images": [image],
        "samplers": [{"wrapS": 33071}],
        "textures": [{"source": 0, "sampler": 0}],
        "materials": [{"name": "M", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
    }
    found = imported(made.glb(tmp_path / "a.glb"))
    texture = UsdShade.Shader(found.stage.GetPrimAtPath("/Plant/Materials/M/diffuseColorTexture"))
    asset = texture.GetInput("file").Get()
    assert asset.path == "./Plant_textures/paint.png"
    assert Path(asset.resolvedPath).read_bytes() == data
    assert texture.GetInput("wrapS").Get() == "clamp"
    st = found.prims("Mesh")[0].GetAttribute("primvars:st").Get()
    assert [tuple(v) for v in st] == [(0, 1), (1, 1), (0, 0)]  # USD counts from below
    assert found.report["pictures"] == [str(tmp_path / "out" / "Plant_textures" / "paint.png")]


def test_strips_fans_strides_sparse_and_normalized_numbers_are_read(imported, kit, tmp_path) -> None:
    made = kit.Gltf()
    square = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]
    rows = np.zeros(4, [("at", "<f4", 3), ("colour", "u1", 4)])
    rows["at"], rows["colour"] = square, (255, 0, 0, 255)
    view = made.view(rows.tobytes(), byteStride=16)
    at = {"bufferView": view, "componentType": 5126, "count": 4, "type": "VEC3"}
    bytes_of = {"componentType": 5121, "type": "VEC4", "normalized": True}
    colour = {"bufferView": view, "byteOffset": 12, "count": 4, **bytes_of}
    made.document["accessors"] += [at, colour]
    changed = made.view(np.array([(5, 5, 0)], "<f4").tobytes())
    which = made.view(np.array([3], "<u2").tobytes())
    rows_of = {"bufferView": which, "componentType": 5123}
    sparse = {"count": 1, "indices": rows_of, "values": {"bufferView": changed}}
    made.document["accessors"].append({**at, "sparse": sparse})
    fan = made.accessor([0, 1, 3, 2], "|u1")
    made.document["meshes"] = [
        {"name": "Strip", "primitives": [{"mode": 5, "attributes": {"POSITION": 0, "COLOR_0": 1}}]},
        {"name": "Fan", "primitives": [{"mode": 6, "attributes": {"POSITION": 2}, "indices": fan}]},
        {"name": "Wire", "primitives": [{"mode": 2, "attributes": {"POSITION": 0}}]},
        {"name": "Cloud", "primitives": [{"mode": 0, "attributes": {"POSITION": 0}}]},
    ]
    made.document["nodes"] = [{"mesh": i} for i in range(4)]
    found = imported(made.glb(tmp_path / "a.glb"))
    strip = found.stage.GetPrimAtPath("/Plant/Strip")
    assert list(strip.GetAttribute("faceVertexIndices").Get()) == [0, 1, 2, 1, 3, 2]
    assert {tuple(c) for c in strip.GetAttribute("primvars:displayColor").Get()} == {(1, 0, 0)}
    fanned = found.stage.GetPrimAtPath("/Plant/Fan")
    assert list(fanned.GetAttribute("faceVertexIndices").Get()) == [0, 1, 3, 0, 3, 2]
    assert kit.close(found.world("/Plant/Fan"), [*square[:3], (5, 5, 0)])
    wire = found.stage.GetPrimAtPath("/Plant/Wire")
    assert wire.GetTypeName() == "BasisCurves"
    assert list(wire.GetAttribute("curveVertexCounts").Get()) == [5]
    assert found.stage.GetPrimAtPath("/Plant/Cloud").GetTypeName() == "Points"


def test_what_does_not_come_over_is_counted(imported, kit, tmp_path) -> None:
    made = kit.triangle(
        nodes=[{"mesh": 0}],
        animations=[{"name": "Spin"}, {}],
        skins=[{}],
        cameras=[{}],
        extensionsUsed=["KHR_lights_punctual", "KHR_materials_clearcoat"],
        extensions={"KHR_lights_punctual": {"lights": [{}, {}, {}]}},
        scenes=[{"nodes": [0]}, {"name": "Other"}],
        images=[{"name": "gone", "uri": "../../etc/passwd"}],
        textures=[{"source": 0}],
        materials=[{"emissiveTexture": {"index": 0}}],
    )
    made.document["meshes"][0]["primitives"][0]["targets"] = [{}]
    found = imported(made.glb(tmp_path / "a.glb"))
    assert found.dropped() == {
        "animations": 2,
        "skins (the shape at rest comes over)": 1,
        "cameras": 1,
        "lights": 3,
        "extension KHR_materials_clearcoat": 1,
        "further scenes": 1,
        "morph targets": 1,
        "pictures that are not there": 1,
    }
    assert not any(p["what"] == "animations" and p["example"] != "Spin" for p in found.report["dropped"])


def test_extras_are_kept_as_facts(imported, kit, tmp_path) -> None:
    made = kit.triangle(nodes=[{"name": "P", "mesh": 0, "extras": {"tag": "P-101", "kW": 5.5, "deep": {}}}])
    found = imported(made.glb(tmp_path / "a.glb"))
    prim = found.stage.GetPrimAtPath("/Plant/P")
    assert prim.GetCustomDataByKey("imported") == {"tag": "P-101", "kW": "5.5"}


def test_points_far_from_the_origin_keep_their_shape(imported, kit, tmp_path) -> None:
    made = kit.triangle(nodes=[{"name": "Far", "mesh": 0}])
    made.document["accessors"] = []
    given = {"POSITION": made.accessor(moved(4_500_000, 0, 0), "<f4")}
    made.document["meshes"] = [{"primitives": [{"attributes": given}]}]
    found = imported(made.glb(tmp_path / "a.glb"))
    own = np.array(found.stage.GetPrimAtPath("/Plant/Far").GetAttribute("points").Get())
    assert np.abs(own).max() <= 1
    assert kit.close(found.world("/Plant/Far"), moved(4_500_000, 0, 0))


def broken(name: str, kit: object) -> object:
    """Return a document with one lie."""
    made = kit.triangle(nodes=[{"name": "A", "mesh": 0}])  # type: ignore[attr-defined]
    document = made.document
    accessor = document["accessors"][0]
    match name:
        case "past the end":
            accessor["count"] = 4
        case "huge":
            accessor["count"] = 2**40
        case "negative":
            accessor["byteOffset"] = -4
        case "no such view":
            accessor["bufferView"] = 9
        case "no such mesh":
            document["nodes"][0]["mesh"] = 5
        case "circle":
            document["nodes"] = [{"children": [1], "mesh": 0}, {"children": [0]}]
            document["scenes"] = [{"nodes": [0]}]
        case "deep":
            document["nodes"] = [{"children": [i + 1]} for i in range(999)] + [{"mesh": 0}]
        case "draco":
            document["extensionsRequired"] = ["KHR_draco_mesh_compression"]
        case "version":
            document["asset"]["version"] = "1.0"
        case "types":
            document["nodes"] = {"a": 1}
        case "matrix":
            document["nodes"][0]["matrix"] = [1, 2, 3]
        case "nothing":
            document["nodes"] = []
        case "escape":
            document["bufferViews"][0]["buffer"] = 1
    return made


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("past the end", r"accessors\[0\] reaches past the end"),
        ("huge", r"asks for 1,099,511,627,776 items"),
        ("negative", "byteOffset is -4"),
        ("no such view", r"bufferViews\[9\] is not there"),
        ("no such mesh", r"meshes\[5\] is not there"),
        ("circle", "two parents, or is its own"),
        ("deep", "nested more than 250 deep"),
        ("draco", "compressed by KHR_draco_mesh_compression"),
        ("version", r"glTF '1\.0', not 2"),
        ("types", "'nodes' is no list"),
        ("matrix", "has 3 numbers"),
        ("nothing", "nothing that can be shown"),
        ("escape", r"buffers\[1\] is not there"),
    ],
)
def test_a_file_that_lies_is_refused_in_words(imported, kit, tmp_path, name, words) -> None:
    path = broken(name, kit).glb(tmp_path / "a.glb")  # type: ignore[attr-defined]
    with pytest.raises(SceneFault, match=words) as caught:
        imported(path)
    assert caught.value.where.startswith(str(path)) or name == "nothing"


@pytest.mark.parametrize("size", [0, 4, 15, 40, 300])
def test_a_truncated_file_is_refused(imported, kit, tmp_path, size) -> None:
    path = kit.triangle(nodes=[{"mesh": 0}]).glb(tmp_path / "a.glb")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SceneFault, match=r"empty|damaged"):
        imported(path)


def test_faces_with_points_that_are_not_there_are_left_out_and_counted(imported, kit, tmp_path) -> None:
    made = kit.triangle(nodes=[{"name": "A", "mesh": 0}])
    wrong = [0, 1, 2, 0, 1, 99, 2, 1, 4_000_000_000]
    made.document["meshes"][0]["primitives"][0]["indices"] = made.accessor(wrong, "<u4")
    found = imported(made.glb(tmp_path / "a.glb"))
    assert found.report["triangles"] == 1
    assert found.dropped() == {"faces with too few corners, or points that are not there": 2}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_points_that_are_nowhere_are_left_out(imported, kit, tmp_path, value) -> None:
    made = kit.triangle(nodes=[{"name": "A", "mesh": 0}])
    rows = np.concatenate((FLAT, FLAT))
    rows[5] = value
    made.document["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = made.accessor(rows, "<f4")
    found = imported(made.glb(tmp_path / "a.glb"))
    assert found.report["triangles"] == 1
    assert np.isfinite(found.world("/Plant/A")).all()


def test_json_nested_too_deep_is_refused(imported, tmp_path) -> None:
    path = tmp_path / "deep.gltf"
    path.write_bytes(b'{"asset":' * 200_000)
    with pytest.raises(SceneFault, match="JSON"):
        imported(path)


def test_a_buffer_of_another_folder_is_refused(imported, kit, tmp_path) -> None:
    made = kit.triangle(nodes=[{"mesh": 0}])
    (tmp_path / "blob.bin").write_bytes(made.blob)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "blob.bin")
    for uri in ("../blob.bin", str(tmp_path / "blob.bin"), "link.bin", "file:///etc/passwd", "/dev/zero"):
        made.document["buffers"] = [{"uri": uri, "byteLength": len(made.blob)}]
        (folder / "a.gltf").write_text(json.dumps(made.document))
        with pytest.raises(SceneFault, match="not in the folder"):
            imported(folder / "a.gltf")
    (folder / "own.bin").write_bytes(made.blob)
    made.document["buffers"] = [{"uri": "own.bin", "byteLength": len(made.blob)}]
    (folder / "a.gltf").write_text(json.dumps(made.document))
    assert imported(folder / "a.gltf").report["triangles"] == 1


def test_a_chunk_longer_than_the_file_is_refused(imported, tmp_path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(struct.pack("<4sIIII", b"glTF", 2, 20, 2**31, 0x4E4F534A))
    with pytest.raises(SceneFault, match="past its end"):
        imported(path)
