"""A time axis in local time, from seconds since an origin, that repeats no date it need not."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg

from armillary.model.clock import NS
from armillary.ui.when import DAY_S, clock_text, utc_offset_s

_STEPS = (
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, DAY_S, 2 * DAY_S, 7 * DAY_S, 14 * DAY_S, 28 * DAY_S,
)  # fmt: skip


class TimeAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Bottom axis: x is seconds after `origin_ns`, so that doubles keep their sub-millisecond digits."""

    def __init__(self) -> None:
        super().__init__(orientation="bottom")
        self.origin_ns = 0
        self.enableAutoSIPrefix(False)

    def tickValues(  # noqa: N802  pyqtgraph's name
        self,
        minVal: float,  # noqa: N803
        maxVal: float,  # noqa: N803
        size: float,
    ) -> list[tuple[float, list[float]]]:
        """Return ticks at round local times, one level."""
        span = max(maxVal - minVal, 1e-6)
        step = next((s for s in _STEPS if span / s <= max(size / 90, 1)), _STEPS[-1])
        offset = self.origin_ns / NS + utc_offset_s(self.origin_ns)
        first = (-(-(minVal + offset) // step)) * step - offset
        return [(step, [first + i * step for i in range(int(span / step) + 1) if first + i * step <= maxVal])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Return local times of the ticks."""
        return [clock_text(self.origin_ns + round(v * NS), spacing) for v in values]
