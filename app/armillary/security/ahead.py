"""Room for what must be written even when the disk is full: blocks of a file set aside behind its end.

The file keeps its size, so readers and the chain see nothing of it; whoever else fills the disk cannot take
them. Linux, where the file system can (ext4, XFS, Btrfs, tmpfs); elsewhere there is no such room, and a full
disk is told as before.
"""

from __future__ import annotations

import contextlib
import ctypes
import os

AHEAD_BYTES = 32 * 1024**2  # of one file: the audit and the alarm journal have 64 MiB together
SHARE_OF_FREE = 100  # at most this part of what is free: a small disk is not filled by it
SMALLEST_BYTES = 64 * 1024
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE


class Ahead:
    """The room of one open file; its owner says how far the file has been written."""

    def __init__(self, size: int = AHEAD_BYTES) -> None:
        self._size = size
        self._most = size  # that was set aside last
        self._until = 0  # offset in the file

    def begin(self, fd: int, end: int) -> None:
        """Set room aside for a file that was opened."""
        self._until = 0
        self.note(fd, end)

    def note(self, fd: int, end: int) -> None:
        """Set more room aside when half of it is written; nothing is said where there is none."""
        if self._until - end >= self._most // 2:
            return
        with contextlib.suppress(OSError):
            found = os.fstatvfs(fd)
            size = min(self._size, found.f_bavail * found.f_frsize // SHARE_OF_FREE)
            if size >= SMALLEST_BYTES and _reserve(fd, end, size):
                self._until, self._most = end + size, size

    def end(self, fd: int, end: int) -> None:
        """Give back what was not written, before the file is closed."""
        if self._until > end:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, end)
        self._until = 0


def _reserve(fd: int, start: int, size: int) -> bool:
    try:
        call = ctypes.CDLL(None).fallocate
    except (OSError, AttributeError):
        return False
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(call(fd, _KEEP_SIZE, start, size) == 0)
