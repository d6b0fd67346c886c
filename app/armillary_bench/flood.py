"""A full inbox: what it costs to put a message into one, beside a plain bounded queue."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from armillary.model.sample import WireBatch
from armillary.telemetry.inbox import MAX_MESSAGES, Inbox
from armillary_bench.figure import figure

MESSAGES, BATCH, TOPICS, GUARDED, ROUNDS = 500_000, 500, 20_000, 20, 5
BAR = 6.0  # × a queue that knows no topics and keeps no books
SEED = 1


def _batches() -> list[WireBatch]:
    """Return batches of half a second at 1,000 messages each: random topics, payloads of 29 bytes."""
    rng = np.random.default_rng(SEED)
    channels = tuple(f"bench/{i}" for i in range(TOPICS))
    payload = b'{"v":12345,"t":1750000000000}'
    return [
        WireBatch(
            link="m",
            channel=rng.integers(0, TOPICS, BATCH).astype(np.uint32),
            channels=channels,
            start=np.arange(BATCH + 1, dtype=np.int64) * len(payload),
            payload=payload * BATCH,
            arrival_ns=np.arange(BATCH) + at * BATCH,
            arrival_mono_ns=np.full(BATCH, at + 1),
            flags=np.zeros(BATCH, np.uint8),
        )
        for at in range(MESSAGES // BATCH)
    ]


def _put(batches: list[WireBatch]) -> float:
    """Return µs of CPU a message of an inbox that nobody empties. Raises AssertionError for a lost one."""
    inbox = Inbox(["m"])
    inbox.guard("m", frozenset(f"bench/{i}" for i in range(GUARDED)), frozenset())
    before = time.process_time()
    for batch in batches:
        inbox.put("m", batch)
    spent = time.process_time() - before
    _check(inbox, batches)
    return spent / MESSAGES * 1e6


def _check(inbox: Inbox, batches: list[WireBatch]) -> None:
    flow = inbox.tally()["m"].messages
    if not flow.balanced or flow.received != MESSAGES or set(flow.dropped) != {"inbox_full"}:
        raise AssertionError(f"messages were not counted: {flow}")
    left = [batch for batch in inbox.take()["m"] if isinstance(batch, WireBatch)]
    topic = np.concatenate([batch.channel for batch in left])
    newest = {int(c): int(t) for b in batches for c, t in zip(b.channel, b.arrival_ns, strict=True)}
    kept = {int(c): int(t) for b in left for c, t in zip(b.channel, b.arrival_ns, strict=True)}
    if kept != newest:
        raise AssertionError("a topic lost its newest message")
    counted = sum(int(np.count_nonzero(batch.channel < GUARDED)) for batch in batches)
    if int(np.count_nonzero(topic < GUARDED)) != counted or inbox.take_lost():
        raise AssertionError("a counted topic lost a message while others could yield")


def _peer(batches: list[WireBatch]) -> float:
    """Return µs of CPU a message of a plain bounded queue: one by one, the oldest goes whatever its topic."""
    queue: deque[tuple[int, bytes]] = deque(maxlen=MAX_MESSAGES)
    before = time.process_time()
    for batch in batches:
        payload, starts = batch.payload, batch.start.tolist()
        for topic, begin, end in zip(batch.channel.tolist(), starts[:-1], starts[1:], strict=True):
            queue.append((topic, payload[begin:end]))
    spent = time.process_time() - before
    if len(queue) != MAX_MESSAGES:
        raise AssertionError("the plain queue was not filled")
    return spent / MESSAGES * 1e6


def benches() -> list[dict[str, object]]:
    """Return the figure of a flood: half a million messages into a queue of 65,536 that nobody empties."""
    batches = _batches()
    turns = [(_put(batches), _peer(batches)) for _ in range(ROUNDS)]
    ours, peer = (min(side) for side in zip(*turns, strict=True))
    work = (
        f"{MESSAGES} messages on {TOPICS} topics, {BATCH} at a time: all counted, every topic's newest kept, "
        f"none of {GUARDED} counted topics lost; the peer keeps the last {MAX_MESSAGES} of any topic"
    )
    return [
        figure(
            "inbox_full_per_message",
            ours,
            "µs",
            against="a deque of as many, message by message",
            against_value=peer,
            bar=BAR,
            work=work,
        )
    ]
