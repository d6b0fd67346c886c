"""Walking and flying through the scene: keys move the eye, the mouse turns it, the wheel sets the pace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent

from armillary.model.clock import NS, Clock
from armillary.ui.tool import Tool
from armillary.viewport import camera as eye
from armillary.viewport.view import View

_TICK_MS = 16
_DEG_PER_PIXEL = 0.2
_CROSS_S = 20.0  # the whole scene is crossed in this time
_FASTER = 4.0  # with Shift
_PACE_STEP, _PACES = 1.25, (1 / 64, 64.0)
_LONGEST_S = 0.1  # of one step: after a slow picture nobody runs through a wall
_KEYS = {  # key -> right, up, ahead
    Qt.Key.Key_W: (0.0, 0.0, 1.0),
    Qt.Key.Key_S: (0.0, 0.0, -1.0),
    Qt.Key.Key_A: (-1.0, 0.0, 0.0),
    Qt.Key.Key_D: (1.0, 0.0, 0.0),
    Qt.Key.Key_E: (0.0, 1.0, 0.0),
    Qt.Key.Key_Q: (0.0, -1.0, 0.0),
}


class WalkTool(Tool):
    """Moves the eye of a view. `mode`: walk (at one height), fly, or "" while it does not."""

    passes_clicks = True  # what one walks by can be selected

    def __init__(
        self,
        view: View,
        clock: Clock,
        owner: QObject,
        changed: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._view, self._clock, self._changed, self._say = view, clock, changed, say
        self.mode = ""
        self.pace = 1.0
        self._down: set[int] = set()
        self._faster = False
        self._last: tuple[float, float] | None = None
        self._before_ns = 0
        self._timer = QTimer(owner)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    def begin(self, mode: str) -> None:
        """Walk or fly from now on; the same again leaves."""
        if mode == self.mode:
            self.leave()
            return
        self._view.orthographic = False
        self.mode = mode
        self._say(
            f"{mode.capitalize()}: W A S D, mouse to look, wheel for the pace, Shift faster. Esc leaves."
        )
        self._changed()

    def leave(self) -> None:
        """Stop; the keys and the mouse are the picture's again."""
        if self.mode:
            self._say("")
        self.mode = ""
        self._down.clear()
        self._timer.stop()

    def scene_changed(self) -> None:
        self.leave()

    @property
    def metres_a_second(self) -> float:
        """How fast one goes: by the size of the scene, and as the wheel has set it."""
        box = self._view.rest_box
        size = float(np.linalg.norm(box[3:] - box[:3])) if np.isfinite(box).all() else 20.0
        return size / _CROSS_S * self.pace * (_FASTER if self._faster else 1.0)

    # ------------------------------------------------------------ events
    def key(self, event: QKeyEvent) -> bool:
        if not self.mode:
            return False
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
            return True
        self._faster = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() not in _KEYS:
            return event.key() == Qt.Key.Key_Shift
        if not self._down:
            self._before_ns = self._clock.now_mono_ns()
            self._timer.start()
        self._down.add(event.key())
        return True

    def key_up(self, event: QKeyEvent) -> bool:
        if not self.mode:
            return False
        if event.key() == Qt.Key.Key_Shift:
            self._faster = False
        if event.isAutoRepeat() or event.key() not in self._down:
            return event.key() in _KEYS
        self._tick()  # also a short press goes as far as it lasted
        self._down.discard(event.key())
        if not self._down:
            self._timer.stop()
        return True

    def press(self, x: float, y: float) -> bool:
        self._last = (x, y)
        return bool(self.mode)

    def drag(self, x: float, y: float) -> None:
        if self._last is not None:
            dx, dy = x - self._last[0], y - self._last[1]
            self._view.pose = eye.turn(self._view.pose, dx * _DEG_PER_PIXEL, -dy * _DEG_PER_PIXEL)
            self._changed()
        self._last = (x, y)

    def release(self) -> None:
        self._last = None

    def wheel(self, steps: float) -> bool:
        if not self.mode:
            return False
        self.pace = min(max(self.pace * _PACE_STEP**steps, _PACES[0]), _PACES[1])
        self._say(f"{self.metres_a_second:.2g} m/s")
        return True

    def _tick(self) -> None:
        now = self._clock.now_mono_ns()
        step_s = min((now - self._before_ns) / NS, _LONGEST_S)
        self._before_ns = now
        way = np.sum([_KEYS[Qt.Key(key)] for key in self._down], axis=0) if self._down else np.zeros(3)
        if step_s <= 0 or not way.any():
            return
        right, up, ahead = (way * self.metres_a_second * step_s).tolist()
        self._view.pose = eye.step(self._view.pose, right, up, ahead, level=self.mode == "walk")
        self._changed()
