"""Signs of quality over the picture: S, ?, a clock with an age, and dots at what holds such parts.

They keep their size at every distance and stand at the upper right of their part, where it is large enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from armillary.model.arrays import F8, I8, U1
from armillary.model.look import BELOW_BAD, BELOW_STALE, HIDDEN_BELOW, Marks
from armillary.model.quality import STALE, SUBSTITUTED, UNCERTAIN
from armillary.viewport import text
from armillary.viewport.overlay import blend
from armillary.viewport.theme import THEMES, Rgb, Theme

Sign = Literal["S", "?", "clock", "dot", "bad dot", "hidden"]
SIGNS: dict[int, Sign] = {
    SUBSTITUTED: "S",
    UNCERTAIN: "?",
    STALE: "clock",
    BELOW_STALE: "dot",
    BELOW_BAD: "bad dot",
    HIDDEN_BELOW: "hidden",
}
# pixels that a part must be large to have its sign; a clock says when, which needs a part that is looked at
LEAST_PX = {
    SUBSTITUTED: 16.0,
    UNCERTAIN: 16.0,
    STALE: 40.0,
    BELOW_STALE: 24.0,
    BELOW_BAD: 24.0,
    HIDDEN_BELOW: 24.0,
}
SMALLEST_PX = min(LEAST_PX.values())
MOST = 200  # drawn at once; the largest parts' signs are
ASIDE = 0.32  # of a part's size on the screen, from its middle to its sign
SIZE, DOT = 16, 9  # pixels across
PILL: Rgb = (0x9F, 0xB3, 0xC8)
_INK: Rgb = (0x1B, 0x1F, 0x24)
_OVER = 4  # drawn so much larger, then reduced
_OPAQUE = 255
_MINUTE_FROM, _HOUR_FROM, _DAY_FROM = 120, 7_200, 172_800
_WHOLE = 0.9  # of the picture: a holder that fills it is where the eye is


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign on the picture: the pixel of its middle."""

    x: float
    y: float
    sign: Sign
    words: str
    prim: int


def age_words(seconds: float) -> str:
    """Return an age for a sign, in whole units: `7 s`, `4 min`, `3 h`, `2 d`; nothing when not known."""
    if not seconds >= 0:
        return ""
    for limit, size, unit in ((_MINUTE_FROM, 1, "s"), (_HOUR_FROM, 60, "min"), (_DAY_FROM, 3_600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86_400)} d"


def place(marks: Marks, corners: F8, size: tuple[int, int], scale: float = 1.0) -> tuple[Signed, ...]:
    """Return the signs to be drawn, the largest parts' first, none over another.

    corners: (n, 8, 3) pixel and depth of the corners of each prim's box; NaN: it has nothing to draw.
    """
    if not len(marks):
        return ()
    w, h = size
    with np.errstate(invalid="ignore"):
        x, y = np.clip(corners[..., 0], -w, 2 * w), np.clip(corners[..., 1], -h, 2 * h)
        left, right, top, low = x.min(axis=1), x.max(axis=1), y.min(axis=1), y.max(axis=1)
        extent = np.maximum(right - left, low - top)
        middle_x, middle_y = (left + right) / 2, (top + low) / 2
        holds = marks.kind >= BELOW_STALE
        aside = np.where(holds, 0.5, ASIDE)
        px, py = middle_x + aside * (right - left), middle_y - aside * (low - top)
        px = np.where(marks.kind == HIDDEN_BELOW, 2 * middle_x - px, px)  # at the other corner
        least = np.array([LEAST_PX[k] for k in np.unique(marks.kind).tolist()])
        least = least[np.searchsorted(np.unique(marks.kind), marks.kind)] * scale
        shown = (
            (corners[..., 2].min(axis=1) > 0) & (extent > least) & (px >= 0) & (px < w) & (py >= 0) & (py < h)
        )
        shown &= ~(holds & (right - left > _WHOLE * w) & (low - top > _WHOLE * h))
    rows = np.flatnonzero(shown)
    rows = rows[np.argsort(-extent[rows], kind="stable")]
    return _apart(marks, rows, px, py, scale)


def _apart(marks: Marks, rows: I8, px: F8, py: F8, scale: float) -> tuple[Signed, ...]:
    """Return the signs of some rows in order, each only where no other stands yet."""
    out: list[Signed] = []
    taken: list[tuple[float, float]] = []
    near = SIZE * scale
    for i in rows[: 4 * MOST].tolist():
        at = float(px[i]), float(py[i])
        if any(abs(a - at[0]) < near and abs(b - at[1]) < near for a, b in taken):
            continue
        taken.append(at)
        words = age_words(float(marks.age_s[i])) if marks.kind[i] == STALE else ""
        out.append(Signed(*at, SIGNS[int(marks.kind[i])], words, int(marks.prim[i])))
        if len(out) == MOST:
            break
    return tuple(out)


def rect(signed: Signed, theme: Theme, scale: float) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a sign in pixels; its words stand to the right of it."""
    image = patch(signed.sign, signed.words, theme.name, round(scale, 2))
    half = image.shape[0] / 2
    x, y = round(signed.x - half), round(signed.y - half)
    return x, y, x + image.shape[1], y + image.shape[0]


def draw(rgba: U1, placed: tuple[Signed, ...], theme: Theme, scale: float) -> None:
    """Draw signs into a picture (h, w, 4)."""
    for signed in reversed(placed):
        x, y, _, _ = rect(signed, theme, scale)
        blend(rgba, patch(signed.sign, signed.words, theme.name, round(scale, 2)), x, y)


@lru_cache(maxsize=512)
def patch(sign: Sign, words: str, theme_name: str, scale: float) -> U1:
    """Return the pixels (h, w, 4) of a sign; its middle is half its height from the left and the top."""
    theme = THEMES[theme_name]
    side = round((DOT if sign.endswith("dot") or sign == "hidden" else SIZE) * scale)
    size = round(11 * scale)
    extra = text.width(words, size) + round(5 * scale) if words else 0
    over = _OVER
    image = Image.new("RGBA", ((side + extra) * over, side * over), (*theme.panel, 0))
    pen = ImageDraw.Draw(image)
    edge, end = over, side * over - over
    line = round(1.4 * scale * over)
    muted, ink = (*theme.muted, _OPAQUE), (*_INK, _OPAQUE)
    if words:
        pen.rounded_rectangle(
            (edge, edge, (side + extra) * over - over, end), end / 2, fill=(*theme.panel, 235), outline=muted
        )
        pen.text(
            (side * over, side * over / 2),
            words,
            font=text.font(size * over),
            fill=(*theme.text, _OPAQUE),
            anchor="lm",
        )
    if sign == "S":
        pen.rounded_rectangle((edge, edge, end, end), 4 * scale * over, fill=(*PILL, _OPAQUE), outline=ink)
    elif sign in ("?", "clock"):
        pen.ellipse((edge, edge, end, end), fill=(*theme.panel, _OPAQUE), outline=muted, width=line)
    elif sign == "hidden":  # a ring: somebody put something away in here
        pen.ellipse((edge, edge, end, end), fill=(*theme.text, _OPAQUE), outline=ink, width=line)
        pen.ellipse((2.6 * line, 2.6 * line, end - 2.2 * line, end - 2.2 * line), fill=(*_INK, _OPAQUE))
    else:
        colour = theme.bad if sign == "bad dot" else theme.muted
        pen.ellipse((edge, edge, end, end), fill=(*colour, _OPAQUE), outline=ink, width=line)
    middle = side * over / 2
    if sign in ("S", "?"):
        word = ink if sign == "S" else (*theme.text, _OPAQUE)
        pen.text((middle, middle), sign, font=text.font(size * over, True), fill=word, anchor="mm")
    elif sign == "clock":
        reach = middle * 0.58
        pen.line((middle, middle, middle, middle - reach), fill=(*theme.text, _OPAQUE), width=line)
        pen.line((middle, middle, middle + reach * 0.8, middle), fill=(*theme.text, _OPAQUE), width=line)
    return np.asarray(image.resize((side + extra, side), Image.Resampling.BOX))
