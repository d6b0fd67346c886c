"""What is sent twice is on disk once, where its sender says that it may be a repeat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.sample import DUPLICATE, HISTORICAL, REDATED, WAITED, SampleBatch, batch_of, known_ns

T0 = 1_750_000_000 * NS
Row = tuple[int, int, float, int]  # id, second, value, flags


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "h.duckdb")
    made.names(["a", "b"])
    yield made
    made.close()


def batch(*rows: Row, text: dict[int, str] | None = None, late_s: int = 1_800) -> SampleBatch:
    source = T0 + np.array([r[1] for r in rows], np.int64) * NS
    return batch_of(
        np.array([r[0] for r in rows], np.uint32),
        np.array([r[2] for r in rows], np.float64),
        source,
        source + late_s * NS,
        1,
        flags=np.array([r[3] for r in rows], np.uint8),
        text=text,
    )


def stored(store: Store) -> list[tuple[int, int, float]]:
    rows = list(store.between(np.array([1, 2], np.uint32), T0, T0 + 100 * NS))
    return [
        (int(s), int((t - T0) // NS), float(v))
        for b in rows
        for s, t, v in zip(b.slot, b.source_ns, b.value, strict=True)
    ]


@pytest.mark.parametrize("flag", [HISTORICAL, WAITED, DUPLICATE])
def test_a_repeat_that_says_so_is_on_disk_once(store: Store, flag: int) -> None:
    store.append(batch((1, 1, 5.0, 0), (1, 2, 6.0, 0)))
    store.append(batch((1, 1, 5.0, flag), (1, 3, 7.0, flag)))
    store.append(batch((1, 1, 5.0, flag), (1, 3, 7.0, flag)))
    assert stored(store) == [(1, 1, 5.0), (1, 2, 6.0), (1, 3, 7.0)]
    assert store.extent().samples == 3


def test_a_repeat_within_one_batch_is_on_disk_once(store: Store) -> None:
    store.append(batch((1, 1, 5.0, HISTORICAL), (2, 1, 5.0, HISTORICAL), (1, 1, 5.0, HISTORICAL)))
    assert stored(store) == [(1, 1, 5.0), (2, 1, 5.0)]


def test_another_value_of_the_same_time_is_a_correction_and_kept(store: Store) -> None:
    store.append(batch((1, 1, 5.0, 0)))
    store.append(batch((1, 1, 6.0, HISTORICAL)))
    assert stored(store) == [(1, 1, 5.0), (1, 1, 6.0)]


def test_texts_and_values_that_are_no_number_are_told_apart(store: Store) -> None:
    nan = float("nan")
    store.append(batch((1, 1, nan, 0), (2, 1, nan, 0), text={0: "on", 1: "off"}))
    store.append(batch((1, 1, nan, HISTORICAL), (2, 1, nan, HISTORICAL), text={0: "on", 1: "on"}))
    assert store.extent().samples == 3
    store.append(batch((2, 2, nan, HISTORICAL)))
    store.append(batch((2, 2, nan, HISTORICAL)))
    assert store.extent().samples == 4


def test_what_does_not_say_so_is_never_looked_up(store: Store) -> None:
    for _ in range(2):
        store.append(batch((1, 1, 5.0, 0)))
    assert store.extent().samples == 2


def test_a_sample_of_a_wrong_clock_is_found_by_its_arrival_and_keeps_both_times(store: Store) -> None:
    said = batch((1, 10, 5.0, REDATED), late_s=-3_600)  # filed under 10 s; its source said an hour before
    store.append(said)
    ids = np.array([1], np.uint32)
    assert len(store.known_at(ids, T0 + 9 * NS)) == 0
    back = store.known_at(ids, T0 + 10 * NS)
    assert known_ns(back).tolist() == [T0 + 10 * NS]
    assert back.arrival_ns.tolist() == [T0 - 3_590 * NS]
