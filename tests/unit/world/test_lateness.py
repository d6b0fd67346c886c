"""Late data are told once, when all are here, with what alarms missed."""

from __future__ import annotations

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.sample import HISTORICAL, RETAINED, SampleBatch, batch_of
from armillary.model.tags import TagSpec
from armillary.world.lateness import LONGEST_NS, QUIET_NS, Lateness

NOW = 1_750_003_200 * NS  # 16:00:00 UTC
SPECS = [TagSpec(slot=i, name=f"t{i}", link="mn"[i], address="x") for i in range(2)]
ALARMS = [AlarmSpec(id="H", slot=0, tag="t0", limit=85.0)]


def late(*values: float, slot: int = 0, ago_s: float = 1_800, flags: int = HISTORICAL) -> SampleBatch:
    n = len(values)
    source = NOW - int(ago_s * NS) + np.arange(n) * NS
    return batch_of(
        np.full(n, slot, np.uint32), np.array(values), source, NOW, 1, flags=np.full(n, flags, np.uint8)
    )


def test_a_burst_is_one_event_with_the_alarms_that_it_would_have_raised() -> None:
    lateness = Lateness(SPECS, ALARMS)
    lateness.take(late(80, 86, 80), NS)
    lateness.take(late(86, ago_s=1_000), 2 * NS)
    assert lateness.due(NOW, 2 * NS + QUIET_NS - 1) == ([], [])  # more may come
    (event,), missed = lateness.due(NOW, 2 * NS + QUIET_NS)
    assert event.text == (
        "late data 15:30:00\u201315:43:20 added at 16:00:00 \u00b7 4 samples"
        " \u00b7 2 alarms would have been raised"
    )
    assert (event.source, event.level) == ("m", "warning")
    assert [e.event for e in missed] == ["RAISE", "CLEAR", "RAISE"]
    assert lateness.due(NOW, 60 * NS) == ([], [])


def test_each_link_has_its_own() -> None:
    lateness = Lateness(SPECS, ALARMS)
    lateness.take(late(1.0), NS)
    lateness.take(late(1.0, slot=1), NS)
    events, missed = lateness.due(NOW, NS + QUIET_NS)
    assert [(e.source, e.level) for e in events] == [("m", "info"), ("n", "info")]
    assert missed == []


def test_a_stream_that_stays_late_is_told_each_minute() -> None:
    lateness = Lateness(SPECS, ALARMS)
    told = 0
    for second in range(180):
        lateness.take(late(1.0), second * NS)
        told += len(lateness.due(NOW, second * NS)[0])
    assert told == 180 * NS // (LONGEST_NS + NS)


def test_what_was_overtaken_by_little_and_what_a_broker_retained_is_not_told() -> None:
    lateness = Lateness(SPECS, ALARMS)
    lateness.take(late(1.0, ago_s=1.5), NS)
    lateness.take(late(1.0, flags=HISTORICAL | RETAINED), NS)
    assert lateness.due(NOW, 60 * NS) == ([], [])


def test_times_are_those_of_the_projects_zone() -> None:
    lateness = Lateness(SPECS, ALARMS, "Europe/Oslo")
    lateness.take(late(1.0), NS)
    (event,), _ = lateness.due(NOW, NS + QUIET_NS)
    assert event.text.startswith("late data 17:30:00")
