"""Where badges of alarms stand on a picture, and which of them become one.

Badges never overlap: what is nearer than `badges.APART`, or would reach into another with its count, is one
badge with the count of both. In a flood the picture stays readable, as there are never more than `MOST`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.viewport.badges import APART, EDGE, Badge, Placed, chip_width

MOST = 300  # on one picture; where there would be more, wider neighbourhoods become one
_HALF, _DOUBLE = APART / 2, 15  # from the middle of a badge to where the next one may begin
_POINTS = 26  # the same with an arrow
_CHIP = 11  # where a count ends, beside its own width
_FINEST = 12  # pixels of a neighbourhood: what lies in one is nearer than APART


def place(
    badges: Sequence[Badge], at: F8, size: tuple[int, int], scale: float = 1.0, *, still: bool = False
) -> tuple[Placed, ...]:
    """Return the badges to be drawn, none over another, the worst first.

    at: (n, 3) pixel and depth of each badge's prim; depth ≤ 0 is behind the eye. still: they are drawn with a
    double edge, which takes more room.
    """
    if not len(badges):
        return ()
    table = np.array([(b.prim, b.priority, b.count) for b in badges], np.int64)
    order = np.lexsort((table[:, 0], table[:, 1]))
    return place_arrays(table[order], at[order], size, scale, still=still)


def place_arrays(
    table: I8, at: F8, size: tuple[int, int], scale: float, *, still: bool = False
) -> tuple[Placed, ...]:
    """Return what `place` does. table: (n, 3) prim, priority and count, the worst first."""
    width, height = size
    x, y, angle, outside = _on_picture(at, width, height, EDGE * scale)
    head, fine = _worst_first(_neighbours(x, y, outside, _FINEST * scale, width, height))
    number = np.bincount(fine, weights=table[:, 2]).astype(np.int64)
    group = np.arange(len(head))  # of each neighbourhood
    while True:
        first, group = _worst_first(group)
        count = np.bincount(group, weights=number).astype(np.int64)
        points = np.zeros(len(first), np.bool_)
        points[group[outside[head]]] = True
        half = np.where(points, _POINTS, _DOUBLE if still else _HALF) * scale
        at_row = head[first]
        flips, box = _boxes(x[at_row], y[at_row], angle[at_row], half, count, width, scale)
        into = _absorbed(box)
        if (into == np.arange(len(first))).all():
            break
        group = into[group]
    first, group = at_row, group[fine]
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    out = []
    for i, rows in enumerate(members):
        pointing = rows[outside[rows]]  # of one that stands for parts in and outside, where it points to
        out.append(
            Placed(
                float(x[first[i]]),
                float(y[first[i]]),
                int(table[first[i], 1]),
                int(count[i]),
                tuple(table[rows, 0].tolist()),
                float(angle[pointing[0]]) if len(pointing) else None,
                flip=bool(flips[i]),
            )
        )
    return tuple(out)


def _on_picture(at: F8, width: int, height: int, inset: float) -> tuple[F8, F8, F8, B1]:
    """Return where badges would stand, (n,) each, the direction of their prims, and which are not in view."""
    x, y, depth = at[:, 0], at[:, 1], at[:, 2]
    middle_x, middle_y = width / 2, height / 2
    with np.errstate(invalid="ignore"):
        inside = (depth > 0) & (x >= inset) & (x <= width - inset) & (y >= inset) & (y <= height - inset)
        seen = (depth > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    turn = np.where(depth > 0, 1.0, -1.0)  # what is behind the eye is projected upside down
    dx, dy = np.nan_to_num((x - middle_x) * turn), np.nan_to_num((y - middle_y) * turn)
    dx = np.where((dx == 0) & (dy == 0), 1.0, dx)
    reach_x, reach_y = max(middle_x - inset, 1.0), max(middle_y - inset, 1.0)
    shrink = np.maximum(np.maximum(np.abs(dx) / reach_x, np.abs(dy) / reach_y), 1e-9)
    px = np.where(inside, x, middle_x + dx / shrink)
    py = np.where(inside, y, middle_y + dy / shrink)
    return px, py, np.arctan2(dy, dx), ~seen


def _neighbours(x: F8, y: F8, outside: B1, cell: float, width: int, height: int) -> I8:
    """Return the neighbourhood (n,) of each badge, wider ones where there are more than MOST."""
    while True:
        key = (np.floor(y / cell) * (2 + width // cell) + np.floor(x / cell)).astype(np.int64) * 2 + outside
        found, group = np.unique(key, return_inverse=True)
        if len(found) <= MOST or cell > max(width, height):
            return group.astype(np.int64)
        cell *= 2


def _worst_first(group: I8) -> tuple[I8, I8]:
    """Return the first row of each group, and the groups (n,) numbered in order of these."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.sort(first), rank[inverse]


def _boxes(x: F8, y: F8, angle: F8, half: F8, count: I8, width: int, scale: float) -> tuple[B1, F8]:
    """Return on which side the counts stand (True: left), and left, top, right, low (g, 4) of each badge.

    half: (g,) what each takes around its middle.
    """
    several, inverse = np.unique(count, return_inverse=True)
    chips = np.array([chip_width(each, scale) for each in several.tolist()], np.float64)[inverse]
    beside = np.where(count > 1, chips + _CHIP * scale, half)
    points = half > _DOUBLE * scale
    flips = (points & (np.cos(angle) > 0.3)) | (x + beside > width)  # noqa: PLR2004  not up or down
    left = x - np.where(flips, np.maximum(beside, half), half)
    right = x + np.where(flips, half, np.maximum(beside, half))
    return flips, np.stack([left, y - half, right, y + half], axis=1)


def _absorbed(box: F8) -> I8:
    """Return which box (g,) each one becomes part of: the first, in order, that it overlaps; else itself."""
    left, top, right, low = box.T
    meets = (left[:, None] < right) & (left < right[:, None]) & (top[:, None] < low) & (top < low[:, None])
    into = np.arange(len(box))
    free = np.ones(len(box), np.bool_)
    for i in range(len(box)):
        if free[i]:
            taken = meets[i] & free
            into[taken] = i
            free[taken] = False
    return into


def direction_words(angle: float) -> str:
    """Return in words where an angle points to on the picture, clockwise from the right."""
    words = ("right", "lower right", "below", "lower left", "left", "upper left", "above", "upper right")
    return words[round(angle / (math.pi / 4)) % 8]
