"""Alarms of kind `predicted` against a slow one, written out reading by reading with numpy's own line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.outlooks import Quantiles, interval
from armillary.alarms.slopes import Slopes, heaps_of
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS, ManualClock
from armillary.model.quality import BAD, GOOD, UNCERTAIN
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying

TAG = TagSpec(slot=0, name="A.x")
STILL = 1e-8  # going less far is standing still
LIMIT, HORIZON, WINDOW, SURE, BAND = 10.0, 120.0, 240.0, 0.8, 0.5
SPECS = (
    AlarmSpec(
        id="UP", slot=0, tag="A.x", kind="predicted", limit=LIMIT, horizon_s=HORIZON, window_s=WINDOW,
        confidence=SURE, deadband=BAND,
    ),
    AlarmSpec(
        id="DOWN", slot=0, tag="A.x", kind="predicted", limit=-LIMIT, horizon_s=HORIZON, window_s=WINDOW,
        confidence=SURE, deadband=BAND, direction="below",
    ),
    AlarmSpec(id="HIGH", slot=0, tag="A.x", limit=LIMIT, deadband=BAND),
)  # fmt: skip


def outlook(t: list[float], v: list[float]) -> tuple[float, float, float] | None:
    """The line now, at the horizon, and how far one reading may be from it; None = unknown."""
    kept = [i for i in range(len(t)) if t[i] >= t[-1] - WINDOW]
    at, value = np.array([t[i] - t[-1] for i in kept]), np.array([v[i] for i in kept])
    n = len(kept)
    if n < 8 or -at[0] < WINDOW / 2:
        return None
    slope, now = np.polyfit(at, value, 1)
    off = value - (slope * at + now)
    echo = sum(off[i] * off[i + 1] for i in range(n - 1)) / max(float((off**2).sum()), 1e-300)
    echo = min(max(echo, 0.0), 1.0)
    m = max(n * (1 - echo) / (1 + echo), 3.0)
    variance = float((off**2).sum()) / n * m / (m - 2)
    spread = float(((at - at.mean()) ** 2).sum()) * m / n
    half = stdtrit(math.floor(m - 2), SURE) * math.sqrt(
        variance * (1 + 1 / m + (HORIZON - at.mean()) ** 2 / spread)
    )
    return now, now + slope * HORIZON, half


@dataclass
class Slow:
    """One prediction, one reading after the other."""

    sign: float
    active: bool = False
    over: bool = False
    t: list[float] = field(default_factory=list)
    v: list[float] = field(default_factory=list)

    def read(self, t: float, value: float, quality: int, *, come: bool) -> bool | None:
        """True: it begins, False: it ends; None: neither, or nobody knows."""
        if quality >= BAD:
            return self._end() if come else None
        if quality == UNCERTAIN:
            return self._end() if come else None
        self.t.append(t)
        self.v.append(self.sign * value)
        found = outlook(self.t, self.v)
        if found is None:
            return self._end() if come else None
        now, ahead, half = found
        self.over = now > LIMIT or (self.over and now > LIMIT - BAND)
        if come or self.over:
            return self._end()
        if ahead > now + STILL and ahead - half > LIMIT:
            began, self.active = not self.active, True
            return True if began else None
        if ahead <= now + STILL or ahead <= LIMIT - BAND:
            return self._end()
        return None

    def _end(self) -> bool | None:
        ended, self.active = self.active, False
        return False if ended else None


def course(seed: int) -> list[tuple[float, float, int]]:
    """(seconds, value, quality) of readings that rise and fall by turns, more or less noisy."""
    rng = np.random.default_rng(seed)
    noise = rng.choice([0.02, 0.3, 1.0])
    level, out = rng.uniform(-4.0, 4.0), []
    for _ in range(4):
        step = rng.uniform(-0.5, 0.5)
        for _ in range(int(rng.integers(12, 30))):
            level += step
            quality = int(rng.choice([GOOD, UNCERTAIN, BAD], p=[0.96, 0.02, 0.02]))
            out.append((float(rng.choice([6.0, 9.0, 12.0])), level + rng.normal(0.0, noise), quality))
    return out


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_a_prediction_says_what_its_rule_written_out_says(seed: int) -> None:
    clock, table, engine = ManualClock(), TagTable(1), Evaluator(SPECS, (TAG,))
    slow = {"UP": Slow(1.0), "DOWN": Slow(-1.0)}
    told: list[tuple[float, str, str]] = []
    expected: list[tuple[float, str, str]] = []
    t, high = 0.0, False
    for apart, value, quality in course(seed):
        clock.advance(apart)
        t += apart
        now, mono = clock.now_ns(), clock.now_mono_ns()
        batch = batch_of(
            np.zeros(1, np.uint32), np.array([value]), np.array([now]), now, mono,
            quality=np.array([quality], np.uint16),
        )  # fmt: skip
        applying.apply(table, batch)
        engine.look(table, batch, now, mono)
        told += [
            (t, event.id, event.event)
            for event in engine.take()[1]
            if event.id in slow and event.event in ("RAISE", "CLEAR")
        ]
        if quality < BAD:
            high = value > LIMIT or (high and value > LIMIT - BAND)
        for id_, one in slow.items():
            word = one.read(t, value, quality, come=high and id_ == "UP")
            if word is not None:
                expected.append((t, id_, "RAISE" if word else "CLEAR"))
        assert told == expected, t


def test_the_time_that_is_left_is_where_the_line_meets_the_limit() -> None:
    clock, table, engine = ManualClock(), TagTable(1), Evaluator(SPECS[:1], (TAG,))
    for i in range(20):
        clock.advance(10.0)
        now, mono = clock.now_ns(), clock.now_mono_ns()
        batch = batch_of(np.zeros(1, np.uint32), np.array([0.4 * i]), np.array([now]), now, mono)
        applying.apply(table, batch)
        engine.look(table, batch, now, mono)
    state = engine.states()[0]
    assert state.active
    assert state.text.split(" (")[0] == "A.x will be above 10 in 60 s"
    assert pytest.approx(60.0) == (LIMIT - 0.4 * 19) / 0.04
    assert clock.now_ns() > NS


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e5]))
def test_what_is_expected_and_how_surely_is_the_formula(seed: int, level: float) -> None:
    slopes, sure = Slopes(np.array([WINDOW])), Quantiles(np.array([SURE]))
    t, v, at = [0.0], [level], np.zeros(1, np.int64)
    for apart, value, _ in course(seed):
        t.append(t[-1] + apart)
        v.append(level + value)
        slopes.take(heaps_of(at, np.array([int(t[-1] * NS)]), np.array([v[-1]]), at))
        expected = outlook(t[1:], v[1:]) or (math.nan, math.nan, math.nan)
        fit = slopes.fit(at)
        ahead, half = interval(fit, np.array([HORIZON]), at, sure)
        if not math.isnan(expected[0]):
            assert float(fit.now[0]) == pytest.approx(expected[0], rel=1e-7, abs=1e-6)
        assert float(ahead[0]) == pytest.approx(expected[1], rel=1e-6, abs=1e-5, nan_ok=True)
        assert float(half[0]) == pytest.approx(expected[2], rel=1e-4, abs=1e-5, nan_ok=True)
