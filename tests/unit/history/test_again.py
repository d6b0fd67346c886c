"""A queue that is sent again changes nothing in the history."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.sample import HISTORICAL, SampleBatch, batch_of

T0 = 1_750_000_200 * NS


def batch(
    rows: list[tuple[int, int, float]], flag: int = 0, text: dict[int, str] | None = None
) -> SampleBatch:
    t = np.array([T0 + row[1] * NS for row in rows], np.int64)
    return batch_of(
        np.array([row[0] for row in rows], np.uint32),
        np.array([row[2] for row in rows]),
        t,
        t + 5,
        1,
        flags=np.full(len(rows), flag, np.uint8),
        text=text,
    )


def held(store: Store) -> list[tuple[int, int, str]]:
    ids = store.names(["a", "b"])
    parts = list(store.between(ids, T0 - NS, T0 + 1000 * NS))
    return sorted(
        (int(p.slot[i]), int(p.source_ns[i] - T0) // NS, p.text.get(i, str(p.value[i])))
        for p in parts
        for i in range(len(p))
    )


def test_what_was_told_again_of_the_past_is_kept_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    store.names(["a", "b"])
    rows = [(1, 0, 1.0), (1, 1, 2.0), (2, 0, float("nan"))]
    store.append(batch(rows))
    store.append(batch([*rows, (1, 2, 3.0), (1, 2, 3.0)], HISTORICAL))
    store.append(batch([*rows, (1, 2, 3.0)], HISTORICAL))
    assert held(store) == [(1, 0, "1.0"), (1, 1, "2.0"), (1, 2, "3.0"), (2, 0, "nan")]
    assert store.extent().samples == 4
    store.close()


def test_another_value_of_the_same_time_is_a_correction_and_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    store.names(["a", "b"])
    store.append(batch([(1, 0, 1.0)]))
    store.append(batch([(1, 0, 1.5)], HISTORICAL))
    assert held(store) == [(1, 0, "1.0"), (1, 0, "1.5")]
    store.close()


def test_texts_are_told_apart_also_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    store.names(["a", "b"])
    nan = float("nan")
    store.append(batch([(1, 0, nan)], text={0: "on"}))
    store.close()
    store = Store(tmp_path / "h.duckdb")
    store.append(batch([(1, 0, nan), (1, 1, nan)], HISTORICAL, {0: "on", 1: "off"}))
    store.append(batch([(1, 1, nan), (1, 1, nan)], HISTORICAL, {0: "off", 1: "on"}))
    assert held(store) == [(1, 0, "on"), (1, 1, "off"), (1, 1, "on")]
    store.close()


def test_what_is_live_is_never_looked_up(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    store.names(["a", "b"])
    store.append(batch([(1, 0, 1.0)]))
    store.append(batch([(1, 0, 1.0)]))  # the world has judged it already
    assert len(held(store)) == 2
    store.close()
