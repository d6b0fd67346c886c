from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.quality import BAD, CONFIG, DECODE, GOOD
from armillary.model.sample import RETAINED, SOURCE_TIME_ASSUMED, Aside, SampleBuilder, WireBatch
from armillary.telemetry.decode import Decoded, Decoding

NOW = 1_750_000_000_000_000_000
UNREADABLE = BAD | DECODE


def wire(*messages: tuple[str, bytes], flags: int = 0) -> WireBatch:
    channels = tuple(dict.fromkeys(name for name, _ in messages))
    sizes = [len(payload) for _, payload in messages]
    n = len(messages)
    return WireBatch(
        link="site",
        channel=np.array([channels.index(name) for name, _ in messages], np.uint32),
        channels=channels,
        start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        payload=b"".join(payload for _, payload in messages),
        arrival_ns=np.full(n, NOW),
        arrival_mono_ns=np.arange(n, dtype=np.int64) + 1,
        flags=np.full(n, flags, np.uint8),
    )


def decoding(*routes: Route, decoders: dict[str, object] | None = None) -> Decoding:
    link = LinkSpec(name="site", kind="mqtt", url="mqtt://127.0.0.1")
    return Decoding(SubscriptionPlan(link=link, routes=routes), decoders)  # type: ignore[arg-type]


def route(slot: int, channel: str, path: str = "", **more: object) -> Route:
    return Route(slot=slot, tag=f"t{slot}", channel=channel, path=path, **more)  # type: ignore[arg-type]


def table(done: Decoded) -> list[tuple[int, float, int]]:
    s = done.samples
    return list(zip(s.slot.tolist(), s.value.tolist(), s.quality.tolist(), strict=True))


def law(done: Decoded, received: int) -> None:
    assert received == done.messages + sum(done.dropped.values())


def test_one_document_feeds_all_its_tags_with_its_own_time() -> None:
    it = decoding(route(0, "p", "c", time_path="t"), route(1, "p", "rms", time_path="t"))
    for _ in range(2):  # the first message of a channel goes the long way, the second the short one
        done = it.decode([wire(("p", b'{"t":1750000000123,"c":86.4,"rms":2}'))])
        assert table(done) == [(0, 86.4, GOOD), (1, 2.0, GOOD)]
        assert done.samples.source_ns.tolist() == [1_750_000_000_123_000_000] * 2
        assert done.samples.flags.tolist() == [0, 0]
        law(done, 1)
    assert it.time_units == {"p": "ms"}


def test_a_payload_without_time_takes_the_arrival_and_says_so() -> None:
    done = decoding(route(0, "p", "c", time_path="t")).decode([wire(("p", b'{"c":1}'), ("p", b'{"c":2}'))])
    assert done.samples.source_ns.tolist() == [NOW, NOW]
    assert done.samples.flags.tolist() == [SOURCE_TIME_ASSUMED] * 2


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (b"1750000000", 1_750_000_000_000_000_000),
        (b"1750000000.25", 1_750_000_000_250_000_000),
        (b"1750000000250", 1_750_000_000_250_000_000),
        (b"1750000000250000", 1_750_000_000_250_000_000),
        (b"1750000000250000001", 1_750_000_000_250_000_001),
        (b'"2025-06-15T15:06:40.250Z"', 1_750_000_000_250_000_000),
        (b'"2025-06-15T17:06:40.25+02:00"', 1_750_000_000_250_000_000),
        (b'"1750000000"', 1_750_000_000_000_000_000),
        (b'"2025-06-15T15:06:40"', NOW),  # no zone: not guessed
        (b'"yesterday"', NOW),
        (b"null", NOW),
        (b"true", NOW),
    ],
)
def test_times_are_read_in_every_usual_form(time: bytes, expected: int) -> None:
    it = decoding(route(0, "p", "v", time_path="t"))
    payload = b'{"v":1,"t":' + time + b"}"
    done = it.decode([wire(("p", payload), ("p", payload))])
    assert done.samples.source_ns.tolist() == [expected, expected]


@pytest.mark.parametrize(
    "bad", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"null", b'"ERR7"', b"[1]", b"true", b"{}"]
)
def test_one_impossible_field_is_bad_and_the_others_are_kept(bad: bytes) -> None:
    it = decoding(route(0, "p", "a"), route(1, "p", "b"))
    payload = b'{"a":' + bad + b',"b":2.5}'
    done = it.decode([wire(("p", payload), ("p", b'{"a":1,"b":2}'), ("p", payload))])
    assert done.samples.quality.tolist() == [UNREADABLE, GOOD, GOOD, GOOD, UNREADABLE, GOOD]
    assert done.samples.value[[1, 2, 3, 5]].tolist() == [2.5, 1.0, 2.0, 2.5]
    assert math.isnan(done.samples.value[0])
    law(done, 3)
    assert done.messages == 3
    assert not it.quarantine


def test_an_absent_field_keeps_its_value() -> None:
    it = decoding(route(0, "p", "a"), route(1, "p", "b"))
    done = it.decode([wire(("p", b'{"a":1,"b":2}'), ("p", b'{"b":3}'), ("p", b"{}"))])
    assert table(done) == [(0, 1.0, GOOD), (1, 2.0, GOOD), (1, 3.0, GOOD)]
    assert done.messages == 3


def test_a_payload_that_is_not_json_is_quarantined_and_its_tags_turn_bad() -> None:
    it = decoding(route(0, "p", "a"), route(1, "q", "a"))
    done = it.decode([wire(("p", b'{"a":1}'), ("p", b'{"a":1,,}'), ("q", b'{"a":4}'))])
    assert done.samples.quality.tolist() == [GOOD, UNREADABLE, GOOD]
    assert (done.messages, done.dropped) == (2, {"undecodable": 1})
    kept = it.quarantine[0]
    assert (kept.link, kept.channel, kept.head) == ("site", "p", b'{"a":1,,}')
    assert (kept.offset, kept.reason) == (7, "not JSON at byte 7")


def test_the_quarantine_is_bounded() -> None:
    it = decoding(route(0, "p", "a"))
    it.decode([wire(*[("p", b"x" * 10_000)] * 300)])
    assert len(it.quarantine) == 100
    assert len(it.quarantine[-1].head) == 4096
    assert it.quarantine[-1].size == 10_000


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[" * 100_000, "too deep"),
        (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", "too deep"),
        (json.dumps({f"k{i}": i for i in range(10_001)}).encode(), "too many fields"),
        (b'{"a":"' + b"x" * (1024 * 1024) + b'"}', "too big"),
        (b'{"a":"\xff\xfe"}', "not UTF-8"),
        (b"", "not JSON at byte 0"),
    ],
)
def test_a_hostile_payload_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    it = decoding(route(0, "p", "a"))
    it.decode([wire(("p", b'{"a":1}'))])
    done = it.decode([wire(("p", payload), ("p", b'{"a":2}'))])
    assert done.dropped == {"undecodable": 1}
    assert it.quarantine[0].reason.startswith(reason)
    assert done.samples.value[-1] == 2.0


def test_brackets_in_a_string_are_no_depth() -> None:
    payload = json.dumps({"a": 1, "s": "[{" * 200}).encode()
    done = decoding(route(0, "p", "a")).decode([wire(("p", payload))])
    assert table(done) == [(0, 1.0, GOOD)]


def test_a_message_that_no_tag_wants_is_counted_as_filtered() -> None:
    done = decoding(route(0, "p", "a")).decode([wire(("other", b"{}"), ("p", b'{"a":1}'))])
    assert (done.messages, done.dropped) == (1, {"filtered": 1})


@pytest.mark.parametrize(
    ("payload", "kind", "expected"),
    [
        (b"12.5", "number", (12.5, GOOD)),
        (b" -3e2\n", "number", (-300.0, GOOD)),
        (b"12,5", "number", (None, UNREADABLE)),
        (b"1_000", "number", (None, UNREADABLE)),
        (b"nan", "number", (None, UNREADABLE)),
        (b"ON", "number", (None, UNREADABLE)),
        (b"ON", "bool", (1.0, GOOD)),
        (b"closed", "bool", (0.0, GOOD)),
        (b"0", "bool", (0.0, GOOD)),
        (b"maybe", "bool", (None, UNREADABLE)),
        (b"Ramp up", "enum", (7.0, GOOD)),
        (b"3", "enum", (3.0, GOOD)),
        (b'{"a":1}', "number", (None, UNREADABLE)),  # auto: a document where a value was asked for
        (b"", "number", (None, UNREADABLE)),
    ],
)
def test_a_bare_value_is_read_by_its_kind(
    payload: bytes, kind: str, expected: tuple[float | None, int]
) -> None:
    it = decoding(route(0, "p", kind=kind, states=((7.0, "ramp up"),) if kind == "enum" else ()))
    slot, value, quality = table(it.decode([wire(("p", payload))]))[0]
    assert (None if math.isnan(value) else value, quality) == expected
    assert slot == 0


def test_bool_enum_and_text_come_out_of_a_document_beside_numbers() -> None:
    it = decoding(
        route(0, "p", "run", kind="bool"),
        route(1, "p", "mode", kind="enum", states=((2.0, "auto"),)),
        route(2, "p", "msg", kind="text"),
        route(3, "p", "all", kind="struct"),
        route(4, "p", "x"),
    )
    done = it.decode([wire(("p", b'{"run":true,"mode":"Auto","msg":"ok","all":{"b":[1]},"x":5}'))])
    assert done.samples.value[[0, 1, 4]].tolist() == [1.0, 2.0, 5.0]
    assert done.samples.text == {2: "ok", 3: '{"b":[1]}'}
    assert done.samples.quality.tolist() == [GOOD] * 5


def test_a_raw_text_is_kept_as_it_came() -> None:
    done = decoding(route(0, "p", kind="text")).decode([wire(("p", b"filling 3"))])
    assert done.samples.text == {0: "filling 3"}


def test_the_channel_table_may_grow_and_start_anew() -> None:
    it = decoding(route(0, "a", decoder="raw"), route(1, "b", decoder="raw"))
    assert table(it.decode([wire(("a", b"1")), wire(("a", b"2"), ("b", b"3"))])) == [
        (0, 1.0, GOOD), (0, 2.0, GOOD), (1, 3.0, GOOD)
    ]  # fmt: skip
    assert table(it.decode([wire(("b", b"4"), ("a", b"5"))])) == [(1, 4.0, GOOD), (0, 5.0, GOOD)]


def test_a_retained_flag_reaches_the_sample() -> None:
    done = decoding(route(0, "p", "a")).decode([wire(("p", b'{"a":1}'), flags=RETAINED)])
    assert done.samples.flags.tolist() == [RETAINED | SOURCE_TIME_ASSUMED]


class Halves:
    """A decoder plugin: a byte is twice its value."""

    def decode(self, batch: WireBatch, rows: object, routes: Sequence[Route], into: SampleBuilder) -> None:
        for row in np.asarray(rows).tolist():
            data = batch.payload[batch.start[row] : batch.start[row + 1]]
            if len(data) != 1:
                into.reject(row, "one byte is expected")
            else:
                into.add(row, routes[0].slot, data[0] / 2)


class Breaks:
    def decode(self, batch: WireBatch, rows: object, routes: Sequence[Route], into: SampleBuilder) -> None:
        raise RuntimeError("boom")


def test_a_plugin_decodes_its_channels_and_its_rejects_are_counted() -> None:
    it = decoding(route(0, "p", decoder="halves"), route(1, "q", "a"), decoders={"halves": Halves()})
    done = it.decode([wire(("p", b"\x05"), ("q", b'{"a":1}'), ("p", b"xx"))])
    assert done.dropped == {"undecodable": 1}
    assert sorted(done.samples.slot.tolist()) == [0, 0, 1]
    assert it.quarantine[0].reason == "one byte is expected"
    law(done, 3)


def test_a_plugin_that_raises_rejects_its_rows_and_the_rest_goes_on() -> None:
    it = decoding(route(0, "p", decoder="breaks"), route(1, "q", "a"), decoders={"breaks": Breaks()})
    done = it.decode([wire(("p", b"\x05"), ("q", b'{"a":1}'))])
    assert done.dropped == {"undecodable": 1}
    assert "boom" in it.quarantine[0].reason
    assert 1 in done.samples.slot.tolist()


def test_a_route_that_can_never_be_read_is_a_named_problem_and_the_others_work() -> None:
    it = decoding(
        route(0, "p", "a["),
        route(1, "p", "b"),
        route(2, "p", "c", decoder="cbor"),
        route(3, "p", "d", time_path="t["),
    )
    assert [f.where for f in it.problems] == ["tag t0", "t2", "tag t3"]
    assert table(it.decode([wire(("p", b'{"b":1}'))])) == [(1, 1.0, GOOD)]


def test_nothing_in_gives_nothing_out() -> None:
    done = decoding(route(0, "p")).decode([])
    assert (len(done.samples), done.messages) == (0, 0)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"NaN", "not a number"),
        (b"-Infinity", "not a number: beyond 1e308"),
        (b"1e400", "not a number: beyond 1e308"),
        (b"null", "null"),
        (b'"ERR7"', "text instead of a number: 'ERR7'"),
        (b'"' + b"x" * 100 + b'"', "text instead of a number: '" + "x" * 24 + "…'"),
        (b"[1,2]", "a list instead of a number"),
        (b'{"q":1}', "a group of fields instead of a number"),
        (b"true", "true instead of a number"),
    ],
)
def test_a_bad_field_says_why_and_the_others_say_nothing(bad: bytes, why: str) -> None:
    it = decoding(route(0, "p", "a"), route(1, "p", "b"))
    payload = b'{"a":' + bad + b',"b":2.5}'
    # the first message of a channel goes the long way, the others the short one
    done = it.decode([wire(("p", payload), ("p", payload), ("p", b'{"a":1,"b":2}'), ("p", payload))])
    words = {row: done.samples.why.get(row, "") for row in range(8)}
    assert words == {0: why, 1: "", 2: why, 3: "", 4: "", 5: "", 6: why, 7: ""}


def test_what_cannot_be_read_at_all_says_so_at_each_of_its_tags() -> None:
    done = decoding(route(0, "p", "a"), route(1, "p", "b")).decode([wire(("p", b'{"a":1,,}'))])
    assert done.samples.why == {0: "not JSON at byte 7", 1: "not JSON at byte 7"}


def test_a_bare_text_on_a_number_says_what_came() -> None:
    done = decoding(route(0, "p")).decode([wire(("p", b"ERR7"), ("p", b"12.5"), ("p", b"nan"))])
    assert done.samples.why == {0: "text instead of a number: 'ERR7'", 2: "not a number"}


def test_a_text_that_spells_a_number_is_one_only_where_the_tag_says_so() -> None:
    it = decoding(route(0, "p", "a", coerce=True), route(1, "p", "b"))
    for _ in range(2):
        done = it.decode([wire(("p", b'{"a":" 7.5 ","b":"7.5"}'))])
        assert done.samples.quality.tolist() == [GOOD, UNREADABLE]
        assert done.samples.value[0] == 7.5
    done = it.decode([wire(("p", b'{"a":"7,5","b":1}'), ("p", b'{"a":"inf","b":1}'))])
    assert done.samples.why == {
        0: "text instead of a number: '7,5'", 2: "text instead of a number: 'inf'"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "is_same"),
    [("°C", True), ("Cel", True), ("degC", True), ("K", False), ("kg", False), ("", True), ("?", False)],
)
def test_another_unit_in_the_payload_is_a_conflict_at_the_tag(said: str, is_same: bool) -> None:
    it = decoding(route(0, "p", "v", unit_path="u", unit="°C"), route(1, "p", "w"))
    done = it.decode([wire(("p", json.dumps({"v": 358.0, "u": said, "w": 1}).encode()))])
    assert done.samples.quality.tolist() == [GOOD if is_same else BAD | CONFIG, GOOD]
    expected = {} if is_same else {0: f"unit conflict: it says {said}, °C is expected"}
    assert done.samples.why == expected
    assert not it.decode([wire(("p", b'{"v":1,"w":1}'))]).samples.why  # it says nothing of its unit


def test_a_unit_told_beside_the_payload_is_held_against_all_tags_that_have_one() -> None:
    it = decoding(route(0, "p", "v", unit="°C"), route(1, "p", "w"), route(2, "q", "v", unit="°C"))
    batch = wire(("p", b'{"v":1,"w":2}'), ("q", b'{"v":3}'))
    done = it.decode([batch, replace(batch, aside={0: Aside(unit="K"), 1: Aside(unit="Cel")})])
    assert done.samples.quality.tolist() == [GOOD, GOOD, GOOD, BAD | CONFIG, GOOD, GOOD]
    assert done.samples.why == {3: "unit conflict: it says K, °C is expected"}
