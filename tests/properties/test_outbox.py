"""Every notice is accounted for, whatever comes: delivered, waiting, merged, over, or dropped by a reason."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms import outbox
from armillary.alarms.outbox import Outbox
from armillary.model.clock import NS
from armillary.model.notice import Notice, Receiver

STEP = st.sampled_from(["put", "put", "quiet put", "due", "quiet due", "deliver", "refuse", "restart"])


def grouped(receiver: Receiver, notices: object, now_ns: int, mono: int) -> Notice:
    return Notice(id=f"g{mono}", kind="group", receiver=receiver.name, title="many", text="many", t_ns=now_ns)


@given(
    steps=st.lists(st.tuples(STEP, st.integers(0, 400), st.integers(1, 4)), max_size=120),
    most=st.integers(2, 6),
)
@settings(max_examples=60)
def test_every_notice_is_accounted_for(steps: list[tuple[str, int, int]], most: int) -> None:
    receiver = Receiver(name="r", kind="k", url="", group_over=3, group_s=120.0, per_hour=8)
    before, outbox.MOST = outbox.MOST, most
    try:
        box, mono = Outbox(receiver, grouped), 0
        for number, (what, seconds, priority) in enumerate(steps):
            mono += seconds * NS
            if what in ("put", "quiet put"):
                notice = Notice(
                    id=str(number),
                    kind="raised",
                    receiver="r",
                    title="t",
                    text="t",
                    priority=priority,
                    t_ns=mono,
                )
                box.put(notice, mono, is_quiet=what == "quiet put")
            elif what in ("due", "quiet due"):
                box.due(mono, mono, is_quiet=what == "quiet due", still=lambda n: len(n.id) % 2 == 0)
            elif what == "restart":
                kept, box = box.dump(), Outbox(receiver, grouped)
                box.load(kept, mono, mono)
            elif (waiting := box.next()) is not None:
                if what == "deliver":
                    box.delivered(waiting, mono, mono)
                else:
                    box.refused(waiting, "no")
            assert box.balanced, (number, what, box.counts, box.waiting)
            assert max(len(box.queue), len(box.held), len(box.gathered)) <= most
    finally:
        outbox.MOST = before


def test_notice_that_arrives_after_it_was_given_up_counts_as_delivered() -> None:
    before, outbox.MOST = outbox.MOST, 1
    try:
        box = Outbox(Receiver(name="r", kind="k", url=""), grouped)
        notices = [Notice(id=str(i), kind="raised", receiver="r", title="t", text="t") for i in range(2)]
        box.put(notices[0], 0, is_quiet=False)
        sending = box.next()
        assert sending is not None
        box.put(notices[1], 0, is_quiet=False)
        assert dict(box.dropped) == {"overflow": 1}
        box.delivered(sending, 0, 0)
        assert (box.counts["delivered"], dict(box.dropped), box.balanced) == (1, {}, True)
    finally:
        outbox.MOST = before
