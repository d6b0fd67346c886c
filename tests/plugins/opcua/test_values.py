from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from armillary.api import SOURCE_TIME_ASSUMED, quality
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.values import Targets, sample_batch, targets, unknown

NOW, MONO = 1_800_000_000_000_000_000, 77
T0 = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
T0_NS = 1_767_268_800_123_456_000


def data(value: Any, kind: Any = None, **fields: Any) -> Any:
    fields = {"SourceTimestamp": T0} | fields
    return ua.DataValue(ua.Variant(value, kind) if kind else ua.Variant(value), **fields)


def one(value: Any, to: Targets | None = None) -> Any:
    return sample_batch(np.array([0]), [value], to or targets([[0]], [False], {}), NOW, MONO)


def test_numbers_keep_value_time_and_arrival() -> None:
    to = targets([[7], [9]], [False, False], {})
    batch = sample_batch(np.array([1, 0]), [data(True), data(-3, ua.VariantType.Int64)], to, NOW, MONO)
    assert batch.slot.tolist() == [9, 7]
    assert batch.value.tolist() == [1.0, -3.0]
    assert batch.source_ns.tolist() == [T0_NS, T0_NS]
    assert batch.arrival_ns.tolist() == [NOW, NOW]
    assert batch.arrival_mono_ns.tolist() == [MONO, MONO]
    assert batch.quality.tolist() == [quality.GOOD, quality.GOOD]
    assert batch.flags.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("stamps", "source_ns", "flag"),
    [
        ({}, T0_NS, 0),
        ({"SourceTimestamp": None, "ServerTimestamp": T0}, T0_NS, 0),
        ({"SourceTimestamp": None}, NOW, SOURCE_TIME_ASSUMED),
        ({"SourceTimestamp": datetime(1601, 1, 1, tzinfo=UTC)}, NOW, SOURCE_TIME_ASSUMED),
        ({"SourceTimestamp": datetime(9999, 12, 31, tzinfo=UTC)}, NOW, SOURCE_TIME_ASSUMED),
    ],
)
def test_the_time_is_the_sources_then_the_servers_then_the_arrival(
    stamps: dict[str, Any], source_ns: int, flag: int
) -> None:
    batch = one(data(1.0, **stamps))
    assert (batch.source_ns[0], batch.flags[0]) == (source_ns, flag)


@given(st.integers(0, 2**40))
def test_a_source_time_is_exact_to_the_microsecond(offset_us: int) -> None:
    stamp = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=offset_us)
    batch = one(data(1.0, SourceTimestamp=stamp))
    assert batch.source_ns[0] == 946_684_800_000_000_000 + offset_us * 1_000


@pytest.mark.parametrize(
    ("code", "word", "is_number"),
    [
        (0x00000000, quality.GOOD, True),
        (0x00960000, quality.SUBSTITUTED | quality.MANUAL, True),
        (0x40920000, quality.UNCERTAIN, True),
        (0x808C0000, quality.BAD | quality.SENSOR, False),
        (0x80310000, quality.BAD | quality.COMM, False),
        (0x80320000, quality.NEVER, False),
        (0xC0000000, quality.BAD, False),
        (0x00000480, quality.GOOD, True),  # overflow bits do not spoil the value
    ],
)
def test_a_status_code_becomes_a_quality_and_is_kept(code: int, word: int, is_number: bool) -> None:
    batch = one(data(5.0, StatusCode=ua.StatusCode(code)))
    assert (batch.quality[0], batch.status[0]) == (word, code)
    assert np.isfinite(batch.value[0]) == is_number


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), None])
def test_what_is_no_number_is_bad_and_nan_even_with_a_good_status(value: float | None) -> None:
    batch = one(data(value, ua.VariantType.Double if value is not None else None))
    assert batch.quality[0] == quality.BAD | quality.DECODE
    assert np.isnan(batch.value[0])


def test_one_text_among_numbers_spoils_only_its_own_row() -> None:
    to = targets([[0], [1], [2]], [False, False, True], {})
    values = [data(1.5), data("12"), data("idle")]
    batch = sample_batch(np.arange(3), values, to, NOW, MONO)
    assert batch.value[0] == 1.5
    assert batch.quality.tolist() == [quality.GOOD, quality.BAD | quality.DECODE, quality.GOOD]
    assert batch.text[2] == "idle"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ua.LocalizedText("Zu", "de"), "Zu"),
        ([1, 2], "[1, 2]"),
        (7, "7"),
        (b"\x01\xff", "01ff"),
        (T0, "2026-01-01T12:00:00.123456+00:00"),
        (ua.EUInformation(NamespaceUri="u", UnitId=3), '"NamespaceUri": "u"'),
        (ua.NodeId(5, 2), '"ns=2;i=5"'),
    ],
)
def test_a_text_tag_shows_any_value_as_text(value: Any, text: str) -> None:
    batch = one(data(value), targets([[0]], [True], {}))
    assert text in batch.text[0]
    assert batch.quality[0] == quality.GOOD


def test_a_state_that_arrives_by_name_becomes_its_number() -> None:
    to = targets([[0], [1]], [False, False], {0: {"auto": 2.0}, 1: {"auto": 2.0}})
    batch = sample_batch(np.array([0, 1]), [data("Auto"), data("Odd")], to, NOW, MONO)
    assert batch.value[0] == 2.0
    assert batch.quality.tolist() == [quality.GOOD, quality.BAD | quality.DECODE]


def test_one_node_feeds_all_its_tags_with_text_too() -> None:
    to = targets([[4, 5], [6], [7, 8, 9]], [False, False, True], {})
    batch = sample_batch(np.array([2, 0, 1, 0]), [data("a"), data(1), data(2), data(3)], to, NOW, MONO)
    assert batch.slot.tolist() == [7, 8, 9, 4, 5, 6, 4, 5]
    assert batch.value.tolist()[3:] == [1, 1, 2, 3, 3]
    assert batch.text == {0: "a", 1: "a", 2: "a"}
    assert len(batch.source_ns) == len(batch.status) == len(batch.arrival_ns) == 8


def test_values_read_the_same_after_the_wire() -> None:
    note = ua.DataChangeNotification()
    sent = [data(1.25), data(2, StatusCode=ua.StatusCode(0x80320000)), ua.DataValue(None)]
    note.MonitoredItems = [ua.MonitoredItemNotification(ClientHandle=i, Value=v) for i, v in enumerate(sent)]
    back = struct_from_binary(ua.DataChangeNotification, ua.utils.Buffer(bytes(struct_to_binary(note))))
    to = targets([[0], [1], [2]], [False] * 3, {})
    batch = sample_batch(np.arange(3), [item.Value for item in back.MonitoredItems], to, NOW, MONO)
    assert batch.value[0] == 1.25
    assert batch.quality.tolist() == [quality.GOOD, quality.NEVER, quality.BAD | quality.DECODE]


def test_a_node_that_cannot_be_had_is_bad_for_all_its_tags() -> None:
    batch = unknown([3, 4], 0x80340000, NOW, MONO)
    assert batch.slot.tolist() == [3, 4]
    assert set(batch.quality.tolist()) == {quality.BAD | quality.CONFIG}
    assert np.isnan(batch.value).all()


@pytest.mark.parametrize("value", [[1.5, 2.5, 3.5], [[1.5, 2.5], [3.5, 4.5]], [1, 2]])
def test_an_array_tag_takes_a_list_of_numbers_as_one_value(value: Any) -> None:
    batch = one(data(value), targets([[0]], [False], {}, [True]))
    assert batch.array[0].tolist() == np.array(value, np.float32).reshape(-1).tolist()
    assert batch.quality.tolist() == [0]
    assert not batch.text


@pytest.mark.parametrize("value", [1.5, "1.5", ["a"], [True, False], None])
def test_an_array_tag_takes_nothing_else(value: Any) -> None:
    batch = one(data(value), targets([[0]], [False], {}, [True]))
    assert not batch.array
    assert batch.quality.tolist() == [quality.BAD | quality.DECODE]


def test_one_node_may_feed_an_array_and_nothing_is_lost_of_its_neighbours() -> None:
    to = targets([[0, 3], [1]], [False, False], {}, [True, False])
    batch = sample_batch(np.array([0, 1]), [data([1.0, 2.0]), data(5.0)], to, NOW, MONO)
    assert batch.slot.tolist() == [0, 3, 1]
    assert {row: a.tolist() for row, a in batch.array.items()} == {0: [1.0, 2.0], 1: [1.0, 2.0]}
    assert batch.value.tolist()[2] == 5.0
