from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects

SOURCE = '\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:9"\ncommands = true\n'
TAG = {"address": "plc!nsu=urn:x;s=Speed", "unit": "rpm", "writable": True, "write_range": [0.0, 1500.0]}
GOOD = """schema = 1
[[template]]
id = "set_speed"
kind = "setpoint"
target = "plc!nsu=urn:x;s=Speed"
parameter = { name = "speed", unit = "rpm", low = 0.0, high = 1480.0 }
role = "operator"
preconditions = ["good(P-1.speed)", "P-1.speed < 1400"]
read_back = { expression = "P-1.speed", tolerance = 15.0, verify_timeout_s = 20.0 }
two_person = false
[[template]]
id = "start"
kind = "method"
target = "plc!nsu=urn:x;s=Start"
role = "engineer"
[[interlock]]
id = "dry"
targets = ["P-1.speed", "start"]
blocks_when = "P-1.speed > 1450"
text = "Not at this speed."
[[policy]]
id = "halt-line-2"
template = "start"
loop = "halt_line_2"
max_per_hour = 1
expires = 2026-12-31T00:00:00Z
signatures = []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = projects.new(tmp_path / "plant", "Plant")
    path = project.folder / "project.toml"
    path.write_text(path.read_text() + SOURCE)
    twins = {"schema": 1, "twins": [{"id": "P-1", "tags": {"speed": TAG}}], "relationships": []}
    (project.folder / "twins.json").write_text(json.dumps(twins))
    return project.folder


def test_templates_and_interlocks_are_read_with_their_tag(folder: Path) -> None:
    (folder / "commands.toml").write_text(GOOD)
    project = projects.read(folder)
    speed, start = project.templates
    assert (speed.tag, speed.link, speed.address) == ("P-1.speed", "plc", "nsu=urn:x;s=Speed")
    assert speed.parameter is not None
    assert (speed.parameter.high, speed.parameter.unit) == (1480.0, "rpm")
    assert speed.read_back is not None
    assert speed.read_back.verify_timeout_s == 20.0
    assert (start.kind, start.tag, start.role) == ("method", "", "engineer")
    assert project.interlocks[0].targets == ("P-1.speed", "start")
    assert speed.origin == "commands.toml:2"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("preconditions", "preconditons", r"commands\.toml:\d+.*Did you mean 'preconditions'"),
        ("blocks_when", "block_when", r"commands\.toml:\d+"),
        ('kind = "setpoint"', 'kind = "set"', "Did you mean 'setpoint'"),
        ('role = "operator"', 'role = "admin"', "none of operator, engineer"),
        ('unit = "rpm"', 'unit = "Hz"', "that of 'P-1.speed' is 'rpm'"),
        ("high = 1480.0", "high = -1.0", "needs limits"),
        ('target = "plc!nsu=urn:x;s=Start"', 'target = "pcl!x"', "Did you mean 'plc'"),
        ('targets = ["P-1.speed"', 'targets = ["P-1.sped"', "Did you mean 'P-1.speed'"),
        ("P-1.speed < 1400", "P-9.speed < 1400", r"commands\.toml:\d+"),
        ("P-1.speed < 1400", "__import__('os')", r"commands\.toml:\d+"),
        ('id = "start"', 'id = "set_speed"', "is taken"),
        ('kind = "method"', 'kind = "stop"', "one fixed value"),
        ("max_per_hour", "max_per_day", r"Did you mean 'max_per_hour'"),
        ("schema = 1\n", "schema = [\n", "cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_line(folder: Path, old: str, new: str, text: str) -> None:
    (folder / "commands.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ProjectFault, match=text):
        projects.read(folder)


def test_a_stop_may_call_a_method_and_nothing_else_says_that_it_does(folder: Path) -> None:
    stop = GOOD.replace('kind = "method"', 'kind = "stop"\nmethod = true\nvalue = 1', 1)
    (folder / "commands.toml").write_text(stop)
    assert projects.read(folder).templates[1].calls
    (folder / "commands.toml").write_text(
        GOOD.replace('kind = "method"', 'kind = "method"\nmethod = true', 1)
    )
    with pytest.raises(ProjectFault, match="'method' is not known here"):
        projects.read(folder)
