"""Measuring in the picture: points are clicked on surfaces; lines and figures are drawn over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from armillary.model.arrays import F8
from armillary.ui import theme
from armillary.ui.theme import Colours
from armillary.ui.tool import Tool
from armillary.viewport import measure
from armillary.viewport.view import View

_MOST = 100  # measures kept, and points of one
_PLATE_PAD = 5.0
_FILL = 40
HINTS = {
    "distance": "Distance: click two points. Esc leaves.",
    "angle": "Angle: click a point, the corner, a point. Esc leaves.",
    "area": "Area: click the corners, Enter closes it. Esc leaves.",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure: kind of `measure.NEEDS`, world points (n, 3), what it says."""

    kind: str
    points: F8
    text: str


class MeasureTool(Tool):
    """Measures on the surfaces of a view; `kind` is "" while the mouse is not taken."""

    def __init__(
        self, view: View, colours: Colours, changed: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._view, self._changed, self._say = view, changed, say
        self.colours = colours
        self.kind = ""
        self.done: list[Measured] = []
        self._points: list[F8] = []
        self._plates: list[tuple[QPointF, str]] = []  # of the picture that is drawn now

    def begin(self, kind: str) -> None:
        """Measure from now on; the same kind again leaves."""
        self._points = []
        self.kind = "" if kind == self.kind else kind
        self._say(HINTS.get(self.kind, "Measuring is over."))
        self._changed()

    def clear(self) -> None:
        """Remove what was measured, and leave."""
        self.kind, self.done, self._points = "", [], []
        self._changed()

    def scene_changed(self) -> None:
        self.kind, self.done, self._points = "", [], []

    @property
    def _size(self) -> float:
        return self._view.stage.scene.meters_per_unit if self._view.stage is not None else 1.0

    def click(self, x: float, y: float) -> bool:
        if not self.kind:
            return False
        prim, point = self._view.hit(x, y)
        if prim < 0:
            self._say("There is no surface: click on a part.")
            return True
        self._points = [*self._points[: _MOST - 1], point]
        if self.kind != "area" and len(self._points) == measure.NEEDS[self.kind]:
            self._close()
        self._changed()
        return True

    def _close(self) -> None:
        points = np.array(self._points).reshape(-1, 3)
        text = measure.told(self.kind, points, self._size)
        if not text:
            self._say(f"An {self.kind} needs {measure.NEEDS[self.kind]} points.")
            return
        self.done = [*self.done[1 - _MOST :], Measured(self.kind, points, text)]
        self._points = []
        self._say(f"{self.kind.capitalize()}: {text}")

    def key(self, event: QKeyEvent) -> bool:
        if not self.kind:
            return False
        key = event.key()
        if key == Qt.Key.Key_Escape:
            if self._points:
                self._points = []
            else:
                self.kind = ""
                self._say("Measuring is over.")
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.kind == "area":
            self._close()
        elif key == Qt.Key.Key_Backspace and self._points:
            self._points.pop()
        else:
            return False
        self._changed()
        return True

    # ------------------------------------------------------------ drawing
    def paint(self, painter: QPainter, ratio: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._plates = []
        for found in self.done:
            self._draw(painter, ratio, found)
        if self._points:
            points = np.array(self._points)
            text = measure.told(self.kind, points, self._size) if self.kind == "area" else ""
            self._draw(painter, ratio, Measured(self.kind, points, text))
        taken: list[QRectF] = []
        for middle, words in self._plates:
            taken.append(self._plate(painter, middle, words, taken))

    def _draw(self, painter: QPainter, ratio: float, found: Measured) -> None:
        at = self._view.pixels(found.points)
        if not ((at[:, 2] > 0) & np.isfinite(at).all(axis=1)).all():
            return  # behind the eye, a line would go the wrong way round
        places = [QPointF(x / ratio, y / ratio) for x, y, _ in at.tolist()]
        for width, colour in ((4.0, self.colours.ground), (1.8, self.colours.text)):
            painter.setPen(QPen(QColor(colour), width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if found.kind == "area" and len(places) > 2:  # noqa: PLR2004  a polygon
                fill = QColor(self.colours.text)
                fill.setAlpha(_FILL)
                painter.setBrush(fill)
                painter.drawPolygon(QPolygonF(places))
            else:
                painter.drawPolyline(QPolygonF(places))
        painter.setPen(QPen(QColor(self.colours.ground), 1))
        painter.setBrush(QColor(self.colours.text))
        for place in places:
            painter.drawEllipse(place, 3.5, 3.5)
        if found.text:
            at_corner = found.kind == "angle"
            middle = places[1] if at_corner else QPointF(*(at[:, :2].mean(axis=0) / ratio).tolist())
            self._plates.append((middle + QPointF(0, -22 if at_corner else 0), found.text))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _plate(self, painter: QPainter, middle: QPointF, text: str, taken: list[QRectF]) -> QRectF:
        """Write a figure below those that are in its way, and return where."""
        painter.setFont(theme.font())
        room = QRectF(painter.fontMetrics().boundingRect(text))
        box = QRectF(0, 0, room.width() + 2 * _PLATE_PAD, room.height() + _PLATE_PAD)
        box.moveCenter(middle)
        for other in sorted(taken, key=QRectF.top):
            if box.intersects(other):
                box.moveTop(other.bottom() + 2)
        painter.setPen(QPen(QColor(self.colours.edge), 1))
        painter.setBrush(QColor(self.colours.raised))
        painter.drawRect(box)
        painter.setPen(QColor(self.colours.text))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)
        return box
