"""Both laws in every frame of the demo's LIVE world, while its broker dies: MQTT and OPC UA at once."""

from __future__ import annotations

import os
import signal

import pytest
from following import Follower
from stations import Station, until

pytestmark = pytest.mark.system


def test_the_laws_hold_in_every_frame_of_the_demo_while_its_broker_dies(station: Station) -> None:
    follower = Follower(station.line.address)

    def received() -> dict[str, int]:
        tally = follower.look().tally
        return {name: each.messages.received for name, each in tally.items()}

    try:
        until(lambda: min(received().values(), default=0) > 5, 40, "data on every link")
        until(lambda: received() and len(follower.frames) > 20, 40, "frames")
        os.kill(station.plant.parts["broker"].pid, signal.SIGKILL)
        until(lambda: received() and "BACKOFF" in {s.state for s in follower.links}, 40, "a lost link")
        before = sum(received().values())
        until(lambda: sum(received().values()) > before + 5, 40, "the others go on")
    finally:
        follower.line.close()
    tallies = [(name, tally) for frame in follower.frames for name, tally in frame.tally.items()]
    assert len(tallies) >= 10
    for name, tally in tallies:
        assert tally.holds, (name, tally)
