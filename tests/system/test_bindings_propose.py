"""`armillary bindings propose` on a project on disk: proposals with reasons; only bindings are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.cli.bindings import bindings

SCENE = """#usda 1.0
(
    defaultPrim = "Plant"
    metersPerUnit = 1
    upAxis = "Z"
)

def Xform "Plant"
{
    def Xform "Pump_101A"
    {
        def Cube "Bearing" {
        }
        def Cube "Motor" {
        }
    }
    def Cube "XV_12" {
    }
}
"""
PROJECT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11"
name = "Small"

[scene]
entry = "scene.usda"
bindings = "bindings.usda"

[model]
twins = "twins.json"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:1"
"""


def tags(names: dict[str, str]) -> dict[str, dict[str, str]]:
    return {key: {"address": f"site!x/{key}", "unit": unit} for key, unit in names.items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "scene.usda").write_text(SCENE)
    (folder / "project.toml").write_text(PROJECT)
    twins = [
        {"id": "P-101A", "tags": tags({"bearing_temp": "°C", "motor_current": "A"})},
        {"id": "XV-12", "tags": tags({"position": "%"})},
        {"id": "Zaphod", "tags": tags({"value": ""})},
    ]
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}))
    return folder


@pytest.mark.system
def test_tags_are_proposed_and_written_to_the_binding_layer_alone(project: Path) -> None:
    scene, twins = (project / "scene.usda").read_bytes(), (project / "twins.json").read_bytes()
    told = CliRunner().invoke(bindings, ["propose", str(project), "--json"], standalone_mode=False)
    answer = json.loads(told.stdout)
    assert [(p["tag"], p["prim"], p["channel"]) for p in answer["proposals"]] == [
        ("XV-12.position", "/Plant/XV_12", "rotate"),
        ("P-101A.bearing_temp", "/Plant/Pump_101A/Bearing", "displayColor"),
        ("P-101A.motor_current", "/Plant/Pump_101A/Motor", "displayColor"),
    ]
    assert all(p["score"] > 0.8 and p["reasons"] for p in answer["proposals"])
    assert answer["unmatched"] == ["Zaphod.value"]
    assert not (project / "bindings.usda").exists()
    wish = ["--use", "Zaphod.value=/Plant/Pump_101A/Motor", "--not", "P-101A.bearing_temp"]
    told = CliRunner().invoke(bindings, ["propose", str(project), *wish, "--json"], standalone_mode=False)
    mine = json.loads(told.stdout)  # a line's tag is corrected: the motor is another tag's
    assert [(p["tag"], p["prim"]) for p in mine["proposals"]] == [
        ("Zaphod.value", "/Plant/Pump_101A/Motor"),
        ("XV-12.position", "/Plant/XV_12"),
    ]
    assert set(mine["unmatched"]) == {"P-101A.bearing_temp", "P-101A.motor_current"}
    told = CliRunner().invoke(
        bindings, ["propose", str(project), "--tags", "P-101A*", "--apply"], standalone_mode=False
    )
    assert "2 bindings written." in told.stdout
    assert "P-101A.bearing_temp" in (project / "bindings.usda").read_text()
    assert (project / "scene.usda").read_bytes() == scene
    assert (project / "twins.json").read_bytes() == twins


@pytest.mark.system
def test_a_template_of_one_pump_is_applied_to_another_and_updated(project: Path) -> None:
    """Runs after the proposals were written: P-101A's bearing and motor are bound."""
    folder, run = str(project), CliRunner().invoke
    told = run(
        bindings,
        ["template", "make", folder, "pump", "/Plant/Pump_101A", "--twin", "P-101A"],
        standalone_mode=False,
    )
    assert "template pump with 2 bindings" in told.stdout
    file = project / "binding-templates.toml"
    file.write_text(file.read_text().replace('colormap = "heat"', 'colormap = "level"', 1))
    told = run(bindings, ["template", "update", folder, "--yes", "--json"], standalone_mode=False)
    answer = json.loads(told.stdout)
    assert [(c["kind"], c["prim"]) for c in answer["changes"]] == [("changed", "/Plant/Pump_101A/Bearing")]
    assert answer["written"]
    assert "heat" not in (project / "bindings.usda").read_text()
    told = run(bindings, ["template", "list", folder, "--json"], standalone_mode=False)
    [one] = json.loads(told.stdout)["templates"]
    assert (one["id"], one["instances"], one["behind"]) == ("pump", 1, 0)


@pytest.mark.system
@pytest.mark.scale
def test_a_template_with_alarms_and_a_trend_goes_to_parts_without_a_twin(project: Path) -> None:
    folder, run = str(project), CliRunner().invoke
    (project / "rules.toml").write_text(
        'schema = 1\n[[alarm]]\nid = "XV-12-LO"\ntag = "XV-12.position"\nlimit = 5.0\ndirection = "below"\n'
        'title = "XV-12 is shut"\nconsequence = "No flow"\noperator_action = "Open XV-12"\n'
    )
    words = [
        "make",
        folder,
        "valve",
        "/Plant/XV_12",
        "--twin",
        "XV-12",
        "--alarms",
        "--trend",
        "Way=position",
    ]
    told = run(bindings, ["template", *words, "--parameter", "least=5"], standalone_mode=False)
    assert "template valve with 0 bindings, 1 alarms, 1 trends" in told.stdout
    words = ["apply", folder, "valve", "--prim", "/Plant/Pump_101A/Motor", "--tags", "Zaphod"]
    told = run(bindings, ["template", *words, "--yes", "--json"], standalone_mode=False)
    [change] = json.loads(told.stdout)["changes"]
    assert (change["kind"], change["name"]) == ("missing", "alarm Zaphod-LO")  # Zaphod.position is no tag
    assert change["why"] == "There is no tag Zaphod.position."
    twins = json.loads((project / "twins.json").read_text())
    twins["twins"][-1]["tags"]["position"] = {"address": "site!x/zp", "unit": "%"}
    (project / "twins.json").write_text(json.dumps(twins))
    told = run(bindings, ["template", "update", folder, "--yes"], standalone_mode=False)
    assert "0 bindings written, 1 alarms." in told.stdout
    rules = (project / "rules.toml").read_text()
    assert 'id = "Zaphod-LO"' in rules
    assert 'operator_action = "Open Zaphod"' in rules
    told = run(bindings, ["template", "update", folder, "--yes"], standalone_mode=False)
    assert "nothing to change" in told.stdout
