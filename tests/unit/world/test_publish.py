from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.model.frame import Event, Frame, WorldKind, apply_frame, empty_frame, frame_of
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.tags import TagTable
from armillary.session.mirror import Mirror
from armillary.world.publish import HEARTBEAT_NS, SILENT_NS, Publisher

TAGS = 5


def frame(seq: int, changes: dict[int, float], events: tuple[Event, ...] = ()) -> Frame:
    table = TagTable(TAGS)
    for slot, value in changes.items():
        table.value[slot] = value
        table.quality[slot] = 0
    base = empty_frame("w", WorldKind.LIVE)
    slots = np.array(sorted(changes), np.uint32)
    out = frame_of(table, slots, base)
    return Frame(
        **{**{f: getattr(out, f) for f in out.__slots__}, "seq": seq, "first_seq": seq, "events": events}
    )


def test_a_desk_without_credit_gets_nothing_and_then_everything_merged() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    publisher.join(b"d", 0)
    publisher.publish(frame(1, {0: 1.0}))
    publisher.publish(frame(2, {0: 2.0, 3: 9.0}))
    assert list(publisher.due(0)) == []
    publisher.credit(b"d", 0)
    [(peer, got)] = list(publisher.due(0))
    assert (peer, got.first_seq, got.seq) == (b"d", 1, 2)
    assert dict(zip(got.slot.tolist(), got.value.tolist(), strict=True)) == {0: 2.0, 3: 9.0}


def test_an_idle_desk_hears_a_heartbeat_and_no_more() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    publisher.join(b"d", 0)
    publisher.credit(b"d", 0)
    assert list(publisher.due(HEARTBEAT_NS - 1)) == []
    [(_, got)] = list(publisher.due(HEARTBEAT_NS))
    assert len(got) == 0


def test_a_desk_that_never_joined_must_say_hello() -> None:
    assert not Publisher(empty_frame("w", WorldKind.LIVE), TAGS).credit(b"stranger", 0)


def test_a_desk_that_went_away_is_forgotten() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    publisher.join(b"d", 0)
    list(publisher.due(SILENT_NS + NS))
    assert publisher.desks == 0


def test_no_event_is_lost_between_two_frames_of_a_slow_desk() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    publisher.join(b"d", 0)
    events = tuple(Event(t_ns=i, level="info", source="plc", text=str(i)) for i in range(3))
    for i, event in enumerate(events):
        publisher.publish(frame(i + 1, {}, (event,)))
    publisher.credit(b"d", 0)
    [(_, got)] = list(publisher.due(0))
    assert got.events == events


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, TAGS - 1), st.floats(-1e6, 1e6), max_size=TAGS),
            st.booleans(),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_desks_of_any_speed_end_with_the_same_picture(
    steps: list[tuple[dict[int, float], bool, bool]],
) -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    mirrors = {b"a": TagTable(TAGS), b"b": TagTable(TAGS)}
    for peer, mirror in mirrors.items():
        apply_frame(mirror, publisher.join(peer, 0))
    for seq, (changes, a, b) in enumerate([*steps, ({}, True, True)], 1):
        publisher.publish(frame(seq, changes))
        for peer, takes in ((b"a", a), (b"b", b)):
            if takes:
                publisher.credit(peer, 0)
        for peer, got in publisher.due(10 * NS):
            apply_frame(mirrors[peer], got)
    for mirror in mirrors.values():
        np.testing.assert_array_equal(mirror.value, publisher.table.value)
        np.testing.assert_array_equal(mirror.quality, publisher.table.quality)


def test_a_desk_that_took_frames_and_takes_none_any_more_is_silent_and_a_mere_line_is_not() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    publisher.join(b"desk", 0)
    publisher.join(b"command", 0)  # it asks, and never takes a frame
    publisher.credit(b"desk", NS)
    assert publisher.silent(3 * NS, 2 * NS) == frozenset()
    assert publisher.silent(3 * NS + 1, 2 * NS) == {b"desk"}
    publisher.credit(b"desk", 4 * NS)
    assert publisher.silent(5 * NS, 2 * NS) == frozenset()


def test_a_joiner_learns_the_last_good_value_of_what_was_lost_before_it_came() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    good = frame(1, {0: 70.5, 1: 5.0})
    publisher.publish(replace(good, source_ns=np.array([7, 8]), t_ns=10))
    bad = frame(2, {0: np.nan})
    publisher.publish(replace(bad, quality=np.array([BAD], np.uint16), source_ns=np.array([9]), t_ns=11))
    mirror = Mirror(TAGS)
    mirror.take(publisher.join(b"d", 0), 0)
    assert mirror.good[:2].tolist() == [70.5, 5.0]
    assert mirror.good_ns.tolist() == [7, 8, 0, 0, 0]
    publisher.credit(b"d", 0)
    publisher.publish(frame(3, {1: 6.0}))
    [(_, difference)] = list(publisher.due(0))
    assert len(difference.good_ns) == 0  # only a joiner is told of all
    mirror.take(difference, 0)
    assert mirror.good[:2].tolist() == [70.5, 6.0]


def test_what_was_learnt_reaches_joiners_and_desks_once() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    publisher.join(b"d", 0)
    publisher.credit(b"d", 0)
    publisher.publish(replace(frame(1, {}), learnt=((2, 1020, 1000),)))
    [(_, got)] = list(publisher.due(0))
    assert got.learnt == ((2, 1020, 1000),)
    publisher.credit(b"d", 0)
    publisher.publish(frame(2, {0: 1.0}))
    [(_, got)] = list(publisher.due(0))
    assert got.learnt == ()
    assert publisher.join(b"e", 0).learnt == ((2, 1020, 1000),)


def test_a_joiner_learns_the_last_good_value_whatever_came_since() -> None:
    rng, publisher = np.random.default_rng(1), Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    good, good_ns = np.full(TAGS, np.nan), np.zeros(TAGS, np.int64)
    for seq in range(1, 200):
        slots = np.flatnonzero(rng.random(TAGS) < 0.6).astype(np.uint32)
        came = frame(seq, {int(slot): 0.0 for slot in slots})
        value = np.where(rng.random(len(slots)) < 0.2, np.nan, rng.random(len(slots)))
        quality = rng.choice([GOOD, UNCERTAIN, STALE, BAD], len(slots)).astype(np.uint16)
        source_ns = np.full(len(slots), seq, np.int64)
        publisher.publish(replace(came, value=value, quality=quality, source_ns=source_ns))
        fresh = np.isfinite(value) & (quality < STALE)
        good[slots[fresh]], good_ns[slots[fresh]] = value[fresh], seq
        joined = publisher.join(b"d", 0)
        np.testing.assert_array_equal(joined.good, good)
        np.testing.assert_array_equal(joined.good_ns, good_ns)


def test_what_came_with_one_frame_goes_out_as_it_came_and_what_came_with_two_is_merged() -> None:
    publisher = Publisher(empty_frame("w", WorldKind.LIVE), TAGS)
    for peer in (b"d", b"e"):
        publisher.join(peer, 0)
        publisher.credit(peer, 0)
    first = frame(1, {0: 1.0, 2: 3.0})
    publisher.publish(first)
    publisher.publish(frame(2, {}))  # one without rows is nothing more
    outs = [got for _, got in publisher.due(0)]
    assert all(got.value is first.value for got in outs), "not copied once more"
    assert [got.seq for got in outs] == [2, 2]
    publisher.credit(b"d", 0)
    publisher.publish(frame(3, {0: 4.0}))
    publisher.again(b"d", np.array([3], np.uint32))
    [(_, got)] = publisher.due(0)
    assert dict(zip(got.slot.tolist(), got.value.tolist(), strict=True))[0] == 4.0
    assert got.slot.tolist() == [0, 3]
    publisher.publish(frame(4, {1: 5.0}))
    publisher.credit(b"e", 0)
    merged = dict(publisher.due(0))[b"e"]
    assert merged.slot.tolist() == [0, 1]
    assert merged.value.tolist() == [4.0, 5.0]
