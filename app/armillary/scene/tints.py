"""Time samples of one colour or opacity of a part → its colours by time; a material stands above them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pxr import Gf, Usd

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import I8, U1
from armillary.scene import paint
from armillary.scene.appearance import Appearance
from armillary.scene.place import NOTHING, Levels
from armillary.scene.plan import COLOUR, OPACITY
from armillary.scene.problems import problem
from armillary.scene.survey import Survey
from armillary.scene.timing import Timed

MOST_BYTES = 32 << 20


def read(survey: Survey, timed: Timed, source: I8, levels: Levels, look: Appearance) -> dict[str, Any]:
    """Return the fields `tint_…` of SceneArrays; source, levels: of each row."""
    if not timed.coloured:
        return {}
    number = np.full(len(survey.path), NOTHING, np.int64)
    number[timed.coloured] = np.arange(len(timed.coloured))
    # a part shows the nearest colour above it: an own one that does not change ends what comes from above
    plain = np.full(len(survey.path), NOTHING, np.int64)
    plain[[*survey.colour_source, *survey.opacity_source]] = len(timed.coloured)
    plain[timed.coloured] = number[timed.coloured]
    of = levels.inherited(plain[source])
    rows = np.flatnonzero((of >= 0) & (of < len(timed.coloured)) & ~look.by_material)
    times = _times(survey, timed)
    if not len(rows) or len(times) * len(rows) * 4 > MOST_BYTES:
        if len(rows):
            what = "Too many colours change too often; they are those of the start."
            survey.problems.append(problem("S11", survey.path[timed.coloured[0]], what))
        return {}
    rgba: U1 = np.tile(look.rgba[rows], (len(times), 1, 1))
    which = of[rows]
    for k, t in enumerate(times.tolist()):
        now = replace(survey, time=Usd.TimeCode(t), problems=[])
        for j, s in enumerate(timed.coloured):
            mine = which == j
            colour, _ = now.values.primvar(now.prim[s], COLOUR)
            if colour is not None and colour.shape[1:] == (3,) and len(colour):
                rgba[k, mine, :3] = paint.srgb(colour[0])
            opacity, _ = now.values.primvar(now.prim[s], OPACITY)
            if opacity is not None and opacity.ndim == 1 and len(opacity):
                rgba[k, mine, 3] = paint.byte(opacity[0])
    return {"tint_time": times, "tint_row": rows, "tint_rgba": rgba}


def _times(survey: Survey, timed: Timed) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    start, end, _ = timed.range
    found = {start, end}
    for s in timed.coloured:
        for name in (COLOUR, OPACITY):
            attribute = survey.prim[s].GetAttribute(name)
            if attribute:
                found.update(attribute.GetTimeSamplesInInterval(Gf.Interval(start, end)))
    return np.array(sorted(found))
