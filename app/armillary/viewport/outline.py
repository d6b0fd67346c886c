"""Outlines of constant width, painted where the plane of outline codes steps up.

Drawn on the finished picture rather than with geometry, so that they are two pixels wide at every distance
and need nothing rebuilt when a state or the selection changes. A line of ink lies around those of alarms:
their colours cannot be told from every ground, and ink can be told from all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.viewport.theme import ACKED, ALARMS, DOTTED, INK, PLAIN, SELECTED, THIN

WIDTH = 2  # pixels
_DOUBLE = 5  # pixels from the part to the end of a double line: two of colour, one of ink, two of colour
_INK = SELECTED + 1  # beside the codes, in what is painted


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """Pixels of the outlines of alarms that wait, so that these can blink without another picture."""

    y: I8  # (n,)
    x: I8  # (n,)
    priority: U1  # (n,) 1 … 4
    over: U1  # (n, 3) as they are painted
    under: U1  # (n, 3) as they were before

    def __len__(self) -> int:
        return len(self.y)

    def of(self, rows: B1 | I8) -> Painted:
        """Return some of them."""
        return Painted(self.y[rows], self.x[rows], self.priority[rows], self.over[rows], self.under[rows])

    def still_there(self, rgba: U1) -> Painted:
        """Return those that nothing was painted over since, in a picture (h, w, 4)."""
        return self.of((rgba[self.y, self.x, :3] == self.over).all(axis=1))

    def show(self, rgba: U1, priorities: tuple[int, ...]) -> None:
        """Paint those of some priorities into a picture (h, w, 4), and take the others away."""
        if len(self):
            on = np.isin(self.priority, priorities)[:, None]
            rgba[self.y, self.x, :3] = np.where(on, self.over, self.under)


def nothing() -> Painted:
    """Return no pixels."""
    none, rgb = np.zeros(0, np.int64), np.zeros((0, 3), np.uint8)
    return Painted(none, none, np.zeros(0, np.uint8), rgb, rgb)


def paint(rgba: U1, codes: U1, colours: U1, *, double: bool = False) -> Painted:
    """Paint outlines into rgba (h, w, 4) around the areas of codes (h, w); return what of it may blink.

    colours: (14, 3), one for each code. An outline lies outside its area, over what is lower in code. double:
    alarms that wait have a second line around the first (reduced motion: nothing blinks).
    """
    rows = np.flatnonzero(codes.any(axis=1))
    if len(rows) == 0:
        return nothing()
    columns = np.flatnonzero(codes[rows[0] : rows[-1] + 1].any(axis=0))
    reach = (_DOUBLE if double else WIDTH) + 1
    top, bottom = max(int(rows[0]) - reach, 0), min(int(rows[-1]) + 1 + reach, codes.shape[0])
    left, right = max(int(columns[0]) - reach, 0), min(int(columns[-1]) + 1 + reach, codes.shape[1])
    inside = np.ascontiguousarray(codes[top:bottom, left:right])
    drawn, owner = _rings(inside, double=double)
    y, x = np.nonzero(drawn)
    code = drawn[y, x]
    keep = (code != DOTTED) | (((x >> 1) + (y >> 1)) % 3 != 0)
    y, x, code = y[keep], x[keep], code[keep]
    over = np.concatenate([colours, np.array([INK], np.uint8)])[code]
    owned = owner[y, x]
    y, x = top + y, left + x
    waits = np.isin(owned, ALARMS)
    under = rgba[y[waits], x[waits], :3].copy()
    rgba[y, x, :3] = over
    priority = (max(ALARMS) + 1 - owned[waits]).astype(np.uint8)
    return Painted(y[waits], x[waits], priority, over[waits], under)


def _rings(inside: U1, *, double: bool) -> tuple[U1, U1]:
    """Return what is drawn at each pixel of a plane of codes, a code or ink, and whose it is; 0: nothing."""
    drawn, owner = np.zeros_like(inside), np.zeros_like(inside)
    before, last = inside, WIDTH
    for ring in range(1, _DOUBLE + 2):
        if ring > last + 1:
            break
        around = _grown_once(before)
        at = np.flatnonzero(around != before)
        code = around.flat[at]
        free = (drawn.flat[at] == 0) | (code > owner.flat[at])
        at, code = at[free], code[free]
        line, ink = _parts(ring, code)
        drawn.flat[at[line]], drawn.flat[at[ink]] = code[line], _INK
        owner.flat[at[line | ink]] = code[line | ink]
        if double and ring == 1 and np.isin(code, ALARMS).any():
            last = _DOUBLE
        before = around
    return drawn, owner


def _parts(ring: int, code: U1) -> tuple[B1, B1]:
    """Return which pixels of a ring around areas of these codes are line, and which ink, (n,) each."""
    is_alarm, nowhere = np.isin(code, ALARMS), np.zeros(len(code), np.bool_)
    if ring == 1:
        return ~nowhere, nowhere
    if ring == WIDTH:
        return ~np.isin(code, THIN), np.isin(code, ACKED)
    if ring in (WIDTH + 1, _DOUBLE + 1):
        return nowhere, is_alarm
    return is_alarm, nowhere


def codes_of(alpha: U1) -> U1:
    """Return the outline codes that a picture's alpha (h, w) carries; what is not a code is none."""
    codes = np.subtract(255, alpha, dtype=np.uint8)
    if codes.max(initial=0) > SELECTED:
        codes[codes > SELECTED] = PLAIN
    return codes


def _grown_once(codes: U1) -> U1:
    """Return the highest code among each pixel and its neighbours."""
    out = codes.copy()
    np.maximum(out[1:], codes[:-1], out=out[1:])
    np.maximum(out[:-1], codes[1:], out=out[:-1])
    wide = out.copy()
    np.maximum(wide[:, 1:], out[:, :-1], out=wide[:, 1:])
    np.maximum(wide[:, :-1], out[:, 1:], out=wide[:, :-1])
    return wide
