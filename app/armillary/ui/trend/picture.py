"""A trend as a picture for a report: what it is of, when, and in which world, unmistakably."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from armillary.model.fault import Fault
from armillary.ui import theme
from armillary.ui.theme import Colours
from armillary.ui.when import date_text, offset_text

_HEAD_PX, _RIBBON_PX, _EDGE_PX = 26, 24, 10


def heading(range_ns: tuple[int, int], project: str) -> str:
    """Return the line above a picture: project, range and offset to UTC."""
    start, end = range_ns
    what = f"{project} · " if project else ""
    return f"{what}{date_text(start)} – {date_text(end)} ({offset_text(start)})"


def picture(
    body: QWidget, range_ns: tuple[int, int], project: str, ribbon: tuple[str, str], colours: Colours
) -> QPixmap:
    """Return a widget with its heading; ribbon: (mode, words), ("live", "") for none."""
    mode, words = ribbon
    shot = body.grab()
    scale = shot.devicePixelRatio()
    size = QSize(round(shot.width() / scale), round(shot.height() / scale))
    top = _HEAD_PX + (_RIBBON_PX if words else 0)
    out = QPixmap(round(size.width() * scale), round((size.height() + top) * scale))
    out.setDevicePixelRatio(scale)
    out.fill(QColor(colours.panel))
    painter = QPainter(out)
    painter.setFont(theme.font(1.0))
    if words:
        colour = {"replay": colours.replay, "whatif": colours.whatif, "training": colours.training}.get(
            mode, colours.edge
        )
        painter.fillRect(QRectF(0, 0, size.width(), _RIBBON_PX), QColor(colour))
        painter.setPen(QColor(colours.on_mode))
        box = QRectF(_EDGE_PX, 0, size.width() - 2 * _EDGE_PX, _RIBBON_PX)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), words)
    painter.setPen(QColor(colours.text))
    box = QRectF(_EDGE_PX, top - _HEAD_PX, size.width() - 2 * _EDGE_PX, _HEAD_PX)
    painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), heading(range_ns, project))
    painter.drawPixmap(0, top, shot)
    if words:  # framed as the desk is
        painter.setPen(QColor(colours.replay if mode == "replay" else colours.edge))
        painter.drawRect(QRectF(0.5, 0.5, size.width() - 1, size.height() + top - 1))
    painter.end()
    return out


def save(shot: QPixmap, path: Path) -> None:
    """Write a picture in the format of the file's name. Raises Fault."""
    if not shot.save(str(path)):
        raise Fault(
            "The picture could not be written.",
            where=str(path),
            remedy="Name a file that ends in .png in a folder that can be written.",
        )
