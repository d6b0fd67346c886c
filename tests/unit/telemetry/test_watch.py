from __future__ import annotations

import numpy as np

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, COMM, DECODE, GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Signs
from armillary.telemetry.watch import Watch, delivery, silence_s

T0 = 1_000 * NS
MQTT = LinkSpec(name="m", kind="mqtt", url="")
OPCUA = LinkSpec(name="o", kind="opcua", url="", stale_after_s=5.0)


def spec(slot: int, link: str = "m", **more: object) -> TagSpec:
    return TagSpec(slot=slot, name=f"t{slot}", link=link, **more)  # type: ignore[arg-type]


def table(n: int, at: int = T0) -> TagTable:
    out = TagTable(n)
    out.quality[:] = GOOD
    out.arrival_mono_ns[:] = out.alive_mono_ns[:] = at
    return out


def up(at: int, alive: int | None = None) -> Signs:
    return Signs(arrival_mono_ns=at, alive_mono_ns=at if alive is None else alive)


def test_a_tag_turns_stale_right_after_its_limit_and_not_before() -> None:
    watch, tags = Watch([spec(0, expected_ms=1_000)], [MQTT]), table(1)
    signs = {"m": up(T0 + 3 * NS)}
    assert watch.look(tags, signs, T0 + 3 * NS).tolist() == []
    assert watch.look(tags, signs, T0 + 3 * NS + 1).tolist() == [0]
    assert tags.quality[0] == STALE
    assert tags.take_dirty().tolist() == [0]
    assert watch.look(tags, signs, T0 + 9 * NS).tolist() == []


def test_the_engineers_limit_wins_over_the_expected_interval() -> None:
    watch, tags = Watch([spec(0, expected_ms=1_000, stale_after_ms=500)], [MQTT]), table(1)
    assert watch.look(tags, {"m": up(T0)}, T0 + 501_000_000).tolist() == [0]


def test_an_event_driven_tag_is_not_stale_by_age_while_its_link_delivers() -> None:
    watch, tags = Watch([spec(0)], [MQTT]), table(1)
    assert watch.look(tags, {"m": up(T0 + 3_600 * NS)}, T0 + 3_600 * NS).tolist() == []


def test_a_silent_link_makes_its_event_driven_tags_stale() -> None:
    watch, tags = Watch([spec(0)], [MQTT]), table(1)
    assert watch.look(tags, {"m": up(T0, alive=T0 + 20 * NS)}, T0 + 15 * NS).tolist() == []
    assert watch.look(tags, {"m": up(T0, alive=T0 + 20 * NS)}, T0 + 16 * NS).tolist() == [0]
    assert tags.quality[0] == STALE | COMM


def test_a_silent_link_makes_its_tags_stale_whatever_their_limits_are_until_they_come_again() -> None:
    watch, tags = Watch([spec(0, stale_after_ms=600_000), spec(1, stale_after_ms=600_000)], [MQTT]), table(2)
    assert watch.look(tags, {"m": up(T0)}, T0 + 15 * NS).tolist() == []
    assert watch.look(tags, {"m": up(T0)}, T0 + 16 * NS).tolist() == [0, 1]
    assert tags.quality.tolist() == [STALE | COMM] * 2
    tags.quality[0] = GOOD  # a sample of one of them: the other one may have changed unseen
    assert watch.look(tags, {"m": up(T0 + 17 * NS)}, T0 + 17 * NS).tolist() == []
    assert tags.quality.tolist() == [GOOD, STALE | COMM]


def test_a_tag_that_lives_by_its_link_is_good_as_long_as_the_carrier_is_proven_alive() -> None:
    watch, tags = Watch([spec(0, "o", liveness="link", expected_ms=100)], [OPCUA]), table(1)
    late = T0 + 600 * NS
    watch.look(tags, {"o": up(T0, alive=late)}, late)
    assert tags.quality[0] == GOOD
    assert tags.alive_mono_ns[0] == late
    assert tags.take_dirty().tolist() == [0]


def test_a_silent_carrier_makes_its_tags_stale_and_brings_back_what_they_were() -> None:
    watch = Watch([spec(0, "o", liveness="link"), spec(1, "o", liveness="link")], [OPCUA])
    tags = table(2)
    tags.quality[1] = UNCERTAIN
    assert watch.look(tags, {"o": up(T0)}, T0 + 5 * NS + 1).tolist() == [0, 1]
    assert tags.quality.tolist() == [STALE | COMM] * 2
    watch.look(tags, {"o": up(T0, alive=T0 + 6 * NS)}, T0 + 6 * NS)
    assert tags.quality.tolist() == [GOOD, UNCERTAIN]


def test_a_sample_that_came_meanwhile_keeps_its_own_quality() -> None:
    watch, tags = Watch([spec(0, "o", liveness="link")], [OPCUA]), table(1)
    watch.look(tags, {"o": up(T0)}, T0 + 6 * NS)
    tags.quality[0] = BAD | DECODE
    watch.look(tags, {"o": up(T0 + 7 * NS)}, T0 + 7 * NS)
    assert tags.quality[0] == BAD | DECODE


def test_a_lost_link_makes_all_its_tags_stale_after_the_grace_and_no_others() -> None:
    watch = Watch([spec(0), spec(1, "o", liveness="link"), spec(2, "o", liveness="link")], [MQTT, OPCUA])
    tags = table(3)
    tags.quality[2] = NEVER
    signs = {"m": up(T0), "o": Signs(arrival_mono_ns=T0, alive_mono_ns=T0, lost_mono_ns=T0)}
    assert watch.look(tags, signs, T0 + 2 * NS).tolist() == []
    assert watch.look(tags, signs, T0 + 2 * NS + 1).tolist() == [1]
    assert tags.quality.tolist() == [GOOD, STALE | COMM, NEVER]
    # Back again: unseen changes are possible, so being up alone confirms nothing.
    watch.look(tags, {"m": up(T0 + 3 * NS), "o": up(T0 + 3 * NS)}, T0 + 3 * NS)
    assert tags.quality.tolist() == [GOOD, STALE | COMM, NEVER]


def test_bad_stays_bad_and_never_stays_never_however_old() -> None:
    watch, tags = Watch([spec(0, expected_ms=100), spec(1, expected_ms=100)], [MQTT]), table(2)
    tags.quality[:] = [BAD | DECODE, NEVER]
    assert watch.look(tags, {"m": Signs(lost_mono_ns=T0)}, T0 + 60 * NS).tolist() == []
    assert tags.quality.tolist() == [BAD | DECODE, NEVER]


def test_derived_tags_and_unknown_links_are_left_alone() -> None:
    watch, tags = Watch([spec(0, "", expected_ms=100), spec(1, "gone", expected_ms=100)], [MQTT]), table(2)
    assert watch.look(tags, {}, T0 + 60 * NS).tolist() == []


def test_delivery_is_judged_by_arrivals_against_the_learnt_gap() -> None:
    fast = Signs(arrival_mono_ns=T0, alive_mono_ns=T0 + 100 * NS, gap_p99_ns=NS // 10)
    slow = Signs(arrival_mono_ns=T0, alive_mono_ns=T0 + 100 * NS, gap_p99_ns=10 * NS)
    assert [delivery(fast, T0 + s * NS) for s in (5, 6, 15, 16)] == ["flowing", "quiet", "quiet", "silent"]
    assert [delivery(slow, T0 + s * NS) for s in (30, 31, 100, 101)] == [
        "flowing",
        "quiet",
        "quiet",
        "silent",
    ]
    assert delivery(Signs(), T0) == "quiet"


def test_silence_can_be_configured_or_switched_off() -> None:
    signs = up(T0)
    assert delivery(signs, T0 + 9 * NS, 8.0) == "silent"
    assert delivery(signs, T0 + 9_000 * NS, 0.0) == "quiet"
    assert silence_s(LinkSpec(name="x", kind="mqtt", url="", settings={"silence_s": 3})) == 3.0
    assert silence_s(MQTT) is None


def test_ageing_looks_at_all_tags_at_once() -> None:
    n = 5_000
    watch, tags = Watch([spec(i, expected_ms=1_000) for i in range(n)], [MQTT]), table(n)
    tags.arrival_mono_ns[::2] = T0 + 10 * NS
    marked = watch.look(tags, {"m": up(T0 + 10 * NS)}, T0 + 10 * NS)
    assert marked.tolist() == list(range(1, n, 2))
    assert np.count_nonzero(tags.quality == STALE) == n // 2


def test_a_link_that_came_back_has_as_long_again_and_one_that_never_spoke_a_minute() -> None:
    back = Signs(arrival_mono_ns=T0, up_mono_ns=T0 + 100 * NS)
    assert delivery(back, T0 + 110 * NS) == "quiet"
    assert delivery(back, T0 + 116 * NS) == "silent"
    never = Signs(up_mono_ns=T0)
    assert delivery(never, T0 + 59 * NS) == "quiet"
    assert delivery(never, T0 + 61 * NS) == "silent"
    assert delivery(never, T0 + 61 * NS, 0) == "quiet"


def test_tags_without_any_value_a_minute_after_their_link_came_up_are_told_once() -> None:
    watch, tags = Watch([spec(i) for i in range(8)], [MQTT]), table(8)
    tags.quality[1:] = NEVER
    signs = {"m": Signs(arrival_mono_ns=T0, alive_mono_ns=T0, up_mono_ns=T0)}
    watch.look(tags, signs, T0 + 59 * NS)
    assert watch.take_unseen() == []
    watch.look(tags, signs, T0 + 61 * NS)
    watch.look(tags, signs, T0 + 90 * NS)
    (said,) = watch.take_unseen()
    assert said.what == (
        "7 of 8 tags never had a value, though the link is up: t1, t2, t3, t4, t5 and 2 more."
    )
    assert watch.take_unseen() == []
