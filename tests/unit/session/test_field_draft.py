"""Which places can be sensors of a field in hand, and what a first draft proposes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from armillary.model.binding import Binding, FieldSpec
from armillary.model.tags import TagSpec
from armillary.session.draft import Draft, proposal
from armillary.session.field_draft import FieldDraft, at, begun, candidates, matching, together

SPECS = (
    TagSpec(slot=0, name="deck.s1.strain", unit="µm/m", low=-50.0, high=200.0),
    TagSpec(slot=1, name="deck.s2.strain", unit="µm/m", low=-100.0, high=100.0),
    TagSpec(slot=2, name="deck.s2.temp", unit="°C"),
    TagSpec(slot=3, name="deck.mode", kind="text"),
    TagSpec(slot=4, name="deck.skin", kind="array", low=0.0, high=90.0),
)
S1, S2 = "/Deck/S1", "/Deck/S2"
BINDINGS = (
    Binding(name="a", prim=S1, signal="deck.s1.strain", channel="label"),
    Binding(name="a", prim=S2, signal="deck.s2.strain", channel="label"),
    Binding(name="b", prim=S2, signal="deck.s2.strain", channel="displayColor"),
    Binding(name="t", prim=S2, signal="deck.s2.temp", channel="displayColor"),
    Binding(name="m", prim="/Deck/M", signal="deck.mode", channel="label"),
    Binding(name="off", prim="/Deck/Off", signal="deck.s1.strain", channel="label", enabled=False),
    Binding(name="skin", prim="/Deck/Skin", signal="deck.skin", channel="primvar"),
)
FOUND = candidates(BINDINGS, SPECS)


def test_a_place_is_a_sensor_when_a_number_is_bound_there() -> None:
    assert [(s.target, s.tag.name) for s in FOUND] == [
        (S1, "deck.s1.strain"),
        (f"{S2}.twin:a:signal", "deck.s2.strain"),
        (f"{S2}.twin:t:signal", "deck.s2.temp"),
    ]


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("*.strain", 2), ("STRAIN", 2), ("deck.s?.*", 3), ("/deck/s1", 1), ("s2", 2), ("", 0), ("x", 0)],
)
def test_a_pattern_fits_tags_and_parts_whatever_the_case(pattern: str, count: int) -> None:
    assert len(matching(FOUND, pattern)) == count


def test_parts_bring_what_is_below_them_and_each_place_counts_once() -> None:
    assert len(at(FOUND, ["/Deck"])) == 3
    assert at(FOUND, ["/Dec"]) == ()
    assert [s.tag.name for s in together(FOUND[:1], FOUND)] == ["deck.s1.strain", "deck.s2.temp"]


def test_the_first_range_spans_those_of_the_tags_else_what_they_say_now() -> None:
    draft = begun("/Deck", FOUND[:2], (), FOUND)
    assert (draft.low, draft.high) == (-100.0, 200.0)
    bare = [replace(s, tag=replace(s.tag, low=-math.inf, high=math.inf)) for s in FOUND[:2]]
    draft = begun("/Deck", bare, (), bare, readings={"deck.s1.strain": 3.0, "deck.s2.strain": 7.0})
    assert (draft.low, draft.high) == (3.0, 7.0)
    assert "no tag has a range" in draft.hint.casefold()


def test_an_edit_of_a_field_keeps_what_the_card_does_not_show() -> None:
    spread = FieldSpec(sensors=(S1, "/Deck/Gone"), radius=200.0, power=3.0, iso_lines=2)
    old = Binding(
        name="f", prim="/Deck", channel="field", ends=(9.0, 1.0), unit="m", id="x", field=spread, colormap="c"
    )
    draft = begun("/Deck", (), (*BINDINGS, old), FOUND, metres=0.01)
    assert draft.reach == pytest.approx(2.0)
    made = draft.binding()
    assert replace(made, origin="") == old


def test_a_new_name_is_one_that_the_part_does_not_have() -> None:
    taken = Binding(name="spread", prim="/Deck", channel="label", signal="deck.mode")
    assert begun("/Deck", FOUND, (taken,), FOUND).name == "spread_2"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sensors": ()}, "Choose sensors"),
        ({"low": 1.0, "high": 1.0}, "differ"),
        ({"high": math.nan}, "finite"),
        ({"reach": -1.0}, "no limit"),
        ({"method": "rbf"}, "reach"),
    ],
)
def test_what_is_no_field_says_why(change: dict[str, object], word: str) -> None:
    draft = FieldDraft(prim="/Deck", name="f", sensors=FOUND)
    assert draft.why_not() == ""
    assert word in replace(draft, **change).why_not()  # type: ignore[arg-type]


def test_a_list_dropped_on_a_part_proposes_the_colour_of_each_point() -> None:
    draft = proposal(SPECS[4], "/Deck", math.nan, ())
    assert (draft.channel, draft.low, draft.high, draft.why_not()) == ("primvar", 0.0, 90.0, "")
    assert draft.binding().ends == (0.0, 90.0)
    assert "list" in replace(draft, channel="displayColor").why_not()
    assert replace(draft, channel="transform").binding().map.kind == "none"


@pytest.mark.parametrize(("channel", "word"), [("primvar", "list"), ("transform", "pose")])
def test_one_number_is_neither_a_list_nor_a_pose(channel: str, word: str) -> None:
    assert word in Draft(tag=SPECS[0], prim="/Deck", name="x", channel=channel).why_not()
