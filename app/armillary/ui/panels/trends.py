"""Trends dock: pens over one time, live or paused, with a cursor that reads them all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from armillary.model.clock import Clock
from armillary.model.quality import WORDS
from armillary.session.timeline import Pen
from armillary.session.workspace import Workspace
from armillary.ui.mime import PRIM_MIME, TAG_MIME, numbers
from armillary.ui.pieces import IconButton, empty, label
from armillary.ui.plot import Plot
from armillary.ui.theme import Colours
from armillary.ui.when import clock_text

FASTEST_MS, SLOWEST_MS = 200, 1000  # between two drawings: about the time that moves the plot by a pixel
SPANS = (("1 min", 60), ("5 min", 300), ("15 min", 900), ("1 h", 3600), ("8 h", 28_800), ("24 h", 86_400))
DEFAULT_SPAN = 1
MOST_PENS = 16
_WIDTH_SLACK = 0.1
_EMPTY = "Drag a tag or a part here, or press T."
_SWATCH = (14, 4)


class PenRow(QFrame):
    """One pen in the list beside the plot: colour, name, value at the cursor or now, remove."""

    def __init__(self, slot: int, name: str, remove: IconButton) -> None:
        super().__init__()
        self.slot = slot
        self.swatch, self.name, self.value, self.note = (
            label(),
            label(name),
            label(),
            label("", "muted", wrap=True),
        )
        self.name.setToolTip(name)
        self.remove = remove
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 2, 2, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.swatch, 0, 0)
        grid.addWidget(self.name, 0, 1)
        grid.addWidget(remove, 0, 2, 2, 1)
        grid.addWidget(self.value, 1, 1)
        grid.addWidget(self.note, 2, 1)
        grid.setColumnStretch(1, 1)

    def paint(self, colour: str) -> None:
        """Show the pen's colour."""
        swatch = QPixmap(*_SWATCH)
        swatch.fill(colour)
        self.swatch.setPixmap(swatch)


class TrendsPanel(QWidget):
    """Trends of tags, from the recorder for the past and from frames for the last minutes."""

    def __init__(self, workspace: Workspace, clock: Clock, colours: Colours) -> None:
        super().__init__()
        self._workspace, self._clock, self._colours = workspace, clock, colours
        self._timeline = workspace.timeline
        self._cursor_ns: int | None = None
        self._width = 0  # pixels that the newest range was asked for
        self.rows: dict[int, PenRow] = {}
        self.plot = Plot(colours, self._moved, self._cursor)
        self.span = QComboBox()
        self.span.setAccessibleName("Time span of the trends")
        for text, seconds in SPANS:
            self.span.addItem(text, seconds)
        self.span.setCurrentIndex(DEFAULT_SPAN)
        self.span.activated.connect(lambda _index: self.follow())
        self.pause = IconButton("pause", "Pause the trends", self.toggle_pause)
        self.clear = IconButton("clear", "Remove all pens", self._timeline.clear)
        self.when = label("", "muted")
        self.empty = empty(_EMPTY)
        self._lay_out()
        self.setAcceptDrops(True)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(FASTEST_MS)
        self._late.timeout.connect(self.draw)
        self._scroll = QTimer(self)
        self._scroll.timeout.connect(self._scrolled)
        self._timeline.changed.connect(self._changed)
        workspace.project_changed.connect(self._changed)
        self.set_colours(colours)
        self._changed()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 4, 6, 2)
        for widget in (self.span, self.pause, self.clear):
            bar.addWidget(widget)
        bar.addStretch(1)
        bar.addWidget(self.when)
        sheet = QWidget()
        sheet.setObjectName("sheet")
        self._pens = QVBoxLayout(sheet)
        self._pens.setContentsMargins(0, 0, 0, 0)
        self._pens.setSpacing(0)
        self._pens.addStretch(1)
        self.legend = QScrollArea()
        self.legend.setWidgetResizable(True)
        self.legend.setFrameShape(QFrame.Shape.NoFrame)
        self.legend.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.legend.setAccessibleName("Pens")
        self.legend.setWidget(sheet)
        self.split = QSplitter()
        self.split.addWidget(self.plot)
        self.split.addWidget(self.legend)
        self.split.setStretchFactor(0, 1)
        self.split.setHandleWidth(1)
        self.split.setSizes([900, 210])
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(bar)
        rows.addWidget(self.split, 1)
        rows.addWidget(self.empty, 1)

    # ------------------------------------------------------------ pens
    def add(self, slots: Sequence[int]) -> None:
        """Draw these tags too, up to the most that can be told apart."""
        room = MOST_PENS - len(self._timeline.slots)
        new = [
            s
            for s in dict.fromkeys(slots)
            if s not in self._timeline.slots and 0 <= s < len(self._workspace.specs)
        ]
        if not new:
            return
        was_empty = not self._timeline.slots
        self._timeline.add(new[: max(room, 0)])
        if was_empty:
            self.follow()

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
        self._timeline.set_range(from_ns, to_ns, self.plot.width_px)
        self._changed()

    # ------------------------------------------------------------ drawing
    def _changed(self) -> None:
        has_pens = bool(self._timeline.slots)
        self.split.setVisible(has_pens)
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

    def _scrolled(self) -> None:
        if not self._late.isActive():
            self.draw()

    def draw(self) -> None:
        """Draw all pens as they are now."""
        self._fit_width()
        a_pixel_ms = 1000 * self._timeline.span_s / self.plot.width_px
        for timer in (self._late, self._scroll):
            timer.setInterval(round(min(max(a_pixel_ms, FASTEST_MS), SLOWEST_MS)))
        pens = self._timeline.pens()
        self._list(pens)
        if not pens:
            return
        mirror = self._workspace.mirror
        ranks = mirror.rank(np.array([pen.slot for pen in pens], np.uint32)).tolist()
        self.plot.draw(pens, ranks, self._timeline.view_ns(), self._clock.now_ns())
        self.plot.draw_truth(pens, self._workspace.training.truth_series())
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

    def _list(self, pens: Sequence[Pen]) -> None:
        for slot in set(self.rows).difference(pen.slot for pen in pens):
            self.rows.pop(slot).deleteLater()
        for i, pen in enumerate(pens):
            row = self.rows.get(pen.slot)
            if row is None:
                row = PenRow(
                    pen.slot,
                    pen.name,
                    IconButton("close", f"Remove pen {pen.name}", partial(self._timeline.remove, pen.slot)),
                )
                row.remove.set_colours(self._colours)
                self.rows[pen.slot] = row
                self._pens.insertWidget(self._pens.count() - 1, row)
            row.paint(self.plot.pen_colour(i))
            note = "" if np.isfinite(pen.low).any() else "no data in this range"
            row.note.setText(pen.past or note)
            row.note.setVisible(bool(row.note.text()))

    def _read_out(self) -> None:
        if self._cursor_ns is None:
            self.when.setText("" if self._timeline.following else "paused")
            texts = self._workspace.tag_rows(tuple(self.rows), self._clock.now_mono_ns())
            for text in texts:
                self.rows[text.slot].value.setText(text.value)
            return
        self.when.setText(f"at {clock_text(self._cursor_ns, 0.1)}")
        for slot, row in self.rows.items():
            found = self._timeline.value_at(slot, self._cursor_ns)
            unit = self._workspace.specs[slot].unit
            row.value.setText(value_text(found, unit))

    def _cursor(self, t_ns: int | None) -> None:
        if t_ns != self._cursor_ns:
            self._cursor_ns = t_ns
            self._read_out()

    # ------------------------------------------------------------ Qt
    def dropped(self, data: QMimeData) -> tuple[int, ...]:
        """Return the tags that a drag brings: its own, or those of its parts."""
        slots = list(numbers(data, TAG_MIME))
        for prim in numbers(data, PRIM_MIME):
            slots.extend(self._workspace.tags_of_prim(prim))
        return tuple(slots)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  Qt's name
        if event.mimeData().hasFormat(TAG_MIME) or event.mimeData().hasFormat(PRIM_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        self.add(self.dropped(event.mimeData()))
        event.acceptProposedAction()

    def showEvent(self, event: object) -> None:  # noqa: N802
        self._changed()

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._scroll.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.plot.set_colours(colours)
        for button in (self.pause, self.clear, *(row.remove for row in self.rows.values())):
            button.set_colours(colours)
        if self.isVisible():
            self.draw()


def value_text(found: tuple[float, float, int] | None, unit: str) -> str:
    """Return the read-out at the cursor: a value, a range where a pixel holds many, or no data."""
    if found is None:
        return "no data here"
    low, high, rank = found
    text = f"{low:.4g}" if low == high else f"{low:.4g} … {high:.4g}"
    doubt = "" if rank == 0 else f" ({WORDS[rank].lower()})"
    return f"{text} {unit}{doubt}".replace("  ", " ")
