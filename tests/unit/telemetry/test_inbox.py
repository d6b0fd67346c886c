from __future__ import annotations

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.sample import SampleBatch, WireBatch, batch_of
from armillary.telemetry.inbox import Inbox

CHANNELS = ("a", "b", "c")


def wire(channels: list[int], payload: bytes = b"x", mono: int = 1) -> WireBatch:
    n = len(channels)
    return WireBatch(
        link="m",
        channel=np.array(channels, np.uint32),
        channels=CHANNELS,
        start=np.arange(n + 1, dtype=np.int64) * len(payload),
        payload=payload * n,
        arrival_ns=np.arange(n, dtype=np.int64),
        arrival_mono_ns=np.full(n, mono, np.int64),
        flags=np.zeros(n, np.uint8),
    )


def samples(slots: list[int]) -> SampleBatch:
    n = len(slots)
    return batch_of(np.array(slots, np.uint32), np.arange(n, dtype=np.float64), np.arange(n) + 1, 1, 1)


def test_batches_come_out_in_order_of_arrival() -> None:
    inbox = Inbox(["m", "n"])
    first, second, third = wire([0]), samples([1]), wire([1])
    for batch in (first, second, third):
        inbox.put("m", batch)
    assert inbox.take() == {"m": [first, second, third]}
    assert inbox.take() == {}


def test_messages_are_queued_until_they_are_reported() -> None:
    inbox = Inbox(["m"])
    inbox.put("m", wire([0, 1, 2]))
    assert inbox.tally()["m"].messages.queued == 3
    inbox.take()
    assert inbox.tally()["m"].messages.queued == 3
    inbox.decoded("m", 2, {"undecodable": 1}, samples=5)
    tally = inbox.tally()["m"]
    assert (tally.messages.received, tally.messages.done, tally.messages.queued) == (3, 2, 0)
    assert tally.messages.balanced
    assert (tally.samples.received, tally.samples.queued) == (5, 5)
    inbox.samples_dropped("m", "implausible_time", 1)
    inbox.settled("m", [1, 1, 1, 1, 0])
    tally = inbox.tally()["m"]
    assert (tally.samples.done, tally.samples.coalesced, tally.samples.late) == (1, 2, 1)
    assert tally.samples.dropped == {"implausible_time": 1, "duplicate": 1}
    assert tally.samples.balanced


def test_when_full_the_oldest_of_each_channel_yields_and_its_newest_stays() -> None:
    inbox = Inbox(["m"], max_messages=10)
    inbox.put("m", wire([2, 0, 0, 0, 0]))
    inbox.put("m", wire([1, 0, 0, 0, 0]))
    inbox.put("m", wire([0, 0]))
    batches = inbox.take()["m"]
    left = [c for b in batches if isinstance(b, WireBatch) for c in b.channel.tolist()]
    assert left == [2, 0, 1, 0, 0, 0, 0, 0, 0]  # three zeros of the oldest batch went
    flow = inbox.tally()["m"].messages
    assert (flow.received, flow.queued, flow.dropped) == (12, 9, {"inbox_full": 3})
    assert flow.balanced


def test_a_cut_batch_keeps_the_payloads_of_the_rows_that_stay() -> None:
    inbox = Inbox(["m"], max_messages=4)
    batch = WireBatch(
        link="m",
        channel=np.array([0, 1, 0, 0, 2], np.uint32),
        channels=CHANNELS,
        start=np.array([0, 1, 3, 6, 10, 15], np.int64),
        payload=b"1" + b"22" + b"333" + b"4444" + b"55555",
        arrival_ns=np.arange(5, dtype=np.int64),
        arrival_mono_ns=np.ones(5, np.int64),
        flags=np.zeros(5, np.uint8),
    )
    inbox.put("m", batch)
    (left,) = inbox.take()["m"]
    assert isinstance(left, WireBatch)
    assert [left.payload[a:b] for a, b in zip(left.start[:-1], left.start[1:], strict=True)] == [
        b"22", b"4444", b"55555"
    ]  # fmt: skip
    assert left.arrival_ns.tolist() == [1, 3, 4]


def test_when_every_channel_is_down_to_its_newest_the_oldest_goes() -> None:
    inbox = Inbox(["m"], max_messages=2)
    inbox.put("m", wire([0, 1, 2]))
    assert inbox.tally()["m"].messages.dropped == {"inbox_full": 2}
    assert inbox.tally()["m"].messages.balanced


def test_what_is_counted_yields_last_of_all() -> None:
    inbox = Inbox(["m"], max_messages=10)
    inbox.guard("m", frozenset({"b"}), frozenset())
    inbox.put("m", wire([1, 1, 1, 1, 0, 2, 2, 1, 0, 1, 0]))
    (left,) = inbox.take()["m"]
    assert isinstance(left, WireBatch)
    assert left.channel.tolist() == [1, 1, 1, 1, 2, 1, 0, 1, 0]  # the oldest of a and of c went
    assert inbox.take_lost() == {}
    inbox.put("m", wire([1, 0, 2, *[1] * 10]))
    (left,) = inbox.take()["m"]
    assert isinstance(left, WireBatch)
    assert left.channel.tolist() == [1] * 9  # the newest of the others before the oldest that is counted
    assert inbox.take_lost() == {"m": (frozenset({"b"}), frozenset())}
    assert inbox.take_lost() == {}


def test_what_is_lost_after_a_take_belongs_to_the_next() -> None:
    inbox = Inbox(["m"], max_messages=5)
    inbox.guard("m", frozenset(), frozenset({7}))
    inbox.put("m", samples([7, 7]))
    inbox.take()
    inbox.put("m", samples([7] * 9))
    assert inbox.take_lost() == {}  # the readings in hand came before the gap
    inbox.take()
    assert inbox.take_lost() == {"m": (frozenset(), frozenset({7}))}


def test_a_cut_keeps_every_channels_newest_over_many_batches() -> None:
    rng = np.random.default_rng(5)
    inbox = Inbox(["m"], max_messages=400)
    newest: dict[int, int] = {}
    for number in range(200):
        channels = rng.integers(0, 3, rng.integers(1, 20)).tolist()
        batch = wire(channels)
        batch.arrival_ns[:] = number * 100 + np.arange(len(channels))
        newest.update(zip(channels, batch.arrival_ns.tolist(), strict=True))
        inbox.put("m", batch)
        assert inbox.tally()["m"].messages.balanced
    left = [b for b in inbox.take()["m"] if isinstance(b, WireBatch)]
    kept = {int(c): int(t) for b in left for c, t in zip(b.channel, b.arrival_ns, strict=True)}
    assert kept == newest
    assert inbox.tally()["m"].messages.dropped["inbox_full"] > 1000


def test_the_lag_is_that_of_the_oldest_message_not_decoded() -> None:
    inbox = Inbox(["m"])
    assert inbox.lag_s(5 * NS) == {"m": 0.0}
    inbox.put("m", wire([0], mono=2 * NS))
    assert inbox.lag_s(5 * NS) == {"m": 3.0}
    inbox.take()
    inbox.put("m", wire([0], mono=4 * NS))
    assert inbox.lag_s(5 * NS) == {"m": 3.0}  # it is in hand, and not done
    inbox.decoded("m", 1, {}, 0)
    assert inbox.lag_s(5 * NS) == {"m": 1.0}


def test_a_reason_that_nobody_knows_is_refused() -> None:
    inbox = Inbox(["m"])
    with pytest.raises(ValueError, match="'odd' is no reason"):
        inbox.drop("m", "odd", 1)
    assert inbox.tally()["m"].messages.received == 0


def test_the_limit_in_bytes_holds_too() -> None:
    inbox = Inbox(["m"], max_bytes=1_000)
    for _ in range(5):
        inbox.put("m", wire([0], b"x" * 300))
    flow = inbox.tally()["m"].messages
    assert flow.queued <= 3
    assert flow.balanced
    assert flow.dropped["inbox_full"] == 5 - flow.queued


def test_typed_samples_yield_by_slot() -> None:
    inbox = Inbox(["m"], max_messages=4)
    inbox.put("m", samples([7, 7, 8]))
    inbox.put("m", samples([8, 9]))
    batches = inbox.take()["m"]
    assert [b.slot.tolist() for b in batches if isinstance(b, SampleBatch)] == [[7], [8, 9]]


@pytest.mark.parametrize(("queued", "room"), [(7, True), (8, False), (10, False)])
def test_there_is_room_below_four_fifths(queued: int, room: bool) -> None:
    inbox = Inbox(["m"], max_messages=10)
    inbox.put("m", wire([0] * queued))
    assert inbox.room("m") is room
    inbox.take()
    assert inbox.room("m")


def test_a_flood_on_one_link_leaves_the_others_alone() -> None:
    inbox = Inbox(["m", "n"], max_messages=10)
    inbox.put("n", wire([0]))
    for _ in range(5):
        inbox.put("m", wire([0] * 9))
    assert inbox.tally()["n"].messages.dropped == {}
    assert inbox.room("n")


def test_after_close_everything_is_counted_and_nothing_kept() -> None:
    inbox = Inbox(["m"])
    inbox.put("m", wire([0, 1]))
    inbox.close()
    inbox.put("m", wire([0]))
    flow = inbox.tally()["m"].messages
    assert flow.dropped == {"after_close": 3}
    assert flow.balanced
    assert inbox.take() == {}


def test_what_a_source_gave_up_is_received_and_dropped() -> None:
    inbox = Inbox(["m"])
    inbox.drop("m", "too_big", 2)
    flow = inbox.tally()["m"].messages
    assert (flow.received, flow.dropped) == (2, {"too_big": 2})


def test_signs_of_life_are_kept_per_link() -> None:
    inbox = Inbox(["m"])
    assert inbox.signs()["m"].arrival_mono_ns == 0
    for i in range(30):
        inbox.put("m", wire([0], mono=1_000 + 10 * i))
    inbox.alive("m", 5_000)
    inbox.alive("m", 4_000)
    sign = inbox.signs()["m"]
    assert (sign.arrival_mono_ns, sign.alive_mono_ns, sign.gap_p99_ns, sign.received) == (
        1_290,
        5_000,
        10,
        30,
    )
    inbox.carrier("m", False, 6_000)
    inbox.carrier("m", False, 7_000)
    assert inbox.signs()["m"].lost_mono_ns == 6_000
    inbox.carrier("m", True, 8_000)
    assert inbox.signs()["m"].lost_mono_ns == 0
    assert inbox.signs()["m"].alive_mono_ns == 8_000
