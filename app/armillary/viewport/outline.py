"""Outlines of constant width, painted where the plane of outline codes steps up.

Drawn on the finished picture rather than with geometry, so that they are two pixels wide at every distance
and need nothing rebuilt when a state or the selection changes.
"""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, U1
from armillary.viewport.theme import DOTTED, PLAIN, SELECTED, THIN

WIDTH = 2  # pixels


def paint(rgba: U1, codes: U1, colours: U1) -> int:
    """Paint outlines into rgba (h, w, 4) around the areas of codes (h, w) and return how many pixels.

    colours: (14, 3), one for each code. An outline lies outside its area, over what is lower in code.
    """
    rows = np.flatnonzero(codes.any(axis=1))
    if len(rows) == 0:
        return 0
    columns = np.flatnonzero(codes[rows[0] : rows[-1] + 1].any(axis=0))
    top, bottom = max(int(rows[0]) - WIDTH, 0), min(int(rows[-1]) + 1 + WIDTH, codes.shape[0])
    left, right = max(int(columns[0]) - WIDTH, 0), min(int(columns[-1]) + 1 + WIDTH, codes.shape[1])
    inside = np.ascontiguousarray(codes[top:bottom, left:right])
    around = _grown(inside)
    edge: B1 = around != inside
    y, x = np.nonzero(edge)
    code = around[y, x]
    keep = (code != DOTTED) | (((x >> 1) + (y >> 1)) % 3 != 0)
    thin = np.isin(code, THIN) & (_grown_once(inside)[y, x] == inside[y, x])  # one pixel wide
    keep &= ~thin
    y, x, code = y[keep], x[keep], code[keep]
    rgba[top + y, left + x, :3] = colours[code]
    return len(y)


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


def _grown(codes: U1) -> U1:
    for _ in range(WIDTH):
        codes = _grown_once(codes)
    return codes
