"""One suite for every store of history: what it declares is tested, what it does not is refused or told.

Times are multiples of a second and far enough apart for every resolution that a store may declare.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from storehouse import Place, wait_for

from armillary.api import (
    EVALUATED,
    HISTORICAL,
    WAITED,
    Declared,
    HistoryStore,
    KeepsDocuments,
    SampleBatch,
    Series,
    SeriesQuery,
    StoreFault,
    Summarises,
    batch_of,
    quality,
)
from armillary.api.testing import check_store
from armillary.model.alarm import AlarmEvent, ProcessState
from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.message import AskDensity
from armillary.recorder import strip
from armillary.wire import marks

T0 = 1_750_000_200 * NS  # a multiple of ten minutes
MINUTE, HOUR, DAY = 60 * NS, 3_600 * NS, 86_400 * NS


def _batch(ids: object, t_s: object, values: object, **more: object) -> SampleBatch:
    t = T0 + (np.asarray(t_s, np.float64) * NS).astype(np.int64)
    slot = np.broadcast_to(np.asarray(ids, np.uint32), t.shape).copy()
    return batch_of(slot, np.asarray(values, np.float64), t, t + 5_000_000, 1, **more)  # type: ignore[arg-type]


def _one(id_: int, t_s: float, arrival_s: float, value: float, flags: int = 0) -> SampleBatch:
    return batch_of(
        np.array([id_], np.uint32),
        np.array([value]),
        np.array([T0 + int(t_s * NS)], np.int64),
        T0 + int(arrival_s * NS),
        0,
        flags=np.array([flags], np.uint8),
    )


def _ids(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.array(numbers, np.uint32)


def _series(
    store: HistoryStore, id_: int, from_s: float, to_s: float, width: int, agg: str = "minmax"
) -> Series:
    query = SeriesQuery(
        ids=(id_,), from_ns=T0 + int(from_s * NS), to_ns=T0 + int(to_s * NS), width=width, agg=agg, request=7  # type: ignore[arg-type]
    )  # fmt: skip
    (series,) = store.read(query)
    assert (series.request, series.id) == (7, id_)
    return series


def _values(store: HistoryStore, ids: tuple[int, ...], from_s: float, to_s: float) -> list[float]:
    batches = store.between(_ids(*ids), T0 + int(from_s * NS), T0 + int(to_s * NS))
    return [value for batch in batches for value in batch.value.tolist()]


def _tidy(store: HistoryStore, now_s: float) -> None:
    while store.tidy(T0 + int(now_s * NS)):
        pass


def test_a_store_keeps_the_promises_of_its_port(place: Place) -> None:
    check_store(place.open)


def test_what_is_declared_has_a_name_and_every_lack_a_sentence(store: HistoryStore) -> None:
    told = store.declares
    assert told.name
    lacks = [told.resolution_ns > 1, not told.exact, not told.text, not told.durable, not told.once,
             not told.corrects, not told.erases_by_range, not told.documents]  # fmt: skip
    assert len(told.lacks()) == sum(lacks)


def test_an_empty_store_answers_every_question(store: HistoryStore) -> None:
    (id_,) = store.names(["a"]).tolist()
    assert len(store.at(_ids(id_), T0)) == 0
    assert _values(store, (id_,), 0, 100) == []
    assert len(store.known_at(_ids(id_), T0)) == 0
    assert len(store.known_between(_ids(id_), T0, T0 + DAY, 10)[0]) == 0
    assert len(_series(store, id_, 0, 86_400, 100).t_ns) == 0
    assert len(_series(store, id_, 0, 86_400, 100, "raw").t_ns) == 0
    held = store.extent()
    assert (held.tags, held.samples, held.first_ns, held.last_ns) == (("a",), 0, 0, 0)
    assert not store.tidy(T0)


def test_ids_are_permanent_and_a_tag_in_another_unit_gets_a_new_one(place: Place) -> None:
    store = place.open()
    assert store.names(["a", "b"], ["m", ""]).tolist() == [1, 2]
    assert store.names(["a"], ["cm"]).tolist() == [3]
    assert dict(store.known()) == {"a [m]": 1, "b": 2, "a": 3}
    assert store.names(["b", "a"], ["bar", "m"]).tolist() == [2, 1]
    assert dict(store.known()) == {"a": 1, "b": 2, "a [cm]": 3}
    again = place.again()
    assert dict(again.known()) == {"a": 1, "b": 2, "a [cm]": 3}
    assert dict(again.units()) == {"a": "m", "b": "bar", "a [cm]": "cm"}
    assert again.names(["new"]).tolist() == [4]


def test_a_sample_comes_back_as_it_went_in(place: Place) -> None:
    store = place.open()
    told: Declared = store.declares
    store.names(["a", "b"])
    value = np.array([0.1 + 0.2, -1e-300, 5e300, np.nan, np.inf])
    sent = _batch(
        [1, 1, 2, 2, 1], [0, 1, 2, 3, 4], value,
        quality=np.array([0, quality.BAD | quality.COMM, quality.STALE, quality.BAD, 0], np.uint16),
        flags=np.array([0, EVALUATED, 0, 0, 1], np.uint8),
        status=np.array([0, 2**32 - 1, 7, 0, 0], np.uint32),
        text={3: "öffnet \x00 'x'"} if told.text else {},
    )  # fmt: skip
    store.append(sent)
    opened: list[Callable[[], HistoryStore]] = [lambda: store, place.again]
    for held in opened:
        (back,) = held().between(_ids(1, 2), T0, T0 + 10 * NS)
        assert back.source_ns.tolist() == sent.source_ns.tolist()
        assert back.slot.tolist() == sent.slot.tolist()
        if told.exact:
            assert back.value.tobytes() == sent.value.tobytes()
        else:
            assert back.value == pytest.approx(value, rel=1e-9, abs=1e-300, nan_ok=True)
        assert back.quality.tolist() == sent.quality.tolist()
        assert back.flags.tolist() == sent.flags.tolist()
        assert back.status.tolist() == sent.status.tolist()
        assert (back.arrival_ns - back.source_ns).tolist() == [5_000_000] * 5
        assert dict(back.text) == dict(sent.text)


def test_times_are_kept_as_finely_as_declared(store: HistoryStore) -> None:
    store.names(["a"])
    step = store.declares.resolution_ns
    t = T0 + np.arange(4, dtype=np.int64) * step
    store.append(batch_of(np.full(4, 1, np.uint32), np.arange(4.0), t, t, 0))
    (back,) = store.between(_ids(1), T0, T0 + NS)
    assert back.source_ns.tolist() == t.tolist()


def test_words_come_back_or_are_left_out_as_declared(store: HistoryStore) -> None:
    store.names(["state", "level"])
    store.append(_batch([1, 2], [0, 1], [np.nan, 3.0], text={0: "OPEN"}))
    (back,) = store.between(_ids(1, 2), T0, T0 + 10 * NS)
    if store.declares.text:
        assert dict(back.text) == {0: "OPEN"}
    else:
        assert not back.text
        assert any("Words" in sentence for sentence in store.declares.lacks())
    assert back.value[back.slot == 2].tolist() == [3.0]


def test_a_seek_finds_the_last_sample_of_each_at_or_before_a_time(store: HistoryStore) -> None:
    store.names(["a", "b", "c"])
    store.append(_batch([1, 2, 1, 1], [0, 5, 10, 20], [1.0, 2.0, 3.0, 4.0]))
    found = store.at(_ids(3, 2, 1), T0 + 15 * NS)
    assert list(zip(found.slot.tolist(), found.value.tolist(), strict=True)) == [(2, 2.0), (1, 3.0)]
    assert store.at(_ids(1), T0 + 20 * NS).value.tolist() == [4.0]
    assert store.at(_ids(1), T0 + 400 * DAY).value.tolist() == [4.0]
    assert len(store.at(_ids(2), T0 + 4 * NS)) == 0


def test_a_range_comes_in_the_order_of_time_however_it_was_appended(store: HistoryStore) -> None:
    store.names(["a", "b"])
    store.append(_batch([1, 2], [20, 10], [20.0, 10.0]))
    store.append(_batch([2, 1], [5, 40 * 86_400], [5.0, 9.0]))  # months apart
    assert _values(store, (1, 2), 0, 50 * 86_400) == [5.0, 10.0, 20.0, 9.0]
    assert _values(store, (1, 2), 10, 20) == [10.0]
    assert _values(store, (2,), 0, 100) == [5.0, 10.0]


def test_a_later_value_for_the_same_time_replaces_the_earlier_as_declared(store: HistoryStore) -> None:
    store.names(["a"])
    store.append(_batch(1, [0, 1], [1.0, 2.0]))
    store.append(_batch(1, [1], [2.5]))
    if store.declares.corrects:
        assert _series(store, 1, 0, 10, 100).low.tolist() == [1.0, 2.5]
        assert store.at(_ids(1), T0 + NS).value.tolist() == [2.5]
        assert _values(store, (1,), 0, 10) == [1.0, 2.0, 2.5]
    else:
        assert _series(store, 1, 0, 10, 100).low[-1] in (2.0, 2.5)


def test_a_replay_goes_by_arrival_and_never_shows_what_was_told_of_the_past(store: HistoryStore) -> None:
    store.names(["a", "b"])
    store.append(_one(1, 0, 1, 1.0))
    store.append(_one(1, 10, 40, 2.0))  # came 30 s late
    store.append(_one(2, 5, 6, 5.0))
    store.append(_one(2, 30, 50, 9.0, HISTORICAL))
    at = [store.known_at(_ids(1), T0 + s * NS).value.tolist() for s in (0, 1, 12, 39, 40)]
    assert at == [[], [1.0], [1.0], [1.0], [2.0]]
    assert store.known_at(_ids(2), T0 + 100 * NS).value.tolist() == [5.0]
    assert len(store.known_at(_ids(2), T0 + 100 * NS, T0 + 60 * NS)) == 0  # known before that world began
    batch, until = store.known_between(_ids(1, 2), T0, T0 + 100 * NS, 100)
    assert (batch.value.tolist(), until) == ([1.0, 5.0, 2.0], T0 + 100 * NS)
    batch, until = store.known_between(_ids(1, 2), T0, T0 + 100 * NS, 2)
    assert (batch.value.tolist(), until) == ([1.0, 5.0], T0 + 40 * NS)


def test_more_in_one_instant_than_asked_for_comes_as_a_whole(store: HistoryStore) -> None:
    ids = store.names([f"t{i}" for i in range(20)])
    store.append(_batch(ids, np.zeros(20), np.arange(20.0)))
    store.append(_batch(ids, np.ones(20), np.arange(20.0)))
    batch, until = store.known_between(ids, T0, T0 + 10 * NS, 5)
    assert len(batch) == 20
    assert T0 < until <= T0 + NS
    rest, until = store.known_between(ids, until, T0 + 10 * NS, 50)
    assert (len(rest), until) == (20, T0 + 10 * NS)


def test_what_is_delivered_twice_is_kept_once(store: HistoryStore) -> None:
    store.names(["a", "b"])
    store.append(_batch([1, 2], [0, 0], [1.0, 2.0]))
    flags = np.full(3, WAITED, np.uint8)
    store.append(_batch([1, 1, 2], [0, 1, 0], [1.0, 4.0, 2.0], flags=flags))
    assert sorted(_values(store, (1, 2), 0, 10)) == [1.0, 2.0, 4.0]
    store.append(_batch([1, 1], [5, 5], [6.0, 6.0], flags=flags[:2]))
    assert sorted(_values(store, (1, 2), 0, 10)) == [1.0, 2.0, 4.0, 6.0]


def test_the_number_of_the_last_message_of_a_session_is_kept_with_it(place: Place) -> None:
    store = place.open()
    store.names(["a"])
    assert store.received("here") == -1
    store.append(_batch(1, [0], [1.0]), {"here": 7})
    store.append(_batch(1, [1], [2.0]), {"here": 8, "there": 1})
    assert [store.received(session) for session in ("here", "there")] == [8, 1]
    again = place.again()
    if again.declares.once and again.declares.exact:
        assert [again.received(session) for session in ("here", "there", "")] == [8, 1, -1]
    else:  # what is sent twice is told by its time and value, or is there twice
        again.append(_batch(1, [1], [2.0]), {"here": 8})
        assert set(_values(again, (1,), 0, 10)) == {1.0, 2.0}
        assert len(_values(again, (1,), 0, 10)) == 2 or not again.declares.once


def test_an_id_that_was_never_given_is_refused_and_nothing_is_kept(store: HistoryStore) -> None:
    store.names(["a"])
    with pytest.raises(StoreFault, match="never gave"):
        store.append(_batch([1, 9], [0, 0], [1.0, 1.0]))
    assert store.extent().samples == 0


def test_a_decimated_series_keeps_extremes_gaps_and_the_worst_quality(store: HistoryStore) -> None:
    store.names(["a"])
    t = np.concatenate((np.arange(1_000), np.arange(5_000, 6_000)))
    value = np.zeros(2_000)
    value[[300, 1_700]] = (-7.0, 9.0)
    words = np.zeros(2_000, np.uint16)
    words[500] = quality.BAD | quality.SENSOR
    store.append(_batch(1, t, value, quality=words))
    for now_s in (0, 20_000):  # with and without roll-ups
        _tidy(store, now_s)
        series = _series(store, 1, 0, 6_000, 100)
        assert series.level_s == 60.0
        assert (series.low.min(), series.high.max()) == (-7.0, 9.0)
        gap = (series.t_ns >= T0 + 1_020 * NS) & (series.t_ns < T0 + 4_980 * NS)
        assert not gap.any()
        (worst,) = series.quality[series.t_ns == T0 + 480 * NS].tolist()
        assert worst == quality.BAD | quality.SENSOR
        assert len(series.t_ns) <= 100


def test_a_week_is_told_by_its_roll_ups_as_the_samples_would(store: HistoryStore) -> None:
    store.names(["a", "other"])
    t = np.arange(0, 8 * 86_400, 300)
    rng = np.random.default_rng(3)
    value = np.round(rng.normal(20.0, 3.0, len(t)), 3)
    store.append(_batch(1, t, value))
    store.append(_batch(2, t, value + 100.0))
    _tidy(store, 9 * 86_400)
    late = _batch(1, [86_400 * 3 + 7], [99.0])
    store.append(late)
    _tidy(store, 9 * 86_400)
    t, value = np.append(t, 86_400 * 3 + 7), np.append(value, 99.0)
    series = _series(store, 1, 0, 8 * 86_400, 200)
    step = int(series.level_s * NS)
    assert step == HOUR
    start = (T0 + t * NS) // step * step
    for at, low, high, mean in zip(series.t_ns, series.low, series.high, series.mean, strict=True):
        mine = value[start == at]
        assert (low, high) == pytest.approx((mine.min(), mine.max()), rel=1e-9)
        assert mean == pytest.approx(mine.mean(), rel=1e-9)
    assert len(series.t_ns) == len(np.unique(start))
    assert int(series.count.sum()) == len(value)


def test_few_samples_in_a_long_range_are_shown_as_they_are(store: HistoryStore) -> None:
    store.names(["a"])
    store.append(_batch(1, [0, 86_400, 20 * 86_400], [1.0, 2.0, 3.0]))
    _tidy(store, 30 * 86_400)
    series = _series(store, 1, 0, 30 * 86_400, 500)
    assert (series.level_s, series.low.tolist()) == (0.0, [1.0, 2.0, 3.0])
    raw = _series(store, 1, 0, 30 * 86_400, 2, "raw")
    assert raw.low.tolist() == [1.0, 2.0, 3.0]


def test_samples_before_a_time_are_erased_or_it_is_refused(store: HistoryStore) -> None:
    store.names(["a", "b"])
    t = np.arange(0, 7_200, 10)
    store.append(_batch(1, t, np.ones(len(t))))
    store.append(_batch(2, t, np.ones(len(t))))
    _tidy(store, 20_000)
    if not store.declares.erases_by_range:
        with pytest.raises(StoreFault, match="retention"):
            store.forget(T0 + 3_605 * NS, _ids(1))
        return
    assert store.forget(T0 + 3_605 * NS, _ids(1)) == 361
    _tidy(store, 20_000)
    assert len(_values(store, (1,), 0, 7_200)) == 720 - 361
    assert len(_values(store, (2,), 0, 7_200)) == 720
    series = _series(store, 1, 0, 7_200, 100)
    assert series.t_ns.min() >= T0 + 3_600 * NS - 2 * MINUTE
    assert store.extent().samples == 2 * 720 - 361
    assert store.forget(T0 + 10_000 * NS, None) == 2 * 720 - 361
    assert (store.extent().samples, store.extent().first_ns) == (0, 0)
    assert len(_series(store, 2, 0, 7_200, 100).t_ns) == 0


def test_months_that_are_over_are_erased_as_a_whole(store: HistoryStore) -> None:
    store.names(["a"])
    days = np.arange(0, 200)
    store.append(_batch(1, days * 86_400, days.astype(np.float64)))
    if not store.declares.erases_by_range:
        with pytest.raises(StoreFault, match="retention"):
            store.forget(T0 + 150 * DAY, None)
        return
    assert store.forget(T0 + 150 * DAY, None) == 150
    assert _values(store, (1,), 0, 400 * 86_400) == list(range(150, 200))
    assert store.extent().first_ns == T0 + 150 * DAY
    store.append(_batch(1, [0], [1.0]))  # and what comes for them then is kept again
    assert store.at(_ids(1), T0).value.tolist() == [1.0]


def test_documents_are_kept_or_refused_as_declared(place: Place) -> None:
    store = place.open()
    if not store.declares.documents:
        assert not isinstance(store, KeepsDocuments)
        return
    assert isinstance(store, KeepsDocuments)
    data = bytes(range(256)) * 10
    store.keep("layer", "v1", T0, b"one")
    store.keep("layer", "v2", T0 + 10 * NS, data)
    store.keep("other", "x", T0 + 5 * NS, b"")
    again = place.again()
    assert again.kept("layer", T0 - 1) is None
    assert again.kept("layer", T0 + 9 * NS) == ("v1", T0, b"one")
    assert again.kept("layer", T0 + DAY) == ("v2", T0 + 10 * NS, data)
    assert again.kept("layer", T0 + DAY, "v1") == ("v1", T0, b"one")
    assert [tuple(one)[:2] for one in again.kept_list("layer", T0, T0 + DAY)] == [
        ("v1", T0),
        ("v2", T0 + 10 * NS),
    ]


def _mark(store: HistoryStore, name: str, at_s: float, value: float, text: str = "") -> None:
    (id_,) = store.names([name]).tolist()
    store.append(_batch(id_, [at_s], [value], text={0: text} if text else {}))


def test_marks_are_no_samples_and_make_the_strip_of_the_time_bar(store: HistoryStore) -> None:
    (id_,) = store.names(["a"]).tolist()
    _mark(store, marks.WORLD, 0, 1.0)
    store.append(_batch(id_, np.arange(100), np.ones(100)))
    if not store.declares.text:
        assert store.extent().samples == 100
        return
    event = AlarmEvent(
        id="high", occurrence="1", event="RAISE", before=ProcessState.NORM, after=ProcessState.UNACK,
        t_ns=T0 + 30 * NS, priority=2,
    )  # fmt: skip
    _mark(store, marks.ALARM_EVENTS, 30, 2.0, marks.text_of(event))
    _mark(store, f"{marks.ALARM}high", 30, marks.ALARM_CODES[ProcessState.UNACK], "{}")
    _mark(store, f"{marks.ALARM}high", 50, marks.ALARM_CODES[ProcessState.NORM], "{}")
    _mark(store, f"{marks.LINK}north", 60, marks.LINK_CODES[LinkState.BACKOFF], "{}")
    _mark(store, f"{marks.LINK}north", 70, marks.LINK_CODES[LinkState.UP], "{}")
    _tidy(store, 10_000)
    held = store.extent()
    assert (held.samples, held.first_ns, held.last_ns) == (100, T0, T0 + 99 * NS)
    ask = AskDensity(from_ns=T0, to_ns=T0 + 100 * NS, width=100)
    density = store.density(ask) if isinstance(store, Summarises) else strip.of(store, ask)
    assert np.flatnonzero(density.worst == 2).tolist() == list(range(30, 50))
    assert np.flatnonzero(density.gap).tolist() == [*range(60, 70), 99]  # the record ends there
    assert (density.first_ns, density.last_ns) == (T0, T0 + 99 * NS)


def test_what_was_acknowledged_is_there_after_the_server_was_killed(place: Place) -> None:
    store, kill = place.open(), place.kill
    store.names(["a"])
    if kill is None or not store.declares.durable:
        pytest.skip("no server, or nothing promised")
    store.append(_batch(1, [0, 1], [1.0, 2.0]), {"s": 1})
    kill()
    _mended(lambda: store.append(_batch(1, [2], [3.0]), {"s": 2}))  # the same store goes on by itself
    assert store.received("s") == 2
    _mended(lambda: store.at(_ids(1), T0))
    assert _values(store, (1,), 0, 10) == [1.0, 2.0, 3.0]
    assert _values(place.again(), (1,), 0, 10) == [1.0, 2.0, 3.0]


def _mended(call: Callable[[], object]) -> object:
    """Do what fails a few times while connections are found to be lost; each time it says so."""
    said: list[str] = []
    for _ in range(5):
        assert all("does not answer" in what for what in said), said
        try:
            return call()
        except StoreFault as fault:
            said.append(fault.what)
    return call()


def test_one_who_only_reads_sees_what_is_written_and_writes_nothing(place: Place) -> None:
    store = place.open()
    if place.kind == "duckdb":
        pytest.skip("a file is open to one process: the recorder answers the others")
    store.names(["a"])
    store.append(_batch(1, [0], [1.0]))
    reader = place.open(read_only=True)
    assert reader.read_only
    store.names(["b"])
    store.append(_batch([1, 2], [1, 1], [2.0, 3.0]))
    wait_for(lambda: dict(reader.known()) == {"a": 1, "b": 2}, "the new name is seen")
    wait_for(lambda: sorted(_values(reader, (1, 2), 0, 10)) == [1.0, 2.0, 3.0], "the samples are seen")
    assert reader.extent().samples == 3
    with pytest.raises(StoreFault, match="read-only"):
        reader.append(_batch(1, [5], [1.0]))
