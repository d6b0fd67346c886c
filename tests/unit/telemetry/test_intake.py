"""What the tick takes of the inbox: readings of one read stay several, what waited while we slept says so."""

from __future__ import annotations

import numpy as np

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import GOOD, RANK_MASK, STALE
from armillary.model.sample import SOURCE_TIME_ASSUMED, WAITED, SampleBatch, batch_of
from armillary.model.tags import TagSpec
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake, told_apart
from armillary.telemetry.plan import plans

WALL, MONO = 1_750_000_000 * NS, 1_000 * NS
LINK = LinkSpec(name="m", kind="mqtt", url="mqtt://h")
SPECS = tuple(TagSpec(slot=i, name=f"t{i}", link="m", address=f"t{i}", expected_ms=1_000) for i in range(2))


def batch(slots: list[int], arrivals: list[int], flags: int = SOURCE_TIME_ASSUMED) -> SampleBatch:
    n, arrival = len(slots), WALL + np.array(arrivals, np.int64)
    return batch_of(
        np.array(slots, np.uint32),
        np.full(n, 85.1),
        arrival,
        arrival,
        MONO,
        flags=np.full(n, flags, np.uint8),
    )


def apart(slots: list[int], arrivals: list[int], flags: int = SOURCE_TIME_ASSUMED) -> list[int]:
    return (told_apart(batch(slots, arrivals, flags)).source_ns - WALL).tolist()


def test_readings_of_one_tag_that_one_read_brought_are_told_apart() -> None:
    assert apart([0, 1, 0, 0, 1], [50, 50, 50, 50, 50]) == [50, 50, 51, 52, 51]
    assert apart([0, 0, 0], [50, 90, 90]) == [50, 90, 91]


def test_the_fields_of_one_message_have_one_time() -> None:
    assert apart([0, 1], [50, 50]) == [50, 50]


def test_times_that_a_source_gave_stay_as_they_are() -> None:
    assert apart([0, 0], [50, 50], flags=0) == [50, 50]


class Bench:
    def __init__(self) -> None:
        self.inbox = Inbox(["m"])
        self.intake = Intake(plans([LINK], SPECS), SPECS, self.inbox)
        self.inbox.carrier("m", True, MONO)

    def take(self, mono_ns: int, age_s: float = 0.0) -> SampleBatch:
        arrived = batch_of(
            np.zeros(1, np.uint32), np.ones(1), np.array([WALL - int(age_s * NS)]), WALL, mono_ns
        )
        self.inbox.put("m", arrived)
        return self.intake.take()


def test_after_a_sleep_what_comes_before_a_link_is_connected_anew_may_be_old() -> None:
    bench, woke = Bench(), MONO + 100 * NS
    bench.intake.doubt(woke)
    old = bench.take(woke + 1, age_s=60)
    assert (old.flags.tolist(), (old.quality & RANK_MASK).tolist()) == ([WAITED], [STALE])
    bench.inbox.carrier("m", False, woke + NS)
    bench.inbox.carrier("m", True, woke + 2 * NS)
    assert bench.take(woke + 2 * NS - 1, age_s=60).flags.tolist() == [WAITED]  # it was queued before
    new = bench.take(woke + 3 * NS)
    assert (new.flags.tolist(), new.quality.tolist()) == ([0], [GOOD])
    assert bench.take(woke + 3 * NS).flags.tolist() == [0]
