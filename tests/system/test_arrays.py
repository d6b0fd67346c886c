"""Lists of values from a real broker and a real OPC UA server to the vertices that a desk shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from byhand import Desk
from tests.plugins.mqtt.conftest import MOSQUITTO, Broker
from tests.plugins.opcua.plant import PlantServer, free_port

from armillary.model.link import LinkState
from armillary.model.message import AskBetween, Enroll, Enrolled, Samples
from armillary.model.quality import BAD, GOOD, STALE, rank
from armillary.session.workspace import WorldState
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system

PLATE = """
    def Mesh "{name}"
    {{
        point3f[] points = [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (1, 1, 0), (2, 1, 0)]
        int[] faceVertexCounts = [4, 4]
        int[] faceVertexIndices = [0, 1, 4, 3, 1, 2, 5, 4]
    }}
"""
SCENE = f"""#usda 1.0
(
    defaultPrim = "W"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "W"
{{
{PLATE.format(name="A")}
{PLATE.format(name="B")}
    def Cube "Agv"
    {{
    }}
}}
"""
POSE = """
    over "Agv" (
        prepend apiSchemas = ["TwinBindingAPI:where"]
    )
    {
        uniform string twin:where:signal = "skin.pose"
        uniform token twin:where:channel = "transform"
        uniform int twin:where:schemaVersion = 1
    }
"""
BINDING = """
    over "{name}" (
        prepend apiSchemas = ["TwinBindingAPI:skin"]
    )
    {{
        uniform string twin:skin:signal = "{tag}"
        uniform token twin:skin:channel = "primvar"
        uniform token twin:skin:colormap = "heat"
        uniform double2 twin:skin:range = (0, 100)
        uniform int twin:skin:schemaVersion = 1
    }}
"""
A, B = "/W/A", "/W/B"


@dataclass
class Plant:
    """A broker, a server and a desk with its world and recorder."""

    broker: Broker
    server: PlantServer
    desk: Desk
    recorder: str

    def publish(self, values: object) -> None:
        self.broker.publish(("skin", json.dumps({"v": values}).encode()))

    def shown(self, path: str) -> tuple[list[float], int]:
        """What a mesh shows: the value at each point of the file, and its rank."""
        at = self.desk.workspace
        look, scene = at.look, at.scene
        if look is None or scene is None or look.fields is None:
            return [], -1
        prim = scene.prim_path.index(path)
        own = scene.point_prim[look.fields.point] == prim
        out = np.full(int(scene.vertices[prim]), np.nan)
        out[scene.point_vertex[look.fields.point[own]]] = look.field_value[own] * 100.0
        return np.round(out, 2).tolist(), int(look.state[prim]) & 0x0F

    def until(self, path: str, values: list[float], state: int = GOOD, limit_s: float = 15.0) -> None:
        self.desk.until(lambda: self.shown(path) == (values, state), limit_s, f"{path} shows {values}")


def _up(desk: Desk) -> set[str]:
    return {link.name for link in desk.workspace.links if link.state is LinkState.UP}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, own_home: Path) -> Iterator[Plant]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp("skin")
    broker, server = Broker(folder), PlantServer(free_port())
    desk = Desk()
    try:
        broker.start()
        server.start()
        project = folder / "project"
        project.mkdir()
        (project / "scene.usda").write_text(SCENE)
        layer = "".join(BINDING.format(name=n, tag=t) for n, t in (("A", "skin.mqtt"), ("B", "skin.ua")))
        (project / "bindings.usda").write_text(f'#usda 1.0\nover "W"\n{{\n{layer}{POSE}\n}}\n')
        (project / "project.toml").write_text(
            '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a78"\nname = "Skin"\n'
            '[scene]\nentry = "scene.usda"\nbindings = "bindings.usda"\n[model]\ntwins = "twins.json"\n'
            f'[[source]]\nname = "site"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:{broker.port}"\n'
            f'[[source]]\nname = "plc"\nkind = "opcua"\nurl = "{server.url}"\n'
        )
        tags = {
            "pose": {"address": "site!pose", "kind": "struct", "expected_interval_s": 0},
            "mqtt": {"address": "site!skin#v", "kind": "array", "unit": "°C", "stale_after_s": 3.0},
            "ua": {
                "address": "plc!nsu=urn:armillary:test;s=Tank1.Curve",
                "kind": "array",
                "liveness": "link",
            },
        }
        twins = {"schema": 1, "twins": [{"id": "skin", "tags": tags}], "relationships": []}
        (project / "twins.json").write_text(json.dumps(twins))
        desk.workspace.open(str(project))
        desk.until(lambda: desk.workspace.world_state is WorldState.LIVE, 40.0, "live")
        desk.until(lambda: desk.workspace.scene is not None, 40.0, "scene shown")
        desk.until(lambda: _up(desk) == {"site", "plc"}, 20.0, "both links")
        yield Plant(broker, server, desk, recorder_address(project))
    finally:
        desk.workspace.close()
        server.kill()
        broker.end()


def test_a_list_published_by_mqtt_colours_each_vertex_and_goes_grey_when_it_is_stale(plant: Plant) -> None:
    plant.publish([0, 10, 20, 30, 40, None])
    plant.desk.until(lambda: plant.shown(A)[0][:5] == [0, 10, 20, 30, 40], 15.0, "the list is shown")
    assert np.isnan(plant.shown(A)[0][5])
    plant.publish([50, 40, 30, 20, 10, 100])
    plant.until(A, [50, 40, 30, 20, 10, 100])
    plant.desk.until(lambda: plant.shown(A)[1] == STALE, 10.0, "it is stale")
    assert np.isnan(plant.shown(A)[0]).all()


def test_a_list_of_a_server_s_array_node_colours_its_mesh(plant: Plant) -> None:
    plant.server.tell(write=["Curve", [5.0, 15.0, 25.0, 35.0, 45.0, 55.0]])
    plant.until(B, [5, 15, 25, 35, 45, 55])
    plant.server.tell(write=["Curve", [55.0, 45.0, 35.0, 25.0, 15.0, 5.0]])
    plant.until(B, [55, 45, 35, 25, 15, 5])


def test_a_list_that_does_not_fit_is_told_with_both_lengths_until_it_fits(plant: Plant) -> None:
    plant.publish([1, 2, 3])
    at = plant.desk.workspace

    def told() -> list[str]:
        return [p.what for p in at.problems if p.code == "B22" and p.where.endswith("/W/A#skin")]

    plant.desk.until(lambda: bool(told()), 15.0, "the finding")
    assert told() == ["/W/A has 6 points, the list skin.mqtt 3 values."]
    assert plant.shown(A)[1] == BAD
    plant.publish([1, 2, 3, 4, 5, 6])
    plant.until(A, [1, 2, 3, 4, 5, 6])
    assert told() == []


def test_a_message_that_is_no_list_makes_the_tag_bad(plant: Plant) -> None:
    plant.publish("warm")
    at = plant.desk.workspace
    slot = next(s.slot for s in at.specs if s.name == "skin.mqtt")
    plant.desk.until(lambda: int(rank(at.mirror.table.quality[[slot]])[0]) == BAD, 15.0, "the tag is bad")
    assert plant.shown(A)[1] == BAD


def test_the_recorder_keeps_what_the_text_tells_of_a_list(plant: Plant) -> None:
    plant.publish([1, 2, 3, 4, 5, 66.5])
    plant.until(A, [1, 2, 3, 4, 5, 66.5])
    line = Line(plant.recorder)
    try:
        enrolled = line.ask(Enroll(tags=("skin.mqtt",), units=("°C",)), timeout_s=20)
        assert isinstance(enrolled, Enrolled)
        for _ in range(50):
            now_ns = plant.desk.clock.now_ns()
            got = line.ask(AskBetween(ids=enrolled.ids, from_ns=0, to_ns=now_ns), timeout_s=20)
            assert isinstance(got, Samples)
            texts = list(got.batch.text.values())
            if "6 values, 1 to 66.5" in texts:
                break
            threading.Event().wait(0.1)
        assert "6 values, 1 to 66.5" in texts
        assert not got.batch.array
    finally:
        line.close()


def test_a_pose_published_as_json_moves_its_prim(plant: Plant) -> None:
    at = plant.desk.workspace

    def place() -> list[float]:
        look, scene = at.look, at.scene
        assert look is not None
        assert scene is not None
        rows = np.flatnonzero(look.moved == scene.prim_path.index("/W/Agv"))
        return np.round(look.matrix[rows[0], :3, 3], 3).tolist() if len(rows) else []

    for x in (1.5, 4.0):
        plant.broker.publish(("pose", json.dumps({"x": x, "y": 2, "z": 3, "yaw": 90}).encode()))
        plant.desk.until(lambda: place() == [x, 2.0, 3.0], 15.0, "the prim stands there")  # noqa: B023
