"""Bindings of the draft, of ours, and the files that hold them."""

from __future__ import annotations

import json

import pytest

from armillary.encoding import openusd_composed, openusd_json, openusd_nodeset
from armillary.encoding.openusd_in import taken
from armillary.encoding.openusd_out import offered
from armillary.model import unece
from armillary.model.binding import Binding, MapSpec
from armillary.model.fault import ProjectFault
from armillary.model.openusd import (
    Asset,
    Component,
    Live,
    Part,
    Represented,
    Resolved,
    SceneOffer,
    Signal,
)
from armillary.model.tags import TagSpec

NODE = "nsu=urn:plant;s=Temp"


def example(**more: object) -> str:
    """Return an example in the words of the draft: one representation, its bindings at the top."""
    binding = {
        "bindingDefinitionId": "6e63cf2c-f2de-4f78-a8f8-f0ccdbb7647a",
        "name": "Warm",
        "bindingType": "OpenUsdValueChangeBindingType",
        "sourceNodeId": NODE,
        "targetPrimPath": "Body",
        "targetPropertyName": "primvars:displayColor",
        "renderTargetKind": "DisplayColor",
        "sourceEngineeringUnits": "Cel",
        **more,
    }
    return json.dumps({"representation": {"primPath": "/Plant/P1"}, "bindings": [binding]})


def one(text: str, link: str = "plc") -> Binding:
    return taken(openusd_json.read(text, "here"), link).bindings[0]


def test_an_example_of_the_draft_is_read_with_its_relative_prim_and_unit() -> None:
    binding = one(example())
    assert (binding.prim, binding.channel, binding.unit) == ("/Plant/P1/Body", "displayColor", "°C")
    assert binding.signal == "P1.Temp"


@pytest.mark.parametrize(
    ("name", "unit", "channel", "axis"),
    [
        ("xformOp:translate", "", "translate", "xyz"),
        ("xformOp:translateX", "", "translate", "x"),
        ("xformOp:rotateY", "deg", "rotate", "y"),
        ("xformOp:rotateZ", "rpm", "spin", "z"),
        ("xformOp:rotateXYZ", "", "rotate", "none"),
        ("xformOp:orient", "", "rotate", "none"),
        ("xformOp:scale", "", "scale", "xyz"),
        ("xformOp:transform", "", "transform", "none"),
        ("visibility", "", "visibility", "none"),
        ("inputs:emissiveColor", "", "emissiveColor", "none"),
        ("primvars:displayOpacity", "", "displayOpacity", "none"),
        ("primvars:wear", "", "primvar", "none"),
        ("inputs:speed", "", "custom", "none"),
    ],
)
def test_the_property_decides_the_channel(name: str, unit: str, channel: str, axis: str) -> None:
    binding = one(example(targetPropertyName=name, renderTargetKind="Custom", sourceEngineeringUnits=unit))
    assert (binding.channel, binding.axis) == (channel, axis)


@pytest.mark.parametrize("number", range(4))
def test_each_bad_quality_action_has_its_counterpart(number: int) -> None:
    actions = ("Skip", "HoldLast", "ClearOpinion", "Fallback")
    assert (
        one(example(badQualityAction=actions[number])).on_bad
        == (("skip", "holdLast", "clearOpinion", "fallback")[number])
    )


def test_a_length_stays_the_number_of_its_op_whatever_the_stages_unit() -> None:
    binding = one(example(targetPropertyName="xformOp:translateZ", sourceEngineeringUnits="m", scale=2.0))
    assert (binding.map.kind, binding.map.expr) == ("expr", "x * 2.0 + 0.0")


def test_unknown_keys_enums_and_types_are_told_and_the_rest_is_read() -> None:
    text = example(surprise=1, badQualityAction="Explode", bindingType="FutureType", attributeId=4)
    found = taken(openusd_json.read(text, "here"), "plc")
    assert {note.code for note in found.notes} >= {"unknown-key", "enum", "type", "attribute"}
    assert len(found.bindings) == 1


def test_a_hostile_extra_is_left_out_and_the_binding_is_what_the_draft_says() -> None:
    for extra in ("{", "[]", '{"schema": 1, "fields": {"origin": "x"}}', '{"schema": 9}', "x" * 70_000):
        found = taken(openusd_json.read(example(ArmillaryExtra=extra), "here"), "plc")
        assert found.bindings[0].channel == "displayColor"
        assert any(note.code == "wrong-extra" for note in found.notes)
    moved = json.dumps({"schema": 1, "fields": {"prim": "/../../etc", "channel": "visibility"}})
    assert taken(openusd_json.read(example(ArmillaryExtra=moved), "here"), "plc").bindings == ()


def test_without_a_link_a_node_is_not_guessed() -> None:
    found = taken(openusd_json.read(example(), "here"), "")
    assert found.tags == ()
    assert {note.code for note in found.notes} == {"no-link"}


@pytest.mark.parametrize(
    "text",
    [
        "<",
        "<a/>",
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>',
        '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"/>',
    ],
)
def test_xml_that_is_no_nodeset_with_openusd_is_a_fault(text: str) -> None:
    with pytest.raises(ProjectFault):
        openusd_nodeset.read(text, "here")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "{" * 100_000, '{"openUsdModelNamespaceUri": "x", "bindings": []}']
)
def test_json_that_tells_no_bindings_is_a_fault(text: str) -> None:
    with pytest.raises(ProjectFault):
        openusd_json.read(text, "here")


def test_losses_of_an_export_are_listed_by_name() -> None:
    binding = Binding(
        name="a",
        prim="/P",
        signal="mqtt.tag",
        channel="label",
        colormap="heat",
        map=MapSpec(kind="states", state_keys=("1",), state_values=("on",)),
    )
    specs = (TagSpec(slot=0, name="mqtt.tag", link="site", address="a#$.b"),)
    _, losses = offered((binding,), specs, {"site": "mqtt"}, "p")
    told = {loss.field: loss.what for loss in losses}
    assert {"source", "channel", "map.kind", "map.state_keys", "colormap"} <= set(told)
    assert "site" in told["source"]


def test_units_pass_by_their_unece_codes() -> None:
    assert unece.packed("C81") == 4405297
    assert unece.packed("DD") == 17476
    assert (unece.unit_of(4405297), unece.unit_of(17476), unece.unit_of(-1, "Cel")) == ("rad", "degree", "°C")
    assert all(unece.unit_of(unece.packed(code)) == unit for code, unit in unece.CODES.items())
    assert len(set(unece.CODES.values())) == len(unece.CODES)


def parts(
    arc: int, *, many: bool = True, asset: str = "@pump.usda@</Pump>", prim: str = "/P/Line"
) -> SceneOffer:
    component = Component(
        name="Pumps",
        many=many,
        arc=arc,
        target_prim=prim,
        asset=asset,
        parts=(Part(node="n1", name="P 1"), Part(node="n2", name="2"))
        if many
        else (Part(node="n1", name="x"),),
    )
    line = Represented(name="Line", prim="/P/Whole", node="r", components=(component,))
    return SceneOffer(represented=(line,), assets=(Asset(identifier="pump.usda", file="pump.usda"),))


@pytest.mark.parametrize(
    ("arc", "words"),
    [
        (0, 'def "P_1"\n'),
        (1, "references = @scene/pump.usda@</Pump>"),
        (2, "payload = "),
        (3, "instanceable = true"),
    ],
)
def test_each_arc_is_written_in_its_way(arc: int, words: str) -> None:
    found, troubles = openusd_composed.placed(parts(arc), "scene")
    assert [p.prim for p in found] == ["/P/Line/P_1", "/P/Line/_2"]
    assert troubles == ()
    assert words in openusd_composed.text_of(found)


def test_one_is_the_target_itself_and_a_ring_or_a_foreign_asset_is_left_out() -> None:
    assert [p.prim for p in openusd_composed.placed(parts(1, many=False))[0]] == ["/P/Line"]
    for wrong in (parts(1, many=False, prim="/P"), parts(1, asset="@../x.usda@"), parts(1, prim="/P/../Q")):
        found, troubles = openusd_composed.placed(wrong)
        assert found == ()
        assert troubles


def test_an_unresolved_source_of_a_server_is_told_and_left_out() -> None:
    live = Live(name="a", target_property="visibility")
    gone = Resolved(binding="a", reason="2 nodes fit its path (Bad_TooManyMatches)")
    offer = SceneOffer(represented=(Represented(name="P", prim="/P", live=(live,), resolved=(gone,)),))
    found = taken(offer, "plc")
    assert found.bindings == ()
    assert "TooManyMatches" in found.notes[0].what


def test_a_colour_takes_the_range_of_its_source_in_the_unit_that_is_shown() -> None:
    live = Live(name="a", target_property="primvars:displayColor", source_node=NODE, target_unit="°C")
    signal = Signal(node=NODE, name="T", unit="K", low=273.15, high=373.15)
    offer = SceneOffer(represented=(Represented(name="P", prim="/P", live=(live,)),), signals=(signal,))
    assert taken(offer, "plc").bindings[0].ends == pytest.approx((0.0, 100.0))
