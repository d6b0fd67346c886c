"""Templates of bindings: made for many, changed together, what a person changed stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.binding import Binding, MapSpec
from armillary.model.fault import ProjectFault
from armillary.project import templates
from armillary.project.binding_facts import facts, with_facts
from armillary.project.template_plan import Plan, plan
from armillary.project.templates import Instance, Made

TEXT = """# pumps of the station
schema = 1

[[template]]
id = "pump"
title = "Pump"

[template.parameters]
limit = 90.0

[[template.binding]]
name = "heat"
part = "Bearing"
tag = "bearing_temp"
colormap = "heat"
range = [0.0, "$limit"]

[[template.binding]]
name = "speed"
tag = "speed"
channel = "displayOpacity"
map = "linear"
clamp = ["$low", "$high"]

[[instance]]
template = "pump"
prim = "/Plant/P1"
twin = "P-1"

[[instance]]
template = "pump"
prim = "/Plant/P2"
twin = "P-2"
parameters = { limit = 70.0 }
"""
PRIMS = ("/Plant/P1", "/Plant/P1/Bearing", "/Plant/P2", "/Plant/P2/Bearing")
RANGES = {f"P-{i}.{tag}": (0.0, 3000.0) for i in (1, 2) for tag in ("bearing_temp", "speed")}


def planned(
    text: str = TEXT, made: dict[str, Made] | None = None, existing: tuple[Binding, ...] = ()
) -> Plan:
    return plan(templates.read(text), made or {}, existing, prims=PRIMS, ranges=RANGES)


def after(found: Plan, existing: tuple[Binding, ...] = ()) -> tuple[Binding, ...]:
    """Return the bindings once the plan is carried out."""
    gone = {(b.prim, b.name) for b in (*found.old, *found.new)}
    return (*(b for b in existing if (b.prim, b.name) not in gone), *found.new)


def test_a_template_is_made_for_every_instance_with_its_parameters() -> None:
    found = planned()
    assert [c.kind for c in found.changes] == ["new"] * 4
    made = {(b.prim, b.name): b for b in found.new}
    assert made["/Plant/P1/Bearing", "heat"].signal == "P-1.bearing_temp"
    assert made["/Plant/P1/Bearing", "heat"].ends == (0.0, 90.0)
    assert made["/Plant/P2/Bearing", "heat"].ends == (0.0, 70.0)
    assert made["/Plant/P1", "speed"].map.clamp == (0.0, 3000.0)  # the range of the tag
    again = planned(made=dict(found.made), existing=found.new)
    assert again.changes == ()
    assert again.new == ()


def test_an_edit_of_the_template_reaches_all_and_what_a_person_changed_stays() -> None:
    first = planned()
    mine = next(b for b in first.new if b.where == "/Plant/P1/Bearing#heat")
    existing = tuple(replace(b, colormap="level", on_stale="skip") if b is mine else b for b in first.new)
    text = TEXT.replace("limit = 90.0", "limit = 95.0").replace('colormap = "heat"', 'colormap = "grey"')
    found = planned(text, dict(first.made), existing)
    assert [(c.kind, c.prim, c.fields, c.own) for c in found.changes] == [
        ("changed", "/Plant/P1/Bearing", (("range", (0.0, 90.0), (0.0, 95.0)),), ("colormap", "onStale")),
        ("changed", "/Plant/P2/Bearing", (("colormap", "heat", "grey"),), ()),
    ]
    now = {b.where: b for b in after(found, existing)}
    assert (now["/Plant/P1/Bearing#heat"].colormap, now["/Plant/P1/Bearing#heat"].on_stale) == (
        "level",
        "skip",
    )
    assert now["/Plant/P1/Bearing#heat"].ends == (0.0, 95.0)
    assert now["/Plant/P2/Bearing#heat"].colormap == "grey"
    assert planned(text, dict(found.made), tuple(now.values())).new == ()


def test_what_a_person_removed_stays_away() -> None:
    first = planned()
    left = tuple(b for b in first.new if b.name != "heat")
    found = planned(TEXT.replace("90.0", "95.0"), dict(first.made), left)
    assert found.new == ()
    assert {c.why for c in found.changes} == {"It was removed by hand."}


def test_a_binding_that_no_template_made_is_not_touched() -> None:
    mine = Binding(name="heat", prim="/Plant/P1/Bearing", signal="P-1.bearing_temp", colormap="own")
    found = planned(existing=(mine,))
    assert [c.kind for c in found.changes] == ["kept", "new", "new", "new"]
    assert mine not in found.old
    assert "/Plant/P1/Bearing#heat" not in found.made


def test_a_line_that_left_the_template_goes_unless_it_was_changed() -> None:
    first = planned()
    mine = replace(first.new[0], colormap="level")
    existing = (mine, *first.new[1:])
    cut = (
        TEXT[: TEXT.index("[[template.binding]]")]
        + TEXT[TEXT.index('[[template.binding]]\nname = "speed"') :]
    )
    found = planned(cut, dict(first.made), existing)
    assert [(c.kind, c.prim) for c in found.changes] == [
        ("kept", "/Plant/P1/Bearing"),
        ("removed", "/Plant/P2/Bearing"),
    ]
    assert found.old == (first.new[2],)


def test_an_unlinked_binding_is_the_persons_own() -> None:
    first = planned()
    text = templates.with_unlinked(TEXT, "/Plant/P1", ["heat"])
    assert text.startswith("# pumps of the station")
    found = planned(text.replace("90.0", "95.0"), dict(first.made), first.new)
    assert found.changes == ()
    assert "/Plant/P1/Bearing#heat" not in found.made
    assert "/Plant/P2/Bearing#heat" in found.made


def test_parts_tags_and_ranges_that_are_missing_are_told() -> None:
    read = templates.read(TEXT)
    found = plan(read, {}, (), prims=("/Plant/P1",), ranges={"P-1.speed": (float("-inf"), float("inf"))})
    assert [c.why for c in found.changes] == [
        "There is no part /Plant/P1/Bearing.",
        "'clamp' asks for the range of P-1.speed, which has none.",
        "There is no part /Plant/P2/Bearing.",
        "There is no part /Plant/P2.",
    ]


def test_a_template_is_made_of_bindings_and_gives_the_same_again() -> None:
    bindings = (
        Binding(
            name="heat", prim="/Plant/P1/Bearing", signal="P-1.bearing_temp", colormap="heat", ends=(0, 90)
        ),
        Binding(
            name="turn",
            prim="/Plant/P1",
            signal="P-1.speed",
            channel="spin",
            axis="z",
            map=MapSpec(scale=0.1),
        ),
        Binding(name="other", prim="/Plant/P2", signal="P-2.speed"),
    )
    made = templates.template_of("pump", "Pump", "/Plant/P1", "P-1", bindings)
    text = templates.with_template("", made)
    text = templates.with_instances(text, [Instance(template="pump", prim="/Plant/P1", twin="P-1")])
    text = templates.with_instances(text, [Instance(template="pump", prim="/Plant/P1", twin="P-1")])
    assert text.count("[[instance]]") == 1
    found = plan(templates.read(text), {}, (), prims=PRIMS, ranges=RANGES)
    assert sorted(found.new, key=lambda b: b.name) == sorted(bindings[:2], key=lambda b: b.name)


def test_values_become_parameters_and_a_place_has_its_own() -> None:
    one = Binding(name="heat", prim="/P1", signal="P-1.t", colormap="heat", ends=(0.0, 90.0))
    made = templates.template_of("pump", "", "/P1", "P-1", (one,))
    made = templates.parametrised(made, templates.parsed(["limit=90"]))
    text = templates.with_template("", made)
    places = [Instance(template="pump", prim=f"/P{i}", twin=f"P-{i}") for i in (1, 2)]
    text = templates.with_parameters(templates.with_instances(text, places), "pump", "/P2", {"limit": 70.0})
    ranges = {f"P-{i}.t": (0.0, 1.0) for i in (1, 2)}
    found = plan(templates.read(text), {}, (), prims=("/P1", "/P2"), ranges=ranges)
    assert [b.ends for b in found.new] == [(0.0, 90.0), (0.0, 70.0)]
    with pytest.raises(ProjectFault, match="is no parameter"):
        templates.parsed(["limit"])


def test_what_was_made_is_remembered_as_text() -> None:
    found = planned()
    text = templates.made_text(found.made)
    assert templates.made_of(text) == dict(found.made)
    assert templates.made_text(templates.made_of(text)) == text
    assert templates.made_of("") == {}
    with pytest.raises(ProjectFault, match="cannot be read"):
        templates.made_of("{")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('colormap = "heat"', 'colourmap = "heat"', "'colourmap' is not known here"),
        ('"$limit"', '"$limt"', "no parameter 'limt'"),
        ("limit = 70.0", "limits = 70.0", "has no parameter 'limits'"),
        (
            'template = "pump"\nprim = "/Plant/P2"',
            'template = "pumps"\nprim = "/Plant/P2"',
            "no template 'pumps'",
        ),
        ('channel = "displayOpacity"', 'channel = "opacity"', "none of"),
        ("schema = 1", "schema = 9", "newer Armillary"),
        ("schema = 1", "schema = ", "cannot be read"),
    ],
)
def test_mistakes_are_told_with_the_place(old: str, new: str, words: str) -> None:
    with pytest.raises(ProjectFault, match=words):
        templates.read(TEXT.replace(old, new, 1))


def test_a_check_of_the_project_tells_of_its_templates(tmp_path: Path) -> None:
    assert templates.findings_of(tmp_path) == ()
    (tmp_path / "binding-templates.toml").write_text(TEXT.replace('"$limit"', '"$limt"'))
    [problem] = templates.findings_of(tmp_path)
    assert (problem.code, problem.severity) == ("P02", "error")
    assert problem.where.startswith("binding-templates.toml:")
    assert "limt" in problem.what
    (tmp_path / "binding-templates.made.json").write_text("{")
    assert "cannot be read" in templates.findings_of(tmp_path)[0].what


def test_facts_of_a_binding_go_there_and_back() -> None:
    one = Binding(
        name="a",
        prim="/A",
        signal="x.y",
        channel="label",
        map=MapSpec(kind="states", state_keys=("1", "*"), state_values=("on", "off")),
        stale_after_s=3.0,
        enabled=False,
    )
    assert with_facts(Binding(name="a", prim="/A"), facts(one)) == one
    with pytest.raises(TypeError, match="range"):
        with_facts(one, {"range": (1.0,)})  # type: ignore[dict-item]  # wrong on purpose
