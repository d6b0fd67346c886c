"""Who runs an area: a lock on a file that the kernel lets go when its process dies, and a heartbeat.

The lock is what counts. The heartbeat tells a process that hangs (it holds the lock and does nothing) from
one that works; whoever stands by ends such a one by force, and only then gets the lock: never two at once.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from armillary.model.clock import NS, Clock

BEAT_S = 1.0
HUNG_NS = 10 * NS  # without a heartbeat for so long the holder hangs

log = logging.getLogger(__name__)


class Lease:
    """One area's lease. `take` it, `beat` while it is held; it ends with the process or with `release`."""

    def __init__(self, folder: Path, area: str, end: Callable[[int, int], None] = os.kill) -> None:
        """`folder`: of the leases of a project. Raises OSError when it cannot be written."""
        self._end = end
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{area}.lease"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._beat_ns, self._seen_mono_ns = -1, 0  # newest heartbeat of the holder, and when we saw it

    def take(self) -> bool:
        """Take the lease if nobody holds it; return whether it is ours."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps({"pid": os.getpid()}).encode(), 0)
        return True

    def beat(self) -> None:
        """Show that the holder works."""
        os.utime(self._fd)

    def end_hung(self, clock: Clock) -> bool:
        """End a holder whose heartbeat stands still; return whether that was done. For whoever stands by."""
        beat_ns, now = os.fstat(self._fd).st_mtime_ns, clock.now_mono_ns()
        if beat_ns != self._beat_ns:
            self._beat_ns, self._seen_mono_ns = beat_ns, now
            return False
        if now - self._seen_mono_ns < HUNG_NS:
            return False
        self._seen_mono_ns = now
        pid = self.holder()
        if not pid:
            return False
        log.info("the holder of %s (pid %d) gives no sign of life and is ended", self._path, pid)
        try:
            self._end(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def holder(self) -> int:
        """Return the pid of who holds the lease, or held it last; 0 where that is not known."""
        try:
            return int(json.loads(os.pread(self._fd, 200, 0))["pid"])
        except (ValueError, KeyError, TypeError):
            return 0

    def release(self) -> None:
        """Let go."""
        os.close(self._fd)


def beat_ns(folder: Path, area: str) -> int:
    """Return the newest heartbeat of an area's holder, as its file tells it; 0 where there never was one."""
    try:
        return (folder / f"{area}.lease").stat().st_mtime_ns
    except OSError:
        return 0
