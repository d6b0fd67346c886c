"""Staleness in a replay follows from the record: by device, and from stale to bad."""

from __future__ import annotations

import numpy as np

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, COMM, GOOD, STALE, UNCERTAIN
from armillary.model.tags import TagSpec
from armillary.world.outages import Ageing, Outages, Spans

T0 = 1_750_000_000 * NS
LINK = LinkSpec(name="m", kind="mqtt", url="")


def qualities(specs: list[TagSpec], known_s: list[float], at_s: float, **outages: object) -> list[int]:
    known = T0 + (np.array(known_s) * NS).astype(np.int64)
    ageing = Ageing(specs, [LINK])
    now = T0 + int(at_s * NS)
    return ageing.quality(now, known, np.zeros(len(specs), np.uint16), Outages(**outages)).tolist()  # type: ignore[arg-type]


def device(slot: int, twin: str, **more: object) -> TagSpec:
    given = {"liveness": "device", "stale_after_ms": 5_000, **more}
    return TagSpec(slot=slot, name=f"{twin}.{slot}", twin=twin, link="m", **given)  # type: ignore[arg-type]


def test_any_sample_of_a_device_kept_its_other_tags_good() -> None:
    specs = [device(0, "S"), device(1, "S"), device(2, "R")]
    assert qualities(specs, [0, 8, 0], 10) == [GOOD, GOOD, STALE]
    assert qualities(specs, [0, 8, 0], 14) == [STALE, STALE, STALE]


def test_a_tag_with_a_heartbeat_is_not_aged_as_beats_are_not_recorded() -> None:
    assert qualities([device(0, "S", heartbeat="s/hb")], [0], 3_600) == [GOOD]


def test_what_had_no_sample_for_its_bad_after_was_bad() -> None:
    tag = TagSpec(slot=0, name="a", link="m", stale_after_ms=2_000, bad_after_ms=60_000)
    plain = TagSpec(slot=1, name="b", link="m", stale_after_ms=2_000)
    for at, word in ((1, GOOD), (3, STALE), (60, STALE), (61, BAD | COMM)):
        assert qualities([tag, plain], [0, 0], at) == [word, min(word & 0xFF, STALE)]


def test_what_lives_by_its_link_was_bad_so_long_after_the_link_was_lost() -> None:
    tag = TagSpec(slot=0, name="a", link="m", liveness="link", bad_after_ms=60_000)
    lost = (Spans(begin_ns=np.array([T0 + 10 * NS]), end_ns=np.array([T0 + 1_000 * NS])),)
    for at, word in ((9, GOOD), (30, STALE | COMM), (71, BAD | COMM)):
        assert qualities([tag], [0], at, lost=lost) == [word]


def test_a_doubt_of_the_record_stays_one() -> None:
    ageing = Ageing([TagSpec(slot=0, name="a", link="m", stale_after_ms=2_000)], [LINK])
    word = np.array([UNCERTAIN], np.uint16)
    assert ageing.quality(T0 + NS, np.array([T0]), word, Outages()).tolist() == [UNCERTAIN]


def test_what_was_recorded_once_a_minute_is_not_silent_between_two_samples() -> None:
    tag = TagSpec(slot=0, name="a", link="m", stale_after_ms=2_000)
    starts, pace = np.array([T0 - NS, T0 + 1_000 * NS]), np.array([60 * NS, 0])
    for at, word in ((1, GOOD), (59, GOOD), (63, STALE)):
        assert qualities([tag], [0], at, starts_ns=starts, pace_ns=pace) == [word]
    assert qualities([tag], [1_001], 1_010, starts_ns=starts, pace_ns=pace) == [STALE], (
        "of this start all came"
    )
