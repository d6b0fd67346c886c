"""The store does not keep in memory all that went through it, and nobody notices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from armillary.history import base
from armillary.history.store import Store
from armillary.model.sample import batch_of

T0, ROWS = 1_790_000_000_000_000_000, 300_000


def _kept_mb(store: Store) -> float:
    with store._base.reading() as (cursor, _):
        (row,) = cursor.execute("SELECT sum(memory_usage_bytes) / 1e6 FROM duckdb_memory()").fetchall()
    return float(row[0])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(base, "KEPT_MB", 4)
    monkeypatch.setattr(base, "SHRUNK_MB", 4)
    store = Store(tmp_path / "history.duckdb")
    (id_,) = store.names(["t"], [""]).tolist()
    rng = np.random.default_rng(1)
    for part in range(2):
        t = T0 + 1_000_000 * np.arange(part * ROWS, (part + 1) * ROWS, dtype=np.int64)
        store.append(batch_of(np.full(ROWS, id_, np.uint32), rng.random(ROWS), t, t + 1, 0))
    store.compact()
    assert _kept_mb(store) > 5
    return store


def test_tidying_lets_go_of_what_is_in_the_file_and_a_question_finds_it_again(store: Store) -> None:
    before = store.at(np.array([1], np.uint32), T0 + 10**11).value
    store.tidy(T0)
    assert _kept_mb(store) <= 4.5
    assert np.array_equal(store.at(np.array([1], np.uint32), T0 + 10**11).value, before)
    (limit,) = store._base.cursor().execute("SELECT current_setting('memory_limit')").fetchall()
    assert limit[0] == "953.6 MiB"  # 1 GB, as before
    store.close()


def test_while_somebody_reads_nothing_is_let_go(store: Store) -> None:
    with store._base.reading():
        assert not store._base.shrink()
    assert _kept_mb(store) > 5
    assert store._base.shrink()
    store.close()


def test_little_is_kept_as_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "KEPT_MB", 1_000)
    assert not store._base.shrink()
    store.close()
