from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import derive, past, state
from armillary.twin.derive import Derived

T0 = 1_790_000_000 * NS
DAY0 = (T0 // (86_400 * NS)) * 86_400 * NS


class Twin:
    """Tags x and c, and one derived tag for each expression, ticked by hand."""

    def __init__(self, *expressions: str, waits: bool = False, zone: str = "UTC") -> None:
        self.specs = [TagSpec(slot=i, name=n, link="site") for i, n in enumerate(("x", "c"))]
        self.specs += [
            TagSpec(slot=i + 2, name=f"d{i}", expression=text, origin="t")
            for i, text in enumerate(expressions)
        ]
        self.table, self.derived = TagTable(len(self.specs)), Derived(self.specs, zone, waits=waits)

    def tick(self, now_s: float, *rows: tuple[float, float], slot: int = 0, quality: int = GOOD) -> None:
        """Tick at a time with samples (time, value) of one tag."""
        t = np.array([T0 + round(t * NS) for t, _ in rows], np.int64)
        values = np.array([v for _, v in rows], np.float64)
        self.take(batch(t, values, slot, quality), now_s)

    def take(self, samples: SampleBatch, now_s: float) -> None:
        now = T0 + round(now_s * NS)
        state.apply(self.table, samples)
        self.derived.evaluate(self.table, self.table.dirty, now, now, samples)
        self.table.take_dirty()

    def stale(self, now_s: float, slot: int = 0) -> None:
        state.mark(self.table, np.array([slot]), STALE)
        self.tick(now_s)

    def __getitem__(self, i: int) -> float:
        return float(self.table.value[i + 2])

    def quality(self, i: int) -> int:
        return int(self.table.quality[i + 2]) & 0xFF

    def why(self, i: int) -> str:
        return self.table.why.get(i + 2, "")


def batch(t_ns: I8, values: F8, slot: int = 0, quality: int = GOOD) -> SampleBatch:
    n = len(t_ns)
    words = np.full(n, quality, np.uint16)
    return batch_of(np.full(n, slot, np.uint32), values, t_ns, t_ns, t_ns, quality=words)


def wave(seconds: float, rate: float, seed: int = 7) -> tuple[F8, F8]:
    """Return (times in s, values) at uneven times."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, seconds, int(seconds * rate)))
    return t, np.round(50 + 40 * np.sin(t / 3) + rng.normal(0, 5, len(t)), 3)


def run(twin: Twin, t: F8, x: F8, every_s: float = 0.5) -> None:
    """Send samples, in ticks."""
    tick = np.floor(t / every_s).astype(np.int64)
    for k in np.unique(tick).tolist():
        rows = tick == k
        ns = T0 + (t[rows] * NS).astype(np.int64)
        twin.take(batch(ns, x[rows]), (k + 1) * every_s)


def held(t: F8, x: F8, window_s: float) -> tuple[F8, F8]:
    """Return (seconds, values) of what was held in the window that ends with the last sample."""
    since = t[-1] - window_s
    first = max(int(np.searchsorted(t, since, "right")) - 1, 0)
    at = np.append(np.maximum(t[first:], since), t[-1])
    return np.diff(at), x[first:]


WINDOW_S = 20.0


@pytest.mark.parametrize("every_s", [0.5, 1.7])
def test_windows_answer_what_all_their_samples_say(every_s: float) -> None:
    kinds = ("mean(x, 20)", "std(x, 20)", "sum(x, 20)", "lowest(x, 20)", "highest(x, 20)", "rate(x, 20)")
    twin = Twin(*kinds, "delta(x, 20)", "percentile(x, 20, 75)", "count(x > 60, 20)")
    t, x = wave(65.0, 40.0)
    run(twin, t, x, every_s)
    dt, v = held(t, x, WINDOW_S)
    inside = t > t[-1] - WINDOW_S
    mean = (dt * v).sum() / WINDOW_S
    assert twin[0] == pytest.approx(mean, abs=0.05)
    assert twin[1] == pytest.approx(math.sqrt((dt * (v - mean) ** 2).sum() / WINDOW_S), rel=0.005)
    assert twin[2] == pytest.approx(x[inside].sum(), rel=2 / past_panes())
    assert twin[3] == v.min()
    assert twin[4] == v.max()
    assert twin[5] == pytest.approx(np.polyfit(t[inside] - t[-1], x[inside], 1)[0], abs=0.05)
    assert twin[6] == pytest.approx(x[-1] - v[0], abs=12)  # noise from sample to sample is 5
    order = np.argsort(v)
    share = np.cumsum(dt[order]) / WINDOW_S
    low, high = v[order][np.searchsorted(share, [0.70, 0.80])]
    assert low <= twin[7] <= high
    over = x > 60
    rises = (over[1:] & ~over[:-1])[inside[1:]].sum()
    assert abs(twin[8] - rises) <= 1
    assert all(twin.quality(i) == GOOD for i in range(9))


def past_panes() -> int:
    return past.past_panes.PANES


def test_a_deviation_of_small_noise_on_a_large_value_is_kept() -> None:
    twin = Twin("std(x, 10)", "rate(x, 10)")
    t, x = wave(25.0, 40.0)
    run(twin, t, 1e9 + x * 1e-3)
    dt, v = held(t, x, 10.0)
    mean = (dt * v).sum() / 10.0
    assert twin[0] == pytest.approx(1e-3 * math.sqrt((dt * (v - mean) ** 2).sum() / 10.0), rel=0.01)


def test_every_sample_counts_however_they_are_dealt_out_to_ticks() -> None:
    kinds = ("mean(x, 20)", "sum(x, 20)", "hours_run(x > 50)", "integral(x)", "starts(x > 50)", "ewma(x, 4)")
    one, other = Twin(*kinds, "time_since(x > 50)"), Twin(*kinds, "time_since(x > 50)")
    t, x = wave(40.0, 25.0)
    run(one, t, x, 0.3)
    run(other, t, x, 3.3)
    for i in range(6):
        assert one[i] == pytest.approx(other[i], rel=1e-9)


def test_hours_and_integrals_are_those_of_what_was_held() -> None:
    twin = Twin("hours_run(x > 50)", "integral(x)", "starts(x > 50)", "time_since(x > 50)", "held(x > 50, 1)")
    t, x = wave(40.0, 10.0)
    run(twin, t, x)
    dt = np.diff(t)
    assert twin[0] * 3600 == pytest.approx(dt[x[:-1] > 50].sum())
    assert twin[1] == pytest.approx((dt * x[:-1]).sum())
    over = x > 50
    assert twin[2] == (over[1:] & ~over[:-1]).sum()
    risen = t[1:][over[1:] & ~over[:-1]][-1]
    assert twin[3] == pytest.approx(t[-1] - risen, abs=1e-6)
    assert twin[4] == float(over[-1] and t[-1] - risen >= 1)


def test_time_goes_on_for_a_tag_that_says_nothing_new() -> None:
    twin = Twin("hours_run(x)", "mean(x, 10)", "time_since(x)", "held(x, 30)")
    twin.tick(0.1, (0.0, 0.0))
    twin.tick(10.1, (10.0, 1.0))
    for second in range(11, 131):
        twin.tick(float(second))
    assert twin[0] == pytest.approx(120 / 3600, rel=0.01)
    assert twin[1] == 1.0
    assert twin[2] == pytest.approx(120, abs=1.1)
    assert twin[3] == 1.0


def test_a_window_warms_up_and_says_so() -> None:
    twin = Twin("mean(x, 10)")
    twin.tick(0.1, (0.0, 4.0))
    assert twin[0] == 4.0
    assert twin.quality(0) == UNCERTAIN
    assert "warming up" in twin.why(0)
    for second in range(1, 10):
        twin.tick(second + 0.1, (float(second), 4.0))
    assert (twin[0], twin.quality(0), twin.why(0)) == (4.0, GOOD, "")


def test_a_window_is_as_good_as_its_share_of_good_time() -> None:
    twin = Twin("mean(x, 10)")
    for second in range(20):
        twin.tick(second + 0.1, (float(second), 4.0))
    twin.stale(20.1)
    seen = []
    for second in range(21, 32):
        twin.tick(second + 0.1)
        seen.append(twin.quality(0))
    assert seen[0] == GOOD
    assert seen[4] == UNCERTAIN
    assert seen[-1] == BAD
    assert math.isnan(twin[0])


def test_hours_stand_still_while_nobody_knows_and_late_samples_in_order_make_them_up() -> None:
    twin = Twin("hours_run(x)")
    for second in range(11):
        twin.tick(second + 0.1, (float(second), 1.0))
    twin.stale(11.1)
    for second in range(12, 60):
        twin.tick(second + 0.1)
    assert twin[0] * 3600 == pytest.approx(11.0, abs=0.2)
    assert twin.quality(0) == UNCERTAIN
    twin.tick(60.1, *[(float(s), 1.0) for s in range(12, 61)])  # its gateway had kept them
    assert twin[0] * 3600 == pytest.approx(59.0, abs=0.2)
    assert twin.quality(0) == GOOD


@pytest.mark.parametrize(
    ("readings", "counted"),
    [
        ([10, 20, 35], 25),
        ([90, 98, 3, 9], 19),  # over the end at 100
        ([60, 70, 0, 4], 14),  # reset: far from its end
        ([5, 5, 5], 0),
    ],
)
def test_a_counter_is_followed_across_its_end_and_resets(readings: Sequence[int], counted: int) -> None:
    twin = Twin("metered(x, 100)")
    for i, reading in enumerate(readings):
        twin.tick(i + 0.1, (float(i), float(reading)))
    assert twin[0] == counted


def test_a_latch_stays_set_until_it_is_reset_and_reset_wins() -> None:
    twin = Twin("latch(x > 10, c)")
    twin.tick(0.1, (0.0, 0.0))
    twin.tick(0.2, (0.15, 0.0), slot=1)
    twin.tick(0.3, (0.25, 20.0), (0.28, 3.0))
    assert twin[0] == 1.0
    twin.tick(1.3, (1.25, 1.0), slot=1)
    twin.tick(2.3, (2.25, 20.0))
    assert twin[0] == 0.0
    twin.tick(3.3, (3.25, 0.0), slot=1)
    assert twin[0] == 1.0


def test_hold_keeps_the_value_of_when_the_condition_was_true_last() -> None:
    twin = Twin("hold(x, c)")
    twin.tick(0.1, (0.0, 5.0))
    twin.tick(0.2, (0.15, 0.0), slot=1)
    assert twin.quality(0) == BAD
    assert "has not been so" in twin.why(0)
    twin.tick(0.3, (0.25, 1.0), slot=1)
    twin.tick(0.4, (0.35, 6.0))
    twin.tick(0.5, (0.45, 0.0), slot=1)
    twin.tick(0.6, (0.55, 9.0))
    assert (twin[0], twin.quality(0)) == (6.0, GOOD)


def test_a_day_begins_at_midnight_of_the_projects_time_zone() -> None:
    twin = Twin("hours_today(x)", "integral_today(x)", zone="Europe/Oslo")
    midnight_s = (DAY0 + 22 * 3600 * NS - T0) / NS  # 00:00 in summer
    midnight_s += 86_400.0 if midnight_s < 0 else 0.0
    for at in (midnight_s - 7200, midnight_s - 3600):
        twin.tick(at + 0.1, (at, 1.0))
    assert twin[0] == pytest.approx(1.0, rel=1e-3)
    twin.tick(midnight_s + 1800.1, (midnight_s + 1800, 1.0))
    assert twin[0] == pytest.approx(0.5)
    assert twin[1] == pytest.approx(1800.0)


def test_a_clock_that_is_set_back_loses_no_hours_and_counts_none_twice() -> None:
    twin = Twin("hours_run(x)")
    for second in range(11):
        twin.tick(second + 0.1, (float(second), 1.0))
    assert twin.derived.past is not None
    twin.derived.past.moved(T0 - 3600 * NS)
    twin.table.source_ns[0] = T0 - 3600 * NS
    for second in range(1, 11):
        twin.tick(second - 3600 + 0.1, (second - 3600.0, 1.0))
    assert twin[0] * 3600 == pytest.approx(20.0, abs=0.5)


def test_another_time_begins_anew() -> None:
    twin = Twin("hours_run(x)")
    for second in range(11):
        twin.tick(second + 0.1, (float(second), 1.0))
    twin.table.source_ns[0] = 0
    twin.tick(-100.0, (-100.1, 1.0))
    assert twin[0] == 0.0


def test_an_expression_may_watch_several_tags_and_other_derived_tags() -> None:
    twin = Twin("integral(x * c)", "x + c", "highest(d1, 20)")
    twin.tick(0.1, (0.0, 2.0))
    twin.tick(0.2, (0.0, 3.0), slot=1)
    twin.tick(10.1, (10.0, 5.0))
    twin.tick(20.1, (20.0, 0.0), slot=1)
    assert twin[0] == pytest.approx(2 * 3 * 10 + 5 * 3 * 10)
    assert twin[2] == 8.0


def test_tags_of_one_kind_are_one_set_and_stay_apart() -> None:
    twin = Twin("mean(x, 10)", "mean(c, 20)", "mean(x, 30) + 1")
    assert twin.derived.past is not None
    assert [len(calls.keys) for calls in twin.derived.past.all] == [2, 1]
    for second in range(40):
        twin.tick(second + 0.1, (float(second), float(second)))
        twin.tick(second + 0.2, (float(second), 100.0), slot=1)
    assert twin[0] == pytest.approx(33.5, abs=0.2)
    assert twin[1] == 100.0
    assert twin[2] == pytest.approx(24.5, abs=0.3)


def test_too_many_windows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "MOST_WINDOWS", 3)
    specs = [TagSpec(slot=0, name="x", link="site")]
    specs += [TagSpec(slot=i + 1, name=f"d{i}", expression=f"mean(x, {i + 1})") for i in range(4)]
    with pytest.raises(ProjectFault, match="4 windows"):
        Derived(specs)


def test_a_world_that_was_killed_goes_on_from_its_file_and_the_record() -> None:
    kinds = ("hours_run(x > 50)", "integral(x)", "metered(x)", "mean(x, 20)", "starts(x > 50)")
    t, x = wave(60.0, 10.0)
    whole = Twin(*kinds)
    run(whole, t, x)
    for kept_until in (5.0, 20.0, 31.0):
        before = Twin(*kinds)
        run(before, t[t < kept_until], x[t < kept_until])
        assert before.derived.past is not None
        saved = before.derived.past.saved()
        after = Twin(*kinds, waits=True)
        assert after.derived.past is not None
        after.derived.past.restore(saved)
        died = 33.0
        recorded = t < died  # the record has everything from the beginning on
        late = (t >= died) & (t < 36.0)
        run(after, t[late], x[late])  # before the record was read
        assert after.quality(0) == UNCERTAIN
        assert "record is being read" in after.why(0)
        rows = batch(T0 + (t[recorded] * NS).astype(np.int64), x[recorded])
        after.derived.past.seed(rows, T0 + round(died * NS))
        run(after, t[t >= 36.0], x[t >= 36.0])
        first_late = int(np.flatnonzero(late)[0])
        gap_s = t[first_late] - died  # nobody knows what was meanwhile
        over = x[first_late - 1] > 50
        assert after[0] * 3600 == pytest.approx(whole[0] * 3600 - gap_s * over, abs=1e-6)
        assert after[1] == pytest.approx(whole[1] - gap_s * x[first_late - 1], rel=1e-9)
        assert after[2] == pytest.approx(whole[2])
        assert after[3] == pytest.approx(whole[3], rel=1e-6)
        assert after[4] == whole[4]
