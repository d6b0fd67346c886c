"""`armillary export --live`: the picture of a running world as one flattened USD layer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pxr import Usd, UsdGeom
from stations import Station

from armillary.cli import run

pytestmark = pytest.mark.system


def colours(path: Path) -> dict[str, tuple[float, ...]]:
    stage = Usd.Stage.Open(str(path))
    out = {}
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Gprim):
            value = UsdGeom.Gprim(prim).GetDisplayColorAttr().Get()
            if value:
                out[str(prim.GetPath())] = tuple(value[0])
    return out


def test_the_colours_of_a_running_world_are_baked_into_a_layer(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = str(station.plant.project)
    plain, live = tmp_path / "plain.usdc", tmp_path / "live.usdc"
    assert run(["export", project, "-o", str(plain)]) == 0
    capsys.readouterr()
    assert run(["export", project, "--live", "-o", str(live), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["coloured"] > 0
    assert told["t"]
    before, after = colours(plain), colours(live)
    differs = [path for path, rgb in after.items() if before.get(path) != rgb]
    assert len(differs) >= told["coloured"] // 2
    stage = Usd.Stage.Open(str(live))
    assert [layer for layer in stage.GetUsedLayers() if layer.realPath] == [stage.GetRootLayer()]  # flat
    assert run(["export", project, "--live", "-o", str(live)]) == 2  # it is there already
    assert "there already" in capsys.readouterr().err
