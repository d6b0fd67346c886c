"""Samples asked for by arrival: what was known, bounded, late, historical, evaluated; marks beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.alarm import AlarmEvent, ProcessState
from armillary.model.clock import NS
from armillary.model.frame import Event
from armillary.model.link import LinkState
from armillary.model.message import AskDensity
from armillary.model.sample import EVALUATED, HISTORICAL, SampleBatch, batch_of, evaluated, known_ns
from armillary.wire import marks

T0 = 1_750_000_200 * NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.duckdb")
    yield made
    made.close()


def _row(id_: int, source_s: float, arrival_s: float, value: float, flags: int = 0) -> SampleBatch:
    return batch_of(
        np.array([id_], np.uint32),
        np.array([value]),
        np.array([T0 + int(source_s * NS)], np.int64),
        T0 + int(arrival_s * NS),
        0,
        flags=np.array([flags], np.uint8),
    )


def _mark(store: Store, name: str, at_s: float, value: float, text: str = "") -> None:
    (id_,) = store.names([name]).tolist()
    t = np.array([T0 + int(at_s * NS)], np.int64)
    store.append(
        batch_of(np.array([id_], np.uint32), np.array([value]), t, t, 0, text={0: text} if text else {})
    )


def _at(store: Store, at_s: float, since_s: float = -1e6) -> float | None:
    got = store.known_at(np.array([1], np.uint32), T0 + int(at_s * NS), T0 + int(since_s * NS))
    return float(got.value[0]) if len(got) else None


def test_a_sample_counts_from_its_arrival_on(store: Store) -> None:
    store.names(["a"])
    for row in (_row(1, 0, 0.1, 1.0), _row(1, 10, 40, 2.0)):
        store.append(row)
    assert [_at(store, s) for s in (0, 0.1, 12, 39.9, 40)] == [None, 1.0, 1.0, 1.0, 2.0]


def test_a_late_sample_never_replaces_a_newer_one_and_a_historical_one_never_counts(store: Store) -> None:
    store.names(["a"])
    for row in (_row(1, 10, 10, 1.0), _row(1, 5, 20, 2.0), _row(1, 30, 30, 3.0, HISTORICAL)):
        store.append(row)
    assert _at(store, 50) == 1.0


def test_what_came_before_the_world_started_does_not_count(store: Store) -> None:
    store.names(["a"])
    store.append(_row(1, 10, 10, 1.0))
    assert (_at(store, 20, since_s=5), _at(store, 20, since_s=11)) == (1.0, None)


def test_a_value_of_days_ago_is_found(store: Store) -> None:
    store.names(["a"])
    store.append(_row(1, 0, 0, 7.0))
    assert _at(store, 40 * 86_400) == 7.0


def test_a_derived_value_counts_from_its_evaluation_though_its_input_is_days_old(store: Store) -> None:
    store.names(["a"])
    as_made = _row(1, -5 * 86_400, 3, 4.5)
    store.append(evaluated(as_made))
    assert (_at(store, 2), _at(store, 3)) == (None, 4.5)
    (got,) = store.between(np.array([1], np.uint32), T0, T0 + 9 * NS)
    back = evaluated(got)
    assert back.source_ns.tolist() == as_made.source_ns.tolist()
    assert back.flags[0] & EVALUATED


def test_a_span_comes_in_the_order_of_arrival_and_in_whole_pieces(store: Store) -> None:
    store.names(["a", "~events"])
    rng = np.random.default_rng(4)
    source = T0 + np.arange(300) * NS // 3
    arrival = source + rng.integers(-2 * NS, 20 * NS, 300)
    store.append(batch_of(np.ones(300, np.uint32), np.arange(300.0), source, arrival, 0))
    _mark(store, "~events", 33, 0.0, "{}")
    ids, at, got = np.array([1, 2], np.uint32), T0 + 10 * NS, []
    while at < T0 + 60 * NS:
        batch, until = store.known_between(ids, at, T0 + 60 * NS, 37)
        assert until > at
        assert known_ns(batch).tolist() == sorted(known_ns(batch).tolist())
        got.append(batch)
        at = until
    inside = (arrival >= T0 + 10 * NS) & (arrival < T0 + 60 * NS)
    values = np.concatenate([b.value[b.slot == 1] for b in got])
    assert values.tolist() == np.arange(300.0)[inside][np.argsort(arrival[inside], kind="stable")].tolist()
    assert sum(int((b.slot == 2).sum()) for b in got) == 1
    assert [t for b in got for t in b.text.values()] == ["{}"]


def test_many_samples_of_one_instant_do_not_stop_a_span(store: Store) -> None:
    store.names([f"t{i}" for i in range(50)])
    t = np.full(50, T0, np.int64)
    store.append(batch_of(np.arange(1, 51, dtype=np.uint32), np.zeros(50), t, t, 0))
    batch, until = store.known_between(np.arange(1, 51, dtype=np.uint32), T0 - NS, T0 + NS, 10)
    assert (len(batch), until) == (50, T0 + 1)


def test_marks_are_no_samples(store: Store) -> None:
    store.names(["a"])
    store.append(_row(1, 10, 10, 1.0))
    _mark(store, "~events", 99, 0.0, "{}")
    extent = store.extent()
    assert (extent.samples, extent.last_ns) == (1, T0 + 10 * NS)


def _columns(store: Store, width: int = 10, span_s: float = 100) -> tuple[list[int], list[bool]]:
    got = store.density(AskDensity(from_ns=T0, to_ns=T0 + int(span_s * NS), width=width))
    return got.worst.tolist(), got.gap.tolist()


def _events(store: Store, alarm: str, priority: int) -> None:
    event = AlarmEvent(
        id=alarm, occurrence="o", event="RAISE", before=ProcessState.NORM, after=ProcessState.UNACK,
        t_ns=T0, priority=priority,
    )  # fmt: skip
    _mark(store, marks.ALARM_EVENTS, -50, float(priority), marks.text_of(event))


def test_a_column_shows_its_gravest_event_and_what_was_filled_in_later(store: Store) -> None:
    store.names(["a"])
    for s in range(101):
        store.append(_row(1, s, s, 1.0))
    for at_s, level in ((12, 0.0), (14, 2.0), (55, 1.0)):
        _mark(store, marks.EVENTS, at_s, level, "{}")
    late = Event(
        t_ns=T0 + 90 * NS, level="info", source="site", text="late data", span_ns=(T0 + 25 * NS, T0 + 41 * NS)
    )
    _mark(store, marks.EVENTS, 300, 0.0, marks.text_of(late))  # it is told later than all that is shown
    got = store.density(AskDensity(from_ns=T0, to_ns=T0 + 100 * NS, width=10))
    assert got.event.tolist() == [0, 3, 0, 0, 0, 2, 0, 0, 0, 0]
    assert got.late.tolist() == [i in (2, 3, 4) for i in range(10)]


def test_a_column_shows_its_most_urgent_alarm(store: Store) -> None:
    store.names(["a"])
    for s in range(101):
        store.append(_row(1, s, s, 1.0))
    for alarm, priority, spans in (("hot", 1, [(35, 42)]), ("full", 3, [(-10, 5), (30, 80)])):
        _events(store, alarm, priority)
        for begin, end in spans:
            _mark(store, marks.ALARM + alarm, begin, marks.ALARM_CODES[ProcessState.UNACK])
            _mark(store, marks.ALARM + alarm, end, marks.ALARM_CODES[ProcessState.RTNUN])
    worst, gap = _columns(store)
    assert worst == [3, 0, 0, 1, 1, 3, 3, 3, 0, 0]
    assert not any(gap)


def test_a_column_shows_where_nothing_was_recorded_or_a_link_was_down(store: Store) -> None:
    store.names(["a"])
    for s in (*range(5, 36), *range(70, 96)):
        store.append(_row(1, s, s, 1.0))
    _mark(store, marks.WORLD, 4, 1.0)  # it crashes after 35 and is started at 69
    _mark(store, marks.WORLD, 69, 1.0)
    _mark(store, marks.LINK + "site", 4, marks.LINK_CODES[LinkState.UP])
    _mark(store, marks.LINK + "site", 21, marks.LINK_CODES[LinkState.BACKOFF])
    _mark(store, marks.LINK + "site", 25, marks.LINK_CODES[LinkState.UP])
    _, gap = _columns(store)
    assert gap == [True, False, True, True, True, True, True, False, False, True]


def test_an_empty_record_is_one_gap(store: Store) -> None:
    assert _columns(store) == ([0] * 10, [True] * 10)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thinned_rows_give_the_same_state_at_each_time_that_is_shown(store: Store, seed: int) -> None:
    rng = np.random.default_rng(seed)
    store.names(["a", "b", "c"])
    n, every = 300, 7 * NS
    source = rng.integers(0, 100 * NS, n)
    lag = np.where(rng.random(n) < 0.3, rng.integers(0, 30 * NS, n), 0)
    rows = batch_of(
        rng.integers(1, 4, n).astype(np.uint32), rng.random(n), T0 + source, T0 + source + lag, 0,
        flags=np.where(rng.random(n) < 0.1, HISTORICAL, 0).astype(np.uint8),
    )  # fmt: skip
    store.append(rows)
    ids = np.array([1, 2, 3], np.uint32)
    whole, _ = store.known_between(ids, T0, T0 + 140 * NS, 10_000)
    thin, until_ns = store.known_thinned(ids, T0, T0 + 140 * NS, every)
    assert until_ns == T0 + 140 * NS
    assert len(thin) < len(whole) // 3

    def state(batch: SampleBatch, t_ns: int, id_: int) -> tuple[int, float] | None:
        come = (known_ns(batch) < t_ns) & (batch.slot == id_)
        found = sorted(zip(batch.source_ns[come].tolist(), batch.value[come].tolist(), strict=True))
        return found[-1] if found else None

    for t_ns in range(T0, T0 + 141 * NS, every):
        for id_ in (1, 2, 3):
            assert state(thin, t_ns, id_) == state(whole, t_ns, id_)
