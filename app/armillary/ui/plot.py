"""A plot of pens over one time: an axis per unit, or a strip per pen; gaps left open, stale ends dotted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QWheelEvent

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.session.timeline import Pen
from armillary.ui import plot_marks as marks
from armillary.ui import theme
from armillary.ui.plot_hand import Hand
from armillary.ui.plot_line import LINE_PX, MOVING_PX, Line, bad_edges
from armillary.ui.plot_rows import Rows, Unit
from armillary.ui.theme import Colours

LEAST_STRIP_PX = 34  # lower ones tell nothing: then all pens share the plot
FEW = 4  # so many pens are painted in full while they move
REST_MS = 180  # after the last movement lines have their full width again
_TICK = 0.08  # height of the ticks of bad stretches, as a share of the plot
_DOT_GAP_PX = 8.0  # samples that lie this far apart are drawn as dots
_GHOST_PX = 1.0


class Plot(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph ships no types
    """The picture of a trend. Tells where the cursor is and when a person moves the time."""

    def __init__(
        self,
        colours: Colours,
        moved: Callable[[int, int], None],
        cursor: Callable[[int | None], None],
    ) -> None:
        super().__init__()
        self._colours, self._moved = colours, moved
        self.origin_ns = 0
        self.strips = False  # a lane for each pen is wanted, else all over each other
        self._has_strips = False  # and there is room for them
        self.marks = marks.Marks()
        self._lines: dict[int, Line] = {}
        self._pens: tuple[Pen, ...] = ()
        self._truths: dict[int, tuple[pg.ViewBox, pg.PlotCurveItem]] = {}
        self._ghosts: dict[int, tuple[pg.ViewBox, pg.PlotCurveItem, Pen]] = {}
        self._view = (0, 1)
        self.setAccessibleName("Trend plot")
        self.viewport().setAccessibleName("Trend plot")
        self.viewport().setMouseTracking(True)
        self.rows = Rows(self)
        self.hand = Hand(self, self._marked, cursor)
        self._base = self.rows.base
        self._bad = pg.PlotCurveItem()
        self._base.addItem(self._bad, ignoreBounds=True)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._rested)
        self.set_colours(colours)

    # ------------------------------------------------------------ units
    def _key(self, pen: Pen) -> str:
        return str(pen.slot) if self._has_strips else pen.unit

    def _unit(self, pen: Pen) -> Unit:
        return self.rows.units[self._key(pen)]

    def _arrange(self, pens: Sequence[Pen]) -> None:
        """Give every unit an axis, or every pen a strip, where that is not so already."""
        self._has_strips = self.strips and self.height() >= LEAST_STRIP_PX * len(pens)
        wanted = tuple(dict.fromkeys((self._key(pen), pen.unit) for pen in pens))
        if not pens or not self.rows.differs(wanted, self._has_strips):
            return
        for line in self._lines.values():
            line.remove()
        self._lines.clear()
        self.draw_truth((), {})
        self.draw_ghosts(())
        self.rows.build(wanted, self._has_strips)
        self.set_colours(self._colours)

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The units that have an axis, first the leftmost to the plot; one a strip where there are strips."""
        return tuple(unit.name for unit in self.rows.units.values())

    @property
    def has_strips(self) -> bool:
        """Whether each pen has a strip: they are wanted, and there is room."""
        return self._has_strips

    @property
    def width_px(self) -> int:
        """The width of the plot itself in pixels."""
        return max(round(float(self._base.width())), 2)

    # ------------------------------------------------------------ what the hand moves
    def view_ns(self) -> tuple[int, int]:
        """Return the range that is shown."""
        return self._view

    def show_ns(self, from_ns: int, to_ns: int) -> None:
        """Show another range at once, with what is known of it, and tell of it."""
        if self._lines:
            self._set_view((from_ns, to_ns))
            self.moving()
            self._moved(from_ns, to_ns)

    def time_at(self, x: float) -> int:
        """Return the time at a pixel column."""
        area = self.rows.area()
        start, end = self._view
        return start + round((x - area.left()) / max(area.width(), 1.0) * (end - start))

    def x_of(self, t_ns: int) -> float:
        """Return the pixel column of a time."""
        area = self.rows.area()
        start, end = self._view
        return float(area.left() + (t_ns - start) / max(end - start, 1) * area.width())

    def holds(self, at: QPointF) -> bool:
        """Return whether a point is inside the plot itself."""
        return bool(self._lines) and self.rows.area().contains(at)

    def scale_y(self, at: QPointF, factor: float) -> None:
        """Show `factor` times as much of the values of the lane at a point; until `scale_all` it stays so."""
        self.rows.scale(at, factor)

    def scale_all(self) -> None:
        """Let all axes fit their pens again."""
        self.rows.free()
        self._fit()

    def step_from(self, t_ns: int, step: int) -> int:
        """Return the time of the next (+1) or previous (−1) point of the first pen."""
        times = self._pens[0].t_ns if self._pens else np.zeros(0, np.int64)
        at = int(np.searchsorted(times, t_ns, "right" if step > 0 else "left")) + (0 if step > 0 else -1)
        return int(times[at]) if 0 <= at < len(times) else t_ns

    def moving(self) -> None:
        """Paint thin lines for a moment where there are many: the hand must not wait for them."""
        if len(self._lines) > FEW:
            for line in self._lines.values():
                line.colour(line.tint, MOVING_PX)
            self._rest.start()

    def _rested(self) -> None:
        for line in self._lines.values():
            line.colour(line.tint, LINE_PX)

    # ------------------------------------------------------------ drawing
    def draw(
        self, pens: Sequence[Pen], ranks: Sequence[int], view_ns: tuple[int, int], until_ns: int
    ) -> None:
        """Draw pens over a range; `ranks` are their qualities now, `until_ns` the time that is now."""
        self._arrange(pens)
        if not self.origin_ns or abs(view_ns[0] - self.origin_ns) > NS * 1_000_000 * max(
            1, (view_ns[1] - view_ns[0]) // NS
        ):  # doubles keep their digits only near the origin
            self.origin_ns = self.rows.time.origin_ns = view_ns[0]
        for slot in set(self._lines).difference(pen.slot for pen in pens):
            self._lines.pop(slot).remove()
        self._pens = tuple(pens)
        until_ns = min(until_ns, view_ns[1])
        for i, (pen, rank) in enumerate(zip(pens, ranks, strict=True)):
            line = self._lines.get(pen.slot)
            if line is None:
                line = self._lines[pen.slot] = Line(self._unit(pen).box)
            line.draw(pen, self.origin_ns, until_ns, rank, self.pen_colour(i))
            first, last = (int(k) for k in np.searchsorted(pen.t_ns, view_ns))
            few = pen.level_s == 0 and (last - first) * _DOT_GAP_PX < self.width_px
            line.dot(pen, self.origin_ns, first, last if few else first)
        self._set_view(view_ns)
        self._fit()
        self.rows.tint(
            {key: self.pen_colour(i) for i, pen in enumerate(pens) if (key := self._key(pen))}
            if self._has_strips
            else self._tints(pens),
            self._colours.muted,
        )
        self._mark_bad(pens)

    def _tints(self, pens: Sequence[Pen]) -> dict[str, str]:
        """Return the colours of the axes that serve one pen only."""
        owners: dict[str, list[int]] = {}
        for i, pen in enumerate(pens):
            owners.setdefault(pen.unit, []).append(i)
        return {unit: self.pen_colour(of[0]) for unit, of in owners.items() if len(of) == 1}

    def _set_view(self, view_ns: tuple[int, int]) -> None:
        self._view = view_ns
        self.rows.set_x((view_ns[0] - self.origin_ns) / NS, (view_ns[1] - self.origin_ns) / NS)
        self._marked()

    def _fit(self) -> None:
        """Let each axis fit what its pens have in the range."""
        span: dict[str, tuple[float, float]] = {}
        ghosts = [shown[2] for shown in self._ghosts.values()]
        for pen in (*self._pens, *(g for g in ghosts if any(p.slot == g.slot for p in self._pens))):
            part = slice(*(int(k) for k in np.searchsorted(pen.t_ns, self._view)))
            low, high = pen.low[part], pen.high[part]
            seen = np.isfinite(low)
            if seen.any():
                ends = float(low[seen].min()), float(high[seen].max())
                old = span.get(self._key(pen), ends)
                span[self._key(pen)] = (min(ends[0], old[0]), max(ends[1], old[1]))
        for key, (low_end, high_end) in span.items():
            self.rows.units[key].fit(low_end, high_end)
        for pen in self._pens:
            unit = self._unit(pen)
            self._lines[pen.slot].shade(unit.low, unit.high)

    def draw_truth(self, pens: Sequence[Pen], truth: Mapping[int, tuple[I8, F8]]) -> None:
        """Draw, dashed, what is true where instruments show something else: slot → (times in ns, values)."""
        units = {pen.slot: self._unit(pen) for pen in pens if self._key(pen) in self.rows.units}
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

    def draw_ghosts(self, pens: Sequence[Pen]) -> None:
        """Draw the same pens as they were in another range, moved onto this one, thin and half through."""
        known = {pen.slot: i for i, pen in enumerate(self._pens)}
        shown = {pen.slot: pen for pen in pens if pen.slot in known and self._key(pen) in self.rows.units}
        for slot in set(self._ghosts) - set(shown):
            box, curve, _ = self._ghosts.pop(slot)
            box.removeItem(curve)
        for slot, pen in shown.items():
            if slot not in self._ghosts:
                curve = pg.PlotCurveItem(connect="finite")
                self._unit(pen).box.addItem(curve, ignoreBounds=True)
                self._ghosts[slot] = (self._unit(pen).box, curve, pen)
            box, curve, _ = self._ghosts[slot]
            self._ghosts[slot] = (box, curve, pen)
            colour = pg.mkColor(self.pen_colour(known[slot]))
            colour.setAlpha(130)
            curve.setPen(pg.mkPen(colour, width=_GHOST_PX))
            curve.setData(
                np.repeat((pen.t_ns - self.origin_ns) / NS, 2), np.stack([pen.low, pen.high], 1).ravel()
            )
        if shown:
            self._fit()

    @property
    def truths(self) -> tuple[int, ...]:
        """The slots whose true values are drawn."""
        return tuple(sorted(self._truths))

    @property
    def ghosts(self) -> tuple[int, ...]:
        """The slots that are drawn a second time, from another range."""
        return tuple(sorted(self._ghosts))

    def _mark_bad(self, pens: Sequence[Pen]) -> None:
        """Put a tick on the time axis where a pen went bad and where it came back."""
        edges = np.concatenate([bad_edges(pen) for pen in pens if len(pen.t_ns)] or [np.zeros(0, np.int64)])
        unit = next(iter(self.rows.units.values()))
        foot = unit.low + _TICK * (unit.high - unit.low)
        self._bad.setData(
            np.repeat((edges - self.origin_ns) / NS, 2),
            np.tile([unit.low, foot], len(edges)),
            connect="pairs",
        )

    def pen_colour(self, i: int) -> str:
        """Return the colour of pen `i`."""
        return self._colours.pens[i % len(self._colours.pens)]

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.setBackground(colours.panel)
        self._bad.setPen(pg.mkPen(colours.bad_text, width=2))
        self.rows.set_colours(colours)
        for line in self._lines.values():
            line.forget()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:  # noqa: N802  Qt's name
        """Paint cursors, notes and the like over the lines, in pixels."""
        del rect
        if not self._lines:
            return
        painter.save()
        painter.resetTransform()
        painter.setFont(theme.font(0.9))
        self.rows.paint_names(painter, self._pens if self._has_strips else (), self._colours)
        at = self.marks
        at.hair_ns, at.cursors, at.band = (
            self.hand.at_ns,
            (self.hand.cursors[0], self.hand.cursors[1]),
            self.hand.band,
        )
        at.unread = tuple({span for pen in self._pens for span in pen.unknown})
        marks.paint(painter, self.rows.area(), at, self.x_of, self._colours)
        painter.restore()

    def _marked(self) -> None:
        self.viewport().update()

    # ------------------------------------------------------------ Qt: all of it goes to the hand
    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.setFocus()
        self.hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hand.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hand.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hand.double(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self.hand.wheel(event)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if not self._lines or not self.hand.key(event):
            event.ignore()

    def leave(self) -> None:
        """Take the cursor away."""
        self.hand.leave()

    def leaveEvent(self, event: object) -> None:  # noqa: N802
        self.leave()
