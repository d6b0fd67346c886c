"""Draws a value in its span: a grey normal band, limits with their numbers, a pointer. No gauge, no glow."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from armillary.session.value_band import Band
from armillary.ui import theme
from armillary.ui.theme import Colours

HEIGHT = 56  # pointer, bar, numbers, whose they are
LEAST_WIDTH = 200
_POINTER, _BAR = 8, 10
_SMALL = 0.85
_APART = 4  # px between two numbers: what would lie on another is left out


def paint(painter: QPainter, room: QRect, colours: Colours, band: Band) -> None:
    """Draw a band into a room of at least LEAST_WIDTH × HEIGHT."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    bar = QRectF(room.left(), room.top() + _POINTER + 2, room.width(), _BAR)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.field))
    painter.drawRect(bar)
    a, b = (bar.left() + band.share(at) * bar.width() for at in (band.normal_low, band.normal_high))
    painter.setBrush(QColor(colours.equipment))
    painter.drawRect(QRectF(a, bar.top(), max(b - a, 1.0), bar.height()))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(colours.edge))
    painter.drawRect(bar)
    _limits(painter, bar, colours, band)
    if band.value == band.value:
        _pointer(painter, bar, colours, band)
    painter.restore()


def _limits(painter: QPainter, bar: QRectF, colours: Colours, band: Band) -> None:
    painter.setFont(theme.font(_SMALL))
    metrics = painter.fontMetrics()
    row = QRectF(bar.left(), bar.bottom() + 3 + metrics.height(), bar.width(), metrics.height())
    painter.setPen(QColor(colours.muted))
    painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), band.title)
    painter.setPen(QPen(QColor(colours.text), 2))
    free = bar.left() - 100.0
    for at, _ in band.limits:
        x = bar.left() + band.share(at) * bar.width()
        painter.drawLine(QPointF(x, bar.top() - 2), QPointF(x, bar.bottom() + 3))
        said = f"{at:g}"
        width = metrics.horizontalAdvance(said)
        left = min(max(x - width / 2, bar.left()), bar.right() - width)
        if left >= free:
            painter.drawText(QPointF(left, bar.bottom() + 3 + metrics.ascent()), said)
            free = left + width + _APART


def _pointer(painter: QPainter, bar: QRectF, colours: Colours, band: Band) -> None:
    """A triangle above the bar; hollow where the value is not to be relied on."""
    x = bar.left() + band.share(band.value) * bar.width()
    y = bar.top()
    shape = QPolygonF([QPointF(x, y), QPointF(x - 5, y - _POINTER), QPointF(x + 5, y - _POINTER)])
    painter.setPen(QPen(QColor(colours.text), 1.5))
    painter.setBrush(QColor(colours.text) if band.is_sure else Qt.BrushStyle.NoBrush)
    painter.drawPolygon(shape)
