from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.quality import BAD, COMM, SENSOR, STALE
from armillary.model.sample import HISTORICAL, SampleBatch, batch_of, empty_batch, joined
from armillary.model.series import Series, SeriesQuery

T0 = 1_750_000_200 * NS  # a multiple of ten minutes
MINUTE = 60 * NS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.duckdb"


def _batch(ids: object, t: object, values: object, **more: object) -> SampleBatch:
    t_ns: I8 = np.asarray(t, np.int64)
    slot = np.broadcast_to(np.asarray(ids, np.uint32), t_ns.shape).copy()
    return batch_of(slot, np.asarray(values, np.float64), t_ns, t_ns + 5_000_000, 1, **more)  # type: ignore[arg-type]


def _seconds(store: Store, id_: int, count: int, start_ns: int = T0, seed: int = 0) -> F8:
    rng = np.random.default_rng(seed)
    values = np.round(np.cumsum(rng.normal(0, 1, count)), 3)
    store.append(_batch(id_, start_ns + np.arange(count) * NS, values))
    return values


def _read(store: Store, id_: int, from_ns: int, to_ns: int, width: int, agg: str = "minmax") -> Series:
    query = SeriesQuery(ids=(id_,), from_ns=from_ns, to_ns=to_ns, width=width, agg=agg, request=7)  # type: ignore[arg-type]
    (series,) = store.read(query)
    assert series.request == 7
    assert series.id == id_
    return series


def _tidy(store: Store, now_ns: int = T0 + 3 * 86_400 * NS) -> None:
    """Seal all that there is: the day of T0 is over, and the last time was long ago."""
    store._tending._closed_ns = 0
    while store.tidy(now_ns):
        pass


def test_ids_are_permanent_from_one_and_found_again_after_a_restart(path: Path) -> None:
    store = Store(path)
    assert store.names(["a", "b"], ["m", "bar"]).tolist() == [1, 2]
    assert store.names(["b", "c", "a"]).tolist() == [2, 3, 1]
    store.close()
    again = Store(path)
    assert dict(again.known()) == {"a": 1, "b": 2, "c": 3}
    assert again.names(["d"]).tolist() == [4]
    assert again.units()["b"] == "bar"
    again.close()


def test_a_tag_in_another_unit_gets_a_new_id_and_its_old_samples_keep_their_own(path: Path) -> None:
    store = Store(path)
    assert store.names(["a"], ["m"]).tolist() == [1]
    assert store.names(["a"], ["cm"]).tolist() == [2]
    assert dict(store.known()) == {"a [m]": 1, "a": 2}
    assert store.names(["a"], ["m"]).tolist() == [1]
    assert dict(store.known()) == {"a": 1, "a [cm]": 2}
    assert store.names(["a", "b"], ["cm", ""]).tolist() == [2, 3]
    assert store.names(["b"], ["bar"]).tolist() == [3]
    store.close()
    again = Store(path)
    assert dict(again.known()) == {"a [m]": 1, "a": 2, "b": 3}
    assert dict(again.units()) == {"a [m]": "m", "a": "cm", "b": "bar"}
    again.close()


def test_samples_come_back_with_everything_they_had(path: Path) -> None:
    store = Store(path)
    store.names(["a", "b"])
    batch = SampleBatch(
        slot=np.array([1, 2, 1], np.uint32),
        value=np.array([1.5, np.nan, -2.0]),
        source_ns=np.array([T0, T0 + 1, T0 + 123_456_789], np.int64),
        arrival_ns=np.array([T0 + 7, T0 - 5 * NS, T0 + 10 * NS], np.int64),
        arrival_mono_ns=np.array([1, 2, 3], np.int64),
        quality=np.array([0, BAD | SENSOR, STALE], np.uint16),
        flags=np.array([0, HISTORICAL, 0], np.uint8),
        status=np.array([0, 0x80000000, 1], np.uint32),
        text={1: "running – ok"},
    )
    store.append(batch)
    store.close()
    again = Store(path, read_only=True)
    (got,) = again.between(np.array([1, 2], np.uint32), T0, T0 + NS)
    again.close()
    assert got.slot.tolist() == [1, 2, 1]
    assert np.array_equal(got.value, batch.value, equal_nan=True)
    for column in ("source_ns", "arrival_ns", "quality", "flags", "status"):
        assert getattr(got, column).tolist() == getattr(batch, column).tolist()
    assert got.text == {1: "running – ok"}


def test_the_same_text_is_kept_once_and_found_again(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    for i in range(3):
        words = {0: "on", 1: "off"}
        store.append(_batch(1, [T0 + i, T0 + i + 10], [np.nan, np.nan], text=words))
    got = joined(list(store.between(np.array([1], np.uint32), T0, T0 + 100)))
    assert [got.text[i] for i in range(6)] == ["on"] * 3 + ["off"] * 3
    store.close()
    with duckdb.connect(str(path), read_only=True) as raw:
        assert raw.execute("SELECT count(*) FROM word").fetchone() == (2,)


def test_a_seek_finds_the_last_sample_at_or_before_a_time_however_long_ago(path: Path) -> None:
    store = Store(path)
    store.names(["a", "b", "c", "d"])
    store.append(_batch([1, 1, 2, 3], [T0, T0 + 10 * NS, T0 - 200 * 86_400 * NS, T0 + 99 * NS], [1, 2, 3, 4]))
    store.append(_batch(1, [T0 + 10 * NS], [2.5]))  # a correction of the same time
    got = store.at(np.array([4, 2, 1, 3], np.uint32), T0 + 10 * NS)
    assert got.slot.tolist() == [2, 1]
    assert got.value.tolist() == [3.0, 2.5]
    assert store.at(np.array([1], np.uint32), T0 - 1).slot.tolist() == []
    assert len(store.at(np.zeros(0, np.uint32), T0)) == 0
    store.close()


def test_between_gives_source_order_across_slices_and_gaps(path: Path) -> None:
    store = Store(path)
    store.names(["a", "b"])
    times = np.concatenate((T0 + np.arange(3000) * NS, T0 + 90 * 86_400 * NS + np.arange(5) * NS))
    shuffled = np.random.default_rng(1).permutation(times)
    store.append(_batch(1, shuffled, np.arange(len(shuffled))))
    store.append(_batch(2, shuffled, np.arange(len(shuffled))))
    pieces = list(store.between(np.array([1], np.uint32), T0 + NS, T0 + 90 * 86_400 * NS + 4 * NS))
    assert len(pieces) > 2
    got = joined(pieces)
    assert got.source_ns.tolist() == times[1:-1].tolist()
    assert set(got.slot.tolist()) == {1}
    store.close()


def test_few_samples_are_given_as_they_are(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    values = _seconds(store, 1, 50)
    series = _read(store, 1, T0 + 10 * NS, T0 + 20 * NS, 100)
    assert series.level_s == 0
    assert series.t_ns.tolist() == (T0 + np.arange(10, 20) * NS).tolist()
    assert series.low.tolist() == series.high.tolist() == series.mean.tolist() == values[10:20].tolist()
    store.close()


def test_buckets_keep_extremes_and_the_worst_quality(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    values = np.zeros(3000)
    values[1234], values[2345] = 99.0, -99.0
    quality = np.zeros(3000, np.uint16)
    quality[100], quality[101] = STALE | COMM, BAD | SENSOR
    store.append(_batch(1, T0 + np.arange(3000) * NS, values, quality=quality))
    series = _read(store, 1, T0, T0 + 3000 * NS, 100)
    assert series.level_s == 30
    assert len(series.t_ns) == 100
    assert series.high.max() == 99.0
    assert series.low.min() == -99.0
    assert series.mean[0] == 0.0
    assert series.quality[3] == BAD | COMM | SENSOR
    store.close()


def test_a_gap_has_no_bucket_and_what_is_no_number_has_no_mean(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    times = T0 + np.concatenate((np.arange(600), np.arange(1200, 1800))) * NS
    values = np.ones(1200)
    values[:60] = np.nan
    quality = np.where(np.isnan(values), BAD, 0).astype(np.uint16)
    store.append(_batch(1, times, values, quality=quality))
    series = _read(store, 1, T0, T0 + 1800 * NS, 60)
    assert series.level_s == 30
    gap = (series.t_ns >= T0 + 600 * NS) & (series.t_ns < T0 + 1200 * NS)
    assert not gap.any()
    assert np.isnan(series.mean[:2]).all()
    assert np.isnan(series.low[:2]).all()
    assert (series.quality[:2] == BAD).all()
    assert (series.mean[2:] == 1.0).all()
    store.close()


@pytest.mark.parametrize("span", [(0, 7200), (13, 7111), (61, 3599)])
def test_rolled_up_minutes_give_what_the_samples_give(path: Path, span: tuple[int, int]) -> None:
    store = Store(path)
    store.names(["a", "b"])
    _seconds(store, 1, 7200)
    _seconds(store, 2, 7200, seed=5)
    query = (1, T0 + span[0] * NS, T0 + span[1] * NS, 30)
    plain = _read(store, *query)
    _tidy(store)
    assert store._base.view.segments
    rolled = _read(store, *query)
    store.close()
    again = Store(path)
    reread = _read(again, *query)
    again.close()
    for series in (rolled, reread):
        assert series.level_s == plain.level_s >= 60
        for column in ("t_ns", "low", "high", "quality"):
            assert getattr(series, column).tolist() == getattr(plain, column).tolist()
        assert series.mean == pytest.approx(plain.mean)


def test_late_samples_are_rolled_up_again(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    _seconds(store, 1, 7200)
    _tidy(store)
    store.append(_batch(1, [T0 + 600 * NS + 1], [1e6]))
    _tidy(store)
    series = _read(store, 1, T0, T0 + 7200 * NS, 60)
    assert series.high.max() == 1e6
    assert series.t_ns[series.high.argmax()] == T0 + 600 * NS
    store.close()


def test_sealing_goes_a_day_at_a_time_and_past_gaps(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    store.append(_batch(1, [T0, T0 + 400 * 86_400 * NS, T0 + 401 * 86_400 * NS], [1, 2, 3]))
    now = T0 + 500 * 86_400 * NS
    turns = 1
    while store.tidy(now):
        turns += 1
    assert turns <= 8
    assert store.tidy(now) is False
    assert [s.rows for s in store._base.view.segments] == [1, 1, 1]
    store.close()


def test_a_correction_wins_over_what_it_corrects(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    store.append(_batch(1, [T0, T0 + NS], [1.0, 2.0]))
    store.append(_batch(1, [T0], [9.0]))
    assert _read(store, 1, T0, T0 + MINUTE, 100).mean.tolist() == [9.0, 2.0]
    store.close()


def test_raw_data_is_thinned_only_past_its_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("armillary.history.trend.MAX_RAW", 500)
    store = Store(path)
    store.names(["a"])
    values = _seconds(store, 1, 5000)
    assert len(_read(store, 1, T0, T0 + 400 * NS, 10, "raw").t_ns) == 400
    thin = _read(store, 1, T0, T0 + 5000 * NS, 10, "raw")
    assert 100 < len(thin.t_ns) <= 500
    assert thin.level_s == 0
    assert (thin.low.min(), thin.high.max()) == (values.min(), values.max())
    store.close()


def test_an_unknown_id_and_an_empty_range_give_an_empty_series(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    _seconds(store, 1, 10)
    assert len(_read(store, 99, T0, T0 + MINUTE, 100).t_ns) == 0
    assert len(_read(store, 1, T0 + MINUTE, T0, 100).t_ns) == 0
    assert len(_read(store, 1, 0, 0, 0).t_ns) == 0
    store.close()


def test_what_is_forgotten_is_gone_also_from_the_roll_ups(path: Path) -> None:
    store = Store(path)
    store.names(["a", "b"])
    for id_ in (1, 2):
        _seconds(store, id_, 7200)
    _tidy(store)
    cut = T0 + 3630 * NS
    assert store.forget(cut, np.array([1], np.uint32)) == 3630
    _tidy(store)
    left, kept = _read(store, 1, T0, T0 + 7200 * NS, 30), _read(store, 2, T0, T0 + 7200 * NS, 30)
    assert left.t_ns[0] == T0 + 3600 * NS
    assert kept.t_ns[0] == T0
    assert store.extent().samples == 14_400 - 3630
    assert store.forget(T0 + 9000 * NS, None) == 14_400 - 3630
    assert (store.extent().samples, store.extent().first_ns) == (0, 0)
    store.close()


def test_the_marks_of_senders_are_kept_with_their_samples(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    store.append(_batch(1, [T0], [1.0]), {"w1": 4})
    store.append(_batch(1, [T0 + 1], [1.0]), {"w1": 5, "w2": 1})
    store.close()
    again = Store(path)
    assert [again.received(s) for s in ("w1", "w2", "w3")] == [5, 1, -1]
    again.close()


def test_a_sample_without_an_id_is_refused_and_nothing_of_its_batch_is_kept(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    for ids in ([1, 0], [1, 2]):
        with pytest.raises(StoreFault, match="never gave"):
            store.append(_batch(ids, [T0, T0], [1.0, 2.0]))
    store.append(empty_batch())
    assert store.extent().samples == 0
    store.close()


def test_the_extent_says_what_is_there(path: Path) -> None:
    store = Store(path)
    assert (store.extent().samples, store.extent().tags) == (0, ())
    store.names(["a"])
    _seconds(store, 1, 10)
    extent = store.extent()
    assert (extent.samples, extent.first_ns, extent.last_ns) == (10, T0, T0 + 9 * NS)
    assert extent.bytes > 0
    store.close()


def test_reads_go_on_beside_writes_in_other_threads(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    counts: list[int] = []
    faults: list[BaseException] = []
    done = threading.Event()

    def reader() -> None:
        try:
            while not done.is_set():
                counts.append(len(_read(store, 1, T0, T0 + 10**6 * NS, 10**6, "raw").t_ns))
        except (StoreFault, AssertionError) as error:
            faults.append(error)

    thread = threading.Thread(target=reader)
    thread.start()
    for i in range(30):
        store.append(_batch(1, T0 + np.arange(i * 100, i * 100 + 100) * NS, np.zeros(100)))
        store.tidy(T0 + i * 100 * NS)
    done.set()
    thread.join(10)
    assert not faults
    assert counts == sorted(counts)
    assert all(count % 100 == 0 for count in counts)  # a batch is there as a whole or not at all
    store.close()


def test_a_read_only_store_refuses_to_write(path: Path) -> None:
    with pytest.raises(StoreFault, match="no history yet"):
        Store(path, read_only=True)
    Store(path).close()
    store = Store(path, read_only=True)
    with pytest.raises(StoreFault, match="read-only"):
        store.names(["a"])
    store.close()


def test_a_file_that_another_process_holds_is_refused_with_what_to_do(path: Path) -> None:
    store = Store(path)
    code = (
        "import sys; from pathlib import Path; from armillary.history.store import Store\n"
        "from armillary.model.fault import StoreFault\n"
        "try: Store(Path(sys.argv[1]), read_only=sys.argv[2] == 'r')\n"
        "except StoreFault as fault: print(fault.what, fault.remedy)"
    )
    for mode in ("r", "w"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), mode],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Another process has the historian's file open." in done.stdout, done.stderr
        assert "recorder" in done.stdout
    store.close()


@pytest.mark.parametrize("content", [b"not a database", b"\0" * 40_000, b""])
def test_a_file_that_is_no_history_is_refused_or_begun(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreFault) as caught:
        Store(path)
    assert str(path) in caught.value.where
    assert "aside" in caught.value.remedy


def test_a_damaged_history_is_refused_and_not_changed(path: Path) -> None:
    store = Store(path)
    store.names(["a"])
    _seconds(store, 1, 1000)
    store.close()
    data = bytearray(path.read_bytes())
    data[100:4000] = b"\xff" * 3900
    path.write_bytes(data)
    with pytest.raises(StoreFault, match="cannot be read") as caught:
        Store(path)
    assert "aside" in caught.value.remedy
    assert path.read_bytes() == data


def test_a_database_of_something_else_is_refused(path: Path) -> None:
    with duckdb.connect(str(path)) as other:
        other.execute("CREATE TABLE mine(a INTEGER)")
    with pytest.raises(StoreFault, match="something else"):
        Store(path)


def test_a_newer_history_is_refused(path: Path) -> None:
    Store(path).close()
    with duckdb.connect(str(path)) as other:
        other.execute("UPDATE about SET value = '3' WHERE key = 'schema'")
    with pytest.raises(StoreFault, match="version 3"):
        Store(path)


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFault) as caught:
        Store(tmp_path / "file" / "history.duckdb")
    assert caught.value.remedy


def test_a_sample_takes_few_bytes(path: Path) -> None:
    store = Store(path)
    tags, seconds = 400, 1000
    store.names([f"t{i}" for i in range(tags)])
    rng = np.random.default_rng(3)
    values = np.round(np.cumsum(rng.normal(0, 0.05, (seconds, tags)), axis=0) + 50, 3)
    for i in range(0, seconds, 100):
        t = np.repeat(T0 + np.arange(i, i + 100) * NS, tags)
        batch = _batch(np.tile(np.arange(1, tags + 1), 100), t, values[i : i + 100].ravel())
        lag = rng.integers(1_000_000, 20_000_000, len(t))
        store.append(batch_of(batch.slot, batch.value, t, t + lag, 0))
    store.compact()
    assert store.extent().bytes / store.extent().samples < 11
    store.close()
