"""The mean of a group: as good as the share of its members that are good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.model import expression
from armillary.model.quality import (
    BAD,
    COMM,
    DERIVED,
    GOOD,
    NEVER,
    REASON_MASK,
    SENSOR,
    STALE,
    SUBSTITUTED,
    UNCERTAIN,
    rank,
)

NAMES = tuple(f"t{i:02}" for i in range(16))
NAN = float("nan")
Members = list[tuple[float, int]]


def mean(members: Members) -> tuple[float, int]:
    names = NAMES[: len(members)]
    made = expression.compile(f"mean({', '.join(names)})", frozenset(NAMES))
    value, word = made.evaluate(
        {n: np.array([v]) for n, (v, _) in zip(names, members, strict=True)},
        {n: np.array([q], np.uint16) for n, (_, q) in zip(names, members, strict=True)},
    )
    return float(value[0]), int(word[0])


def used(members: Members) -> list[bool]:
    names = NAMES[: len(members)]
    made = expression.compile(f"mean({', '.join(names)})", frozenset(NAMES))
    told = made.used(
        {n: np.array([v]) for n, (v, _) in zip(names, members, strict=True)},
        {n: np.array([q], np.uint16) for n, (_, q) in zip(names, members, strict=True)},
    )
    assert told is not None
    return told[:, 0].tolist()


@pytest.mark.parametrize(
    ("members", "value", "quality"),
    [
        ([(1.0, GOOD), (2.0, GOOD), (6.0, GOOD)], 3.0, GOOD),
        ([(1.0, GOOD)] * 4 + [(NAN, BAD)], 1.0, GOOD),  # 80 %
        ([(1.0, GOOD)] * 3 + [(9.0, SUBSTITUTED), (NAN, BAD)], 3.0, SUBSTITUTED),
        ([(1.0, GOOD), (3.0, GOOD), (NAN, BAD)], 2.0, UNCERTAIN),  # 67 %
        ([(4.0, GOOD)] + [(NAN, NEVER)] * 4, 4.0, UNCERTAIN),  # 20 %
        ([(4.0, GOOD)] + [(NAN, BAD)] * 5, NAN, BAD),
        ([(4.0, GOOD), (2.0, UNCERTAIN), (99.0, STALE)], 3.0, UNCERTAIN),
        ([(2.0, UNCERTAIN), (4.0, UNCERTAIN), (6.0, UNCERTAIN)], 4.0, UNCERTAIN),
        ([(1.0, STALE), (2.0, STALE), (6.0, STALE)], 3.0, STALE),  # as it was last
        ([(8.0, GOOD)] + [(2.0, STALE)] * 5, 3.0, STALE),
        ([(8.0, GOOD)] + [(2.0, STALE)] * 5 + [(NAN, BAD)], NAN, BAD),
    ],
)
def test_a_mean_is_as_good_as_the_share_of_its_members_that_is(
    members: Members, value: float, quality: int
) -> None:
    told, word = mean(members)
    assert told == pytest.approx(value, nan_ok=True)
    assert word & 0xFF == quality


def test_reasons_of_members_left_out_are_told_where_they_make_it_doubtful() -> None:
    assert mean([(1.0, GOOD)] * 4 + [(NAN, BAD | SENSOR)])[1] == GOOD
    assert mean([(1.0, GOOD)] * 2 + [(NAN, BAD | SENSOR)])[1] == UNCERTAIN | SENSOR | DERIVED
    assert mean([(NAN, BAD | COMM)] * 3)[1] & REASON_MASK == COMM | DERIVED


def test_what_is_left_out_counts_for_no_age_however_many_there_are() -> None:
    assert used([(1.0, GOOD)] * 15 + [(NAN, BAD)]) == [True] * 15 + [False]
    assert used([(1.0, GOOD)] * 2 + [(5.0, STALE)] + [(NAN, BAD)] * 3) == [True] * 2 + [False] * 4
    assert used([(NAN, BAD)] * 7) == [True] * 7


def test_two_members_a_number_among_them_and_a_sum_are_as_bad_as_the_worst() -> None:
    known = frozenset(("a", "b", "c"))
    bad = {"a": np.array([1.0]), "b": np.array([2.0]), "c": np.array([NAN])}
    words = {"a": np.zeros(1, np.uint16), "b": np.zeros(1, np.uint16), "c": np.array([BAD], np.uint16)}
    for text in ("mean(a, c)", "mean(a, b, c, 5)", "sum(a, b, c)", "max(a, b, c)"):
        value, word = expression.compile(text, known).evaluate(bad, words)
        assert np.isnan(value[0])
        assert word[0] & 0xFF == BAD


def test_members_may_be_expressions_and_rows_are_judged_each_by_itself() -> None:
    made = expression.compile("mean(2 * a, b, c) + 1", frozenset(("a", "b", "c")))
    value, word = made.evaluate(
        {"a": np.array([1.0, NAN]), "b": np.array([4.0, 4.0]), "c": np.array([6.0, 6.0])},
        {k: np.array([GOOD, BAD if k == "a" else GOOD], np.uint16) for k in "abc"},
    )
    assert value.tolist() == [5.0, 6.0]
    assert rank(word).tolist() == [GOOD, UNCERTAIN]


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from([GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD, NEVER])),
        min_size=3,
        max_size=16,
    )
)
def test_a_mean_lies_among_its_members_and_is_never_worse_than_the_worst(members: Members) -> None:
    members = [(v if q < BAD else NAN, q) for v, q in members]
    value, word = mean(members)
    heard = [v for v, q in members if q < BAD]
    assert word & 0xFF <= max(BAD, *(q for _, q in members))
    assert (word & 0xFF) <= max(q for _, q in members)
    if np.isnan(value):
        assert word & 0xFF == BAD
    else:
        assert min(heard) - 1e-6 <= value <= max(heard) + 1e-6
