"""A world of an area that hangs is ended by its standby, which takes over: nothing lost, nothing double."""

from __future__ import annotations

import os
import signal

import pytest
from faultlog import note
from shared_out import Publisher, Shared
from stations import CLOCK, until
from test_areas import broker, shared
from tests.plugins.mqtt.conftest import Broker

from armillary.alarms.system import area_alarm
from armillary.model.clock import NS

pytestmark = pytest.mark.scale
PROMISED_S = 20.0  # 10 s without a heartbeat, then the takeover
__all__ = ["broker", "shared"]


def test_a_hanging_area_is_ended_and_taken_over(shared: Shared, broker: Broker) -> None:
    shared.start("standby", "world.live", area="north", standby=True).ready(30)
    until(lambda: shared.is_up("north") and shared.is_up("south"), 20, "both are up")
    publisher = Publisher(broker.port)
    tags = tuple(publisher.sent)
    try:
        until(lambda: len(publisher.sent["north.t0"]) > 60, 20, "messages flow")
        os.kill(shared.children["north"].pid, signal.SIGSTOP)
        stopped = CLOCK.now_mono_ns()
        until(lambda: not shared.children["north"].alive, 40, "it is ended")
        until(lambda: shared.run_of("north") is not None and shared.is_up("north"), 20, "taken over")
        took_s = (CLOCK.now_mono_ns() - stopped) / NS
    finally:
        publisher.end()
    alarm = area_alarm("north")  # told by the world that lives, and over
    assert _told(shared, alarm)[:1] == ["RAISE"]
    until(lambda: "CLEAR" in _told(shared, alarm), 20, "the alarm is over")
    wanted = {tag: sorted(values) for tag, values in publisher.sent.items()}
    until(lambda: shared.stored(tags) == wanted, 30, "all is stored", every_s=0.5)
    note("area", "world of an area hangs (SIGSTOP), a standby ends it and takes over", took_s, PROMISED_S)


def _told(shared: Shared, alarm: str) -> list[str]:
    """Return what the other area's world told of an alarm, in order."""
    return [str(e.event) for e in shared.welcome("south").frame.alarm_events if e.id == alarm]
