"""The tree of topics: what is shown of them, storms, and payloads that mean harm."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import pytest

from armillary.api import RETAINED, WireBatch
from armillary_plugins.mqtt.topics import HEAD, MOST_BYTES, TopicStore, seen

S = 1_000_000_000


def batch(
    messages: list[tuple[str, bytes]], at_s: float = 1.0, known: tuple[str, ...] = (), retained: bool = False
) -> WireBatch:
    names = list(known) + [t for t in dict.fromkeys(topic for topic, _ in messages) if t not in known]
    number: Mapping[str, int] = {name: i for i, name in enumerate(names)}
    starts = np.cumsum([0, *(len(p) for _, p in messages)])
    n, at = len(messages), int(at_s * S)
    return WireBatch(
        link="m",
        channel=np.array([number[t] for t, _ in messages], np.uint32),
        channels=tuple(names),
        start=starts.astype(np.int64),
        payload=b"".join(p for _, p in messages),
        arrival_ns=np.full(n, at),
        arrival_mono_ns=np.full(n, at),
        flags=np.full(n, RETAINED if retained else 0, np.uint8),
    )


def test_topics_are_a_tree_with_kind_size_age_and_decoder() -> None:
    store = TopicStore()
    store.take(batch([("a/b", b'{"v":1}'), ("a/c/d", b"2.5"), ("a", b"on")], retained=True))
    [a] = store.level("", 10, 4 * S)
    assert (a.address, a.data_type, a.value, a.has_children, a.retained) == ("a", "bool", "on", True, True)
    assert (a.age_s, a.size, a.decoder) == (3.0, 2, "raw")
    b, c = store.level("a", 10, 4 * S)
    assert (b.address, b.data_type, b.has_children, b.decoder) == ("a/b", "object", True, "json")
    assert (c.address, c.kind, c.value) == ("a/c", "Object", "1 below")
    [field] = store.level("a/b", 10, 4 * S)
    assert (field.address, field.data_type, field.value) == ("a/b#v", "number", "1")


def test_rate_counts_what_is_live_and_not_what_is_retained() -> None:
    store = TopicStore()
    store.take(batch([("a", b"1")], 1.0, retained=True))
    assert math.isnan(store.level("", 1, 2 * S)[0].rate_hz)  # not known yet
    for second in range(2, 6):
        store.take(batch([("a", b"1")] * 10, float(second), known=store.names))
    [a] = store.level("", 10, 6 * S)
    assert a.rate_hz == pytest.approx(10.0, rel=0.4)
    assert not a.retained


def test_text_that_is_one_of_few_words_is_an_enum() -> None:
    store = TopicStore()
    for i in range(24):
        store.take(batch([("mode", (b"auto", b"manual")[i % 2])], float(i), known=store.names))
    [mode] = store.level("", 10, 30 * S)
    assert (mode.data_type, mode.states) == ("enum", ((0.0, "auto"), (1.0, "manual")))


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "binary"),
        (b"\x00\x01\x02", "binary"),
        (b"[" * 5000, "text"),
        (b'{"a":' * 3000, "text"),
        (b'{"a": NaN, "b": 1e999}', "object"),
        (b"9" * 5000, "number"),
        (b'{"n": ' + b"9" * 5000 + b"}", "text"),
        (b'{"' + b"x" * 20_000 + b'": 1}', "object"),
        ('"Ä' + "ø" * 9000 + '"', "text"),
        (b'{"a":"\\ud800"}', "object"),
        (b"1e5", "number"),
        (b"ON", "bool"),
    ],
)
def test_hostile_payload_is_shown_cut_and_harms_nobody(payload: bytes | str, kind: str) -> None:
    data = payload.encode() if isinstance(payload, str) else payload
    store = TopicStore()
    store.take(batch([("t", data)]))
    [item] = store.level("", 10, 2 * S)
    assert item.data_type == kind
    assert len(item.value) <= 210
    for field in store.level("t", 500, 2 * S):
        assert len(field.value) <= 200
        field.value.encode()  # it travels


def test_sparkplug_is_told_and_not_read() -> None:
    assert seen("spBv1.0/g/DDATA/n/d", b"\x08\x01", 2)[0] == "sparkplug"


def test_fields_of_a_list_have_numbers_and_open() -> None:
    store = TopicStore()
    store.take(batch([("t", json.dumps([{"n": "temp", "v": 1, "unit": "bar"}]).encode())]))
    [first] = store.level("t", 10, 2 * S)
    assert (first.address, first.data_type, first.has_children) == ("t#[0]", "object", True)
    fields = {f.address: f.unit for f in store.level("t#[0]", 10, 2 * S)}
    assert fields == {"t#[0].n": "", "t#[0].v": "bar", "t#[0].unit": ""}


def test_storm_of_100_000_topics_is_bounded_and_paged() -> None:
    store = TopicStore()
    names = tuple(f"plant/line{i % 100}/cell{i}" for i in range(100_000))
    n = len(names)
    payload = b'{"v":1.25,"pad":"' + b"x" * 600 + b'"}'
    for begin in range(0, n, 10_000):
        part = names[: begin + 10_000]
        store.take(
            WireBatch(
                link="m",
                channel=np.arange(begin, begin + 10_000, dtype=np.uint32),
                channels=part,
                start=np.arange(10_001, dtype=np.int64) * len(payload),
                payload=payload * 10_000,
                arrival_ns=np.full(10_000, S),
                arrival_mono_ns=np.full(10_000, S),
                flags=np.zeros(10_000, np.uint8),
            )
        )
    assert store._bytes <= MOST_BYTES + 256 * n
    lines = store.level("plant", 50, 2 * S)
    assert len(lines) == 50
    assert lines[0].value == "1000 below"
    assert len(store.level("plant/line7", 200, 2 * S)) == 200
    found, end, hits = [], 0, 0
    while end < n:
        found, end = store.find(("line7/", "cell99"), end, 1000, 2 * S)
        hits += len(found)
    assert hits == sum("line7/" in name and "cell99" in name for name in names)
    assert HEAD * 4 < MOST_BYTES
