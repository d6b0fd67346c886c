"""A novelty is one of the signal: not of its unit or offset, its neighbours, or how ticks cut its samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.twin.past_novelty import Novelty
from armillary.twin.past_track import Steps

ROWS = 260
T0 = 20_000 * 86_400


def steps(member: I8, t_ns: I8, v: F8) -> Steps:
    """Steps of samples that stand by call and time."""
    ok = np.ones(len(v), np.bool_)
    first = np.flatnonzero(np.concatenate(([True], member[1:] != member[:-1])))
    return Steps(
        member=member, first=first, t0_ns=t_ns, t_ns=t_ns, v0=v, v=v, ok0=ok, good0=ok, ok=ok, good=ok,
        was=v, told=True,
    )  # fmt: skip


def scores(x: F8, cuts: list[int], period_s: float) -> F8:
    """Return the scores of n signals, a sample a second, behind ticks that end at `cuts`, (n, ticks)."""
    n = len(x)
    kept = Novelty(np.full(n, 5.0), np.full(n, period_s), np.zeros(n))
    out, begin = [], 0
    for end in cuts:
        rows = np.arange(begin, end)
        member = np.repeat(np.arange(n), len(rows))
        kept.add(steps(member, np.tile((T0 + rows) * NS, n), x[:, begin:end].ravel()))
        out.append(np.asarray(kept.columns()["peak"], np.float64).copy())
        begin = end
    return np.array(out).T


def signal(seed: int, at: int, size: float) -> F8:
    rng = np.random.default_rng(seed)
    x: F8 = np.sin(np.arange(ROWS) / 7.0) + rng.normal(0, 0.3, ROWS)
    x[at : at + 5] += size
    return x


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    at=st.integers(20, ROWS - 10),
    size=st.floats(-20, 20),
    factor=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
    period_s=st.sampled_from([0.0, 96.0]),
)
def test_unit_and_offset_do_not_matter(
    seed: int, at: int, size: float, factor: float, offset: float, period_s: float
) -> None:
    x = signal(seed, at, size)
    cuts = list(range(1, ROWS + 1))
    plain, other = scores(np.stack((x, x * factor + offset)), cuts, period_s)
    assert np.isfinite(plain[150:]).all()
    assert (plain[150:] >= 0).all()
    assert other == pytest.approx(plain, rel=1e-3, abs=1e-3, nan_ok=True)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    cuts=st.lists(st.integers(1, ROWS - 1), min_size=1, max_size=20, unique=True).map(sorted),
    period_s=st.sampled_from([0.0, 96.0]),
)
def test_ticks_and_neighbours_do_not_matter(seed: int, cuts: list[int], period_s: float) -> None:
    x = np.stack([signal(seed + i, 100 + 30 * i, 4.0) for i in range(3)])
    ends = [*cuts, ROWS]
    together = scores(x, ends, period_s)
    one_by_one = scores(x[1:2], list(range(1, ROWS + 1)), period_s)[0]
    wanted = one_by_one[np.array(ends) - 1]
    assert together[1] == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)
