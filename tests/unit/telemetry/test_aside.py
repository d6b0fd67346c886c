from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import I8
from armillary.model.clock import MS_NS, NS
from armillary.model.link import LinkSpec, Route
from armillary.model.quality import GOOD, STALE, UNCERTAIN
from armillary.model.sample import Aside, SampleBuilder, WireBatch
from armillary.model.tags import TagSpec
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.plan import plans

T_MS = 1_750_000_000_000


def batch(payloads: Sequence[bytes], aside: dict[int, Aside], channels: Sequence[int] = ()) -> WireBatch:
    n = len(payloads)
    start = np.concatenate(([0], np.cumsum([len(p) for p in payloads]))).astype(np.int64)
    return WireBatch(
        link="m",
        channel=np.array(channels or [0] * n, np.uint32),
        channels=("a", "b"),
        start=start,
        payload=b"".join(payloads),
        arrival_ns=np.full(n, T_MS * MS_NS + NS, np.int64),
        arrival_mono_ns=np.full(n, 5 * NS, np.int64),
        flags=np.zeros(n, np.uint8),
        aside=aside,
    )


class Halves:
    """A decoder plugin: half of every number, of its first message with a time of its own."""

    def decode(self, batch: WireBatch, rows: I8, routes: Sequence[Route], into: SampleBuilder) -> None:
        for row in rows.tolist():
            value = float(batch.payload[batch.start[row] : batch.start[row + 1]])
            into.add(row, routes[0].slot, value / 2, 7 if value == 0 else 0)


def intake(decoder: str = "auto") -> tuple[Inbox, Intake]:
    tags = [TagSpec(slot=0, name="t", link="m", address="a", decoder=decoder)]
    inbox = Inbox(["m"])
    its_plans = plans([LinkSpec(name="m", kind="mqtt", url="")], tags)
    return inbox, Intake(its_plans, tags, inbox, {"halves": Halves()})


def test_a_time_and_a_quality_told_besides_are_those_of_the_sample() -> None:
    inbox, it = intake()
    told = {0: Aside(time=str(T_MS), quality=UNCERTAIN), 2: Aside(time="never", quality=STALE)}
    inbox.put("m", batch([b"1", b"2", b"3"], told))
    samples = it.take()
    assert samples.source_ns.tolist() == [T_MS * MS_NS, T_MS * MS_NS + NS, T_MS * MS_NS + NS + 1]
    assert samples.quality.tolist() == [UNCERTAIN, GOOD, STALE]


def test_they_reach_what_a_decoder_plugin_makes_unless_it_has_a_time_of_its_own() -> None:
    inbox, it = intake("halves")
    told = {row: Aside(time=str(T_MS), quality=UNCERTAIN) for row in (0, 1)}
    inbox.put("m", batch([b"0", b"2", b"4"], told))
    samples = it.take()
    assert samples.value.tolist() == [1.0, 2.0]  # the first is of 1970 and refused
    assert samples.source_ns.tolist() == [T_MS * MS_NS, T_MS * MS_NS + NS]
    assert samples.quality.tolist() == [UNCERTAIN, GOOD]


def test_messages_whose_life_ended_in_the_queue_are_dropped_and_counted() -> None:
    inbox, it = intake()
    inbox.put("m", batch([b"1", b"2", b"3"], {1: Aside(until_mono_ns=6 * NS)}))
    samples = it.take(7 * NS)
    assert samples.value.tolist() == [1.0, 3.0]
    messages = inbox.tally()["m"].messages
    assert (messages.done, messages.dropped) == (2, {"expired": 1})
    assert messages.balanced


def test_what_was_told_stays_with_its_message_when_a_full_queue_is_cut() -> None:
    inbox = Inbox(["m"], max_messages=4)
    payloads = [b"%d" % i for i in range(6)]
    inbox.put("m", batch(payloads, {0: Aside(time="0"), 5: Aside(time="5")}, [0, 0, 0, 0, 1, 0]))
    (left,) = inbox.take()["m"]
    assert isinstance(left, WireBatch)
    rows = [left.payload[left.start[i] : left.start[i + 1]] for i in range(len(left))]
    assert rows == [b"3", b"4", b"5"]
    assert left.aside == {2: Aside(time="5")}
