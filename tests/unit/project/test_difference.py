"""What differs between two versions, as a person reads it."""

from __future__ import annotations

import json

import pytest

from armillary.model.binding import Binding, MapSpec
from armillary.model.fault import ProjectFault
from armillary.project import difference
from armillary.project.difference import ADDED, CHANGED, REMOVED, of_bindings, of_files, of_layer, summary

HEAD = '[project]\nschema = 1\nname = "P"\nversion = "{}"\n'
ALARM = 'schema = 1\n[[alarm]]\nid = "H"\ntag = "t.a"\nhigh = {}\npriority = 2\n'


def twins(**tags: dict[str, str]) -> str:
    return json.dumps({"schema": 1, "twins": [{"id": "t", "prim": "/P/Tank", "tags": tags}]})


def test_an_alarm_that_changed_names_its_fields() -> None:
    (found,) = of_files({"rules.toml": ALARM.format(5)}, {"rules.toml": ALARM.format(6.5)})
    assert found.text == "alarm H changed: high 5 → 6.5"


def test_a_tag_is_told_with_its_prim_and_a_derived_one_by_that_word() -> None:
    old = {"twins.json": twins(a={"address": "s!a"})}
    new = {
        "twins.json": twins(
            a={"address": "s!a", "unit": "m"}, b={"address": "expr!t.a*2"}, c={"address": "s!c"}
        )
    }
    found = of_files(old, new)
    assert [(c.word, c.name, c.verb, c.prim) for c in found] == [
        ("derived tag", "t.b", ADDED, "/P/Tank"),
        ("tag", "t.a", CHANGED, "/P/Tank"),
        ("tag", "t.c", ADDED, "/P/Tank"),
    ]
    assert found[1].text == "tag t.a changed: unit 'm', not said before"


def test_the_version_itself_and_the_order_of_rows_are_no_difference() -> None:
    more = '\n[[alarm]]\nid = "L"\nlow = 1\n'
    swapped = 'schema = 1\n[[alarm]]\nid = "L"\nlow = 1\n' + ALARM.format(5).removeprefix("schema = 1\n")
    old = {"project.toml": HEAD.format("1.0.0"), "rules.toml": ALARM.format(5) + more}
    new = {"project.toml": HEAD.format("1.1.0"), "rules.toml": swapped}
    assert of_files(old, new) == ()


def test_links_and_settings_are_told_apart() -> None:
    link = '[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://h"\n'
    found = of_files({"project.toml": HEAD}, {"project.toml": HEAD + link + "[limits]\ntick_hz = 10\n"})
    assert [(c.word, c.name, c.verb) for c in found] == [
        ("link", "ua", ADDED),
        ("setting", "limits.tick_hz", ADDED),
    ]


def test_a_scenario_and_an_interface_are_entries_by_their_file() -> None:
    old = {
        "scenarios/rain.toml": 'schema = 1\nseed = 1\nid = "rain"\n',
        "model/Tank.json": '{"@id": "dtmi:t;1"}',
    }
    new = {"scenarios/rain.toml": 'schema = 1\nseed = 2\nid = "rain"\n'}
    assert [c.text for c in of_files(old, new)] == [
        "interface Tank removed",
        "scenario rain changed: seed 1 → 2",
    ]


def test_bindings_are_compared_field_by_field_within_their_map() -> None:
    old = [Binding(name="a", prim="/P", origin="x:1"), Binding(name="gone", prim="/Q")]
    new = [Binding(name="a", prim="/P", map=MapSpec(scale=2.0), origin="y:9"), Binding(name="b", prim="/P")]
    found = of_bindings(old, new, "bindings.usda")
    assert [c.text for c in found] == [
        "binding /P#a changed: map.scale 1 → 2",
        "binding /P#b added",
        "binding /Q#gone removed",
    ]
    assert {c.verb for c in found} == {CHANGED, ADDED, REMOVED}


def test_what_a_layer_adds_is_told_by_prim() -> None:
    found = of_layer({}, {("/P/New", ""): "def Xform", ("/P/New", "references"): "@a.usd@"}, "composed.usda")
    assert [(c.name, c.verb, c.prim) for c in found] == [("/P/New", ADDED, "/P/New")]


def test_the_summary_counts_in_words() -> None:
    one = of_files({"rules.toml": ALARM.format(5)}, {"rules.toml": ALARM.format(6)})
    two = of_bindings([], [Binding(name="a", prim="/P"), Binding(name="b", prim="/P")], "b")
    assert summary((*one, *two)) == "2 bindings added; 1 alarm changed"
    assert summary(()) == "nothing differs"


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ProjectFault, match=r"twins\.json cannot be read"):
        of_files({"twins.json": "{"}, {"twins.json": "{}"})
    assert difference.shown("x" * 200).endswith("…")
