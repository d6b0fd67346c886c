"""The boxes and axes of a plot: all units in one box, or a strip for each pen under one time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsItem

from armillary.session.timeline import Pen
from armillary.ui import theme
from armillary.ui.plot_axis import TimeAxis
from armillary.ui.theme import Colours

_PADDING = 0.08  # of the height, above and below the data
_SHRINK = 0.55  # an axis shrinks only when the data fill less than this
_AXIS_PX = 52
_AN_AXIS_PX = 190  # of the plot's width let one more axis be shown
_GRID = 36  # opacity of grid lines, 0…255
_PLOT_COLUMN = 24  # axes stand in the columns before it


class Unit:
    """One unit's axis and the box its pens are drawn in."""

    def __init__(self, name: str, box: pg.ViewBox, axis: pg.AxisItem, title: pg.LabelItem | None) -> None:
        self.name, self.box, self.axis, self.title = name, box, axis, title
        self.low, self.high = 0.0, 1.0
        self.held = False  # a person chose the scale

    def fit(self, low: float, high: float) -> None:
        """Show low…high; grows at once, shrinks only when much of it is empty, so that it does not dance."""
        span = max(high - low, 1e-9 + abs(high) * 1e-6)
        room = self.high - self.low
        if self.held or (low >= self.low and high <= self.high and span >= _SHRINK * room):
            return
        pad = max(span * _PADDING, 1e-9)
        self.show(low - pad, high + pad)

    def show(self, low: float, high: float) -> None:
        """Show these values."""
        self.low, self.high = low, high
        self.box.setYRange(low, high, padding=0)


class Rows:
    """Boxes and axes inside a plot's layout."""

    def __init__(self, plot: Any) -> None:  # the widget: pyqtgraph ships no types
        self._plot, self._layout = plot, plot.ci
        self.units: dict[str, Unit] = {}
        self._shape: tuple[object, ...] = ()
        self._strips = False
        self._layout.setContentsMargins(4, 4, 8, 2)
        self._layout.setSpacing(0)
        self.time = TimeAxis()
        self.base = self._box()
        self.base.sigResized.connect(self._resized)
        self.time.linkToView(self.base)
        self._layout.addItem(self.base, row=1, col=_PLOT_COLUMN)
        self._time_row = 2
        self._layout.addItem(self.time, row=2, col=_PLOT_COLUMN)
        self._layout.layout.setColumnStretchFactor(_PLOT_COLUMN, 10)
        self.build((("", ""),), False)

    @staticmethod
    def _box() -> pg.ViewBox:
        box = pg.ViewBox(enableMenu=False)
        box.setMouseEnabled(x=False, y=False)  # the hand moves it
        box.disableAutoRange()
        box.setBackgroundColor(None)
        return box

    def differs(self, wanted: tuple[tuple[str, str], ...], strips: bool) -> bool:
        """Return whether other keys and units are wanted than are there."""
        return self._shape != (wanted, strips)

    def build(self, wanted: tuple[tuple[str, str], ...], strips: bool) -> None:
        """Make an axis for each (key, unit): in one box, the first next to the plot; or in strips."""
        for unit in self.units.values():
            self._layout.removeItem(unit.axis)
            if unit.title is not None:
                self._layout.removeItem(unit.title)
            if unit.box is not self.base:
                if self._strips:
                    self._layout.removeItem(unit.box)
                else:
                    self._plot.scene().removeItem(unit.box)
        self.units.clear()
        self._shape, self._strips = (wanted, strips), strips
        self._layout.removeItem(self.time)
        self._time_row = 1 + (len(wanted) if strips else 1)
        self._layout.addItem(self.time, row=self._time_row, col=_PLOT_COLUMN)
        for i, (key, name) in enumerate(wanted):
            box = self.base if i == 0 else self._box()
            axis = pg.AxisItem("left")
            axis.enableAutoSIPrefix(False)
            axis.setWidth(_AXIS_PX)
            axis.linkToView(box)
            axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)  # a pan leaves it as it is
            title = None
            row, column = (1 + i, _PLOT_COLUMN - 1) if strips else (1, _PLOT_COLUMN - 1 - i)
            if not strips:
                title = pg.LabelItem(name)
                self._layout.addItem(title, row=0, col=column)
            self._layout.addItem(axis, row=row, col=column)
            if i and strips:
                self._layout.addItem(box, row=row, col=_PLOT_COLUMN)
            elif i:
                self._plot.scene().addItem(box)
                box.setZValue(-10)
            if i:
                box.setXLink(self.base)
            self.units[key] = Unit(name, box, axis, title)
        self._resized()

    def _resized(self, _box: object = None) -> None:
        if self._strips:
            return
        rect = self.base.sceneBoundingRect()
        most = max(1, int((rect.width() + _AXIS_PX * len(self.units)) // _AN_AXIS_PX))
        for i, unit in enumerate(self.units.values()):
            if unit.box is not self.base:
                unit.box.setGeometry(rect)
            unit.axis.setWidth(_AXIS_PX if i < most else 0)
            unit.axis.setVisible(i < most)
            if unit.title is not None:
                unit.title.setVisible(i < most)

    def area(self) -> QRectF:
        """Return where the lines are, in the widget's pixels."""
        out: QRectF = self.base.sceneBoundingRect()
        if self._strips:
            for unit in self.units.values():
                out = out.united(unit.box.sceneBoundingRect())
        return out

    def set_x(self, low: float, high: float) -> None:
        """Show x from low to high, in s after the origin."""
        self.base.setXRange(low, high, padding=0)

    def scale(self, at: QPointF, factor: float) -> None:
        """Show `factor` times as much of the values at a point and hold that."""
        for unit in self.units.values():
            rect = unit.box.sceneBoundingRect()
            if rect.contains(at):
                share = 1 - (at.y() - rect.top()) / max(rect.height(), 1.0)
                middle = unit.low + share * (unit.high - unit.low)
                unit.held = True
                unit.show(middle - (middle - unit.low) * factor, middle + (unit.high - middle) * factor)

    def free(self) -> None:
        """Let all axes fit again."""
        for unit in self.units.values():
            unit.held, unit.low, unit.high = False, 0.0, 0.0

    # ------------------------------------------------------------ looks
    def tint(self, colours: Mapping[str, str], muted: str) -> None:
        """Write the numbers of an axis that serves one pen only in that pen's colour: key → colour."""
        for key, unit in self.units.items():
            unit.axis.setTextPen(pg.mkPen(colours.get(key, muted)))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        small = theme.font(0.9)
        for axis in (self.time, *(unit.axis for unit in self.units.values())):
            axis.setPen(pg.mkPen(colours.edge))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(small)
            axis.setStyle(tickLength=-4)
        self.time.setGrid(_GRID)
        for i, unit in enumerate(self.units.values()):
            unit.axis.setGrid(_GRID if i == 0 or self._strips else False)
            if unit.title is not None:
                unit.title.setText(unit.name, color=colours.muted, size="8pt", justify="right")

    def paint_names(self, painter: QPainter, pens: Sequence[Pen], colours: Colours) -> None:
        """Paint the name and unit of each strip in its corner, and a line between strips."""
        for i, (pen, unit) in enumerate(zip(pens, self.units.values(), strict=False)):
            rect = unit.box.sceneBoundingRect()
            painter.setPen(QColor(colours.line))
            if i:
                painter.drawLine(rect.topLeft(), rect.topRight())
            painter.setPen(QColor(colours.pens[i % len(colours.pens)]))
            text = f"{pen.name} · {pen.unit}" if pen.unit else pen.name
            painter.drawText(QPointF(rect.left() + 6, rect.top() + painter.fontMetrics().ascent() + 1), text)
