"""The painted part of the time bar: alarms, events, gaps, ranges and the cursor; drag scrubs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from armillary.model.arrays import B1, U1
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.session.actions import action
from armillary.session.bookmarks import Bookmark
from armillary.session.workspace import Workspace
from armillary.ui.mode import mode_of
from armillary.ui.theme import Colours
from armillary.ui.when import clock_text, date_text, utc_offset_s

HEIGHT = 44
_STRIP_TOP, _STRIP_PX = 3, 13
_EVENTS_TOP, _EVENTS_PX = 17, 3  # events, below the alarms
_LATE_TOP, _LATE_PX = 21, 2  # back-filled spans are underlined
_WHEEL, _NOTCH = 1.25, 120
_KEY_SHARE = 0.01  # of the range, for one press of an arrow key
_NEAR_PX = 4  # a press this near the now-line means now
_TICK_PX = 90
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_TIP = (
    "Drag: show that time. Ctrl and drag: mark a range. Wheel: zoom. "
    "Shift or middle button and drag: move the range shown. Right button: ranges and bookmarks."
)
_SHADE = 60  # of 255: how much of its colour a marked range lays over the bar
_LISTED = 30  # bookmarks in a menu
_FLAG_PX = 5  # half the width of a flag
_TOLD = 3  # notes in a tooltip
_OF_RANGE = ("range.loop", "range.keep", "range.film", "range.show", "range.clear")


def tick_step_ns(span_ns: int, width: int) -> int:
    """Return the distance of the time labels: a round one with room for its words."""
    least = span_ns / NS * _TICK_PX / max(width, 1)
    step = next((s for s in _STEPS_S if s >= least), None)
    days = max(1, round(least / 86_400))
    return (step if step is not None else days * 86_400) * NS


class Strip(QWidget):
    """The painted part; a mouse or the arrow keys move the cursor."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        report: Callable[[Fault], None],
        run: Callable[[str], None] = lambda _id: None,
    ) -> None:
        """`run`: carries out a command by its id."""
        super().__init__()
        self._at, self._colours, self._report, self._run = workspace, colours, report, run
        self._grabbed: tuple[str, float] | None = None  # (scrub | pan | mark, x)
        self.setMinimumWidth(200)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Time bar")
        self.setToolTip(_TIP)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()

    # ------------------------------------------------------------ a person

    def _share(self, x: float) -> float:
        return min(max(x / max(self.width(), 1), 0.0), 1.0)

    def _scrub(self, x: float) -> None:
        bar = self._at.timebar
        now_x = bar.share_of(self._at.home_ns()) * self.width()
        try:
            if x >= now_x - _NEAR_PX:
                self._at.go_live()
            else:
                self._at.seek(bar.time_at(self._share(x)))
        except Fault as fault:
            self._grabbed = None
            self._report(fault)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  Qt's name
        """Scrub, mark a range, or take the range shown along."""
        if event.button() == Qt.MouseButton.RightButton:
            return  # its menu comes
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and not self._at.why_no_replay():
            self._grabbed = ("mark", event.position().x())
            return
        pans = event.button() == Qt.MouseButton.MiddleButton or bool(
            event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        )
        self._grabbed = ("pan" if pans else "scrub", event.position().x())
        if not pans and event.button() == Qt.MouseButton.LeftButton:
            self._scrub(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        x = event.position().x()
        if self._grabbed is None:
            t_ns = self._at.timebar.time_at(self._share(x))
            where = event.globalPosition().toPoint() - QPoint(0, HEIGHT + 8)
            QToolTip.showText(where, self._words_at(x, t_ns), self)
        elif self._grabbed[0] == "mark":
            ends = sorted((self._grabbed[1], x))
            self._at.timebar.mark(*(self._at.timebar.time_at(self._share(end)) for end in ends))
        elif self._grabbed[0] == "pan":
            self._at.timebar.pan((self._grabbed[1] - x) / max(self.width(), 1))
            self._grabbed = ("pan", x)
        else:
            self._scrub(x)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        self._grabbed = None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Offer what can be done with ranges and bookmarks, at the mouse or by the menu key."""
        self.menu().popup(event.globalPos())

    def menu(self) -> QMenu:
        """Return the menu of ranges and bookmarks."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in _OF_RANGE:
            made, why = action(name), action(name).why_not(self._at)
            entry = menu.addAction(made.title, partial(self._run, name))
            entry.setEnabled(not why)
        marks = self._at.timebar.bookmarks.marks
        if marks:
            menu.addSeparator()
        for mark in marks[-_LISTED:]:
            of = menu.addMenu(_title(mark))
            of.addAction("Go there", partial(self._go, mark))
            if mark.is_range:
                of.addAction("Mark it again", partial(self._at.timebar.mark, mark.t_ns, mark.to_ns))
            of.addAction("Forget it", partial(self._forget, mark))
        return menu

    def _go(self, mark: Bookmark) -> None:
        bar = self._at.timebar
        try:
            if mark.is_range:
                bar.mark(mark.t_ns, mark.to_ns)
                bar.show_marked()
            else:
                bar.reveal(mark.t_ns)
            self._at.seek(mark.t_ns)
        except Fault as fault:
            self._report(fault)

    def _forget(self, mark: Bookmark) -> None:
        try:
            self._at.timebar.forget(mark.t_ns, mark.to_ns)
        except Fault as fault:
            self._report(fault)

    def _words_at(self, x: float, t_ns: int) -> str:
        """Return what a tooltip says of a place on the bar: the time, and what is drawn there."""
        columns = self._at.timebar.columns(max(self.width(), 1))
        at = min(max(int(x), 0), self.width() - 1)
        words = [date_text(t_ns)]
        if columns.worst[at]:
            words.append(f"alarm of priority {min(int(columns.worst[at]), 4)}")
        if columns.event[at]:
            words.append(("event", "warning", "error")[int(columns.event[at]) - 1])
        if columns.gap[at]:
            words.append("not everything was recorded")
        if columns.late[at]:
            words.append("filled in later")
        near_ns = int(_FLAG_PX / max(self.width(), 1) * self._at.timebar.span_s * NS)
        entries = self._at.logbook.near(t_ns - near_ns, t_ns + near_ns)
        words += [f"{entry.author}: {entry.text or entry.shift}" for entry in entries[:_TOLD]]
        words += [_title(m) for m in self._at.timebar.bookmarks.ranges if m.t_ns <= t_ns <= m.to_ns]
        return " · ".join(words)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the mouse."""
        notches = event.angleDelta().y() / _NOTCH
        self._at.timebar.zoom(_WHEEL**-notches, self._share(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the cursor by a hundredth of the range; + and - zoom."""
        step = {Qt.Key.Key_Left: -_KEY_SHARE, Qt.Key.Key_Right: _KEY_SHARE}.get(Qt.Key(event.key()))
        zoom = {Qt.Key.Key_Plus: 1 / _WHEEL, Qt.Key.Key_Minus: _WHEEL}.get(Qt.Key(event.key()))
        bar = self._at.timebar
        if step is not None:
            self._scrub((bar.share_of(self._at.picture_ns()) + step) * self.width())
        elif zoom is not None:
            bar.zoom(zoom, 0.5)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._at.timebar.set_width(event.size().width())

    # ------------------------------------------------------------ drawing

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        width, height, colours = self.width(), self.height(), self._colours
        painter.fillRect(self.rect(), QColor(colours.field))
        self._density(painter, width)
        self._labels(painter, width, height)
        bar = self._at.timebar
        for kept in bar.bookmarks.ranges:
            self._range(painter, kept.t_ns, kept.to_ns, height, is_marked=False)
        if bar.marked is not None:
            self._range(painter, *bar.marked, height, is_marked=True)
        now_x = bar.share_of(self._at.home_ns()) * width
        if now_x < width:
            painter.fillRect(QRectF(now_x, 0, width - now_x, height), QColor(colours.ground))
            painter.fillRect(QRectF(now_x - 1, 0, 2, height), QColor(colours.text))
        ink = QColor(colours.text)
        for mark in (mark for mark in bar.bookmarks.marks if not mark.is_range):
            self._flag(painter, bar.share_of(mark.t_ns) * width, ink, filled=True)
        for note in self._at.trends.book.notes:  # of the trends
            self._flag(painter, bar.share_of(note.t_ns) * width, QColor(colours.muted), filled=True)
        for entry in self._at.logbook.near(*bar.view_ns()):  # of the plant's logbook
            if entry.to_ns:
                self._range(painter, entry.t_ns, entry.to_ns, height, is_marked=False)
            self._flag(painter, bar.share_of(entry.t_ns) * width, QColor(colours.focus), filled=True)
        for at_ns in bar.forks.values():
            self._flag(painter, bar.share_of(at_ns) * width, QColor(colours.whatif), filled=False)
        if self._at.away or self._at.training.is_over:
            self._cursor(painter, bar.share_of(self._at.picture_ns()) * width, width, height)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.focus), 2) if self.hasFocus() else QPen(QColor(colours.line), 1))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1) if self.hasFocus() else self.rect())
        painter.end()

    def _density(self, painter: QPainter, width: int) -> None:
        columns, colours = self._at.timebar.columns(width), self._colours
        image = density_image(columns.worst, colours)
        painter.drawImage(QRectF(0, _STRIP_TOP, width, _STRIP_PX), image)
        brush = QBrush(QColor(colours.edge), Qt.BrushStyle.BDiagPattern)
        for first, last in runs(columns.gap):
            painter.fillRect(QRectF(first, _STRIP_TOP, last - first, _STRIP_PX), brush)
        for level, name in ((1, colours.edge), (2, colours.muted), (3, colours.text)):
            for first, last in runs(columns.event == level):
                painter.fillRect(QRectF(first, _EVENTS_TOP, last - first, _EVENTS_PX), QColor(name))
        for first, last in runs(columns.late):
            painter.fillRect(QRectF(first, _LATE_TOP, last - first, _LATE_PX), QColor(colours.focus))

    def _range(self, painter: QPainter, from_ns: int, to_ns: int, height: int, *, is_marked: bool) -> None:
        """Draw a range: the marked one shaded with its ends, those that are kept as a bar at the foot."""
        bar, width = self._at.timebar, self.width()
        left, right = bar.share_of(from_ns) * width, bar.share_of(to_ns) * width
        colour = QColor(self._colours.focus)
        if is_marked:
            shade = QColor(colour)
            shade.setAlpha(_SHADE)
            painter.fillRect(QRectF(left, 0, right - left, height), shade)
            for x in (left, right):
                painter.fillRect(QRectF(x - 1, 0, 2, height), colour)
        else:
            painter.fillRect(QRectF(left, height - 3, max(right - left, 2.0), 3), QColor(self._colours.muted))

    def _labels(self, painter: QPainter, width: int, height: int) -> None:
        start, end = self._at.timebar.view_ns()
        step = tick_step_ns(end - start, width)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        offset = int(utc_offset_s(start)) * NS
        first = -(-(start + offset) // step) * step - offset
        for t_ns in range(first, end, step):
            x = (t_ns - start) / (end - start) * width
            painter.setPen(QPen(QColor(self._colours.line), 1))
            painter.drawLine(QPointF(x, _LATE_TOP + _LATE_PX), QPointF(x, height))
            painter.setPen(QColor(self._colours.muted))
            painter.drawText(QPointF(x + 4, height - 5), clock_text(t_ns, step / NS))

    def _flag(self, painter: QPainter, x: float, colour: QColor, *, filled: bool) -> None:
        painter.setPen(QPen(colour, 1))
        painter.setBrush(colour if filled else Qt.BrushStyle.NoBrush)
        painter.drawPolygon(QPolygonF([QPointF(x - 4, 1), QPointF(x + 4, 1), QPointF(x, 9)]))

    def _cursor(self, painter: QPainter, x: float, width: int, height: int) -> None:
        colour = QColor(str(getattr(self._colours, mode_of(self._at), self._colours.focus)))
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        inside = min(max(x, 0.0), float(width))
        painter.drawRect(QRectF(inside - 1.5, 0, 3, height))
        painter.drawPolygon(
            QPolygonF([QPointF(inside - 6, height), QPointF(inside + 6, height), QPointF(inside, height - 9)])
        )


def density_image(worst: U1, colours: Colours) -> QImage:
    """Return one row of pixels in the colours of the most urgent alarms; clear where there was none."""
    names = (colours.priority1, colours.priority2, colours.priority3, colours.priority4, colours.priority4)
    table = np.zeros((256, 4), np.uint8)
    for level, name in enumerate(names, 1):
        colour = QColor(name)
        table[level] = (colour.red(), colour.green(), colour.blue(), 255)
    rows = np.ascontiguousarray(table[worst])
    return QImage(rows.tobytes(), len(worst), 1, 4 * len(worst), QImage.Format.Format_RGBA8888).copy()


def runs(where: B1) -> list[tuple[int, int]]:
    """Return (first, last + 1) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _title(mark: Bookmark) -> str:
    name = mark.title or ("Range" if mark.is_range else "Bookmark")
    return f"{name} · {date_text(mark.t_ns)}"
