"""`[[position]]` of project.toml: what it names has to be there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.model.position import PositionSpec
from armillary.project.folder import read

HEAD = """[project]
schema = 1
id = "x"
name = "n"
[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1"
[area.north]
sources = ["site"]
"""


def project(folder: Path, text: str) -> Path:
    (folder / "project.toml").write_text(HEAD + text)
    twins = [{"id": "LINE-2", "tags": {"flow": {"address": "site!a#v"}}}]
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}))
    return folder


def test_a_position_has_areas_and_assets(tmp_path: Path) -> None:
    text = '[[position]]\nname = "north"\ntitle = "North desk"\nareas = ["north"]\nassets = ["LINE-2"]\n'
    assert read(project(tmp_path, text)).positions == (
        PositionSpec(name="north", title="North desk", areas=("north",), assets=("LINE-2",)),
    )
    assert read(project(tmp_path, "")).positions == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a"\nareas = ["nort"]', "names no area 'nort'"),
        ('name = "a"\nassets = ["LINE-3"]', "names no twin 'LINE-3'"),
        ('name = "a"', "answers for nothing"),
        ('name = "a b"\nareas = ["north"]', "cannot be a position's name"),
        ('name = "a"\nareas = ["north"]\nfor = 1', "for"),
    ],
)
def test_a_position_that_cannot_be_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ProjectFault, match=said):
        read(project(tmp_path, f"[[position]]\n{text}\n"))


def test_two_positions_of_one_name_are_refused(tmp_path: Path) -> None:
    one = '[[position]]\nname = "a"\nareas = ["north"]\n'
    with pytest.raises(ProjectFault, match="two positions 'a'"):
        read(project(tmp_path, one + one))
