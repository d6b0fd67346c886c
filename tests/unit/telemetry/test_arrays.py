"""A tag that is a list of numbers: from a payload to a desk's mirror."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.model.frame import Frame, WorldKind, apply_frame, empty_frame, frame_of
from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.quality import BAD, DECODE, GOOD, RANGE, UNCERTAIN
from armillary.model.sample import (
    MOST_VALUES,
    SampleBatch,
    WireBatch,
    array_of,
    batch_of,
    joined,
    taken,
    told,
)
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.condition import Conditions
from armillary.telemetry.decode import Decoding
from armillary.twin import state
from armillary.twin.state import APPLIED, DUPLICATE
from armillary.wire.codec import pack, unpack
from armillary.world.publish import Publisher
from armillary.world.spool import Spool

NOW = 1_750_000_000_000_000_000
SPEC = TagSpec(slot=0, name="deck.temperatures", link="site", kind="array", unit="°C", low=0.0, high=100.0)


def decoded(payload: bytes, path: str = "") -> SampleBatch:
    link = LinkSpec(name="site", kind="mqtt", url="mqtt://127.0.0.1")
    route = Route(slot=0, tag=SPEC.name, channel="deck", path=path, kind="array")
    wire = WireBatch(
        link="site",
        channel=np.zeros(1, np.uint32),
        channels=("deck",),
        start=np.array([0, len(payload)]),
        payload=payload,
        arrival_ns=np.array([NOW]),
        arrival_mono_ns=np.array([1]),
        flags=np.zeros(1, np.uint8),
    )
    return Decoding(SubscriptionPlan(link=link, routes=(route,))).decode([wire]).samples


def sample(values: object, t_ns: int = NOW, quality: int = GOOD) -> SampleBatch:
    array = array_of(values)
    return replace(
        batch_of(np.zeros(1, np.uint32), np.full(1, np.nan), np.array([t_ns]), t_ns, 1),
        quality=np.array([quality], np.uint16),
        array={} if array is None else {0: array},
        text={} if array is None else {0: told(array)},
    )


def test_a_list_of_numbers_is_one_value_of_an_array_tag() -> None:
    bare = decoded(b" [20.5, 21, null, 30]")
    assert bare.quality.tolist() == [GOOD]
    assert np.isnan(bare.value).all()
    np.testing.assert_array_equal(bare.array[0], np.array([20.5, 21, np.nan, 30], np.float32))
    inside = decoded(b'{"grid": [[1, 2], [3, 4]]}', path="grid")
    assert inside.array[0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "payload", [b"17.5", b'["1", "2"]', b"[]", b"[[1], [2, 3]]", b'{"a": 1}', b"[true, false]", b"null"]
)
def test_what_is_no_list_of_numbers_is_bad_and_never_guessed(payload: bytes) -> None:
    batch = decoded(payload)
    assert batch.quality.tolist() == [BAD | DECODE]
    assert not batch.array


def test_a_list_longer_than_the_limit_is_refused() -> None:
    assert array_of([0] * MOST_VALUES) is not None
    assert array_of([0] * (MOST_VALUES + 1)) is None
    assert decoded(b"[" + b"1," * MOST_VALUES + b"1]").quality.tolist() == [BAD | DECODE]


def test_units_and_range_apply_to_every_value_and_the_text_tells_what_came() -> None:
    kelvin = replace(SPEC, offset=-273.15)
    fine = Conditions([kelvin]).applied(decoded(b"[293.15, 303.15]")).samples
    assert fine.array[0] == pytest.approx([20.0, 30.0], abs=1e-3)
    assert fine.text == {0: "2 values, 20 to 30"}
    assert fine.quality.tolist() == [GOOD]
    beyond = Conditions([SPEC]).applied(decoded(b"[20, 300]")).samples
    assert beyond.quality.tolist() == [UNCERTAIN | RANGE]


def test_an_array_changes_by_its_numbers_even_where_time_and_ends_are_the_same() -> None:
    table = TagTable(1)
    assert state.apply(table, sample([0, 1, 5])).outcome.tolist() == [APPLIED]
    assert state.apply(table, sample([0, 1, 5])).outcome.tolist() == [DUPLICATE]
    assert state.apply(table, sample([0, 4, 5])).outcome.tolist() == [APPLIED]
    assert table.array[0].tolist() == [0, 4, 5]


def test_a_message_that_cannot_be_read_leaves_the_array_and_its_quality_tells() -> None:
    table = TagTable(1)
    state.apply(table, sample([1, 2]))
    state.apply(table, sample(None, NOW + 1, BAD | DECODE))
    assert table.array[0].tolist() == [1, 2]
    assert table.quality.tolist() == [BAD | DECODE]


def test_rows_keep_their_arrays_when_batches_are_joined_and_taken() -> None:
    both = joined([sample([1]), sample([2, 3])])
    assert {row: a.tolist() for row, a in both.array.items()} == {0: [1], 1: [2, 3]}
    assert taken(both, np.array([1])).array[0].tolist() == [2, 3]


def test_a_frame_carries_an_array_once_when_it_changed_and_a_joiner_gets_it() -> None:
    base = empty_frame("w", WorldKind.LIVE)
    publisher = Publisher(base, 2)
    publisher.join(b"desk", 0)
    world = TagTable(2)
    state.apply(world, sample([1, 2, 3]))
    publisher.publish(replace(frame_of(world, world.take_dirty(), base), seq=1, first_seq=1))
    publisher.credit(b"desk", 0)
    [(_, frame)] = list(publisher.due(0))
    back = unpack([bytes(part) for part in pack(frame)])
    assert isinstance(back, Frame)
    mirror = TagTable(2)
    apply_frame(mirror, back)
    assert mirror.array[0].tolist() == [1, 2, 3]
    publisher.publish(replace(base, seq=2, first_seq=2))
    publisher.credit(b"desk", 0)
    assert all(not len(later.array) for _, later in publisher.due(10**9))
    assert publisher.join(b"late", 0).array.tolist() == [1, 2, 3]


def test_a_slot_that_comes_without_its_array_has_none_any_more() -> None:
    table = TagTable(1)
    state.apply(table, sample([1, 2]))
    other = TagTable(1)
    apply_frame(table, frame_of(other, np.zeros(1, np.uint32), empty_frame("w", WorldKind.REPLAY)))
    assert table.array == {}


def test_the_recorder_is_sent_the_text_and_not_the_numbers() -> None:
    spool = Spool()
    spool.enrolled(np.array([7], np.uint32))
    spool.offer(sample([1, 2, 3]))
    [append] = spool.due()
    assert append.batch.array == {}
    assert append.batch.text == {0: "3 values, 1 to 3"}
