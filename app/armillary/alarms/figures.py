"""Key figures of a shift from the recorded samples of a tag. A value holds until the next one. Pure."""

from __future__ import annotations

import numpy as np

from armillary.alarms.shift import Figure
from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.quality import STALE, rank
from armillary.model.sample import SampleBatch
from armillary.model.shift import FigureSpec

_FULL = 0.995  # share of the shift that must be known, else the figure says how much was


def figure(spec: FigureSpec, unit: str, t_ns: I8, value: F8, quality: U2, from_ns: int, to_ns: int) -> Figure:
    """Return one figure of from ≤ t < to.

    t_ns (n,) ascending, of the plant; it may begin before `from_ns`: the last value before it holds there.
    Stale, bad and missing values are left out, and what is left out is said.
    """
    known = (rank(quality) < STALE) & np.isfinite(value)
    began = np.maximum(t_ns, from_ns)
    ends = np.minimum(np.append(t_ns[1:], to_ns), to_ns)
    lasts_s = np.where(known, np.maximum(ends - began, 0) / NS, 0.0)
    counts = known & (ends > began)
    whole_s, known_s = (to_ns - from_ns) / NS, float(lasts_s.sum())
    what = spec.how
    if spec.how.startswith("time"):
        what = f"{spec.how} {spec.limit:g} {unit}".rstrip()
    if not counts.any() or known_s <= 0:
        return Figure(
            title=spec.title, value=float("nan"), unit=unit, how=what, note=f"{what}: nothing known"
        )
    seen, weights = value[counts], lasts_s[counts]
    match spec.how:
        case "lowest":
            number = float(seen.min())
        case "highest":
            number = float(seen.max())
        case "change":
            number = float(seen[-1] - seen[0])
        case "last":
            number = float(seen[-1])
        case "time above" | "time below":
            beyond = seen > spec.limit if spec.how == "time above" else seen < spec.limit
            number, unit = float(weights[beyond].sum()) / 60, "min"
        case _:
            number = float(np.average(seen, weights=weights))
    share = known_s / whole_s
    note = what if share >= _FULL else f"{what}, of {100 * share:.0f} %"
    return Figure(title=spec.title, value=number, unit=unit, how=what, note=note)


def of_batch(spec: FigureSpec, unit: str, batch: SampleBatch, from_ns: int, to_ns: int) -> Figure:
    """Return one figure of samples of its tag, in whatever order."""
    order = np.argsort(batch.source_ns, kind="stable")
    columns = batch.source_ns[order], batch.value[order], batch.quality[order]
    return figure(spec, unit, *columns, from_ns, to_ns)
