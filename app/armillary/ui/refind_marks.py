"""Over the picture while parts are sought: where the chosen part was, and where it is now."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from armillary.model.arrays import F8
from armillary.model.rematch import Match
from armillary.ui import timers
from armillary.ui.canvas import Canvas
from armillary.ui.guide_marks import FOLLOW_MS, INK, brackets
from armillary.ui.theme import Colours
from armillary.viewport.camera import CameraPose, corners

LEAST_PX, GAP_PX = 16.0, 6.0
WAS = "was here"


class RefindMarks(QWidget):
    """Takes no mouse. A dashed ring is what was, brackets are what is; a line leads from one to the other."""

    def __init__(self, canvas: Canvas, colours: Colours) -> None:
        super().__init__(canvas)
        self._canvas, self._colours = canvas, colours
        self._match: Match | None = None
        self._prim = -1
        self._seen: object = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAccessibleName("Where the chosen part was, and where it is")
        canvas.installEventFilter(self)
        self._tick = timers.every(self, FOLLOW_MS, self._follow)
        self._tick.stop()
        self.hide()

    def show_match(self, match: Match | None, prim: int) -> None:
        """Mark where a part was and the prim that it is now, -1 for none; None marks nothing."""
        self._match, self._prim = match, prim
        wanted = match is not None and (match.was is not None or prim >= 0)
        self.setVisible(wanted)
        if wanted:
            self.setGeometry(self._canvas.rect())
            self._tick.start()
            self.update()
            if match is not None and match.was is not None and match.moved_m and prim >= 0:
                was, radius = np.array(match.was), match.was_radius_m
                pose = self._canvas.view.framing((prim,), [np.concatenate([was - radius, was + radius])])
                self._canvas.flight.to(pose)  # both are seen
        else:
            self._tick.stop()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()

    def ring(self) -> tuple[QPointF, float] | None:
        """Return the middle and radius in pixels of where it was, None where that is not known or seen."""
        match = self._match
        if match is None or match.was is None:
            return None
        middle = np.array(match.was)
        rim = middle + match.was_radius_m * _across(self._canvas.view.pose)
        at = self._pixels(np.array([middle, rim]))
        if at is None:
            return None
        return QPointF(*at[0]), max(float(np.hypot(*(at[1] - at[0]))), LEAST_PX)

    def place(self) -> QRectF | None:
        """Return where its prim is in the picture, None where it is not seen."""
        box = self._canvas.view.box(self._prim) if self._prim >= 0 else np.full(6, np.nan)
        at = self._pixels(corners(box)) if np.isfinite(box).all() else None
        if at is None:
            return None
        (left, top), (right, bottom) = at.min(axis=0) - GAP_PX, at.max(axis=0) + GAP_PX
        return QRectF(QPointF(left, top), QPointF(right, bottom))

    def _pixels(self, points: F8) -> F8 | None:
        ratio = self._canvas.devicePixelRatioF()
        at = self._canvas.view.pixels(points)
        found: F8 = at[:, :2] / ratio
        return found if bool((at[:, 2] > 0).all()) else None

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring, place = self.ring(), self.place()
        for colour, width in ((INK, 5.0), (self._colours.focus, 2.0)):
            solid = QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap)
            dashed = QPen(QColor(colour), width, Qt.PenStyle.DashLine)
            if place is not None:
                painter.setPen(solid)
                brackets(painter, place)
            if ring is not None:
                painter.setPen(dashed)
                painter.drawEllipse(ring[0], ring[1], ring[1])
                if place is not None and not place.contains(ring[0]):
                    painter.drawLine(ring[0], place.center())
        if ring is not None:
            painter.setPen(QColor(self._colours.text))
            painter.setBrush(QColor(self._colours.raised))
            metrics = self.fontMetrics()
            plate = QRectF(0, 0, metrics.horizontalAdvance(WAS) + 12, metrics.height() + 6)
            plate.moveCenter(ring[0] + QPointF(0, ring[1] + plate.height()))
            painter.drawRoundedRect(plate, 3, 3)
            painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), WAS)
        painter.end()

    def _follow(self) -> None:
        now = (self._canvas.view.pose, self._canvas.size())
        if now != self._seen:
            self._seen = now
            self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return False


def _across(pose: CameraPose) -> F8:
    """Return the direction to the right of the eye, of length 1."""
    out: F8 = np.cross(np.subtract(pose.focus, pose.position), pose.up)
    return out / max(float(np.linalg.norm(out)), 1e-12)
