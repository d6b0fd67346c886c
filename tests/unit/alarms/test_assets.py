"""The hierarchy of assets, as relationships of models name it."""

from __future__ import annotations

from armillary.alarms.assets import edges, shown_wholes, stand_ins, wholes
from armillary.model.twin import Relationship, TwinInstance


def rel(source: str, name: str, target: str) -> Relationship:
    return Relationship(source=source, name=name, target=target)


def test_parts_are_told_from_either_end_and_flows_are_no_hierarchy() -> None:
    found = wholes(
        (
            rel("pump", "isPartOf", "station"),
            rel("station", "hasComponent", "tank"),
            rel("valve", "part_of", "station"),
            rel("pump", "feeds", "tank"),
            rel("station", "contains", "station"),
        )
    )
    assert found == {"pump": ("station",), "tank": ("station",), "valve": ("station",)}


def test_an_asset_that_the_scene_lacks_is_passed_and_a_circle_ends() -> None:
    above = {"pump": ("group",), "group": ("station", "pump"), "station": ("group",)}
    assert shown_wholes("pump", above, {"station": 7}) == (7,)
    assert shown_wholes("pump", above, {}) == ()
    twins = (
        TwinInstance(id="pump", prim="/P"),
        TwinInstance(id="group"),
        TwinInstance(id="station", prim="/S"),
    )
    told = (rel("pump", "partOf", "group"), rel("group", "partOf", "station"))
    assert edges(twins, told, {"/P": 3, "/S": 0}) == ((3, 0),)
    assert edges(twins, (), {"/P": 3}) == ()
    assert stand_ins(twins, told, {"/P": 3, "/S": 0}) == {"group": 0}  # its own alarms stand there
    assert stand_ins(twins, told, {"/P": 3}) == {}
