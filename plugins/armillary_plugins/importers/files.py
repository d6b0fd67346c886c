"""What importers share: faults in words, colours, files beside the imported one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from armillary.api import F4, SceneFault, TreeImage

MOST_BYTES = 4 << 30  # of a file that is read whole
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_LINEAR_BELOW = 0.04045  # of sRGB


def damaged(path: Path, what: str) -> SceneFault:
    return SceneFault(
        f"The file is damaged, or not what its name says: {what}",
        where=str(path),
        remedy="Export it again from where it came.",
    )


def missing(library: str, extra: str, path: Path) -> SceneFault:
    """Return the fault of a format whose library is not installed."""
    return SceneFault(
        f"{library} is not installed, which reads {path.suffix} files.",
        where=str(path),
        remedy=f"Install it: pip install 'armillary[{extra}]'.",
    )


def whole(path: Path) -> bytes:
    """Return the bytes of a file. Raises SceneFault when it is empty or too big."""
    size = path.stat().st_size
    if size == 0:
        raise SceneFault("The file is empty.", where=str(path), remedy="Export it again.")
    if size > MOST_BYTES:
        raise SceneFault(
            f"The file was refused: it has more than {MOST_BYTES >> 30} GiB.",
            where=str(path),
            remedy="Import a part of it.",
        )
    return path.read_bytes()


def beside(path: Path, name: str) -> Path | None:
    """Return a file that `path` refers to, None when it is not there or not below the folder of `path`."""
    if "://" in name or "\x00" in name:
        return None
    folder = os.path.realpath(path.parent)
    found = os.path.realpath(os.path.join(folder, name.replace("\\", "/")))
    inside = found.startswith(folder.rstrip(os.sep) + os.sep)
    return Path(found) if inside and os.path.isfile(found) else None


def image(name: str, data: bytes) -> TreeImage | None:
    """Return a picture, None when it is neither PNG nor JPEG."""
    suffix = ".png" if data.startswith(_PNG) else ".jpg" if data.startswith(_JPEG) else ""
    return TreeImage(name=name, data=np.frombuffer(data, np.uint8), suffix=suffix) if suffix else None


def linear(srgb: F4) -> F4:
    """Return linear values of sRGB ones, 0 … 1."""
    low = srgb <= _LINEAR_BELOW
    return np.where(low, srgb / 12.92, ((np.maximum(srgb, 0.0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_rgb(red: float, green: float, blue: float) -> tuple[float, float, float]:
    r, g, b = linear(np.clip(np.array([red, green, blue], np.float32), 0.0, 1.0)).tolist()
    return r, g, b


def rgba(colours: F4, srgb: bool = True) -> F4:
    """Return (k, 4) linear colours with opacity of (k, 3) or (k, 4) ones."""
    out = np.ones((len(colours), 4), np.float32)
    out[:, : colours.shape[1]] = colours
    if srgb:
        out[:, :3] = linear(out[:, :3])
    return out
