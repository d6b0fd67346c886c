"""One line of a trend, ready to draw: what the recorder knows, then the last minutes from frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import STALE
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.session.tail import Ring
from armillary.session.trend_past import LEVEL_GAP, NOTHING, Past

_SILENCE_S = 10.0  # between the record and the first frame: nobody knows what was


@dataclass(frozen=True, slots=True)
class Pen:
    """One line of a trend, n points ascending in time; ready to draw."""

    slot: int
    name: str
    unit: str
    t_ns: I8  # (n,) ns UTC
    low: F8  # (n,) NaN where there is a gap
    high: F8  # (n,)
    quality: U2  # (n,) rank
    past: str  # "" = the recorder answered; else why the past is missing
    unknown: tuple[tuple[int, int], ...] = ()  # spans that were asked for and not answered yet, ns UTC
    level_s: float = 0.0  # of the coarsest points from the recorder; 0 = samples
    is_step: bool = False  # a state: it holds until it changes, no line leads from one to the next
    bound: float = 0.0  # in `unit`: so far samples may have been from what is drawn; 0 = all are recorded


def joined(
    spec: TagSpec,
    past: Past | None,
    ring: Ring,
    window: tuple[int, int],
    core: tuple[int, int],
    width: int,
    began_ns: int,
    known_ns: int,
) -> Pen:
    """Return past and tail of a tag as one line over a window in ns UTC, thinned to `width` columns.

    core: the part of it that is looked at.
    began_ns: of a simulated world, the record is its past up to here only; 0 = no such end. known_ns: what
    comes later cannot be unknown.
    """
    start, end = window
    limit_ms = stale_after_ms(spec) if spec.liveness == "tag" else 0
    tail_t, tail_v, tail_q = ring.arrays()
    points = past.points(start, end, limit_ms, core) if past is not None else NOTHING
    t, low, high, quality = points.t_ns, points.low, points.high, points.quality
    newest = past.newest if past is not None else None
    if newest is not None:
        if began_ns:
            own = int(np.searchsorted(t, began_ns, "right"))
            t, low, high, quality = t[:own], low[:own], high[:own], quality[:own]
        last_ns = int(newest.series.t_ns[-1]) if len(newest.series.t_ns) else newest.from_ns
        last_ns = max(last_ns, int(t[-1])) if len(t) and not began_ns else int(t[-1]) if len(t) else last_ns
        later = np.searchsorted(tail_t, last_ns, "right")
        tail_t, tail_v, tail_q = tail_t[later:], tail_v[later:], tail_q[later:]
    tail_v = np.where(tail_q >= STALE, np.nan, tail_v)
    inside = _window(tail_t, start, end)
    tail_t, tail_low, tail_high, tail_q = thinned(tail_t[inside], tail_v[inside], tail_q[inside], width)
    if (
        len(t)
        and len(tail_t)
        and newest is not None
        and _is_broken(newest.to_ns, points.level_s, int(t[-1]), int(tail_t[0]))
    ):
        t = np.append(t, t[-1] + 1)
        low, high = np.append(low, np.nan), np.append(high, np.nan)
        quality = np.append(quality, np.uint16(STALE))
    first_tail = int(tail_t[0]) if len(tail_t) else end
    until = min(end, first_tail, known_ns)
    return Pen(
        slot=spec.slot,
        name=spec.name,
        unit=spec.unit,
        t_ns=np.concatenate([t, tail_t]),
        low=np.concatenate([low, tail_low]),
        high=np.concatenate([high, tail_high]),
        quality=np.concatenate([quality, tail_q]),
        past="",
        unknown=past.unknown(start, until) if past is not None and until > start else (),
        level_s=points.level_s,
        is_step=spec.kind in {"bool", "enum"},
        bound=spec.bound,
    )


def cut(pen: Pen, end_ns: int) -> Pen:
    """Return a line without what comes after a time: of a replay that is not known yet."""
    own = int(np.searchsorted(pen.t_ns, end_ns, "right"))
    return replace(
        pen, t_ns=pen.t_ns[:own], low=pen.low[:own], high=pen.high[:own], quality=pen.quality[:own]
    )


def _window(t: I8, start: int, end: int) -> slice:
    """Return the points of a range and one more on either side, so that a line reaches the edges."""
    first, last = np.searchsorted(t, [start, end])
    return slice(max(0, int(first) - 1), int(last) + 1)


def _is_broken(read_to_ns: int, level_s: float, last_ns: int, next_ns: int) -> bool:
    """Return whether nobody knows what was between what the recorder had and the first sample of the tail."""
    return next_ns > read_to_ns and next_ns - last_ns > max(level_s * LEVEL_GAP, _SILENCE_S) * NS


def thinned(t: I8, value: F8, quality: U2, width: int) -> tuple[I8, F8, F8, U2]:
    """Return (time, low, high, worst rank) with at most about two points a pixel; extremes and gaps stay."""
    if len(t) <= 2 * width:
        return t, value, value, quality
    column = ((t - t[0]) * width // max(1, int(t[-1] - t[0]))).astype(np.int64)
    gap = np.isnan(value)
    column = 2 * column + gap  # a gap never hides in a column with values
    start = np.flatnonzero(np.diff(column, prepend=-1))
    return (
        t[start],
        np.minimum.reduceat(value, start),
        np.maximum.reduceat(value, start),
        np.maximum.reduceat(quality, start),
    )
