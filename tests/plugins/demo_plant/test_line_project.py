"""The shipped packaging line: twins that fit the plant, bindings that fit the scene, and their script."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from armillary.model.places import data
from armillary.project import alarm_lint, folder
from armillary.project.record import Project
from armillary.scene import sidecar
from armillary_plugins.demo_plant.line import plant
from armillary_plugins.demo_plant.line.signals import LINE, NAMESPACE, PACKING, SIGNALS

FOLDER = data("scenes/packaging-line")


@pytest.fixture(scope="module")
def project() -> Project:
    return folder.read(FOLDER)


def test_the_project_reads_without_a_finding_and_every_signal_is_a_tag(project: Project) -> None:
    assert project.problems == ()
    nodes = {spec.address for spec in project.specs if spec.link == "line-ua"}
    assert nodes == {f"nsu={NAMESPACE};s={signal.name}" for signal in SIGNALS}
    for link, told in (("line-mqtt", LINE), ("pack-spb", PACKING)):
        addresses = {spec.address for spec in project.specs if spec.link == link}
        assert addresses == {f"{one.topic}#$.{one.path}" for one in told}
    assert sum(spec.link == "pack-spb" for spec in project.specs) == 96


def test_the_rule_of_the_founding_document_stands_as_it_is_written() -> None:
    rules = tomllib.loads((FOLDER / "rules.toml").read_text("utf-8"))["alarm"]
    (rule,) = [each for each in rules if each["id"] == "O210-Z2-HTT"]
    assert rule == {
        "id": "O210-Z2-HTT",
        "tag": "TT-212",
        "kind": "count",
        "limit": 85.0,
        "direction": "above",
        "count": 5,
        "deadband": 1.0,
        "priority": 1,
        "latching": True,
        "action": "halt_line_2",
        "consequence": "Product scorched; belt fire above 110 °C",
        "operator_action": "Halt line 2, open the damper, check burner BV-212",
        "time_to_respond_s": 120,
    }


def test_alarms_are_about_80_15_5_and_none_has_a_finding(project: Project) -> None:
    count = Counter(alarm.priority for alarm in project.alarms)
    whole = len(project.alarms)
    assert 0.70 <= count[4] / whole <= 0.85
    assert 0.10 <= count[3] / whole <= 0.20
    assert (count[2], count[1]) == (1, 1)
    assert alarm_lint.findings(project.alarms) == []


def test_every_binding_finds_its_prim_and_its_tag(project: Project) -> None:
    from pxr import Usd

    stage = Usd.Stage.Open(str(FOLDER / "scene.usda"))
    assert stage.GetCompositionErrors() == []
    bindings, problems = sidecar.read([str(FOLDER / "bindings.usda")])
    assert list(problems) == []
    tags = {spec.name for spec in project.specs}
    for binding in bindings:
        assert stage.GetPrimAtPath(binding.prim).IsValid(), binding.where
        assert binding.signal in tags, binding.where
    assert {
        "translate",
        "rotate",
        "spin",
        "visibility",
        "displayColor",
        "emissiveColor",
        "label",
        "flow",
    } <= {binding.channel for binding in bindings}


def test_a_copy_has_the_ports_of_its_servers(tmp_path: Path) -> None:
    ports = {"broker": 1111, "packing-broker": 2222, "opcua": 3333, "simulator": 0}
    made = plant.make().prepare(tmp_path / "line", ports)
    urls = {link.name: link.url for link in folder.read(made).links}
    assert urls == {
        "line-mqtt": "mqtt://127.0.0.1:1111",
        "pack-spb": "mqtt://127.0.0.1:2222",
        "line-ua": "opc.tcp://127.0.0.1:3333",
    }


def test_the_script_writes_what_is_shipped(tmp_path: Path) -> None:
    script = FOLDER.parent / "packaging_line.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=60)
    for made in sorted(tmp_path.rglob("*.*")):
        if made.is_file():
            shipped = FOLDER / made.relative_to(tmp_path)
            assert made.read_bytes() == shipped.read_bytes(), made.name
