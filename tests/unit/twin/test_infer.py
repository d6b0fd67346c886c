"""A model made from a project that has none."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from armillary.model.tags import TagSpec
from armillary.model.twin import Component, Relationship, TwinInstance
from armillary.twin import dtdl
from armillary.twin.infer import allowed, inferred, path_of


def tag(name: str, unit: str = "", **more: object) -> TagSpec:
    return TagSpec(slot=0, name=name, unit=unit, twin=name.partition(".")[0], **more)  # type: ignore[arg-type]


TWINS = (
    TwinInstance(id="P-1", title="Transfer pump A", properties={"power": 7.5}),
    TwinInstance(id="P-2", title="Booster pump B", properties={"power": 18.5}),
    TwinInstance(id="TT-1", title="Bearing"),
    TwinInstance(id="TT-2", title="Winding"),
    TwinInstance(
        id="S", title="Dosing skid of the hall", components=(Component(path="a"), Component(path="b"))
    ),
    TwinInstance(id="X", model="dtmi:x:Own;1"),
    TwinInstance(id="Bare"),
)
SPECS = (
    tag("P-1.flow", "m³/h"), tag("P-2.flow", "m³/h"),
    tag("P-1.state", kind="enum", states=((0.0, "off"), (1.0, "on line"))),
    tag("P-2.state", kind="enum", states=((0.0, "off"), (1.0, "on line"))),
    tag("P-1.sp", "rpm", writable=True), tag("P-2.sp", "rpm", writable=True),
    tag("TT-1.value", "°C", history=False), tag("TT-2.value", "°C", history=False),
    tag("S.a.speed", "rpm"), tag("S.b.speed", "rpm"), tag("S.turb-idity", "NTU"), tag("X.y"),
)  # fmt: skip
MADE = inferred(TWINS, SPECS, (Relationship(source="P-1", name="feeds", target="P-2"),), "My plant")


def contents(name: str) -> dict[str, dict[str, object]]:
    document = MADE.documents[f"dtmi:armillary:my_plant:{name};1"]
    return {str(one["name"]): one for one in document["contents"]}


def test_twins_with_equal_tags_are_of_one_type_named_by_their_titles() -> None:
    assert MADE.of["P-1"] == MADE.of["P-2"] == "dtmi:armillary:my_plant:Pump;1"


def test_without_a_shared_title_the_beginning_of_the_ids_names_the_type() -> None:
    assert MADE.of["TT-1"] == MADE.of["TT-2"] == "dtmi:armillary:my_plant:TT;1"


def test_a_type_of_one_is_named_by_its_title_without_its_place() -> None:
    assert MADE.of["S"] == "dtmi:armillary:my_plant:DosingSkid;1"


def test_what_has_a_type_keeps_it_and_what_has_nothing_gets_none() -> None:
    assert "X" not in MADE.of
    assert MADE.untyped == ("Bare",)


def test_components_alike_are_of_one_type_and_stand_in_their_twins() -> None:
    assert MADE.of["S.a"] == MADE.of["S.b"]
    assert contents("DosingSkid")["a"] == {"@type": "Component", "name": "a", "schema": MADE.of["S.a"]}


def test_units_become_quantities_and_writable_tags_properties() -> None:
    pump = contents("Pump")
    assert pump["flow"]["@type"] == ["Telemetry", "VolumeFlowRate", "Historized"]
    assert pump["flow"]["unit"] == "cubicMetrePerHour"
    assert pump["sp"]["@type"] == ["Property", "AngularVelocity", "Historized"]
    assert pump["sp"]["writable"] is True
    assert pump["power"] == {"@type": "Property", "name": "power", "schema": "double"}
    assert contents("TT")["value"]["@type"] == ["Telemetry", "Temperature"]


def test_states_become_an_enum_with_names_that_are_allowed() -> None:
    schema = contents("Pump")["state"]["schema"]
    assert schema == {
        "@type": "Enum", "valueSchema": "integer",
        "enumValues": [{"name": "off", "displayName": "off", "enumValue": 0},
                       {"name": "on_line", "displayName": "on line", "enumValue": 1}],
    }  # fmt: skip


def test_relationships_lead_to_the_type_where_all_do() -> None:
    assert contents("Pump")["feeds"] == {"@type": "Relationship", "name": "feeds", "target": MADE.of["P-2"]}


def test_what_dtdl_cannot_say_is_listed() -> None:
    assert contents("DosingSkid")["turb_idity"]["comment"] == "unit: NTU tag: turb-idity"
    assert any("NTU" in loss for loss in MADE.losses)
    assert any("turb-idity" in loss for loss in MADE.losses)


def test_an_inferred_model_is_valid() -> None:
    documents = [
        dtdl.Document(where=MADE.file_of(model), data=json.dumps(document).encode())
        for model, document in MADE.documents.items()
    ]
    verdict = dtdl.judge("made", documents)
    assert verdict.findings == ()
    assert verdict.valid
    assert verdict.complete


def test_one_other_unit_makes_another_type() -> None:
    made = inferred(TWINS[:2], (tag("P-1.flow", "m³/h"), tag("P-2.flow", "l/s")), ())
    assert made.of["P-1"] != made.of["P-2"]


def test_a_file_is_named_by_its_type() -> None:
    assert MADE.file_of(MADE.of["P-1"]) == "Pump.json"


@given(st.lists(st.text(max_size=80), max_size=6))
def test_any_name_becomes_one_that_dtdl_allows_and_no_two_the_same(names: list[str]) -> None:
    made: set[str] = set()
    for name in names:
        made.add(allowed(name, made))
    assert len(made) == len(names)
    for one in made:
        assert one.isascii()
        assert one[0].isalpha()
        assert not one.endswith("_")
        assert len(one) <= 64


@given(st.text(max_size=40))
def test_any_project_name_gives_a_path(name: str) -> None:
    path = path_of(name)
    assert path[0].isalpha()
    assert path.replace("_", "a").isalnum()
    assert not path.endswith("_")
