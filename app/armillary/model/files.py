"""Files that are replaced whole: after a crash there is the old one or the new one."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # what network file systems say that cannot sync a folder


def replace(path: Path, data: bytes, mode: int = 0o600, *, synced: bool = True) -> None:
    """Write a file over what is there, on disk when this returns. Raises OSError; then it is as it was.

    `synced` False is for what is of use only while this machine runs: it survives our end, not a power cut.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if synced:
                stream.flush()
                os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if synced:
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(folder)
