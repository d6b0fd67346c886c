"""Where files are: our data, and the user's folders, caches, logs and run files."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from armillary.model.fault import ProjectFault

_PACKAGE = Path(__file__).resolve().parent.parent


def data(name: str) -> Path:
    """Return a file or folder of ours, e.g. `assets/usd` or `scenes/pumping-station`.

    Looked for in the installed package first, then in the checkout beside app/. Raises ProjectFault.
    """
    for base in (_PACKAGE / "_data", _PACKAGE.parent.parent):
        if (base / name).exists():
            return base / name
    raise ProjectFault(
        f"A file of Armillary itself is missing: {name}.",
        where=str(_PACKAGE),
        remedy="Install Armillary again.",
    )


def _base(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable)
    if base:
        return Path(base) / "armillary"
    try:
        return Path.home() / fallback / "armillary"
    except RuntimeError as error:  # a user id without a home, as in containers
        raise ProjectFault(
            "This user has no home folder.", where=variable, remedy=f"Set HOME or {variable} to a folder."
        ) from error


def _made(path: Path, what: str, variable: str, mode: int = 0o777) -> Path:
    """Return a folder that is there and can be written. Raises ProjectFault."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        writable, why = os.access(path, os.W_OK | os.X_OK), "Permission denied"
    except OSError as error:
        writable, why = False, error.strerror or str(error)
    if not writable:
        raise ProjectFault(
            f"The folder of {what} cannot be used: {why}.",
            where=str(path),
            remedy=f"Make it writable, or set {variable} to a folder that is.",
        )
    return path


def config() -> Path:
    """Return the folder of the user's settings (XDG base directories); it need not be there yet."""
    return _base("XDG_CONFIG_HOME", ".config")


def cache() -> Path:
    """Return the folder of what can be made again. Raises ProjectFault when it cannot be written."""
    return _made(_base("XDG_CACHE_HOME", ".cache"), "the cache", "XDG_CACHE_HOME")


def logs() -> Path:
    """Return the folder of log files, one a process; where the user's own cannot be written, another."""
    try:
        return _made(_base("XDG_STATE_HOME", ".local/state") / "log", "log files", "XDG_STATE_HOME")
    except ProjectFault:
        return _made(runtime() / "log", "log files", "XDG_STATE_HOME")


def log_file() -> Path:
    """Return the file that this process logs to, else the folder of log files."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            return Path(handler.baseFilename)
    return logs()


def runtime() -> Path:
    """Return the folder of sockets and run files, for this user only. Raises ProjectFault."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.path.isdir(base) and os.access(base, os.W_OK):
        path = Path(base) / "armillary"
    else:
        path = Path(_temporary()) / f"armillary-{os.getuid()}"
    _made(path, "sockets and run files", "XDG_RUNTIME_DIR", mode=0o700)
    if path.stat().st_uid != os.getuid():
        raise ProjectFault(
            "The runtime folder belongs to another user.",
            where=str(path),
            remedy="Set XDG_RUNTIME_DIR to your own.",
        )
    path.chmod(0o700)
    return path


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError as error:
        raise ProjectFault(
            "There is no folder for temporary files.", where="TMPDIR", remedy="Set TMPDIR to a folder."
        ) from error
