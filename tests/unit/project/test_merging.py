"""Two people's changes of one file: independent ones are both kept, the rest is told."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.model.binding import Binding, MapSpec
from armillary.model.fault import ProjectFault
from armillary.project import entries
from armillary.project.merging import merged, merged_bindings

RULES = """schema = 1

# limits were agreed on in May
[[alarm]]
id = "A"
tag = "t.a"
high = 5.0  # bar
priority = 2

[[alarm]]
id = "B"
tag = "t.b"
high = 7.0
"""


def twins(**tags: str) -> str:
    rows = [{"id": "t", "tags": {name: {"address": a} for name, a in tags.items()}}]
    return json.dumps({"schema": 1, "twins": rows, "relationships": []})


def test_changes_of_two_alarms_are_both_kept_with_the_comments() -> None:
    ours, theirs = RULES.replace("5.0", "6.0"), RULES.replace("7.0", "8.0")
    out = merged("rules.toml", RULES, ours, theirs)
    assert out.conflicts == ()
    assert out.text == RULES.replace("5.0", "6.0").replace("7.0", "8.0")


def test_alarms_added_at_the_same_place_are_both_kept() -> None:
    ours = RULES + '\n[[alarm]]\nid = "C"\ntag = "t.c"\nhigh = 1.0\n'
    theirs = RULES + '\n[[alarm]]\nid = "D"\ntag = "t.d"\nlow = 2.0\n'
    out = merged("rules.toml", RULES, ours, theirs)
    assert out.conflicts == ()
    assert [a["id"] for a in tomllib.loads(out.text)["alarm"]] == ["A", "B", "C", "D"]
    assert tomllib.loads(out.text)["alarm"][3] == {"id": "D", "tag": "t.d", "low": 2.0}


def test_one_field_changed_otherwise_by_both_is_told_and_ours_stays() -> None:
    out = merged("rules.toml", RULES, RULES.replace("5.0", "6.0"), RULES.replace("5.0", "9.0"))
    assert tomllib.loads(out.text)["alarm"][0]["high"] == 6.0
    (conflict,) = out.conflicts
    assert conflict.text == "rules.toml: alarm A, high: was 5; ours 6 (kept), theirs 9"


def test_what_one_removes_and_the_other_changes_is_told_and_stays_whole() -> None:
    gone = RULES[: RULES.index('\n[[alarm]]\nid = "B"')]
    out = merged("rules.toml", RULES, RULES.replace("7.0", "8.0"), gone)
    assert tomllib.loads(out.text)["alarm"][1] == {"id": "B", "tag": "t.b", "high": 8.0}
    assert [c.what for c in out.conflicts] == ["rules.toml: alarm B"]
    out = merged("rules.toml", RULES, gone, RULES)
    assert len(tomllib.loads(out.text)["alarm"]) == 1
    assert out.conflicts == ()


def test_tags_of_one_twin_added_by_two_people_are_both_there() -> None:
    out = merged("twins.json", twins(a="s!a"), twins(a="s!a", b="s!b"), twins(a="s!a", c="s!c"))
    assert out.conflicts == ()
    assert list(json.loads(out.text)["twins"][0]["tags"]) == ["a", "b", "c"]


def test_a_file_that_both_made_is_merged() -> None:
    mine, other = 'schema = 1\n[[receiver]]\nid = "a"\n', 'schema = 1\n[[receiver]]\nid = "b"\n'
    out = merged("notify.toml", "", mine, other)
    assert [r["id"] for r in tomllib.loads(out.text)["receiver"]] == ["a", "b"]


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ProjectFault, match=r"rules\.toml cannot be read"):
        merged("rules.toml", RULES, RULES + "[[", RULES + "\n# more\n")


ROWS = st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 3), max_size=6)


def as_rules(rows: dict[str, int]) -> str:
    return "schema = 1\n" + "".join(f'\n[[alarm]]\nid = "{k}"\nhigh = {v}\n' for k, v in rows.items())


@given(base=ROWS, ours=ROWS, theirs=ROWS)
def test_what_only_one_changed_is_always_taken(
    base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]
) -> None:
    out = merged("rules.toml", as_rules(base), as_rules(ours), as_rules(theirs))
    have = {a["id"]: a["high"] for a in tomllib.loads(out.text).get("alarm", [])}
    clashes = {c.what.split()[2].rstrip(",") for c in out.conflicts}
    for key in "ABCDEF":
        b, o, t = base.get(key), ours.get(key), theirs.get(key)
        wanted = t if o == b else o
        assert have.get(key) == wanted, key
        assert (key in clashes) == (o not in (b, t) and t != b), key


@given(base=ROWS, ours=ROWS)
def test_merging_with_what_nobody_changed_changes_nothing(base: dict[str, int], ours: dict[str, int]) -> None:
    assert merged("rules.toml", as_rules(base), as_rules(ours), as_rules(base)).text == as_rules(ours)
    both = merged("rules.toml", as_rules(base), as_rules(base), as_rules(ours)).text
    assert entries.leaves(entries.parsed("rules.toml", both)) == entries.leaves(
        entries.parsed("rules.toml", as_rules(ours))
    )


def bind(prim: str, name: str = "b", **more: Any) -> Binding:
    return Binding(prim=prim, name=name, **more)


def test_fields_of_one_binding_changed_by_two_people_are_both_kept() -> None:
    base = bind("/P", signal="t.a", ends=(0, 1))
    mine, other = bind("/P", signal="t.b", ends=(0, 1)), bind("/P", signal="t.a", ends=(0, 9))
    out = merged_bindings([base], [mine], [other])
    assert out.save == (bind("/P", signal="t.b", ends=(0, 9)),)
    assert not out.conflicts


def test_maps_of_a_binding_are_merged_within() -> None:
    base = bind("/P", map=MapSpec(scale=1.0))
    mine, other = bind("/P", map=MapSpec(scale=2.0)), bind("/P", map=MapSpec(offset=3.0))
    out = merged_bindings([base], [mine], [other])
    assert out.save[0].map == MapSpec(scale=2.0, offset=3.0)
    out = merged_bindings([base], [mine], [bind("/P", map=MapSpec(scale=4.0))])
    assert [c.what for c in out.conflicts] == ["binding /P#b, map.scale"]
    assert not out.save


def test_a_binding_that_they_took_out_goes_and_one_that_we_changed_stays() -> None:
    a, b = bind("/A", signal="x"), bind("/B", signal="x")
    out = merged_bindings([a, b], [a, bind("/B", signal="y")], [])
    assert out.remove == (("/A", "b"),)
    assert not out.save
    assert [c.what for c in out.conflicts] == ["binding /B#b"]
