"""Fallbacks and votes: the quality is that of what was chosen, and only what was read counts for the age."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.model import expression
from armillary.model.arrays import F8
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, COMM, DERIVED, GOOD, NEVER, RANK_MASK, STALE, SUBSTITUTED, UNCERTAIN

NAMES = ("a", "b", "c", "d")


def one(text: str, values: dict[str, float], quality: dict[str, int] | None = None) -> tuple[float, int]:
    made = expression.compile(text, frozenset(NAMES))
    value, word = made.evaluate(
        {n: np.array([values[n]]) for n in made.names},
        {n: np.array([(quality or {}).get(n, GOOD)], np.uint16) for n in made.names},
    )
    return float(value[0]), int(word[0])


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        ({}, (1.0, GOOD)),
        ({"a": SUBSTITUTED}, (1.0, SUBSTITUTED)),
        ({"a": UNCERTAIN}, (2.0, GOOD)),
        ({"a": STALE | COMM, "b": BAD}, (21.0, SUBSTITUTED | DERIVED)),
    ],
)
def test_the_first_good_input_is_taken_with_its_own_quality(
    quality: dict[str, int], expected: tuple[float, int]
) -> None:
    assert one("first_good(a, b, 21.0)", {"a": 1.0, "b": 2.0}, quality) == expected


def test_without_a_constant_the_least_bad_is_taken() -> None:
    assert one("first_good(a, b)", {"a": 1.0, "b": 2.0}, {"a": BAD, "b": STALE | COMM}) == (2.0, STALE | COMM)
    value, word = one("first_good(a, b)", {"a": np.nan, "b": np.nan}, {"a": NEVER, "b": BAD})
    assert np.isnan(value)
    assert word & RANK_MASK == BAD


def test_a_fallback_that_could_never_be_read_is_refused() -> None:
    with pytest.raises(ProjectFault, match="nothing else is read"):
        expression.compile("first_good(21, a)", frozenset(NAMES))


@pytest.mark.parametrize(
    ("values", "quality", "expected"),
    [
        ((10.0, 10.2, 55.0), (GOOD, GOOD, UNCERTAIN), (10.2, GOOD)),
        ((10.0, 10.2, 55.0), (GOOD, UNCERTAIN, GOOD), (10.2, UNCERTAIN)),
        ((10.0, 10.2, np.nan), (GOOD, GOOD, BAD), (10.1, GOOD)),
        ((10.0, np.nan, np.nan), (GOOD, BAD, NEVER), (np.nan, NEVER)),
        ((1.0, 0.0, 1.0), (GOOD, STALE, GOOD), (1.0, GOOD)),  # two of three
    ],
)
def test_a_vote_has_the_worst_quality_of_the_majority_that_agrees(
    values: tuple[float, ...], quality: tuple[int, ...], expected: tuple[float, int]
) -> None:
    value, word = one(
        "median(a, b, c)",
        dict(zip(NAMES, values, strict=False)),
        dict(zip(NAMES, quality, strict=False)),
    )
    assert value == pytest.approx(expected[0], nan_ok=True)
    assert word & RANK_MASK == expected[1]


@pytest.mark.parametrize(
    ("values", "quality", "who"),
    [
        ((10.0, 10.2, 10.4), {}, 0.0),
        ((10.0, 10.2, 55.0), {}, 3.0),
        ((-9.0, 10.2, 10.4), {}, 1.0),
        ((10.0, np.nan, 10.1), {"b": BAD}, 2.0),
    ],
)
def test_who_dissents_is_named(values: tuple[float, ...], quality: dict[str, int], who: float) -> None:
    assert one("dissent(a, b, c, 0.5)", dict(zip(NAMES, values, strict=False)), quality)[0] == who


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from([GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD])),
        min_size=3,
        max_size=3,
    )
)
def test_a_vote_does_not_depend_on_the_order_of_the_voters(voters: list[tuple[float, int]]) -> None:
    told = {
        one(
            "median(a, b, c)",
            {n: v for n, (v, _) in zip(NAMES, order, strict=False)},
            {n: q for n, (_, q) in zip(NAMES, order, strict=False)},
        )
        for order in itertools.permutations(voters)
    }
    values = np.array([v for v, _ in told])
    assert len({q & RANK_MASK for _, q in told}) == 1
    assert np.isnan(values).all() or np.ptp(values) == 0


def used(text: str, values: dict[str, float], quality: dict[str, int] | None = None) -> F8 | None:
    made = expression.compile(text, frozenset(NAMES))
    told = made.used(
        {n: np.array([values[n]]) for n in made.names},
        {n: np.array([(quality or {}).get(n, GOOD)], np.uint16) for n in made.names},
    )
    return None if told is None else {n: bool(told[i, 0]) for i, n in enumerate(made.names)}  # type: ignore[return-value]


def test_only_what_was_read_counts() -> None:
    three = {"a": 1.0, "b": 2.0, "c": 9.0, "d": 0.0}
    assert used("a + b", three) is None
    assert used("a if d > 0 else b", three) == {"d": True, "a": False, "b": True}
    assert used("first_good(a, b, 21)", three, {"a": STALE}) == {"a": False, "b": True}
    assert used("first_good(a, 21)", three, {"a": STALE}) == {"a": False}
    assert used("median(a, b, c)", three) == {"a": True, "b": True, "c": False}
