"""What the recorder does beside writing: it seals what is over and lets go of what is old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.sample import batch_of
from armillary.model.series import SeriesQuery
from armillary.recorder.tender import DAY_NS, TIDY_EVERY_NS, Policy, Tender

T0 = 1_750_000_200 * NS
HOUR = 3_600 * NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = Store(tmp_path / "history.duckdb")
    (id_,) = held.names(["x"]).tolist()
    t = T0 + np.arange(100) * NS
    held.append(batch_of(np.full(100, id_, np.uint32), np.arange(100.0), t, t, 0))
    yield held
    held.close()


def tended(tender: Tender, now_ns: int, mono_ns: int) -> None:
    """Tend until nothing is due."""
    while tender.tend(now_ns, mono_ns) < TIDY_EVERY_NS / NS:
        pass


def test_samples_go_after_their_days_and_their_hours_stay(store: Store) -> None:
    tender = Tender(store, Policy(raw_days=10, minute_days=20, rollup_days=30))
    tended(tender, T0 + 9 * DAY_NS, 5_000 * NS)
    assert store.extent().samples == 100
    tended(tender, T0 + 12 * DAY_NS, 5_001 * NS)
    assert store.extent().samples == 100  # not looked at again so soon
    counts = []
    for turn, days in enumerate((12, 22, 32)):
        tended(tender, T0 + days * DAY_NS, (9_000 + 4_000 * turn) * NS)
        assert store.extent().samples == 0
        query = SeriesQuery(ids=(1,), from_ns=T0 - HOUR, to_ns=T0 + 2 * HOUR, width=600)
        (series,) = store.read(query)
        counts.append((len(series.t_ns), float(series.count.sum())))
    assert counts == [(2, 100.0), (1, 100.0), (0, 0.0)]  # minutes, hours, nothing
    assert not list(store._base.folder.glob("*.parquet"))


def test_without_a_policy_all_is_kept_for_ever(store: Store) -> None:
    tended(Tender(store), T0 + 9_000 * DAY_NS, 5_000 * NS)
    assert store.extent().samples == 100


def test_a_reader_is_left_alone(store: Store, tmp_path: Path) -> None:
    store.close()
    reader = Store(tmp_path / "history.duckdb", read_only=True)
    assert Tender(reader, Policy(raw_days=1)).tend(T0 + 99 * DAY_NS, 1) > 1
    assert reader.extent().samples == 100
    reader.close()
