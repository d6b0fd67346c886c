"""Bindings of other tools in a scene's customData, and a root layer for other tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Usd, UsdGeom

from armillary.model.fault import SceneFault
from armillary.scene import carried

THREE = """#usda 1.0

def Xform "Plant"
{
    def Cube "Oven"
    {
        double temperature = 20 (
            customData = {
                dictionary mqtt = {
                    string broker = "broker.site:1884"
                    string topic = "oven/1"
                    string jsonPath = "$.t"
                    string unit = "Cel"
                    int refreshInterval = 500
                }
            }
        )
        double load = 0 (
            customData = {
                dictionary binding = {
                    string protocol = "mqtt"
                    string uri = "mqtts://broker.site"
                    string topic = "oven/2"
                    string jsonPath = "data.load"
                }
            }
        )
        bool door = 0 (
            customData = {
                string binding_protocol = "mqtt"
                string binding_uri = "mqtt://broker.site:1884"
                string binding_topic = "oven/3"
                string binding_jsonPath = ""
            }
        )
        double plain = 1 (
            customData = { string note = "nothing" }
        )
    }
}
"""


def test_the_three_spellings_are_found_on_any_attribute(tmp_path: Path) -> None:
    (tmp_path / "a.usda").write_text(THREE)
    found = carried.read(str(tmp_path / "a.usda"))["rows"]
    assert {(row["attribute"], row["spelling"], row["fields"]["topic"]) for row in found} == {
        ("temperature", "mqtt", "oven/1"),
        ("load", "binding", "oven/2"),
        ("door", "flat", "oven/3"),
    }
    assert {row["prim"] for row in found} == {"/Plant/Oven"}


def test_what_is_no_layer_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.usda").write_text("no")
    with pytest.raises(SceneFault):
        carried.read(str(tmp_path / "a.usda"))


def test_a_twin_for_other_tools_keeps_the_stage_metadata_and_the_scene_untouched(tmp_path: Path) -> None:
    scene = tmp_path / "scene.usda"
    scene.write_text(
        '#usda 1.0\n(\n    defaultPrim = "W"\n    metersPerUnit = 0.001\n    upAxis = "Z"\n'
        '    timeCodesPerSecond = 30\n    startTimeCode = 1\n    endTimeCode = 9\n)\ndef Xform "W"\n{\n}\n'
    )
    before = scene.read_bytes()
    above = tmp_path / "bindings.usda"
    above.write_text('#usda 1.0\nover "W"\n{\n    custom string said = "x"\n}\n')
    carried.write_twin(str(scene), (str(above),), str(tmp_path / "twin.usda"))
    stage = Usd.Stage.Open(str(tmp_path / "twin.usda"))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 0.001
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert (stage.GetTimeCodesPerSecond(), stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (30, 1, 9)
    assert stage.GetDefaultPrim().GetAttribute("said").Get() == "x"
    assert scene.read_bytes() == before
