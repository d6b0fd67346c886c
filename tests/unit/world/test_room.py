"""What is told of free space and of history that waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.alarms.system import (
    DISK_LOW,
    DISK_SHORT,
    HISTORY,
    HISTORY_COUNTERS,
    HISTORY_DAMAGED,
    HISTORY_FULL,
    HISTORY_QUOTA,
    system_alarms,
)
from armillary.model.frame import Kept
from armillary.world.room import GIB, Room, shelf_of


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


def history(folder: Path, names: dict[str, int]) -> Room:
    """Return a room of 0.001 GiB for history that was looked at, with files of some bytes."""
    (folder / ".armillary" / "history").mkdir(parents=True)
    for name, size in names.items():
        (folder / ".armillary" / name).write_bytes(b"x" * size)
    made = Room(folder, lambda _folder: None, quota_gb=0.001)
    made.shelf = shelf_of(folder)
    return made


def test_a_history_that_nears_its_quota_is_told_before_anything_goes(tmp_path: Path) -> None:
    names = {"history.duckdb": 500_000, "history/2026-03-14.000001.samples.parquet": 500_000}
    told = history(tmp_path, names).troubles(Kept())
    assert told == {HISTORY_QUOTA: "History is 93 % of the 0.001 GiB that it may have"}
    assert {spec.id: spec.priority for spec in system_alarms()}[HISTORY_QUOTA] == 3


def test_a_history_far_from_its_quota_or_without_one_says_nothing(tmp_path: Path) -> None:
    made = history(tmp_path, {"history.duckdb": 500_000, "other": 9_000_000})
    assert made.troubles(Kept()) == {}
    made = Room(tmp_path, lambda _folder: None)
    made.shelf = shelf_of(tmp_path)
    assert made.troubles(Kept()) == {}


def test_days_that_were_moved_aside_are_told_by_name_until_their_files_are_gone(tmp_path: Path) -> None:
    day = "history/2026-03-14.000001.samples.parquet.damaged"
    made = history(tmp_path, {day: 1, "history/2026-04-01.000009.minutes.parquet.damaged": 1})
    said = "History 2026-03-14 and 1 more days cannot be read: moved aside"
    assert made.troubles(Kept()) == {HISTORY_DAMAGED: said}
    for path in (tmp_path / ".armillary" / "history").iterdir():
        path.unlink()
    made.shelf = shelf_of(tmp_path)
    assert made.troubles(Kept()) == {}
