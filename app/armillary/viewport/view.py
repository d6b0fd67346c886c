"""One 3D view: scene, look, camera, selection, labels and legends in; pixels and picks out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np

from armillary.model.arrays import F8, U1
from armillary.model.look import Look
from armillary.model.scene import Camera, SceneArrays
from armillary.viewport import badges as alarm_badges
from armillary.viewport import camera as eye
from armillary.viewport import overlay
from armillary.viewport.apply import apply
from armillary.viewport.badges import Badge, Placed
from armillary.viewport.camera import CameraPose
from armillary.viewport.overlay import LegendLike, Plate
from armillary.viewport.pick import hit
from armillary.viewport.picture import Picture, save_png
from armillary.viewport.section import Section
from armillary.viewport.stage import Stage
from armillary.viewport.theme import DARK, THEMES

_DEG_PER_PIXEL = 0.4
SMOOTH = ("off", "rest", "always")
OCCLUSION = ("off", "auto", "on")
STEP_MS = 20.0  # what a step of a picture aims at: input must not wait for 50 ms
_GAP = 12  # pixels between overlays and the edge
LEGEND_SHARE = 0.6  # of the height of the view that legends may take, the first one apart


class View:
    """Facade of the room: what `ui.canvas` and `armillary render` use. One thread.

    Pixels count from the top left. Nothing is drawn while `dirty` is False; `settled` is False when the last
    picture was drawn without smooth edges, so that a still view can be drawn once more with them.
    """

    def __init__(
        self, scene: SceneArrays | None = None, width: int = 1280, height: int = 800, theme: str = "dark"
    ) -> None:
        """Raise SceneFault for a scene whose indices point outside."""
        self._picture = Picture(width, height, THEMES.get(theme, DARK))
        self._rgba: U1 = np.zeros((height, width, 4), np.uint8)
        self._legends: tuple[LegendLike, ...] = ()
        self._legend_patches: list[U1] | None = None
        self._grid = self._axes = self._labels = self._legend = True
        self._smooth, self._occlusion = "rest", "auto"
        self._lights = True
        self._scale = 1.0
        self._badges: tuple[Badge, ...] = ()
        self._placed: tuple[Placed, ...] = ()
        self._under: list[tuple[int, int, U1]] = []  # (x, y, pixels) that badges cover
        self._half, self._still = 0, False
        self._dirty, self._settled = True, False
        self._turned = False
        self._running: Generator[bool, None, None] | None = None
        self._selected: tuple[int, ...] = ()
        self._hovered = -1
        self._section: Section | None = None
        if scene is not None:
            self.show(scene)

    # ------------------------------------------------------------ what is shown

    @property
    def stage(self) -> Stage | None:
        """The stage that is shown, None before the first scene."""
        return self._picture.stage

    def show(self, scene: SceneArrays | None, keep_pose: bool = False) -> None:
        """Show another scene, from its default camera or fitted; None shows the empty ground."""
        self._give_up()
        stage = Stage(scene) if scene is not None else None
        if stage is not None:
            stage.by_lights = self._lights and stage.by_lights
        self._picture.show(stage)
        self._selected, self._hovered = (), -1
        self._badges = ()
        if not keep_pose:
            self._section = None
        if stage is not None and self._section is not None:
            stage.cut = self._section.cut
        self._changed()
        if scene is None or keep_pose:
            return
        first = next((c for c in scene.cameras if c.path == scene.default_camera), None)
        self._picture.pose = eye.perspective(self._picture.pose)  # another scene is begun as any
        if first is not None:
            self.look_through(first)
        else:
            self.standard("iso")

    def apply(self, look: Look) -> int:
        """Show a look and return how many prims changed."""
        stage = self.stage
        if stage is None or len(look.state) != len(stage.scene):
            return 0  # a look of the scene before: the next one is of this scene
        labels, fields = stage.look.label, stage.fields
        if look.fields is not (None if fields is None else fields.shape):
            self._give_up()  # the mesh itself gets other attributes
        written = apply(stage, stage.look, look)
        if written or labels != look.label:
            self._changed(keeps=True)
        return written

    def select(self, prims: Sequence[int]) -> None:
        """Outline prims, with all below them, as selected."""
        if self.stage is not None and tuple(prims) != self._selected:
            self._selected = tuple(p for p in prims if 0 <= p < len(self.stage.scene))
            self.stage.looks.mark(self.stage.looks.selected, self._selected)
            self._changed(keeps=True)

    def hover(self, prim: int) -> None:
        """Outline the prim under the pointer, -1 for none."""
        if self.stage is not None and prim != self._hovered:
            self._hovered = prim
            self.stage.looks.mark(
                self.stage.looks.hovered, (prim,) if 0 <= prim < len(self.stage.scene) else ()
            )
            self._changed(keeps=True)

    def badges(self, badges: Sequence[Badge]) -> None:
        """Show badges at prims; see `viewport.badges`."""
        wanted = tuple(badges)
        if wanted != self._badges:
            self._badges = wanted
            self._changed(keeps=True)

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The badges on the last picture."""
        return self._placed

    @property
    def blinks(self) -> bool:
        """Whether a badge on the last picture blinks."""
        return not self._still and any(alarm_badges.BLINK_HALVES[min(b.priority, 4)] for b in self._placed)

    def blink(self, half: int) -> bool:
        """Draw the badges as in this half second into the last picture; the scene is not drawn again.

        Returns whether the picture differs.
        """
        self._half = half
        if self._dirty or not self.blinks:
            return False
        for x, y, pixels in reversed(self._under):
            h, w = pixels.shape[:2]
            self._rgba[y : y + h, x : x + w] = pixels
        self._draw_badges()
        return True

    def badge_at(self, x: float, y: float) -> Placed | None:
        """Return the badge at pixel (x, y) of the last picture, None for none."""
        reach = alarm_badges.SIZE * self._scale * 0.6
        near = [b for b in self._placed if abs(b.x - x) <= reach and abs(b.y - y) <= reach]
        return near[0] if near else None

    def legends(self, legends: Sequence[LegendLike]) -> None:
        """Show legends, one above the other at the lower right."""
        if [id(x) for x in legends] != [
            id(x) for x in self._legends
        ]:  # they hold arrays: compared by identity
            self._legends, self._legend_patches = tuple(legends), None
            self._changed(keeps=True)

    def set_theme(self, name: str) -> None:
        """Take the theme `dark` or `light`; another name is dark."""
        self._give_up()
        self._picture.paint(THEMES.get(name, DARK))
        self._legend_patches = None
        self._changed()

    def set_options(
        self,
        *,
        grid: bool | None = None,
        axes: bool | None = None,
        labels: bool | None = None,
        legend: bool | None = None,
        smooth: str | None = None,
        edges: bool | None = None,
        occlusion: str | None = None,
        lit: bool | None = None,
        scale: float | None = None,
        still: bool | None = None,
        lights: bool | None = None,
    ) -> None:
        """Switch parts of the picture; None leaves one as it is. scale: of text, 1 for 96 dots an inch.

        lit=False paints every part in exactly its colour. lights=False: the eye's own light instead of those
        of the scene; a scene without lights has no other. still=True: nothing blinks (reduced motion).
        smooth: steps along edges are smoothed `off` (never), at `rest` or `always`. edges: of surfaces are
        drawn as lines. occlusion: corners are darker, `off`, `on`, or `auto` (where a graphics card draws).
        Edges and occlusion are drawn at rest, and while anything moves where pictures are fast enough.
        """
        self._give_up()
        self._grid = self._grid if grid is None else grid
        self._axes = self._axes if axes is None else axes
        self._labels = self._labels if labels is None else labels
        self._legend = self._legend if legend is None else legend
        self._smooth = self._smooth if smooth not in SMOOTH else smooth
        self._occlusion = self._occlusion if occlusion not in OCCLUSION else occlusion
        self._picture.edges = self._picture.edges if edges is None else edges
        if scale is not None:
            self._scale, self._legend_patches = min(max(scale, 0.5), 4.0), None
        self._still = self._still if still is None else still
        if lit is not None and self.stage is not None:
            self.stage.lit = lit
        self._lights = self._lights if lights is None else lights
        if self.stage is not None:
            self.stage.by_lights = self._lights and bool(self.stage.scene.lights)
        self._picture.ground.show(self._grid)
        self._changed()

    @property
    def drawing(self) -> tuple[str, bool, str]:
        """How smooth edges, edges of surfaces and occlusion are set."""
        return self._smooth, self._picture.edges, self._occlusion

    def switch(self, name: str, *, on: bool) -> None:
        """Switch an option of `set_options` that is on or off, by its name."""
        self.set_options(
            grid=on if name == "grid" else None,
            axes=on if name == "axes" else None,
            labels=on if name == "labels" else None,
            legend=on if name == "legend" else None,
            lights=on if name == "lights" else None,
            edges=on if name == "edges" else None,
        )

    # ------------------------------------------------------------ camera

    @property
    def pose(self) -> CameraPose:
        """Where the eye is; plain data that can be kept and given back."""
        return self._picture.pose

    @pose.setter
    def pose(self, pose: CameraPose) -> None:
        if pose != self._picture.pose:
            self._changed()
            self._picture.pose = pose
            self._turned = True

    def orbit(self, dx: float, dy: float) -> None:
        """Turn about the focus by a drag of dx, dy pixels."""
        self.pose = eye.orbit(self.pose, -dx * _DEG_PER_PIXEL, dy * _DEG_PER_PIXEL)

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by a drag of dx, dy pixels."""
        self.pose = eye.pan(self.pose, dx, dy, self._picture.shape[1])

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Go nearer by `factor` towards pixel (x, y), by default the middle."""
        w, h = self.size
        at = (w / 2 if x is None else x, h / 2 if y is None else y)
        self.pose = eye.zoom(self.pose, max(factor, 1e-3), at, (w, h))

    def fit(self) -> None:
        """Show everything that is visible, from the same side."""
        self.pose = eye.fit(self.pose, self._shown_box(), self._aspect)

    def focus(self, prims: Sequence[int]) -> None:
        """Show prims, with all below them, where they are now, from the same side."""
        if self.stage is None:
            return
        boxes = [self._box(p) for p in prims if 0 <= p < len(self.stage.scene)]
        if boxes:
            whole = np.array(boxes)
            with np.errstate(invalid="ignore"):
                box = np.concatenate([np.fmin.reduce(whole[:, :3]), np.fmax.reduce(whole[:, 3:])])
            self.pose = eye.fit(self.pose, box, self._aspect)

    def standard(self, name: str) -> None:
        """Look from `iso`, `top`, `front`, `back`, `left` or `right` at everything that is visible."""
        box = self._shown_box()
        pose = eye.standard(name, box, self._aspect)
        self.pose = eye.fit(eye.parallel(pose, box), box, self._aspect) if self.orthographic else pose

    @property
    def orthographic(self) -> bool:
        """Whether rays are parallel, so that lengths across the gaze can be compared."""
        return self.pose.fov_deg <= 0

    @orthographic.setter
    def orthographic(self, on: bool) -> None:
        self.pose = eye.parallel(self.pose, self.rest_box) if on else eye.perspective(self.pose)

    @property
    def rest_box(self) -> F8:
        """The world box (6,) of the scene at rest; NaN without a scene."""
        return self.stage.rest_box if self.stage is not None else np.full(6, np.nan)

    # ------------------------------------------------------------ section

    @property
    def section(self) -> Section | None:
        """The plane that cuts the scene open, None for none. Another scene begins without."""
        return self._section

    @section.setter
    def section(self, section: Section | None) -> None:
        if section == self._section:
            return
        self._give_up()
        self._section = section
        if self.stage is not None:
            self.stage.cut = section.cut if section is not None else None
        self._changed()

    def look_through(self, camera: Camera) -> None:
        """Look through a camera of the scene."""
        self.pose = eye.through(camera)

    # ------------------------------------------------------------ questions

    @property
    def can_pick(self) -> bool:
        """Whether `pick` answers at once; what it needs is being made in `get_ready`."""
        return self.stage is None or self.stage.is_ready

    def pick(self, x: float, y: float) -> int:
        """Return the prim at the middle of pixel (x, y), -1 for none; hidden prims are never picked."""
        return self.hit(x, y)[0]

    def hit(self, x: float, y: float) -> tuple[int, F8]:
        """Return the prim at the middle of pixel (x, y), or -1, and the world point (3,) of its surface."""
        if self.stage is None:
            return -1, np.full(3, np.nan)
        return hit(self.stage, self.pose, int(x) + 0.5, int(y) + 0.5, self._picture.shape)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self._picture.shape

    def pixels(self, points: F8) -> F8:
        """Return pixel and depth in metres (n, 3) of world points (n, 3); ≤ 0 behind the eye."""
        return eye.project(self.pose, points, self._picture.shape)

    def project(self, prim: int) -> tuple[float, float, float]:
        """Return pixel and depth in metres of the middle of a prim's box as it is now; ≤ 0 behind the eye.

        A prim with nothing to draw answers its own origin.
        """
        stage = self.stage
        if stage is None or not 0 <= prim < len(stage.scene):
            return float("nan"), float("nan"), -1.0
        box = self._box(prim)
        x, y, depth = eye.project(self.pose, ((box[:3] + box[3:]) / 2)[None], self._picture.shape)[0]
        return float(x), float(y), float(depth)

    # ------------------------------------------------------------ pictures

    @property
    def dirty(self) -> bool:
        """Whether `render` would give another picture than the last one."""
        return self._dirty

    @property
    def turned(self) -> bool:
        """Whether the eye is elsewhere than in the last picture."""
        return self._turned

    @property
    def is_coarse(self) -> bool:
        """Whether the last picture left detail out."""
        return self._picture.is_coarse

    @property
    def settled(self) -> bool:
        """Whether the last picture is as good as it gets: drawn at rest, with smooth edges."""
        return self._settled and not self._dirty

    def resize(self, width: int, height: int) -> None:
        """Set the size of the picture in pixels."""
        if self._picture.would_be(width, height) != self._picture.shape:
            self._changed()
            self._picture.size(width, height)

    def render(self, rest: bool = False, hasty: bool = False) -> U1:
        """Return the picture, rgba u1 (h, w, 4), top row first, in an array that is used again.

        rest: nothing is moving, so smooth edges may cost their time. hasty: the eye moves, so detail may be
        left out where the whole takes too long. The last picture comes back when nothing changed.
        """
        if self._dirty or (rest and not self._settled):
            for _ in self.steps(rest, hasty, step_ms=np.inf):
                pass
        return self._rgba

    def steps(self, rest: bool = False, hasty: bool = False, step_ms: float = STEP_MS) -> Iterator[bool]:
        """Draw a picture as `render` does, in steps of about step_ms; yields True with the last one.

        What is shown may change between steps: values, selection and badges wait for the next picture, and
        `dirty` says that there must be one. Where the eye, the size, the scene or an option changes, or
        another picture is begun, this one is given up: the iterator ends without True. The picture before
        stays until the last step.
        """
        self._give_up()
        self._running = running = self._steps(rest, hasty, step_ms)
        yield from running

    def _steps(self, rest: bool, hasty: bool, step_ms: float) -> Generator[bool, None, None]:
        self._dirty, self._turned, is_done = False, False, False
        picture = self._picture
        smooth = self._smooth == "always" or (rest and self._smooth == "rest")
        picture.occlusion = self._occlusion == "on" or (self._occlusion == "auto" and picture.has_time)
        steps = picture.steps(smooth, hasty and not rest, step_ms, shaded=rest or picture.has_time)
        try:
            for _ in steps:
                yield False
            self._rgba = self._picture.rgba
            self._overlays()
            is_full = self._smooth != "rest" and not (picture.edges or picture.occlusion)
            self._settled = (rest or is_full) and not picture.is_coarse
            is_done = True
        finally:
            steps.close()
            self._dirty |= not is_done
            self._running = None
        yield True

    def _give_up(self) -> None:
        if self._running is not None:
            self._running.close()

    @property
    def rgba(self) -> U1:
        """The last picture that was finished."""
        return self._rgba

    @property
    def is_drawing(self) -> bool:
        """Whether a picture is being drawn in steps."""
        return self._running is not None

    def takes_long(self, hasty: bool = False) -> bool:
        """Whether the next picture should be drawn in `steps`, because the whole would hold the thread."""
        return self._picture.takes_long(hasty)

    def get_ready(self) -> None:
        """Make aside what picks and the next turn of the eye need, where that takes long."""
        if self.stage is not None:
            self.stage.get_ready()

    def save_png(self, path: Path) -> None:
        """Write the picture at rest as PNG. Raises OSError."""
        save_png(path, self.render(rest=True))

    def save_at(self, path: Path, width: int, height: int) -> None:
        """Write the picture at rest as PNG in another size, its texts larger with it. Raises OSError."""
        before, scale = self._picture.shape, self._scale
        try:
            self.resize(width, height)
            self.set_options(scale=scale * min(width / before[0], height / before[1]))
            self.save_png(path)
        finally:
            self.resize(*before)
            self.set_options(scale=scale)

    def upload(self) -> int:
        """Send what changed to the graphics card now instead of at the next picture; return the rows."""
        return self._picture.upload()

    def close(self) -> None:
        """Give everything back; the view is not used again."""
        self._give_up()
        self._picture.close()

    # ------------------------------------------------------------ inside

    def _changed(self, *, keeps: bool = False) -> None:
        """Note that another picture is due. keeps: one that is being drawn may be shown before."""
        self._dirty = True
        if not keeps:
            self._give_up()

    @property
    def _aspect(self) -> float:
        w, h = self._picture.shape
        return w / h

    def _shown_box(self) -> F8:
        stage = self.stage
        if stage is None:
            return np.full(6, np.nan)
        if stage.look.visible is stage.scene.visible and len(stage.look.moved) == 0:
            return stage.rest_box
        box = stage.boxes.all(stage.look.visible) + np.tile(stage.origin, 2)
        return box if np.isfinite(box).all() else stage.rest_box

    def _box(self, prim: int) -> F8:
        """Return a prim's world box (6,); a prim with nothing to draw is a point at its origin."""
        stage = self.stage
        if stage is None:
            return np.full(6, np.nan)
        box = stage.box(prim)
        if np.isfinite(box).all():
            return box
        return np.tile(stage.matrix[prim, :, 3] + stage.origin, 2)

    def _overlays(self) -> None:
        rgba, theme = self._rgba, self._picture.theme
        h, w = rgba.shape[:2]
        gap = round(_GAP * self._scale)
        legends = self._legend_places(w, h, gap)
        self._placed = self._place_badges(w, h)
        if self._labels and self.stage is not None and self.stage.look.label:
            blocked = [alarm_badges.rect(b, theme, self._scale) for b in self._placed]
            blocked += [(x, y, x + patch.shape[1], y + patch.shape[0]) for x, y, patch in legends]
            overlay.labels(rgba, self._plates(self.stage), theme, self._scale, blocked)
        if self._axes:
            patch = overlay.triad(*eye.basis(self.pose), theme, self._scale)
            overlay.blend(rgba, patch, gap, h - gap - patch.shape[0])
        for x, y, patch in legends:
            overlay.blend(rgba, patch, x, y)
        self._draw_badges()

    def _place_badges(self, w: int, h: int) -> tuple[Placed, ...]:
        stage = self.stage
        shown = [b for b in self._badges if stage is not None and 0 <= b.prim < len(stage.scene)]
        if not shown:
            return ()
        boxes = np.array([self._box(b.prim) for b in shown])
        at = eye.project(self.pose, (boxes[:, :3] + boxes[:, 3:]) / 2, (w, h))
        return alarm_badges.place(shown, at, (w, h), self._scale)

    def _draw_badges(self) -> None:
        """Draw the badges, keeping what they cover, so that a blink costs no picture."""
        theme, self._under = self._picture.theme, []
        for badge in self._placed:
            x0, y0, x1, y1 = alarm_badges.rect(badge, theme, self._scale)
            x0, y0 = max(x0, 0), max(y0, 0)
            self._under.append((x0, y0, self._rgba[y0 : max(y1, 0), x0 : max(x1, 0)].copy()))
        alarm_badges.draw(self._rgba, self._placed, theme, self._scale, self._half, still=self._still)

    def _legend_places(self, w: int, h: int, gap: int) -> list[tuple[int, int, U1]]:
        """Return (x, y, patch) of the legends, from the lower right upwards, as many as are whole."""
        if not self._legend:
            return []
        if self._legend_patches is None:
            self._legend_patches = [
                overlay.legend(told, self._picture.theme, self._scale, marks=i == 0)
                for i, told in enumerate(self._legends)
            ]
        places: list[tuple[int, int, U1]] = []
        bottom = h - gap
        for patch in self._legend_patches:
            top = bottom - patch.shape[0]
            if top < 0 or (places and top < (1.0 - LEGEND_SHARE) * h):
                break  # no room above: these wait for a taller view, which is for the scene first
            places.append((w - gap - patch.shape[1], bottom - patch.shape[0], patch))
            bottom -= patch.shape[0] + gap // 2
        return places

    def _plates(self, stage: Stage) -> list[Plate]:
        labels = [
            t for t in stage.look.label if 0 <= t.prim < len(stage.scene) and stage.look.visible[t.prim]
        ]
        if not labels:
            return []
        corners = np.concatenate([eye.corners(self._box(label.prim)) for label in labels])
        at = eye.project(self.pose, corners, self._picture.shape).reshape(-1, 8, 3)
        # over the highest corner on the screen, so that the plate does not cover what it tells of
        x, y, depth = at[:, :, 0].mean(axis=1), at[:, :, 1].min(axis=1), at[:, :, 2].min(axis=1)
        return [
            Plate(label.text, label.quality, float(x[i]), float(y[i]), float(depth[i]))
            for i, label in enumerate(labels)
        ]
