"""The shipped project: its twins fit the plant, its bindings fit the scene, and the script writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.model.places import data
from armillary.project import folder
from armillary.project.record import Project
from armillary.scene import sidecar
from armillary.session import twin_model
from armillary_plugins.demo_plant import messages, plant
from armillary_plugins.demo_plant.signals import NAMESPACE, SIGNALS
from armillary_plugins.demo_plant.station import Station

FOLDER = data("scenes/pumping-station")
TARGETS = {
    "displayColor", "displayOpacity", "visibility", "emissiveColor", "translate", "rotate", "scale", "spin",
    "level", "label", "variant", "highlight",
}  # fmt: skip


@pytest.fixture(scope="module")
def project() -> Project:
    return folder.read(FOLDER)


@pytest.fixture(scope="module")
def stage():  # type: ignore[no-untyped-def]  # pxr ships no types
    from pxr import Usd

    return Usd.Stage.Open(str(FOLDER / "scene.usda"))


def test_the_project_reads_without_a_finding_and_has_over_120_tags(project: Project) -> None:
    assert project.problems == ()
    assert len(project.specs) >= 120
    assert {link.kind for link in project.links} == {"opcua", "mqtt"}
    assert sum(spec.writable for spec in project.specs) >= 10


def test_every_node_of_the_server_is_a_tag_and_every_tag_a_node(project: Project) -> None:
    nodes = {spec.address for spec in project.specs if spec.link == "ctl-ua"}
    assert nodes == {f"nsu={NAMESPACE};s={signal.name}" for signal in SIGNALS}


def test_every_mqtt_tag_finds_its_value_in_what_is_published(project: Project) -> None:
    import json

    station, said = Station(1), {}
    for _ in range(20):
        station.step()
        said.update({topic: json.loads(payload) for topic, payload in messages.due(station, 1)})
    for spec in project.specs:
        if not spec.link.endswith("mqtt"):
            continue
        topic, _, path = spec.address.partition("#")
        value = said[topic]
        for step in filter(None, path.removeprefix("$").split(".")):
            value = value[step]
        assert isinstance(value, float | int | bool), spec.name
        assert bool(spec.time_path) == bool(path)


def test_the_scene_has_what_a_plant_has(stage) -> None:  # type: ignore[no-untyped-def]
    from pxr import Usd, UsdGeom

    assert stage.GetCompositionErrors() == []
    prims = list(Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies(Usd.PrimAllPrimsPredicate)))
    assert len(prims) >= 150
    types = {prim.GetTypeName() for prim in prims}
    assert {
        "Mesh",
        "Cube",
        "Cylinder",
        "Cone",
        "Capsule",
        "Sphere",
        "Camera",
        "PointInstancer",
        "Material",
    } <= types
    assert sum(prim.IsInstance() for prim in prims) >= 50
    assert any(prim.HasPayload() for prim in prims)
    assert sum(bool(prim.GetVariantSets().GetNames()) for prim in prims) >= 2
    purposes = {UsdGeom.Imageable(p).ComputePurpose() for p in prims if p.IsA(UsdGeom.Gprim)}
    assert purposes == {"default", "render", "proxy", "guide"}
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert stage.GetPrimAtPath("/Station/Cameras/Overview").GetTypeName() == "Camera"


def test_all_geometry_holds_together(stage) -> None:  # type: ignore[no-untyped-def]
    """Indices in range, finite points, unit normals: what the loader may rely on."""
    import numpy as np
    from pxr import Usd, UsdGeom

    for prim in Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies()):
        if prim.GetTypeName() != "Mesh":
            continue
        mesh = UsdGeom.Mesh(prim)
        points = np.array(mesh.GetPointsAttr().Get())
        index = np.array(mesh.GetFaceVertexIndicesAttr().Get())
        count = np.array(mesh.GetFaceVertexCountsAttr().Get())
        normal = np.array(mesh.GetNormalsAttr().Get())
        path = str(prim.GetPath())
        assert np.isfinite(points).all(), path
        assert count.sum() == len(index), path
        assert index.min() >= 0, path
        assert index.max() < len(points) == len(normal), path
        assert np.abs(np.linalg.norm(normal, axis=1) - 1.0).max() < 0.02, path


def test_faces_look_to_where_their_normals_point(stage) -> None:  # type: ignore[no-untyped-def]
    import numpy as np
    from pxr import Usd, UsdGeom

    for prim in stage.Traverse(Usd.PrimDefaultPredicate):
        if prim.GetTypeName() != "Mesh":
            continue
        mesh = UsdGeom.Mesh(prim)
        points, normals = (
            np.array(mesh.GetPointsAttr().Get(), float),
            np.array(mesh.GetNormalsAttr().Get(), float),
        )
        count = np.array(mesh.GetFaceVertexCountsAttr().Get())
        index = np.array(mesh.GetFaceVertexIndicesAttr().Get())
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        corner = points[np.stack([index[first], index[first + 1], index[first + 2]], axis=1)]
        face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        size = np.linalg.norm(face, axis=1)
        real = size > 1e-9  # a triangle at a pole has no area
        agree = np.einsum("fi,fi->f", face, normals[index[first + 1]])[real] / size[real]
        assert (agree > 0).mean() > 0.98, str(prim.GetPath())


def test_every_twin_and_every_binding_has_its_prim(project: Project, stage) -> None:  # type: ignore[no-untyped-def]
    for twin in project.twins:
        assert stage.GetPrimAtPath(twin.prim), f"{twin.id}: {twin.prim}"
    bindings, problems = sidecar.read([str(FOLDER / "bindings.usda")])
    assert problems == ()
    names = {spec.name for spec in project.specs}
    for binding in bindings:
        assert stage.GetPrimAtPath(binding.prim), binding.where
        assert binding.signal in names, binding.where


def test_the_bindings_use_every_target_and_every_kind_of_map() -> None:
    bindings, _ = sidecar.read([str(FOLDER / "bindings.usda")])
    assert {binding.channel for binding in bindings} == TARGETS | {"flow"}
    assert {binding.map.kind for binding in bindings} >= {"none", "linear", "steps", "states", "expr"}
    assert len({binding.id for binding in bindings}) == len(bindings)


def test_variants_that_bindings_choose_exist(stage) -> None:  # type: ignore[no-untyped-def]
    bindings, _ = sidecar.read([str(FOLDER / "bindings.usda")])
    chosen = [binding for binding in bindings if binding.channel == "variant"]
    assert chosen
    for binding in chosen:
        choices = stage.GetPrimAtPath(binding.prim).GetVariantSets().GetVariantSet(binding.property_name)
        assert set(binding.map.state_values) == set(choices.GetVariantNames()), binding.where


def test_the_script_writes_the_committed_files_again(tmp_path: Path) -> None:
    script = FOLDER.parent / "pumping_station.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=60, capture_output=True)
    committed = {
        p.relative_to(FOLDER): p.read_bytes() for p in FOLDER.rglob("*.*") if ".armillary" not in p.parts
    }
    hands = {"commands.toml", "loops.toml", "rules.toml", "scenarios", "procedures"}
    by_hand = {p for p in committed if p.parts[0] in hands}
    committed = {p: data for p, data in committed.items() if p not in by_hand}
    again = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.*")}
    assert set(again) == set(committed)
    assert [name for name in committed if committed[name] != again[name]] == []


def test_every_twin_has_a_type_of_the_model_and_is_as_it_says(project: Project) -> None:
    verdict = twin_model.verdict_of(project)
    assert verdict is not None
    assert verdict.findings == ()
    assert all(twin.model and all(part.model for part in twin.components) for twin in project.twins)
    assert twin_model.findings(project) == []


def test_prepare_writes_a_project_with_its_own_ports(tmp_path: Path) -> None:
    made = plant.make().prepare(tmp_path / "demo", {"broker": 21883, "opcua": 24840, "simulator": 1})
    read = folder.read(made)
    urls = {link.name: link.url for link in read.links}
    assert urls == {
        "ctl-ua": "opc.tcp://127.0.0.1:24840",
        "cond-mqtt": "mqtt://127.0.0.1:21883",
        "skid-mqtt": "mqtt://127.0.0.1:21883",
    }


def test_prepare_names_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProjectFault, match="cannot be written"):
        plant.make().prepare(tmp_path / "file" / "demo", {"broker": 1, "opcua": 2})


def test_an_unknown_part_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ProjectFault, match="broker, opcua, simulator"):
        plant.make().serve("sparkplug", tmp_path, {}, 1, lambda: None)
