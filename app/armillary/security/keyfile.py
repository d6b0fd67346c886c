"""A key in a file that only its owner can read; made when it is first needed."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from armillary.model.fault import ProjectFault

KEY_BYTES = 32


def key_of(path: Path, *, make: bool) -> bytes:
    """Return the key in a file. Raises OSError, or ProjectFault for one that others can read, or torn."""
    if make and not path.exists():
        _make(path)
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(KEY_BYTES + 1)
    if stat.S_IMODE(mode) & 0o077 or len(key) != KEY_BYTES:
        raise ProjectFault(f"{path.name} is no key.", where=str(path), remedy="Delete it; it is made anew.")
    return key


def _make(path: Path) -> None:
    """Write a key; where two do so at once one of them stays. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # never over another's
    finally:
        fresh.unlink(missing_ok=True)
