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
from armillary.project.record import Historian, Keeping
from armillary.recorder.tender import DAY_NS, GIB, TIDY_EVERY_NS, Policy, Tender, policy_of

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


def test_tags_with_a_shorter_time_of_their_own_go_with_their_roll_ups_and_the_others_stay(
    store: Store,
) -> None:
    (id_,) = store.names(["badge.7"]).tolist()
    t = T0 + np.arange(50) * NS
    store.append(batch_of(np.full(50, id_, np.uint32), np.arange(50.0), t, t, 0))
    tender = Tender(store, Policy(raw_days=400, keep=(Keeping(tags=("badge.*", "room"), days=3),)))
    tended(tender, T0 + 2 * DAY_NS, 5_000 * NS)
    assert store.extent().samples == 150
    tended(tender, T0 + 5 * DAY_NS, 9_000 * NS)
    assert store.extent().samples == 100
    query = SeriesQuery(ids=(1, id_), from_ns=T0 - DAY_NS, to_ns=T0 + DAY_NS, width=2)
    kept, gone = store.read(query)
    assert (int(kept.count.sum()), len(gone.t_ns)) == (100, 0)


def test_above_its_quota_the_oldest_day_of_samples_goes_and_the_newest_never(tmp_path: Path) -> None:
    store = Store(tmp_path / "full.duckdb")
    (id_,) = store.names(["x"]).tolist()
    rng = np.random.default_rng(1)
    for day in range(4):
        t = T0 + day * DAY_NS + np.arange(20_000) * NS
        store.append(batch_of(np.full(20_000, id_, np.uint32), rng.random(20_000), t, t, 0))
    now = T0 + 4 * DAY_NS
    tended(Tender(store), now, 1)
    store.compact()
    size = store.extent().bytes
    tender = Tender(store, Policy(quota_bytes=size - 1))
    for turn in range(3):
        tended(tender, now, turn * 10**13)
    assert store.extent().samples == 60_000
    assert store.extent().first_ns == T0 + DAY_NS
    query = SeriesQuery(ids=(id_,), from_ns=T0, to_ns=T0 + DAY_NS, width=24)
    assert int(store.read(query)[0].count.sum()) == 20_000  # its roll-ups stay
    tender = Tender(store, Policy(quota_bytes=1))
    for turn in range(9):
        tended(tender, T0 + 3 * DAY_NS, turn * 10**13)
    assert store.extent().samples == 20_000  # what is of today stays
    store.close()


def test_a_project_says_how_long_what_is_kept() -> None:
    keep = (Keeping(tags=("a*",), days=3),)
    held = policy_of(Historian(retention_days=5, minute_days=6, rollup_days=7, quota_gb=0.5, keep=keep))
    assert held == Policy(raw_days=5, minute_days=6, rollup_days=7, quota_bytes=GIB // 2, keep=keep)


def test_a_reader_is_left_alone(store: Store, tmp_path: Path) -> None:
    store.close()
    reader = Store(tmp_path / "history.duckdb", read_only=True)
    assert Tender(reader, Policy(raw_days=1)).tend(T0 + 99 * DAY_NS, 1) > 1
    assert reader.extent().samples == 100
    reader.close()
