"""A store whose library gave up (a checkpoint without room) is opened anew, and knows what is on disk."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from armillary.history.store import Store
from armillary.model.sample import batch_of


def test_a_store_that_was_invalidated_goes_on_with_what_is_on_disk(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    ids = store.names(["a", "b"])
    t = np.arange(10, dtype=np.int64)
    store.append(batch_of(ids[t % 2], t.astype(float), t, t, 0, text={3: "three"}), {"w": 7})
    store._base._failed(duckdb.FatalException("FATAL Error: database has been invalidated"))
    assert store._base._is_invalid
    assert store.at(ids, 100).value.tolist() == [8.0, 9.0]  # a reader mends it too
    assert not store._base._is_invalid
    store._base._failed(duckdb.FatalException("FATAL Error: database has been invalidated"))
    store.append(batch_of(ids[t % 2], t.astype(float), t + 10, t + 10, 0, text={0: "new"}), {"w": 8})
    assert store.received("w") == 8
    assert store.extent().samples == 20
    assert [b.text for b in store.between(ids, 0, 100)] == [{3: "three", 10: "new"}]
    store.close()


def test_an_ordinary_error_is_no_reason_to_open_it_anew(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    store._base._failed(duckdb.TransactionException("TransactionContext Error: file too large"))
    assert not store._base._is_invalid
    store.close()
