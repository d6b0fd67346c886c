"""Sealed segments: what is in them reads as before, and a crash or a damaged file costs only itself."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from armillary.history import sealing, tending
from armillary.history.parts import DAY_NS
from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.quality import BAD, SENSOR
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.model.series import SeriesQuery

T0 = 1_750_032_000 * NS  # 2025-06-16, midnight UTC
LATER = T0 + 100 * DAY_NS
IDS = np.array([1, 2], np.uint32)


@pytest.fixture
def aside(log_guard: Any) -> None:
    """A damaged segment is warned of."""
    log_guard.announced.append("moved aside")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.duckdb"


def batch(ids: object, t: object, values: object, **more: object) -> SampleBatch:
    t_ns = np.asarray(t, np.int64)
    slot = np.broadcast_to(np.asarray(ids, np.uint32), t_ns.shape).copy()
    return batch_of(slot, np.asarray(values, np.float64), t_ns, t_ns + 5_000_000, 1, **more)  # type: ignore[arg-type]


def seal(store: Store, now_ns: int = LATER) -> None:
    """Do all that is to do, as if the last time were long ago."""
    store._tending._closed_ns = 0
    while store.tidy(now_ns):
        pass


def filled(path: Path, days: int = 3) -> Store:
    """Return a store of two tags, a sample a minute each, for some days."""
    store = Store(path)
    store.names(["a", "b"], ["m", "s"])
    for day in range(days):
        t = T0 + day * DAY_NS + np.arange(1_440) * 60 * NS
        store.append(batch(1, t, np.arange(1_440) + 10_000 * day))
        store.append(batch(2, t + 1, -np.arange(1_440.0), text={5: f"day {day}"}))
    return store


def everything(store: Store) -> SampleBatch:
    return joined(list(store.between(IDS, T0 - DAY_NS, LATER + 1)))


def equal(one: SampleBatch, other: SampleBatch) -> None:
    for name in ("slot", "source_ns", "arrival_ns", "quality", "flags", "status"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    assert np.array_equal(one.value, other.value, equal_nan=True)
    assert one.text == other.text


def days(store: Store) -> list[str]:
    return [segment.day for segment in store._base.view.segments]


def test_what_is_sealed_comes_back_as_it_was(path: Path) -> None:
    store = filled(path)
    odd = batch([1, 2], [T0 + 7, T0 + 8], [np.nan, 3.0], quality=np.array([BAD | SENSOR, 0], np.uint16))
    store.append(odd)
    before, seek = everything(store), store.known_at(IDS, T0 + DAY_NS)
    seal(store)
    assert days(store) == ["2025-06-16", "2025-06-17", "2025-06-18"]
    assert not store._base.view.segments[0].day_ns % DAY_NS
    equal(everything(store), before)
    order = np.argsort(seek.slot)
    again = store.known_at(IDS, T0 + DAY_NS)
    assert again.value[np.argsort(again.slot)].tolist() == seek.value[order].tolist()
    samples, first, last = store.extent().samples, store.extent().first_ns, store.extent().last_ns
    store.close()
    for read_only in (False, True):
        again_open = Store(path, read_only=read_only)
        equal(everything(again_open), before)
        extent = again_open.extent()
        assert (extent.samples, extent.first_ns, extent.last_ns) == (samples, first, last)
        again_open.close()


def test_texts_are_with_their_samples_and_no_longer_in_the_file(path: Path) -> None:
    store = filled(path)
    seal(store)
    with store._base.reading() as (cursor, _):
        assert cursor.execute("SELECT count(*) FROM word").fetchall() == [(0,)]
    store.append(batch(2, [LATER], [1.0], text={0: "day 1"}))  # a text that was there before
    assert store.at(IDS[1:], LATER).text == {0: "day 1"}
    assert list(everything(store).text.values()) == ["day 0", "day 1", "day 2", "day 1"]
    store.close()


def test_a_correction_wins_over_what_is_sealed_and_stays_after_merging(path: Path) -> None:
    store = filled(path)
    seal(store)
    store.append(batch(1, [T0 + 60 * NS], [5e6]))
    for _ in range(2):
        assert store.at(IDS[:1], T0 + 60 * NS).value.tolist() == [5e6]
        (series,) = store.read(SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 600 * NS, width=600))
        assert series.mean.tolist() == [0.0, 5e6, *range(2, 10)]
        seal(store)
    assert days(store).count("2025-06-16") == 1
    assert store.extent().samples == 3 * 2 * 1_440 + 1  # both are in history
    store.close()


def test_late_samples_are_seen_at_once_and_in_order_and_merged_in_the_background(path: Path) -> None:
    store = filled(path)
    seal(store)
    late = T0 + DAY_NS + 90 * NS
    store.append(batch(1, [late], [7e6]))
    query = SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 3 * DAY_NS, width=100)
    for _ in range(3):  # hot, sealed beside its day, merged
        got = everything(store)
        assert (np.diff(got.source_ns) >= 0).all()
        assert late in got.source_ns.tolist()
        (series,) = store.read(query)
        assert series.high.max() == 7e6
        assert series.t_ns[series.high.argmax()] == T0 + DAY_NS
        assert int(series.count.sum()) == 3 * 1_440 + 1
        store._tending._closed_ns = 0
        store.tidy(LATER)
    seal(store)
    assert sorted(days(store)) == ["2025-06-16", "2025-06-17", "2025-06-18"]
    store.close()


def test_roll_ups_of_every_grain_say_what_the_samples_say(path: Path) -> None:
    store = Store(path)
    store.names(["a", "b"])
    rng = np.random.default_rng(3)
    t = np.sort(rng.integers(T0, T0 + 14 * DAY_NS, 20_000))
    values = rng.normal(0, 1, len(t))
    values[100:200] = np.nan
    quality = np.where(rng.random(len(t)) < 0.01, BAD | SENSOR, 0).astype(np.uint16)
    store.append(batch(1, t, values, quality=quality))
    queries = [
        SeriesQuery(ids=(1, 2), from_ns=T0 + 1_234_567, to_ns=T0 + span + 7, width=width)
        for span, width in ((14 * DAY_NS, 10), (14 * DAY_NS, 100), (9 * DAY_NS, 120), (3 * DAY_NS, 1_000))
    ]
    before = [store.read(query) for query in queries]
    seal(store)
    assert len(store._base.view.segments) == 14
    assert [series[0].level_s for series in before] == [172_800.0, 21_600.0, 7_200.0, 300.0]
    for plain, query in zip(before, queries, strict=True):
        for one, other in zip(store.read(query), plain, strict=True):
            assert one.level_s == other.level_s
            for name in ("t_ns", "low", "high", "quality", "last", "count"):
                column = np.asarray(getattr(one, name), np.float64)
                assert np.array_equal(column, np.asarray(getattr(other, name), np.float64), equal_nan=True), (
                    name
                )
            assert one.mean == pytest.approx(other.mean, nan_ok=True)
    store.close()


def test_a_table_that_is_full_is_sealed_though_its_day_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "HOT_ROWS", 1_000)
    monkeypatch.setattr(tending, "SEAL_ROWS", 700)
    store = filled(path, days=1)
    before = everything(store)
    now = T0 + DAY_NS // 2
    while store.tidy(now):
        pass
    assert len(store._base.view.segments) >= 4
    equal(everything(store), before)
    seal(store)
    assert len(store._base.view.segments) == 1
    equal(everything(store), before)
    store.close()


def test_writing_goes_on_while_a_piece_is_sealed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(path)
    make = sealing.make

    def slow(*args: object) -> object:
        writer = threading.Thread(target=store.append, args=(batch(1, [LATER], [1.0]),))
        writer.start()
        writer.join(30)
        assert not writer.is_alive()
        return make(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(sealing, "make", slow)
    store._tending._closed_ns = 0
    store.tidy(LATER)
    assert store.at(IDS[:1], LATER).value.tolist() == [1.0]
    store.close()


# ------------------------------------------------------------ crashes
@pytest.mark.parametrize("where", ["samples", "minutes", "listed"])
def test_a_crash_while_sealing_leaves_the_old(
    path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(path)
    before = everything(store)
    copy = path.with_name("copy")

    def crash(*_: object, **__: object) -> None:
        store._base.compact()
        shutil.copytree(path.parent, copy, ignore=shutil.ignore_patterns("copy"))
        raise StoreFault("killed", where="here", remedy="none")

    if where == "listed":
        monkeypatch.setattr(tending.Tending, "_commit_seal", crash)
    else:
        write = sealing._write
        monkeypatch.setattr(
            sealing,
            "_write",
            lambda *a: crash() if where in str(a[2]) else write(*a),  # type: ignore[func-returns-value]
        )
    store._tending._closed_ns = 0
    with pytest.raises(StoreFault, match="killed"):
        store.tidy(LATER)
    monkeypatch.undo()
    store.close()
    again = Store(copy / path.name)
    equal(everything(again), before)
    assert not list((copy / "history").glob("*.parquet"))  # what was begun is gone
    seal(again)
    equal(everything(again), before)
    again.close()


def test_a_crash_before_segments_are_taken_up_loses_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(path)
    seal(store)
    before = everything(store)
    store.close()
    path.unlink()

    def crash(*_: object) -> None:
        raise StoreFault("killed", where="here", remedy="none")

    with monkeypatch.context() as patch:
        patch.setattr(tending.Tending, "begin", crash)
        with pytest.raises(StoreFault, match="killed"):
            Store(path)
    again = Store(path)
    equal(everything(again), before)
    again.close()


def test_a_crash_before_the_old_files_are_removed_leaves_the_new(path: Path) -> None:
    store = filled(path)
    seal(store)
    kept = path.with_name("kept")
    shutil.copytree(path.parent / "history", kept)
    store.append(batch(1, [T0 + 1], [9.0]))
    seal(store)
    before = everything(store)
    store.close()
    names = {p.name for p in (path.parent / "history").glob("*.parquet")}
    for old in kept.glob("*.parquet"):
        shutil.copy(old, path.parent / "history" / old.name)
    with duckdb.connect(str(path)) as raw:  # as if they had not been removed yet
        for old in kept.glob("*.parquet"):
            if old.name not in names:
                raw.execute("INSERT INTO retired VALUES ($1)", [old.name])
    again = Store(path)
    equal(everything(again), before)
    assert {p.name for p in (path.parent / "history").glob("*.parquet")} == names
    again.close()


def test_when_the_file_itself_is_lost_the_segments_are_taken_up_with_their_tags(path: Path) -> None:
    store = filled(path)
    seal(store)
    before = everything(store)
    (months,) = store.read(SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 3 * DAY_NS, width=3))
    store.close()
    path.unlink()
    again = Store(path)
    assert dict(again.known()) == {"a": 1, "b": 2}
    assert dict(again.units()) == {"a": "m", "b": "s"}
    assert again.names(["new"]).tolist() == [3]
    equal(everything(again), before)
    (series,) = again.read(SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 3 * DAY_NS, width=3))
    assert series.high.tolist() == months.high.tolist()
    again.append(batch(1, [LATER], [1.0]))
    seal(again, LATER + 9 * DAY_NS)
    assert len({s.seq for s in again._base.view.segments}) == 4
    again.close()


# ------------------------------------------------------------ damage
def damage(path: Path) -> bytes:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = np.random.default_rng(7).bytes(200)
    path.write_bytes(bytes(data))
    return bytes(data)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.usefixtures("aside")
def test_a_damaged_segment_is_set_aside_by_name_and_the_rest_is_readable(path: Path, read_only: bool) -> None:
    store = filled(path)
    seal(store)
    samples = store._base.view.segments[1].samples_name
    store.close()
    broken = damage(path.parent / "history" / samples)
    store = Store(path, read_only=read_only)
    got = everything(store)
    assert len(got) == 2 * 2 * 1_440
    assert not ((got.source_ns >= T0 + DAY_NS) & (got.source_ns < T0 + 2 * DAY_NS)).any()
    (told,) = store.told
    assert told.what.startswith("History 2025-06-17 cannot be read: ")
    assert "backup" in told.remedy
    assert Path(told.where).read_bytes() == broken  # not a byte of it was changed
    assert ("moved aside" in told.what) == (not read_only)
    if not read_only:
        store.append(batch(1, [LATER], [1.0]))
        hours = SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 3 * DAY_NS, width=72)
        (series,) = store.read(hours)
        assert int(series.count.sum()) == 3 * 1_440  # its hours were kept apart
    store.close()
    again = Store(path, read_only=read_only)
    assert len(everything(again)) == 2 * 2 * 1_440 + (not read_only)
    again.close()


@pytest.mark.usefixtures("aside")
def test_damage_that_reads_without_an_error_is_found_while_nothing_else_is_to_do(path: Path) -> None:
    store = filled(path)
    seal(store)
    name = store._base.view.segments[0].minutes_name
    store.close()
    damage(path.parent / "history" / name)
    store = Store(path)
    while store.tidy(T0):
        pass
    assert [t.what for t in store.told] == [
        "History 2025-06-16 cannot be read: moved aside, the rest goes on."
    ]
    store.close()


@pytest.mark.usefixtures("aside")
def test_a_segment_that_vanished_is_told_too(path: Path) -> None:
    store = filled(path)
    seal(store)
    (path.parent / "history" / store._base.view.segments[2].samples_name).unlink()
    assert len(everything(store)) == 2 * 2 * 1_440
    assert "2025-06-18" in store.told[0].what
    store.close()


@pytest.mark.usefixtures("aside")
def test_a_segment_that_was_put_back_is_there_again(path: Path) -> None:
    store = filled(path)
    seal(store)
    before = everything(store)
    segment = store._base.view.segments[1]
    folder = path.parent / "history"
    good = {name: (folder / name).read_bytes() for name in segment.names}
    damage(folder / segment.samples_name)
    assert len(everything(store)) < len(before)
    store.close()
    for name, data in good.items():
        (folder / name).write_bytes(data)
    again = Store(path)
    equal(everything(again), before)
    (series,) = again.read(SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 3 * DAY_NS, width=72))
    assert int(series.count.sum()) == 3 * 1_440
    again.close()


# ------------------------------------------------------------ forgetting
def test_what_is_forgotten_of_a_tag_is_gone_from_every_file(path: Path) -> None:
    store = filled(path)
    seal(store)
    store.append(batch([1, 2], [LATER, LATER], [1.0, 2.0], text={1: "secret"}))
    assert store.forget(T0 + 2 * DAY_NS, IDS[1:]) == 2 * 1_440
    left = everything(store)
    assert (left.slot[left.source_ns < T0 + 2 * DAY_NS] == 1).all()
    assert list(left.text.values()) == ["day 2", "secret"]
    day = SeriesQuery(ids=(2, 1), from_ns=T0, to_ns=T0 + 2 * DAY_NS, width=2)
    gone, kept = store.read(day)
    assert (len(gone.t_ns), int(kept.count.sum())) == (0, 2 * 1_440)
    assert store.forget(LATER + 1, IDS[1:]) == 1_440 + 1
    with store._base.reading() as (cursor, view):
        assert cursor.execute("SELECT text FROM word").fetchall() == []
        assert (
            cursor.execute(
                "SELECT t FROM hour WHERE id = 2 UNION ALL SELECT t FROM day WHERE id = 2"
            ).fetchall()
            == []
        )
        listed = {name for segment in view.segments for name in segment.names}
    assert {p.name for p in (path.parent / "history").glob("*.parquet")} == listed
    store.close()


def test_what_is_forgotten_is_found_in_no_byte_of_any_file(path: Path) -> None:
    store = filled(path)
    words = "badge of Ada Lovelace"
    store.append(batch([2, 1], [T0 + 5, T0 + 6], [1.25, 2.0], text={0: words, 1: "pump"}))
    seal(store)
    store.append(batch([2, 1], [LATER, LATER], [1.25, 2.0], text={0: words, 1: "pump"}))
    store.compact()

    def found(text: str) -> bool:
        store.compact()
        paths = [p for p in path.parent.rglob("*") if p.is_file()]
        return any(text.encode() in p.read_bytes() for p in paths)

    assert found(words)
    store.forget(LATER + 9, IDS[1:])
    assert not found(words)
    assert [text for text in everything(store).text.values() if text == "pump"] == ["pump", "pump"]
    store.append(batch(1, [LATER + 2], [5.0]))
    assert store.extent().samples == 3 * 1_440 + 3
    store.close()


def test_a_file_that_is_mostly_empty_becomes_small_and_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("armillary.history.store.WASTE_BYTES", 1)
    store = filled(path, days=1)
    rng = np.random.default_rng(1)
    store.append(batch(1, T0 + DAY_NS + np.arange(400_000) * NS // 10, rng.random(400_000)))
    store.compact()
    size = path.stat().st_size
    seal(store)
    store._weighed_ns = 0
    store.compact()
    assert store.tidy(LATER) is False
    assert path.stat().st_size < size / 2
    store.append(batch(1, [LATER], [1.0]))
    assert store.extent().samples == len(everything(store)) == 2 * 1_440 + 400_001
    store.close()


def test_a_tag_is_forgotten_also_where_only_minutes_are_left(path: Path) -> None:
    store = filled(path)
    seal(store)
    assert store.expire(T0 + 10 * DAY_NS, 0, 0) == 3 * 2 * 1_440
    assert store.forget(T0 + 10 * DAY_NS, IDS[1:]) == 0
    gone, kept = store.read(SeriesQuery(ids=(2, 1), from_ns=T0, to_ns=T0 + DAY_NS, width=2_000))
    assert (len(gone.t_ns), len(kept.t_ns)) == (0, 1_440)
    store.close()


# ------------------------------------------------------------ older stores
def old_store(path: Path) -> SampleBatch:
    """Write a store as version 1 did; return what is in it."""
    with duckdb.connect(str(path)) as raw:
        raw.execute("""
            CREATE TABLE about(key VARCHAR, value VARCHAR);
            CREATE TABLE tag(id UINTEGER, name VARCHAR, unit VARCHAR);
            CREATE TABLE sample(
                id UINTEGER, t BIGINT, value DOUBLE, lag BIGINT, quality USMALLINT, flags UTINYINT,
                status UINTEGER, word UINTEGER);
            CREATE TABLE word(id UINTEGER, text VARCHAR);
            CREATE TABLE minute(
                id UINTEGER, t BIGINT, low DOUBLE, high DOUBLE, total DOUBLE, count UINTEGER,
                quality USMALLINT);
            CREATE TABLE redo(t BIGINT);
            CREATE TABLE received(session VARCHAR, seq BIGINT);
            INSERT INTO about VALUES ('schema', '1'), ('rolled_until_ns', '5');
            INSERT INTO tag VALUES (1, 'a', 'm'), (2, 'b', '');
            INSERT INTO word VALUES (1, 'old text');
            INSERT INTO received VALUES ('w', 41);
        """)
        raw.execute(
            "INSERT INTO sample SELECT 1 + range % 2, $1 + range * 60000000000, range, 5000000, 0, 0, 1, "
            "CASE WHEN range = 3 THEN 1 ELSE 0 END FROM range(5000)",
            [T0],
        )
    rows = np.arange(5_000)
    return batch(1 + rows % 2, T0 + rows * 60 * NS, rows, text={3: "old text"})


def test_a_store_of_version_1_is_migrated_and_loses_nothing(path: Path) -> None:
    expected = old_store(path)
    store = Store(path)
    assert dict(store.known()) == {"a": 1, "b": 2}
    assert store.received("w") == 41
    got = everything(store)
    assert (got.source_ns.tolist(), got.value.tolist()) == (
        expected.source_ns.tolist(),
        expected.value.tolist(),
    )
    seal(store)
    got = everything(store)
    assert (got.value.tolist(), got.text) == (expected.value.tolist(), {3: "old text"})
    assert len(store._base.view.segments) == 4
    store.close()
    with duckdb.connect(str(path)) as raw:
        assert raw.execute("SELECT value FROM about WHERE key = 'schema'").fetchall() == [("2",)]
        tables = {row[0] for row in raw.execute("SHOW TABLES").fetchall()}
    assert not tables & {"sample", "minute", "redo"}


def test_a_store_of_version_1_is_read_as_it_is_where_it_may_not_be_written(path: Path) -> None:
    expected = old_store(path)
    before = path.read_bytes()
    store = Store(path, read_only=True)
    got = everything(store)
    assert (got.value.tolist(), got.text) == (expected.value.tolist(), {3: "old text"})
    query = SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + 3 * DAY_NS, width=3)
    assert int(store.read(query)[0].count.sum()) == 2_160
    assert store.kept("bindings", T0) is None
    store.close()
    assert path.read_bytes() == before
