"""`armillary procedure export`: files that a phone opens, from a scene that stays as it is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from armillary.cli import run
from armillary.project import folder as projects

pytestmark = pytest.mark.system
SCENE = """#usda 1.0
(
  upAxis = "Z"
  metersPerUnit = 1
  defaultPrim = "Plant"
)
def Xform "Plant" {
  def Cube "Pump" {
    double size = 1
  }
}
"""
PROCEDURE = """\
schema = 1
id = "swap"
title = "Swap it"
[[step]]
id = "one"
text = "Take it off."
prim = "/Plant/Pump"
"""


def test_a_procedure_is_listed_and_handed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "plant", tmp_path / "out"
    folder.mkdir()
    scene = folder / "scene.usda"
    scene.write_text(SCENE, "utf-8")
    projects.new(folder, "Plant", scene)
    file = folder / "procedures" / "swap.toml"
    file.parent.mkdir()
    file.write_text(PROCEDURE, "utf-8")
    assert run(["procedure", "list", str(folder), "--json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["procedures"]] == ["swap"]
    assert run(["procedure", "export", str(folder), "swap", "-o", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in out.iterdir()) == sorted(told["files"])
    with zipfile.ZipFile(out / "swap.usdz") as held:
        assert {info.compress_type for info in held.infolist()} == {zipfile.ZIP_STORED}
    assert (out / "swap-01.png").read_bytes().startswith(b"\x89PNG")
    assert 'rel="ar"' in (out / "swap.html").read_text("utf-8")
    assert scene.read_text("utf-8") == SCENE
    assert run(["procedure", "export", str(folder), "swap", "-o", str(out)]) == 2
    assert "there already" in capsys.readouterr().err
