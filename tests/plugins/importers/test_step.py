"""STEP: an assembly with names, places, colours and a part that is used twice."""

from pathlib import Path

import numpy as np
import pytest

from armillary.api import ImporterContext, SceneFault
from armillary_plugins.importers import step

OCP = pytest.importorskip("OCP", reason="the extra `step` is not installed")


@pytest.fixture(scope="module")
def skid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plate with two red bolts, in millimetres."""
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeBox, BRepPrimAPI_MakeCylinder
    from OCP.gp import gp_Trsf, gp_Vec
    from OCP.Quantity import Quantity_Color, Quantity_TypeOfColor
    from OCP.STEPCAFControl import STEPCAFControl_Writer
    from OCP.TCollection import TCollection_ExtendedString
    from OCP.TDataStd import TDataStd_Name
    from OCP.TDocStd import TDocStd_Document
    from OCP.TopLoc import TopLoc_Location
    from OCP.XCAFDoc import XCAFDoc_ColorType, XCAFDoc_DocumentTool

    document = TDocStd_Document(TCollection_ExtendedString("XmlOcaf"))
    shapes = XCAFDoc_DocumentTool.ShapeTool_s(document.Main())
    colours = XCAFDoc_DocumentTool.ColorTool_s(document.Main())

    def named(label: object, name: str) -> object:
        TDataStd_Name.Set_s(label, TCollection_ExtendedString(name))
        return label

    def at(x: float, y: float, z: float) -> object:
        moved = gp_Trsf()
        moved.SetTranslation(gp_Vec(x, y, z))
        return TopLoc_Location(moved)

    whole = named(shapes.NewShape(), "Skid")
    bolt = named(shapes.AddShape(BRepPrimAPI_MakeCylinder(5, 20).Shape(), False), "Bolt M10")
    red = Quantity_Color(1, 0, 0, Quantity_TypeOfColor.Quantity_TOC_sRGB)
    colours.SetColor(bolt, red, XCAFDoc_ColorType.XCAFDoc_ColorGen)
    plate = named(shapes.AddShape(BRepPrimAPI_MakeBox(100, 100, 10).Shape(), False), "Plate")
    shapes.AddComponent(whole, plate, at(0, 0, 0))
    for i, place in enumerate(((20, 20, 10), (80, 80, 10))):
        named(shapes.AddComponent(whole, bolt, at(*place)), f"Bolt {i}")
    shapes.UpdateAssemblies()
    writer = STEPCAFControl_Writer()
    writer.SetNameMode(True)
    writer.SetColorMode(True)
    assert writer.Transfer(document)
    path = tmp_path_factory.mktemp("step") / "skid.step"
    writer.Write(str(path))
    return path


def test_an_assembly_comes_over_with_places_names_and_colours(imported, skid) -> None:
    found = imported(skid)
    bolts = ["/Plant/Skid/Bolt_0", "/Plant/Skid/Bolt_1"]
    assert all(found.stage.GetPrimAtPath(path).IsInstance() for path in bolts)
    points = found.world(f"{bolts[1]}/Bolt_M10")
    assert np.allclose((points.min(axis=0), points.max(axis=0)), ((75, 75, 10), (85, 85, 30)), atol=0.2)
    assert found.colour(f"{bolts[1]}/Bolt_M10") == (1, 0, 0)
    plate = found.world("/Plant/Skid/Plate")
    assert np.allclose((plate.min(axis=0), plate.max(axis=0)), ((0, 0, 0), (100, 100, 10)))
    assert found.report["meters_per_unit"] == 0.001
    assert found.report["instances"] == 2


def test_a_finer_tolerance_gives_more_triangles(skid) -> None:
    trees = [step.make(ImporterContext(tolerance=metres)).read(skid) for metres in (1e-3, 1e-6)]
    counts = [sum(len(mesh.counts) for mesh in tree.meshes) for tree in trees]
    assert counts[0] < counts[1]


@pytest.mark.parametrize("content", [b"", b"no STEP at all", b"ISO-10303-21;\nHEADER;\n"])
def test_a_damaged_file_is_refused(imported, tmp_path, content) -> None:
    path = tmp_path / "a.stp"
    path.write_bytes(content)
    with pytest.raises(SceneFault, match=r"damaged|empty|nothing that can be shown"):
        imported(path)
