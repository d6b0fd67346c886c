"""In the desk of a bench: when a prim had another colour in the picture that the window was painted with."""

from __future__ import annotations

from itertools import product

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QPaintEvent

from armillary.model.clock import Clock
from armillary.session.workspace import Workspace
from armillary.ui.canvas import Canvas
from armillary.viewport.camera import project

_FAR, _EDGE = 4, 1  # pixels: how far from its middle a prim is looked for; it must be as wide around
_DIFFERENT = 40  # levels of red, green and blue together; noise of a picture is below


class Marks(QObject):
    """Watches one pixel of a canvas after each painting."""

    def __init__(self, canvas: Canvas, workspace: Workspace, clock: Clock, signal: str) -> None:
        """Find a pixel of the prim that shows a signal. Raises AssertionError when none can be seen."""
        super().__init__(canvas)
        self._canvas, self._clock = canvas, clock
        self._x, self._y = _pixel_of(canvas, workspace, _prim_of(workspace, signal))
        self._last = self._colour()
        self.changed_mono_ns: list[int] = []
        self._is_painting = False
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        """Let the canvas paint itself, then look at what it painted."""
        if watched is not self._canvas or not isinstance(event, QPaintEvent) or self._is_painting:
            return False
        self._is_painting = True
        self._canvas.paintEvent(event)
        self._is_painting = False
        colour = self._colour()
        if sum(abs(a - b) for a, b in zip(colour, self._last, strict=True)) > _DIFFERENT:
            self.changed_mono_ns.append(self._clock.now_mono_ns())
            self._last = colour
        return True

    def _colour(self) -> tuple[int, int, int]:
        """Return red, green and blue of the pixel in the picture that is shown."""
        colour = self._canvas.image.pixelColor(self._x, self._y)
        return colour.red(), colour.green(), colour.blue()


def _prim_of(workspace: Workspace, signal: str) -> int:
    path = next((b.prim for b in workspace.bindings if b.signal == signal), "")
    if workspace.scene is None or path not in workspace.scene.prim_path:
        raise AssertionError(f"no prim shows {signal}")
    return workspace.scene.prim_path.index(path)


def _pixel_of(canvas: Canvas, workspace: Workspace, prim: int) -> tuple[int, int]:
    """Return a pixel near the middle of a prim at which it is seen, its neighbours showing it too."""
    scene, ratio = workspace.scene, canvas.devicePixelRatioF()
    if scene is None:
        raise AssertionError("there is no scene")
    size = round(canvas.width() * ratio), round(canvas.height() * ratio)
    middle = (scene.box[prim, :3] + scene.box[prim, 3:])[None] / 2
    x, y = (round(float(place)) for place in project(canvas.view.pose, middle, size)[0, :2])
    for dx, dy in product(range(-_FAR, _FAR + 1), repeat=2):
        around = product(range(x + dx - _EDGE, x + dx + _EDGE + 1), range(y + dy - _EDGE, y + dy + _EDGE + 1))
        if all(canvas.view.pick(*at) == prim for at in around):
            return x + dx, y + dy
    raise AssertionError("the marked prim cannot be seen")
