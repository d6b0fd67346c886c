"""Badges of alarms over the picture and how they are drawn; where they stand is in `badge_places`.

A badge tells its priority by shape, digit and colour (operations: priorities), so that no hue is needed to
read it. It keeps its size at every distance, and what is outside the picture points there from the edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from armillary.model.alarm import ADVISORY_MARK
from armillary.model.arrays import U1
from armillary.viewport import text
from armillary.viewport.overlay import blend
from armillary.viewport.theme import INK, THEMES, Rgb, Theme

SIZE = 18  # pixels across, at scale 1
APART = 24  # nearer than this, two become one with a count
EDGE = 28  # from the edge to the middle of a badge that points outside
BLINK_HALVES = (0, 1, 1, 2, 0)  # by priority: half periods of half a second; 0 = never
_OVER = 4  # drawn so much larger, then reduced
_DIRECTIONS = 16
_TRIANGLES = {2: 1.0, 3: -1.0}  # priorities, and which way they point
_OPAQUE = 255
MARGIN = 16  # room for the arrow around a badge

Style = Literal["full", "hollow", "double"]


@dataclass(frozen=True, slots=True)
class Badge:
    """Alarms at one prim that wait for a person: the worst priority (1…4) and how many there are.

    ADVISORY_MARK instead of a priority: nothing is there that is more than predicted.
    """

    prim: int
    priority: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A badge on the picture, perhaps of several prims.

    direction: where prims are that are not in the picture, radians clockwise from the right; None when all
    are. flip: its count stands on the left.
    """

    x: float
    y: float
    priority: int
    count: int
    prims: tuple[int, ...]  # the worst first
    direction: float | None = None
    flip: bool = False


def chip_width(count: int, scale: float) -> int:
    """Return the pixels that a count takes beside its badge, 0 for one alarm."""
    words = _count_words(count)
    return text.width(words, round(11 * scale), True) + round(6 * scale) if words else 0


def _count_words(count: int) -> str:
    return f"{count}" if count > 1 else ""


def rect(placed: Placed, theme: Theme, scale: float) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a badge in pixels."""
    patch = _patch_of(placed, "full", theme, scale)
    half = round((SIZE / 2 + MARGIN) * scale)
    x, y = round(placed.x) - half, round(placed.y) - half
    if placed.flip:
        x -= patch.shape[1] - patch.shape[0]  # its count stands on the left
    return x, y, x + patch.shape[1], y + patch.shape[0]


def style_of(priority: int, half: int, *, still: bool) -> Style:
    """Return how a badge is drawn in a half period of the blink; `still`: nothing may blink."""
    period = BLINK_HALVES[min(priority, 4)]
    if period == 0:
        return "full"
    if still:
        return "double"
    return "full" if (half // period) % 2 == 0 else "hollow"


def draw(rgba: U1, placed: Sequence[Placed], theme: Theme, scale: float, half: int, *, still: bool) -> None:
    """Draw badges into a picture (h, w, 4), the worst on top."""
    for badge in reversed(placed):
        seen, right, down = _seen_of(badge, style_of(badge.priority, half, still=still), theme, scale)
        x, y, _, _ = rect(badge, theme, scale)
        blend(rgba, seen, x + right, y + down)


def make(placed: Sequence[Placed], theme: Theme, scale: float, half: int, *, still: bool) -> None:
    """Make the pixels that `draw` needs, and keep them: what is new takes half a millisecond each."""
    for badge in placed:
        _patch_of(badge, "full", theme, scale)
        for at in range(half, half + 1 + BLINK_HALVES[min(badge.priority, 4)]):  # as it blinks next, too
            _seen_of(badge, style_of(badge.priority, at, still=still), theme, scale)


def _seen_of(badge: Placed, style: Style, theme: Theme, scale: float) -> tuple[U1, int, int]:
    return _seen(
        badge.priority, badge.count, style, theme.name, round(scale, 2), _sector(badge), flip=badge.flip
    )


@lru_cache(maxsize=1024)
def _seen(
    priority: int, count: int, style: Style, theme_name: str, scale: float, sector: int, *, flip: bool
) -> tuple[U1, int, int]:
    """Return what can be seen of a badge, and how far right and down of its patch that begins.

    The room for an arrow around it is two thirds of a patch, and mostly empty: it is not blended.
    """
    whole = patch(priority, count, style, theme_name, scale, sector, flip=flip)
    drawn = whole[..., 3] > 0
    down, right = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    top, left = int(down[0]), int(right[0])
    return whole[top : int(down[-1]) + 1, left : int(right[-1]) + 1], left, top


def _patch_of(badge: Placed, style: Style, theme: Theme, scale: float) -> U1:
    return patch(
        badge.priority, badge.count, style, theme.name, round(scale, 2), _sector(badge), flip=badge.flip
    )


def _sector(badge: Placed) -> int:
    """Return where its arrow points, of sixteen directions; -1 = it has none."""
    if badge.direction is None:
        return -1
    return round(badge.direction / (2 * math.pi) * _DIRECTIONS) % _DIRECTIONS


@lru_cache(maxsize=1024)
def patch(
    priority: int,
    count: int,
    style: Style,
    theme_name: str,
    scale: float,
    sector: int = -1,
    *,
    flip: bool = False,
) -> U1:
    """Return the pixels (h, w, 4) of a badge; its middle is `SIZE / 2 + MARGIN` from the left and the top.

    sector: of sixteen, clockwise from the right, where its arrow points; -1 = no arrow. flip: its count
    stands on the left, and its middle is as far from the right.
    """
    theme = THEMES[theme_name]
    side = round((SIZE + 2 * MARGIN) * scale)
    words, size = _count_words(count), round(11 * scale)
    extra = chip_width(count, scale)
    over = _OVER
    image = Image.new("RGBA", ((side + extra) * over, side * over), (*theme.panel, 0))
    pen = ImageDraw.Draw(image)
    colour = theme.alarms[priority - 1] if priority != ADVISORY_MARK else theme.text
    middle, half = side * over / 2, SIZE * scale * over / 2
    if words:  # the count stands behind the shape, on the side where no arrow is
        unit = scale * over
        if flip:
            middle += extra * over
        reach = half + extra * over + unit
        ends = (middle - reach, middle) if flip else (middle, middle + reach)
        words_at = ends[0] + 4 * unit if flip else middle + half + 3 * unit
        pen.rounded_rectangle(
            (ends[0], side * over / 2 - 8 * scale * over, ends[1], side * over / 2 + 8 * scale * over),
            radius=4 * scale * over,
            fill=(*theme.panel, 235),
            outline=(*theme.muted, _OPAQUE),
            width=over,
        )
        pen.text(
            (words_at, side * over / 2),
            words,
            font=text.font(size * over, True),
            fill=(*theme.text, _OPAQUE),
            anchor="lm",
        )
    if sector >= 0:
        _arrow(pen, (middle, side * over / 2), half, 2 * math.pi * sector / _DIRECTIONS, scale * over, colour)
    at = (middle, side * over / 2)
    if priority == ADVISORY_MARK:
        _advisory(pen, at, half, scale * over, theme, style)
        return np.asarray(image.resize((side + extra, side), Image.Resampling.BOX))
    ring = round(2 * scale * over)  # of ink: what tells any of the colours from any ground
    _ring(pen, priority, at, half + (3 * scale * over if style == "double" else 0), ring)
    if style == "full":
        _shape(pen, priority, at, half, colour)
    elif style == "hollow":
        _shape(pen, priority, at, half, colour)
        _shape(pen, priority, at, half - 2 * scale * over, INK)
    else:
        _shape(pen, priority, at, half + 3 * scale * over, colour)
        _shape(pen, priority, at, half + 1 * scale * over, INK)
        _shape(pen, priority, at, half - 1 * scale * over, colour)
    # a triangle's weight is not in its middle
    shift = {2: 0.22, 3: -0.22}.get(priority, 0.0) * half
    pen.text(
        (at[0], at[1] + shift),
        str(priority),
        font=text.font(round(11 * scale) * over, True),
        fill=(*(colour if style == "hollow" else INK), _OPAQUE),
        anchor="mm",
    )
    return np.asarray(image.resize((side + extra, side), Image.Resampling.BOX))


def _shape(
    pen: ImageDraw.ImageDraw, priority: int, at: tuple[float, float], half: float, colour: Rgb
) -> None:
    """Draw a priority's shape: square, triangle up, triangle down, circle."""
    fill = (*colour, _OPAQUE)
    box = (at[0] - half, at[1] - half, at[0] + half, at[1] + half)
    if priority == 1:
        pen.rectangle(box, fill=fill)
    elif priority in _TRIANGLES:
        pen.polygon(_corners(priority, at, half), fill=fill)
    else:
        pen.ellipse(box, fill=fill)


def _advisory(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], half: float, unit: float, theme: Theme, style: Style
) -> None:
    """Draw what may come: a diamond without a colour, an arrow in it that goes up; pale once it is known."""
    ink = (*(theme.muted if style == "hollow" else theme.text), _OPAQUE)
    reach = half * 1.15

    def diamond(by: float) -> list[tuple[float, float]]:
        return [(at[0], at[1] - by), (at[0] + by, at[1]), (at[0], at[1] + by), (at[0] - by, at[1])]

    pen.polygon(diamond(reach + 2 * unit), fill=(*theme.panel, _OPAQUE))
    pen.polygon(diamond(reach), fill=ink)
    pen.polygon(diamond(reach - 2 * unit), fill=(*theme.panel, _OPAQUE))
    arm, wide = 3.4 * unit, round(1.7 * unit)
    tail, tip = (at[0] - arm, at[1] + arm), (at[0] + arm, at[1] - arm)
    pen.line([tail, tip], fill=ink, width=wide)
    pen.line([(tip[0] - 4.2 * unit, tip[1]), tip, (tip[0], tip[1] + 4.2 * unit)], fill=ink, width=wide)


def _corners(priority: int, at: tuple[float, float], half: float) -> list[tuple[float, float]]:
    """Return the corners of a triangle: up for priority 2, down for 3."""
    up = _TRIANGLES[priority] * half
    wide, tip = half * 1.12, up * 1.1
    return [(at[0], at[1] - tip), (at[0] + wide, at[1] + up), (at[0] - wide, at[1] + up)]


def _ring(
    pen: ImageDraw.ImageDraw, priority: int, at: tuple[float, float], half: float, width: float
) -> None:
    """Draw ink around a priority's shape, as wide on every side of it."""
    if priority not in _TRIANGLES:
        _shape(pen, priority, at, half + width, INK)
        return
    corners = _corners(priority, at, half)
    pen.polygon(corners, fill=(*INK, _OPAQUE))
    pen.line([*corners, *corners[:2]], fill=(*INK, _OPAQUE), width=round(2 * width), joint="curve")


def _arrow(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    half: float,
    angle: float,
    unit: float,
    colour: Rgb,
) -> None:
    """Draw a small triangle beside the badge that points outwards."""
    ahead, aside = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    points = [
        (at[0] + far * ahead[0] + wide * aside[0], at[1] + far * ahead[1] + wide * aside[1])
        for far, wide in (
            (half + 15 * unit, 0.0),
            (half + 4 * unit, 4.5 * unit),
            (half + 4 * unit, -4.5 * unit),
        )
    ]
    pen.polygon(points, fill=(*colour, _OPAQUE), outline=(*INK, _OPAQUE), width=round(unit))
