"""Areas: each source in exactly one, filters apart, nothing that needs two; and `$share` has no alarms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from armillary.model.topic import overlap
from armillary.project import areas, folder, lint

BROKER = "mqtt://127.0.0.1:1883"


def _written(
    place: Path,
    sources: dict[str, Any],
    shared_out: dict[str, list[str]],
    tags: dict[str, str],
    rules: str = "",
) -> Path:
    text = '[project]\nschema = 1\nid = "2f0c7a52-0000"\nname = "p"\n\n'
    for name, more in sources.items():
        text += f'[[source]]\nname = "{name}"\nkind = "mqtt"\nurl = "{BROKER}"\n'
        text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items()) + "\n"
    for name, names in shared_out.items():
        text += f"[area.{name}]\nsources = {json.dumps(names)}\n\n"
    (place / "project.toml").write_text(text, "utf-8")
    held = {name: {"address" if "!" in at else "expression": at} for name, at in tags.items()}
    twins = {"schema": 1, "twins": [{"id": "p", "tags": held}], "relationships": []}
    (place / "twins.json").write_text(json.dumps(twins), "utf-8")
    if rules:
        (place / "rules.toml").write_text(rules, "utf-8")
    return place


TWO: dict[str, dict[str, Any]] = {"n": {"subscribe": ["site/north/#"]}, "s": {"subscribe": ["site/south/#"]}}
TAGS = {"a": "n!site/north/a", "b": "s!site/south/b", "double": "p.a * 2"}
ALARM = """schema = 1
[[alarm]]
id = "{0}-high"
tag = "p.{0}"
limit = 5
consequence = "It gets hot."
operator_action = "Cool it."
"""


def _codes(place: Path) -> list[str]:
    return [p.code for p in folder.examine(place)[1]]


def test_each_area_has_the_tags_of_its_sources_and_what_is_derived_from_them(tmp_path: Path) -> None:
    project = folder.read(_written(tmp_path, TWO, {"north": ["n"], "south": ["s"]}, TAGS))
    names = {spec.slot: spec.name for spec in project.specs}
    found = {area.name: [names[s].rsplit(".")[-1] for s in area.slots.tolist()] for area in project.areas}
    assert {key: sorted(value) for key, value in found.items()} == {"north": ["a", "double"], "south": ["b"]}


def test_a_project_without_areas_has_none(tmp_path: Path) -> None:
    assert folder.read(_written(tmp_path, TWO, {}, TAGS)).areas == ()


@pytest.mark.parametrize(
    ("shared_out", "code"),
    [
        ({"north": ["n"]}, "P41"),  # `s` belongs to nobody
        ({"north": ["n", "s"], "south": ["s"]}, "P41"),
        ({"north": ["n"], "south": ["s", "typo"]}, "P41"),
        ({"north": ["n", "s"], "south": []}, "P41"),
        ({"North": ["n", "s"]}, "P41"),
    ],
)
def test_a_source_belongs_to_exactly_one_area(
    tmp_path: Path, shared_out: dict[str, list[str]], code: str
) -> None:
    assert code in _codes(_written(tmp_path, TWO, shared_out, TAGS))


@pytest.mark.parametrize(
    ("north", "south", "is_refused"),
    [
        (["site/#"], ["site/south/#"], True),
        (["site/+/x"], ["site/south/+"], True),
        (["$share/g/site/#"], ["site/south/#"], True),
        (["site/+/x"], ["site/+/y"], False),
        (["a", "b"], ["b", "c"], True),
        (["a", "b"], ["c", "d"], False),
    ],
)
def test_filters_of_two_areas_must_not_bring_the_same_topic(
    tmp_path: Path, north: list[str], south: list[str], is_refused: bool
) -> None:
    sources = {"n": {"subscribe": north}, "s": {"subscribe": south}}
    place = _written(tmp_path, sources, {"north": ["n"], "south": ["s"]}, TAGS)
    assert ("P42" in _codes(place)) is is_refused


def test_where_a_source_names_no_filters_its_tags_topics_are_judged(tmp_path: Path) -> None:
    sources: dict[str, Any] = {"n": {}, "s": {"subscribe": ["site/+/a"]}}
    assert "P42" in _codes(_written(tmp_path, sources, {"north": ["n"], "south": ["s"]}, TAGS))


def test_filters_on_two_brokers_are_always_apart(tmp_path: Path) -> None:
    sources = {"n": {"subscribe": ["#"]}, "s": {"subscribe": ["#"]}}
    place = _written(tmp_path, sources, {"north": ["n"], "south": ["s"]}, TAGS)
    text = (place / "project.toml").read_text("utf-8")
    (place / "project.toml").write_text(text.replace(BROKER, "mqtt://other:1883", 1), "utf-8")
    assert "P42" not in _codes(place)


def test_a_derived_tag_reads_one_area_only(tmp_path: Path) -> None:
    tags = {**TAGS, "sum": "p.double + p.b"}
    place = _written(tmp_path, TWO, {"north": ["n"], "south": ["s"]}, tags)
    assert "P43" in _codes(place)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/#", "a", True),
        ("a/#", "b/#", False),
        ("+/b", "a/+", True),
        ("+", "a/b", False),
        ("#", "$SYS/x", False),
        ("a/+/c/#", "a/b/+", True),
        ("a/+/c/d", "a/b/+", False),
    ],
)
def test_two_filters_overlap_when_some_topic_matches_both(one: str, other: str, both: bool) -> None:
    assert overlap(one, other) is both
    assert overlap(other, one) is both


def test_a_source_of_an_area_that_keeps_no_session_is_warned_of(tmp_path: Path) -> None:
    sources = {**TWO, "s": {**TWO["s"], "durable": False}}
    project = folder.read(_written(tmp_path, sources, {"north": ["n"], "south": ["s"]}, TAGS))
    (found,) = [p for p in lint.findings(project) if p.code == "P44"]
    assert "'s' of the area 'south' keeps no session" in found.what


def test_an_alarm_on_a_shared_source_is_refused_and_not_evaluated(tmp_path: Path) -> None:
    sources = {"n": {"subscribe": ["$share/g/site/north/#"]}, "s": {"subscribe": ["site/south/#"]}}
    rules = ALARM.format("double") + ALARM.format("b").removeprefix("schema = 1\n")
    project = folder.read(_written(tmp_path, sources, {}, TAGS, rules))
    (found,) = [p for p in lint.findings(project) if p.code == "P40"]
    assert "'double-high'" in found.what
    assert "source 'n'" in found.what
    assert "order not kept, no alarms" in found.what
    kept, loose = areas.ordered(project.alarms, project.links, project.specs)
    assert [a.id for a in kept] == ["b-high"]
    assert [a.id for a in loose] == ["double-high"]
