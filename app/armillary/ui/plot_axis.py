"""A time axis in local time, from seconds since an origin, that repeats no date it need not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyqtgraph as pg

from armillary.model.clock import NS

_MINUTE, _DAY = 60.0, 86_400.0


class TimeAxis(pg.AxisItem):
    """Bottom axis: x is seconds after `origin_ns`, so that doubles keep their sub-millisecond digits."""

    def __init__(self) -> None:
        super().__init__(orientation="bottom")
        self.origin_ns = 0
        self.enableAutoSIPrefix(False)

    def tickValues(  # noqa: N802  pyqtgraph's name
        self, minVal: float, maxVal: float, size: float  # noqa: N803
    ) -> list[tuple[float, list[float]]]:
        """Return ticks at round local times, one level."""
        span = max(maxVal - minVal, 1e-6)
        step = next((s for s in _STEPS if span / s <= max(size / 90, 1)), _STEPS[-1])
        offset = self.origin_ns / NS + _utc_offset_s(self.origin_ns)
        first = (-(-(minVal + offset) // step)) * step - offset
        return [(step, [first + i * step for i in range(int(span / step) + 1) if first + i * step <= maxVal])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Return local times of the ticks."""
        return [clock_text(self.origin_ns + round(v * NS), spacing) for v in values]


_STEPS = (
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY,
)  # fmt: skip


def _local(t_ns: int) -> datetime:
    return datetime.fromtimestamp(t_ns / NS).astimezone()  # a person reads the wall of this place


def _utc_offset_s(t_ns: int) -> float:
    offset = _local(t_ns).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def clock_text(t_ns: int, spacing_s: float = 1.0) -> str:
    """Return a local time as finely as the spacing in s asks for: `14:03`, `14:03:11.2`, `12 Mar`."""
    stamp = _local(t_ns)
    if spacing_s >= _DAY:
        return stamp.strftime("%d %b")
    if spacing_s >= _MINUTE:
        return stamp.strftime("%H:%M")
    text = stamp.strftime("%H:%M:%S")
    return text if spacing_s >= 1.0 else f"{text}.{stamp.microsecond // 100_000}"
