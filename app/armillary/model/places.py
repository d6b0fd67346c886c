"""Where files are: our data, and the user's folders, caches, logs and run files."""

from __future__ import annotations

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


def _home(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable) or str(Path.home() / fallback)
    path = Path(base) / "armillary"
    path.mkdir(parents=True, exist_ok=True)
    return path


def config() -> Path:
    """Return the folder of the user's settings (XDG base directories)."""
    return _home("XDG_CONFIG_HOME", ".config")


def cache() -> Path:
    """Return the folder of what can be made again."""
    return _home("XDG_CACHE_HOME", ".cache")


def logs() -> Path:
    """Return the folder of log files, one a process."""
    path = _home("XDG_STATE_HOME", ".local/state") / "log"
    path.mkdir(parents=True, exist_ok=True)
    return path


def runtime() -> Path:
    """Return the folder of sockets and run files, readable by this user only."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK):
        path = Path(base) / "armillary"
    else:
        path = Path(tempfile.gettempdir()) / f"armillary-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise ProjectFault(
            "The runtime folder belongs to another user.",
            where=str(path),
            remedy="Set XDG_RUNTIME_DIR to your own.",
        )
    path.chmod(0o700)
    return path
