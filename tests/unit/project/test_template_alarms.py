"""A template carries alarms and trends: made for every place, updated together, a person's changes stay."""

from __future__ import annotations

import math

import pytest

from armillary.project import templates
from armillary.project.rules import alarm_tables
from armillary.project.template_alarms import ALARM, AlarmPlan, alarms_of, plan_alarms, remembered, trends_of
from armillary.project.template_plan import plan
from armillary.project.templates import Instance, Made, Template, Templates

TEXT = """schema = 1
[[template]]
id = "pump"
title = "Pump"
parameters = { hot = 85.0 }

[[template.alarm]]
id = "$thing-HOT"
tag = "temp"
title = "$thing is hot"
limit = "$hot"
priority = 2
consequence = "The bearing of $thing seizes"
operator_action = "Stop $thing"

[[template.alarm]]
id = "$thing-END"
tag = "speed"
limit = "$high"
draft = true

[[template.trend]]
name = "Bearings"
pens = ["temp", "speed"]
span_s = 3600

[[instance]]
template = "pump"
prim = "/Plant/P1"
twin = "P-1"

[[instance]]
template = "pump"
prim = "/Plant/P2"
twin = "P-2"
parameters = { hot = 70.0 }

[[instance]]
template = "pump"
prim = "/Plant/Old"
tags = "OLD_7"
"""
PRIMS = {"/Plant/P1", "/Plant/P2", "/Plant/Old"}
RANGES = {f"{thing}.{tag}": (0.0, 3000.0) for thing in ("P-1", "P-2", "OLD_7") for tag in ("temp", "speed")}
RULES = 'schema = 1\n\n# by hand\n[[alarm]]\nid = "X"\ntag = "P-1.temp"\ndraft = true\n'


def planned(text: str, made: dict[str, Made], rules: str) -> AlarmPlan:
    return plan_alarms(templates.read(text), made, rules, prims=PRIMS, ranges=RANGES)


def alarms(rules: str) -> dict[str, dict[str, object]]:
    return {str(each["id"]): dict(each) for each in alarm_tables(rules)}


def told(found: AlarmPlan) -> list[tuple[str, str]]:
    return [(change.kind, change.name) for change in found.changes]


def test_alarms_are_made_for_twins_and_for_parts_without_one() -> None:
    found = planned(TEXT, {}, RULES)
    made = alarms(found.text)
    assert set(made) == {"X", "P-1-HOT", "P-1-END", "P-2-HOT", "P-2-END", "OLD_7-HOT", "OLD_7-END"}
    assert made["P-1-HOT"]["limit"] == 85.0
    assert made["P-2-HOT"]["limit"] == 70.0  # its own parameter
    assert made["P-2-HOT"]["operator_action"] == "Stop P-2"
    assert made["OLD_7-HOT"]["tag"] == "OLD_7.temp"  # a part without a twin
    assert made["P-1-END"]["limit"] == 3000.0  # the range of the tag
    assert found.text.startswith(RULES)  # what is there stays, comments too
    again = planned(TEXT, dict(found.made), found.text)
    assert (again.changes, again.text) == ((), found.text)


def test_an_edit_reaches_all_and_what_a_person_changed_stays() -> None:
    first = planned(TEXT, {}, RULES)
    mine = first.text.replace("limit = 70.0", "limit = 66.0", 1)
    found = planned(TEXT.replace("hot = 85.0", "hot = 80.0").replace("priority = 2", "priority = 3"),
                    dict(first.made), mine)  # fmt: skip
    made = alarms(found.text)
    assert made["P-1-HOT"]["limit"] == 80.0
    assert made["P-2-HOT"]["limit"] == 66.0
    assert {each["priority"] for id_, each in made.items() if id_.endswith("HOT")} == {3}
    assert [change.own for change in found.changes if change.name == "alarm P-2-HOT"] == [("limit",)]


def test_what_a_person_removed_or_made_is_left_alone() -> None:
    first = planned(TEXT, {}, RULES)
    cut = first.text.partition('[[alarm]]\nid = "P-2-HOT"')[0]
    found = planned(TEXT, dict(first.made), cut)
    assert ("kept", "alarm P-2-HOT") in told(found)
    assert "P-2-HOT" not in alarms(found.text)
    own = RULES + '[[alarm]]\nid = "P-1-HOT"\ntag = "P-1.temp"\ndraft = true\n'
    found = planned(TEXT, {}, own)
    assert ("kept", "alarm P-1-HOT") in told(found)
    assert alarms(found.text)["P-1-HOT"]["draft"] is True


def test_an_alarm_that_left_the_template_goes_unless_it_was_changed() -> None:
    first = planned(TEXT, {}, RULES)
    mine = first.text.replace("Stop OLD_7", "Stop the old one")
    head, _, rest = TEXT.partition('[[template.alarm]]\nid = "$thing-HOT"')
    shorter = head + "[[template.alarm]]" + rest.partition("[[template.alarm]]")[2]
    found = planned(shorter, dict(first.made), mine)
    assert sorted(told(found)) == [
        ("kept", "alarm OLD_7-HOT"),
        ("removed", "alarm P-1-HOT"),
        ("removed", "alarm P-2-HOT"),
    ]
    assert set(alarms(found.text)) == {"X", "P-1-END", "P-2-END", "OLD_7-END", "OLD_7-HOT"}


def test_missing_tags_ranges_and_parts_are_told_and_nothing_is_made() -> None:
    known = templates.read(TEXT)
    ranges = {"P-1.temp": (0.0, 1.0), "P-1.speed": (-math.inf, math.inf)}
    found = plan_alarms(known, {}, "", prims={"/Plant/P1"}, ranges=ranges)
    assert set(alarms(found.text)) == {"P-1-HOT"}
    why = {change.name: change.why for change in found.changes if change.kind == "missing"}
    assert why["alarm P-1-END"] == "It asks for the range of P-1.speed, which has none."
    assert why["alarm P-2-HOT"] == "There is no part /Plant/P2."


def test_a_template_made_of_a_twins_alarms_gives_them_again() -> None:
    first = planned(TEXT, {}, RULES)
    lines = alarms_of("P-1", first.text)
    assert [(line.id, line.tag) for line in lines] == [("$thing-HOT", "temp"), ("$thing-END", "speed")]
    made = Template(id="copy", alarms=lines)
    text = templates.with_template("", made)
    assert templates.read(text).templates[0].alarms == lines
    place = Instance(template="copy", prim="/Plant/P1", twin="P-1")
    known = Templates(templates=(made,), instances=(place,))
    kept = remembered(made, place, RANGES)
    assert set(kept) == {f"{ALARM}P-1-HOT", f"{ALARM}P-1-END"}
    again = plan_alarms(known, kept, first.text, prims=PRIMS, ranges=RANGES)
    assert (again.changes, again.text) == ((), first.text)


def test_what_was_made_goes_through_its_file_and_bindings_do_not_mind() -> None:
    first = planned(TEXT, {}, RULES)
    kept = templates.made_of(templates.made_text(first.made))
    assert planned(TEXT, kept, first.text).changes == ()
    assert plan(templates.read(TEXT), kept, (), prims=PRIMS, ranges=RANGES).changes == ()


def test_trends_stand_at_every_place() -> None:
    found = [(name, trend.span_s, pens) for name, trend, pens in trends_of(templates.read(TEXT))]
    assert found[0] == ("Bearings: P-1", 3600.0, ("P-1.temp", "P-1.speed"))
    assert [name for name, _, _ in found] == ["Bearings: P-1", "Bearings: P-2", "Bearings: OLD_7"]


def test_bindings_follow_the_tags_of_a_part_without_a_twin() -> None:
    text = """schema = 1
[[template]]
id = "lamp"
[[template.binding]]
name = "bind_temp"
tag = "temp"
[[instance]]
template = "lamp"
prim = "/Plant/Old"
tags = "OLD_7"
"""
    found = plan(templates.read(text), {}, (), prims=PRIMS, ranges=RANGES)
    assert [(b.prim, b.signal) for b in found.new] == [("/Plant/Old", "OLD_7.temp")]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("$thing-HOT", "HOT", "Every place would make an alarm 'HOT'."),
        ('"$hot"', '"$hott"', "There is no parameter 'hott'."),
        ('pens = ["temp", "speed"]', "pens = []", "A trend needs a pen."),
    ],
)
def test_mistakes_are_told_with_the_place(old: str, new: str, words: str) -> None:
    problems = templates.examine(TEXT.replace(old, new))[1]
    assert words in " ".join(problem.what for problem in problems)
    assert all(problem.where.startswith("binding-templates.toml:") for problem in problems)
