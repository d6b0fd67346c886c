"""`[forward]` of project.toml: read, and every mistake named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.project import folder as projects

TEXT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11"
name = "north"
[[source]]
name = "devices"
kind = "mqtt"
url = "mqtt://127.0.0.1"
[[source]]
name = "up"
kind = "mqtt"
url = "mqtt://broker.example"
[forward]
"""


def examined(folder: Path, forward: str, address: str = "devices!d/x") -> list[str]:
    (folder / "project.toml").write_text(TEXT + forward)
    twins = {"schema": 1, "twins": [{"id": "a", "tags": {"x": {"address": address}}}]}
    (folder / "twins.json").write_text(json.dumps(twins))
    _, found = projects.examine(folder)
    return [f"{p.code} {p.where} {p.what} {p.remedy}" for p in found if p.severity == "error"]


def test_an_edge_is_read_with_its_defaults(tmp_path: Path) -> None:
    assert examined(tmp_path, 'link = "up"\ntopic = "edge/north"\n') == []
    forward = projects.read(tmp_path / "project.toml").forward
    assert forward is not None
    assert (forward.link, forward.topic, forward.format) == ("up", "edge/north", "json")
    assert (forward.store_mb, forward.store_days, forward.late_per_s) == (256, 7.0, 5_000)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ('topic = "edge/north"', "P03 project.toml:13 'link' is missing."),
        ('link = "upp"\ntopic = "e"', "B05 project.toml:14 There is no source 'upp'. Did you mean 'up'?"),
        ('link = "up"\ntopic = "e/#"', "P02 project.toml:15 'e/#' cannot be the topic of an edge."),
        ('link = "up"\ntopic = "e"\nstor_mb = 4', "P04 project.toml:16 The key 'stor_mb' is not known here."),
        ('link = "up"\ntopic = "e"\nstor_mb = 4', "Did you mean 'store_mb'?"),
        ('link = "up"\ntopic = "e"\nformat = "xml"', "'format' is 'xml', which is none of json, cbor."),
        ('link = "up"\ntopic = "e"\nstore_mb = 0', "Give a number between 1 and 65536."),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, forward: str, said: str) -> None:
    found = examined(tmp_path, forward)
    assert any(said in one for one in found), found


def test_the_way_up_brings_no_tags(tmp_path: Path) -> None:
    (found,) = examined(tmp_path, 'link = "up"\ntopic = "edge/north"', "up!d/x")
    assert found.startswith("P48 project.toml:14 Tags come from 'up', which is the way up of the edge.")


def test_a_project_without_it_is_no_edge(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text(TEXT.removesuffix("[forward]\n"))
    assert projects.read(tmp_path).forward is None
