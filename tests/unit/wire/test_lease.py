"""One world an area: the lease is free when its holder is gone, and a holder that hangs is ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from armillary.model.clock import NS, ManualClock
from armillary.wire.lease import HUNG_NS, Lease


def test_a_lease_is_held_by_one_until_it_lets_go(tmp_path: Path) -> None:
    first, second = Lease(tmp_path, "north"), Lease(tmp_path, "north")
    assert first.take()
    assert not second.take()
    assert second.holder() == os.getpid()
    first.release()
    assert second.take()
    second.release()


def test_areas_have_leases_of_their_own(tmp_path: Path) -> None:
    north, south = Lease(tmp_path, "north"), Lease(tmp_path, "south")
    assert north.take()
    assert south.take()
    north.release()
    south.release()


def test_a_holder_without_a_heartbeat_is_ended_by_force(tmp_path: Path) -> None:
    ended: list[tuple[int, int]] = []
    clock = ManualClock()
    holder = Lease(tmp_path, "north")
    waiting = Lease(tmp_path, "north", end=lambda pid, number: ended.append((pid, number)))
    assert holder.take()
    for beat in range(20):
        os.utime(tmp_path / "north.lease", ns=(beat, beat * NS))
        assert not waiting.end_hung(clock)
        clock.advance(1.0)
    clock.advance(HUNG_NS / NS - 1.5)
    assert not waiting.end_hung(clock)
    clock.advance(1.0)
    assert waiting.end_hung(clock)
    assert ended == [(os.getpid(), signal.SIGKILL)]
    holder.release()
    waiting.release()


def test_a_heartbeat_is_seen(tmp_path: Path) -> None:
    lease = Lease(tmp_path, "north")
    assert lease.take()
    os.utime(tmp_path / "north.lease", ns=(0, 0))
    lease.beat()
    assert (tmp_path / "north.lease").stat().st_mtime_ns > 0
    lease.release()
