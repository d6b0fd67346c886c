"""What an area's tags were last, as its new world begins with it."""

from __future__ import annotations

import numpy as np

from armillary.model.clock import NS, ManualClock
from armillary.model.quality import BAD, COMM, STALE, rank
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec
from armillary.world.remembered import last_known, stale_rows

SPECS = [TagSpec(slot=4, name="a", link="n", address="a"), TagSpec(slot=7, name="b", link="n", address="b")]


def test_what_was_last_is_stale_and_as_old_as_it_is(own_places: object) -> None:
    clock = ManualClock()
    then = clock.now_ns() - 90 * NS
    rows = batch_of(
        np.array([11, 12], np.uint32),
        np.array([1.0, 2.0]),
        np.array([then, then]),
        then,
        1,
        quality=np.array([0, BAD], np.uint16),
    )
    known = stale_rows(rows, SPECS, [11, 12], clock)
    assert known is not None
    assert known.slot.tolist() == [4, 7]
    assert known.value.tolist() == [1.0, 2.0]
    assert rank(known.quality).tolist() == [STALE, BAD]
    assert int(known.quality[0]) == STALE | COMM
    assert ((clock.now_mono_ns() - known.arrival_mono_ns) == 90 * NS).all()


def test_tags_that_the_history_does_not_have_are_left_out() -> None:
    rows = batch_of(np.array([12], np.uint32), np.ones(1), np.ones(1, np.int64), 1, 1)
    known = stale_rows(rows, SPECS, [0, 12], ManualClock())
    assert known is not None
    assert known.slot.tolist() == [7]


def test_without_a_recorder_nothing_is_known_and_nothing_is_waited_for() -> None:
    assert last_known("ipc:///nowhere/recorder.sock", SPECS, ManualClock()) is None
