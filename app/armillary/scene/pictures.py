"""Image files of textures: their mean colours, and the pixels that are laid on surfaces."""

from __future__ import annotations

import io
import os
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from pxr import Ar

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F4, F8, U1

Found = TypeVar("Found")

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "TGA", "GIF")
MOST_PIXELS = 67_108_864  # of one image, 8192²
MOST_PIXELS_OF_ALL = 268_435_456  # decoded for one scene: 2 s on a small machine
MOST_BYTES = 268_435_456  # of one file
SMALL = 64  # an image is reduced to about this many pixels a side before its colours become linear
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")  # a place of a network
_LINEAR_FROM, _LINEAR_SLOPE, _SHIFT, _GAIN, _GAMMA = 0.04045, 12.92, 0.055, 1.055, 2.4


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of an image."""

    linear: tuple[float, float, float, float]  # colours decoded from sRGB; opacity as it is
    raw: tuple[float, float, float, float]  # numbers as stored, 0…1
    covered: tuple[float, float, float]  # as `linear`, of the pixels that are not transparent


@dataclass(slots=True)
class Pictures:
    """Reads images of one scene, each once. `files` are all it looked for: the scene depends on them."""

    roots: Sequence[str]  # folders that images may be in
    files: dict[str, None] = field(default_factory=dict)
    pixels: int = 0
    _means: dict[str, Mean | str] = field(default_factory=dict)

    def mean(self, path: str) -> Mean | str:
        """Return the mean of the image at a resolved path, or in a few words why there is none."""
        if path not in self._means:
            self._means[path] = self._read(path)
        return self._means[path]

    def allowed(self, path: str) -> bool:
        """Tell whether a path leads, symbolic links followed, into one of the folders."""
        package = Ar.SplitPackageRelativePathOuter(path)[0] or path
        real = os.path.realpath(package)
        return any(
            real == own or real.startswith(own.rstrip(os.sep) + os.sep)
            for own in (os.path.realpath(root) for root in self.roots)
        )

    def image(self, path: str, side: int) -> U1 | str:
        """Return the image at a resolved path, shape (h, w, 4), its lowest row first, or why there is none.

        It is made smaller until no side is longer than `side` pixels.
        """
        before = self.pixels  # its pixels were counted when its mean was taken
        found = self._opened(path, lambda image: _within(image, side))
        self.pixels = before
        return found if isinstance(found, str) else found[::-1]

    def extent(self, path: str) -> tuple[int, int] | str:
        """Return the width and height of an image, or why there is none; nothing is decoded."""
        before = self.pixels
        found = self._opened(path, lambda image: (image.width, image.height))
        self.pixels = before
        return found

    def _read(self, path: str) -> Mean | str:
        return self._opened(path, lambda image: _mean(_small(image)))

    def _opened(self, path: str, use: Callable[[Image.Image], Found]) -> Found | str:
        package, inner = Ar.SplitPackageRelativePathOuter(path)
        file = package or path
        if not os.path.isabs(file) and "\\" in file:
            return "was not found: OpenUSD separates folders by /"
        if not os.path.isabs(file) and not _ELSEWHERE.match(file):
            return "was not found"  # a bare name that is neither beside its layer nor on a search path
        if not os.path.isabs(file) or not self.allowed(file):
            return "is outside the project"
        self.files[file] = None
        if not os.path.isfile(file):
            return "was not found"
        try:
            data = _packed(file, inner) if inner else _plain(file)
            # Pillow warns of images that are large for their file, which is what a bomb looks like
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                    self.pixels += image.width * image.height
                    if image.width * image.height > MOST_PIXELS or self.pixels > MOST_PIXELS_OF_ALL:
                        return "is too large to look at"
                    return use(image)
        except (
            OSError,
            ValueError,
            KeyError,
            SyntaxError,
            zipfile.BadZipFile,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ):
            return "cannot be read"


def _plain(file: str) -> bytes:
    if os.path.getsize(file) > MOST_BYTES:
        raise ValueError(file)
    return Path(file).read_bytes()


def _packed(file: str, inner: str) -> bytes:
    with zipfile.ZipFile(file) as package:
        info = package.getinfo(inner)
        if info.file_size > MOST_BYTES:
            raise ValueError(inner)
        return package.read(info)


def _small(image: Image.Image) -> F4:
    """Return a small copy of an image, shape (h, w, 4), numbers 0…1."""
    image.draft("RGB", (SMALL, SMALL))  # a JPEG is decoded at an eighth of its size
    if image.mode.startswith(("I", "F")):  # one channel of 16 or 32 bits
        full = np.asarray(image, np.float32)
        top = 1.0 if image.mode == "F" else 65535.0
        grey = full[:: max(len(full) // SMALL, 1), :: max(full.shape[1] // SMALL, 1)] / np.float32(top)
        return np.dstack([grey, grey, grey, np.ones_like(grey)]).clip(0, 1)
    if image.mode not in {"RGB", "RGBA", "L", "LA"}:
        image = image.convert("RGBA")
    image = image.reduce((max(image.width // SMALL, 1), max(image.height // SMALL, 1)))
    out: F4 = np.asarray(image.convert("RGBA"), np.float32) / np.float32(255)
    return out


def _within(image: Image.Image, side: int) -> U1:
    """Return an image (h, w, 4) with no side longer than given."""
    image.draft("RGB", (side, side))
    if image.mode.startswith(("I", "F")):
        full = np.asarray(image, np.float32) / np.float32(1.0 if image.mode == "F" else 65535.0)
        image = Image.fromarray(np.rint(full.clip(0, 1) * 255).astype(np.uint8))
    image = image.convert("RGBA")
    longest = max(image.width, image.height)
    if longest > side:
        image = image.resize(
            (max(image.width * side // longest, 1), max(image.height * side // longest, 1)),
            Image.Resampling.BOX,
        )
    out: U1 = np.asarray(image, np.uint8)
    return out


def linear(rgb: F4) -> F4:
    """Return sRGB values 0…1 as linear ones."""
    out: F4 = np.where(
        rgb <= _LINEAR_FROM, rgb / _LINEAR_SLOPE, ((rgb + _SHIFT) / np.float32(_GAIN)) ** _GAMMA
    ).astype(np.float32)
    return out


def _mean(rgba: F4) -> Mean:
    flat = rgba.reshape(-1, 4).astype(np.float64)
    bent = flat[:, :3]
    linear: F8 = np.where(bent <= _LINEAR_FROM, bent / _LINEAR_SLOPE, ((bent + _SHIFT) / _GAIN) ** _GAMMA)
    alpha = flat[:, 3]
    weight = alpha / alpha.sum() if alpha.sum() > 0 else np.full(len(alpha), 1 / len(alpha))
    opacity = float(alpha.mean())
    r, g, b = linear.mean(axis=0).tolist()
    raw = bent.mean(axis=0).tolist()
    covered = (weight[:, None] * linear).sum(axis=0).tolist()
    return Mean((r, g, b, opacity), (raw[0], raw[1], raw[2], opacity), (covered[0], covered[1], covered[2]))
