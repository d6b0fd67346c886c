"""How odd a signal was of late, against how odd it usually is."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD, UNCERTAIN
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary.twin.past_novelty import Novelty
from armillary.twin.past_scores import Surprise
from armillary.twin.past_track import Steps

T0 = 1_790_000_000 * NS


def scores_of(x: F8, text: str, *, every: int = 1) -> tuple[F8, F8]:
    """Return (scores, quality ranks) behind ticks of `every` samples of series side by side, (n, rows)."""
    n = len(x)
    specs = [TagSpec(slot=i, name=f"x{i}", link="l") for i in range(n)]
    specs += [
        TagSpec(slot=n + i, name=f"d{i}", expression=text.format(f"x{i}"), origin="t") for i in range(n)
    ]
    table, derived = TagTable(2 * n), Derived(specs)
    slots = np.tile(np.arange(n, dtype=np.uint32), every)
    out, ranks = [], []
    for row in range(0, x.shape[1], every):
        times = T0 + np.repeat(np.arange(row, row + every), n) * NS
        batch = batch_of(slots, x[:, row : row + every].T.ravel().copy(), times, times, times)
        now = int(times[-1])
        state.apply(table, batch)
        derived.evaluate(table, table.dirty, now, now, batch)
        table.take_dirty()
        out.append(table.value[n:].copy())
        ranks.append((table.quality[n:] & 0xFF).astype(np.float64))
    return np.array(out).T, np.array(ranks).T


def directly(x: F8, kept: Novelty | Surprise) -> F8:
    """Return scores behind each sample, without the rest of a world: many samples at little cost."""
    n, out = len(x), []
    for row in range(x.shape[1]):
        t, v, ok = np.full(n, T0 + row * NS), x[:, row].copy(), np.ones(n, np.bool_)
        kept.add(
            Steps(
                member=np.arange(n),
                first=np.arange(n),
                t0_ns=t,
                t_ns=t,
                v0=v,
                v=v,
                ok0=ok,
                good0=ok,
                ok=ok,
                good=ok,
                was=v,
                told=True,
            )
        )
        out.append(np.asarray(kept.columns()["peak"], np.float64).copy())
    return np.array(out).T


def novelty(seconds: float, period_s: float = 0.0) -> Novelty:
    return Novelty(np.full(2, seconds), np.full(2, period_s), np.zeros(2))


def plainly(x: F8, s: float) -> F8:
    """The same without a period, written plainly: one sample a second."""

    def judge(at: list[float], v: float, count: int, fade: float) -> float:
        scale = max(at[1] ** 0.5, least)
        wrong = v - at[0]
        share = max(fade, 1 / (count + 1))
        heard = min(max(wrong, -3 * scale), 3 * scale) if count >= 20 else wrong
        at[0] += share * heard
        at[1] = (1 - share) * (at[1] + share * heard**2)
        return min(abs(wrong) / scale, 10.0) if count >= 20 else 0.0

    level, step = [float(x[0]), 0.0], [0.0, 0.0]
    short = usual = usual_var = 0.0
    out, before = [], float(x[0])
    for i, v in enumerate(x.tolist()):
        dt = 1.0 if i else 0.0
        fade = 1 - np.exp(-dt / (30 * s))
        least = 1e-9 * max(abs(level[0]), abs(v))
        odd = judge(level, v, i, fade) + judge(step, v - before, max(i - 1, 0), fade)
        before = v
        if i <= 20:
            out.append(np.nan)
            continue
        told = i - 20
        short += max(1 - np.exp(-dt / s), 1 / told) * (odd - short)
        above, deviation = short - usual, usual_var**0.5
        slow = max(1 - np.exp(-dt / (200 * s)), 1 / told)
        heard = min(max(above, -3 * deviation), 3 * deviation) if told > 100 else above
        usual += slow * heard
        usual_var = (1 - slow) * (usual_var + slow * heard**2)
        out.append(max(above / max(deviation, 0.1), 0.0) if told > 100 else np.nan)
    return np.array(out)


@pytest.mark.parametrize("every", [1, 6])
def test_a_novelty_is_what_the_plain_way_says(every: int) -> None:
    rng = np.random.default_rng(3)
    x = 50 + rng.normal(0, 1, (2, 300))
    x[:, 240:250] += 6
    got, _ = scores_of(x, "novelty({}, 10)", every=every)
    for i in range(2):
        wanted = plainly(x[i], 10.0)[every - 1 :: every]
        assert got[i] == pytest.approx(wanted, rel=1e-6, abs=1e-9, nan_ok=True)
        assert np.nanmax(got[i, 240 // every : 260 // every]) > 5


def test_a_signal_that_often_jumps_does_not_cry_at_each_jump() -> None:
    rng = np.random.default_rng(7)
    quiet = 50 + rng.normal(0, 1, 1_600)
    jumpy = quiet + np.where(rng.random(1_600) < 0.05, 30.0, 0.0)
    both = np.stack((quiet, jumpy))
    both[:, 1_400] += 30.0  # one more jump: of the second no news
    score = directly(both, novelty(10))
    assert score[0, 1_400] > 5
    assert score[1, 1_400] < 3
    plain = directly(both, Surprise(np.full(2, 300.0)))
    assert (plain[1, 500:] > 6).sum() > 10  # the same signal by `fading`


def test_a_day_that_goes_otherwise_is_novel_though_no_value_is() -> None:
    rng = np.random.default_rng(9)
    t = np.arange(0, 6 * 480)
    x = 50 + 20 * np.sin(2 * np.pi * t / 480) + rng.normal(0, 0.5, len(t))
    x[5 * 480 + 120 : 5 * 480 + 220] = 50 + rng.normal(0, 0.5, 100)  # the top of the cycle does not come
    score = directly(np.stack((x, x)), novelty(20, 480))
    without = directly(np.stack((x, x)), novelty(20))
    window = slice(5 * 480 + 120, 5 * 480 + 220)
    assert score[0, window].max() > 10
    assert score[0, window].max() > 2 * without[0, window].max()
    assert score[0, 4 * 480 : 5 * 480].max() < 3


def test_nothing_is_told_before_enough_came_and_what_is_constant_is_not_odd() -> None:
    x = np.full((1, 700), 4.0)
    score, quality = scores_of(x, "novelty({}, 10)")
    assert np.isnan(score[0, :100]).all()
    assert (quality[0, :100] == BAD).all()
    assert quality[0, 150] == UNCERTAIN  # it has not seen its memory's length yet
    assert quality[0, 400] == GOOD
    assert (score[0, 130:] == 0).all()


def test_less_than_the_resolution_is_no_news() -> None:
    x = np.full((1, 320), 4.0)
    x[0, 300:] += 1e-4
    assert scores_of(x, "novelty({}, 10)")[0][0, 300] > 5
    assert scores_of(x, "novelty({}, 10, 0, 0.1)")[0][0, 300:].max() < 1
