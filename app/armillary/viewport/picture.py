"""The off-screen window: renders the stage into one reused array, with outlines and overlays on top."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLRenderWindow

from armillary.model.arrays import U1
from armillary.model.clock import MS_NS, Clock, WallClock
from armillary.viewport import outline
from armillary.viewport.bridge import bytes_of, observe
from armillary.viewport.camera import HOME, CameraPose, clipping
from armillary.viewport.ground import Ground
from armillary.viewport.shader import MASK, OPAQUE, TRANSLUCENT
from armillary.viewport.sketch import Sketch
from armillary.viewport.stage import Stage
from armillary.viewport.theme import DARK, Theme

_SMALLEST, _LARGEST = 16, 16_384  # pixels; windows are given absurd sizes while a layout settles
_NO_DISPLAY = "VTK_DEFAULT_OPENGL_WINDOW"


class Picture:
    """A window that is never shown. All calls on one thread; at most one stage at a time."""

    def __init__(self, width: int, height: int, theme: Theme = DARK, clock: Clock | None = None) -> None:
        if not os.environ.get("DISPLAY"):
            # without an X server VTK would try one first, warn, and then take EGL
            os.environ.setdefault(_NO_DISPLAY, "vtkEGLRenderWindow")
        self.window = vtkRenderWindow()
        self.window.SetShowWindow(False)
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetAlphaBitPlanes(1)
        self.renderer = vtkRenderer()
        self.renderer.SetUseOIT(False)  # its blending would mix the codes that alpha carries
        self.renderer.GetCullers().RemoveAllItems()  # they judge by boxes of points that are prim-local
        self.window.AddRenderer(self.renderer)
        self.ground = Ground()
        self.renderer.AddActor(self.ground.grid)
        self.renderer.AddActor(self.ground.axes)
        observe(self.renderer, "EndEvent", self._end)
        self.stage: Stage | None = None
        self.sketch: Sketch | None = None  # instead of a stage, until there is one
        self._clock = clock or WallClock()
        self._is_new = True  # a stage's first picture sends its mesh: it tells nothing of the next ones
        self.pose: CameraPose = HOME
        self.theme = theme
        self._raw = vtkUnsignedCharArray()
        self._rgba: U1 = np.zeros((0, 0, 4), np.uint8)
        self.size(width, height)
        self.paint(theme)
        self.ground.lay(np.full(6, np.nan), np.zeros(3))

    def size(self, width: int, height: int) -> None:
        """Set the size of the picture in pixels; the array of the last picture is replaced."""
        w = min(max(width, _SMALLEST), _LARGEST)
        h = min(max(height, _SMALLEST), _LARGEST)
        if self._rgba.shape[:2] != (h, w):
            self.window.SetSize(w, h)
            self._rgba = np.zeros((h, w, 4), np.uint8)

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._rgba.shape[1], self._rgba.shape[0]

    def paint(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self.theme = theme
        self.renderer.SetBackground(*(c / 255 for c in theme.ground))
        self.renderer.SetBackgroundAlpha(1.0)
        self.ground.paint(theme)
        if self.stage is not None:
            self.stage.theme = theme

    def show(self, stage: Stage | None) -> None:
        """Draw another stage from now on; the memory of the one before is given back."""
        self.draw_sketch(None)
        if self.stage is not None:
            for actor in self.stage.all_actors():
                self.renderer.RemoveActor(actor)
            self.stage.release()
        self.stage, self._is_new = stage, True
        if stage is None:
            self.ground.lay(np.full(6, np.nan), np.zeros(3))
            return
        stage.attach(self._window())
        stage.theme = self.theme
        # the mask writes where opaque parts left the depth; translucent parts come last by themselves
        for which in (OPAQUE, MASK, TRANSLUCENT):
            self.renderer.AddActor(stage.actors[which])
        self.ground.lay(stage.rest_box, stage.origin)

    def draw_sketch(self, sketch: Sketch | None) -> None:
        """Draw a sketch while there is no stage; None takes it away."""
        if self.sketch is not None:
            self.renderer.RemoveActor(self.sketch.actor)
            self.sketch.actor.ReleaseGraphicsResources(self.window)
        self.sketch = sketch
        if sketch is not None:
            self.renderer.AddActor(sketch.actor)
            self.ground.lay(sketch.rest_box, sketch.origin)

    def render(self, smooth: bool = False, hasty: bool = False) -> U1:
        """Return the picture, rgba u1 (h, w, 4), top row first; the array is reused by the next call.

        smooth: edges by FXAA, which costs a second pass over the scene. hasty: the eye moves, so a scene that
        takes too long is drawn coarsely; `is_coarse` tells whether it was.
        """
        stage = self.stage
        outlined = False
        start = self._clock.now_mono_ns()
        if stage is not None:
            self._detail(stage, hasty)
            stage.prepare()
            stage.sort(self.pose, smooth)
            outlined = stage.has_outlines
        self._aim()
        codes: U1 | None = None
        draws = int(outlined or not smooth) + int(smooth)
        if outlined or not smooth:
            self._draw(smooth=False)
            if outlined:
                codes = outline.codes_of(self._rgba[..., 3])
        if smooth:
            self._draw(smooth=True)
        if codes is not None:
            outline.paint(self._rgba, codes, self.theme.outlines())
        self._rgba[..., 3] = 255
        if stage is not None:
            self._learn(stage, (self._clock.now_mono_ns() - start) / MS_NS / draws, smooth)
        return self._rgba

    @property
    def is_coarse(self) -> bool:
        """Whether the last picture left detail out."""
        return self.stage is not None and self.stage.is_coarse

    def _detail(self, stage: Stage, hasty: bool) -> None:
        was = stage.is_coarse
        if hasty and stage.pace.is_slow:
            self._ready(stage)
            stage.coarse(self.pose)
        else:
            stage.whole()
        self._is_new |= was != stage.is_coarse

    def _ready(self, stage: Stage) -> None:
        for actor in stage.ready_coarse():
            self.renderer.AddActor(actor)

    def _learn(self, stage: Stage, ms: float, rest: bool) -> None:
        """Note what a picture took; the first one of a kind also sends data, so it does not count."""
        if not self._is_new:
            if stage.is_coarse:
                stage.pace.coarse(ms)
            else:
                stage.pace.whole(ms)
                if rest and stage.pace.is_slow:
                    self._ready(stage)  # at rest, so that the next turn need not wait for it
        self._is_new = False

    def upload(self) -> int:
        """Send what `apply` wrote to the graphics card now, not at the next picture; return the rows."""
        if self.stage is None:
            return 0
        self.window.MakeCurrent()
        return self.stage.upload()

    def close(self) -> None:
        """Give everything back to the graphics card; the picture is not used again."""
        self.show(None)
        self.window.Finalize()

    def _window(self) -> vtkOpenGLRenderWindow:
        window = self.window
        if not isinstance(window, vtkOpenGLRenderWindow):
            raise TypeError(f"{type(window).__name__} is not an OpenGL window")
        return window

    def _draw(self, smooth: bool) -> None:
        self.renderer.SetUseFXAA(smooth)
        self.window.Render()
        w, h = self.shape
        self.window.GetRGBACharPixelData(0, 0, w - 1, h - 1, 0, self._raw, 0)
        np.copyto(self._rgba, bytes_of(self._raw).reshape(h, w, 4)[::-1])

    def _aim(self) -> None:
        pose, camera = self.pose, self.renderer.GetActiveCamera()
        drawn = self.stage or self.sketch
        origin = drawn.origin if drawn is not None else np.zeros(3)
        camera.SetPosition(*(np.asarray(pose.position) - origin))
        camera.SetFocalPoint(*(np.asarray(pose.focus) - origin))
        camera.SetViewUp(*pose.up)
        camera.SetParallelProjection(pose.fov_deg <= 0)
        if pose.fov_deg > 0:
            camera.SetViewAngle(pose.fov_deg)
        else:
            camera.SetParallelScale(pose.ortho_height / 2)
        box = drawn.bounds() if drawn is not None else np.full(6, np.nan)
        if np.isfinite(box).all():
            # the grid reaches farther than what stands on it
            margin = 0.45 * float((box[3:] - box[:3]).max())
            box = np.concatenate([box[:3] - margin, box[3:] + margin])
        camera.SetClippingRange(*clipping(pose, box))

    def _end(self) -> None:
        if self.stage is not None:
            self.stage.end_frame()


def save_png(path: Path, rgba: U1) -> None:
    """Write a picture (h, w, 4) as PNG. Raises OSError."""
    Image.fromarray(np.ascontiguousarray(rgba[..., :3])).save(path, "PNG")
