"""The off-screen window: renders the stage into one reused array, with outlines and overlays on top."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLRenderWindow

from armillary.model.arrays import U1
from armillary.model.clock import MS_NS, Clock, WallClock
from armillary.viewport import outline
from armillary.viewport.blocks import BLOCK
from armillary.viewport.bridge import bytes_of, floats_of, observe
from armillary.viewport.camera import HOME, CameraPose, clipping
from armillary.viewport.crowd import Eye
from armillary.viewport.detail import MOVING_MS
from armillary.viewport.ground import Ground
from armillary.viewport.passes import Draw, nothing
from armillary.viewport.relief import Shading
from armillary.viewport.sketch import Sketch
from armillary.viewport.stage import Stage
from armillary.viewport.theme import DARK, Theme

_SMALLEST, _LARGEST = 16, 16_384  # pixels; windows are given absurd sizes while a layout settles
_SMOOTHING = 0.3
_BANDS = 4
_SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "software rasterizer")
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
        self.renderer.AddActor(nothing())  # with no visible actor a renderer smooths nothing
        observe(self.renderer, "EndEvent", self._end)
        self.stage: Stage | None = None
        self.sketch: Sketch | None = None  # instead of a stage, until there is one
        self._clock = clock or WallClock()
        self._ns_per_triangle = 300.0
        self._is_new = True  # a stage's first picture sends its mesh: it tells nothing of the next ones
        self.pose: CameraPose = HOME
        self.theme = theme
        self._raw = vtkUnsignedCharArray()
        self._depth = vtkFloatArray()
        self.edges = self.occlusion = False  # what `steps` shades with
        self.still = False  # reduced motion: alarms that wait have a double outline and do not blink
        self.outlined = outline.nothing()  # what may blink of the last picture
        self._is_software: bool | None = None
        self._shading_ms = self._smooth_ms = 0.0  # of the last one
        self._rgba: U1 = np.zeros((0, 0, 4), np.uint8)
        self.size(width, height)
        self.paint(theme)
        self.ground.lay(np.full(6, np.nan), np.zeros(3))

    def size(self, width: int, height: int) -> None:
        """Set the size of the picture in pixels; the array of the last picture is replaced."""
        w, h = self.would_be(width, height)
        if self._rgba.shape[:2] != (h, w):
            self.window.SetSize(w, h)
            self._rgba = np.zeros((h, w, 4), np.uint8)

    @staticmethod
    def would_be(width: int, height: int) -> tuple[int, int]:
        """Return the width and height that `size` would set."""
        return min(max(width, _SMALLEST), _LARGEST), min(max(height, _SMALLEST), _LARGEST)

    @property
    def rgba(self) -> U1:
        """The last picture; the array is reused."""
        return self._rgba

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

    def render(self, smooth: bool = False, hasty: bool = False, shaded: bool = False) -> U1:
        """Return the picture, rgba u1 (h, w, 4), top row first; the array is reused by the next call.

        smooth: edges by FXAA. hasty: the eye moves, so a scene that takes too long is drawn coarsely;
        `is_coarse` tells whether it was. shaded: with `edges` and `occlusion`, as these say.
        """
        for _ in self.steps(smooth, hasty, shaded=shaded):
            pass
        return self._rgba

    def steps(
        self,
        smooth: bool = False,
        hasty: bool = False,
        step_ms: float = np.inf,
        *,
        rest: bool = False,
        shaded: bool = False,
    ) -> Generator[None, None, None]:
        """Draw a picture as `render` does, in steps of about step_ms: a caller may do other things between.

        rest: nothing moves, so a great many translucent triangles are brought into their order too.
        The array holds the picture before until the last step. Whoever begins another picture, or changes
        what is drawn, closes this iterator first; the tables of the stage may be written between steps,
        what they hold is shown by the next picture.
        """
        stage, start = self.stage, self._clock.now_mono_ns()
        outlined, drawn_ns = False, 0
        layers: list[list[Draw]] = []
        aspect = self.shape[0] / self.shape[1]
        if stage is not None:
            self._detail(stage, hasty, aspect, waits=not np.isfinite(step_ms))
            stage.prepare()
            drawn_ns += self._clock.now_mono_ns() - start
            for _ in stage.sorts(Eye(self.pose, aspect, self.shape[1]), rest, step_ms):
                yield
            start = self._clock.now_mono_ns()
            outlined = stage.has_outlines
            layers = stage.draws(self.pose, aspect)
            for actor in stage.fresh_actors():
                self.renderer.AddActor(actor)
        self._aim()
        drawn_ns += self._clock.now_mono_ns() - start
        try:
            for ns in self._fill(layers, step_ms):
                drawn_ns += ns
                if np.isfinite(step_ms):
                    yield
            start = self._clock.now_mono_ns()
            codes: U1 | None = None
            shading = self._shading() if shaded else None
            if outlined or shading is not None or not smooth:
                self._read()
                codes = outline.codes_of(self._rgba[..., 3]) if outlined else None
            drawn_ns += self._clock.now_mono_ns() - start
            if shading is not None:
                self._shading_ms, start = 0.0, self._clock.now_mono_ns()
                for _ in shading.steps(self._rgba, self.theme):
                    self._shading_ms += (self._clock.now_mono_ns() - start) / MS_NS
                    if np.isfinite(step_ms):
                        yield
                    start = self._clock.now_mono_ns()
            if smooth:
                self._smooth_ms, start = 0.0, self._clock.now_mono_ns()
                for _ in self._smooth():
                    self._smooth_ms += (self._clock.now_mono_ns() - start) / MS_NS
                    if np.isfinite(step_ms):
                        yield
                    start = self._clock.now_mono_ns()
                self._read()
        finally:
            self._end_steps()
        if shading is not None:
            shading.apply(self._rgba)
        self.outlined = outline.nothing()
        if codes is not None:
            self.outlined = outline.paint(self._rgba, codes, self.theme.outlines(), double=self.still)
        self._rgba[..., 3] = 255
        if stage is not None:
            self._learn(stage, drawn_ns / MS_NS, in_steps=bool(np.isfinite(step_ms)))

    def _fill(self, layers: list[list[Draw]], step_ms: float) -> Iterator[int]:
        """Draw ground and layers into the window's memory; yield the nanoseconds of each step."""
        self.renderer.SetErase(True)
        first = True
        for layer in layers or [[]]:
            at = 0
            while at < len(layer) or first:
                part = self._part(layer, at, step_ms)
                at += max(len(part), 1)
                start = self._clock.now_mono_ns()
                for draw in part:
                    draw.actor.VisibilityOn()
                self.window.Render()
                if np.isfinite(step_ms):
                    self.window.WaitForCompletion()  # a software renderer would put its work off to the end
                for draw in part:
                    draw.actor.VisibilityOff()
                if first:
                    # what follows is drawn over it, and with the same looks
                    first = False
                    self.renderer.SetErase(False)
                    self.ground.hide()
                    if self.stage is not None:
                        self.stage.upload()
                        self.stage.frozen = True
                ns = self._clock.now_mono_ns() - start
                count = sum(draw.triangles for draw in part)
                if count and np.isfinite(step_ms):
                    self._ns_per_triangle += _SMOOTHING * (ns / count - self._ns_per_triangle)
                yield ns

    def _part(self, layer: list[Draw], at: int, step_ms: float) -> list[Draw]:
        """Return as many draws of a layer as fit into a step, at least one."""
        if not np.isfinite(step_ms):
            return layer[at:]
        if self._is_new:  # what is drawn for the first time travels to the card, which takes as long again
            return layer[at : at + 1]
        left = step_ms * MS_NS / max(self._ns_per_triangle, 1e-3)
        out: list[Draw] = []
        for draw in layer[at:]:
            left -= draw.triangles
            if out and left < 0:
                break
            out.append(draw)
        return out

    def _smooth(self) -> Iterator[None]:
        """Smooth the edges of what was drawn, a band of rows after the other: a pass over nothing new.

        A software renderer takes as long for it as for a scene. Bands are the same in all pictures.
        """
        self.renderer.SetUseFXAA(True)
        try:
            for k in range(_BANDS):
                self.renderer.SetViewport(0.0, k / _BANDS, 1.0, (k + 1) / _BANDS)
                self.window.Render()
                self.window.WaitForCompletion()
                yield
        finally:
            self.renderer.SetViewport(0.0, 0.0, 1.0, 1.0)
            self.renderer.SetUseFXAA(False)

    def _end_steps(self) -> None:
        self.renderer.SetErase(True)
        self.ground.unhide()
        if self.stage is not None:
            self.stage.frozen = False

    @property
    def is_coarse(self) -> bool:
        """Whether the last picture left detail out."""
        return self.stage is not None and self.stage.is_coarse

    def takes_long(self, hasty: bool, rest: bool) -> bool:
        """Whether a picture drawn now may hold its thread for too long, so that it better goes in steps."""
        stage = self.stage
        if stage is None:
            return False
        if self._is_new or stage.pace.full_ms == 0.0:
            return stage.weight > BLOCK  # its points travel to the card, and nobody knows how long
        if rest:  # nothing waits for this one, and smooth edges and shading cost as much as a small scene
            return stage.pace.full_ms + self._smooth_ms + self._shading_ms > MOVING_MS / 2
        return stage.pace.is_slow and not (hasty and stage.is_ready)

    def _detail(self, stage: Stage, hasty: bool, aspect: float, *, waits: bool) -> None:
        """Draw coarsely or not. waits: for what a coarse picture is drawn with, if it does not exist yet."""
        was = stage.is_coarse
        if hasty and stage.pace.is_slow and (waits or stage.is_ready):
            self._is_new |= stage.coarse(self.pose, aspect)
        else:
            stage.whole()
        self._is_new |= was != stage.is_coarse

    def _learn(self, stage: Stage, ms: float, *, in_steps: bool) -> None:
        """Note what a picture took; the first one of a kind also sends data, so it counts only if it must."""
        if stage.is_coarse:
            if not self._is_new:
                stage.pace.coarse(ms)
        elif not self._is_new or in_steps:
            stage.pace.whole(ms)
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

    @property
    def is_software(self) -> bool:
        """Whether a processor draws, not a graphics card; known after the first picture."""
        if self._is_software is None:
            told = self.window.ReportCapabilities().lower()
            self._is_software = any(name in told for name in _SOFTWARE)
        return self._is_software

    @property
    def has_time(self) -> bool:
        """Whether pictures are so fast that those while anything moves may be shaded too."""
        stage = self.stage
        if stage is None or stage.pace.full_ms <= 0.0 or self.is_software:
            return False
        return stage.pace.full_ms + self._shading_ms < MOVING_MS / 2

    def _shading(self) -> Shading | None:
        """Return the shading of what was just drawn; None where colours are to stay as they are."""
        stage = self.stage
        if stage is None or not stage.lit or not (self.edges or self.occlusion):
            return None
        w, h = self.shape
        self.window.GetZbufferData(0, 0, w - 1, h - 1, self._depth)
        near, far = self.renderer.GetActiveCamera().GetClippingRange()
        depth = floats_of(self._depth).reshape(h, w)[::-1]
        return Shading(depth, near, far, self.pose, edges=self.edges, occlusion=self.occlusion)

    def _read(self) -> None:
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
