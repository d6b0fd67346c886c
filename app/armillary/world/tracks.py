"""The courses of an exercise's tags for its report: what was shown, and what was true where that differed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.lesson import Deed, Lesson
from armillary.simulate.debrief import Track
from armillary.world.memory import Memory

MOST = 6  # pictures of a report

Points = Sequence[tuple[float, float]]


def tracks(
    lesson: Lesson,
    units: Mapping[str, str],
    deeds: Sequence[Deed],
    memory: Memory,
    truth: Mapping[str, Points],
    start_ns: int,
) -> tuple[Track, ...]:
    """Return the tags that matter: those of bands, malfunctions and commands.

    units: of every tag there is; truth: (seconds, true value) where an instrument showed something else.
    """
    names: dict[str, tuple[float, float]] = {b.tag: (b.low, b.high) for b in lesson.bands}
    others = [m.target.removeprefix("tag:") for m in lesson.malfunctions]
    others += [deed.what for deed in deeds if deed.kind == "command"]
    for tag in others:
        if tag in units:
            names.setdefault(tag, (-math.inf, math.inf))
    t_s = (memory.t_ns - start_ns) / NS
    return tuple(
        Track(
            tag=tag,
            unit=units[tag],
            t_s=t_s,
            shown=memory.column(tag),
            truth=_between(t_s, truth.get(tag, [])),
            low=low,
            high=high,
        )
        for tag, (low, high) in list(names.items())[:MOST]
    )


def _between(t_s: F8, points: Points) -> F8 | None:
    """Return true values at some times, NaN where none was noted; None without any."""
    if not points:
        return None
    at, value = (np.array(column, np.float64) for column in zip(*points, strict=True))
    out: F8 = np.interp(t_s, at, value, left=np.nan, right=np.nan)
    return out
