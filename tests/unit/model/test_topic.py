from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.topic import filled, filter_of, matches, names_in, parts_of


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+", "a", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a/+/c", "a//c", True),
        ("a", "A", False),
    ],
)
def test_a_filter_matches_as_a_broker_does(pattern: str, topic: str, fits: bool) -> None:
    assert matches(pattern, topic) == fits


@pytest.mark.parametrize(
    ("template", "topic", "parts"),
    [
        ("site/{pump}/vibration", "site/P-1/vibration", {"pump": "P-1"}),
        ("site/{pump}/vibration", "site/P-1/level", None),
        ("site/{pump}/vibration", "site/P-1/x/vibration", None),
        ("site/{pump}/vibration", "site//vibration", None),
        ("{a}/{b}", "x/y", {"a": "x", "b": "y"}),
        ("{a}/{a}", "x/y", None),
        ("{a}/{a}", "x/x", {"a": "x"}),
        ("line{n}.cell{m}/v", "line4.cell2/v", {"n": "4", "m": "2"}),
        ("line{n}.cell{m}/v", "line4xcell2/v", None),
        ("+/{a}", "anything/x", {"a": "x"}),
    ],
)
def test_named_parts_are_taken_from_their_levels(
    template: str, topic: str, parts: dict[str, str] | None
) -> None:
    assert parts_of(template, topic) == parts


def test_a_template_is_filled_named_and_subscribed() -> None:
    template = "site/{pump}/a{x}b"
    assert names_in(template) == ("pump", "x")
    assert filled(template, {"pump": "P"}) == "site/P/a{x}b"
    assert filter_of(template) == "site/+/+"


LEVEL = st.text(st.characters(exclude_characters="/+#{}", exclude_categories=("Cs",)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=80)
@given(levels=st.lists(LEVEL, min_size=1, max_size=4), parts=st.lists(LEVEL, min_size=1, max_size=3))
def test_what_was_filled_in_is_found_again_and_comes_by_the_filter(
    levels: list[str], parts: list[str]
) -> None:
    names = [f"p{i}" for i in range(len(parts))]
    template = "/".join([*levels, *(f"{{{name}}}" for name in names)])
    given_parts = dict(zip(names, parts, strict=True))
    topic = filled(template, given_parts)
    assert parts_of(template, topic) == given_parts
    assert matches(filter_of(template), topic) or topic.startswith("$")
