"""Whether a layer holds time samples is told the same for texts, crates, packages and layers in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, UsdUtils

from armillary.scene.samples import has_samples

STILL = '#usda 1.0\n(\n    defaultPrim = "W"\n)\ndef Cube "W"\n{\n    double size = 2\n}\n'
MOVING = STILL.replace("double size = 2", "double size.timeSamples = {\n        0: 1,\n        5: 2,\n    }")


@pytest.mark.parametrize(("text", "moves"), [(STILL, False), (MOVING, True)])
@pytest.mark.parametrize("suffix", ["usda", "usdc", "usd", "usdz", ""])
def test_a_layer_of_any_kind_tells_whether_it_holds_samples(
    tmp_path: Path, text: str, moves: bool, suffix: str
) -> None:
    made = Sdf.Layer.CreateAnonymous("s.usda")
    made.ImportFromString(text)
    path = tmp_path / f"scene.{suffix}"
    if suffix == "usdz":
        made.Export(str(tmp_path / "inner.usda"))
        assert UsdUtils.CreateNewUsdzPackage(str(tmp_path / "inner.usda"), str(path))
    elif suffix:
        made.Export(str(path))
    layer = Sdf.Layer.FindOrOpen(str(path)) if suffix else made
    assert has_samples(layer) is moves
