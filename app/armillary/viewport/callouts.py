"""Callouts: what an alarm says, beside its badge, tied to it by a line, none over another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from armillary.model.arrays import U1
from armillary.viewport import text
from armillary.viewport.badges import Placed
from armillary.viewport.overlay import Rect, blend
from armillary.viewport.theme import INK, THEMES, Theme

MOST = 6  # on one picture: more are not read, the list has them all
_LONGEST = 34  # letters of a line
_FONT, _PAD, _STRIPE, _LINE = 11, 6, 4, 4
_RIM = 12  # from the middle of a badge to where its line begins
_NEAR, _FARTHER = (22, 46, 84, 132), 2.0
# where a callout may stand, as seen from its badge, the best first: right, left, above, below, corners
_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
_OPAQUE, _OVER = 255, 2


@dataclass(frozen=True, slots=True)
class Callout:
    """What the worst alarm at a prim says: what it is, then its value and limit."""

    prim: int
    priority: int
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A callout on the picture. left, top: of its plate; x, y: the middle of its badge."""

    callout: Callout
    left: int
    top: int
    x: int
    y: int


def short(words: str) -> str:
    """Return words as long as a line may be."""
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1].rstrip() + "…"


def size_of(callout: Callout, scale: float) -> tuple[int, int]:
    """Return width and height of a plate in pixels."""
    size = round(_FONT * scale)
    wide = max(text.width(short(callout.title), size, True), text.width(short(callout.text), size))
    lines = 2 if callout.text else 1
    height = lines * (size + round(_LINE * scale)) + round((2 * _PAD - _LINE) * scale)
    return wide + round((2 * _PAD + _STRIPE) * scale), height


def place(
    callouts: Sequence[Callout],
    placed: Sequence[Placed],
    size: tuple[int, int],
    scale: float,
    blocked: Sequence[Rect],
) -> tuple[Told, ...]:
    """Return the callouts that have room beside the badges of their prims, in order of these.

    One for each badge, the first of its prims' that there is; none over another, over a badge or over what is
    `blocked`, and all of it in the picture.
    """
    by_prim: dict[int, Callout] = {}
    for callout in callouts:
        by_prim.setdefault(callout.prim, callout)
    taken = list(blocked)
    out: list[Told] = []
    for badge in placed:
        said = next((by_prim[p] for p in badge.prims if p in by_prim), None)
        if said is None or badge.direction is not None:
            continue
        at = _room(badge, size_of(said, scale), size, scale, taken)
        if at is None:
            continue
        out.append(Told(said, *at, round(badge.x), round(badge.y)))
        taken.append(rect(out[-1], scale))
        if len(out) == MOST:
            break
    return tuple(out)


def _room(
    badge: Placed, plate: tuple[int, int], size: tuple[int, int], scale: float, taken: Sequence[Rect]
) -> tuple[int, int] | None:
    w, h = plate
    for near in _NEAR:
        for right, down in _SIDES:
            away_x, away_y = near * scale, near * scale / (_FARTHER if right and down else 1)
            x = badge.x + (right * away_x if right else -w / 2) - (w if right < 0 else 0)
            y = badge.y + (down * away_y if down else -h / 2) - (h if down < 0 else 0)
            left, top = round(x), round(y)
            if left < 0 or top < 0 or left + w > size[0] or top + h > size[1]:
                continue
            if not any(left < r and a < left + w and top < d and b < top + h for a, b, r, d in taken):
                return left, top
    return None


def rect(told: Told, scale: float) -> Rect:
    """Return left, top, right, bottom of a plate in pixels."""
    w, h = size_of(told.callout, scale)
    return told.left, told.top, told.left + w, told.top + h


def whole(told: Told, scale: float) -> Rect:
    """Return the same with its line to the badge."""
    left, top, right, low = rect(told, scale)
    margin = round(2 * scale)
    return (
        min(left, told.x - margin),
        min(top, told.y - margin),
        max(right, told.x + margin),
        max(low, told.y + margin),
    )


def draw(rgba: U1, callouts: Sequence[Told], theme: Theme, scale: float) -> None:
    """Draw callouts into a picture (h, w, 4)."""
    for told in callouts:
        left, top, _, _ = whole(told, scale)
        offset = (told.left - told.x, told.top - told.y)
        blend(rgba, patch(told.callout, offset, theme.name, round(scale, 2)), left, top)


def make(told: Told, theme: Theme, scale: float) -> None:
    """Make the pixels that `draw` needs, and keep them: what is new takes some milliseconds."""
    patch(told.callout, (told.left - told.x, told.top - told.y), theme.name, round(scale, 2))


@lru_cache(maxsize=128)
def patch(callout: Callout, offset: tuple[int, int], theme_name: str, scale: float) -> U1:
    """Return the pixels (h, w, 4) of a plate that stands at `offset` from the middle of its badge."""
    theme = THEMES[theme_name]
    told = Told(callout, *offset, 0, 0)
    left, top, right, low = whole(told, scale)
    over = _OVER
    image = Image.new("RGBA", ((right - left) * over, (low - top) * over), (*theme.panel, 0))
    pen = ImageDraw.Draw(image)
    a, b, c, d = ((v - o) * over for v, o in zip(rect(told, scale), (left, top, left, top), strict=True))
    start, end = (
        (-left * over, -top * over),
        (
            min(max(-left * over, a), c),
            min(max(-top * over, b), d),
        ),
    )
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    rim = _RIM * scale * over
    begin = start[0] + rim * math.cos(angle), start[1] + rim * math.sin(angle)
    if math.dist(start, end) > rim:
        pen.line((begin, end), fill=(*INK, _OPAQUE), width=round(4 * scale * over))
        pen.line(
            (begin, end), fill=(*theme.alarms[callout.priority - 1], _OPAQUE), width=round(2 * scale * over)
        )
    pen.rectangle((a, b, c - 1, d - 1), fill=(*theme.panel, 240), outline=(*theme.muted, _OPAQUE), width=over)
    stripe = round(_STRIPE * scale) * over
    pen.rectangle(
        (a + over, b + over, a + stripe, d - 1 - over), fill=(*theme.alarms[callout.priority - 1], _OPAQUE)
    )
    size, pad = round(_FONT * scale), round(_PAD * scale)
    line = (size + round(_LINE * scale)) * over
    x, y = a + stripe + pad * over, b + pad * over + size * over / 2
    for i, words in enumerate((short(callout.title), short(callout.text))):
        pen.text(
            (x, y + i * line),
            words,
            font=text.font(size * over, i == 0),
            fill=(*(theme.muted if i else theme.text), _OPAQUE),
            anchor="lm",
        )
    return np.asarray(image.resize((right - left, low - top), Image.Resampling.BOX))
