"""A plot of several pens over one time: an axis per unit, gaps left open, stale ends dotted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.session.timeline import Pen
from armillary.ui import theme
from armillary.ui.plot_axis import TimeAxis
from armillary.ui.plot_line import LINE_PX, Line, bad_edges
from armillary.ui.theme import Colours

_PADDING = 0.08  # of the height, above and below the data
_SHRINK = 0.55  # an axis shrinks only when the data fill less than this
_AXIS_PX = 52
_TICK = 0.08  # height of the ticks of bad stretches, as a share of the plot
_GRID = 36  # opacity of grid lines, 0…255
_PLOT_COLUMN = 16  # axes stand in the columns before it


class Unit:
    """One unit's axis and the box its pens are drawn in."""

    def __init__(self, box: pg.ViewBox, axis: pg.AxisItem, title: pg.LabelItem) -> None:
        self.box, self.axis, self.title = box, axis, title
        self.low, self.high = 0.0, 1.0

    def fit(self, low: float, high: float) -> None:
        """Show low…high; grows at once, shrinks only when much of it is empty, so that it does not dance."""
        span = max(high - low, 1e-9 + abs(high) * 1e-6)
        room = self.high - self.low
        if low >= self.low and high <= self.high and span >= _SHRINK * room:
            return
        pad = max(span * _PADDING, 1e-9)
        self.low, self.high = low - pad, high + pad
        self.box.setYRange(self.low, self.high, padding=0)


class Plot(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph ships no types
    """The picture of a trend. Tells where the cursor is and when a person moves the time."""

    def __init__(
        self,
        colours: Colours,
        moved: Callable[[int, int], None],
        cursor: Callable[[int | None], None],
    ) -> None:
        super().__init__()
        self._colours, self._moved, self._cursor = colours, moved, cursor
        self.origin_ns = 0
        self._units: dict[str, Unit] = {}
        self._lines: dict[int, Line] = {}
        self._truths: dict[int, tuple[pg.ViewBox, pg.PlotCurveItem]] = {}
        self._quiet = False  # we set the range ourselves
        self.setAccessibleName("Trend plot")
        self.viewport().setAccessibleName("Trend plot")
        self.ci.setContentsMargins(4, 4, 8, 2)
        self.ci.setSpacing(0)
        self._time = TimeAxis()
        self._base = pg.ViewBox(enableMenu=False)
        self._base.setMouseEnabled(x=True, y=False)
        self._base.disableAutoRange()
        self._base.sigXRangeChanged.connect(self._ranged)
        self._base.sigResized.connect(self._resized)
        self._hair = pg.InfiniteLine(angle=90, movable=False)
        self._hair.hide()
        self._base.addItem(self._hair, ignoreBounds=True)
        self._bad = pg.PlotCurveItem()
        self._base.addItem(self._bad, ignoreBounds=True)
        self._time.linkToView(self._base)
        self.ci.addItem(self._base, row=1, col=_PLOT_COLUMN)
        self.ci.addItem(self._time, row=2, col=_PLOT_COLUMN)
        self.ci.layout.setColumnStretchFactor(_PLOT_COLUMN, 10)
        self.scene().sigMouseMoved.connect(self._mouse)
        self._rebuild(())
        self.set_colours(colours)

    # ------------------------------------------------------------ units
    def _rebuild(self, units: Sequence[str]) -> None:
        """Give every unit an axis: the first next to the plot, further ones to its left."""
        for line in self._lines.values():
            line.remove()
        self._lines.clear()
        self.draw_truth((), {})
        for unit in self._units.values():
            self.ci.removeItem(unit.axis)
            self.ci.removeItem(unit.title)
            if unit.box is not self._base:
                self.scene().removeItem(unit.box)
        self._units.clear()
        for i, name in enumerate(units or ("",)):
            box = self._base if i == 0 else pg.ViewBox(enableMenu=False)
            axis, title = pg.AxisItem("left"), pg.LabelItem(name)
            axis.enableAutoSIPrefix(False)
            axis.setWidth(_AXIS_PX)
            axis.linkToView(box)
            self.ci.addItem(title, row=0, col=_PLOT_COLUMN - 1 - i)
            self.ci.addItem(axis, row=1, col=_PLOT_COLUMN - 1 - i)
            if i:
                self.scene().addItem(box)
                box.setXLink(self._base)
                box.setMouseEnabled(x=False, y=False)
                box.setZValue(-10)
                box.disableAutoRange(pg.ViewBox.YAxis)
            self._units[name] = Unit(box, axis, title)
        self.set_colours(self._colours)
        self._resized()

    def _resized(self, _box: object = None) -> None:
        rect = self._base.sceneBoundingRect()
        for unit in self._units.values():
            if unit.box is not self._base:
                unit.box.setGeometry(rect)

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The units that have an axis, first the leftmost to the plot."""
        return tuple(self._units)

    @property
    def width_px(self) -> int:
        """The width of the plot itself in pixels."""
        return max(round(float(self._base.width())), 2)

    # ------------------------------------------------------------ drawing
    def draw(
        self, pens: Sequence[Pen], ranks: Sequence[int], view_ns: tuple[int, int], until_ns: int
    ) -> None:
        """Draw pens over a range; `ranks` are their qualities now, `until_ns` the time that is now."""
        units = tuple(dict.fromkeys(pen.unit for pen in pens))
        if units != tuple(self._units) and units:
            self._rebuild(units)
        if not self.origin_ns:
            self.origin_ns = self._time.origin_ns = view_ns[0]
        for slot in set(self._lines).difference(pen.slot for pen in pens):
            self._lines.pop(slot).remove()
        span: dict[str, tuple[float, float]] = {}
        until_ns = min(until_ns, view_ns[1])
        for i, (pen, rank) in enumerate(zip(pens, ranks, strict=True)):
            line = self._lines.get(pen.slot)
            if line is None:
                line = self._lines[pen.slot] = Line(self._units[pen.unit].box)
            line.draw(pen, self.origin_ns, until_ns, rank, self.pen_colour(i))
            seen = (pen.t_ns >= view_ns[0]) & (pen.t_ns <= view_ns[1]) & np.isfinite(pen.low)
            if seen.any():
                low, high = float(pen.low[seen].min()), float(pen.high[seen].max())
                old = span.get(pen.unit, (low, high))
                span[pen.unit] = (min(low, old[0]), max(high, old[1]))
        for name, (low, high) in span.items():
            self._units[name].fit(low, high)
        for pen in pens:
            self._lines[pen.slot].shade(self._units[pen.unit].low, self._units[pen.unit].high)
        self._tint(pens)
        self._mark_bad(pens)
        self._quiet = True
        self._base.setXRange(
            (view_ns[0] - self.origin_ns) / NS, (view_ns[1] - self.origin_ns) / NS, padding=0
        )
        self._quiet = False

    def draw_truth(self, pens: Sequence[Pen], truth: Mapping[int, tuple[I8, F8]]) -> None:
        """Draw, dashed, what is true where instruments show something else: slot → (times in ns, values)."""
        units = {pen.slot: self._units[pen.unit] for pen in pens if pen.unit in self._units}
        for slot in set(self._truths) - (set(truth) & set(units)):
            box, curve = self._truths.pop(slot)
            box.removeItem(curve)
        for slot, unit in units.items():
            if slot not in truth or not len(truth[slot][0]):
                continue
            t_ns, value = truth[slot]
            if slot not in self._truths:
                curve = pg.PlotCurveItem()
                unit.box.addItem(curve, ignoreBounds=True)
                self._truths[slot] = (unit.box, curve)
            curve = self._truths[slot][1]
            curve.setPen(pg.mkPen(self._colours.training, width=LINE_PX, dash=[6, 4]))
            curve.setData((t_ns - self.origin_ns) / NS, value)
            unit.fit(min(unit.low, float(value.min())), max(unit.high, float(value.max())))

    @property
    def truths(self) -> tuple[int, ...]:
        """The slots whose true values are drawn."""
        return tuple(sorted(self._truths))

    def _mark_bad(self, pens: Sequence[Pen]) -> None:
        """Put a tick on the time axis where a pen went bad and where it came back."""
        edges = np.concatenate([bad_edges(pen) for pen in pens if len(pen.t_ns)] or [np.zeros(0, np.int64)])
        unit = next(iter(self._units.values()))
        foot = unit.low + _TICK * (unit.high - unit.low)
        self._bad.setData(
            np.repeat((edges - self.origin_ns) / NS, 2),
            np.tile([unit.low, foot], len(edges)),
            connect="pairs",
        )

    def _tint(self, pens: Sequence[Pen]) -> None:
        """Write the numbers of an axis that serves one pen only in that pen's colour."""
        for name, unit in self._units.items():
            of_unit = [i for i, pen in enumerate(pens) if pen.unit == name]
            unit.axis.setTextPen(
                pg.mkPen(self.pen_colour(of_unit[0]) if len(of_unit) == 1 else self._colours.muted)
            )

    def pen_colour(self, i: int) -> str:
        """Return the colour of pen `i`."""
        return self._colours.pens[i % len(self._colours.pens)]

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.setBackground(colours.panel)
        self._base.setBackgroundColor(None)
        self._hair.setPen(pg.mkPen(colours.edge, width=1))
        self._bad.setPen(pg.mkPen(colours.bad_text, width=2))
        small = theme.font(0.9)
        for axis in (self._time, *(unit.axis for unit in self._units.values())):
            axis.setPen(pg.mkPen(colours.edge))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(small)
            axis.setStyle(tickLength=-4)
        self._time.setGrid(_GRID)
        for i, (name, unit) in enumerate(self._units.items()):
            unit.axis.setGrid(_GRID if i == 0 else False)
            unit.title.setText(name, color=colours.muted, size="8pt", justify="right")

    # ------------------------------------------------------------ what a person does
    def _ranged(self, _box: object, x: tuple[float, float]) -> None:
        if not self._quiet and self._lines:
            self._moved(self.origin_ns + round(x[0] * NS), self.origin_ns + round(x[1] * NS))

    def _mouse(self, at: QPointF) -> None:
        if self._lines and self._base.sceneBoundingRect().contains(at):
            x = float(self._base.mapSceneToView(at).x())
            self._hair.setPos(x)
            self._hair.show()
            self._cursor(self.origin_ns + round(x * NS))
        else:
            self.leave()

    def leave(self) -> None:
        """Take the cursor away."""
        self._hair.hide()
        self._cursor(None)

    def leaveEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self.leave()
