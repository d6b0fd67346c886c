"""USDZ handouts: metres, Y up, on the floor, only what was asked for, nothing of the plant's addresses."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pxr import Usd, UsdGeom, UsdShade

from armillary.model.fault import SceneFault
from armillary.scene import handout

SCENE = """#usda 1.0
(
  upAxis = "Z"
  metersPerUnit = 0.01
  defaultPrim = "Plant"
)
def Xform "Plant" {
  def Camera "Eye" {}
  def Scope "Looks" {
    def Material "Red" {
      token outputs:surface.connect = </Plant/Looks/Red/S.outputs:surface>
      def Shader "S" {
        uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor = (1, 0, 0)
        token outputs:surface
      }
    }
  }
  def Xform "Hall" {
    def Xform "Pump" ( customData = { string asset = "secret" } ) {
      double3 xformOp:translate = (500, 200, 100)
      uniform token[] xformOpOrder = ["xformOp:translate"]
      custom string twin:b:address = "ctl!ns=1;s=Secret"
      def Cube "Body" ( prepend apiSchemas = ["MaterialBindingAPI"] ) {
        double size = 100
        rel material:binding = </Plant/Looks/Red>
      }
      def "Copy" (
        instanceable = true
        references = </Plant/Library/Bolt>
      ) {}
    }
    def Cube "Wall" {
      double size = 1000
    }
  }
  def Xform "Library" {
    def Xform "Bolt" {
      def Cube "Head" {
        double size = 10
      }
    }
  }
}
"""


@pytest.fixture
def stage(tmp_path: Path) -> Usd.Stage:
    path = tmp_path / "scene.usda"
    path.write_text(SCENE, "utf-8")
    return Usd.Stage.Open(str(path))


def test_only_the_parts_go_in_with_what_they_wear(stage: Usd.Stage, tmp_path: Path) -> None:
    told = handout.write(stage, tmp_path / "p.usdz", ["/Plant/Hall/Pump"])
    made = Usd.Stage.Open(str(tmp_path / "p.usdz"))
    paths = {str(prim.GetPath()) for prim in made.Traverse()}
    assert "/p/Plant/Hall/Pump/Body" in paths
    assert "/p/Plant/Hall/Pump/Copy/Head" in paths, "instances become plain prims"
    assert not any("Wall" in path or "Eye" in path for path in paths)
    body = made.GetPrimAtPath("/p/Plant/Hall/Pump/Body")
    material, _ = UsdShade.MaterialBindingAPI(body).ComputeBoundMaterial()
    assert str(material.GetPath()) == "/p/Plant/Looks/Red"
    shader, _, _ = material.ComputeSurfaceSource()
    assert shader.GetIdAttr().Get() == "UsdPreviewSurface"
    assert (told["prims"], told["notes"]) == (len(paths), [])


def test_it_stands_on_the_floor_in_metres_with_y_up(stage: Usd.Stage, tmp_path: Path) -> None:
    told = handout.write(stage, tmp_path / "p.usdz", ["/Plant/Hall/Pump"])
    made = Usd.Stage.Open(str(tmp_path / "p.usdz"))
    assert UsdGeom.GetStageUpAxis(made) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(made) == 1.0
    cache = UsdGeom.BBoxCache(Usd.TimeCode.EarliestTime(), ["default", "render"])
    span = cache.ComputeWorldBound(made.GetDefaultPrim()).ComputeAlignedRange()
    assert list(span.GetMin()) == pytest.approx([-0.5, 0.0, -0.5], abs=1e-6)
    assert list(span.GetMax()) == pytest.approx([0.5, 1.0, 0.5], abs=1e-6)
    assert told["metres"] == [1.0, 1.0, 1.0]


def test_what_tells_of_the_plant_stays_out(stage: Usd.Stage, tmp_path: Path) -> None:
    handout.write(stage, tmp_path / "p.usdz", ["/Plant/Hall/Pump"])
    made = Usd.Stage.Open(str(tmp_path / "p.usdz"))
    text = made.GetRootLayer().ExportToString()
    assert "Secret" not in text
    assert "secret" not in text


def test_the_package_is_stored_and_aligned(stage: Usd.Stage, tmp_path: Path) -> None:
    out = tmp_path / "p.usdz"
    handout.write(stage, out, ["/Plant/Hall/Pump"])
    assert handout.checked(out) == ("p.usdc",)
    with zipfile.ZipFile(tmp_path / "bad.usdz", "w", zipfile.ZIP_DEFLATED) as bad:
        bad.writestr("p.usdc", b"x" * 100)
    with pytest.raises(SceneFault, match="compressed, or not at a multiple of 64"):
        handout.checked(tmp_path / "bad.usdz")


def test_neighbours_and_the_whole_scene_go_in_when_asked(stage: Usd.Stage, tmp_path: Path) -> None:
    parts = handout.write(stage, tmp_path / "p.usdz", ["/Plant/Hall/Pump"])
    near = handout.write(stage, tmp_path / "n.usdz", ["/Plant/Hall/Pump"], "near")
    whole = handout.write(stage, tmp_path / "a.usdz", (), "all")
    assert parts["prims"] < near["prims"] < whole["prims"]


def test_the_scene_is_not_touched(stage: Usd.Stage, tmp_path: Path) -> None:
    before = (tmp_path / "scene.usda").read_bytes()
    session = stage.GetSessionLayer().ExportToString()
    handout.write(stage, tmp_path / "p.usdz", ["/Plant/Hall/Pump"])
    assert (tmp_path / "scene.usda").read_bytes() == before
    assert stage.GetSessionLayer().ExportToString() == session
    assert stage.GetPrimAtPath("/Plant/Hall/Pump/Copy").IsInstance()


@pytest.mark.parametrize(
    ("name", "prims", "context", "said"),
    [
        ("p.usda", ["/Plant"], "parts", "no USDZ"),
        ("p.usdz", ["/Nowhere"], "parts", "None of the parts"),
        ("p.usdz", ["/Plant/Eye"], "parts", "no geometry"),
        ("p.usdz", ["/Plant"], "wide", "no context"),
        ("there.usdz", ["/Plant"], "parts", "there already"),
    ],
)
def test_what_cannot_be_packed_is_refused_and_leaves_nothing(
    stage: Usd.Stage, tmp_path: Path, name: str, prims: list[str], context: str, said: str
) -> None:
    (tmp_path / "there.usdz").write_text("mine", "utf-8")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SceneFault, match=said):
        handout.write(stage, tmp_path / name, prims, context)
    assert sorted(tmp_path.iterdir()) == before


def test_too_large_a_package_is_refused(
    stage: Usd.Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handout, "LIGHT_BYTES", 10)
    assert "phones take long" in handout.write(stage, tmp_path / "p.usdz", ["/Plant"])["notes"][0]
    monkeypatch.setattr(handout, "MOST_BYTES", 10)
    with pytest.raises(SceneFault, match="more than 0 MB"):
        handout.write(stage, tmp_path / "q.usdz", ["/Plant"])
