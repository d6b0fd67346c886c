"""Runs of a what-if over one time: the baseline solid grey, runs coloured and dash-coded, bands shaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from armillary.model.clock import NS
from armillary.model.control import RunSeries
from armillary.session.whatif import BASELINE
from armillary.ui import theme
from armillary.ui.plot_axis import TimeAxis
from armillary.ui.theme import Colours

DASHES: tuple[tuple[float, ...], ...] = ((), (8, 4), (2, 3), (8, 3, 2, 3), (12, 3), (4, 2, 1, 2))
LINE_PX, BASE_PX = 2.0, 2.5
BAND_ALPHA = 46
_GRID = 36
_AXIS_PX = 56


@dataclass(frozen=True, slots=True)
class Style:
    """How a run is drawn."""

    colour: str
    dash: tuple[float, ...]  # () = solid
    width: float


def styles(ids: Sequence[str], colours: Colours, base: str = BASELINE) -> dict[str, Style]:
    """Return how each run is drawn: the baseline solid grey, no two others alike in colour or dashes."""
    out = {base: Style(colours.equipment, (), BASE_PX)}
    for i, name in enumerate(n for n in ids if n != base):
        out[name] = Style(colours.pens[i % len(colours.pens)], DASHES[1 + i % (len(DASHES) - 1)], LINE_PX)
    return {name: out[name] for name in ids}


class ComparePlot(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph ships no types
    """One tag of several runs. A click moves the time of the picture."""

    def __init__(self, colours: Colours, seek: Callable[[int], None]) -> None:
        super().__init__()
        self._seek = seek
        self.origin_ns = 0
        self.lines: dict[str, pg.PlotCurveItem] = {}
        self.bands: dict[str, pg.FillBetweenItem] = {}
        self._edges: dict[str, tuple[pg.PlotCurveItem, pg.PlotCurveItem]] = {}
        self.setAccessibleName("Runs over time")
        self.viewport().setAccessibleName("Runs over time")
        self.ci.setContentsMargins(4, 4, 8, 2)
        self._time, self._axis = TimeAxis(), pg.AxisItem("left")
        self._axis.enableAutoSIPrefix(False)
        self._axis.setWidth(_AXIS_PX)
        self.box = pg.ViewBox(enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self._time.linkToView(self.box)
        self._axis.linkToView(self.box)
        self.ci.addItem(self._axis, row=0, col=0)
        self.ci.addItem(self.box, row=0, col=1)
        self.ci.addItem(self._time, row=1, col=1)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self.box.addItem(self._cursor, ignoreBounds=True)
        self.scene().sigMouseClicked.connect(self._clicked)
        self.set_colours(colours)

    def draw(self, series: RunSeries | None, how: Mapping[str, Style], unit: str, from_ns: int) -> None:
        """Draw the series of a tag; what is not in it is taken away."""
        self.origin_ns = self._time.origin_ns = from_ns
        found = {one.id: one for one in series.series if one.id in how} if series is not None else {}
        for name in set(self.lines).difference(found):
            self._remove(name)
        for name, one in found.items():
            style, x = how[name], (one.t_ns - from_ns) / NS
            line = self.lines.get(name)
            if line is None:
                line = self.lines[name] = self._add(name)
            dash = {"dash": list(style.dash)} if style.dash else {}
            line.setPen(pg.mkPen(style.colour, width=style.width, **dash))
            line.setZValue(2 if style.dash else 1)  # the baseline below all others
            line.setData(x, one.mid, connect="finite")
            low, high = self._edges[name]
            has_band = bool(np.nanmax(one.high - one.low, initial=0.0) > 0)
            low.setData(x, one.low if has_band else one.mid)
            high.setData(x, one.high if has_band else one.mid)
            fill = QColor(style.colour)
            fill.setAlpha(BAND_ALPHA)
            self.bands[name].setBrush(fill)
            self.bands[name].setVisible(has_band)
        self._axis.setLabel(unit)
        self.box.enableAutoRange()

    def _add(self, name: str) -> pg.PlotCurveItem:
        low, high = pg.PlotCurveItem(pen=pg.mkPen(None)), pg.PlotCurveItem(pen=pg.mkPen(None))
        line, band = pg.PlotCurveItem(), pg.FillBetweenItem(low, high)
        for item in (low, high, band, line):
            self.box.addItem(item)
        self._edges[name], self.bands[name] = (low, high), band
        return line

    def _remove(self, name: str) -> None:
        for item in (self.lines.pop(name), self.bands.pop(name), *self._edges.pop(name)):
            self.box.removeItem(item)

    def show_time(self, t_ns: int) -> None:
        """Put the time of the picture into the plot."""
        self._cursor.setPos((t_ns - self.origin_ns) / NS)
        self._cursor.setVisible(bool(self.lines))

    def _clicked(self, event: object) -> None:
        at: QPointF = event.scenePos()  # type: ignore[attr-defined]  # pyqtgraph ships no types
        if self.lines and self.box.sceneBoundingRect().contains(at):
            self._seek(self.origin_ns + round(float(self.box.mapSceneToView(at).x()) * NS))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self.setBackground(colours.panel)
        self._cursor.setPen(pg.mkPen(colours.whatif, width=1.5, style=Qt.PenStyle.DashLine))
        small = theme.font(0.9)
        for axis in (self._time, self._axis):
            axis.setPen(pg.mkPen(colours.edge))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(small)
            axis.setStyle(tickLength=-4)
            axis.setGrid(_GRID)
