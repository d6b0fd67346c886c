"""Row 22 of the fault matrix, what a flood takes first and last: counted topics, their alarm, one alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fault_rig import Hose, Watchmaker, ended, packets, received, up
from faultlog import note

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import U1
from armillary.model.link import OVERLOADED, LinkState, link_alarm
from armillary.model.sample import SampleBatch, taken
from armillary.model.tags import TagSpec
from armillary.twin import state
from armillary.world.guarding import guard, guarded

TAGS = [TagSpec(slot=i, name=f"t{i}", link="m", address=f"f/{i}#v", time_path="t") for i in range(4)]
COUNTED = 3
ALARM = AlarmSpec(id="HOT", slot=COUNTED, tag="t3", kind="count", limit=85.0, count=5, priority=1)


class Counted:
    """What reached the alarms of a rig: every reading, as the core gives them."""

    def __init__(self, rig: Any) -> None:
        self.rig, self.values = rig, [np.zeros(0)]
        self.alarms = Evaluator((ALARM,), TAGS)
        guard(rig.inbox, rig.plans, guarded((ALARM,), TAGS))
        self._settle, rig.intake.settle = rig.intake.settle, self.settle
        self.lost = 0

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        self._settle(batch, outcome)
        self.values.append(batch.value[batch.slot == COUNTED])
        rig = self.rig
        if len(lost := rig.intake.take_lost()):
            assert lost.tolist() == [COUNTED]
            self.lost += 1
            self.alarms.lost(lost)
        readings = taken(batch, np.flatnonzero(outcome < state.LATE))
        self.alarms.look(rig.table, readings, rig.clock.now_ns(), rig.clock.now_mono_ns())

    def seen(self) -> list[float]:
        return np.concatenate(self.values).tolist()

    def active(self) -> bool:
        return self.alarms.states()[0].active


def body(value: float, time_us: int) -> bytes:
    return b'{"v":%g,"t":%d}' % (value, time_us)


@pytest.mark.parametrize("client", ["own", "paho"])
async def test_row_22_a_flood_leaves_what_is_counted_whole(broker: Any, make_rig: Any, client: str) -> None:
    rig = await up(make_rig, broker.port, TAGS)
    counted = Counted(rig)
    rig.inbox._max_messages = 500
    count = 40_000 if client == "own" else 10_000
    now_us = rig.clock.now_ns() // 1_000
    parts, sent = [], []
    for i in range(count):
        topic = COUNTED if i % 200 == 0 else i % 3
        if topic == COUNTED:
            sent.append(60.0 + len(sent))
        parts += [packets(b"f/%d" % topic, [body(sent[-1] if topic == COUNTED else i, now_us + i)])]
    hose = Hose(broker.port, b"".join(parts), seconds=0.5, pieces=20)
    await received(rig, count)
    hose.close()
    await rig.until(lambda: rig.inbox.tally()["m"].messages.queued == 0)
    ended(rig, count)
    dropped = sum(rig.inbox.tally()["m"].messages.dropped.values())
    assert counted.seen() == sent  # every one of them, in order
    assert not counted.lost
    assert counted.active()  # its last values are beyond the limit
    if client == "own":
        assert dropped  # else nothing was tried
    note(
        "22",
        f"a flood leaves counted topics whole ({client})",
        None,
        None,
        f"{dropped} of {count:,}, none counted",
    )


async def test_row_22_a_counted_topic_that_floods_by_itself_counts_anew_and_says_so(
    broker: Any, make_rig: Any
) -> None:
    rig = await up(make_rig, broker.port, TAGS)
    counted = Counted(rig)
    now_us = rig.clock.now_ns() // 1_000
    hot = b"".join(packets(b"f/3", [body(90, now_us + i)]) for i in range(5))
    hose = Hose(broker.port, hot)
    await rig.until(counted.active)
    hose.close()
    rig.inbox._max_messages = 500
    count = 20_000
    cold = b"".join(packets(b"f/3", [body(90, now_us + 100 + i)]) for i in range(count))
    watch = Watchmaker(rig)
    hose = Hose(broker.port, cold, seconds=0.2, pieces=4)
    found = await watch.until_state(LinkState.DEGRADED)
    hose.close()
    await received(rig, count + 5)
    await rig.until(lambda: rig.inbox.tally()["m"].messages.queued == 0)
    assert counted.lost
    events = [event.event for event in counted.alarms.take()[1]]
    assert events[:3] == ["RAISE", "UNVERIFIED", "VERIFIED"]  # and never cleared
    assert "CLEAR" not in events
    troubles = rig.links.troubles()
    assert troubles.keys() == {link_alarm("m", OVERLOADED)}
    assert troubles[link_alarm("m", OVERLOADED)].startswith("Link m: more comes than can be kept: receiving ")
    ended(rig, count + 5)
    await rig.until_state(LinkState.UP)  # 5 s after the last one
    assert not rig.links.troubles()
    note(
        "22", "a counted topic floods by itself: unverified, counted anew, one alarm", found, None, "counted"
    )
