"""Messages that could not be read, among values with the plant's own times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.model.quality import GOOD
from armillary.model.sample import SOURCE_TIME_ASSUMED, SampleBatch, batch_of
from armillary.model.tags import TagTable
from armillary.telemetry.timeless import UNREADABLE, placed
from armillary.twin.state import apply

NOW = 1_750_000_000 * NS
TIMED = np.array([True, True, False])
Row = tuple[int, float | None]  # slot, plant's seconds; None: it could not be read


def batch(*rows: Row, arrival_s: float = 0.0) -> SampleBatch:
    arrival = NOW + int(arrival_s * NS)
    lost = np.array([t is None for _, t in rows])
    return batch_of(
        np.array([s for s, _ in rows], np.uint32),
        np.array([np.nan if t is None else t for _, t in rows]),
        np.array([arrival if t is None else NOW + int(t * NS) for _, t in rows], np.int64),
        arrival,
        1,
        quality=np.where(lost, UNREADABLE, GOOD).astype(np.uint16),
        flags=np.where(lost, SOURCE_TIME_ASSUMED, 0).astype(np.uint8),
    )


def told(table: TagTable, *rows: Row, arrival_s: float = 0.0) -> list[int]:
    """Apply rows as a tick does; return the qualities of the first two tags."""
    made = placed(batch(*rows, arrival_s=arrival_s), table.source_ns, TIMED)
    apply(table, made)
    return table.quality[:2].tolist()


@pytest.mark.parametrize("ahead_s", [-40.0, -2.0, 0.0, 2.0, 40.0])
def test_a_tag_is_bad_with_junk_and_good_with_the_next_value_whatever_its_clock_says(ahead_s: float) -> None:
    table = TagTable(3)
    assert told(table, (0, ahead_s)) == [GOOD, 5]
    assert told(table, (0, None), arrival_s=1)[0] == UNREADABLE
    assert told(table, (0, None), arrival_s=2)[0] == UNREADABLE
    assert told(table, (0, ahead_s + 3), arrival_s=3)[0] == GOOD
    # and all within one tick
    assert told(table, (0, ahead_s + 4), (0, None), arrival_s=4)[0] == UNREADABLE
    assert told(table, (0, None), (1, None), (0, ahead_s + 5), arrival_s=5) == [GOOD, UNREADABLE]


def test_junk_before_any_value_has_the_time_of_its_arrival() -> None:
    table = TagTable(3)
    told(table, (0, None), arrival_s=7)
    assert table.source_ns[0] == NOW + 7 * NS


def test_tags_without_times_of_their_own_keep_the_arrival() -> None:
    table = TagTable(3)
    told(table, (2, None), arrival_s=7)
    told(table, (2, None), arrival_s=8)
    assert table.source_ns[2] == NOW + 8 * NS


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30))
def test_values_of_a_clock_that_runs_on_keep_their_order_among_junk(given_: list[tuple[int, bool]]) -> None:
    rows: list[Row] = [(slot, None if junk else i - 40.0) for i, (slot, junk) in enumerate(given_)]
    table = TagTable(3)
    apply(table, placed(batch((0, -100), (1, -100), (2, -100)), table.source_ns, TIMED))
    made = placed(batch(*rows, arrival_s=50), table.source_ns, TIMED)
    done = apply(table, made)
    last = {slot: t for slot, t in rows if slot < 2}
    for slot, t in last.items():
        assert (table.quality[slot] == UNREADABLE) == (t is None)
    timed_rows = TIMED[made.slot]
    assert not (done.outcome[timed_rows] == 2).any()  # none is late
    assert not (done.outcome[timed_rows] == 3).any()  # none is taken for a double
