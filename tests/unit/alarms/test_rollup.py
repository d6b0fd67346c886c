"""The roll-up of alarms to their ancestors in scene and assets, against one alarm at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.alarms.rollup import Rollup, hierarchy, rollup

# 0 plant ─ 1 hall ─ 2 pump ─ 3 bearing; 4 tank under the plant; 5 another root
PARENT = np.array([-1, 0, 1, 2, 0, -1], np.int32)
Alarm = tuple[int, int, bool, bool]  # prim, priority, waits, hidden


def of(*alarms: Alarm, edges: tuple[tuple[int, int], ...] = (), parent: np.ndarray = PARENT) -> Rollup:
    return rollup(
        hierarchy(parent, edges),
        np.array([a[0] for a in alarms], np.int64),
        np.array([a[1] for a in alarms], np.uint8),
        np.array([a[2] for a in alarms], np.bool_),
        np.array([a[3] for a in alarms], np.bool_),
    )


def test_every_ancestor_shows_the_worst_below_and_the_count() -> None:
    out = of((3, 2, True, False), (1, 1, False, False), (4, 4, True, False))
    assert out.unacked.tolist() == [2, 2, 2, 2, 4, 0]
    assert out.worst.tolist() == [1, 1, 2, 2, 4, 0]
    assert out.count.tolist()[0] == [1, 1, 0, 1]
    assert out.waiting.tolist()[0] == [0, 1, 0, 1]
    assert out.count.sum(axis=1).tolist() == [3, 2, 1, 1, 1, 0]


def test_a_hidden_alarm_does_not_roll_up_but_is_known_to_be_inside() -> None:
    out = of((3, 1, True, True))
    assert not out.unacked.any()
    assert not out.worst.any()
    assert not out.count.any()
    assert out.hidden.tolist() == [1, 1, 1, 1, 0, 0]


def test_an_asset_shows_the_alarms_of_its_parts_wherever_the_scene_has_them() -> None:
    out = of((3, 2, True, False), edges=((2, 5),))  # the pump is part of what stands elsewhere in the scene
    assert out.unacked.tolist() == [2, 2, 2, 2, 0, 2]
    assert out.count[5].tolist() == [0, 1, 0, 0]


def test_an_ancestor_in_scene_and_assets_counts_an_alarm_once() -> None:
    # bearing → tank → plant by assets, and the plant holds the bearing in the scene too; a circle besides
    out = of((3, 1, True, False), edges=((3, 4), (2, 4), (4, 0), (4, 2)))
    assert out.count.sum(axis=1).tolist() == [1, 1, 1, 1, 1, 0]


def test_an_alarm_without_a_prim_is_shown_nowhere() -> None:
    assert not of((-1, 1, True, False)).count.any()
    assert not of().worst.any()


@pytest.mark.parametrize("parent", [[1, 0], [-1, 2, 0], [-1, -1, 0, 1, 0]])
def test_prims_out_of_order_are_an_error_and_do_not_hang(parent: list[int]) -> None:
    with pytest.raises(ValueError, match="depth-first"):
        hierarchy(np.array(parent, np.int32))


@st.composite
def forests(draw: st.DrawFn) -> np.ndarray:
    """Parents of some prims in depth-first order."""
    path: list[int] = []
    out: list[int] = []
    for i in range(draw(st.integers(1, 12))):
        path = path[: draw(st.integers(0, len(path)))]
        out.append(path[-1] if path else -1)
        path.append(i)
    return np.array(out, np.int32)


@given(forests(), st.data())
def test_many_at_once_are_as_one_by_one(parent: np.ndarray, data: st.DataObject) -> None:
    m = len(parent)
    prims = st.integers(0, m - 1)
    alarms = data.draw(
        st.lists(st.tuples(prims, st.integers(1, 4), st.booleans(), st.booleans()), max_size=20)
    )
    edges = tuple(data.draw(st.lists(st.tuples(prims, prims), max_size=6)))
    unacked, worst, count, hidden = [9] * m, [9] * m, np.zeros((m, 4), int), [0] * m
    for prim, priority, waits, hides in alarms:
        above, todo = set[int](), [prim]
        while todo:
            at = todo.pop()
            if at < 0 or at in above:
                continue
            above.add(at)
            todo += [int(parent[at]), *(whole for part, whole in edges if part == at)]
        for at in above:
            if hides:
                hidden[at] += 1
                continue
            worst[at] = min(worst[at], priority)
            unacked[at] = min(unacked[at], priority) if waits else unacked[at]
            count[at, priority - 1] += 1
    out = of(*alarms, edges=edges, parent=parent)
    assert out.unacked.tolist() == [u % 9 for u in unacked]
    assert out.worst.tolist() == [w % 9 for w in worst]
    assert out.count.tolist() == count.tolist()
    assert out.hidden.tolist() == hidden
