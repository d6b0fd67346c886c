"""Of a tag that comes irregularly is asked once what proves it alive; the answer is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.clock import NS
from armillary.model.tags import TagSpec
from armillary.project import folder as projects
from armillary.session.liveness import answer, question
from armillary.session.mirror import Mirror
from armillary.session.undo import Undo

NOW = 1_750_000_000 * NS
PROJECT = """
[project]
schema = 1
id = "0c1f6a52-52d1-4a55-9d8e-2f4f6f1c0b98"
name = "P"
version = "1"

[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1:1883"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.toml").write_text(PROJECT)
    tags = {"mode": {"address": "site!p/mode#v"}}
    twins = {"schema": 1, "twins": [{"id": "P-1", "tags": tags}], "relationships": []}
    (tmp_path / "twins.json").write_text(json.dumps(twins))
    return tmp_path


def read(folder: Path) -> tuple[TagSpec, Mirror]:
    (spec,) = projects.read(folder).specs
    mirror = Mirror(1)
    mirror.learnt[0] = (40_000, 2_000)
    return spec, mirror


def test_an_irregular_tag_is_asked_about_with_its_figures(folder: Path) -> None:
    spec, mirror = read(folder)
    assert spec.interval == "default"
    assert "often every 2 s, at times only after 40 s" in question(spec, mirror)
    mirror.learnt[0] = (2_500, 2_000)
    assert question(spec, mirror) == ""
    mirror.learnt.clear()
    assert question(spec, mirror) == ""


@pytest.mark.parametrize(
    ("by_device", "liveness", "expected_ms"), [(True, "device", 0), (False, "tag", 40_000)]
)
def test_an_answer_is_written_down_and_not_asked_again(
    folder: Path, by_device: bool, liveness: str, expected_ms: int
) -> None:
    spec, mirror = read(folder)
    undo = Undo()
    told = answer(folder, undo, spec, mirror, NOW, by_device=by_device)
    assert told.startswith("Saved: Change P-1.mode")
    again, _ = read(folder)
    assert (again.liveness, again.expected_ms) == (liveness, expected_ms)
    if not by_device:
        assert again.interval == "engineer"
    assert question(again, Mirror(1)) == ""
