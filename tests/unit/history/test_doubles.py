"""What was delivered twice is kept once: by tag, source time and value, where it says that it may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.sample import (
    DUPLICATE,
    HISTORICAL,
    SOURCE_TIME_ASSUMED,
    WAITED,
    SampleBatch,
    batch_of,
    joined,
)

T0 = 1_750_000_200 * NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.duckdb")
    made.names(["a", "b"])
    yield made
    made.close()


def _batch(first: int, count: int, flags: int = 0, id_: int = 1, add: float = 0.0) -> SampleBatch:
    number = np.arange(first, first + count)
    return batch_of(
        np.full(count, id_, np.uint32),
        number + add,
        T0 + number * NS,
        T0 + number * NS + 5_000_000,
        1,
        flags=np.full(count, flags, np.uint8),
    )


def _values(store: Store, id_: int = 1) -> list[float]:
    rows = joined([*store.between(np.array([id_], np.uint32), 0, 2**62)])
    return sorted(rows.value.tolist())


@pytest.mark.parametrize("flag", [DUPLICATE, WAITED, HISTORICAL])
def test_what_its_server_sends_again_is_kept_once(store: Store, flag: int) -> None:
    store.append(_batch(0, 10))
    store.append(_batch(5, 10, flag))
    assert _values(store) == list(range(15))
    assert store.doubles == 5


def test_another_value_at_the_same_time_is_no_double(store: Store) -> None:
    store.append(_batch(0, 3))
    store.append(_batch(0, 3, DUPLICATE, add=0.5))
    assert len(_values(store)) == 6


def test_another_tag_with_the_same_value_and_time_is_no_double(store: Store) -> None:
    store.append(_batch(0, 3))
    store.append(_batch(0, 3, DUPLICATE, id_=2))
    assert _values(store, 2) == [0.0, 1.0, 2.0]


def test_what_does_not_say_that_it_came_before_is_kept(store: Store) -> None:
    store.append(_batch(0, 3))
    store.append(_batch(0, 3))
    assert len(_values(store)) == 6


def test_a_sample_dated_by_its_arrival_is_never_a_double(store: Store) -> None:
    store.append(_batch(0, 3))
    store.append(_batch(0, 3, DUPLICATE | SOURCE_TIME_ASSUMED))
    assert len(_values(store)) == 6


def test_doubles_within_one_batch_are_kept_once(store: Store) -> None:
    store.append(joined([_batch(0, 4), _batch(2, 4, DUPLICATE), _batch(2, 4, DUPLICATE)]))
    assert _values(store) == list(range(6))


def test_texts_and_values_that_are_no_numbers_are_compared_too(store: Store) -> None:
    def texts(*words: str, flags: int = 0) -> SampleBatch:
        n = len(words)
        return batch_of(
            np.ones(n, np.uint32),
            np.full(n, np.nan),
            T0 + np.arange(n) * NS,
            T0,
            1,
            flags=np.full(n, flags, np.uint8),
            text=dict(enumerate(words)),
        )

    store.append(texts("open", "shut"))
    store.append(texts("open", "ajar", flags=DUPLICATE))
    rows = joined([*store.between(np.array([1], np.uint32), 0, 2**62)])
    assert sorted(rows.text.values()) == ["ajar", "open", "shut"]
