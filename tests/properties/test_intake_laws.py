"""Both conservation laws, at every moment, whatever comes in: floods, junk, foreign slots, wild times."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.link import LinkSpec
from armillary.model.sample import WireBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.plan import plans
from armillary.twin.state import apply

NOW = 1_750_000_000_000_000_000
LINKS = [LinkSpec(name="m", kind="mqtt", url=""), LinkSpec(name="o", kind="opcua", url="")]
TAGS = [
    TagSpec(slot=0, name="a", link="m", address="t/a#v", time_path="t"),
    TagSpec(slot=1, name="b", link="m", address="t/a#w", time_path="t"),
    TagSpec(slot=2, name="c", link="m", address="t/b"),
    TagSpec(slot=3, name="d", link="o", address="nsu=u;s=d"),
]
CHANNELS = ("t/a", "t/b", "t/nobody")
PAYLOADS = [
    b'{"t":1750000000000,"v":1,"w":2}',
    b'{"t":1750000000001,"v":2}',
    b'{"t":1750000000000,"v":NaN,"w":1}',
    b'{"t":5,"v":3,"w":4}',
    b"{}",
    b"junk",
    b"12.5",
    b"",
]
MESSAGE = st.tuples(st.integers(0, 2), st.sampled_from(PAYLOADS), st.sampled_from([0, 1, 2]))
SAMPLE = st.tuples(st.integers(0, 5), st.sampled_from([1.0, 2.0, float("nan")]), st.integers(0, 3))
STEP = st.one_of(
    st.tuples(st.just("wire"), st.lists(MESSAGE, max_size=20)),
    st.tuples(st.just("samples"), st.lists(SAMPLE, max_size=20)),
    st.tuples(st.just("drop"), st.integers(1, 5)),
    st.tuples(st.just("tick"), st.none()),
    st.tuples(st.just("close"), st.none()),
)


def wire(messages: list[tuple[int, bytes, int]]) -> WireBatch:
    n = len(messages)
    sizes = [len(p) for _, p, _ in messages]
    return WireBatch(
        link="m",
        channel=np.array([c for c, _, _ in messages], np.uint32),
        channels=CHANNELS,
        start=np.concatenate(([0], np.cumsum(np.array(sizes, np.int64)))).astype(np.int64),
        payload=b"".join(p for _, p, _ in messages),
        arrival_ns=np.full(n, NOW),
        arrival_mono_ns=np.full(n, 1),
        flags=np.array([f for _, _, f in messages], np.uint8),
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=12))
def test_nothing_is_lost_without_being_counted(steps: list[tuple[str, object]]) -> None:
    inbox = Inbox(["m", "o"], max_messages=25)
    intake, table = Intake(plans(LINKS, TAGS), TAGS, inbox), TagTable(len(TAGS))
    sent = {"m": 0, "o": 0}
    for kind, given_ in steps:
        if kind == "wire":
            inbox.put("m", wire(given_))  # type: ignore[arg-type]
            sent["m"] += len(given_)  # type: ignore[arg-type]
        elif kind == "samples":
            slots, values, ages = zip(*given_, strict=True) if given_ else ((), (), ())  # type: ignore[misc]
            inbox.put(
                "o",
                batch_of(
                    np.array(slots, np.uint32),
                    np.array(values, np.float64),
                    np.array([NOW + a for a in ages], np.int64),
                    NOW,
                    1,
                ),
            )
            sent["o"] += len(slots)
        elif kind == "drop":
            inbox.drop("m", "too_big", given_)  # type: ignore[arg-type]
            sent["m"] += given_  # type: ignore[operator]
        elif kind == "close":
            inbox.close()
        else:
            batch = intake.take()
            law(inbox, sent)
            intake.settle(batch, apply(table, batch).outcome)
        law(inbox, sent)
    batch = intake.take()
    intake.settle(batch, apply(table, batch).outcome)
    law(inbox, sent)
    for tally in inbox.tally().values():
        assert tally.messages.queued == tally.samples.queued == 0


def law(inbox: Inbox, sent: dict[str, int]) -> None:
    for name, tally in inbox.tally().items():
        assert tally.messages.balanced, (name, tally)
        assert tally.samples.balanced, (name, tally)
        assert tally.messages.received == sent[name]
        assert tally.samples.late <= tally.samples.coalesced
