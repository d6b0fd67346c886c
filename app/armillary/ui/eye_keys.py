"""The keys that move the eye: arrows turn it, with Shift they shift it, plus and minus zoom."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from armillary.ui.pointer import ZOOM_PER_STEP
from armillary.viewport.view import View

_ORBIT_PX, _PAN_PX = 24.0, 24.0
_TURNS = {
    Qt.Key.Key_Left: (-1.0, 0.0),
    Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0),
    Qt.Key.Key_Down: (0.0, 1.0),
}


def move_eye(view: View, event: QKeyEvent, middle: tuple[int, int]) -> bool:
    """Move the eye as a key says; return whether it says anything. `middle`: of the picture, in pixels."""
    turn = _TURNS.get(Qt.Key(event.key()))
    if turn is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        view.pan(turn[0] * _PAN_PX, turn[1] * _PAN_PX)
    elif turn is not None:
        view.orbit(turn[0] * _ORBIT_PX, turn[1] * _ORBIT_PX)
    elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        view.zoom(ZOOM_PER_STEP, *middle)
    elif event.key() == Qt.Key.Key_Minus:
        view.zoom(1 / ZOOM_PER_STEP, *middle)
    else:
        return False
    return True
