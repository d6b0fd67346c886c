"""One 3D view: scene, look, camera, selection, labels and legends in; pixels and picks out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np

from armillary.model.arrays import F4, F8, I8, U1
from armillary.model.look import Look, Marks, no_marks
from armillary.model.scene import SceneArrays
from armillary.viewport import building
from armillary.viewport import camera as eye
from armillary.viewport.annotations import Annotations
from armillary.viewport.apply import apply
from armillary.viewport.badges import Badge, Placed
from armillary.viewport.callouts import Callout, Told
from armillary.viewport.gaze import Gaze
from armillary.viewport.marks import Signed
from armillary.viewport.overlay import LegendLike
from armillary.viewport.pick import hit
from armillary.viewport.picture import Picture, save_png
from armillary.viewport.section import Section
from armillary.viewport.sketch import Sketch
from armillary.viewport.stage import Stage
from armillary.viewport.theme import DARK, THEMES

SMOOTH = ("off", "rest", "always")
OCCLUSION = ("off", "auto", "on")
STEP_MS = 20.0  # what a step of a picture aims at: input must not wait for 50 ms


class View(Gaze):
    """Facade of the room: what `ui.canvas` and `armillary render` use. One thread.

    Pixels count from the top left. Nothing is drawn while `dirty` is False; `settled` is False when the last
    picture was drawn without smooth edges, so that a still view can be drawn once more with them.
    """

    def __init__(
        self, scene: SceneArrays | None = None, width: int = 1280, height: int = 800, theme: str = "dark"
    ) -> None:
        """Raise SceneFault for a scene whose indices point outside."""
        super().__init__(Picture(width, height, THEMES.get(theme, DARK)))
        self._notes = Annotations()
        self._rgba: U1 = np.zeros((height, width, 4), np.uint8)
        self._grid = True
        self._smooth, self._occlusion = "rest", "auto"
        self._lights = True
        self._dirty, self._settled = True, False
        self._running: Generator[bool, None, None] | None = None
        self._selected: tuple[int, ...] = ()
        self._hovered = -1
        self._section: Section | None = None
        self._sketch_pose = self._picture.pose
        if scene is not None:
            self.show(scene)

    # ------------------------------------------------------------ what is shown

    def show(self, scene: SceneArrays | None, keep_pose: bool = False, stage: Stage | None = None) -> None:
        """Show another scene, from its default camera or fitted; None shows the empty ground.

        stage: of this scene, made elsewhere beforehand; it belongs to the view from now on.
        """
        self._give_up()
        if stage is None or stage.scene is not scene:
            stage = Stage(scene) if scene is not None else None
        if stage is not None:
            stage.by_lights = self._lights and stage.by_lights
        self._picture.show(stage)
        self._selected, self._hovered = (), -1
        self._notes.take_badges(np.zeros((0, 3), np.int64))
        self._notes.marks, self._through = no_marks(), None
        self._notes.callouts = ()
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

    def warm(self) -> None:
        """Make what any picture needs, while nobody waits for one; it takes some tenths of a second."""
        self._give_up()
        building.warm(self._picture)
        self._changed()

    def sketch(self, box: F4, rgba: U1) -> None:
        """Show boxes (n, 6) of a scene that is still being read, in these colours (n, 4), instead of a scene.

        The eye takes all of them in, until somebody turns it.
        """
        turned = self.sketch_turned
        self._give_up()
        if self.stage is not None:
            self._picture.show(None)
        self._picture.draw_sketch(Sketch(box, rgba))
        if not turned:
            self.pose = self._sketch_pose = eye.standard("iso", self.rest_box, self._aspect)
        self._changed()

    @property
    def sketched(self) -> bool:
        """Whether boxes stand for a scene that is still being read."""
        return self._picture.sketch is not None

    @property
    def sketch_turned(self) -> bool:
        """Whether somebody turned the eye since such boxes were shown."""
        return self.sketched and self.pose != self._sketch_pose

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
        self._follow()
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
        table = np.array([(b.prim, b.priority, b.count) for b in badges], np.int64)
        self.badge_table(table.reshape(-1, 3))

    def badge_table(self, table: I8) -> None:
        """Show badges at prims: (n, 3) prim, worst priority and count, in any order."""
        if self._notes.take_badges(table):
            self._changed(keeps=True)

    def marks(self, marks: Marks) -> bool:
        """Show signs of quality at prims; see `viewport.marks`.

        Returns whether they were drawn into the last picture: else the next one has them.
        """
        stage, notes = self.stage, self._notes
        before, notes.marks = notes.marks, marks
        if stage is None or (not len(before) and not len(marks)):
            return False
        if self._dirty or self.is_drawing or not self._rgba.size:
            return False
        notes.restamp(self._rgba, self, self._picture.theme)
        return True

    def callouts(self, callouts: Sequence[Callout]) -> bool:
        """Show what alarms say beside their badges; see `viewport.callouts`.

        Returns whether they were drawn into the last picture: else the next one has them.
        """
        notes, wanted = self._notes, tuple(callouts)
        if wanted == notes.callouts:
            return False
        notes.callouts = wanted
        if notes.is_many and notes.calling:  # with the next picture, in steps
            self._changed(keeps=True)
            return False
        if self._dirty or self.is_drawing or not self._rgba.size or not notes.calling:
            return False
        notes.restamp(self._rgba, self, self._picture.theme)
        return True

    @property
    def told(self) -> tuple[Told, ...]:
        """The callouts on the last picture."""
        return self._notes.told

    @property
    def signed(self) -> tuple[Signed, ...]:
        """The signs of quality on the last picture."""
        return self._notes.signed

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The badges on the last picture."""
        return self._notes.placed

    @property
    def blinks(self) -> bool:
        """Whether a badge or an outline on the last picture blinks."""
        return self._notes.blinks

    def blink(self, half: int) -> bool:
        """Draw the badges as in this half second into the last picture; the scene is not drawn again.

        Returns whether the picture differs.
        """
        self._notes.half = half
        if self._dirty or not self.blinks:
            return False
        self._notes.redraw(self._rgba, self._picture.theme)
        return True

    def badge_at(self, x: float, y: float) -> Placed | None:
        """Return the badge at pixel (x, y) of the last picture, None for none."""
        return self._notes.badge_at(x, y)

    def legends(self, legends: Sequence[LegendLike]) -> None:
        """Show legends, one above the other at the lower right."""
        # they hold arrays: compared by identity
        if [id(x) for x in legends] != [id(x) for x in self._notes.legends]:
            self._notes.legends = tuple(legends)
            self._changed(keeps=True)

    def set_theme(self, name: str) -> None:
        """Take the theme `dark` or `light`; another name is dark."""
        self._give_up()
        self._picture.paint(THEMES.get(name, DARK))
        self._notes.forget()
        self._changed()

    def set_options(
        self,
        *,
        grid: bool | None = None,
        axes: bool | None = None,
        labels: bool | None = None,
        legend: bool | None = None,
        callouts: bool | None = None,
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
        notes = self._notes
        notes.axes = notes.axes if axes is None else axes
        notes.labels = notes.labels if labels is None else labels
        notes.legend = notes.legend if legend is None else legend
        notes.calling = notes.calling if callouts is None else callouts
        self._smooth = self._smooth if smooth not in SMOOTH else smooth
        self._occlusion = self._occlusion if occlusion not in OCCLUSION else occlusion
        self._picture.edges = self._picture.edges if edges is None else edges
        if scale is not None:
            notes.scale = min(max(scale, 0.5), 4.0)
            notes.forget()
        notes.still = self._picture.still = notes.still if still is None else still
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
            callouts=on if name == "callouts" else None,
            lights=on if name == "lights" else None,
            edges=on if name == "edges" else None,
        )

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
        # boxes that give way to others soon need no smooth edges
        when = "never" if self.sketched else self._smooth
        smooth = when == "always" or (rest and when == "rest")
        picture.occlusion = self._occlusion == "on" or (self._occlusion == "auto" and picture.has_time)
        steps = picture.steps(smooth, hasty and not rest, step_ms, rest=rest, shaded=rest or picture.has_time)
        try:
            if np.isfinite(step_ms) and self._notes.is_many:
                for _ in self._notes.get_ready(self, picture.theme):
                    yield False
            for _ in steps:
                yield False
            self._rgba = self._picture.rgba
            self._notes.draw(self._rgba, self, picture.theme, picture.outlined)
            is_full = when != "rest" and not (picture.edges or picture.occlusion)
            self._settled = (rest or is_full) and not picture.is_coarse
            is_done = True
        finally:
            steps.close()
            self._dirty |= not is_done
            self._notes.get_unready()
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

    def takes_long(self, hasty: bool = False, rest: bool = False) -> bool:
        """Whether the next picture should be drawn in `steps`, because the whole would hold the thread."""
        return self._picture.takes_long(hasty, rest) or (self._notes.is_many and not hasty)

    def get_ready(self) -> None:
        """Make aside what picks and the next turn of the eye need, where that takes long."""
        if self.stage is not None:
            self.stage.get_ready()

    def save_png(self, path: Path) -> None:
        """Write the picture at rest as PNG. Raises OSError."""
        save_png(path, self.render(rest=True))

    def save_at(self, path: Path, width: int, height: int) -> None:
        """Write the picture at rest as PNG in another size, its texts larger with it. Raises OSError."""
        before, scale = self._picture.shape, self._notes.scale
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
