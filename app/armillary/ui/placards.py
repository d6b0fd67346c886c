"""What the viewport widget writes over or instead of the picture."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter

from armillary.session.opening import CANCELLED
from armillary.session.value_band import Band
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import band, theme
from armillary.ui.theme import Colours

NO_SCENE = "No scene. Telemetry runs."
NO_WORLD = "No scene."
READ_AGAIN = "Read it with View ▸ Scene ▸ Read the scene again, or open another file with Ctrl+O."
LOST = "The scene cannot be shown."
HINT = "Open a project or a USD file with Ctrl+O, or drop one here."
_TITLE = 1.3  # size of the title against the text
_OPACITY = 235
_CENTRED = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap


def empty_texts(workspace: Workspace) -> tuple[str, str]:
    """Return title and hint to show while there is no picture."""
    text, done = workspace.progress
    if text:
        return text, f"{done:.0%}" if 0 < done < 1 else ""
    if workspace.scene is not None:
        return "", ""
    if workspace.opening.cancelled:
        return CANCELLED, READ_AGAIN
    if (lost := workspace.scene_problem) is not None:
        return LOST, f"{lost.what}\n{lost.where}\n{lost.remedy}\n\n{HINT}"
    return (NO_WORLD if workspace.world_state == WorldState.NONE else NO_SCENE), HINT


def paint_empty(painter: QPainter, area: QRect, colours: Colours, workspace: Workspace) -> None:
    """Say why there is no picture and what to do; how far reading is says the card over it."""
    if workspace.progress[0]:
        return
    title, hint = empty_texts(workspace)
    half = area.height() // 2
    painter.setPen(QColor(colours.text))
    painter.setFont(theme.font(_TITLE))
    above = area.adjusted(16, 0, -16, -half)
    painter.drawText(above, int(_CENTRED | Qt.AlignmentFlag.AlignBottom), title)
    painter.setPen(QColor(colours.muted))
    painter.setFont(theme.font())
    below = area.adjusted(16, half + 8, -16, 0)
    painter.drawText(below, int(_CENTRED | Qt.AlignmentFlag.AlignTop), hint)


def paint_hover(
    painter: QPainter, area: QRect, colours: Colours, text: str, shown: Band | None = None
) -> None:
    """Write path and values of the part under the pointer at the lower left, with a value's bar below."""
    painter.setFont(theme.font())
    left = int(Qt.AlignmentFlag.AlignLeft)
    room = QRect(0, 0, max(area.width() - 40, 100), area.height())
    lines = painter.fontMetrics().boundingRect(room, left, text)
    below, width = (band.HEIGHT, max(lines.width(), band.LEAST_WIDTH)) if shown else (0, lines.width())
    box = QRect(8, area.height() - lines.height() - below - 20, width + 20, lines.height() + below + 12)
    ground = QColor(colours.raised)
    ground.setAlpha(_OPACITY)
    painter.fillRect(box, ground)
    painter.setPen(QColor(colours.line))
    painter.drawRect(box)
    painter.setPen(QColor(colours.text))
    painter.drawText(box.adjusted(10, 6, -4, -6), left, text)
    if shown is not None:
        top = box.top() + 6 + lines.height() + 4
        band.paint(painter, QRect(box.left() + 10, top, box.width() - 20, band.HEIGHT), colours, shown)


def paint_note(painter: QPainter, colours: Colours, text: str) -> None:
    """Write at the upper left what must not be forgotten about a picture."""
    painter.setFont(theme.font())
    room = painter.fontMetrics().boundingRect(text)
    box = QRect(12, 12, room.width() + 20, room.height() + 12)
    painter.fillRect(box, QColor(colours.raised))
    painter.setPen(QColor(colours.text))
    painter.drawRect(box)
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)
