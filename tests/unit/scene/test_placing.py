"""A scene put into another: by a layer of ours that says nothing else, and taken out without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, Usd, UsdGeom

from armillary.model.fault import SceneFault
from armillary.scene import opinions
from armillary.scene.placing import added, removed

HERE = {"translate": (0.0, 0.0, 0.0), "rotate_x": 0.0, "scale": 1.0, "as_payload": False}


def add(text: str, prim: str, asset: str = "./skid.usda", **more: object) -> str:
    return added(text, prim, asset, **{**HERE, **more})  # type: ignore[arg-type]


def layer_of(text: str) -> Sdf.Layer:
    layer = Sdf.Layer.CreateAnonymous("composed.usda")
    assert layer.ImportFromString(text)
    return layer


def test_a_scene_stands_where_it_was_put_fitted_in_unit_and_up_axis(tmp_path: Path) -> None:
    (tmp_path / "skid.usda").write_text(
        '#usda 1.0\n(\n    defaultPrim = "Skid"\n)\n'
        'def Xform "Skid"\n{\n    def Cube "Tank"\n    {\n    }\n}\n'
    )
    text = add("", "/Plant/Hall/Skid2", translate=(1.0, 2.0, 3.0), rotate_x=90.0, scale=0.001)
    path = tmp_path / "composed.usda"
    path.write_text(text)
    stage = Usd.Stage.Open(str(path))
    tank = stage.GetPrimAtPath("/Plant/Hall/Skid2/Tank")
    assert tank.IsValid()
    place = UsdGeom.Xformable(tank).ComputeLocalToWorldTransform(Usd.TimeCode.Default())
    assert [round(v, 6) for v in place.Transform((0, 1000, 0))] == [1.0, 2.0, 4.0], "up is up, mm are metres"


def test_two_scenes_go_in_and_out_and_nothing_is_left() -> None:
    one = add("", "/Plant/A")
    two = add(one, "/Plant/B", as_payload=True)
    layer = layer_of(two)
    assert layer.GetPrimAtPath("/Plant").specifier == Sdf.SpecifierOver
    assert layer.GetPrimAtPath("/Plant/B").payloadList.prependedItems[0].assetPath == "./skid.usda"
    assert removed(two, "/Plant/B") == one
    assert removed(one, "/Plant/A") == ""


def test_what_else_the_layer_says_stays() -> None:
    own = '#usda 1.0\n\nover "Plant" (\n    variants = {\n        string load = "full"\n    }\n)\n{\n}\n\n'
    both = add(own, "/Plant/A")
    assert 'string load = "full"' in both
    assert layer_of(removed(both, "/Plant/A")).ExportToString() == layer_of(own).ExportToString()


@pytest.mark.parametrize(
    ("text", "prim", "words"),
    [
        ("", "Plant", "no path"),
        ("", "/", "needs a name"),
        ("", "/Plant/A.x", "no path"),
        ('#usda 1.0\nover "Plant"\n{\n}\n', "/Plant", "already"),
        ('#usda 1.0\nover "Plant" {', "/Plant/A", "cannot be read"),
    ],
)
def test_what_cannot_be_is_said(text: str, prim: str, words: str) -> None:
    with pytest.raises(SceneFault, match=words):
        add(text, prim)
    with pytest.raises(SceneFault):
        removed(text, "/Nothing")


def test_the_layer_is_told_as_rows_that_can_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "composed.usda"
    path.write_text(add("", "/Plant/A", scale=2.0))
    rows = {(prim, what): value for prim, what, value in opinions.read(str(path))}
    assert rows["/Plant/A", ""] == "def Xform"
    assert rows["/Plant/A", "references"] == "@./skid.usda@"
    assert rows["/Plant/A", "xformOp:scale"] == "(2, 2, 2)"
    assert ("/Plant", "") not in rows, "an over alone says nothing"
