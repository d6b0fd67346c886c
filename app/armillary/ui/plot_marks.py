"""What lies over the lines of a trend: cursors, notes, late data, and what was not read yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from armillary.session.trend_book import Note
from armillary.session.trend_late import Late
from armillary.ui import icons
from armillary.ui.theme import Colours
from armillary.ui.when import date_text

_FLAG_PX, _LATE_PX, _TEXT_PX = 9.0, 3.0, 220.0
_UNREAD, _NOTE_SHADE = 70, 26  # opacity, 0…255
NAMES = ("A", "B")


@dataclass(slots=True, kw_only=True)
class Marks:
    """All of it as it is now."""

    hair_ns: int | None = None
    cursors: tuple[int | None, int | None] = (None, None)
    band: tuple[float, float] | None = None
    notes: Sequence[Note] = ()
    late: Sequence[Late] = ()
    shown_ns: int = 0  # a replay stands here, while a range is held; 0 = none
    unread: Sequence[tuple[int, int]] = ()  # spans that the recorder has not answered yet


def paint(
    painter: QPainter, area: QRectF, marks: Marks, x_of: Callable[[int], float], colours: Colours
) -> None:
    """Paint marks over the plot's area, in its pixels."""
    painter.setClipRect(area)
    for begin, end in marks.unread:
        box = _span(area, x_of(begin), x_of(end))
        if not box.isEmpty():
            painter.fillRect(box, QBrush(icons.tinted(colours.edge, _UNREAD), Qt.BrushStyle.BDiagPattern))
    for late in marks.late:  # underlined, at the foot, as on the time bar
        box = _span(area, x_of(late.from_ns), x_of(late.to_ns))
        line = QRectF(box.left(), area.bottom() - _LATE_PX, max(box.width(), _LATE_PX), _LATE_PX)
        painter.fillRect(line, QColor(colours.focus))  # as on the time bar
        text = f"late data, added {date_text(late.added_ns)}" if late.added_ns else "late data"
        if QFontMetricsF(painter.font()).horizontalAdvance(text) <= box.width():
            painter.setPen(QColor(colours.muted))
            painter.drawText(QPointF(box.left() + 2, line.top() - 3), text)
    _notes(painter, area, marks.notes, x_of, colours)
    if marks.band is not None:
        left, right = sorted(marks.band)
        painter.fillRect(
            QRectF(left, area.top(), right - left, area.height()), icons.tinted(colours.focus, 50)
        )
    if marks.shown_ns:
        x = x_of(marks.shown_ns)
        _line(painter, area, x, QPen(QColor(colours.replay), 2))
        painter.setBrush(QColor(colours.replay))
        painter.drawPolygon(
            [QPointF(x - 5, area.top()), QPointF(x + 5, area.top()), QPointF(x, area.top() + 7)]
        )
    if marks.hair_ns is not None:
        _line(painter, area, x_of(marks.hair_ns), QPen(QColor(colours.edge), 1))
    a, b = marks.cursors
    if a is not None and b is not None:
        painter.fillRect(_span(area, x_of(min(a, b)), x_of(max(a, b))), icons.tinted(colours.focus, 18))
    for name, at in zip(NAMES, marks.cursors, strict=True):
        if at is not None:
            dash = Qt.PenStyle.SolidLine if name == NAMES[0] else Qt.PenStyle.DashLine
            _line(painter, area, x_of(at), QPen(QColor(colours.focus), 1.5, dash))
            _tag(painter, area, x_of(at), name, colours)


def _span(area: QRectF, left: float, right: float) -> QRectF:
    left, right = max(left, area.left()), min(right, area.right())
    return QRectF(left, area.top(), right - left, area.height()) if right > left else QRectF()


def _line(painter: QPainter, area: QRectF, x: float, pen: QPen) -> None:
    painter.setPen(pen)
    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))


def _tag(painter: QPainter, area: QRectF, x: float, name: str, colours: Colours) -> None:
    box = QRectF(x - 8, area.bottom() - 15, 16, 15)  # at the foot: notes stand at the top
    painter.fillRect(box, QColor(colours.focus))
    painter.setPen(QColor(colours.ground if colours.name == "dark" else "#FFFFFF"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def _notes(
    painter: QPainter, area: QRectF, notes: Sequence[Note], x_of: Callable[[int], float], colours: Colours
) -> None:
    """Paint a flag with its text for each note; texts that would lie on each other go a row down or away."""
    metrics = QFontMetricsF(painter.font())
    height = metrics.height() + 2
    ends = [area.left()] * max(
        1, min(3, int(area.height() / height / 3))
    )  # right end of each row's last text
    for note in notes:
        x = x_of(note.t_ns)
        if note.to_ns:
            painter.fillRect(_span(area, x, x_of(note.to_ns)), icons.tinted(colours.text, _NOTE_SHADE))
        _line(painter, area, x, QPen(QColor(colours.muted), 1, Qt.PenStyle.DotLine))
        row = next((i for i, end in enumerate(ends) if x >= end), -1)
        top = area.top() + 2 + max(row, 0) * height
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.muted))
        flag = [QPointF(x, top), QPointF(x + _FLAG_PX, top + _FLAG_PX / 2), QPointF(x, top + _FLAG_PX)]
        painter.drawPolygon(QPolygonF(flag))
        if row >= 0:
            text = metrics.elidedText(note.text, Qt.TextElideMode.ElideRight, _TEXT_PX)
            painter.setPen(QColor(colours.text))
            painter.drawText(QPointF(x + _FLAG_PX + 3, top + metrics.ascent() - 1), text)
            ends[row] = x + _FLAG_PX + 9 + metrics.horizontalAdvance(text)
