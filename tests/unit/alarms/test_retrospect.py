"""What alarms late data would have raised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms.late_signals import Known, slopes
from armillary.alarms.retrospect import MOST_UNJUDGED, retrospect
from armillary.alarms.slopes import Slopes, heaps_of
from armillary.model.alarm import AlarmLevel, AlarmSpec
from armillary.model.clock import NS
from armillary.model.quality import BAD
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.model.tags import TagSpec

T0, NOW = 1_750_000_000 * NS, 1_750_009_000 * NS
LEVEL = AlarmSpec(id="H", slot=0, tag="t", limit=85.0, deadband=2.0, priority=2)


def late(*values: float, slot: int = 0, quality: int = 0, step_s: float = 1.0) -> SampleBatch:
    n = len(values)
    source = T0 + (np.arange(n) * step_s * NS).astype(np.int64)
    return batch_of(
        np.full(n, slot, np.uint32), np.array(values), source, NOW, 1, quality=np.full(n, quality, np.uint16)
    )


def found(spec: AlarmSpec, batch: SampleBatch) -> list[tuple[str, float]]:
    events = retrospect([spec], batch, NOW)
    assert all(event.late and event.t_ns == NOW and event.id == spec.id for event in events)
    return [(event.event, (event.source_ns - T0) / NS) for event in events]


def test_a_level_that_was_passed_is_told_with_the_time_of_its_reading() -> None:
    assert found(LEVEL, late(80, 86, 84, 82.9, 80)) == [("RAISE", 1), ("CLEAR", 3)]


def test_within_its_deadband_it_goes_on() -> None:
    assert found(LEVEL, late(86, 84, 86, 84)) == [("RAISE", 0)]


def test_what_never_passed_raises_nothing() -> None:
    assert found(LEVEL, late(80, 85, 85)) == []


def test_a_level_below_is_mirrored() -> None:
    spec = AlarmSpec(id="L", slot=0, tag="t", limit=5.0, deadband=1.0, direction="below")
    assert found(spec, late(6, 4, 5.5, 6)) == [("RAISE", 1), ("CLEAR", 3)]


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ((86, 86, 86, 80), [("RAISE", 2), ("CLEAR", 3)]),
        ((86, 80, 86, 80, 86), []),
        ((86, 86, 80), [("RAISE", 2), ("CLEAR", 2)]),  # nothing said otherwise until then
        ((86, 84, 86, 86, 86), [("RAISE", 2 + 2)]),
    ],
)
def test_a_delay_runs_by_source_time(values: tuple[float, ...], events: list[tuple[str, float]]) -> None:
    spec = AlarmSpec(id="H", slot=0, tag="t", limit=85.0, on_delay_s=2.0)
    assert found(spec, late(*values)) == events


def test_a_delay_begins_again_after_a_moment_in_the_deadband() -> None:
    spec = AlarmSpec(id="H", slot=0, tag="t", limit=85.0, deadband=2.0, on_delay_s=2.0)
    assert found(spec, late(86, 84, 86, 86, 86)) == [("RAISE", 4)]


def test_a_count_needs_readings_in_sequence() -> None:
    spec = AlarmSpec(id="C", slot=0, tag="t", kind="count", limit=85.0, count=3)
    assert found(spec, late(86, 86, 80, 86, 86, 86, 86, 80, 80, 80)) == [("RAISE", 5), ("CLEAR", 9)]


def test_a_state_is_one_of_its_values() -> None:
    spec = AlarmSpec(id="S", slot=0, tag="t", kind="state", values=(2.0, 3.0))
    assert found(spec, late(1, 2, 3, 1)) == [("RAISE", 1), ("CLEAR", 3)]


def test_the_order_in_which_they_come_is_nothing_to_it() -> None:
    batch = late(80, 86, 80)
    turned = batch_of(batch.slot, batch.value[::-1].copy(), batch.source_ns[::-1].copy(), NOW, 1)
    assert found(LEVEL, turned) == found(LEVEL, batch)


@pytest.mark.parametrize("batch", [late(99, quality=BAD), late(float("nan")), late(99, slot=1), late()])
def test_what_cannot_be_judged_raises_nothing(batch: SampleBatch) -> None:
    assert found(LEVEL, batch) == []


def test_drafts_and_alarms_on_quality_are_left_out() -> None:
    for spec in (
        AlarmSpec(id="D", slot=0, tag="t", limit=85.0, draft=True),
        AlarmSpec(id="Q", slot=0, tag="t", kind="quality"),
    ):
        assert found(spec, late(99)) == []


# ---------------------------------------------------------------- computed alarms

TAGS = (
    TagSpec(slot=0, name="t", expected_ms=1_000),
    TagSpec(slot=1, name="ref", expected_ms=10_000),
    TagSpec(slot=2, name="x"),
)
PROJECT = Known(TAGS)
RATE = AlarmSpec(id="R", slot=0, tag="t", kind="rate", limit=1.5, window_s=10.0)
DEVIATION = AlarmSpec(
    id="D", slot=0, tag="t", kind="deviation", limit=5.0, deadband=1.0, reference="ref", reference_slot=1
)
CONDITION = AlarmSpec(id="E", slot=0, tag="t", kind="expression", expression="t > 80 and x > 2")


def told(spec: AlarmSpec, *batches: SampleBatch) -> list[tuple[str, float]]:
    events = retrospect([spec], joined(list(batches)), NOW, PROJECT)
    assert all(event.late and event.t_ns == NOW for event in events)
    return [(event.event, (event.source_ns - T0) / NS) for event in events]


def why(spec: AlarmSpec, *batches: SampleBatch) -> list[str]:
    return [event.text for event in retrospect([spec], joined(list(batches)), NOW, PROJECT)]


def test_a_slope_in_late_data_is_judged() -> None:
    values = [20.0] * 15 + [20.0 + 3 * i for i in range(15)] + [62.0] * 15
    (first, begun), (second, ended) = told(RATE, late(*values))
    assert (first, second) == ("RAISE", "CLEAR")
    assert 19 <= begun <= 22
    assert 33 <= ended <= 36
    assert told(replace(RATE, direction="below", limit=-1.5), late(*values)) == []
    falling = replace(RATE, two_sided=True)
    assert told(falling, late(*(-v for v in values)))[0][0] == "RAISE"


def test_a_slope_of_too_few_readings_says_what_it_needs() -> None:
    assert why(RATE, late(20.0, 60.0)) == ["late data: not judged: needs 3 readings of t within 10 s"]


def test_a_distance_from_a_tag_that_came_late_too_is_judged() -> None:
    mine = late(20, 21, 27, 28, 24.5, 23, step_s=2.0)
    assert told(DEVIATION, mine, late(20, 20, slot=1, step_s=8.0)) == [("RAISE", 4), ("CLEAR", 10)]
    setpoint = replace(DEVIATION, reference="", reference_slot=-1, setpoint=20.0)
    assert told(setpoint, mine) == [("RAISE", 4), ("CLEAR", 10)]


def test_a_reference_counts_until_it_would_have_been_stale() -> None:
    mine = late(20, 20, 20, 20, 20, 30, 30, step_s=8.0)  # from 40 s on too far; the reference is 30 s old
    assert told(DEVIATION, mine, late(20, slot=1)) == []
    assert told(DEVIATION, mine, late(20, 20, slot=1, step_s=20.0)) == [("RAISE", 40)]


def test_a_distance_from_what_sent_nothing_late_is_not_judged() -> None:
    assert why(DEVIATION, late(20, 90)) == ["late data: not judged: needs ref, of which nothing came late"]
    assert told(DEVIATION, late(20, 90)) == [("NOT-JUDGED", 0)]
    assert told(DEVIATION, late(20, 90, slot=2)) == []  # it is about neither


def test_a_command_that_was_not_followed_is_judged_with_its_travel_time() -> None:
    spec = AlarmSpec(
        id="F", slot=0, tag="t", kind="discrepancy", reference="x", reference_slot=2, on_delay_s=3.0
    )
    assert told(spec, late(*[0] * 10), late(0, 1, slot=2, step_s=2.0)) == [("RAISE", 5)]
    assert told(spec, late(0, 0, 0, 1, 1, 1, 1), late(0, 1, slot=2, step_s=2.0)) == []


def test_a_condition_over_tags_that_came_late_is_judged() -> None:
    assert told(CONDITION, late(70, 85, 85, 70), late(3, slot=2)) == [("RAISE", 1), ("CLEAR", 3)]
    assert told(CONDITION, late(70, 75, 75, 70), late(3, slot=2)) == []
    assert why(CONDITION, late(85, 85)) == ["late data: not judged: needs x, of which nothing came late"]
    bad = late(3, slot=2, quality=BAD)
    assert why(CONDITION, late(85, 85), bad) == [
        "late data: not judged: needs good readings of t, x together"
    ]


def test_of_very_many_unjudged_alarms_only_some_are_named() -> None:
    many = [replace(DEVIATION, id=f"D{i}") for i in range(MOST_UNJUDGED + 7)]
    found = retrospect(many, late(20, 90), NOW, PROJECT)
    assert len(found) == MOST_UNJUDGED
    assert found[-1].text.endswith("; 7 more alarms were not judged")


def test_a_prediction_of_the_past_is_none() -> None:
    spec = AlarmSpec(id="P", slot=0, tag="t", kind="predicted", limit=85.0, horizon_s=60.0, window_s=60.0)
    assert told(spec, late(*range(60, 100))) == []


def test_the_nearest_of_several_limits_is_judged_with_its_own_delay() -> None:
    levels = (
        AlarmLevel(name="H", limit=85.0, priority=3, on_delay_s=2.0),
        AlarmLevel(name="HH", limit=90.0, priority=1),
    )
    spec = replace(LEVEL, levels=levels)
    assert told(spec, late(86, 86, 86, 80)) == [("RAISE", 2), ("CLEAR", 3)]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_slopes_of_the_past_are_those_that_a_world_would_have_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gaps = rng.choice([0.17, 1.0, 1.0, 3.0, 900.0], 200, p=[0.1, 0.4, 0.3, 0.15, 0.05])
    t_ns = T0 + (np.cumsum(gaps) * NS).astype(np.int64)
    value = 1e4 + np.cumsum(rng.normal(0, 1.0, 200))
    found, live = slopes(t_ns, value, 10 * NS), Slopes(np.array([10.0]))
    at = np.zeros(1, np.int64)
    for i in range(200):
        expected = live.add(heaps_of(at, t_ns[i : i + 1], value[i : i + 1], at))[0]
        assert found[i] == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)
