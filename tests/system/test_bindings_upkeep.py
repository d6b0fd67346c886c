"""A project whose scene is exported anew: the command line tells, finds and mends, with scene readers."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from armillary.cli.bindings import bindings
from armillary.cli.scenes import check
from armillary.model.binding import Binding
from armillary.project import folder as projects
from armillary.scene import author

_CUBE = """def Cube "{name}" {{
    double3 xformOp:translate = ({x}, 0, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
}}
"""


def scene(group: str, names: list[str]) -> str:
    cubes = "".join(_CUBE.format(name=name, x=3 * i) for i, name in enumerate(names))
    head = '#usda 1.0\n(\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n'
    return f'{head}def Xform "{group}"\n{{\n{cubes}}}\n'


def run(command, *args: str) -> tuple[int, dict]:
    result = CliRunner().invoke(command, [*args, "--json"], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, json.loads(result.output)


def test_what_was_bound_is_mended_after_a_new_export(tmp_path: Path) -> None:
    at = tmp_path / "plant"
    projects.new(at, "plant")
    (at / "scene.usda").write_text(scene("Plant", ["A", "B", "C"]))
    twins = [{"id": "a", "prim": "/Plant/A", "tags": {"t": {"expression": "1"}, "u": {"expression": "2"}}}]
    (at / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}))
    bound = [Binding(name="t", prim=f"/Plant/{name}", signal="a.t", colormap="heat") for name in "AB"]
    author.save(str(at / "bindings.usda"), bound)
    status, told = run(bindings, "rebind", str(at), "--apply")
    assert (status, told["counts"]) == (0, {"same": 2})
    assert "armillaryPart" in (at / "bindings.usda").read_text()
    (at / "scene.usda").write_text(scene("Hall", ["mesh_1", "mesh_2", "mesh_3"]))
    status, told = run(check, str(at), "--fix")
    assert status == 0, told
    assert {each["code"] for each in told["fixed"]} == {"B04", "P23"}
    assert json.loads((at / "twins.json").read_text())["twins"][0]["prim"] == "/Hall/mesh_1"
