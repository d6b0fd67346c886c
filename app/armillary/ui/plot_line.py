"""What one pen of a trend is drawn with: solid, dashed, dotted, gaps, and the S of what a person entered."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor, QFont, QPainterPath, QTransform

from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS
from armillary.model.quality import BAD, STALE, SUBSTITUTED, UNCERTAIN
from armillary.session.timeline import Pen
from armillary.ui import icons, theme

LINE_PX, MOVING_PX = 1.5, 1.0  # a line wider than a pixel costs seven times as much to paint
_DOT_PX = 4.0  # a sample, where they are far apart
_HALF = 128  # opacity of a line that only says what was, 0…255
_SHADE = 20  # opacity of a gap


def zigzag(pen: Pen, origin_ns: int, keep: B1) -> tuple[F8, F8]:
    """Return x in s after the origin and y of a pen's line, low then high at each time, NaN in gaps.

    keep: (n,) points drawn; the others are gaps. Both results have 2n points.
    """
    x = np.repeat((pen.t_ns - origin_ns) / NS, 2)
    y = np.empty(2 * len(pen.t_ns))
    y[0::2] = np.where(keep, pen.low, np.nan)
    y[1::2] = np.where(keep, pen.high, np.nan)
    return x, y


def steps(pen: Pen, origin_ns: int, keep: B1) -> tuple[F8, F8]:
    """Return x and y of a state's line, 3n points: what held until a time, then low and high at it."""
    x = np.repeat((pen.t_ns - origin_ns) / NS, 3)
    y = np.empty(3 * len(pen.t_ns))
    low, high = np.where(keep, pen.low, np.nan), np.where(keep, pen.high, np.nan)
    y[0::3] = np.concatenate([[np.nan], high[:-1]]) if len(high) else high
    y[1::3], y[2::3] = low, high
    # a gap begins where the last value held to; its own points are not there
    return x, y


def bad_edges(pen: Pen) -> I8:
    """Return the times in ns at which a stretch of BAD begins or ends, ascending."""
    is_bad = np.concatenate([[False], pen.quality == BAD, [False]])
    edge = np.flatnonzero(is_bad[1:] != is_bad[:-1])
    times: I8 = pen.t_ns[np.minimum(edge, len(pen.t_ns) - 1)]
    return times


def substitutions(pen: Pen) -> I8:
    """Return the points at which what a person entered begins or changes, ascending."""
    given = (pen.quality == SUBSTITUTED) & np.isfinite(pen.low)
    before = np.concatenate([[False], given[:-1]])
    moved = np.concatenate([[True], (pen.low[1:] != pen.low[:-1]) | (pen.high[1:] != pen.high[:-1])])
    out: I8 = np.flatnonzero(given & (~before | moved))
    return out


def gaps(pen: Pen) -> I8:
    """Return (k, 2) times in ns of the usable points before and after each gap that is over.

    Where the source said that it was bad is no gap of ours: ticks tell of it.
    """
    usable = np.isfinite(pen.low) & (pen.quality < STALE)
    at, bad = np.flatnonzero(usable), np.cumsum(pen.quality == BAD)
    over = np.flatnonzero((np.diff(at) > 1) & (np.diff(bad[at]) == 0))
    out: I8 = np.stack([pen.t_ns[at[over]], pen.t_ns[at[over + 1]]], axis=1)
    return out


def _letter_s() -> QPainterPath:
    """Return a pill of one unit with an S cut out of it, for a scene whose y goes down."""
    letter = QPainterPath()
    face = QFont(theme.font().family(), 10)
    face.setBold(True)
    letter.addText(0, 0, face, "S")
    box = letter.boundingRect()
    size = 0.72 / box.height()
    letter = QTransform().scale(size, size).map(letter.translated(-box.center().x(), -box.center().y()))
    pill = QPainterPath()
    pill.addRoundedRect(-0.5, -0.5, 1.0, 1.0, 0.28, 0.28)
    return pill.subtracted(letter)


class Line:
    """What one pen is drawn with."""

    def __init__(self, box: pg.ViewBox) -> None:
        self.box = box
        self._gaps: I8 = np.zeros((0, 2), np.int64)
        self._drawn: tuple[object, ...] = ()  # what the line was made of: made anew only when that changed
        self._colour = ""
        self._keeps: Pen | None = None
        self.width_px = 0.0
        self.solid = pg.PlotCurveItem(connect="finite")
        self.dashed = pg.PlotCurveItem(connect="finite")
        self.tail = pg.PlotCurveItem()
        self.substituted = pg.ScatterPlotItem(size=14, pen=pg.mkPen(None), symbol=_letter_s(), pxMode=True)
        self.gap = pg.LinearRegionItem(movable=False, pen=pg.mkPen(None))  # shades what is not known
        self.gap.hide()
        self.lost = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=pg.mkPen(None))  # gaps that are over
        self.dots = pg.ScatterPlotItem(size=_DOT_PX, pen=pg.mkPen(None), pxMode=True)
        self.items = (self.gap, self.lost, self.solid, self.dashed, self.tail, self.substituted, self.dots)
        for item in self.items:
            box.addItem(item, ignoreBounds=True)

    @property
    def tint(self) -> str:
        """The colour that the line has."""
        return self._colour

    def forget(self) -> None:
        """Make the line anew when it is drawn next: colours are others."""
        self._drawn = ()

    def remove(self) -> None:
        """Take the line out of the picture."""
        for item in self.items:
            self.box.removeItem(item)

    def colour(self, colour: str, width_px: float = LINE_PX) -> None:
        """Draw in a colour, as wide as asked for."""
        if (colour, width_px) == (self._colour, self.width_px):
            return
        self._colour, self.width_px = colour, width_px
        self.solid.setPen(pg.mkPen(colour, width=width_px))
        self.dashed.setPen(pg.mkPen(colour, width=width_px, dash=[4, 4]))
        self.substituted.setBrush(pg.mkBrush(colour))
        self.dots.setBrush(pg.mkBrush(colour))

    def draw(self, pen: Pen, origin_ns: int, until_ns: int, rank: int, colour: str) -> None:
        """Draw the points; the line goes on to `until_ns`, dashed when doubtful, dotted when stale now.

        What a person entered has an S at each change; stretches without a usable value are shaded.
        """
        self.colour(colour, self.width_px or LINE_PX)
        made_of = (id(pen.t_ns), id(pen.low), len(pen.t_ns), origin_ns, colour)
        if made_of != self._drawn:
            self._drawn = made_of
            self._keeps = pen  # while it is drawn its arrays live, so that an id means them
            self._whole(pen, origin_ns, colour)
        self._go_on(pen, origin_ns, until_ns, rank, colour)

    def _whole(self, pen: Pen, origin_ns: int, colour: str) -> None:
        finite = np.isfinite(pen.low)
        doubtful = finite & (pen.quality == UNCERTAIN)
        sure = finite & ~doubtful & (pen.quality < STALE)
        self.solid.setData(*(steps if pen.is_step else zigzag)(pen, origin_ns, sure))
        # a doubtful stretch is drawn from the last good point on, so that the two styles meet
        if doubtful.any():
            reach = doubtful | (np.roll(doubtful, -1) & finite)
            middle = np.where(reach, (pen.low + pen.high) / 2, np.nan)
            self.dashed.setData((pen.t_ns - origin_ns) / NS, middle)
        else:
            self.dashed.setData([], [])
        at = substitutions(pen)
        self.substituted.setData((pen.t_ns[at] - origin_ns) / NS, pen.high[at])
        self._gaps = gaps(pen) - origin_ns
        self.lost.setOpts(brush=icons.tinted(colour, _SHADE))

    def _go_on(self, pen: Pen, origin_ns: int, until_ns: int, rank: int, colour: str) -> None:
        """Draw how the line goes on to now."""
        usable = np.flatnonzero(np.isfinite(pen.low) & (pen.quality < STALE))
        self.gap.hide()
        if not (len(usable) and rank <= STALE and until_ns > pen.t_ns[usable[-1]]):
            self.tail.setData([], [])
            return
        at = usable[-1]
        is_stale = rank == STALE
        tint = icons.tinted(colour, _HALF) if is_stale else QColor(colour)
        dash = [1.5, 2.5] if is_stale else [4, 4] if rank == UNCERTAIN else None
        self.tail.setPen(pg.mkPen(tint, width=self.width_px, dash=dash))
        ends = [(pen.t_ns[at] - origin_ns) / NS, (until_ns - origin_ns) / NS]
        self.tail.setData(ends, [pen.high[at], pen.high[at]])
        if is_stale:
            self.gap.setBrush(icons.tinted(colour, _SHADE))
            self.gap.setRegion(ends)
            self.gap.show()

    def dot(self, pen: Pen, origin_ns: int, first: int, last: int) -> None:
        """Draw the samples from one to before another as dots; none where `last` ≤ `first`."""
        part = slice(first, max(first, last))
        if last > first or len(self.dots.data):
            self.dots.setData((pen.t_ns[part] - origin_ns) / NS, pen.low[part])

    def shade(self, low: float, high: float) -> None:
        """Shade the gaps that are over, from one end of the axis to the other."""
        n = len(self._gaps)
        x0, x1 = self._gaps[:, 0] / NS, self._gaps[:, 1] / NS
        self.lost.setOpts(x0=x0, x1=x1, y0=np.full(n, low), y1=np.full(n, high))
