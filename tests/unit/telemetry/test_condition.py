from __future__ import annotations

import math

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, CLOCK, DECODE, GOOD, RANGE, SENSOR, STALE, SUBSTITUTED, UNCERTAIN
from armillary.model.sample import (
    HISTORICAL,
    REDATED,
    RETAINED,
    SOURCE_TIME_ASSUMED,
    SampleBatch,
    batch_of,
    shown,
)
from armillary.model.tags import TagSpec
from armillary.telemetry.condition import Conditions

NOW = 1_750_000_000 * NS
LINK = LinkSpec(name="m", kind="mqtt", url="")


def one(value: float = 1.0, source_ns: int = NOW, slot: int = 0, **more: object) -> SampleBatch:
    columns = {
        name: np.array([given], {"quality": np.uint16, "flags": np.uint8}[name])
        for name, given in more.items()
        if name != "text"
    }
    text = {0: str(more["text"])} if "text" in more else None
    return batch_of(
        np.array([slot], np.uint32), np.array([value]), np.array([source_ns]), NOW, 1, text=text, **columns
    )  # type: ignore[arg-type]


def spec(**more: object) -> TagSpec:
    return TagSpec(slot=0, name="t", link="m", **more)  # type: ignore[arg-type]


def test_a_raw_value_is_shown_in_the_unit_of_its_tag() -> None:
    done = Conditions([spec(factor=0.1, offset=-40.0)]).applied(one(1000.0))
    assert done.samples.value.tolist() == [60.0]
    assert done.samples.quality.tolist() == [GOOD]


@pytest.mark.parametrize(
    ("value", "quality"),
    [(0.0, GOOD), (90.0, GOOD), (-0.1, UNCERTAIN | RANGE), (90.1, UNCERTAIN | RANGE)],
)
def test_a_value_outside_the_instruments_range_is_uncertain(value: float, quality: int) -> None:
    done = Conditions([spec(low=0.0, high=90.0)]).applied(one(value))
    assert done.samples.quality.tolist() == [quality]
    assert done.samples.value.tolist() == [value]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_bad_and_nan(value: float) -> None:
    done = Conditions([spec(low=0.0, high=90.0)]).applied(one(value))
    assert done.samples.quality.tolist() == [BAD | DECODE]
    assert math.isnan(done.samples.value[0])


def test_a_scale_that_overflows_is_no_number() -> None:
    done = Conditions([spec(factor=1e300)]).applied(one(1e300))
    assert done.samples.quality.tolist() == [BAD | DECODE]


def test_a_text_has_no_number_and_is_good() -> None:
    done = Conditions([spec(kind="text")]).applied(one(float("nan"), text="run"))
    assert done.samples.quality.tolist() == [GOOD]
    assert done.samples.text == {0: "run"}


def test_the_sources_own_verdict_is_kept_with_its_reason() -> None:
    done = Conditions([spec()]).applied(one(float("nan"), quality=BAD | SENSOR))
    assert done.samples.quality.tolist() == [BAD | SENSOR]
    done = Conditions([spec(high=0.5)]).applied(one(quality=SUBSTITUTED))
    assert done.samples.quality.tolist() == [UNCERTAIN | RANGE]


@pytest.mark.parametrize("source_ns", [1, 631_151_999 * NS, NOW + 86_401 * NS])
def test_an_implausible_time_is_dropped_and_counted(source_ns: int) -> None:
    done = Conditions([spec()]).applied(one(source_ns=source_ns))
    assert (len(done.samples), done.dropped) == (0, {"implausible_time": 1})


def test_a_clock_that_runs_ahead_is_replaced_by_the_arrival() -> None:
    it = Conditions([spec()])
    near, far = it.applied(one(source_ns=NOW + 5 * NS)), it.applied(one(source_ns=NOW + 5 * NS + 1))
    assert (near.samples.source_ns.tolist(), near.ahead) == ([NOW + 5 * NS], 0)
    assert (far.samples.source_ns.tolist(), far.ahead) == ([NOW], 1)
    assert far.samples.flags.tolist() == [REDATED]
    assert far.samples.arrival_ns.tolist() == [NOW + 5 * NS + 1]  # what the source said is kept beside it
    assert far.samples.quality.tolist() == [GOOD]


def test_what_a_clock_that_is_not_believed_says_is_uncertain_and_counts_from_its_arrival() -> None:
    it = Conditions([spec()])
    behind, ahead = NOW - 3_600 * NS, NOW + 41 * NS
    for said in (behind, ahead):
        done = it.applied(one(source_ns=said), is_believed=False).samples
        assert done.quality.tolist() == [UNCERTAIN | CLOCK]
        assert (done.source_ns.tolist(), done.arrival_ns.tolist()) == ([NOW], [said])
        assert done.flags.tolist() == [REDATED]
        assert shown(done).arrival_ns.tolist() == [NOW]


@pytest.mark.parametrize(("flags", "said"), [(0, NOW - NS), (SOURCE_TIME_ASSUMED, NOW), (HISTORICAL, 1)])
def test_other_samples_of_a_link_whose_clock_is_not_believed_stay_as_they_are(flags: int, said: int) -> None:
    said = max(said, NOW - 86_400 * NS)
    done = Conditions([spec()]).applied(one(source_ns=said, flags=flags), is_believed=False).samples
    assert done.quality.tolist() == [GOOD]
    assert (done.source_ns.tolist(), done.flags.tolist()) == ([said], [flags])


def test_what_the_history_would_forget_at_once_is_refused_and_counted() -> None:
    it = Conditions([spec()], retention_ns=3_600 * NS)
    assert len(it.applied(one(source_ns=NOW - 3_600 * NS)).samples) == 1
    assert it.applied(one(source_ns=NOW - 3_601 * NS)).dropped == {"implausible_time": 1}


def test_a_slot_that_no_tag_has_is_counted() -> None:
    done = Conditions([spec()]).applied(one(slot=3))
    assert (len(done.samples), done.dropped) == (0, {"no_binding": 1})


@pytest.mark.parametrize(
    ("tag", "flags", "age_s", "quality"),
    [
        (spec(), RETAINED | SOURCE_TIME_ASSUMED, 0, STALE),
        (spec(), RETAINED, 9, GOOD),
        (spec(), RETAINED, 11, STALE),
        (spec(expected_ms=5_000), RETAINED, 14, GOOD),
        (spec(liveness="link"), RETAINED | SOURCE_TIME_ASSUMED, 0, GOOD),
        (spec(), SOURCE_TIME_ASSUMED, 0, GOOD),
    ],
)
def test_a_retained_value_is_stale_until_confirmed_unless_its_own_time_is_recent(
    tag: TagSpec, flags: int, age_s: int, quality: int
) -> None:
    done = Conditions([tag], [LINK]).applied(one(source_ns=NOW - age_s * NS, flags=flags))
    assert done.samples.quality.tolist() == [quality]


def test_nothing_in_gives_nothing_out() -> None:
    assert len(Conditions([]).applied(batch_of(*(np.zeros(0, np.int64),) * 3, 0, 0)).samples) == 0  # type: ignore[arg-type]
