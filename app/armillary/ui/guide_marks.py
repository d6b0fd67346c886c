"""Over the picture: brackets around the parts of the present step, and its words beside the first of them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from armillary.session.guide import GuideCard
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.canvas import Canvas
from armillary.ui.theme import Colours
from armillary.viewport.camera import corners

FOLLOW_MS = 50  # how often the marks follow the camera while they are shown
_ARM, _LEAST, _PAD = 14.0, 18.0, 6
INK = "#10151A"
_GAP = 10
MOST = 12  # parts that are bracketed: more are no place to look at


class GuideMarks(QWidget):
    """Takes no mouse. Brackets are told from alarms by their form: these have outlines and badges."""

    def __init__(self, workspace: Workspace, canvas: Canvas, colours: Colours) -> None:
        super().__init__(canvas)
        self._at, self._canvas, self._colours = workspace, canvas, colours
        self.text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAccessibleName("Where the present step of the procedure is done")
        canvas.installEventFilter(self)
        self._tick = timers.every(self, FOLLOW_MS, self._follow)
        self._seen: object = None
        workspace.guide.changed.connect(self.refresh)
        workspace.scene_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the present step's parts, or nothing."""
        card = self._at.guide.card()
        prims = self._at.guide.prims() if card is not None and not card.is_over else ()
        self.text = _words(card) if card is not None and prims else ""
        self.setVisible(bool(prims))
        if prims:
            self.setAccessibleDescription(self.text)
            self.setGeometry(self._canvas.rect())
            self._tick.start()
            self.update()
        else:
            self._tick.stop()

    def places(self) -> list[QRectF]:
        """Return where the step's parts are in the picture, those in front of the eye."""
        view, ratio = self._canvas.view, self._canvas.devicePixelRatioF()
        out = []
        for prim in self._at.guide.prims()[:MOST]:
            box = view.box(prim)
            if not np.isfinite(box).all():
                continue
            at = view.pixels(corners(box))
            at = at[at[:, 2] > 0] / (ratio, ratio, 1.0)
            if not len(at):
                continue
            low, high = at[:, :2].min(axis=0), at[:, :2].max(axis=0)
            room = np.maximum(_LEAST - (high - low), 0.0) / 2 + 4.0
            (left, top), (right, bottom) = low - room, high + room
            found = QRectF(QPointF(left, top), QPointF(right, bottom))
            if found.intersects(QRectF(self.rect())):
                out.append(found.intersected(QRectF(self.rect()).adjusted(2, 2, -2, -2)))
        return out

    def plate(self, at: QRectF) -> QRect:
        """Return where the words stand: above a part, below it at the upper edge."""
        metrics = self.fontMetrics()
        width, height = metrics.horizontalAdvance(self.text) + 2 * _PAD, metrics.height() + _PAD
        left = min(max(round(at.center().x() - width / 2), 2), max(2, self.width() - width - 2))
        above = round(at.top()) - height - _GAP
        top = above if above > 0 else min(round(at.bottom()) + _GAP, max(0, self.height() - height - 2))
        return QRect(left, top, width, height)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = self.places()
        for colour, width in ((INK, 5.0), (self._colours.focus, 2.5)):
            painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
            for at in places:
                brackets(painter, at)
        if places and self.text:
            plate = self.plate(places[0])
            painter.setPen(QPen(QColor(self._colours.focus), 1.5))
            painter.setBrush(QColor(self._colours.raised))
            painter.drawRoundedRect(plate, 3, 3)
            painter.setPen(QColor(self._colours.text))
            painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), self.text)
        painter.end()

    def _follow(self) -> None:
        now = (self._canvas.view.pose, self._at.mirror.frames, self._canvas.size())
        if now != self._seen:
            self._seen = now
            self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return False

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()


def brackets(painter: QPainter, at: QRectF) -> None:
    """Draw the four corners of a place with the painter's pen."""
    arm = min(_ARM, at.width() / 3, at.height() / 3)
    for corner, right, down in (
        (at.topLeft(), 1, 1),
        (at.topRight(), -1, 1),
        (at.bottomLeft(), 1, -1),
        (at.bottomRight(), -1, -1),
    ):
        painter.drawLine(corner, corner + QPointF(arm * right, 0))
        painter.drawLine(corner, corner + QPointF(0, arm * down))


def _words(card: GuideCard) -> str:
    reading = f" · {card.now.reading}" if card.now is not None and card.now.verdict != "wrong" else ""
    return f"{card.place.removeprefix('Step ').partition(' ')[0]}  {card.step}{reading}"
