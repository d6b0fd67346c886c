"""The roll-up of alarms to their ancestors, against one alarm at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.alarms.rollup import rollup

# 0 plant ─ 1 hall ─ 2 pump ─ 3 bearing; 4 tank under the plant; 5 another root
PARENT = np.array([-1, 0, 1, 2, 0, -1], np.int32)


def of(*alarms: tuple[int, int, bool]) -> tuple[list[int], list[int], list[int]]:
    out = rollup(
        PARENT,
        np.array([a[0] for a in alarms], np.int32),
        np.array([a[1] for a in alarms], np.uint8),
        np.array([a[2] for a in alarms], np.bool_),
    )
    return out.unacked.tolist(), out.worst.tolist(), out.count.tolist()


def test_every_ancestor_shows_the_worst_below_and_the_count() -> None:
    unacked, worst, count = of((3, 2, True), (1, 1, False), (4, 4, True))
    assert unacked == [2, 2, 2, 2, 4, 0]
    assert worst == [1, 1, 2, 2, 4, 0]
    assert count == [3, 2, 1, 1, 1, 0]


def test_an_alarm_without_a_prim_is_shown_nowhere() -> None:
    assert of((-1, 1, True))[2] == [0] * 6
    assert of()[2] == [0] * 6


def test_a_circle_of_parents_is_an_error_and_does_not_hang() -> None:
    with pytest.raises(ValueError, match="circle"):
        rollup(np.array([1, 0], np.int32), np.array([0], np.int32), np.array([1], np.uint8), np.array([True]))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4), st.booleans()), max_size=30))
def test_many_at_once_are_as_one_by_one(alarms: list[tuple[int, int, bool]]) -> None:
    unacked, worst, count = [9] * 6, [9] * 6, [0] * 6
    for prim, priority, waits in alarms:
        at = prim
        while at >= 0:
            worst[at] = min(worst[at], priority)
            unacked[at] = min(unacked[at], priority) if waits else unacked[at]
            count[at] += 1
            at = int(PARENT[at])
    assert of(*alarms) == ([u % 9 for u in unacked], [w % 9 for w in worst], count)
