"""What is told of free space and of history that waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.alarms.system import (
    DISK_LOW,
    DISK_SHORT,
    HISTORY,
    HISTORY_COUNTERS,
    HISTORY_FULL,
    system_alarms,
)
from armillary.model.frame import Kept
from armillary.world.room import GIB, Room


def room(free: int | None) -> Room:
    made = Room(Path("/project"), lambda _folder: free)
    made.free = free
    return made


@pytest.mark.parametrize(
    ("free", "told"),
    [(None, set()), (6 * GIB, set()), (4 * GIB, {DISK_LOW}), (GIB // 2, {DISK_SHORT}), (0, {DISK_SHORT})],
)
def test_a_disk_that_fills_is_told_at_5_gib_and_more_urgently_at_1_gib(
    free: int | None, told: set[str]
) -> None:
    assert set(room(free).troubles(Kept())) == told
    priority = {spec.id: spec.priority for spec in system_alarms()}
    assert (priority[DISK_LOW], priority[DISK_SHORT], priority[HISTORY_FULL]) == (3, 2, 2)


def test_a_full_disk_says_how_long_the_spill_lasts_at_this_pace() -> None:
    kept = Kept(offered=36_000, waiting=36_000, behind_s=10.0, state="full")
    at_ease = room(100 * GIB).troubles(kept)[HISTORY_FULL]
    assert at_ease == "Disk full: history is spilling, 4 h left"
    none_free = room(0).troubles(kept)
    assert none_free[HISTORY_FULL] == "Disk full: history is spilling, 26 min left"
    lost = Kept(offered=9, waiting=0, dropped=9, state="full")
    assert "9 samples are lost already" in room(0).troubles(lost)[HISTORY_FULL]


def test_no_recorder_and_counters_that_do_not_add_up_are_told() -> None:
    told = room(None).troubles(Kept(state="away", behind_s=12.4, balanced=False))
    assert told[HISTORY] == "No recorder for 12 s: history is spilling"
    assert HISTORY_COUNTERS in told
