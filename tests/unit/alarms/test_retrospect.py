"""What alarms late data would have raised."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.alarms.retrospect import retrospect
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.quality import BAD
from armillary.model.sample import SampleBatch, batch_of

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
