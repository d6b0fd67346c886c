"""A bare scene reaches only its own folder, unless the person names more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.cli import run

pytestmark = pytest.mark.system
PART = '#usda 1.0\ndef Xform "Ball"\n{\n    def Sphere "S"\n    {\n    }\n}\n'
SCENE = '#usda 1.0\ndef "P" (\n    references = @../parts/ball.usda@</Ball>\n)\n{\n}\n'


def test_a_scene_reaches_a_folder_beside_it_only_when_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("parts/ball.usda", PART), ("scene/s.usda", SCENE)):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text, "utf-8")
    scene = str(tmp_path / "scene" / "s.usda")
    assert run(["info", scene, "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["prims"] == 1
    assert alone["problems"]
    assert run(["info", scene, "--root", str(tmp_path), "--json"]) == 0
    reached = json.loads(capsys.readouterr().out)
    assert reached["types"] == {"Sphere": 1, "Xform": 1}
    assert reached["problems"] == []
