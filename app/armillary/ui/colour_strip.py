"""The strip of a colour map: its colours, what was recorded behind them, its stops to be dragged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from armillary.model.arrays import F8, U1
from armillary.model.binding import ColourMap
from armillary.session.colour_edit import seen, table
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 420, 140
_VISION_PX = 8
_BAR_PX, _SIDE_PX, _HANDLE_PX = 30, 12, 7
_GRAB_PX = 12.0
_STEP, _FAR = 0.01, 0.1


class ColourStrip(QWidget):
    """Drag a stop; click between stops adds one; arrow keys move the chosen one."""

    def __init__(
        self,
        colours: Colours,
        *,
        move: Callable[[int, float], None],
        add: Callable[[float], None],
        chosen: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._colours, self._move, self._add, self._chosen = colours, move, add, chosen
        self.held: ColourMap | None = None
        self.stop = 0
        self.shares: F8 = np.zeros(0)
        self._dragged = -1
        self.setMinimumHeight(HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Stops of the colour map")
        self.setToolTip(
            "Drag a stop; double-click adds one; arrow keys move the chosen one.\n"
            "Below: as people see it who see no red, no green, no blue"
        )

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        return QSize(WIDTH, HEIGHT)

    def show_map(self, held: ColourMap, stop: int) -> None:
        """Show a map with one stop chosen."""
        self.held, self.stop = held, stop
        self.update()

    def show_shares(self, shares: F8) -> None:
        """Show how often values fell into each part of the range, largest = 1; empty = not known."""
        self.shares = shares
        self.update()

    def _bar(self) -> QRectF:
        top = self.height() - _BAR_PX - 3 * _HANDLE_PX - 3 * _VISION_PX
        return QRectF(_SIDE_PX, top, max(1, self.width() - 2 * _SIDE_PX), _BAR_PX)

    def _places(self) -> list[float]:
        held = self.held
        if held is None:
            return []
        if held.kind == "states":
            n = len(held.stops)
            return [(i + 0.5) / n for i in range(n)]
        return [at for at, _ in held.stops]

    def x_of(self, at: float) -> float:
        """Return the pixel of a place in 0…1."""
        bar = self._bar()
        return bar.left() + at * bar.width()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar, held = self._bar(), self.held
        if held is None:
            return
        if len(self.shares):
            self._paint_shares(painter, bar)
        row = _colours(held)
        image = QImage(row.tobytes(), len(row), 1, 3 * len(row), QImage.Format.Format_RGB888)
        painter.drawImage(bar, image)
        painter.setPen(QPen(QColor(self._colours.edge), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(bar)
        self._paint_visions(painter, bar, row)
        for i, at in enumerate(self._places()):
            x = bar.left() + at * bar.width()
            tip = QPolygonF(
                [
                    QPointF(x, bar.bottom() + 1),
                    QPointF(x - _HANDLE_PX, bar.bottom() + 2 * _HANDLE_PX),
                    QPointF(x + _HANDLE_PX, bar.bottom() + 2 * _HANDLE_PX),
                ]
            )
            is_chosen = i == self.stop
            painter.setPen(QPen(QColor(self._colours.focus if is_chosen else self._colours.edge), 2))
            painter.setBrush(QColor(held.stops[i][1]))
            painter.drawPolygon(tip)

    def _paint_visions(self, painter: QPainter, bar: QRectF, row: U1) -> None:
        """Draw the bar as people see it who lack a kind of cone: three thin strips below."""
        top = bar.bottom() + 2 * _HANDLE_PX + 4
        for i, vision in enumerate(("protan", "deutan", "tritan")):
            seen_row = np.ascontiguousarray(seen(row, vision))
            image = QImage(seen_row.tobytes(), len(row), 1, 3 * len(row), QImage.Format.Format_RGB888)
            painter.drawImage(QRectF(bar.left(), top + i * _VISION_PX, bar.width(), _VISION_PX - 1), image)

    def _paint_shares(self, painter: QPainter, bar: QRectF) -> None:
        room = bar.top() - 8
        width = bar.width() / len(self.shares)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.muted))
        for i, share in enumerate(self.shares.tolist()):  # some dozen bars
            height = room * share
            painter.drawRect(
                QRectF(bar.left() + i * width, bar.top() - 2 - height, max(1.0, width - 1), height)
            )

    # ------------------------------------------------------------ hand

    def _near(self, x: float) -> int:
        places = self._places()
        if not places:
            return -1
        away = [abs(self.x_of(at) - x) for at in places]
        best = min(range(len(away)), key=away.__getitem__)
        return best if away[best] <= _GRAB_PX else -1

    def _at(self, x: float) -> float:
        bar = self._bar()
        return min(max((x - bar.left()) / bar.width(), 0.0), 1.0)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._dragged = self._near(event.position().x())
        if self._dragged >= 0:
            self._chosen(self._dragged)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._dragged >= 0 and self.held is not None and self.held.kind != "states":
            self._move(self._dragged, self._at(event.position().x()))

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        self._dragged = -1

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._near(event.position().x()) < 0:
            self._add(self._at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        held = self.held
        sign = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if held is None or sign is None:
            super().keyPressEvent(event)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._chosen(min(max(self.stop + sign, 0), len(held.stops) - 1))
        elif held.kind != "states":
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._move(self.stop, held.stops[self.stop][0] + sign * (_FAR if far else _STEP))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()


def _colours(held: ColourMap) -> U1:
    """Return the colours (n, 3) of the bar from left to right."""
    rows = table(held)[:, :3]
    if held.kind == "states":
        n = len(held.stops)
        return np.ascontiguousarray(rows[np.minimum(np.arange(256) * n // 256, n - 1)])
    return np.ascontiguousarray(rows)
