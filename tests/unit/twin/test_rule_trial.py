from __future__ import annotations

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.rule import RuleSpec
from armillary.model.sample import HISTORICAL, SampleBatch, batch_of, taken
from armillary.model.tags import TagSpec
from armillary.twin import rule_trial
from armillary.twin.rule_trial import Trial, trial_of

T0 = 1_790_000_000 * NS
SPECS = (
    TagSpec(slot=0, name="unread", link="site"),
    TagSpec(slot=1, name="x", link="site", unit="°C"),
    TagSpec(slot=2, name="double", expression="x * 2"),
    TagSpec(slot=3, name="low", expression="mean(double, 10)", origin="r"),
    TagSpec(slot=4, name="hot.value", expression="mean(`low`, 10)", origin="r"),
    TagSpec(slot=5, name="hot", expression="beyond(`hot.value`, 100)", origin="r"),
)
RULES = (
    RuleSpec(id="low", kind="window", slot=3, fires=False, made=(3,), span_s=10.0),
    RuleSpec(id="hot", kind="window", slot=5, fires=True, value_slot=4, made=(4, 5), span_s=10.0),
)


def record(values: list[tuple[float, float]], flags: int = 0) -> SampleBatch:
    t = np.array([T0 + round(s * NS) for s, _ in values], np.int64)
    v = np.array([value for _, value in values], np.float64)
    words = np.full(len(t), flags, np.uint8)
    return batch_of(np.zeros(len(t), np.uint32), v, t, t + 5 * NS, t, flags=words)


def done(trial: Trial, samples: SampleBatch) -> Trial:
    trial.give(samples)
    trial.advance(1_000_000)
    assert trial.is_done
    return trial


def hot(from_s: float, to_s: float, step_ns: int = 0) -> Trial:
    begin, end = (T0 + round(s * NS) for s in (from_s, to_s))
    return trial_of(RULES[1], RULES, SPECS, begin, end, step_ns=step_ns)


def test_a_rule_needs_the_record_of_what_no_rule_made_and_the_time_that_its_windows_fill() -> None:
    trial = hot(100, 200)
    assert trial.inputs == ("double",)
    assert [spec.name for spec in trial.specs] == ["double", "low", "hot.value", "hot"]
    assert trial.warm_from_ns == T0 + 79 * NS


def test_a_trial_tells_when_and_for_how_long_a_rule_would_have_fired() -> None:
    values = [(float(t), 150.0 if 120 <= t < 140 or t >= 180 else 60.0) for t in range(200)]
    trial = done(hot(100, 200), record(values))
    first, second = trial.firings
    assert 124 <= (first.begin_ns - T0) / NS <= 132
    assert 144 <= (first.end_ns - T0) / NS <= 154
    assert first.value > 100
    assert second.end_ns == 0, "it stands at the end"
    t, value = trial.curve()
    assert len(t) == len(value) == 101
    assert value.max() == pytest.approx(150.0, abs=5)
    assert trial.unknown == 0


def test_what_came_late_counts_at_its_own_time_and_the_order_of_rows_is_nothing() -> None:
    values = [(float(t), 150.0 if 120 <= t < 140 else 60.0) for t in range(200)]
    plain = done(hot(100, 200), record(values))
    rows = record(values, HISTORICAL)
    mixed = taken(rows, np.random.default_rng(1).permutation(len(rows)))
    assert done(hot(100, 200), mixed).firings == plain.firings


def test_without_a_record_nobody_can_say() -> None:
    trial = hot(100, 110)
    trial.advance(100)
    assert not trial.is_done
    done(trial, record([]))
    assert trial.firings == []
    assert trial.unknown == len(trial.t_ns) == 11


def test_a_long_span_is_looked_at_in_longer_steps() -> None:
    assert hot(0, 10 * 86_400).step_ns == 10 * NS
    assert hot(0, 3_600).step_ns == NS


def test_a_week_that_only_warms_up_is_not_looked_at_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_trial, "COARSE", 300)
    monkeypatch.setattr(rule_trial, "FINE_NS", 600 * NS)
    week, day = 7 * 86_400, 86_400
    specs = (
        TagSpec(slot=0, name="x", link="site"),
        TagSpec(slot=1, name="odd.value", expression="unusual(x, 86400)", origin="r"),
        TagSpec(slot=2, name="odd", expression="beyond(`odd.value`, 6)", origin="r"),
    )
    rule = RuleSpec(id="odd", kind="anomaly", slot=2, fires=True, value_slot=1, made=(1, 2), span_s=week)
    begin = T0 + week * NS
    trial = trial_of(rule, [rule], specs, begin, begin + 900 * NS, step_ns=5 * NS)
    t = np.arange(0, week + 900, 300.0)
    rng = np.random.default_rng(1)
    x = 50 + 10 * np.sin(2 * np.pi * t / day) + rng.normal(0, 0.5, len(t))
    x[t == week + 300] += 20
    trial.give(record(list(zip(t.tolist(), x.tolist(), strict=True))))
    trial.advance(300 + 120 + 180 + 2)
    assert trial.is_done
    assert [round((firing.begin_ns - begin) / NS) for firing in trial.firings] == [300]
    assert trial.unknown == 0
