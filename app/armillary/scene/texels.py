"""Images of materials as one run of texels: colours with opacity, behind them how surfaces lean and shine.

A renderer reads texels by number from one table, so a scene of many images is still one mesh and one draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F4, I4, I8, U1
from armillary.model.scene import (
    TEXTURE_BLENDS,
    TEXTURE_CUTS,
    TEXTURE_DETAIL,
    TEXTURE_GLOWS,
    TEXTURE_TILED,
)
from armillary.scene.paint import srgb
from armillary.scene.pictures import Pictures, linear
from armillary.scene.sampling import Sampled
from armillary.scene.shading import Paint

MOST_SIDE = 2048  # pixels of an image; a larger one is made smaller
LEAST_SIDE = 16
MOST_TEXELS = 16_777_216  # of a scene, smaller copies included: 64 MiB; a float holds such numbers exactly
MOST_IMAGES = 4_000
LINE = 32_768  # texels come in whole lines, so that a renderer can take them as they are
_CHANNEL = {"r": 0, "g": 1, "b": 2, "a": 3}
_COLOURS = ("diffuse", "emissive", "opacity", "occlusion")
_DETAIL = ("normal", "roughness", "metallic")
_FLAT = 128  # of a component of a normal: straight up
_SHADE = 0.7  # how much darker full occlusion makes a colour: light comes from the eye too
_Row = tuple[int, int, int, int]


@dataclass(slots=True)
class _Need:
    """One image of the table, not read yet."""

    paint: Paint
    files: Mapping[str, str]  # input → file
    size: tuple[int, int]
    is_detail: bool

    def use(self, what: str) -> tuple[str, Sampled] | None:
        """Return the file of an input and how it is read, None for none."""
        sampled: Sampled | None = getattr(self.paint, what)
        file = self.files.get(what, "")
        return (file, sampled) if file and sampled is not None else None


def first_of(paint: Paint) -> Sampled:
    """Return the image that says how all images of a paint are laid on."""
    images: list[Sampled | None] = [getattr(paint, what) for what in (*_COLOURS, *_DETAIL)]
    first = next((image for image in images if image is not None), None)
    if first is None:
        raise ValueError("a paint has an image")
    return first


def packed(paints: dict[int, Paint], pictures: Pictures) -> tuple[tuple[U1, I4], dict[int, int]]:
    """Return the fields `texel` and `texture` of SceneArrays, and 1 + the row of each paint."""
    rows: list[_Need | _Row] = []
    number: dict[int, int] = {}
    known: dict[Paint, int] = {}
    for material, paint in paints.items():
        if paint not in known:
            first = len(rows)
            if not _ask(paint, pictures, rows) or len(rows) > MOST_IMAGES:
                del rows[first:]
                continue
            known[paint] = first + 1
        number[material] = known[paint]
    side = MOST_SIDE
    sizes = np.array([row.size for row in rows if isinstance(row, _Need)], np.int64).reshape(-1, 2)
    while side > LEAST_SIDE and _texels(sizes, side) > MOST_TEXELS - LINE:
        side //= 2
    return _read(rows, side, pictures), number


def _texels(sizes: I8, side: int) -> int:
    """Return about how many texels images of these sizes need, smaller copies included."""
    longest = sizes.max(axis=1, keepdims=True, initial=1)
    fitted = np.maximum(sizes * np.minimum(side / longest, 1.0), 1)
    return int(fitted.prod(axis=1).sum() * 4 / 3) + 32 * len(sizes)


def _ask(paint: Paint, pictures: Pictures, rows: list[_Need | _Row]) -> bool:
    """Add the rows of a paint, those of its detail behind those of its colours; False when it has none.

    Each is one row, or a grid of tiles behind one.
    """
    colours = _needs(paint, pictures, _COLOURS, is_detail=False)
    detail = _needs(paint, pictures, _DETAIL, is_detail=True)
    if not colours and detail:
        # one texel of the colour that the detail lies on, tile by tile
        colours = {place: _Need(paint, {}, (1, 1), False) for place in detail}
    if not colours:
        return False
    is_tiled = first_of(paint).is_tiled
    _add(rows, colours, TEXTURE_DETAIL if detail else 0, is_tiled)
    if detail:
        _add(rows, detail, 0, is_tiled)
    return True


def _needs(
    paint: Paint, pictures: Pictures, inputs: Sequence[str], *, is_detail: bool
) -> dict[tuple[int, int], _Need]:
    """Return what is to be read for each tile, (0, 0) alone for a plain image; nothing of what is damaged."""
    files: dict[tuple[int, int], dict[str, str]] = {}
    for what in inputs:
        image: Sampled | None = getattr(paint, what)
        for column, row, file in image.tiles if image is not None else ():
            files.setdefault((column, row), {})[what] = file
    out: dict[tuple[int, int], _Need] = {}
    for place, named in files.items():
        extents = [pictures.extent(file) for file in named.values()]
        sound = [e for e in extents if not isinstance(e, str)]
        if sound and len(sound) == len(extents):
            out[place] = _Need(paint, named, max(sound, key=lambda e: e[0] * e[1]), is_detail)
    return out


def _add(
    rows: list[_Need | _Row], needs: Mapping[tuple[int, int], _Need], flags: int, is_tiled: bool
) -> None:
    if not is_tiled:
        rows.append(next(iter(needs.values())))
        return
    columns, lines = max(c for c, _ in needs) + 1, max(r for _, r in needs) + 1
    rows.append((len(rows) + 1, columns, lines, TEXTURE_TILED | flags))
    rows.extend(needs.get((c, r), (0, 0, 0, 0)) for r in range(lines) for c in range(columns))


def _read(rows: Sequence[_Need | _Row], side: int, pictures: Pictures) -> tuple[U1, I4]:
    table = np.zeros((len(rows), 4), np.int32)
    parts: list[U1] = []
    total = 0
    for i, row in enumerate(rows):
        if isinstance(row, tuple):
            table[i] = row
            continue
        image = _image(row, side, pictures)
        if image is None or total + len(image) * image.shape[1] * 3 // 2 + LINE > MOST_TEXELS:
            continue
        height, width = image.shape[:2]
        followed = rows[i + 1] if i + 1 < len(rows) else None
        table[i] = total, width, height, _flags(row, followed)
        for level in _levels(image):
            parts.append(level.reshape(-1, 4))
            total += len(parts[-1])
    padding = -total % LINE if total else 0
    texel = np.concatenate([np.zeros((0, 4), np.uint8), *parts, np.zeros((padding, 4), np.uint8)])
    return texel, table


def _flags(row: _Need, followed: _Need | _Row | None) -> int:
    s, t = first_of(row.paint).wrap
    flags = s | t << 2
    if row.is_detail:
        return flags
    if row.use("opacity") is not None:
        flags |= TEXTURE_CUTS if row.paint.threshold > 0 else TEXTURE_BLENDS
    if row.paint.glows:
        flags |= TEXTURE_GLOWS
    if isinstance(followed, _Need) and followed.is_detail and followed.paint is row.paint:
        flags |= TEXTURE_DETAIL  # of a grid its first row says so
    return flags


def _image(row: _Need, side: int, pictures: Pictures) -> U1 | None:
    """Return an image as it is drawn, shape (h, w, 4), lowest row first; None where a file cannot be read."""
    longest = max(row.size)
    size = tuple(max(n * side // longest, 1) if longest > side else n for n in row.size)
    values: dict[str, F4] = {}
    for what in _DETAIL if row.is_detail else _COLOURS:
        use = row.use(what)
        if use is None:
            continue
        found = _values(*use, side, size, pictures)
        if found is None:
            return None
        values[what] = found
    return _detail(row, values, size) if row.is_detail else _colours(row, values, size)


def _colours(row: _Need, values: Mapping[str, F4], size: tuple[int, ...]) -> U1:
    """Return sRGB bytes and opacity."""
    out = np.empty((size[1], size[0], 4), np.uint8)
    own = np.broadcast_to(np.array(row.paint.colour, np.float32), (*out.shape[:2], 3))
    colours: F4 = values.get("diffuse", own)
    if "occlusion" in values:
        open_to_light = values["occlusion"][..., :1].clip(0, 1)
        colours = colours * (np.float32(1 - _SHADE) + np.float32(_SHADE) * open_to_light)
    if "emissive" in values:
        colours = colours + values["emissive"]
    out[..., :3], out[..., 3] = srgb(colours), 255
    if "opacity" in values:
        alpha = values["opacity"][..., :1].mean(axis=2).clip(0, 1)
        if row.paint.threshold > 0:
            alpha = (alpha >= row.paint.threshold).astype(np.float32)
        out[..., 3] = np.rint(alpha * 255)
    return out


def _detail(row: _Need, values: Mapping[str, F4], size: tuple[int, ...]) -> U1:
    """Return how a surface leans along u and v, _FLAT = not at all, then its smoothness and its metal."""
    out = np.empty((size[1], size[0], 4), np.uint8)
    out[..., :2] = _FLAT
    if "normal" in values:
        lean = values["normal"][..., :2].clip(-1, 1)
        out[..., :2] = np.rint(_FLAT + lean * (_FLAT - 1))
    for k, (what, one) in enumerate((("roughness", row.paint.rough), ("metallic", row.paint.metal))):
        share = values[what][..., 0] if what in values else np.float32(one)
        share = np.clip(share, 0, 1)
        out[..., 2 + k] = np.rint(255 * (1 - share if what == "roughness" else share))
    return out


def _values(file: str, use: Sampled, side: int, size: tuple[int, ...], pictures: Pictures) -> F4 | None:
    """Return what a material reads of an image, linear, shape (h, w, 3)."""
    image = pictures.image(file, side)
    if isinstance(image, str):
        return None
    if image.shape[1::-1] != size:  # of two images the smaller one is spread
        rows = np.arange(size[1]) * image.shape[0] // size[1]
        columns = np.arange(size[0]) * image.shape[1] // size[0]
        image = image[rows][:, columns]
    values = image.astype(np.float32) / np.float32(255)
    if not use.raw:
        values[..., :3] = linear(values[..., :3])
    values = values * np.array(use.scale, np.float32) + np.array(use.bias, np.float32)
    if use.channel in _CHANNEL:
        values = np.repeat(values[..., _CHANNEL[use.channel], None], 3, axis=2)
    return np.ascontiguousarray(values[..., :3])


def _levels(image: U1) -> list[U1]:
    """Return an image and its halves down to one texel; each is half as wide and high, rounded down."""
    out = [image]
    while max(image.shape[:2]) > 1:
        height, width = image.shape[:2]
        rows, columns = max(height // 2, 1), max(width // 2, 1)
        wide = image[: rows * 2 if height > 1 else 1, : columns * 2 if width > 1 else 1].astype(np.uint16)
        wide = wide.reshape(rows, -1, wide.shape[1], 4).sum(axis=1, dtype=np.uint16)
        wide = wide.reshape(rows, columns, -1, 4).sum(axis=2, dtype=np.uint16)
        count = (2 if height > 1 else 1) * (2 if width > 1 else 1)
        image = ((wide + count // 2) // count).astype(np.uint8)
        out.append(image)
    return out
