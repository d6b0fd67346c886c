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

LINE_PX = 1.5
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
        self.solid = pg.PlotCurveItem(connect="finite")
        self.dashed = pg.PlotCurveItem(connect="finite")
        self.tail = pg.PlotCurveItem()
        self.substituted = pg.ScatterPlotItem(size=14, pen=pg.mkPen(None), symbol=_letter_s(), pxMode=True)
        self.gap = pg.LinearRegionItem(movable=False, pen=pg.mkPen(None))  # shades what is not known
        self.gap.hide()
        self.lost = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=pg.mkPen(None))  # gaps that are over
        self.items = (self.gap, self.lost, self.solid, self.dashed, self.tail, self.substituted)
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
        self.substituted.setBrush(pg.mkBrush(colour))

    def draw(self, pen: Pen, origin_ns: int, until_ns: int, rank: int, colour: str) -> None:
        """Draw the points; the line goes on to `until_ns`, dashed when doubtful, dotted when stale now.

        What a person entered has an S at each change; stretches without a usable value are shaded.
        """
        self.colour(colour)
        finite = np.isfinite(pen.low)
        doubtful = finite & (pen.quality == UNCERTAIN)
        self.solid.setData(*zigzag(pen, origin_ns, finite & ~doubtful & (pen.quality < STALE)))
        # a doubtful stretch is drawn from the last good point on, so that the two styles meet
        reach = doubtful | (np.roll(doubtful, -1) & finite) if doubtful.any() else doubtful
        middle = np.where(reach, (pen.low + pen.high) / 2, np.nan)
        self.dashed.setData((pen.t_ns - origin_ns) / NS, middle)
        usable = np.flatnonzero(finite & (pen.quality < STALE))
        self.tail.setData([], [])
        self.gap.hide()
        if len(usable) and rank <= STALE and until_ns > pen.t_ns[usable[-1]]:
            at = usable[-1]
            is_stale = rank == STALE
            tint = icons.tinted(colour, _HALF) if is_stale else QColor(colour)
            dash = [1.5, 2.5] if is_stale else [4, 4] if rank == UNCERTAIN else None
            self.tail.setPen(pg.mkPen(tint, width=LINE_PX, dash=dash))
            ends = [(pen.t_ns[at] - origin_ns) / NS, (until_ns - origin_ns) / NS]
            self.tail.setData(ends, [pen.high[at], pen.high[at]])
            if is_stale:
                self.gap.setBrush(icons.tinted(colour, _SHADE))
                self.gap.setRegion(ends)
                self.gap.show()
        at = substitutions(pen)
        self.substituted.setData((pen.t_ns[at] - origin_ns) / NS, pen.high[at])
        self._gaps = gaps(pen) - origin_ns
        self.lost.setOpts(brush=icons.tinted(colour, _SHADE))

    def shade(self, low: float, high: float) -> None:
        """Shade the gaps that are over, from one end of the axis to the other."""
        n = len(self._gaps)
        x0, x1 = self._gaps[:, 0] / NS, self._gaps[:, 1] / NS
        self.lost.setOpts(x0=x0, x1=x1, y0=np.full(n, low), y1=np.full(n, high))
