"""The handle of the section plane: its frame in the picture, and an arrow that moves it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from armillary.model.arrays import F8
from armillary.ui.theme import Colours
from armillary.ui.tool import Tool
from armillary.viewport import camera as eye
from armillary.viewport import section as planes
from armillary.viewport.section import Section
from armillary.viewport.view import View

_REACH_PX = 14.0  # about the handle, within which a press takes it
_ARM_PX = 46.0
_FLAT_PX = 6.0  # an arrow shorter than this points to the eye: up and down then move the plane
_NEAREST = 1e-6


class SectionTool(Tool):
    """Cuts the scene of a view open."""

    def __init__(self, view: View, colours: Colours, changed: Callable[[], None]) -> None:
        self._view, self._changed = view, changed
        self.colours = colours
        self._held: tuple[float, float, Section] | None = None

    # ------------------------------------------------------------ commands
    def toggle(self) -> bool:
        """Cut across the axis that points to the eye, or close the scene; return whether it is cut."""
        if self._view.section is None:
            self._view.section = planes.facing(self._view.rest_box, eye.basis(self._view.pose)[2])
        else:
            self._view.section = None
        self._changed()
        return self._view.section is not None

    def clear(self) -> None:
        """Close the scene."""
        self._view.section = None
        self._changed()

    def flip(self) -> None:
        """Cut away the other side; begins a section where there is none."""
        if self._view.section is None:
            self.toggle()
        elif self._view.section is not None:
            self._view.section = planes.flipped(self._view.section)
            self._changed()

    def turn(self) -> None:
        """Cut across the next axis, through the middle."""
        now = self._view.section
        axis = int(np.abs(now.normal).argmax()) if now is not None else -1
        self._view.section = planes.through_middle(self._view.rest_box, "xyz"[(axis + 1) % 3])
        self._changed()

    # ------------------------------------------------------------ handle
    def handle(self) -> tuple[F8, F8] | None:
        """Return the pixels (2,) of the handle and of the tip of its arrow; None when they are not seen."""
        section = self._view.section
        if section is None:
            return None
        corners = planes.frame(section, self._view.rest_box)
        middle = corners.mean(axis=0) if len(corners) else np.asarray(section.point)
        per_m = self._pixels_a_metre(middle, np.asarray(section.normal))
        base = self._view.pixels(middle[None])[0]
        if base[2] <= 0 or not np.isfinite(base).all():
            return None
        length = float(np.linalg.norm(per_m))
        arm = per_m / length * _ARM_PX if length > _NEAREST else np.array([0.0, -_ARM_PX])
        return base[:2], base[:2] + arm

    def _pixels_a_metre(self, at: F8, normal: F8) -> F8:
        """Return how far (2,) the picture of a point goes when it goes a metre along the normal."""
        small = max(eye.distance(self._view.pose), 1.0) * 1e-3
        ends = self._view.pixels(np.stack([at, at + small * normal]))
        out: F8 = (ends[1, :2] - ends[0, :2]) / small
        return out if np.isfinite(out).all() else np.zeros(2)

    def press(self, x: float, y: float) -> bool:
        held = self.handle()
        section = self._view.section
        if held is None or section is None:
            return False
        near = min(float(np.hypot(*(end - (x, y)))) for end in (*held, (held[0] + held[1]) / 2))
        self._held = (x, y, section) if near <= _REACH_PX else None
        return self._held is not None

    def drag(self, x: float, y: float) -> None:
        if self._held is None:
            return
        from_x, from_y, section = self._held
        normal = np.asarray(section.normal)
        per_m = self._pixels_a_metre(np.asarray(section.point), normal)
        length = float(np.linalg.norm(per_m))
        whole = eye.view_height(self._view.pose) / max(self._view.size[1], 1)  # metres a pixel at the focus
        if length * whole * _ARM_PX < _FLAT_PX:
            metres = (from_y - y) * whole
        else:
            metres = float(per_m @ (x - from_x, y - from_y)) / length**2
        self._view.section = planes.moved(section, metres, self._view.rest_box)
        self._changed()

    def release(self) -> None:
        self._held = None

    # ------------------------------------------------------------ drawing
    def paint(self, painter: QPainter, ratio: float) -> None:
        section, held = self._view.section, self.handle()
        if section is None:
            return
        colour = QColor(self.colours.focus)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        corners = self._view.pixels(planes.frame(section, self._view.rest_box))
        if len(corners) and (corners[:, 2] > 0).all():
            painter.setPen(QPen(colour, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolygon(QPolygonF([QPointF(x / ratio, y / ratio) for x, y, _ in corners.tolist()]))
        if held is None:
            return
        base, tip = (QPointF(float(p[0]) / ratio, float(p[1]) / ratio) for p in held)
        along = tip - base
        length = max(float(np.hypot(along.x(), along.y())), 1.0)
        ahead = QPointF(along.x() / length, along.y() / length)
        aside = QPointF(-ahead.y(), ahead.x())
        painter.setPen(QPen(QColor(self.colours.ground), 5))
        painter.drawLine(base, tip)
        painter.setPen(QPen(colour, 3))
        painter.drawLine(base, tip)
        painter.setPen(QPen(QColor(self.colours.ground), 1))
        painter.setBrush(QBrush(colour))
        painter.drawPolygon(QPolygonF([tip + ahead * 8, tip + aside * 6, tip - aside * 6]))
        painter.drawEllipse(base, 7.0, 7.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def axis_of(section: Section) -> str:
    """Return the axis that a section is across, with the side that is kept: e.g. `x−` or `z+`."""
    axis = int(np.abs(section.normal).argmax())
    return f"{'xyz'[axis]}{'−' if section.normal[axis] > 0 else '+'}"
