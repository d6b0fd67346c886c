"""Fleets: one description with named parts → twins and tags; mistakes with their line; newcomers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.project import fleets
from armillary.project.folder import examine, read
from armillary.project.record import Project

HEAD = """[project]
schema = 1
id = "x"
name = "n"
[[source]]
name = "site"
kind = "mqtt"
url = "mqtt://127.0.0.1"
"""
PUMPS = {
    "for": {"pump": ["P-1", "P-2"]},
    "prim": "/Plant/{pump}",
    "title": "Pump {pump}",
    "tags": {
        "vibration": {"address": "site!site/{pump}/vibration#v", "unit": "mm/s"},
        "speed": {"address": "site!site/{pump}/drive#n", "title": "Speed of {pump}"},
    },
}


def project(folder: Path, fleet: object, twins: object = (), head: str = HEAD) -> Path:
    (folder / "project.toml").write_text(head)
    (folder / "twins.json").write_text(
        json.dumps({"schema": 1, "twins": list(twins), "fleets": [fleet]}, indent=1)  # type: ignore[call-overload]
    )
    return folder


def test_a_fleet_gives_each_member_its_twin_and_its_tags(tmp_path: Path) -> None:
    made: Project = read(project(tmp_path, PUMPS))
    assert [twin.id for twin in made.twins] == ["P-1", "P-2"]
    assert (made.twins[1].prim, made.twins[1].title) == ("/Plant/P-2", "Pump P-2")
    assert [spec.name for spec in made.specs] == ["P-1.vibration", "P-1.speed", "P-2.vibration", "P-2.speed"]
    assert [spec.slot for spec in made.specs] == [0, 1, 2, 3]
    last = made.specs[3]
    assert (last.address, last.title, last.twin) == ("site/P-2/drive#n", "Speed of P-2", "P-2")
    assert {(t.filter, t.pattern, t.values) for t in made.topics} == {
        ("site/{pump}/vibration", "site/+/vibration", (("v", "number", "mm/s"),)),
        ("site/{pump}/drive", "site/+/drive", (("n", "number", ""),)),
    }


def test_a_fleet_of_a_type_adds_to_the_twins_that_are_there(tmp_path: Path) -> None:
    twins = [
        {"id": "P-7", "model": "dtmi:acme:Pump;1", "prim": "/P7"},
        {"id": "T-1", "model": "dtmi:acme:Tank;1"},
    ]
    made = read(project(tmp_path, PUMPS | {"for": {"pump": {"model": "dtmi:acme:Pump;1"}}}, twins))
    assert [(twin.id, twin.prim) for twin in made.twins] == [("P-7", "/P7"), ("T-1", "")]
    assert [spec.name for spec in made.specs] == ["P-7.vibration", "P-7.speed"]


def test_two_named_parts_give_every_pair_and_may_stand_in_names(tmp_path: Path) -> None:
    fleet = {
        "for": {"line": ["a", "b"], "cell": ["1", "2"]},
        "twin": "line-{line}",
        "tags": {"cell{cell}": {"address": "site!uns/{line}/{cell}/state"}},
    }
    made = read(project(tmp_path, fleet))
    assert [spec.name for spec in made.specs] == [
        "line-a.cell1",
        "line-b.cell1",
        "line-a.cell2",
        "line-b.cell2",
    ]
    assert [twin.id for twin in made.twins] == ["line-a", "line-b"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"for": {"pmp": ["a"]}}, "'pump' has no list"),
        ({"for": {"pump": ["a b"]}}, "'pump' has no list"),
        ({"for": {"pump": {"model": "dtmi:none;1"}}}, "No twin is of the type 'dtmi:none;1'"),
        ({"for": {"pump": ["a"], "tank": ["b"]}}, "The key 'tank' is not known here"),
        ({"twin": "{line}"}, "'{line}' has a part that is not in `for`"),
        ({"tags": {"v": {"address": "site!a#v"}}, "for": {}}, "No address of the fleet has a named part"),
        ({"tags": {"v": {"adress": "site!{pump}#v"}}}, "The key 'adress' is not known here"),
        ({"atuo": True}, "The key 'atuo' is not known here"),
        ({"for": {"pump": ["a" * 3, *map(str, range(100_001))]}}, "more than 100000"),
    ],
)
def test_a_mistake_in_a_fleet_is_named_with_its_line(
    tmp_path: Path, change: dict[str, object], what: str
) -> None:
    _, problems = examine(project(tmp_path, PUMPS | change))
    found = [p for p in problems if what in p.what]
    assert found, [p.what for p in problems]
    assert found[0].where.startswith("twins.json:")
    assert int(found[0].where.split(":")[1]) > 1


def test_two_fleets_of_one_tag_are_a_mistake(tmp_path: Path) -> None:
    twins = [{"id": "P-1", "tags": {"speed": {"address": "site!x#y"}}}]
    _, problems = examine(project(tmp_path, PUMPS, twins))
    assert any("two tags 'P-1.speed'" in p.what for p in problems)


@pytest.mark.parametrize("auto", [True, False])
def test_newcomers_have_tags_only_where_the_fleet_takes_them(tmp_path: Path, auto: bool) -> None:
    folder = project(tmp_path, PUMPS | {"auto": auto})
    (folder / ".armillary").mkdir()
    newcomers = [("site/{pump}/vibration", [("pump", "P-9")]), ("site/{pump}/vibration", [("pump", "a#b")])]
    (folder / ".armillary" / fleets.SEEN_FILE).write_text(fleets.seen_text(newcomers))
    made = read(folder)
    assert ("P-9.vibration" in {spec.name for spec in made.specs}) == auto
    assert not any("a#b" in spec.name for spec in made.specs)


@pytest.mark.parametrize("text", ["", "[]", '{"newcomers": 3}', '{"newcomers": {"a": [3, {"b": 4}]}}'])
def test_a_broken_note_of_newcomers_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / fleets.SEEN_FILE).write_text(text)
    assert not any(fleets.seen_in(tmp_path).values())


# ---- sources: decoders and profiles


def test_a_source_names_a_chain_and_a_profile_and_a_tag_its_own(tmp_path: Path) -> None:
    head = HEAD + (
        'decoder = ["gzip", "json"]\nprofile = { name = "chirpstack-v4", application = "7" }\n'
        '[decoder.meter]\nkind = "struct"\nformat = "<H:v"\n'
    )
    (tmp_path / "project.toml").write_text(head)
    tag = {"address": "site!@ab#x", "decoder": ["base64", "meter"], "required": True}
    (tmp_path / "twins.json").write_text(
        json.dumps({"schema": 1, "twins": [{"id": "a", "tags": {"x": tag}}]})
    )
    made = read(tmp_path)
    assert (made.links[0].decoder, made.links[0].profile) == ("gzip|json", "chirpstack-v4")
    assert made.links[0].profile_settings == {"application": "7"}
    assert (made.decoders[0].name, made.decoders[0].kind, made.decoders[0].settings) == (
        "meter",
        "struct",
        {"format": "<H:v"},
    )
    assert made.decoders[0].origin.startswith("project.toml:")
    assert (made.specs[0].decoder, made.specs[0].required) == ("base64|meter", True)


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ('profile = "zigbe2mqtt"', "which is none of", "Did you mean 'zigbee2mqtt'?"),
        ('profile = { name = "tasmota", prefx = "a" }', "'prefx' is not known", "Did you mean 'prefix'?"),
        ("decoder = 7", "which is not a decoder's name or a list of them", "Give a decoder's name"),
        ('decoder = ["a|b"]', "which is not a decoder's name or a list of them", "Give a decoder's name"),
    ],
)
def test_a_mistake_in_a_source_is_named_with_its_line(
    tmp_path: Path, line: str, what: str, remedy: str
) -> None:
    (tmp_path / "project.toml").write_text(HEAD + line + "\n")
    _, problems = examine(tmp_path)
    (found,) = problems
    assert what in found.what
    assert remedy in found.remedy
    assert found.where == "project.toml:9"


def test_a_member_of_a_fleet_is_the_device_of_what_it_sends(tmp_path: Path) -> None:
    made = read(project(tmp_path, PUMPS))
    assert [spec.device for spec in made.specs] == ["P-1", "P-1", "P-2", "P-2"]


def test_the_device_of_a_tag_is_what_it_lives_by_or_what_its_address_names(tmp_path: Path) -> None:
    head = (
        HEAD + '[[source]]\nname = "home"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1"\nprofile = "zigbee2mqtt"\n'
    )
    tags = {
        "a": {"address": "site!x/a#v", "liveness": "device"},
        "b": {"address": "home!@lamp#brightness"},
        "c": {"address": "site!x/c#v"},
        "d": {"expression": "T.c * 2"},
    }
    made = read(project(tmp_path, PUMPS, [{"id": "T", "tags": tags}], head))
    assert {spec.name: spec.device for spec in made.specs if spec.twin == "T"} == {
        "T.a": "T", "T.b": "lamp", "T.c": "", "T.d": "",
    }  # fmt: skip
