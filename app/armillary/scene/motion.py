"""Time samples → what moves and what appears when, baked on a grid of stage times; the rest is not touched.

Between two times of the grid a renderer goes straight from matrix to matrix, so the grid is fine: one stage
time code, or 1/24 s where codes are longer.
"""

from __future__ import annotations

import numpy as np
from pxr import Usd, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import B1, F8, I8
from armillary.model.motion import Motion
from armillary.scene.place import NOTHING, Levels, flags
from armillary.scene.problems import problem
from armillary.scene.survey import Survey
from armillary.scene.timing import Timed

FINEST_S = 1 / 24
MOST_TIMES = 1_500
MOST_SAMPLES = 400_000  # transforms that are asked for: 2 s on a small machine
MOST_STATES = 64 << 20  # visibilities, times by rows


def read(
    survey: Survey,
    source: I8,
    levels: Levels,
    table: F8,
    which: I8,
    reset: B1,
    root: F8,
    in_setting: B1,
    timed: Timed,
) -> Motion:
    """Return what of a scene moves or appears within its time range; nothing where it has none.

    source, levels: rows and their tree. table[which[s]]: transform of source s at the start. reset (M,): rows
    that do not follow their parent. in_setting (M,): rows of the purposes that are shown.
    timed: what changes.
    """
    start, end, codes = timed.range
    placed, seen = timed.placed, timed.seen
    if not placed and not seen:
        return Motion()
    times = _grid(start, end, codes, len(placed))
    moving = _moving(survey, placed, times)
    rows, world, affected, anchor, relative = _worlds(
        moving, placed, source, levels, table, which, reset, root
    )
    shown_row, shown = _shown(survey, seen, times, source, levels, in_setting)
    return Motion(
        time=times,
        prim=rows,
        world=world,
        row=affected,
        anchor=anchor,
        relative=relative,
        shown_row=shown_row,
        shown=shown,
    )


def _grid(start: float, end: float, codes: float, prims: int) -> F8:
    most = max(min(MOST_TIMES, MOST_SAMPLES // max(prims, 1)), 2)
    # of a code: what is authored lies on whole ones
    parts = max(int(np.ceil(1.0 / max(codes * FINEST_S, 1 / MOST_TIMES))), 1)
    if (end - start) * parts + 2 > most:
        return np.linspace(start, end, most)
    times = start + np.arange(int((end - start) * parts) + 1) / parts
    return times if times[-1] >= end else np.append(times, end)


def _moving(survey: Survey, placed: list[int], times: F8) -> F8:
    """Return the transforms to the parent's space of sources at all times, shape (F, a, 4, 4)."""
    out = np.empty((len(times), len(placed), 4, 4))
    prims = [survey.prim[s] for s in placed]
    for k, t in enumerate(times.tolist()):
        local = UsdGeom.XformCache(Usd.TimeCode(t)).GetLocalTransformation
        for j, prim in enumerate(prims):
            out[k, j] = local(prim)[0]
    out = out.transpose(0, 1, 3, 2)  # OpenUSD's matrices are of row vectors
    bad = ~np.isfinite(out).all(axis=(2, 3))
    if bad.any():
        out[bad] = np.eye(4)
        for j in np.flatnonzero(bad.any(axis=0)).tolist():
            what = "The transform is not a number at some times."
            survey.problems.append(problem("S12", survey.path[placed[j]], what))
    return out


def _worlds(
    moving: F8,
    placed: list[int],
    source: I8,
    levels: Levels,
    table: F8,
    which: I8,
    reset: B1,
    root: F8,
) -> tuple[I8, F8, I8, I8, F8]:
    """Return the rows that move by themselves with their world matrices, and those that follow them."""
    m = len(source)
    sampled = np.full(len(which), NOTHING, np.int64)
    sampled[placed] = np.arange(len(placed))
    own = sampled[source]  # column of `moving` of each row
    rows = np.flatnonzero(own >= 0)
    number = np.full(m, NOTHING, np.int64)
    number[rows] = np.arange(len(rows))
    world = np.empty((len(moving), len(rows), 4, 4))
    anchor = np.full(m, NOTHING, np.int64)  # the nearest row at or above that moves by itself
    chain = np.empty((m, 4, 4))  # from a row to its anchor's space, or to the world's where there is none
    for depth, at in enumerate(levels.rows):
        local = table[which[source[at]]]
        if depth:
            parent = levels.parent[at]
            above, before = anchor[parent].copy(), chain[parent]
            above[reset[at]], before[reset[at]] = NOTHING, root
        else:
            above, before = np.full(len(at), NOTHING), np.broadcast_to(root, (len(at), 4, 4))
        moves = own[at] >= 0
        free, led = moves & (above < 0), moves & (above >= 0)
        world[:, number[at[free]]] = before[free] @ moving[:, own[at[free]]]
        world[:, number[at[led]]] = world[:, above[led]] @ before[led] @ moving[:, own[at[led]]]
        anchor[at] = np.where(moves, number[at], above)
        chain[at] = np.where(moves[:, None, None], np.eye(4), before @ local)
    affected = np.flatnonzero(anchor >= 0)
    return rows, world, affected, anchor[affected], chain[affected]


def _shown(
    survey: Survey, seen: list[int], times: F8, source: I8, levels: Levels, in_setting: B1
) -> tuple[I8, B1]:
    """Return the rows whose visibility changes, and whether each is visible at each time (F, q)."""
    nothing = np.zeros(0, np.int64), np.zeros((len(times), 0), np.bool_)
    if not seen:
        return nothing
    hidden = np.array(
        [
            [survey.prim[s].GetAttribute("visibility").Get(t) == "invisible" for s in seen]
            for t in times.tolist()
        ]
    )
    below = levels.any_above(flags(len(survey.path), seen)[source])
    rows = np.flatnonzero(below)
    if len(rows) * len(times) > MOST_STATES:
        what = "Its visibility changes too often, or for too many parts; it is that of the start."
        survey.problems.append(problem("S11", survey.path[seen[0]], what))
        return nothing
    always = flags(len(survey.path), [s for s in survey.invisible if s not in set(seen)])
    patterns, of = np.unique(hidden, axis=0, return_inverse=True)
    states = np.empty((len(patterns), len(rows)), np.bool_)
    for k, pattern in enumerate(patterns):
        now = always.copy()
        now[np.array(seen)[pattern]] = True
        states[k] = (in_setting & ~levels.any_above(now[source]))[rows]
    return rows, states[of.ravel()]
