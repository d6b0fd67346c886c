"""What lies over the scene at constant size: labels beside prims, legends, the triad of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from armillary.model.arrays import F8, U1
from armillary.model.quality import BAD, NEVER, STALE, SUBSTITUTED, UNCERTAIN
from armillary.viewport import text
from armillary.viewport.theme import THEMES, Rgb, Theme

MOST_LABELS = 200  # drawn at once; the nearest ones are
_FONT, _PLATE_OPACITY = 12, 224
_PITCH, _INK = 8, 2
_TRIAD = 84
_AXIS_RGB: tuple[tuple[str, Rgb], ...] = (
    ("x", (0xC0, 0x6A, 0x6A)),
    ("y", (0x6F, 0xA8, 0x6F)),
    ("z", (0x6A, 0x90, 0xC8)),
)
_OPAQUE = 255


class SwatchLike(Protocol):
    """A colour with its meaning; `pattern` is "", hatch, cross or hollow."""

    @property
    def rgb(self) -> Rgb: ...
    @property
    def text(self) -> str: ...
    @property
    def pattern(self) -> str: ...


class LegendLike(Protocol):
    """What a legend must tell, see `Legend`."""

    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def low(self) -> str: ...
    @property
    def high(self) -> str: ...
    @property
    def bar(self) -> U1: ...
    @property
    def under(self) -> SwatchLike | None: ...
    @property
    def over(self) -> SwatchLike | None: ...
    @property
    def steps(self) -> Sequence[SwatchLike]: ...
    @property
    def marks(self) -> Sequence[SwatchLike]: ...


@dataclass(frozen=True, slots=True)
class Swatch:
    """A colour with its meaning."""

    rgb: Rgb
    text: str
    pattern: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Legend:
    """A colour map explained. bar: (n, 3) colours from low to high, or (0, 3) where `steps` tell them."""

    title: str
    unit: str
    low: str
    high: str
    bar: U1
    steps: tuple[SwatchLike, ...] = ()
    marks: tuple[SwatchLike, ...] = ()
    under: SwatchLike | None = None  # what is below the low end, and above the high one: points of the bar
    over: SwatchLike | None = None


@dataclass(frozen=True, slots=True)
class Plate:
    """A label ready to be placed: its words, its rank, and the pixel and depth of what it belongs to."""

    text: str
    rank: int
    x: float
    y: float
    depth: float


# ---------------------------------------------------------------- placing


def blend(rgba: U1, patch: U1, x: int, y: int) -> None:
    """Lay a patch (h, w, 4) over a picture (H, W, 4) with its top left at (x, y); what sticks out is cut."""
    height, width = rgba.shape[:2]
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + patch.shape[1], width), min(y + patch.shape[0], height)
    if x1 <= x0 or y1 <= y0:
        return
    part = patch[y0 - y : y1 - y, x0 - x : x1 - x]
    under = rgba[y0:y1, x0:x1, :3]
    alpha = part[..., 3:].astype(np.uint16)
    mixed = part[..., :3] * alpha + under * (_OPAQUE - alpha) + _OPAQUE // 2
    under[...] = (mixed // _OPAQUE).astype(np.uint8)


Rect = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


def labels(
    rgba: U1, plates: Sequence[Plate], theme: Theme, scale: float, blocked: Sequence[Rect] = ()
) -> int:
    """Draw plates above their prims, nearest first, none over another or over `blocked` places (legends).

    Returns how many found room.
    """
    height, width = rgba.shape[:2]
    inside = [p for p in plates if p.depth > 0 and 0 <= p.x < width and 0 <= p.y < height]
    inside.sort(key=lambda p: p.depth)
    taken: list[Rect] = list(blocked)
    for plate in inside[:MOST_LABELS]:
        patch = _plate(plate.text, plate.rank, theme.name, scale)
        h, w = patch.shape[:2]
        place = _room(plate, w, h, (width, height), taken, round(6 * scale))
        if place is None:
            continue
        x, y = place
        taken.append((x, y, x + w, y + h))
        _leader(rgba, round(plate.x), round(plate.y), (y, y + h), theme)
        blend(rgba, patch, x, y)
    return len(taken) - len(blocked)


def _room(
    plate: Plate,
    w: int,
    h: int,
    size: tuple[int, int],
    taken: list[Rect],
    gap: int,
) -> tuple[int, int] | None:
    """Return the first free place of a plate: above its prim, then higher, then below, then beside."""
    middle = min(max(round(plate.x - w / 2), 0), max(size[0] - w, 0))
    above = round(plate.y) - gap - h
    # beside: just left of what is in the way, as long as the plate still stands near its prim
    beside = [left - w - gap for left, _, _, _ in taken if 0 < round(plate.x) - (left - w - gap) < 2 * w]
    for x in (middle, *(b for b in beside if b >= 0)):
        for y in (above, above - h - 2, above - 2 * (h + 2), round(plate.y) + gap, above - 3 * (h + 2)):
            if 0 <= y <= size[1] - h and _is_free((x, y, x + w, y + h), taken):
                return x, y
    return None


def _is_free(place: Rect, taken: Sequence[Rect]) -> bool:
    x, y, right, low = place
    return not any(x < b and a < right and y < d and c < low for a, c, b, d in taken)


def _leader(rgba: U1, x: int, y: int, plate: tuple[int, int], theme: Theme) -> None:
    """Draw the upright line from a prim to its plate."""
    top, bottom = (plate[1], y) if plate[1] <= y else (y, plate[0])
    top, bottom = max(top, 0), min(bottom, rgba.shape[0])
    if 0 <= x < rgba.shape[1] and bottom > top:
        rgba[top:bottom, x, :3] = theme.muted


# ---------------------------------------------------------------- patches


@lru_cache(maxsize=1024)
def _plate(words: str, rank: int, theme_name: str, scale: float) -> U1:
    theme, size = THEMES[theme_name], round(_FONT * scale)
    mark = {SUBSTITUTED: "S", UNCERTAIN: "?"}.get(rank, "")
    strip = round(6 * scale) if rank in (STALE, BAD, NEVER) else 0
    pad = round(6 * scale)
    height = size + pad
    width = text.width(words, size) + 2 * pad + strip + (text.width(mark, size, True) + pad if mark else 0)
    image = Image.new("RGBA", (width, height), (*theme.panel, _PLATE_OPACITY))
    if strip:
        pattern = {STALE: "hatch", BAD: "cross", NEVER: "hollow"}[rank]
        cell = _pattern(theme.bad if rank == BAD else theme.equipment, pattern, (height, strip), theme)
        image.paste(Image.fromarray(cell), (0, 0))
    colour = theme.muted if rank in (STALE, NEVER) else theme.text
    text.write(image, (strip + pad, height / 2), words, colour, size)
    if mark:
        text.write(image, (width - pad, height / 2), mark, theme.muted, size, bold=True, anchor="rm")
    ImageDraw.Draw(image).rectangle(
        (0, 0, width - 1, height - 1), outline=theme.muted if rank else theme.grid_axis
    )
    return np.asarray(image)


def _pattern(rgb: Rgb, pattern: str, size: tuple[int, int], theme: Theme) -> U1:
    """Return a swatch (h, w, 3) as the shader would draw a part of that look."""
    h, w = size
    out = np.empty((h, w, 3), np.uint8)
    out[:] = theme.panel if pattern == "hollow" else rgb
    y, x = np.mgrid[0:h, 0:w]
    if pattern in ("hatch", "cross"):
        ink = (x + y) % _PITCH < _INK
        if pattern == "cross":
            ink |= (x - y) % _PITCH < _INK
        out[ink] = theme.ink
    edge = {"cross": theme.bad, "hollow": theme.muted}.get(pattern)
    if edge is not None:
        frame = (x < _INK) | (y < _INK) | (x >= w - _INK) | (y >= h - _INK)
        out[frame] = edge
    return out


def legend(told: LegendLike, theme: Theme, scale: float, *, marks: bool = True) -> U1:
    """Return a legend as a patch (h, w, 4): title and unit, bar or steps, and the looks of lost quality.

    Of several legends only one needs `marks`: stale, bad and no data look the same in all of them.
    """
    size, pad = round(_FONT * scale), round(8 * scale)
    line = size + round(6 * scale)
    bar_h, inner = round(14 * scale), round(190 * scale)
    swatches = [*told.steps, *(told.marks if marks else ())]
    title = f"{told.title} ({told.unit})" if told.unit else told.title
    words = [title, *(f"      {s.text}" for s in swatches)]
    inner = max([inner, *(text.width(w, size, True) + pad for w in words)])
    has_bar = len(told.bar) > 0
    height = 2 * pad + line + (bar_h + line if has_bar else 0) + line * len(swatches)
    image = Image.new("RGBA", (inner + 2 * pad, height), (*theme.panel, _PLATE_OPACITY))
    y = pad
    text.write(image, (pad, y + line / 2), title, theme.text, size, bold=True)
    y += line
    if has_bar:
        image.paste(Image.fromarray(_bar(told, (bar_h, inner), theme)), (pad, y))
        y += bar_h
        text.write(image, (pad, y + line / 2), told.low, theme.text, size)
        text.write(image, (pad + inner, y + line / 2), told.high, theme.text, size, anchor="rm")
        y += line
    cell = (line - round(4 * scale), round(24 * scale))
    for swatch in swatches:
        shown = theme.equipment if swatch.pattern in ("hatch", "cross") else swatch.rgb
        image.paste(
            Image.fromarray(_pattern(shown, swatch.pattern, cell, theme)), (pad, y + round(2 * scale))
        )
        top = y + round(2 * scale)
        # an outline, as a swatch may have the panel's own colour
        frame = (pad, top, pad + cell[1] - 1, top + cell[0] - 1)
        ImageDraw.Draw(image).rectangle(frame, outline=None if swatch.pattern else theme.muted)
        text.write(image, (pad + cell[1] + pad, y + line / 2), swatch.text, theme.text, size)
        y += line
    ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), outline=theme.grid_axis)
    return np.asarray(image)


def _bar(told: LegendLike, size: tuple[int, int], theme: Theme) -> U1:
    """Return a bar (h, w, 3) from low to high; it ends in points with the colours of what lies outside."""
    h, w = size
    out = np.empty((h, w, 3), np.uint8)
    tip = h // 2 if told.under is not None and told.over is not None else 0
    at = np.clip(np.arange(w) - tip, 0, w - 2 * tip - 1) / max(w - 2 * tip - 1, 1) * (len(told.bar) - 1)
    out[:] = told.bar[at.round().astype(np.int64), :3]
    if told.under is not None and told.over is not None:
        y, x = np.mgrid[0:h, 0:tip]
        # a point: as far from the end as from the middle line; a gap of one pixel sets it off from the range
        inside = np.abs(y - (h - 1) / 2) <= x + 0.5
        for part, colour, shape in (
            (out[:, :tip], told.under.rgb, inside),
            (out[:, w - tip :], told.over.rgb, inside[:, ::-1]),
        ):
            part[:] = theme.panel
            part[shape] = colour
        out[:, tip] = out[:, w - tip - 1] = theme.panel
    return out


def triad(right: F8, up: F8, back: F8, theme: Theme, scale: float) -> U1:
    """Return the axes of the world as the eye (unit vectors right, up, back) sees them, a patch (h, w, 4)."""
    over = 2  # drawn twice as large, then made smaller: smooth lines
    side = round(_TRIAD * scale)
    image = Image.new("RGBA", (side * over, side * over), (*theme.ground, 0))
    draw = ImageDraw.Draw(image)
    middle, length = side * over / 2, side * over * 0.34
    axes = [(back[i], i) for i in range(3)]
    for _, i in sorted(axes):  # the one that points away first
        name, rgb = _AXIS_RGB[i]
        x, y = middle + right[i] * length, middle - up[i] * length
        draw.line((middle, middle, x, y), fill=(*rgb, _OPAQUE), width=round(3 * over * scale))
        tip = (middle + right[i] * length * 1.28, middle - up[i] * length * 1.28)
        draw.text(
            tip,
            name.upper(),
            font=text.font(round(_FONT * scale * over), True),
            fill=(*theme.text, _OPAQUE),
            anchor="mm",
        )
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))
