"""A demonstration's project as it is shipped, copied into a folder with the ports of its servers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from armillary.api import ProjectFault, data

_URL = re.compile(r'^(url = "[a-z.]+://127\.0\.0\.1:)(\d+)', re.MULTILINE)


def copied(scene: str, folder: Path, ports: Mapping[str, int], shipped: Mapping[str, str]) -> Path:
    """Copy a project of ours into a folder, with these ports in its sources; return the folder.

    shipped: the ports in the project as it is shipped → the part that listens there. Raises ProjectFault.
    """
    try:
        shutil.copytree(
            data(scene), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".armillary", "*.py*")
        )
        path = folder / "project.toml"
        path.write_text(with_ports(path.read_text(encoding="utf-8"), ports, shipped), encoding="utf-8")
    except OSError as error:
        raise ProjectFault(
            f"The demonstration project cannot be written: {error.strerror or error}.",
            where=str(folder),
            remedy="Give a folder that you may write to.",
        ) from error
    return folder


def with_ports(text: str, ports: Mapping[str, int], shipped: Mapping[str, str]) -> str:
    """Return the text of a project.toml with the shipped ports of its sources replaced."""

    def replaced(match: re.Match[str]) -> str:
        part = shipped.get(match[2])
        return f"{match[1]}{ports[part]}" if part is not None else match[0]

    return _URL.sub(replaced, text)


def no_such(part: str, plant: str, parts: Sequence[str]) -> ProjectFault:
    """Return what is said of a part that a plant does not have."""
    return ProjectFault(
        f"The {plant} has no part '{part}'.", where="demo plant", remedy=f"Give one of {', '.join(parts)}."
    )
