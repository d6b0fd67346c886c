"""A plot of several pens over one time: an axis per unit, gaps left open, stale ends dotted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from armillary.model.arrays import B1, F8
from armillary.model.clock import NS
from armillary.model.quality import STALE, UNCERTAIN
from armillary.session.timeline import Pen
from armillary.ui import icons, theme
from armillary.ui.plot_axis import TimeAxis
from armillary.ui.theme import Colours

LINE_PX = 1.5
_PADDING = 0.08  # of the height, above and below the data
_SHRINK = 0.55  # an axis shrinks only when the data fill less than this
_AXIS_PX = 52


def zigzag(pen: Pen, origin_ns: int, keep: B1) -> tuple[F8, F8]:
    """Return x in s after the origin and y of a pen's line, low then high at each time, NaN in gaps.

    keep: (n,) points drawn; the others are gaps. Both results have 2n points.
    """
    x = np.repeat((pen.t_ns - origin_ns) / NS, 2)
    y = np.empty(2 * len(pen.t_ns))
    y[0::2] = np.where(keep, pen.low, np.nan)
    y[1::2] = np.where(keep, pen.high, np.nan)
    return x, y


class Unit:
    """One unit's axis and the box its pens are drawn in."""

    def __init__(self, box: pg.ViewBox, axis: pg.AxisItem) -> None:
        self.box, self.axis = box, axis
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


class Line:
    """What one pen is drawn with."""

    def __init__(self, box: pg.ViewBox) -> None:
        self.box = box
        self.solid = pg.PlotCurveItem(connect="finite")
        self.dashed = pg.PlotCurveItem(connect="finite")
        self.tail = pg.PlotCurveItem()
        self.items = (self.solid, self.dashed, self.tail)
        for item in self.items:
            box.addItem(item, ignoreBounds=True)

    def remove(self) -> None:
        """Take the line out of the picture."""
        for item in self.items:
            self.box.removeItem(item)

    def colour(self, colour: str) -> None:
        """Draw in a colour."""
        self.solid.setPen(pg.mkPen(colour, width=LINE_PX))
        self.dashed.setPen(pg.mkPen(colour, width=LINE_PX, dash=[4, 4]))

    def draw(self, pen: Pen, origin_ns: int, until_ns: int, rank: int, colour: str) -> None:
        """Draw the points; the line goes on to `until_ns` solid when good, dotted when stale."""
        self.colour(colour)
        finite = np.isfinite(pen.low)
        doubtful = finite & (pen.quality == UNCERTAIN)
        self.solid.setData(*zigzag(pen, origin_ns, finite & ~doubtful & (pen.quality < STALE)))
        # a doubtful stretch is drawn from the last good point on, so that the two styles meet
        reach = doubtful | (np.roll(doubtful, -1) & finite) if doubtful.any() else doubtful
        self.dashed.setData(*zigzag(pen, origin_ns, reach))
        usable = np.flatnonzero(finite & (pen.quality < STALE))
        self.tail.setData([], [])
        if len(usable) and rank <= STALE and until_ns > pen.t_ns[usable[-1]]:
            at = usable[-1]
            is_stale = rank == STALE
            tint = icons.tinted(colour, 128) if is_stale else QColor(colour)
            style = Qt.PenStyle.DotLine if is_stale else Qt.PenStyle.SolidLine
            self.tail.setPen(pg.mkPen(tint, width=1.0 if is_stale else LINE_PX, style=style))
            self.tail.setData(
                [(pen.t_ns[at] - origin_ns) / NS, (until_ns - origin_ns) / NS], [pen.high[at], pen.high[at]]
            )


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
        self._quiet = False  # we set the range ourselves
        self.setAccessibleName("Trend plot")
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
        self.scene().sigMouseMoved.connect(self._mouse)
        self._rebuild(())
        self.set_colours(colours)

    # ------------------------------------------------------------ units
    def _rebuild(self, units: Sequence[str]) -> None:
        for line in self._lines.values():
            line.remove()
        self._lines.clear()
        for unit in self._units.values():
            if unit.box is not self._base:
                self.scene().removeItem(unit.box)
        self._units.clear()
        self.ci.clear()
        column = max(len(units), 1)
        for i, name in enumerate(units or ("",)):
            box = self._base if i == 0 else pg.ViewBox(enableMenu=False)
            axis = pg.AxisItem("left")
            axis.enableAutoSIPrefix(False)
            axis.setWidth(_AXIS_PX)
            axis.setLabel(name or " ")
            axis.linkToView(box)
            self.ci.addItem(axis, row=0, col=column - 1 - i)
            if i:
                self.scene().addItem(box)
                box.setXLink(self._base)
                box.setMouseEnabled(x=False, y=False)
                box.setZValue(-10)
                box.disableAutoRange(pg.ViewBox.YAxis)
            self._units[name] = Unit(box, axis)
        self.ci.addItem(self._base, row=0, col=column)
        self._time.linkToView(self._base)
        self.ci.addItem(self._time, row=1, col=column)
        self.ci.layout.setColumnStretchFactor(column, 10)
        if self._hair not in self._base.addedItems:
            self._base.addItem(self._hair, ignoreBounds=True)
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
        self._quiet = True
        self._base.setXRange(
            (view_ns[0] - self.origin_ns) / NS, (view_ns[1] - self.origin_ns) / NS, padding=0
        )
        self._quiet = False

    def pen_colour(self, i: int) -> str:
        """Return the colour of pen `i`."""
        return self._colours.pens[i % len(self._colours.pens)]

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.setBackground(colours.panel)
        self._base.setBackgroundColor(None)
        self._hair.setPen(pg.mkPen(colours.edge, width=1))
        small = theme.font(0.9)
        for axis in (self._time, *(unit.axis for unit in self._units.values())):
            axis.setPen(pg.mkPen(colours.edge))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(small)
            axis.setStyle(tickLength=-4)
            axis.labelStyle = {"color": colours.muted, "font-size": "8pt"}
            if axis.labelText:
                axis.setLabel(axis.labelText, **axis.labelStyle)
        self._time.setGrid(40)
        if self._units:
            next(iter(self._units.values())).axis.setGrid(40)

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
