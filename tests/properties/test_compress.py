"""The bound of what is left out of the record, whatever comes; and that every sample is accounted for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD, UNCERTAIN
from armillary.model.sample import HISTORICAL, SampleBatch, batch_of, joined, taken
from armillary.model.tags import TagSpec
from armillary.world.compress import Compressor

T0 = 1_790_000_000 * NS
BOUND, LONGEST_S = 1.0, 60


def specs(thinning: str, tags: int = 2) -> list[TagSpec]:
    return [
        TagSpec(slot=i, name=f"t{i}", bound=BOUND, thinning=thinning, longest_ms=LONGEST_S * 1000)
        for i in range(tags)
    ]


def samples(slot: np.ndarray, t_s: np.ndarray, value: np.ndarray, quality: np.ndarray) -> SampleBatch:
    ns = T0 + np.round(t_s * NS).astype(np.int64)
    return batch_of(slot.astype(np.uint32), value, ns, ns, ns, quality=quality.astype(np.uint16))


def through(thin: Compressor, whole: SampleBatch, cuts: list[int]) -> SampleBatch:
    """Send samples in ticks and return all that is recorded."""
    out = []
    for rows in np.split(np.arange(len(whole)), sorted({c for c in cuts if 0 < c < len(whole)})):
        tick = taken(whole, rows)
        out.append(thin.take(tick, int(tick.arrival_mono_ns[-1]) if len(rows) else 0))
    assert thin.waiting + thin.compressed + sum(map(len, out)) == len(whole)
    out.append(thin.flush())
    assert thin.waiting == 0
    assert thin.compressed + sum(map(len, out)) == len(whole)
    return joined(out)


def check(whole: SampleBatch, kept: SampleBatch, tag: int, *, jumps_tell: bool = True) -> None:
    rows, ours = np.flatnonzero(whole.slot == tag), np.flatnonzero(kept.slot == tag)
    t, v, q = whole.source_ns[rows], whole.value[rows], whole.quality[rows]
    kt, kv = kept.source_ns[ours], kept.value[ours]
    assert (np.diff(kt) > 0).all()
    assert set(zip(kt.tolist(), kv.tolist(), strict=True)) <= set(zip(t.tolist(), v.tolist(), strict=True))
    if not len(t):
        return
    told = np.interp((t - t[0]) / NS, (kt - t[0]) / NS, kv)
    assert np.abs(told - v).max() <= BOUND * (1 + 1e-9)
    recorded = set(kt.tolist())
    assert t[0] in recorded
    assert t[-1] in recorded
    assert kv.min() == v.min()
    assert kv.max() == v.max()
    changes = np.flatnonzero(np.diff(q.astype(int)))
    assert set(t[changes].tolist()) | set(t[changes + 1].tolist()) <= recorded
    jumps = np.flatnonzero(np.abs(np.diff(v)) > 2 * BOUND) if jumps_tell else changes
    assert set(t[jumps].tolist()) | set(t[jumps + 1].tolist()) <= recorded
    silent = np.flatnonzero(np.diff(t) > LONGEST_S * NS)
    assert set(t[silent].tolist()) | set(t[silent + 1].tolist()) <= recorded


shapes = st.sampled_from(["noise", "ramp", "steps", "wave", "spikes"])


def series(shape: str, n: int, rng: np.random.Generator) -> np.ndarray:
    i = np.arange(n)
    by = {
        "noise": rng.normal(0, 0.4, n),
        "ramp": i * rng.uniform(-1, 1) + rng.normal(0, 0.1, n),
        "steps": np.cumsum(rng.choice([0, 0, 0, 0, 5, -5], n)).astype(float),
        "wave": 8 * np.sin(i / rng.uniform(3, 30)),
        "spikes": np.where(rng.random(n) < 0.05, 20.0, 0.0) + rng.normal(0, 0.2, n),
    }
    return by[shape]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=shapes,
    thinning=st.sampled_from(["line", "deadband"]),
    n=st.integers(1, 200),
    cuts=st.lists(st.integers(0, 200), max_size=12),
    is_odd=st.booleans(),
)
def test_no_sample_is_farther_from_the_record_than_its_bound(
    seed: int, shape: str, thinning: str, n: int, cuts: list[int], is_odd: bool
) -> None:
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.choice([0.1, 1.0, 1.0, 1.0, 90.0 if is_odd else 1.0], n))
    quality = np.where(rng.random(n) < (0.05 if is_odd else 0.0), UNCERTAIN, GOOD)
    whole = samples(rng.integers(0, 2, n), t, series(shape, n, rng), quality)
    kept = through(Compressor(specs(thinning), 2), whole, cuts)
    for tag in (0, 1):
        check(whole, kept, tag, jumps_tell=thinning == "deadband")  # a steep line has no jumps


def test_both_sides_of_a_jump_are_recorded() -> None:
    value = np.where(np.arange(40) < 20, 3.0, 9.0) + np.where(np.arange(40) == 30, 5.0, 0.0)
    whole = samples(np.zeros(40), np.arange(40), value, np.zeros(40))
    kept = through(Compressor(specs("line", 1), 1), whole, [7, 20, 33])
    assert ((kept.source_ns - T0) // NS).tolist() == [0, 19, 20, 29, 30, 31, 39]


@pytest.mark.parametrize("thinning", ["line", "deadband"])
def test_quiet_signals_take_little_room(thinning: str) -> None:
    rng = np.random.default_rng(3)
    n = 6000
    whole = samples(np.zeros(n), np.arange(n) / 10, np.round(rng.normal(20, 0.12, n), 3), np.zeros(n))
    kept = through(Compressor(specs(thinning, 1), 1), whole, list(range(0, n, 20)))
    check(whole, kept, 0)
    assert len(kept) < n / 20


def test_texts_late_rows_and_what_has_no_value_are_kept_as_they_came() -> None:
    thin = Compressor(specs("line"), 3)
    n = 30
    value = np.where(np.isin(np.arange(n), (10, 11)), np.nan, 0.0)
    whole = samples(np.zeros(n), np.arange(n), value, np.zeros(n))
    first = thin.take(replace(whole, text={10: "on", 11: "off"}), 0)
    assert sorted(first.text.values()) == ["off", "on"]
    assert {T0 + 9 * NS, T0 + 12 * NS} <= set(first.source_ns.tolist())
    late = replace(taken(whole, np.arange(5)), flags=np.full(5, HISTORICAL, np.uint8))
    assert len(thin.take(late, 0)) == 5
    none = samples(np.zeros(1), np.array([40.0]), np.array([np.nan]), np.array([BAD]))
    assert np.isnan(thin.take(none, 0).value[-1])
    other = samples(np.full(4, 2), np.arange(4), np.zeros(4), np.zeros(4))
    assert len(thin.take(other, 0)) == 4  # a tag without a bound, or a mark


def test_a_value_that_stands_is_recorded_after_its_longest_interval() -> None:
    thin = Compressor(specs("line", 1), 1)
    whole = samples(np.zeros(10), np.arange(10), np.zeros(10), np.zeros(10))
    assert len(thin.take(whole, int(whole.arrival_mono_ns[-1]))) == 1
    assert thin.waiting == 9
    none = taken(whole, np.zeros(0, np.int64))
    kept = thin.take(none, int(whole.arrival_mono_ns[0]) + (LONGEST_S + 1) * NS)
    assert kept.source_ns.tolist() == [T0 + 9 * NS]
    assert (thin.waiting, thin.compressed) == (0, 8)


def test_a_torrent_of_one_tag_is_not_looked_at_one_by_one_for_ever() -> None:
    thin = Compressor(specs("line", 1), 1)
    n = 3000
    whole = samples(np.zeros(n), np.arange(n) / 1000, np.zeros(n), np.zeros(n))
    kept = through(thin, whole, [])
    assert len(kept) >= n - 512
    check(whole, kept, 0)
