"""Messages that are read together give exactly what each gives alone, whatever stands beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.quality import BAD, DECODE
from armillary.model.sample import WireBatch
from armillary.telemetry.decode import Decoded, Decoding
from armillary.telemetry.together import FEW, MOST_BYTES, merged

NOW = 1_750_000_000_000_000_000
CHANNELS = ("one", "two", "timed", "first", "nobody")
ROUTES = (
    Route(slot=0, tag="a", channel="one", path="v"),
    Route(slot=1, tag="b", channel="two", path="v"),
    Route(slot=2, tag="c", channel="two", path="w"),
    Route(slot=3, tag="d", channel="timed", path="v", time_path="t"),
    Route(slot=4, tag="e", channel="first", path="[0]"),
)
PLAIN = (b'{"v":1}', b'{"v":1,"w":2}', b'{"v":1,"t":1750000000123}', b"[5]", b"{}")


def wire(messages: list[tuple[str, bytes]], first: int = 0) -> WireBatch:
    n = len(messages)
    return WireBatch(
        link="site",
        channel=np.array([CHANNELS.index(name) for name, _ in messages], np.uint32),
        channels=CHANNELS,
        start=np.concatenate(([0], np.cumsum([len(data) for _, data in messages]))).astype(np.int64),
        payload=b"".join(data for _, data in messages),
        arrival_ns=NOW + first + np.arange(n),
        arrival_mono_ns=first + np.arange(n, dtype=np.int64) + 1,
        flags=np.zeros(n, np.uint8),
    )


def learnt() -> Decoding:
    """A decoding that has seen one good message of each channel."""
    it = Decoding(SubscriptionPlan(link=LinkSpec(name="site", kind="mqtt", url="mqtt://x"), routes=ROUTES))
    it.decode([wire(list(zip(CHANNELS, PLAIN, strict=True)))])
    return it


def rows(done: Decoded) -> list[tuple[object, ...]]:
    s = done.samples
    columns = (s.slot, s.source_ns, s.arrival_ns, s.arrival_mono_ns, s.quality, s.flags)
    value = [repr(v) for v in s.value.tolist()]  # NaN is not itself
    return list(zip(*(c.tolist() for c in columns), value, strict=True))


def singly(messages: list[tuple[str, bytes]]) -> tuple[list[tuple[object, ...]], dict[str, int]]:
    """What a decoding gives that is handed one message at a time."""
    it, out, dropped = learnt(), [], dict[str, int]()
    for i, message in enumerate(messages):
        done = it.decode([wire([message], i)])
        out += rows(done)
        for reason, count in done.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return out, dropped


def together(messages: list[tuple[str, bytes]]) -> tuple[list[tuple[object, ...]], dict[str, int]]:
    done = learnt().decode([wire(messages)])
    assert done.messages + sum(done.dropped.values()) == len(messages)
    return rows(done), dict(done.dropped)


GOOD = [("one", b'{"v":%d}' % i) for i in range(2 * FEW)]
TORN = [
    [("one", b'{"v":1},{"v":2}')],  # two in one
    [("one", b'{"v":1},{"v":2}'), ("one", b"")],  # two in one, and none
    [("one", b'{"v":[1'), ("one", b"2]}")],  # one in two
    [("one", b'{"v":[1'), ("one", b"2]}"), ("one", b'{"v":3},{"v":4}')],
    [("one", b'{"v":"'), ("one", b'"}'), ("one", b'{"v":3},7,{"v":4}')],
    [("one", b'{"v":1}]'), ("one", b'[{"v":2}')],  # closes the list and opens it again
    [("one", b'{"v":1} ,'), ("one", b'{"v":2}')],
    [("one", b"")],
    [("one", b"\xff\xfe")],
]


@pytest.mark.parametrize("torn", TORN)
def test_payloads_that_are_no_single_documents_do_not_reach_their_neighbours(
    torn: list[tuple[str, bytes]],
) -> None:
    messages = [*GOOD[:FEW], *torn, *GOOD[FEW:]]
    assert together(messages) == singly(messages)


def test_what_is_no_number_is_bad_and_its_neighbours_are_not() -> None:
    messages = [*GOOD, ("one", b'{"v":null}'), ("one", b'{"v":true}'), ("one", b'{"v":1' + b"0" * 309 + b"}")]
    got, dropped = together(messages)
    assert (got, dropped) == singly(messages)
    assert [quality for *_, quality, _, _ in got] == [0] * len(GOOD) + [BAD | DECODE] * 3


def test_a_channel_that_was_odd_is_read_alone_and_the_others_still_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = learnt()
    it.decode([wire([*GOOD, ("two", b'{"v":NaN,"w":1}')])])
    alone: list[int] = []
    before = it._one_by_one

    def watched(batch: WireBatch, base: int, heap: object, rows: object = None) -> None:
        alone.append(len(batch) if rows is None else len(rows))  # type: ignore[arg-type]
        before(batch, base, heap, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(it, "_one_by_one", watched)
    messages = [*GOOD, ("two", b'{"v":NaN,"w":1}')]
    assert rows(it.decode([wire(messages)])) == singly(messages)[0]
    assert alone == [1]


def test_deep_documents_are_still_refused() -> None:
    deep = b'{"v":1,"x":' + b"[" * 70 + b"]" * 70 + b"}"
    messages = [*GOOD, ("one", deep)]
    got, dropped = together(messages)
    assert (got, dropped) == singly(messages)
    assert dropped == {"undecodable": 1}


def test_batches_are_read_as_one_and_stay_in_order() -> None:
    messages = [("two", b'{"v":%d,"w":%d}' % (i, -i)) for i in range(3 * FEW)]
    parts = [wire(messages[at : at + FEW], at) for at in range(0, len(messages), FEW)]
    parts = [replace(part, channels=parts[0].channels) for part in parts]
    assert len(merged(parts)) == 1
    assert rows(learnt().decode(parts)) == singly(messages)[0]


def test_batches_that_tell_more_or_are_large_or_of_other_topics_are_left_alone() -> None:
    plain = [wire(GOOD), wire(GOOD)]
    telling = replace(wire(GOOD), content=np.zeros(len(GOOD), np.uint8), contents=("",))
    other = replace(wire(GOOD), channels=(*CHANNELS, "new"))
    large = wire([("one", b" " * (MOST_BYTES - 10) + b"1")])
    found = merged([*plain, telling, *plain, other, large, *plain])
    assert [len(batch) for batch in found] == [32, 16, 32, 16, 1, 32]
    assert b"".join(batch.payload for batch in found) == b"".join(
        batch.payload for batch in [*plain, telling, *plain, other, large, *plain]
    )


fragments = st.sampled_from(
    [*PLAIN, b'{"v":1', b"}", b"]", b"[", b",", b'"', b"", b'{"v":"x"}', b'{"v":1.5,"w":-0.0,"t":1e400}',
     b'{"w":1}', b"7", b"null", b' {"v":3} ', b'{"v":1e999}', b'{"v":2,"t":"2025-06-15T15:06:40Z"}', b"\x81"]
)  # fmt: skip
message = st.tuples(st.sampled_from(CHANNELS), st.lists(fragments, min_size=1, max_size=3).map(b"".join))


@settings(max_examples=150, deadline=None)
@given(st.lists(message, min_size=FEW, max_size=4 * FEW))
def test_read_together_or_singly_any_messages_give_the_same(messages: list[tuple[str, bytes]]) -> None:
    assert together(messages) == singly(messages)
