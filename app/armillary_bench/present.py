"""What it costs to bring a finished picture to the screen: the canvas of the desk, offscreen, on a scene."""

from __future__ import annotations

import statistics
import time

import numpy as np
from PySide6.QtGui import QImage

from armillary.model.clock import WallClock
from armillary.model.scene import SceneArrays
from armillary.session import scenery
from armillary.session.workspace import Workspace
from armillary.ui.app import application
from armillary.ui.canvas import Canvas
from armillary.ui.theme import DARK
from armillary.viewport.view import View

_REPEATS = 25


def presenting_ms(scene: SceneArrays, width: int, height: int) -> tuple[float, float]:
    """Return the milliseconds from a finished render to the painted widget, and those of the render alone.

    Raises AssertionError when the widget does not show the picture.
    """
    app = application(offscreen=True)
    clock = WallClock()
    workspace, view = Workspace(clock), View(None, width, height)
    canvas = Canvas(workspace, clock, DARK, view)
    workspace.showing.show(scenery.compiled(scene, (), (), (), ()))
    workspace.scene_changed.emit()
    canvas.resize(width, height)
    canvas.show()
    view.set_options(smooth="off")
    app.processEvents()
    canvas.draw_now()
    raw, shown = [], []
    for _ in range(_REPEATS):
        view.orbit(1, 0)
        start = time.perf_counter()
        view.render(rest=True)
        raw.append((time.perf_counter() - start) * 1e3)
        view.orbit(1, 0)
        start = time.perf_counter()
        canvas.draw_now()
        canvas.repaint()
        shown.append((time.perf_counter() - start) * 1e3)
    _require_shown(canvas, view)
    canvas.close()
    view.close()
    return max(statistics.median(shown) - statistics.median(raw), 0.0), statistics.median(raw)


def _require_shown(canvas: Canvas, view: View) -> None:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGBX8888)
    h, w = image.height(), image.width()
    seen = np.frombuffer(image.constBits(), np.uint8).reshape(h, image.bytesPerLine())[:, : 4 * w]
    if not np.array_equal(seen.reshape(h, w, 4)[..., :3], view.rgba[..., :3]):
        raise AssertionError("the widget shows another picture than was rendered")
    if (seen.reshape(h, w, 4)[..., :3] == seen.reshape(h, w, 4)[0, 0, :3]).all():
        raise AssertionError("the picture is blank")
