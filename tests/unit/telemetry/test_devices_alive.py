"""Tags that live by their device: any of its messages, or its heartbeat, proves all of them alive."""

from __future__ import annotations

import numpy as np

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, COMM, GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.sample import RETAINED, WireBatch
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.hearts import Hearts
from armillary.telemetry.inbox import Signs
from armillary.telemetry.plan import plans
from armillary.telemetry.watch import Watch

T0 = 1_000 * NS
MQTT = LinkSpec(name="m", kind="mqtt", url="")
SKID = [
    TagSpec(slot=i, name=name, twin=name[0], link="m", address=name, liveness="device", stale_after_ms=5000)
    for i, name in enumerate(("S.temp", "S.mode", "R.mode"))
]
BEATS = [
    TagSpec(slot=0, name="S.a", twin="S", link="m", address="x", liveness="device", heartbeat="s/#"),
    TagSpec(slot=1, name="R.b", twin="R", link="m", address="y", liveness="device", heartbeat="r/hb"),
]


def table(n: int) -> TagTable:
    out = TagTable(n)
    out.quality[:] = GOOD
    out.arrival_mono_ns[:] = out.alive_mono_ns[:] = T0
    return out


def up(now: int) -> dict[str, Signs]:
    return {"m": Signs(arrival_mono_ns=now, alive_mono_ns=now, up_mono_ns=T0)}


def wire(channels: tuple[str, ...], rows: list[int], at: int, flags: int = 0) -> WireBatch:
    n = len(rows)
    return WireBatch(
        link="m",
        channel=np.array(rows, np.uint32),
        channels=channels,
        start=np.zeros(n + 1, np.int64),
        payload=b"",
        arrival_ns=np.full(n, at),
        arrival_mono_ns=np.full(n, at),
        flags=np.full(n, flags, np.uint8),
    )


def test_one_tag_of_a_device_proves_the_others_alive_and_no_other_device() -> None:
    watch, tags = Watch(SKID, [MQTT]), table(3)
    now = T0 + 6 * NS
    tags.alive_mono_ns[0] = now
    watch.look(tags, up(now), now)
    assert tags.quality.tolist() == [GOOD, GOOD, STALE | COMM]
    assert tags.alive_mono_ns.tolist() == [now, now, T0]


def test_a_dead_device_turns_stale_with_all_its_tags_and_comes_back_as_it_was() -> None:
    watch, tags = Watch(SKID, [MQTT]), table(3)
    tags.quality[1] = UNCERTAIN
    now = T0 + 5 * NS
    assert watch.look(tags, up(now), now).tolist() == []
    assert watch.look(tags, up(now), now + 1).tolist() == [0, 1, 2]
    assert set(tags.quality.tolist()) == {STALE | COMM}
    now += NS
    tags.alive_mono_ns[0], tags.quality[0] = now, GOOD  # a sample of one tag
    watch.look(tags, up(now), now)
    assert tags.quality.tolist() == [GOOD, UNCERTAIN, STALE | COMM]


def test_a_tag_that_never_came_stays_so_whatever_its_device_does() -> None:
    watch, tags = Watch(SKID, [MQTT]), table(3)
    tags.quality[1], tags.alive_mono_ns[1] = NEVER, 0
    watch.look(tags, up(T0 + NS), T0 + NS)
    watch.look(tags, up(T0 + 9 * NS), T0 + 9 * NS)
    assert tags.quality[1] == NEVER


def test_a_heartbeat_by_topic_or_filter_proves_its_device_alive() -> None:
    hearts = Hearts(plans([MQTT], BEATS))
    watch, tags = Watch(BEATS, [MQTT], hearts), table(2)
    now = T0 + 20 * NS
    hearts.note("m", [wire(("s/deep/status", "r/other", "r/hb"), [0, 1], now)])
    watch.look(tags, up(now), now)
    assert tags.quality.tolist() == [GOOD, STALE | COMM]
    hearts.note("m", [wire(("s/deep/status", "r/other", "r/hb"), [2], now)])
    watch.look(tags, up(now), now)
    assert tags.quality.tolist() == [GOOD, GOOD]


def test_a_retained_heartbeat_proves_nothing_and_another_session_begins_anew() -> None:
    hearts = Hearts(plans([MQTT], BEATS))
    hearts.note("m", [wire(("r/hb",), [0], T0, RETAINED)])
    assert hearts.alive_mono_ns.tolist() == [0, 0]
    hearts.note("m", [wire(("s/1", "r/hb"), [0], T0 + NS)])
    assert hearts.alive_mono_ns.tolist() == [T0 + NS, 0]
    hearts.note("other", [wire(("s/1", "r/hb"), [1], T0 + NS)])
    assert hearts.alive_mono_ns.tolist() == [T0 + NS, 0]


def test_heartbeats_are_listened_to() -> None:
    assert plans([MQTT], BEATS)[0].listen == ("s/#", "r/hb")


def test_after_its_limit_what_is_dead_is_bad_and_comes_back_with_its_carrier() -> None:
    own = TagSpec(slot=0, name="a", link="m", stale_after_ms=2000, bad_after_ms=60_000)
    carried = TagSpec(slot=1, name="b", twin="S", link="m", liveness="device", bad_after_ms=60_000)
    watch, tags = Watch([own, carried], [MQTT]), table(2)
    watch.look(tags, up(T0 + 60 * NS), T0 + 60 * NS)
    assert tags.quality.tolist() == [STALE, STALE | COMM]
    watch.look(tags, up(T0 + 61 * NS), T0 + 61 * NS)
    assert tags.quality.tolist() == [BAD | COMM, BAD | COMM]
    tags.alive_mono_ns[1] = T0 + 62 * NS
    watch.look(tags, up(T0 + 62 * NS), T0 + 62 * NS)
    assert tags.quality.tolist() == [BAD | COMM, GOOD]


def test_what_was_learnt_becomes_the_limit_at_once() -> None:
    spec = TagSpec(slot=0, name="a", link="m", stale_after_ms=10_000, interval="default")
    watch, tags = Watch([spec], [MQTT]), table(1)
    assert watch.learn(np.array([0], np.uint32), np.array([NS])).tolist() == [3 * NS]
    watch.look(tags, up(T0 + 3 * NS + 1), T0 + 3 * NS + 1)
    assert tags.quality[0] == STALE
    assert watch.learn(np.array([0], np.uint32), np.array([NS // 10])).tolist() == [2 * NS]
