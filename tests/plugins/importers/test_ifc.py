"""IFC: the structure of a building with names, identities, properties, colours, millimetres."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from armillary.api import SceneFault

ifcopenshell = pytest.importorskip("ifcopenshell", reason="the extra `ifc` is not installed")


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a house of one storey with a red wall twice, in millimetres."""
    from ifcopenshell.api import run

    file = run("project.create_file")
    made = {
        kind: run("root.create_entity", file, ifc_class=f"Ifc{kind}", name=name)
        for kind, name in (("Project", "P"), ("Site", "Hof"), ("Building", "Haus"), ("BuildingStorey", "EG"))
    }
    run("unit.assign_unit", file, length={"is_metric": True, "raw": "MILLIMETERS"})
    model = run("context.add_context", file, context_type="Model")
    body = run(
        "context.add_context",
        file,
        context_type="Model",
        context_identifier="Body",
        target_view="MODEL_VIEW",
        parent=model,
    )
    for above, below in pairwise(made.values()):
        run("aggregate.assign_object", file, products=[below], relating_object=above)
    shape = run("geometry.add_wall_representation", file, context=body, length=5, height=3, thickness=0.2)
    style = run("style.add_style", file, name="Brick")
    colour = {"SurfaceColour": {"Name": None, "Red": 1.0, "Green": 0.0, "Blue": 0.0}, "Transparency": 0.25}
    run("style.add_surface_style", file, style=style, ifc_class="IfcSurfaceStyleShading", attributes=colour)
    run("style.assign_representation_styles", file, shape_representation=shape, styles=[style])
    for i in range(2):
        wall = run("root.create_entity", file, ifc_class="IfcWall", name=f"Wand {i}")
        run("geometry.assign_representation", file, product=wall, representation=shape)
        place = np.eye(4)
        place[:3, 3] = 2, 3, 4 + 3 * i
        run("geometry.edit_object_placement", file, product=wall, matrix=place, is_si=True)
        run("spatial.assign_container", file, products=[wall], relating_structure=made["BuildingStorey"])
    properties = run("pset.add_pset", file, product=wall, name="Pset_WallCommon")
    run("pset.edit_pset", file, pset=properties, properties={"FireRating": "F90"})
    path = tmp_path_factory.mktemp("ifc") / "house.ifc"
    file.write(str(path))
    return path


def test_a_building_comes_over_with_structure_places_and_facts(imported, kit, building) -> None:
    found = imported(building)
    storey = "/Plant/P/Hof/Haus/EG"
    corner = {tuple(row) for row in np.round(found.world(f"{storey}/Wand_1/Body"), 3).tolist()}
    assert (2.0, 3.0, 7.0) in corner
    assert (7.0, 3.2, 10.0) in corner
    facts = found.stage.GetPrimAtPath(f"{storey}/Wand_1").GetCustomDataByKey("imported")
    assert facts["IfcClass"] == "IfcWall"
    assert len(facts["GlobalId"]) == 22
    assert facts["Pset_WallCommon.FireRating"] == "F90"
    assert found.report["instances"] == 2
    assert found.colour(f"{storey}/Wand_1/Body") == (1, 0, 0)
    assert found.stage.GetPrimAtPath("/Plant/Materials/Brick")
    assert found.report["meters_per_unit"] == 1.0
    assert found.report["up_axis"] == "Z"
    assert found.report["dropped"] == []


@pytest.mark.parametrize("content", [b"", b"no IFC at all", b"ISO-10303-21;\nHEADER;\n"])
def test_a_damaged_file_is_refused(imported, tmp_path, content) -> None:
    path = tmp_path / "a.ifc"
    path.write_bytes(content)
    with pytest.raises(SceneFault, match=r"damaged|empty"):
        imported(path)


def test_half_a_file_is_refused_or_read_as_far_as_it_goes(imported, tmp_path, building) -> None:
    whole = building.read_bytes()
    path = tmp_path / "a.ifc"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SceneFault, match=r"damaged|nothing that can be shown"):
        imported(path)
