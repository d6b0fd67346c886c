"""A time axis in local time, from years to microseconds, from seconds since an origin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyqtgraph as pg

from armillary.model.clock import NS
from armillary.ui.when import DAY_S, utc_offset_s

_STEPS = (
    1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05,
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, DAY_S, 2 * DAY_S, 7 * DAY_S, 14 * DAY_S,
)  # fmt: skip
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH_S = 30.44 * DAY_S
_TICK_PX = 90  # between two labels; finer than a second they are longer
_LONG_TICK_PX = 130
_HOUR_S = 3600.0
_MOST = 60
_YEAR = 12


def step_s(span_s: float, size_px: float) -> float:
    """Return the distance of ticks in s: months are multiples of 30.44 days."""
    for step in _STEPS:
        if span_s / step <= max(size_px / (_TICK_PX if step >= 1 else _LONG_TICK_PX), 1):
            return step
    most = max(size_px / _TICK_PX, 1)
    months = next((m for m in _MONTHS if span_s / (m * _MONTH_S) <= most), _MONTHS[-1])
    return months * _MONTH_S


def ticks_ns(from_ns: int, to_ns: int, step: float) -> list[int]:
    """Return round local times in a range. Where clocks are set back or on, round hours stay round."""
    if step >= _MONTH_S:
        return _months(from_ns, to_ns, round(step / _MONTH_S))
    step_ns = max(round(step * NS), 1)
    offset = round(utc_offset_s(from_ns)) * NS
    local = -(-(from_ns + offset) // step_ns) * step_ns
    out = []
    for i in range(_MOST):
        at = local + i * step_ns - offset
        if step > _HOUR_S:  # an hour that is there twice or not at all moves what follows
            at = local + i * step_ns - round(utc_offset_s(at)) * NS
        if at > to_ns:
            break
        out.append(at)
    return out


def _months(from_ns: int, to_ns: int, months: int) -> list[int]:
    first = datetime.fromtimestamp(from_ns / NS).astimezone()
    number = first.year * _YEAR + first.month - 1
    number = -(-number // months) * months
    out: list[int] = []
    for i in range(_MOST):
        year, month = divmod(number + i * months, _YEAR)
        if not 1 <= year <= 9_998:  # noqa: PLR2004  years that datetime knows
            break
        at = int(datetime(year, month + 1, 1).astimezone().timestamp()) * NS
        if at > to_ns:
            break
        if at >= from_ns:
            out.append(at)
    return out


def tick_text(t_ns: int, step: float, *, offset_too: bool = False) -> str:
    """Return a tick's label as finely as its step asks for; midnight is the day that begins."""
    stamp = datetime.fromtimestamp(t_ns // NS).astimezone()
    if step >= _YEAR * _MONTH_S:
        return stamp.strftime("%Y")
    if step >= _MONTH_S:
        return stamp.strftime("%b %Y")
    if step >= DAY_S:
        return stamp.strftime("%-d %b")
    if step >= 60:  # noqa: PLR2004  s a minute
        is_midnight = not (stamp.hour or stamp.minute)
        text = stamp.strftime("%-d %b" if is_midnight else "%H:%M")
    else:
        text = stamp.strftime("%H:%M:%S")
        if step < 1:
            digits = next(d for d in (1, 2, 3, 4, 5, 6) if step >= 10.0**-d or d == 6)  # noqa: PLR2004
            text += f".{t_ns % NS:09d}"[: digits + 1]
    if offset_too:
        text += stamp.strftime("%z")[:3] + ":" + stamp.strftime("%z")[3:5]
    return text


class TimeAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Bottom axis: x is seconds after `origin_ns`, so that doubles keep their microseconds."""

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
        step = step_s(max(maxVal - minVal, 1e-9), size)
        low, high = self.origin_ns + round(minVal * NS), self.origin_ns + round(maxVal * NS)
        return [(step, [(t - self.origin_ns) / NS for t in ticks_ns(low, high, step)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Return local times of the ticks, with the offset to UTC where it changes among them."""
        times = [self.origin_ns + round(v * NS) for v in values]
        changes = len({utc_offset_s(t) for t in times}) > 1 and spacing < DAY_S
        return [tick_text(t, spacing, offset_too=changes) for t in times]
