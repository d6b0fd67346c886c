"""The badges of alarm priorities as pixmaps and icons: the same drawings as in the picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap

from armillary.model.alarm import ADVISORY_MARK
from armillary.viewport import marks
from armillary.viewport.badges import Style, patch

SIDE = 22  # pixels of a badge with its edge, at scale 1
_GREY, _INK_PX = (0x7A, 0x82, 0x8A), 0x24  # equipment grey; the brightest channel of the ink inside


@lru_cache(maxsize=128)
def pixmap(priority: int, style: Style, theme: str) -> QPixmap:
    """Return the badge of a priority (1…4), or of a prediction; `hollow`: nobody need look at it now."""
    pixels = patch(min(max(priority, 1), ADVISORY_MARK), 1, style, theme, 1.0)
    height, width = pixels.shape[:2]
    return _pixmap(pixels.tobytes(), width, height)


@lru_cache(maxsize=16)
def calm(priority: int, theme: str) -> QIcon:
    """Return the badge of a priority that nothing has now: its shape and digit in grey, nothing alarms."""
    pixels = patch(min(max(priority, 1), 4), 1, "hollow", theme, 1.0).copy()
    bright = pixels[..., :3].max(axis=2).astype(float)
    ink = np.clip((bright - _INK_PX) / max(float(bright.max()) - _INK_PX, 1.0), 0.0, 1.0)
    pixels[..., 3] = (pixels[..., 3] * ink).astype(np.uint8)
    pixels[..., :3] = _GREY
    return QIcon(_pixmap(pixels.tobytes(), pixels.shape[1], pixels.shape[0]))


def _image(pixels: bytes, width: int, height: int) -> QImage:
    return QImage(pixels, width, height, 4 * width, QImage.Format.Format_RGBA8888)


def _pixmap(pixels: bytes, width: int, height: int) -> QPixmap:
    cut = (height - SIDE) // 2  # the room for an arrow
    return QPixmap.fromImage(_image(pixels, width, height).copy(cut, cut, width - 2 * cut, SIDE))


@lru_cache(maxsize=128)
def icon(priority: int, style: Style, theme: str, *, dot: bool = False) -> QIcon:
    """Return the badge of a priority as an icon; with a dot where hidden alarms are inside.

    Priority 0: nothing is shown there, the dot stands alone.
    """
    return _icon(_dotted(pixmap(priority, style, theme) if priority else None, theme, dot=dot))


def _dotted(drawing: QPixmap | None, theme: str, *, dot: bool) -> QPixmap:
    if drawing is not None and not dot:
        return drawing
    side = SIDE
    out = QPixmap(drawing) if drawing is not None else QPixmap(side, side)
    if drawing is None:
        out.fill(Qt.GlobalColor.transparent)
    if dot:
        pixels = marks.patch("hidden", "", theme, 1.0)
        ring = QPixmap.fromImage(_image(pixels.tobytes(), pixels.shape[1], pixels.shape[0]))
        at = side - ring.width() if drawing is not None else (side - ring.width()) // 2
        painter = QPainter(out)
        painter.drawPixmap(at, at, ring)
        painter.end()
    return out


def _icon(drawing: QPixmap) -> QIcon:
    out = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Active, QIcon.Mode.Disabled):
        out.addPixmap(drawing, mode)  # a chosen or idle row keeps the colour of its priority
    return out
