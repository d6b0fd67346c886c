"""Badges of alarms over the picture: where they stand, which of them become one, and how they are drawn.

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

from armillary.model.arrays import F8, U1
from armillary.viewport import text
from armillary.viewport.overlay import blend
from armillary.viewport.theme import THEMES, Rgb, Theme

SIZE = 18  # pixels across, at scale 1
APART = 24  # nearer than this, two become one with a count
EDGE = 20  # from the edge to the middle of a badge that points outside
BLINK_HALVES = (0, 1, 1, 2, 0)  # by priority: half periods of half a second; 0 = never
_INK: Rgb = (0x1B, 0x1F, 0x24)
_OVER = 4  # drawn so much larger, then reduced
_DIRECTIONS = 16
_OPAQUE = 255
_MARGIN = 7  # room for the arrow around a badge
_MOST = 2_000

Style = Literal["full", "hollow", "double"]


@dataclass(frozen=True, slots=True)
class Badge:
    """Alarms at one prim that wait for a person: the worst priority (1…4) and how many there are."""

    prim: int
    priority: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A badge on the picture, perhaps of several prims.

    direction: where its prims are, radians clockwise from the right; None when they are in the picture.
    """

    x: float
    y: float
    priority: int
    count: int
    prims: tuple[int, ...]  # the worst first
    direction: float | None = None


def place(badges: Sequence[Badge], at: F8, size: tuple[int, int], scale: float = 1.0) -> tuple[Placed, ...]:
    """Return the badges to be drawn, none nearer than `APART` to another, the worst first.

    at: (n, 3) pixel and depth of each badge's prim; depth ≤ 0 is behind the eye.
    """
    if len(badges) == 0:
        return ()
    order = sorted(range(len(badges)), key=lambda i: (badges[i].priority, badges[i].prim))[:_MOST]
    width, height = size
    inset = EDGE * scale
    x, y, depth = at[order, 0], at[order, 1], at[order, 2]
    middle_x, middle_y = width / 2, height / 2
    with np.errstate(invalid="ignore"):
        inside = (depth > 0) & (x >= inset) & (x <= width - inset) & (y >= inset) & (y <= height - inset)
        seen = (depth > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    turn = np.where(depth > 0, 1.0, -1.0)  # what is behind the eye is projected upside down
    dx, dy = np.nan_to_num((x - middle_x) * turn), np.nan_to_num((y - middle_y) * turn)
    dx = np.where((dx == 0) & (dy == 0), 1.0, dx)
    reach_x, reach_y = max(middle_x - inset, 1.0), max(middle_y - inset, 1.0)
    shrink = np.maximum(np.abs(dx) / reach_x, np.abs(dy) / reach_y)
    shrink = np.maximum(shrink, 1e-9)
    px = np.where(inside, x, middle_x + dx / shrink)
    py = np.where(inside, y, middle_y + dy / shrink)
    out: list[Placed] = []
    left = np.arange(len(order))
    while len(left):
        first = left[0]
        near = (px[left] - px[first]) ** 2 + (py[left] - py[first]) ** 2 < (APART * scale) ** 2
        group = left[near]
        members = [badges[order[i]] for i in group.tolist()]
        outside = not seen[group].any()
        out.append(
            Placed(
                float(px[first]),
                float(py[first]),
                members[0].priority,
                sum(badge.count for badge in members),
                tuple(badge.prim for badge in members),
                math.atan2(float(dy[first]), float(dx[first])) if outside else None,
            )
        )
        left = left[~near]
    return tuple(out)


def rect(placed: Placed, theme: Theme, scale: float) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a badge in pixels."""
    patch = _patch_of(placed, "full", theme, scale)
    half = round((SIZE / 2 + _MARGIN) * scale)
    x, y = round(placed.x) - half, round(placed.y) - half
    if _points_right(placed.direction):
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
        patch = _patch_of(badge, style_of(badge.priority, half, still=still), theme, scale)
        x, y, _, _ = rect(badge, theme, scale)
        blend(rgba, patch, x, y)


def _points_right(direction: float | None) -> bool:
    return direction is not None and math.cos(direction) > 0.3  # noqa: PLR2004  not up or down


def _patch_of(badge: Placed, style: Style, theme: Theme, scale: float) -> U1:
    sector = -1
    if badge.direction is not None:
        sector = round(badge.direction / (2 * math.pi) * _DIRECTIONS) % _DIRECTIONS
    return patch(badge.priority, badge.count, style, theme.name, round(scale, 2), sector)


@lru_cache(maxsize=512)
def patch(priority: int, count: int, style: Style, theme_name: str, scale: float, sector: int = -1) -> U1:
    """Return the pixels (h, w, 4) of a badge; its middle is `SIZE / 2 + 7` from the left and the top.

    sector: of sixteen, clockwise from the right, where its arrow points; -1 = no arrow.
    """
    theme = THEMES[theme_name]
    side = round((SIZE + 2 * _MARGIN) * scale)
    words = f"{count}" if count > 1 else ""
    size = round(11 * scale)
    extra = text.width(words, size, True) + round(6 * scale) if words else 0
    over = _OVER
    image = Image.new("RGBA", ((side + extra) * over, side * over), (*theme.panel, 0))
    pen = ImageDraw.Draw(image)
    colour = theme.alarms[priority - 1]
    middle, half = side * over / 2, SIZE * scale * over / 2
    to_right = sector >= 0 and _points_right(2 * math.pi * sector / _DIRECTIONS)
    if words:
        # the count stands behind the shape, on the side where no arrow is
        ends: tuple[float, float] = (middle, (side + extra) * over - 2 * over)
        words_at = middle + half + 3 * scale * over
        if to_right:
            ends = (2 * over, extra * over + middle)
            words_at, middle = 6 * scale * over, middle + extra * over
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
    ring = round(1.5 * scale * over)
    _shape(pen, priority, at, half + ring, _INK)
    if style == "full":
        _shape(pen, priority, at, half, colour)
    elif style == "hollow":
        _shape(pen, priority, at, half, colour)
        _shape(pen, priority, at, half - 2 * scale * over, _INK)
    else:
        _shape(pen, priority, at, half + 3 * scale * over, colour)
        _shape(pen, priority, at, half + 1 * scale * over, _INK)
        _shape(pen, priority, at, half - 1 * scale * over, colour)
    # a triangle's weight is not in its middle
    shift = {2: 0.22, 3: -0.22}.get(priority, 0.0) * half
    pen.text(
        (at[0], at[1] + shift),
        str(priority),
        font=text.font(round(11 * scale) * over, True),
        fill=(*(colour if style == "hollow" else _INK), _OPAQUE),
        anchor="mm",
    )
    return np.asarray(image.resize((side + extra, side), Image.Resampling.BOX))


def _shape(
    pen: ImageDraw.ImageDraw, priority: int, at: tuple[float, float], half: float, colour: Rgb
) -> None:
    """Draw a priority's shape: square, triangle up, triangle down, circle."""
    fill = (*colour, _OPAQUE)
    left, right, top, bottom = at[0] - half, at[0] + half, at[1] - half, at[1] + half
    wide, tip = half * 0.12, half * 0.1
    if priority == 1:
        inner = half * 0.92
        pen.rectangle((at[0] - inner, at[1] - inner, at[0] + inner, at[1] + inner), fill=fill)
    elif priority == 2:  # noqa: PLR2004  the priorities of the table
        pen.polygon(((at[0], top - tip), (right + wide, bottom), (left - wide, bottom)), fill=fill)
    elif priority == 3:  # noqa: PLR2004
        pen.polygon(((at[0], bottom + tip), (right + wide, top), (left - wide, top)), fill=fill)
    else:
        pen.ellipse((left, top, right, bottom), fill=fill)


def _arrow(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    half: float,
    angle: float,
    unit: float,
    colour: Rgb,
) -> None:
    """Draw a small triangle beside the badge that points outwards."""
    tip, base = half + _MARGIN * unit, half + 1.5 * unit
    points = [
        (at[0] + reach * math.cos(angle + off), at[1] + reach * math.sin(angle + off))
        for reach, off in ((tip, 0.0), (base, 0.45), (base, -0.45))
    ]
    pen.polygon(points, fill=(*colour, _OPAQUE), outline=(*_INK, _OPAQUE))
