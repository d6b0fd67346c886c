"""A whole past is taken into a store in one step, or not at all."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from armillary.history import shelf
from armillary.history.bulk import Bulk
from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.series import SeriesQuery

T0 = 1_750_032_000 * NS  # midnight UTC
MINUTE, DAY = 60 * NS, 86_400 * NS
EVENTS = "~alarm-events"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history.duckdb")


def written(folder: Path, ids: list[int], days: int = 2) -> np.ndarray:
    """Write a past of two tags, of which the second is a text; return the first one's values."""
    n = days * 1_440
    t_ns = T0 + np.arange(n, dtype=np.int64) * MINUTE
    value = np.stack([np.arange(n) * 0.5, np.full(n, np.nan)])
    with Bulk(folder) as bulk:
        for a in range(0, n, 700):  # pieces that lie over midnight
            part = slice(a, a + 700)
            text = {ids[1]: [f"B-{i}" for i in range(n)][part]}
            bulk.add(t_ns[part], np.array(ids, np.uint32), value[:, part], text)
        bulk.flush()
        assert bulk.samples == 2 * n
        assert len(bulk.segments) == days, "one a day"
    return value[0]


def marks(store: Store) -> SampleBatch:
    [id_] = store.names([EVENTS]).tolist()
    return batch_of(
        np.array([id_], np.uint32), np.array([1.0]), np.array([T0]), T0, 0, text={0: '{"id":"A"}'}
    )


def test_a_past_is_there_with_its_texts_its_marks_and_its_rollups(store: Store, tmp_path: Path) -> None:
    ids = store.names(["level", "batch"])
    live = batch_of(ids[:1], np.array([7.0]), np.array([T0 + 3 * DAY]), T0 + 3 * DAY, 0)
    store.append(live)
    value = written(tmp_path / "new", ids.tolist())
    assert store.take_in(tmp_path / "new", marks(store)) == 2 * 2_880
    is_there(store, value)
    store.close()
    again = Store(tmp_path / "history.duckdb")
    is_there(again, value)
    again.close()


def is_there(store: Store, value: np.ndarray) -> None:
    ids = store.names(["level", "batch"])
    got = store.at(ids, T0 + 100 * MINUTE)
    assert got.value[0] == value[100]
    assert list(got.text.values()) == ["B-100"]
    [series] = store.read(SeriesQuery(ids=(int(ids[0]),), from_ns=T0, to_ns=T0 + 2 * DAY, width=10))
    assert series.high.max() == value[-1]
    [text] = store.known_at(store.names([EVENTS]), T0).text.values()
    assert text == '{"id":"A"}'
    extent = store.extent()
    assert (extent.first_ns, extent.last_ns) == (T0, T0 + 3 * DAY)
    assert extent.samples == 2 * 2_880 + 1


def test_a_past_that_cannot_be_listed_leaves_no_trace(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = store.names(["level", "batch"])
    written(tmp_path / "new", ids.tolist())

    def fails(*_: object) -> None:
        raise duckdb.IOException("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(shelf, "used", fails)
        with pytest.raises(StoreFault):
            store.take_in(tmp_path / "new", marks(store))
    assert store.extent().samples == 0
    assert not len(store.at(ids, T0 + DAY))
    assert not list(store.folder.glob("*.parquet"))
    store.append(batch_of(ids[:1], np.array([7.0]), np.array([T0]), T0, 0))
    assert store.at(ids[:1], T0).value[0] == 7.0, "and it goes on"
    store.close()


def test_files_that_were_moved_and_never_listed_go_at_the_next_start(store: Store, tmp_path: Path) -> None:
    """As after a kill between the two."""
    ids = store.names(["level", "batch"])
    written(store.folder, ids.tolist(), days=1)
    store.close()
    again = Store(tmp_path / "history.duckdb")
    assert again.extent().samples == 0
    assert not list(again.folder.glob("*.parquet"))
    again.close()


def test_samples_do_not_come_by_the_door_of_marks(store: Store, tmp_path: Path) -> None:
    ids = store.names(["level", "batch"])
    with pytest.raises(StoreFault, match="marks alone"):
        store.take_in(tmp_path, batch_of(ids[:1], np.array([7.0]), np.array([T0]), T0, 0))
    store.close()
