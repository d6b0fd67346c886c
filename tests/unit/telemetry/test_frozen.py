"""A value that does not move is in doubt, where an engineer asked for it."""

from __future__ import annotations

import numpy as np

from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD, SENSOR, STALE, UNCERTAIN
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.frozen import Frozen

T0 = 1_000 * NS
FROZEN = UNCERTAIN | SENSOR


def samples(rows: list[tuple[int, float, float]], quality: int = GOOD) -> SampleBatch:
    """(slot, value, seconds after the start)."""
    at = T0 + (np.array([t for _, _, t in rows]) * NS).astype(np.int64)
    slot = np.array([s for s, _, _ in rows], np.uint32)
    word = np.full(len(rows), quality, np.uint16)
    return batch_of(slot, np.array([v for _, v, _ in rows]), at, at, at, quality=word)


def watched(limit_s: float = 10.0) -> Frozen:
    return Frozen(
        [
            TagSpec(slot=0, name="a", link="m", frozen_after_ms=round(limit_s * 1000)),
            TagSpec(slot=1, name="b", link="m"),
        ]
    )


def test_a_value_that_stays_exactly_equal_for_too_long_is_in_doubt() -> None:
    frozen = watched()
    assert frozen.marked(samples([(0, 71.2, 0), (1, 5, 0)])).quality.tolist() == [GOOD, GOOD]
    assert frozen.marked(samples([(0, 71.2, 10), (1, 5, 10)])).quality.tolist() == [GOOD, GOOD]
    assert frozen.marked(samples([(0, 71.2, 10.1), (1, 5, 11)])).quality.tolist() == [FROZEN, GOOD]


def test_the_smallest_change_clears_it() -> None:
    frozen = watched()
    frozen.marked(samples([(0, 71.2, 0)]))
    assert frozen.marked(samples([(0, 71.2, 60)])).quality[0] == FROZEN
    assert frozen.marked(samples([(0, np.nextafter(71.2, 72), 61)])).quality[0] == GOOD
    assert frozen.marked(samples([(0, 71.2, 62)])).quality[0] == GOOD


def test_every_sample_of_a_tick_is_judged_by_those_before_it() -> None:
    frozen = watched()
    told = frozen.marked(samples([(0, 1, 0), (1, 1, 0), (0, 1, 11), (0, 2, 12), (0, 2, 13), (0, 2, 23)]))
    assert told.quality.tolist() == [GOOD, GOOD, FROZEN, GOOD, GOOD, FROZEN]
    assert frozen.marked(samples([(0, 2, 24)])).quality.tolist() == [FROZEN]


def test_a_change_and_back_within_one_tick_is_a_change() -> None:
    frozen = watched()
    frozen.marked(samples([(0, 1, 0)]))
    assert frozen.marked(samples([(0, 2, 11), (0, 1, 11.1)])).quality.tolist() == [GOOD, GOOD]


def test_what_is_bad_stays_bad() -> None:
    frozen = watched()
    frozen.marked(samples([(0, np.nan, 0)], BAD))
    assert frozen.marked(samples([(0, np.nan, 20)], BAD)).quality.tolist() == [BAD | SENSOR]


def test_without_samples_it_turns_doubtful_by_itself_and_stale_stays_stale() -> None:
    frozen, table = watched(), TagTable(2)
    frozen.marked(samples([(0, 1, 0)]))
    table.quality[:] = GOOD
    assert frozen.look(table, T0 + 10 * NS).tolist() == []
    assert frozen.look(table, T0 + 10 * NS + 1).tolist() == [0]
    assert table.quality.tolist() == [FROZEN, GOOD]
    table.quality[0] = STALE
    assert frozen.look(table, T0 + 20 * NS).tolist() == []
    assert table.quality[0] == STALE
