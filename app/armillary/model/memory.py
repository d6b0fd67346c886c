"""Memory that a process holds without using it."""

from __future__ import annotations

import contextlib
import ctypes


def trim() -> None:
    """Give what was freed back to the system, where its C library can: large work leaves holes behind."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
