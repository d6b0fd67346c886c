"""What is normal is faint; what has an alarm, or no good value, is not."""

from __future__ import annotations

import numpy as np

from armillary.model.look import ALARM_SHIFT, Label, Look
from armillary.model.quality import BAD, STALE, UNCERTAIN
from armillary.session.ghosting import ghosted, solid

ENDS = np.array([6, 4, 3, 4, 6, 6])  # 0 plant ─ 1 pump ─ 2 bearing, 3 motor; 4 tank ─ 5 gauge


def look(**state: int) -> Look:
    every = np.zeros(6, np.uint8)
    for name, value in state.items():
        every[int(name[1:])] = value
    return Look(
        seq=1,
        rgba=np.full((6, 4), 200, np.uint8),
        state=every,
        visible=np.ones(6, np.bool_),
        emissive=np.zeros((6, 4), np.uint8),
        moved=np.zeros(0, np.uint32),
        matrix=np.zeros((0, 4, 4)),
        label=(Label(prim=2, text="86 °C"), Label(prim=5, text="3 m")),
    )


def test_an_alarm_and_a_lost_value_keep_their_parts_with_all_below() -> None:
    assert solid(look(), ENDS, np.array([1])).tolist() == [False, True, True, True, False, False]
    assert solid(look(p4=STALE, p3=BAD), ENDS, np.zeros(0, np.int64)).tolist() == [False] * 3 + [True] * 3
    doubtful = look(p2=UNCERTAIN, p5=1 << ALARM_SHIFT)  # its outline covers more than the alarm's own part
    assert not solid(doubtful, ENDS, np.zeros(0, np.int64)).any()


def test_what_is_normal_is_faint_and_says_nothing() -> None:
    before = look()
    after = ghosted(before, solid(before, ENDS, np.array([2])))
    assert after.rgba[:, 3].tolist() == [30, 30, 200, 30, 30, 30]
    assert (after.rgba[:, :3] == 200).all()
    assert [label.prim for label in after.label] == [2]
    assert (before.rgba[:, 3] == 200).all()
