"""What a record says of a plant against its model: each difference once, with when it was first seen."""

from __future__ import annotations

import numpy as np

from armillary.model.clock import NS
from armillary.model.drift import DriftReport
from armillary.model.sample import SampleBatch, batch_of, taken
from armillary.model.tags import TagSpec
from armillary.session.drift_of_record import judged

T0 = 1_800_000_000 * NS
HOUR = 3_600
RNG = np.random.default_rng(3)


def tag(slot: int, name: str, **more: object) -> TagSpec:
    given = {"link": "m", "expected_ms": 10_000, "interval": "given", "unit": "°C", "address": name} | more
    return TagSpec(slot=slot, name=name, **given)  # type: ignore[arg-type]


def every(slot: int, from_s: int, to_s: int, step_s: int, values: object = 20.0) -> SampleBatch:
    t = T0 + np.arange(from_s, to_s, step_s, dtype=np.int64) * NS
    value = np.broadcast_to(np.asarray(values, float), len(t)).copy()
    return batch_of(np.full(len(t), slot, np.uint32), value, t, t, np.zeros(len(t), np.int64))


def ordered(*parts: SampleBatch) -> list[SampleBatch]:
    """Return samples in the order of time, in pieces of 500."""
    slot, value, t = (np.concatenate([getattr(p, n) for p in parts]) for n in ("slot", "value", "source_ns"))
    whole = batch_of(slot, value, t, t, np.zeros(len(t), np.int64))
    order = np.argsort(t, kind="stable")
    return [taken(whole, order[at : at + 500]) for at in range(0, len(order), 500)]


def codes(report: DriftReport) -> dict[str, float]:
    """Return the hours after the beginning at which each difference was first seen."""
    return {item.key: (item.since_ns - T0) / NS / HOUR for item in report.items}


def test_a_record_that_is_as_the_model_says_has_no_drift() -> None:
    specs = [tag(0, "a"), tag(1, "b", low=0.0, high=100.0)]
    batches = ordered(every(0, 0, 6 * HOUR, 10), every(1, 0, 6 * HOUR, 10))
    assert not judged(specs, batches, T0, T0 + 6 * HOUR * NS).items


def test_what_differed_at_any_time_is_told_once_with_when_it_began() -> None:
    specs = [tag(0, "gone"), tag(1, "hot", high=90.0), tag(2, "slow"), tag(3, "never")]
    out = np.where(np.arange(2160) // 360 == 2, 120.0, 20.0)  # in the third hour only
    batches = ordered(
        every(0, 0, 2 * HOUR, 10),
        every(1, 0, 6 * HOUR, 10, out),
        every(2, 0, 6 * HOUR, 60),
    )
    found = codes(judged(specs, batches, T0, T0 + 6 * HOUR * NS))
    assert set(found) == {"D02 gone", "D06 hot", "D07 slow", "D02 never"}
    assert 2 < found["D02 gone"] <= 3
    assert 2 < found["D06 hot"] <= 4


def test_two_tags_of_one_signal_are_found() -> None:
    values = np.cumsum(RNG.normal(size=2160))
    specs = [tag(0, "a"), tag(1, "b", link="n")]
    batches = ordered(every(0, 0, 6 * HOUR, 10, values), every(1, 0, 6 * HOUR, 10, values))
    assert set(codes(judged(specs, batches, T0, T0 + 6 * HOUR * NS))) == {"D11 a b"}


def test_how_often_a_thinned_tag_came_is_not_judged() -> None:
    specs = [tag(0, "a", thinning="deadband", deadband=1.0)]
    assert not judged(specs, ordered(every(0, 0, HOUR, 10)), T0, T0 + 6 * HOUR * NS).items
    assert not judged(specs, ordered(every(0, 0, 6 * HOUR, 100)), T0, T0 + 6 * HOUR * NS).items


def test_an_unknown_state_in_the_record_is_found() -> None:
    specs = [tag(0, "state", kind="enum", states=((0.0, "off"), (1.0, "on")), unit="")]
    values = np.where(np.arange(360) == 100, 7.0, 1.0)
    values[101:105] = 7.0
    assert set(codes(judged(specs, ordered(every(0, 0, HOUR, 10, values)), T0, T0 + HOUR * NS))) == {
        "D04 state"
    }
