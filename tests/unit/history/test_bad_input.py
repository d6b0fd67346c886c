"""What should not come does come: it is kept or refused with a clear message, hot and sealed alike."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import duckdb
import numpy as np
import pytest

from armillary.history import sealing, shelf
from armillary.history.base import translated
from armillary.history.parts import DAY_NS
from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.message import DISK_FULL
from armillary.model.quality import BAD, SENSOR
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.series import SeriesQuery

T0 = 1_750_032_000 * NS
LATER = T0 + 9 * DAY_NS
ID = np.array([1], np.uint32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    held = Store(tmp_path / "history.duckdb")
    held.names(["a"])
    return held


def batch(t: object, values: object, **more: object) -> SampleBatch:
    t_ns = np.asarray(t, np.int64)
    ids = np.ones(len(t_ns), np.uint32)
    return batch_of(ids, np.asarray(values, np.float64), t_ns, t_ns, 0, **more)  # type: ignore[arg-type]


def seal(store: Store) -> None:
    store._tending._closed_ns = 0
    while store.tidy(LATER):
        pass


def query(store: Store, width: int, days: int = 1) -> list[tuple[float, float, int]]:
    """Return (low, high, count) of each bucket, without those that have no number."""
    asked = SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + days * DAY_NS, width=width)
    (series,) = store.read(asked)
    rows = zip(series.low.tolist(), series.high.tolist(), series.count.tolist(), strict=True)
    return [row for row in rows if row[2]]


@pytest.mark.parametrize("sealed", [False, True])
def test_of_samples_of_one_time_all_are_kept_and_the_last_is_shown(store: Store, sealed: bool) -> None:
    store.append(batch([T0, T0, T0 + NS, T0], [1.0, 2.0, 5.0, 3.0]))
    if sealed:
        seal(store)
    assert query(store, 1_000) == [(3.0, 3.0, 1), (5.0, 5.0, 1)]
    assert store.at(ID, T0).value.tolist() == [3.0]
    assert store.extent().samples == 4
    store.close()


@pytest.mark.parametrize("sealed", [False, True])
def test_a_clock_that_jumps_back_gives_samples_in_the_order_of_their_time(store: Store, sealed: bool) -> None:
    store.append(batch(T0 + np.array([10, 11, 12]) * NS, [1, 2, 3]))
    store.append(batch(T0 + np.array([1, 2]) * NS, [4, 5]))
    if sealed:
        seal(store)
    (got,) = list(store.between(ID, T0, LATER))
    assert got.value.tolist() == [4, 5, 1, 2, 3]
    store.close()


@pytest.mark.parametrize("sealed", [False, True])
def test_a_run_of_no_numbers_hides_no_number_and_keeps_its_quality(store: Store, sealed: bool) -> None:
    values = np.full(3_000, np.nan)
    values[1_500] = 7.0
    values[2_000:2_003] = np.inf, -np.inf, np.nan
    store.append(batch(T0 + np.arange(3_000) * NS, values, quality=np.full(3_000, BAD | SENSOR, np.uint16)))
    if sealed:
        seal(store)
    assert query(store, 24) == [(7.0, 7.0, 1)]
    asked = SeriesQuery(ids=(1,), from_ns=T0, to_ns=T0 + DAY_NS, width=24)
    (series,) = store.read(asked)
    assert set(series.quality.tolist()) == {BAD | SENSOR}
    got = store.at(ID, T0 + 2_001 * NS).value
    assert got.tolist() == [-np.inf]  # what came is kept as it came
    store.close()


@pytest.mark.parametrize("sealed", [False, True])
def test_a_tag_that_was_a_number_and_is_a_text_now_keeps_both(store: Store, sealed: bool) -> None:
    store.append(batch(T0 + np.arange(10) * NS, np.arange(10.0)))
    text = {0: "open", 1: ""}
    store.append(batch(T0 + np.array([20, 21]) * NS, [np.nan, np.nan], text=text))
    store.append(batch([T0 + 30 * NS], [4.0]))
    if sealed:
        seal(store)
    (got,) = list(store.between(ID, T0, LATER))
    assert got.text == {10: "open", 11: ""}
    assert got.value[:10].tolist() == list(range(10))
    assert query(store, 1) == [(0.0, 9.0, 11)]
    store.close()


def test_values_at_the_ends_of_what_there_is_come_back(store: Store) -> None:
    values = [np.finfo(np.float64).max, -np.finfo(np.float64).max, 5e-324, -0.0, 0.1 + 0.2]
    store.append(batch(T0 + np.arange(5) * NS, values))
    seal(store)
    (got,) = list(store.between(ID, T0, LATER))
    assert got.value.view(np.int64).tolist() == np.array(values).view(np.int64).tolist()
    store.close()


def test_a_full_disk_while_sealing_is_told_leaves_nothing_and_stops_no_writing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(batch(T0 + np.arange(100) * NS, np.arange(100.0)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "synced", full)
        with pytest.raises(StoreFault, match="No space left") as caught:
            store.tidy(LATER)
        assert "room on its disk" in caught.value.remedy
        assert list(store._base.folder.glob("*.parquet*")) == list(store._base.folder.glob(".*")) == []
        store.append(batch([LATER], [1.0]))
    assert store.extent().samples == 101
    seal(store)
    assert len(store.sealed) == 1
    assert store.extent().samples == 101
    store.close()


def test_what_the_library_says_of_a_full_disk_is_said_as_elsewhere(tmp_path: Path) -> None:
    error = duckdb.IOException('IO Error: Could not write file "x": No space left on device')
    assert translated(error, tmp_path, "read").what == DISK_FULL


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_disk_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    Store(tmp_path / "history.duckdb").close()
    (tmp_path / "history.duckdb").chmod(stat.S_IRUSR)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(StoreFault, match="may not be written"):
            Store(tmp_path / "history.duckdb")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_tags_beside_the_segments_that_cannot_be_read_are_no_reason_to_stop(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    assert shelf.read_tags(folder) == []
    folder.mkdir()
    for content in (b"", b"{", b'{"schema": 9, "tags": []}', b'{"schema": 1, "tags": [[1]]}'):
        (folder / shelf.TAGS_FILE).write_bytes(content)
        assert shelf.read_tags(folder) == []
    store = Store(tmp_path / "history.duckdb")
    assert store.names(["a"]).tolist() == [1]
    store.close()


def test_files_of_others_in_the_folder_are_left_alone(store: Store) -> None:
    store.append(batch([T0], [1.0]))
    seal(store)
    folder = store._base.folder
    for name in ("mine.parquet", "2025-06-16.samples.parquet", "notes.txt"):
        (folder / name).write_bytes(b"sacred")
    store.close()
    again = Store(folder.with_suffix(".duckdb"))
    seal(again)
    assert [(folder / n).read_bytes() for n in ("mine.parquet", "notes.txt")] == [b"sacred"] * 2
    assert again.extent().samples == 1
    again.close()
