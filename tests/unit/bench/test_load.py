"""The load of the desk bench: every message is counted, and what each tag must show at the end is known."""

from __future__ import annotations

import json

import pytest

from armillary_bench.load import last_values, packet, pieces, value_of


def read(stream: bytes) -> list[tuple[str, float]]:
    """Return (topic, value) of each PUBLISH in a stream, decoded by the letter of MQTT 3.1.1."""
    out = []
    while stream:
        kind, length = stream[0], stream[1]
        assert kind == 0x30
        assert length < 128
        body, stream = stream[2 : 2 + length], stream[2 + length :]
        topic = 2 + int.from_bytes(body[:2], "big")
        out.append((body[2:topic].decode(), float(json.loads(body[topic:])["v"])))
    return out


def test_a_message_carries_its_value_to_the_topic_of_its_tag() -> None:
    assert read(packet(7_003, 2_000)) == [("bench/1003", value_of(7_003))]


@pytest.mark.parametrize("count", [1, 49, 50, 51, 1_234])
def test_the_pieces_hold_every_message_once_and_in_order(count: int) -> None:
    got = read(b"".join(pieces(count, 20, 5_000)))
    assert got == [(f"bench/{i % 20}", value_of(i)) for i in range(count)]


def test_messages_may_carry_the_time_of_their_source_which_grows_with_each_round() -> None:
    stream = b"".join(pieces(6, 3, 0, 1_790_000_000_000))
    times = [int(part.split(b",")[0]) for part in stream.split(b'{"t":')[1:]]
    assert times == [1_790_000_000_000] * 3 + [1_790_000_000_001] * 3
    assert read(stream) == [(f"bench/{i % 3}", value_of(i)) for i in range(6)]


def test_a_piece_is_what_ten_milliseconds_bring() -> None:
    assert len(read(pieces(1_000, 20, 5_000)[0])) == 50
    assert len(read(pieces(3, 20, 10)[0])) == 1


@pytest.mark.parametrize("count", [20, 21, 39, 40, 1_007])
def test_the_last_value_of_each_tag_is_what_was_sent_last(count: int) -> None:
    kept: dict[str, float] = dict(read(b"".join(pieces(count, 20, 5_000))))
    assert last_values(count, 20) == [kept[f"bench/{tag}"] for tag in range(20)]


def test_too_few_messages_for_all_tags_are_refused() -> None:
    with pytest.raises(ValueError, match="do not reach"):
        last_values(19, 20)
