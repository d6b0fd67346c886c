"""Trends dock: pens over one time, live or held, cursors that read them all, figures of what is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout

from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault
from armillary.session.trend_read import span_text
from armillary.session.workspace import Workspace
from armillary.ui.mime import NODE_MIME, PRIM_MIME, TAG_MIME, numbers
from armillary.ui.pieces import empty
from armillary.ui.plot import Plot
from armillary.ui.theme import Colours
from armillary.ui.trend import menu
from armillary.ui.trend.analysis import Analysis, Shown
from armillary.ui.trend.bar import DEFAULT_SPAN, SPANS, TrendBar
from armillary.ui.trend.does import Doer
from armillary.ui.trend.legend import Legend, cursors_text, value_text
from armillary.ui.trend.numbers import NumbersTable
from armillary.ui.trend.orders import MOST_BACK, MOST_PENS, Orders
from armillary.ui.when import clock_text

__all__ = ["DEFAULT_SPAN", "SPANS", "TrendsPanel", "value_text"]

AT_ONCE_MS = 30  # after the hand moved
FASTEST_MS, SLOWEST_MS = 200, 1000  # between two drawings: about the time that moves the plot by a pixel
LEGEND_PX, LEAST_ROOM_PX = 210, 520  # beside the plot; below it where the dock is narrower
LEAST_BOTH_PX = 300
BEFORE_S, AFTER_S = 600, 300  # around a moment that is looked at
_WIDTH_SLACK = 0.1
_SHORT_S = 60.0  # between the cursors: it may be a period
_EMPTY = "Drag a tag or a part here, or press T."


class TrendsPanel(Orders):
    """Trends of tags, from the recorder for the past and from frames for the last minutes."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        say: Callable[[str], None] | None = None,
        fault: Callable[[Fault], None] | None = None,
    ) -> None:
        super().__init__()
        self._workspace, self._clock, self._colours = workspace, clock, colours
        self._timeline, self._trends = workspace.timeline, workspace.trends
        self._cursor_ns: int | None = None
        self._width = 0  # pixels that the newest range was asked for
        self._settled: tuple[int, int] | None = None  # the range before the hand began to move
        self.plot = Plot(colours, self._moved, self._cursor)
        self.plot.hand.placed = self._changed
        self.plot.hand.noted = self.ask_note
        self.legend = Legend(self._timeline.remove, self._pen_menu)
        self.analysis = Analysis(colours, self._changed)
        self.table = NumbersTable()
        self.doer = Doer(self, workspace, lambda: self.body, say or (lambda _text: None), colours)
        if fault is not None:
            self.doer.fault = fault
        self.bar = TrendBar(
            self.follow, self.toggle_pause, self._timeline.clear, self.choose_view, self._menu
        )
        self.span, self.pause, self.clear, self.when = (
            self.bar.span,
            self.bar.pause,
            self.bar.clear,
            self.bar.when,
        )
        self.bar.strips.clicked.connect(lambda _on: self.toggle_strips())
        self.bar.numbers.clicked.connect(lambda _on: self.toggle_numbers())
        self.empty = empty(_EMPTY)
        self._lay_out()
        self.setAcceptDrops(True)
        self.on_nodes: Callable[[tuple[int, ...]], object] = lambda _nodes: (
            None
        )  # of the link browser, dropped
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(FASTEST_MS)
        self._late.timeout.connect(self.draw)
        self._scroll = QTimer(self)
        self._scroll.timeout.connect(self._scrolled)
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(600)
        self._resting.timeout.connect(self._rested)
        self._trends.changed.connect(self._read)
        self._timeline.changed.connect(self._changed)
        workspace.project_changed.connect(self._changed)
        self.set_colours(colours)
        self._changed()

    def _lay_out(self) -> None:
        self.pictures = QStackedWidget()
        self.pictures.addWidget(self.plot)
        self.pictures.addWidget(self.analysis)
        self.split = QSplitter()
        self.split.addWidget(self.pictures)
        self.split.addWidget(self.legend)
        self.split.setStretchFactor(0, 1)
        self.split.setHandleWidth(1)
        self.split.setSizes([900, LEGEND_PX])
        self.body = QSplitter(Qt.Orientation.Vertical)
        self.body.addWidget(self.split)
        self.body.addWidget(self.table)
        self.body.setStretchFactor(0, 1)
        self.body.setSizes([700, 260])
        self.body.setHandleWidth(1)
        self.table.hide()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.bar)
        rows.addWidget(self.body, 1)
        rows.addWidget(self.empty, 1)

    @property
    def rows(self) -> dict[int, object]:
        """The rows of the pens by slot."""
        return self.legend.rows  # type: ignore[return-value]  # rows of the legend

    # ------------------------------------------------------------ pens and range
    def add(self, slots: Sequence[int]) -> None:
        """Draw these tags too, up to the most that can be told apart."""
        room = MOST_PENS - len(self._timeline.slots)
        known = range(len(self._workspace.specs))
        new = [s for s in dict.fromkeys(slots) if s not in self._timeline.slots and s in known]
        if not new:
            return
        if len(new) > room:
            self.doer.say(f"Trends hold {MOST_PENS} pens: {len(new) - max(room, 0)} were left out.")
        was_empty = not self._timeline.slots
        self._timeline.add(new[: max(room, 0)])
        if was_empty:
            self.follow()

    def show_at(self, slots: Sequence[int], t_ns: int) -> None:
        """Draw these tags around a time: more of what led to it than of what followed."""
        self.add(slots)
        if not self._timeline.slots:
            return
        end_ns = min(t_ns + AFTER_S * NS, max(self._clock.now_ns(), t_ns + NS))
        self._moved(t_ns - BEFORE_S * NS, end_ns)

    def follow(self) -> None:
        """Show the last span and go on with the time."""
        self._timeline.follow(float(self.span.currentData()), self.plot.width_px)
        self._changed()

    def toggle_pause(self) -> None:
        """Hold the time where it is, or follow it again."""
        if self._timeline.following:
            self._timeline.set_range(*self._timeline.view_ns(), self.plot.width_px)
            self._changed()
        else:
            self.follow()

    def _moved(self, from_ns: int, to_ns: int) -> None:
        if self._settled is None:
            self._settled = self._timeline.view_ns()
        self._resting.start()
        self._timeline.set_range(from_ns, to_ns, self.plot.width_px)
        self._late.setInterval(AT_ONCE_MS)
        self._changed()

    def _rested(self) -> None:
        """Keep the range from before the hand moved, to go back to."""
        if self._settled is not None:
            self._back = [*self._back, self._settled][-MOST_BACK:]
            self._settled = None

    # ------------------------------------------------------------ drawing
    def _changed(self) -> None:
        has_pens = bool(self._timeline.slots)
        self.body.setVisible(has_pens)
        # a low dock has no room for both: statistics then stand where the lines were
        self.split.setVisible(self.table.isHidden() or self.height() >= LEAST_BOTH_PX)
        self.empty.setVisible(not has_pens)
        self.clear.setEnabled(has_pens)
        self.pause.setEnabled(has_pens)
        following = self._timeline.following
        self.pause.setToolTip("Pause the trends" if following else "Follow the time again")
        self.pause.setAccessibleName(self.pause.toolTip())
        self.pause.set_drawing("pause" if following else "play", self._colours)
        if has_pens and following and self.isVisible():
            self._scroll.start()
        else:
            self._scroll.stop()
        if not self._late.isActive() and self.isVisible():
            self._late.start()

    def _read(self) -> None:
        """Take what was read for figures, a comparison or the book."""
        if self._then is not None and not self._trends.stretches.is_reading:
            then, self._then = self._then, None
            self.doer.tried(then)
        if not self._late.isActive() and self.isVisible():
            self._late.start()

    def _scrolled(self) -> None:
        if not self._late.isActive():
            self.draw()

    def draw(self) -> None:
        """Draw all pens as they are now."""
        self._fit_width()
        a_pixel_ms = 1000 * self._timeline.span_s / self.plot.width_px
        for timer in (self._late, self._scroll):
            timer.setInterval(round(min(max(a_pixel_ms, FASTEST_MS), SLOWEST_MS)))
        pens = self._trends.pens()
        self.legend.list(pens, self.plot.pen_colour, self._colours)
        if not pens:
            return
        mirror = self._workspace.mirror
        ranks = mirror.rank(np.array([pen.slot for pen in pens], np.uint32)).tolist()
        view = self._timeline.view_ns()
        noted = self._workspace.logbook.on_trends(*view)
        self.plot.marks.notes = (*self._trends.book.notes_in(*view), *noted)
        self._trends.late.look(*view)
        self.plot.marks.late = self._trends.late.spans
        self.plot.marks.shown_ns = self._timeline.cursor_ns
        self.plot.draw(pens, ranks, view, self._clock.now_ns())
        self.plot.draw_truth(pens, self._workspace.training.truth_series())
        self.plot.draw_ghosts(self._trends.ghosts(self.plot.width_px))
        self._figures()
        self._read_out()

    def _fit_width(self) -> None:
        """Ask for as many points as the plot is wide now."""
        width = self.plot.width_px
        if abs(width - self._width) <= _WIDTH_SLACK * self._width:
            return
        self._width = width
        if self._timeline.following:
            self._timeline.follow(self._timeline.span_s, width)
        else:
            self._timeline.set_range(*self._timeline.view_ns(), width)

    def _figures(self) -> None:
        """Draw statistics and analysis, where they are shown."""
        is_analysed = self.pictures.currentWidget() is self.analysis
        if self.table.isHidden() and not is_analysed:
            return
        range_ns = self._trends.look_at(self.range_ns)
        specs, slots = self._workspace.specs, self._timeline.slots
        pens = [
            Shown(
                slot=slot,
                name=specs[slot].name,
                unit=self._trends.unit_of(slot)[0],
                colour=self.plot.pen_colour(i),
                stretch=self._trends.stretch(slot) if is_analysed else None,
            )
            for i, slot in enumerate(slots)
        ]
        if is_analysed:
            self.analysis.draw(pens, range_ns, self._trends.stretches.trouble)
        if not self.table.isHidden():
            self.table.show_rows([(p.name, p.unit, p.colour, self._trends.numbers(p.slot)) for p in pens])

    def _read_out(self) -> None:
        a, b = self.plot.hand.cursors
        seconds = (b - a) / NS if a is not None and b is not None else None
        start, end = self._timeline.view_ns()
        held = f"paused · {span_text((end - start) / NS)}"
        words = "" if self._timeline.following or self._cursor_ns is not None else held
        if self._cursor_ns is not None:
            words = f"at {clock_text(self._cursor_ns, 0.1)}"
        if seconds is not None:
            is_short = 0 < abs(seconds) <= _SHORT_S
            words += f"   Δ {span_text(seconds)}" + (f" ({1 / abs(seconds):.4g} Hz)" if is_short else "")
        if self.plot.strips and not self.plot.has_strips:
            words += "   no room for strips"
        if self._trends.offset_ns:
            words += f"   thin: {span_text(self._trends.offset_ns / NS)} earlier"
        self.when.setText(words.strip())
        values = {
            row.slot: row.value
            for row in self._workspace.tag_rows(tuple(self.rows), self._clock.now_mono_ns())
        }
        for slot, row in self.legend.rows.items():
            unit, factor, offset = self._trends.unit_of(slot)
            read = self._value_reader(slot, factor, offset)
            if self._cursor_ns is not None:
                row.value.setText(value_text(read(self._cursor_ns), unit))
            else:
                row.value.setText(values.get(slot, ""))
            row.say(cursors_text(read(a), read(b), unit, seconds))

    def _value_reader(
        self, slot: int, factor: float, offset: float
    ) -> Callable[[int | None], tuple[float, float, int] | None]:
        def read(t_ns: int | None) -> tuple[float, float, int] | None:
            found = self._timeline.value_at(slot, t_ns) if t_ns is not None else None
            if found is None:
                return None
            low, high = sorted((found[0] * factor + offset, found[1] * factor + offset))
            return low, high, found[2]

        return read

    def _cursor(self, t_ns: int | None) -> None:
        if t_ns != self._cursor_ns:
            self._cursor_ns = t_ns
            self._read_out()

    def _menu(self, at: QMenu) -> None:
        start, end = self._timeline.view_ns()
        cursor = self.plot.hand.cursors[0]
        menu.fill(
            at,
            self._trends,
            self,
            strips=self.plot.strips,
            numbers=not self.table.isHidden(),
            view="trend" if self.pictures.currentWidget() is self.plot else self.analysis.kind,
            middle_ns=cursor if cursor is not None else (start + end) // 2,
        )

    def _pen_menu(self, slot: int, where: QPoint) -> None:
        self.pen_menu = QMenu(self)
        unit = self._workspace.specs[slot].unit
        menu.fill_pen(self.pen_menu, self._trends, self, unit, lambda: self._timeline.remove(slot))
        self.pen_menu.popup(where)

    # ------------------------------------------------------------ Qt
    def dropped(self, data: QMimeData) -> tuple[int, ...]:
        """Return the tags that a drag brings: its own, or those of its parts."""
        slots = list(numbers(data, TAG_MIME))
        for prim in numbers(data, PRIM_MIME):
            slots.extend(self._workspace.tags_of_prim(prim))
        return tuple(slots)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  Qt's name
        if any(event.mimeData().hasFormat(kind) for kind in (TAG_MIME, PRIM_MIME, NODE_MIME)):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        if nodes := numbers(event.mimeData(), NODE_MIME):
            self.on_nodes(nodes)
        else:
            self.add(self.dropped(event.mimeData()))
        event.acceptProposedAction()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        self.bar.menu.popup(event.globalPos())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.bar.fold(event.size().width())
        narrow = event.size().width() < LEAST_ROOM_PX
        wanted = Qt.Orientation.Vertical if narrow else Qt.Orientation.Horizontal
        if self.split.orientation() != wanted:
            self.split.setOrientation(wanted)
            self.split.setSizes([700, 300] if narrow else [900, LEGEND_PX])
        self._changed()

    def showEvent(self, event: object) -> None:  # noqa: N802
        self._changed()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._scroll.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = self.doer.colours = colours
        self.plot.set_colours(colours)
        self.analysis.set_colours(colours)
        self.legend.set_colours(colours)
        self.bar.set_colours(colours)
        if self.isVisible():
            self.draw()
