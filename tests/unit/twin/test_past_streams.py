"""Windows that begin and end, patterns and scores, against what all samples say."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model import expression
from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived

T0 = 1_790_000_000 * NS  # a multiple of 10 s
AGGREGATES = ("mean", "min", "max", "sum", "count", "std", "last", "integral")


class Twin:
    """Tags x, a and b, and one derived tag for each expression, ticked by hand."""

    def __init__(self, *expressions: str, waits: bool = False) -> None:
        self.specs = [TagSpec(slot=i, name=n, link="site") for i, n in enumerate(("x", "a", "b"))]
        self.specs += [
            TagSpec(slot=i + 3, name=f"d{i}", expression=text, origin="t")
            for i, text in enumerate(expressions)
        ]
        self.table, self.derived = TagTable(len(self.specs)), Derived(self.specs, waits=waits)

    def tick(self, now_s: float, **tags: float | list[tuple[float, float]]) -> None:
        """Tick at a time, with values of tags now, or (time, value) pairs."""
        parts = [
            rows_of(self.specs[i].slot, told if isinstance(told, list) else [(now_s, told)])
            for i, spec in enumerate(self.specs)
            if (told := tags.get(spec.name)) is not None
        ]
        self.take(joined(parts) if parts else rows_of(0, []), now_s)

    def take(self, samples: SampleBatch, now_s: float) -> None:
        now = T0 + round(now_s * NS)
        state.apply(self.table, samples)
        self.derived.evaluate(self.table, self.table.dirty, now, now, samples)
        self.table.take_dirty()

    def __getitem__(self, i: int) -> float:
        return float(self.table.value[i + 3])

    def quality(self, i: int) -> int:
        return int(self.table.quality[i + 3]) & 0xFF


def rows_of(slot: int, rows: list[tuple[float, float]]) -> SampleBatch:
    t = np.array([T0 + round(t * NS) for t, _ in rows], np.int64)
    values = np.array([v for _, v in rows], np.float64)
    return batch_of(np.full(len(rows), slot, np.uint32), values, t, t, t)


def test_a_tumbling_window_answers_what_its_last_whole_one_held() -> None:
    twin = Twin(*(f"tumbling_{name}(x, 10)" for name in AGGREGATES))
    for t in range(26):  # 10 to 20 is the last whole one: 10, 11 … 19, each for a second
        twin.tick(t, x=float(t))
    v = np.arange(10.0, 20.0)
    wanted = [v.mean(), 10.0, 19.0, v.sum(), 10.0, v.std(), 19.0, v.sum()]
    assert [twin[i] for i in range(8)] == pytest.approx(wanted)
    assert all(twin.quality(i) == GOOD for i in range(8))


def test_a_tumbling_window_that_was_watched_in_part_is_not_given_for_whole() -> None:
    twin = Twin("tumbling_mean(x, 10)")
    twin.tick(7.0, x=1.0)
    twin.tick(9.0)
    assert twin.quality(0) == BAD
    twin.tick(12.0)
    assert twin[0] == 1.0
    assert twin.quality(0) == UNCERTAIN
    twin.tick(21.0)
    assert (twin[0], twin.quality(0)) == (1.0, GOOD)


def test_what_holds_crosses_the_end_of_a_tumbling_window() -> None:
    twin = Twin("tumbling_mean(x, 10)", "tumbling_count(x, 10)")
    twin.tick(0.0, x=4.0)
    twin.tick(15.0, x=8.0)
    twin.tick(20.5)
    assert twin[0] == pytest.approx(6.0)
    assert twin[1] == 1.0
    twin.tick(31.0)
    assert twin[0] == 8.0
    assert twin[1] == 0.0


def test_a_session_ends_by_silence_and_the_next_begins_anew() -> None:
    twin = Twin(*(f"session_{name}(x, 5)" for name in AGGREGATES))
    for t, v in ((0, 1.0), (2, 3.0), (6, 5.0)):
        twin.tick(t, x=v)
    first = [(1 * 2 + 3 * 4) / 6, 1.0, 5.0, 9.0, 3.0, np.sqrt((2 * 1 + 4 * 9) / 6 - (14 / 6) ** 2), 5.0, 14.0]
    assert [twin[i] for i in range(8)] == pytest.approx(first)
    twin.tick(12.0)
    assert twin[4] == 3.0
    twin.tick(12.5, x=7.0)
    assert [twin[i] for i in range(8)] == pytest.approx([7.0, 7.0, 7.0, 7.0, 1.0, 0.0, 7.0, 0.0])


def test_several_sessions_in_one_tick_leave_the_last() -> None:
    twin = Twin("session_count(x, 1)", "session_sum(x, 1)")
    twin.tick(10.0, x=[(0.0, 1.0), (0.5, 2.0), (3.0, 4.0), (8.0, 8.0), (8.9, 16.0)])
    assert (twin[0], twin[1]) == (2.0, 24.0)


def test_b_within_ten_seconds_after_a_is_a_sequence_and_b_alone_is_none() -> None:
    twin = Twin("sequence(a, b, 10)")
    twin.tick(0, a=0.0, b=0.0)
    twin.tick(1, b=1.0)
    assert twin[0] == 0.0
    twin.tick(2, b=0.0)
    twin.tick(3, a=1.0)
    twin.tick(9, b=1.0)
    assert twin[0] == 1.0
    twin.tick(14)
    assert twin[0] == 1.0, "it stays true while b does"
    twin.tick(15, b=0.0)
    assert twin[0] == 0.0
    twin.tick(20, b=1.0)
    assert twin[0] == 0.0, "17 s after a"


def test_b_before_a_or_together_with_it_is_no_sequence() -> None:
    twin = Twin("sequence(a, b, 10)")
    twin.tick(0, a=0.0, b=0.0)
    twin.tick(2, b=1.0)
    twin.tick(3, a=1.0)
    assert twin[0] == 0.0
    twin = Twin("sequence(x > 1, x > 2, 10)")
    twin.tick(0, x=0.0)
    twin.tick(2, x=5.0)
    assert twin[0] == 0.0


def test_a_sequence_inside_one_tick_is_seen_for_a_second() -> None:
    twin = Twin("sequence(a, b, 10)")
    twin.tick(0, a=0.0, b=0.0)
    twin.tick(1, a=[(0.2, 1.0), (0.9, 0.0)], b=[(0.5, 1.0), (0.7, 0.0)])
    assert twin[0] == 1.0
    twin.tick(2.5)
    assert twin[0] == 0.0


def test_a_that_no_b_answers_is_missing_from_its_time_on_until_b_comes() -> None:
    twin = Twin("missing(a, b, 10)")
    twin.tick(0, a=0.0, b=0.0)
    twin.tick(1, a=1.0)
    twin.tick(8, a=0.0)
    twin.tick(10.5)
    assert twin[0] == 0.0
    twin.tick(12)
    assert twin[0] == 1.0
    twin.tick(13, b=1.0)
    assert twin[0] == 0.0
    twin.tick(14, a=1.0)
    twin.tick(30)
    assert twin[0] == 0.0, "b was there all the time"


def test_a_condition_that_stays_away_and_a_tag_that_is_silent_are_told() -> None:
    twin = Twin("absent(x > 5, 10)", "silent(x, 10)")
    twin.tick(0, x=9.0)
    for t in range(1, 30):
        twin.tick(t, x=2.0)
        assert twin[0] == float(t - 1 > 10), t
        assert twin[1] == 0.0
    twin.tick(35)
    assert twin[1] == 0.0
    state.mark(twin.table, np.array([0]), STALE)
    twin.tick(41)
    assert (twin[1], twin.quality(1)) == (1.0, GOOD)
    assert (twin[0], twin.quality(0)) == (1.0, UNCERTAIN)
    twin.tick(42, x=6.0)
    assert (twin[0], twin[1]) == (0.0, 0.0)


def test_a_limit_with_a_deadband_keeps_its_side_and_sees_what_was_short() -> None:
    twin = Twin("beyond(x, 85, 2)", "below(x, -1)")
    for t, v, on in ((0, 85.0, 0), (1, 85.1, 1), (2, 84.0, 1), (4, 83.1, 1), (6, 83.0, 0), (8, 84.9, 0)):
        twin.tick(t, x=v)
        assert twin[0] == on, v
    twin.tick(10, x=[(9.1, 20.0), (9.5, 90.0), (9.6, 20.0)])
    assert twin[0] == 1.0
    twin.tick(11)
    assert twin[0] == 0.0
    twin.tick(12, x=-1.5)
    assert twin[1] == 1.0


def test_limits_of_their_own_do_not_part_rules_of_one_shape() -> None:
    texts = [f"beyond(x, {limit}, 1)" for limit in range(50)]
    shapes = {expression.compile(text, {"x"}, past=True).shape for text in texts}
    assert len(shapes) == 1


def test_numbers_beside_tags_are_data_so_that_conditions_of_their_own_are_evaluated_together() -> None:
    twin = Twin("sequence(a > 1, b * 2 >= -4 + 10, 9)", "sequence(a > 3, b * 3 >= -4 + 10, 9)")
    shapes = {expression.compile(spec.expression, {"a", "b"}, past=True).shape for spec in twin.specs[3:]}
    assert len(shapes) == 1
    twin.tick(0, a=0.0, b=0.0)
    twin.tick(1, a=2.0)
    twin.tick(2, b=3.0)
    assert (twin[0], twin[1]) == (1.0, 0.0)
    twin.tick(4, a=4.0, b=1.0)
    twin.tick(5, b=2.0)
    assert twin[1] == 1.0


def spiky(n: int, seed: int = 3) -> F8:
    rng = np.random.default_rng(seed)
    return np.asarray(50 + rng.normal(0, 1, n))


def slow_surprise(x: F8, tau_s: float) -> F8:
    """The same written plainly, one sample a second."""
    mean, var, out = x[0], 0.0, []
    for i, v in enumerate(x.tolist()):
        scale = max(var**0.5, 1e-9 * max(abs(mean), abs(v)))
        wrong = v - mean
        out.append(abs(wrong) / scale if i >= 20 else np.nan)
        share = max(1 - np.exp(-(1.0 if i else 0.0) / tau_s), 1 / (i + 1))
        heard = min(max(wrong, -3 * scale), 3 * scale) if i >= 20 else wrong
        mean, var = mean + share * heard, (1 - share) * (var + share * heard**2)
    return np.array(out)


@pytest.mark.parametrize("every", [1, 7])
def test_a_surprise_is_what_the_plain_way_says(every: int) -> None:
    twin = Twin("surprise(x, 60)")
    x = spiky(400)
    x[300] += 9.0
    wanted = slow_surprise(x, 60.0)
    for first in range(0, 400, every):
        rows = [(float(t), float(x[t])) for t in range(first, min(first + every, 400))]
        twin.tick(rows[-1][0], x=rows)
        if rows[-1][0] >= 60:
            assert twin[0] == pytest.approx(wanted[int(rows[-1][0])], rel=1e-9)
            assert twin.quality(0) == GOOD
    assert wanted[300] > 7
    assert np.nanmax(np.delete(wanted[60:], 240)) < 5


def test_a_robust_score_is_told_by_median_and_quarters_and_sees_what_was_short() -> None:
    twin = Twin("robust(x, 240, 0.001)")
    x = spiky(600)
    for t in range(600):
        twin.tick(t, x=float(x[t]))
    low, middle, high = np.percentile(x[360:], [25, 50, 75])
    wanted = max(abs(x[599] - middle), abs(x[598] - middle)) / ((high - low) / 1.349)
    assert twin[0] == pytest.approx(wanted, rel=0.2)
    twin.tick(600, x=[(599.3, 80.0), (599.6, 50.0)])
    assert twin[0] == pytest.approx((80 - middle) / ((high - low) / 1.349), rel=0.1)
    assert twin.quality(0) == GOOD
    twin.tick(602, x=50.0)
    assert twin[0] < 2


def test_the_time_of_day_makes_a_value_unusual() -> None:
    period = 9_600.0  # its parts last 100 s
    twin = Twin("unusual(x, 9600)")
    rng = np.random.default_rng(5)
    t = np.arange(0, 5 * period, 10.0)
    x = 50 + 30 * np.sin(2 * np.pi * t / period) + rng.normal(0, 1, len(t))
    scores = []
    for first in range(0, len(t), 10):
        rows = list(zip(t[first : first + 10].tolist(), x[first : first + 10].tolist(), strict=True))
        twin.tick(rows[-1][0], x=rows)
        scores.append(twin[0])
    assert np.isnan(scores[0])
    assert np.nanmedian(scores[-96:]) < 2
    at_top = 5 * period + period / 4
    twin.tick(at_top, x=[(at_top, 50.0)])  # usual at other times, 30 below here
    assert twin[0] > 8
    assert twin.quality(0) == GOOD


def test_what_was_kept_goes_on_exactly() -> None:
    texts = ("tumbling_mean(x, 10)", "session_sum(x, 5)", "sequence(a, b, 10)", "missing(a, b, 10)")
    texts += (
        "robust(x, 60, 0.01)",
        "absent(x > 90, 7)",
        "surprise(x, 60)",
        "unusual(x, 960)",
        "beyond(x, 50, 3)",
        "novelty(x, 2, 96)",
    )
    whole, first, second = Twin(*texts), Twin(*texts), Twin(*texts)
    x = spiky(200)
    for t in range(200):
        told = {"x": float(x[t]), "a": float(t % 20 < 3), "b": float(t % 40 == 7)}
        whole.tick(t, **told)
        (first if t < 100 else second).tick(t, **told)
        if t == 99:
            assert first.derived.past is not None
            assert second.derived.past is not None
            second.derived.past.restore(first.derived.past.saved())
            second.table.value[:3] = first.table.value[:3]
            second.table.quality[:3] = first.table.quality[:3]
    assert [second[i] for i in range(10)] == pytest.approx([whole[i] for i in range(10)], nan_ok=True)
    assert np.isfinite(whole[9])


def test_inside_asks_for_a_polygon_of_numbers() -> None:
    twin = Twin("inside(a, b, 0, 0, 4, 0, 4, 4, 2, 1, 0, 4)")
    for t, (x, y, wanted) in enumerate([(1, 1, 1), (2, 2, 0), (3.5, 3, 1), (5, 1, 0), (-1, 0, 0)]):
        twin.tick(t, a=float(x), b=float(y))
        assert twin[0] == wanted, (x, y)
    for text in ("inside(a, b, 0, 0, 4, 0)", "inside(a, b, 0, 0, 4, 0, 4)", "inside(a, b, 0, 0, 4, 0, a, 4)"):
        with pytest.raises(ProjectFault):
            expression.compile(text, {"a", "b"})
