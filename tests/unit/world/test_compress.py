from __future__ import annotations

from pathlib import Path

import numpy as np

from armillary.model.clock import NS, ManualClock
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec
from armillary.world.feed import RecorderFeed


def test_what_is_left_out_is_counted_and_the_books_balance(tmp_path: Path) -> None:
    specs = [
        TagSpec(slot=0, name="a", link="l", bound=0.5, thinning="line", longest_ms=60_000),
        TagSpec(slot=1, name="b", link="l"),
    ]
    clock = ManualClock(1_790_000_000 * NS)
    feed = RecorderFeed("", specs, specs, "s", clock=clock, thinned=specs, marks=("~event",))
    for _ in range(30):
        clock.advance(1.0)
        now = np.full(3, clock.now_ns())
        slots = np.array([0, 1, 2], np.uint32)
        feed.offer(batch_of(slots, np.zeros(3), now, clock.now_ns(), clock.now_mono_ns()))
    kept = feed.kept()
    assert kept.balanced
    assert (kept.offered, kept.compressed, kept.waiting) == (90, 0, 90)
    clock.advance(90.0)
    feed.offer(batch_of(np.zeros(0, np.uint32), np.zeros(0), np.zeros(0, np.int64), 0, 0))
    kept = feed.kept()
    assert kept.balanced
    assert (kept.offered, kept.compressed, kept.waiting) == (90, 28, 62)
    assert feed.spool.offered == 62
