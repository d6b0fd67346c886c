"""The drawing of twins and their relations: click chooses, double click centres, wheel and drag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from armillary.session.graph_layout import COLUMN, ROW, Drawing
from armillary.session.plant_model import NodeText
from armillary.ui.theme import Colours

_BOX = QRectF(-COLUMN * 0.38, -ROW * 0.38, COLUMN * 0.76, ROW * 0.76)
_MARGIN = 24.0
_LEAST_SCALE, _MOST_SCALE = 0.12, 3.0
_READABLE = 0.45  # of the scale: below it a box has its id only
_NAMED, _SMALL_PX = 0.25, 10  # of the scale: below it boxes have no names
_FEW = 80  # lines that carry their names
_ARROW = 7.0
_STEP = 1.15  # of zoom, a notch of the wheel


class GraphView(QWidget):
    """One drawing. Colours of boxes say what a query found; the one in the middle has a thick edge."""

    def __init__(
        self, colours: Colours, chosen: Callable[[int], None], centred: Callable[[int], None]
    ) -> None:
        """`chosen` and `centred` learn the row of the twin."""
        super().__init__()
        self._chosen, self._centred, self._colours = chosen, centred, colours
        self._drawing, self._texts = Drawing(), tuple[NodeText, ...]()
        self._scale, self._shift = 1.0, QPointF()
        self._pressed: QPointF | None = None
        self._has_moved = self._by_hand = False
        self.focus = 0  # the place that has the keyboard
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(220, 140)
        self.setMouseTracking(True)
        self.setAccessibleName("Relations of the chosen twin")

    # ------------------------------------------------------------ what is drawn

    def show_drawing(self, drawing: Drawing, texts: Sequence[NodeText]) -> None:
        """Draw other twins; texts belong to the places."""
        is_new = [place.row for place in drawing.places] != [place.row for place in self._drawing.places]
        self._drawing, self._texts = drawing, tuple(texts)
        if is_new:
            self.focus, self._by_hand = 0, False
            self._fit()
        told = f"{len(drawing.places)} twins, {len(drawing.lines)} relations"
        self.setAccessibleDescription(told)
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()

    def _fit(self) -> None:
        """Show everything, as large as it fits, its middle twin not lost."""
        places = self._drawing.places
        if not places or self.width() < 2 * _MARGIN:
            return
        xs, ys = [place.x for place in places], [place.y for place in places]
        box = QRectF(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)).adjusted(
            _BOX.left(), _BOX.top(), _BOX.right(), _BOX.bottom()
        )
        across = (self.width() - _MARGIN) / box.width()
        down = (self.height() - _MARGIN) / box.height()
        self._scale = min(max(min(across, down), _LEAST_SCALE), 1.0)
        middle = box.center()
        self._shift = QPointF(self.width() / 2, self.height() / 2) - middle * self._scale

    def at_of(self, row: int) -> QPointF | None:
        """Return where on the widget a twin is drawn, None where it is not."""
        place = next((place for place in self._drawing.places if place.row == row), None)
        return None if place is None else QPointF(place.x, place.y) * self._scale + self._shift

    def _hit(self, at: QPointF) -> int:
        """Return which place is under a point, -1 for none."""
        point = (at - self._shift) / self._scale
        for i, place in enumerate(self._drawing.places):
            if _BOX.contains(point - QPointF(place.x, place.y)):
                return i
        return -1

    # ------------------------------------------------------------ hand and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  Qt's name
        self._pressed, self._has_moved = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            by = event.position() - self._pressed
            if self._has_moved or by.manhattanLength() >= QApplication.startDragDistance():
                self._shift, self._pressed = self._shift + by, event.position()
                self._has_moved = self._by_hand = True
                self.update()
            return
        hand = (
            Qt.CursorShape.PointingHandCursor
            if self._hit(event.position()) >= 0
            else Qt.CursorShape.ArrowCursor
        )
        self.setCursor(hand)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        moved, self._pressed = self._has_moved, None
        place = self._hit(event.position())
        if not moved and place >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.focus = place
            self.update()
            self._chosen(self._drawing.places[place].row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if (place := self._hit(event.position())) >= 0:
            self._centred(self._drawing.places[place].row)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        factor = _STEP if event.angleDelta().y() > 0 else 1 / _STEP
        scale = min(max(self._scale * factor, _LEAST_SCALE), _MOST_SCALE)
        at = event.position()
        self._shift = at - (at - self._shift) * (scale / self._scale)
        self._scale, self._by_hand = scale, True
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows go to the next twin that way, Enter chooses it, Space puts it in the middle."""
        places = self._drawing.places
        ways = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        way = ways.get(Qt.Key(event.key()))
        if places and way is not None:
            self.focus = self._towards(*way)
            self.update()
        elif places and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._chosen(places[self.focus].row)
        elif places and event.key() == Qt.Key.Key_Space:
            self._centred(places[self.focus].row)
        else:
            super().keyPressEvent(event)

    def _towards(self, dx: int, dy: int) -> int:
        places = self._drawing.places
        here = places[self.focus]
        best, least = self.focus, float("inf")
        for i, place in enumerate(places):
            x, y = place.x - here.x, place.y - here.y
            ahead = x * dx + y * dy
            if ahead > 1 and (far := hypot(x, y) + 2 * abs(x * dy) + 2 * abs(y * dx)) < least:
                best, least = i, far
        return best

    def resizeEvent(self, _event: QResizeEvent) -> None:  # noqa: N802
        if not self._by_hand:
            self._fit()

    def event(self, event: QEvent) -> bool:
        """Tell what a box is while the mouse rests on it."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._hit(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._texts[place].tip if place >= 0 else "", self)
            return True
        return super().event(event)

    # ------------------------------------------------------------ painting

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._colours.field))
        if not self._drawing.places:
            painter.setPen(QColor(self._colours.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(
                self.rect().adjusted(20, 0, -20, 0), flags, "Choose a twin to see what it relates to."
            )
            return
        painter.translate(self._shift)
        painter.scale(self._scale, self._scale)
        self._paint_lines(painter)
        for i, text in enumerate(self._texts):
            self._paint_box(painter, i, text)

    def _paint_lines(self, painter: QPainter) -> None:
        colours, places = self._colours, self._drawing.places
        named = len(self._drawing.lines) <= _FEW and self._scale >= _READABLE
        font = QFont(self.font())
        font.setPointSizeF(max(font.pointSizeF() - 1, 6))
        painter.setFont(font)
        for line in self._drawing.lines:
            if line.source == line.target:
                continue
            a, b = (QPointF(places[i].x, places[i].y) for i in (line.source, line.target))
            start, end = _edge(a, b), _edge(b, a)
            style = Qt.PenStyle.DashLine if line.said_by else Qt.PenStyle.SolidLine
            painter.setPen(QPen(QColor(colours.edge), 1.2, style))
            painter.drawLine(start, end)
            _arrow(painter, start, end, QColor(colours.edge))
            if named:
                self._paint_name(painter, (start + end) / 2, line.name)

    def _paint_name(self, painter: QPainter, at: QPointF, name: str) -> None:
        width = painter.fontMetrics().horizontalAdvance(name) + 6
        height = painter.fontMetrics().height()
        box = QRectF(at.x() - width / 2, at.y() - height / 2, width, height)
        painter.fillRect(box, QColor(self._colours.field))
        painter.setPen(QColor(self._colours.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)

    def _paint_box(self, painter: QPainter, i: int, text: NodeText) -> None:
        colours, place = self._colours, self._drawing.places[i]
        box = _BOX.translated(place.x, place.y)
        fill = QColor(colours.selected if text.is_selected else colours.raised)
        edge = QPen(QColor(colours.edge), 1.0)
        if text.verdict:
            edge = QPen(QColor(colours.focus), 2.5)
            if text.verdict == 1:
                edge.setStyle(Qt.PenStyle.DotLine)
        if place.steps == 0:
            edge.setWidthF(edge.widthF() + 1.2)
            edge.setColor(QColor(colours.text if not text.verdict else colours.focus))
        painter.setPen(edge)
        painter.setBrush(fill)
        painter.drawRoundedRect(box, 5, 5)
        if i == self.focus and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.focus), 1.5, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(box.adjusted(-3, -3, 3, 3), 6, 6)
        font = QFont(self.font())
        font.setBold(True)
        if self._scale < _READABLE:  # the id alone, as large as it is read on the screen
            if self._scale >= _NAMED:
                font.setPixelSize(int(min(_SMALL_PX / self._scale, box.height())))
                painter.setFont(font)
                self._paint_text(painter, box, text.title, colours.text)
            return
        painter.setFont(font)
        half = box.height() / 2
        self._paint_text(painter, QRectF(box.left(), box.top(), box.width(), half), text.title, colours.text)
        painter.setFont(self.font())
        below = QRectF(box.left(), box.top() + half, box.width(), half)
        self._paint_text(painter, below, text.under, colours.muted)

    def _paint_text(self, painter: QPainter, box: QRectF, text: str, colour: str) -> None:
        painter.setPen(QColor(colour))
        inner = box.adjusted(4, 0, -4, 0)
        cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(inner.width()))
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, cut)


def _edge(of: QPointF, towards: QPointF) -> QPointF:
    """Return where a line from the middle of a box leaves it."""
    by = towards - of
    across = _BOX.right() / abs(by.x()) if by.x() else float("inf")
    down = _BOX.bottom() / abs(by.y()) if by.y() else float("inf")
    share = min(across, down, 1.0)
    return of + by * share


def _arrow(painter: QPainter, start: QPointF, end: QPointF, colour: QColor) -> None:
    by = end - start
    length = hypot(by.x(), by.y())
    if length < 1:
        return
    along, across = by / length, QPointF(-by.y(), by.x()) / length
    painter.setBrush(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    back = end - along * _ARROW
    painter.drawPolygon(QPolygonF([end, back + across * _ARROW / 2, back - across * _ARROW / 2]))
