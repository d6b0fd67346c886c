"""What names of relationships mean."""

from __future__ import annotations

import pytest

from armillary.model.relation import PART, is_flow, key, noun, stem, words


@pytest.mark.parametrize(
    ("forms", "is_back"),
    [
        (("feeds", "feeding", "feed"), False),
        (("isFedBy", "fed by", "fedBy", "is_fed_by"), True),
        (("measures", "measuring"), False),
        (("controls", "controlling"), False),
        (("supplies", "supplying", "supply"), False),
        (("drivenBy", "driven by"), True),
    ],
)
def test_forms_of_one_verb_are_one_relation(forms: tuple[str, ...], is_back: bool) -> None:
    assert len({key(form) for form in forms}) == 1
    assert {key(form)[1] for form in forms} == {is_back}


def test_a_relation_and_its_inverse_have_one_key() -> None:
    assert key("feeds")[0] == key("isFedBy")[0]
    assert key("drives")[0] == key("driven by")[0]


@pytest.mark.parametrize("name", ["partOf", "isPartOf", "located-in", "is component of", "memberOf"])
def test_what_says_part_of_has_one_key(name: str) -> None:
    assert key(name) == (PART, False)


@pytest.mark.parametrize("name", ["contains", "hasPart", "has_component"])
def test_what_holds_has_the_same_key_backwards(name: str) -> None:
    assert key(name) == (PART, True)


def test_different_verbs_stay_different() -> None:
    verbs = ("feeds", "measures", "controls", "heats", "cools", "vents", "drives", "bypasses", "passes")
    assert len({stem(verb) for verb in verbs}) == len(verbs)


def test_only_what_flows_is_a_flow() -> None:
    assert [is_flow(key(name)[0]) for name in ("feeds", "isFedBy", "flowsTo", "controls")] == [1, 1, 1, 0]


def test_plurals_of_nouns() -> None:
    assert [noun(word) for word in ("Pumps", "batteries", "switches", "gas", "bus", "glass", "axis")] == [
        "pump", "battery", "switch", "ga", "bus", "glass", "axis",
    ]  # fmt: skip


def test_words_of_names() -> None:
    assert words("isFedBy") == ("is", "Fed", "By")
    assert words("P-101A") == ("P", "101", "A")
    assert words("HVACUnit") == ("HVAC", "Unit")


def test_what_has_a_point_is_what_the_point_is_of_the_other_way() -> None:
    assert key("hasPoint") == ("point of", True)
    assert key("isPointOf") == ("point of", False)
