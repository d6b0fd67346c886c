"""How often a tag comes is learnt from its arrivals, once, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.clock import MS_NS, NS
from armillary.model.sample import HISTORICAL, RETAINED, WAITED, SampleBatch, batch_of
from armillary.model.tags import TagSpec
from armillary.telemetry.intervals import FEWEST, GAPS, Intervals

T0 = 1_000 * NS


def spec(slot: int, **more: object) -> TagSpec:
    given = {"interval": "default", "link": "m", **more}
    return TagSpec(slot=slot, name=f"t{slot}", **given)  # type: ignore[arg-type]


def arrivals(slots: list[int], at_ns: list[int] | np.ndarray, flags: int = 0) -> SampleBatch:
    n, at = len(slots), np.asarray(at_ns, np.int64)
    return batch_of(np.array(slots, np.uint32), np.zeros(n), at, at, at, flags=np.full(n, flags, np.uint8))


def feed(intervals: Intervals, slot: int, gaps_s: list[float], start_ns: int = T0) -> int:
    at = start_ns
    intervals.note(arrivals([slot], [at]))
    for gap in gaps_s:
        at += int(gap * NS)
        intervals.note(arrivals([slot], [at]))
    return at


def test_the_95th_percentile_of_two_hundred_gaps_is_learnt_once() -> None:
    intervals = Intervals([spec(0)])
    gaps = [1.0] * 188 + [1.5] * 12
    np.random.default_rng(3).shuffle(gaps)
    end = feed(intervals, 0, gaps)
    news = intervals.take()
    assert news is not None
    assert news.slot.tolist() == [0]
    assert news.expected_ns[0] == pytest.approx(1.5 * NS, rel=1e-6)
    assert news.usual_ns[0] == pytest.approx(1.0 * NS, rel=1e-6)
    assert intervals.left == 0
    feed(intervals, 0, [9.0] * 300, end)
    assert intervals.take() is None


def test_with_fewer_gaps_ten_minutes_are_needed() -> None:
    intervals = Intervals([spec(0), spec(1)])
    feed(intervals, 0, [1.0] * (GAPS - 1))
    feed(intervals, 1, [29.0] * FEWEST)
    assert intervals.take() is None
    feed(intervals, 1, [32.0] * 1, T0 + 29 * FEWEST * NS)
    news = intervals.take()
    assert news is not None
    assert news.slot.tolist() == [1]
    assert news.expected_ns[0] == pytest.approx(29 * NS, rel=1e-6)


def test_many_arrivals_of_many_tags_in_one_tick_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    n, rows = 7, 4_000
    slots = rng.integers(0, n, rows)
    at = T0 + np.cumsum(rng.integers(1, 40, rows)) * MS_NS
    whole, single = Intervals([spec(i) for i in range(n)]), Intervals([spec(i) for i in range(n)])
    for chunk in np.array_split(np.arange(rows), 9):
        whole.note(arrivals(slots[chunk].tolist(), at[chunk]))
    for slot, arrival in zip(slots.tolist(), at.tolist(), strict=True):
        single.note(arrivals([slot], [arrival]))
    # both rings hold the last gaps of each tag; where they begin differs, as one tick may bring many
    a, b = np.sort(whole._gap, axis=1), np.sort(single._gap, axis=1)
    assert (whole._count == single._count).all()
    assert whole._count.min() > GAPS
    np.testing.assert_allclose(a, b)


def test_what_is_read_at_once_is_one_arrival_and_not_a_gap_of_nothing() -> None:
    intervals = Intervals([spec(0)])
    for i in range(GAPS + 1):
        intervals.note(arrivals([0, 0, 0], [T0 + i * NS] * 3))
    news = intervals.take()
    assert news is not None
    assert news.usual_ns[0] == pytest.approx(NS, rel=1e-6)


@pytest.mark.parametrize("flag", [RETAINED, HISTORICAL, WAITED])
def test_what_did_not_come_now_teaches_nothing(flag: int) -> None:
    intervals = Intervals([spec(0)])
    for i in range(2 * GAPS):
        intervals.note(arrivals([0], [T0 + i * NS], flag))
    assert intervals.take() is None


def test_a_gap_across_a_lost_link_is_not_the_tags() -> None:
    intervals = Intervals([spec(0)])
    at = feed(intervals, 0, [1.0] * 100)
    intervals.interrupted(np.array([0], np.uint32))
    feed(intervals, 0, [1.0] * 100, at + 3_600 * NS)
    news = intervals.take()
    assert news is not None
    assert news.expected_ns[0] == pytest.approx(NS, rel=1e-6)


@pytest.mark.parametrize(
    "said", [{"interval": "engineer"}, {"interval": "model"}, {"liveness": "device"}, {"link": ""}]
)
def test_where_somebody_said_it_nothing_is_learnt(said: dict[str, str]) -> None:
    intervals = Intervals([spec(0, **said)])
    feed(intervals, 0, [1.0] * 300)
    assert intervals.left == 0
    assert intervals.take() is None
