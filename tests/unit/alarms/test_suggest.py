"""Suggestions for alarms that are raised too often, proved on readings."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.alarms.suggest import suggest, told
from armillary.alarms.trial import Past, past, raised, stories
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD

LEVEL = AlarmSpec(id="A", slot=0, tag="T", limit=10.0)
COUNT = AlarmSpec(id="A", slot=0, tag="T", limit=10.0, kind="count", count=3)


def seen(*values: float, every_s: float = 1.0) -> Past:
    return Past((np.arange(len(values)) * every_s * NS).astype(np.int64), np.array(values, np.float64))


def noisy(seed: int = 1, hours: int = 2) -> Past:
    """A level that trembles at its limit for a while, has one real excursion, and one short high one."""
    n = hours * 3_600
    value = 9.0 + 0.02 * np.random.default_rng(seed).standard_normal(n)
    value[600:1_800] = 10.0 + 0.05 * np.random.default_rng(seed + 1).standard_normal(1_200)  # trembles
    value[4_000:4_400] = 12.0
    value[6_000:6_008] = 14.0
    return Past((np.arange(n) * NS).astype(np.int64), value)


def slow(spec: AlarmSpec, t_ns: list[int], value: list[float]) -> list[int]:
    """Return when an alarm is raised, one reading after the other."""
    sign = 1 if spec.direction == "above" else -1
    out: list[int] = []
    active, what, since, n = False, 9, 0, 0
    for i, (t, v) in enumerate(zip(t_ns, value, strict=True)):
        far = sign * (v - spec.limit)
        now = 1 if far > 0 else -1 if far <= -spec.deadband else 0
        since, n = (since, n + 1) if now == what else (t, 1)
        what, until = now, t_ns[min(i + 1, len(t_ns) - 1)]
        on, off = int(spec.on_delay_s * NS), int(spec.off_delay_s * NS)
        if spec.kind == "count":
            raises, clears, at = now == 1 and n >= spec.count, now == -1 and n >= spec.count, t
        else:
            raises, clears, at = (
                now == 1 and until - since >= on,
                now == -1 and until - since >= off,
                since + on,
            )
        if raises and not active:
            out.append(at)
        active = (active or raises) and not clears
    return out


def test_raises_and_clears_have_their_times() -> None:
    spec = AlarmSpec(id="A", slot=0, tag="T", limit=10.0, deadband=1.0, on_delay_s=2.0)
    found = raised(spec, seen(9, 11, 9, 11, 11, 11, 9.5, 9.5, 8, 11, 12, 12))
    assert (found.begin_ns / NS).tolist() == [5.0, 11.0]
    assert (found.end_ns / NS).tolist() == [8.0, -1 / NS]


def test_a_count_is_raised_by_its_last_reading() -> None:
    found = raised(COUNT, seen(11, 11, 9, 11, 11, 11, 11, 9, 9, 9))
    assert (found.begin_ns / NS).tolist() == [5.0]
    assert (found.end_ns / NS).tolist() == [9.0]


def test_bad_readings_say_nothing() -> None:
    quality = np.array([GOOD, BAD, GOOD], np.uint16)
    t_ns = np.array([0, NS, 2 * NS], np.int64)
    assert not len(raised(LEVEL, past(t_ns, np.array([9.0, 99.0, 9.0]), quality)))


@pytest.mark.parametrize("kind", ["level", "count"])
@pytest.mark.parametrize("seed", range(20))
def test_it_raises_as_a_slow_twin_does_reading_by_reading(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    t_ns = np.cumsum(rng.integers(1, 4, n)).astype(np.int64) * NS
    value = 10 + np.cumsum(rng.standard_normal(n)) % 5 - 2.5
    spec = AlarmSpec(
        id="A", slot=0, tag="T", kind="level" if kind == "level" else "count", limit=10.0,
        direction="above" if seed % 2 else "below", deadband=float(rng.choice([0.0, 0.5, 1.0])),
        on_delay_s=float(rng.choice([0.0, 3.0])) if kind == "level" else 0.0,
        off_delay_s=float(rng.choice([0.0, 5.0])) if kind == "level" else 0.0,
        count=int(rng.integers(1, 4)) if kind == "count" else 1,
    )  # fmt: skip
    found = raised(spec, past(t_ns, value, np.zeros(n, np.uint16)))
    assert found.begin_ns.tolist() == slow(spec, t_ns.tolist(), value.tolist())


def test_stories_join_what_short_returns_part() -> None:
    found = stories(LEVEL, seen(9, 11, 9, 12, 9, 9, 9, 9, 9, 11, 9), 3.0)
    assert (found.begin_ns / NS).tolist() == [1.0, 9.0]
    assert found.beyond_s.tolist() == [2.0, 1.0]
    assert found.peak.tolist() == [2.0, 1.0]


def test_a_trembling_alarm_gets_a_proved_deadband() -> None:
    trial = suggest(LEVEL, noisy(), span=20.0)
    assert trial.before > 100
    best = trial.suggestions[0]
    assert best.after <= 4
    assert [key for key, _ in best.changes] == ["deadband"]
    assert best.kept == 3  # the trembling one lasted too
    words = told(best, 30.0, "m")
    assert f"instead of {trial.before} in 30 days" in words
    assert "all 3 excursions that mattered are kept" in words


def test_no_suggestion_hides_an_excursion_that_went_far() -> None:
    """Only a delay could quieten this: it would hide the one short spike that matters."""
    values = np.full(4_000, 9.0)
    for i in range(20):
        values[100 + 150 * i : 102 + 150 * i] = 10.2
    values[3_500:3_503] = 15.0
    past_ = Past((np.arange(4_000) * NS).astype(np.int64), values)
    trial = suggest(LEVEL, past_, span=20.0)
    for made in trial.suggestions:
        spec_changes = dict(made.changes)
        assert spec_changes.get("on_delay_s", 0.0) < 3.0
    assert all(made.kept == 1 for made in trial.suggestions)


def test_an_alarm_that_would_stand_for_hours_tells_of_nothing_new() -> None:
    """An excursion every two minutes for six hours: a delay off of more would make one raise of them all."""
    values = np.where(np.arange(6 * 3_600) % 120 < 3, 10.5, 9.0)
    values[5 * 3_600 : 5 * 3_600 + 100] = 10.9
    trial = suggest(LEVEL, Past((np.arange(len(values)) * NS).astype(np.int64), values), span=0.1)
    assert trial.before == 180
    assert all(dict(made.changes).get("off_delay_s", 0.0) < 120.0 for made in trial.suggestions)


def test_a_delay_leaves_most_of_the_time_to_respond() -> None:
    quick = AlarmSpec(id="A", slot=0, tag="T", limit=10.0, time_to_respond_s=60.0)
    values = np.where(np.arange(6_000) % 100 < 2, 10.5, 9.0)
    values[5_000:5_200] = 10.6
    trial = suggest(quick, Past((np.arange(6_000) * NS).astype(np.int64), values), span=0.1)
    assert all(dict(made.changes).get("on_delay_s", 0.0) <= 6.0 for made in trial.suggestions)


@pytest.mark.parametrize("values", [[], [9.0] * 50, [11.0, 9.0] * 2])
def test_an_alarm_that_is_quiet_is_left_alone(values: list[float]) -> None:
    trial = suggest(LEVEL, seen(*values), span=20.0)
    assert not trial.suggestions
    assert "times only" in trial.why_not


def test_what_nothing_quietens_is_said_so() -> None:
    values = np.where(np.arange(8_000) % 1_000 < 500, 12.0, 2.0)
    trial = suggest(LEVEL, Past((np.arange(8_000) * NS).astype(np.int64), values), span=20.0)
    assert not trial.suggestions
    assert "without missing" in trial.why_not
