"""A scene as VTK draws it: one merged mesh in blocks, three passes, and tables by row of looks and places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Thread

import numpy as np
from vtkmodules.vtkRenderingCore import vtkActor
from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLRenderWindow, vtkShaderProgram

from armillary.model.arrays import B1, F4, F8, I4, I8, U4
from armillary.model.instancing import MOST_COPIED, MOST_TRIANGLES
from armillary.model.look import FieldShape, Look
from armillary.model.scene import SceneArrays, subtree_ends
from armillary.viewport.bend import Bend
from armillary.viewport.blend import Blend
from armillary.viewport.blocks import BLOCK
from armillary.viewport.boxes import Boxes
from armillary.viewport.camera import HOME, CameraPose, basis
from armillary.viewport.crowd import Eye
from armillary.viewport.cull import in_sight
from armillary.viewport.detail import Choice, Pace, choose, coarse, sight
from armillary.viewport.fields import Fields
from armillary.viewport.lamps import lamps, shine
from armillary.viewport.looks import Looks
from armillary.viewport.merge import Mesh, merge
from armillary.viewport.passes import Draw, Passes
from armillary.viewport.places import Places
from armillary.viewport.shader import MASK, OPAQUE, TRANSLUCENT, Text
from armillary.viewport.table import Table
from armillary.viewport.theme import DARK, Theme
from armillary.viewport.throng import Throng

_GL_BLEND, _GL_POINT_SIZE = 0x0BE2, 0x8642
_FULL = 255


class Stage:
    """The drawn scene. Used on one thread, that of its window.

    scene, mesh: what is drawn. looks, places: the tables. frozen: while True a draw sends no tables to the
    card, so that the steps of one picture all show the same.
    """

    def __init__(
        self, scene: SceneArrays, max_triangles: int = MOST_TRIANGLES, max_copied: int = MOST_COPIED
    ) -> None:
        """Raise SceneFault for a scene whose indices point outside."""
        self.scene = scene
        self.mesh: Mesh = merge(scene, max_triangles, max_copied)
        self._bend = Bend(scene, self.mesh) if len(scene.bend_time) else None
        if self._bend is not None:
            self.mesh = self._bend.mesh
        self.ends = subtree_ends(scene.parent)
        self.places = Places(scene, self.mesh, None if self._bend is None else self._bend.widen)
        self.looks = Looks(scene, self.mesh, self.ends)
        self.lit = True
        self._by_lights = bool(scene.lights)  # False: the eye's own light
        self._lamps = lamps(scene.lights, self.origin)
        self.theme: Theme = DARK
        self._cut: tuple[float, float, float, float] | None = None
        self._window: vtkOpenGLRenderWindow | None = None
        self.frozen = False
        self._blend = Blend(self.mesh, self.matrix)
        self.passes = Passes(self.mesh, self._text(), self.before_draw)
        crowd = self.mesh.crowd
        self._throng: Throng | None = None
        self._bound: Table | None = None  # the places of the crowd that were drawn last
        if crowd is not None:
            self._throng = Throng(self.mesh, crowd, self.places, self._text(), self.before_crowd)
            self.places.tell_moved = self._throng.moved
        self._eye = Eye(HOME, 1.0, 1)  # of the picture that is drawn
        self.pace = Pace(self.weight)
        self.is_coarse = False  # what is drawn: the whole mesh, or what `detail` chose
        self._choice: Choice | None = None
        self._is_getting_ready = False
        self._opaque: B1 = np.ones(len(self.passes.whole), np.bool_)  # blocks with something to draw
        self._mask: B1 = np.zeros(len(self.passes.whole), np.bool_)
        self._has_outlines = self._has_mask = self._has_clear = False
        self._parts: tuple[I8, I8, I8] | None = None
        self._block_boxes: tuple[int, F4] = (-1, np.zeros((0, 6), np.float32))

    @property
    def weight(self) -> int:
        """How much a whole picture draws, in triangles."""
        return len(self.mesh.triangle) + (0 if self._throng is None else self._throng.weight)

    # ------------------------------------------------------------ places

    @property
    def origin(self) -> F8:
        """The world point (3,) that render space has its zero at."""
        return self.places.origin

    @property
    def rest_box(self) -> F8:
        """The world box (6,) of the scene at rest."""
        return self.places.rest_box

    @property
    def matrix(self) -> F4:
        """Live matrices (rows, 3, 4) to render space, rows as in `Mesh`."""
        return self.places.matrix

    @property
    def boxes(self) -> Boxes:
        """Where the pieces of the mesh are; made when first asked for."""
        if self._bend is not None:
            self._bend.settle()
        return self.places.boxes

    def move(self, prims: U4, matrix: F8) -> None:
        """Place prims (ascending) by world matrices (n, 4, 4), with the instances that have their looks."""
        self.places.move(prims, matrix)
        self._blend.moved()

    def bend(self, at: float | None) -> int:
        """Show what bends as at a stage time, None for the start; return how many points and instances do."""
        if self._bend is None or not self._bend.take(at):
            return 0
        flying = self._bend.bending.instance
        if len(flying):
            self.places.fly(flying, self._bend.flown())
        self._blend.moved()
        return int(self._bend.size)

    def box(self, prim: int) -> F8:
        """Return the world box (6,) of a prim's subtree as it is now; NaN when it has no geometry."""
        return self.boxes.of(prim, int(self.ends[prim])) + np.tile(self.origin, 2)

    def bounds(self) -> F8:
        """Return the world box (6,) of all that can be drawn now; NaN for an empty scene."""
        return self.places.bounds(self.looks.look)

    # ------------------------------------------------------------ looks

    @property
    def look(self) -> Look:
        """The look last applied."""
        return self.looks.look

    @look.setter
    def look(self, look: Look) -> None:
        self.looks.look = look

    @property
    def fields(self) -> Fields | None:
        """The fields that are shown."""
        return self.looks.fields

    def show_fields(self, shape: FieldShape | None) -> None:
        """Show fields in these places from now on: the mesh travels to the card once more."""
        self.looks.show_fields(shape)
        fields = self.looks.fields
        self.passes.text = self._text()
        self.passes.put_attribute(None if fields is None else fields.attribute)
        if self._throng is not None:
            self._throng.passes.dress(self._text())

    def shown(self, prims: I4 | I8) -> B1:
        """Tell which prims have pixels, or an outline to click in (n,)."""
        return self.looks.shown(prims)

    @property
    def by_lights(self) -> bool:
        """Whether the scene's lights shine, not the eye's own."""
        return self._by_lights

    @by_lights.setter
    def by_lights(self, on: bool) -> None:
        self._by_lights = on
        self._dress()

    @property
    def cut(self) -> tuple[float, float, float, float] | None:
        """The plane that cuts the scene, see `section.Section.cut`, None for none."""
        return self._cut

    @cut.setter
    def cut(self, cut: tuple[float, float, float, float] | None) -> None:
        self._cut = cut
        self._dress()

    def _dress(self) -> None:
        self.passes.dress(self._text())
        if self._throng is not None:
            self._throng.passes.dress(self._text())

    def _text(self) -> Text:
        looks = self.looks
        return Text(
            point_colours=looks.has_point_colours,
            images=looks.textured is not None,
            gloss=looks.shines,
            fields=looks.fields is not None,
            cut=self._cut is not None,
            lights=max(len(self._lamps.at), 1) if self._by_lights else 0,
            bends=len(self.mesh.slot) > 0,
            detail=looks.has_detail,
        )

    # ------------------------------------------------------------ what a picture draws

    @property
    def has_outlines(self) -> bool:
        """Whether any shown prim asks for an outline."""
        self.prepare()
        return self._has_outlines

    def prepare(self) -> None:
        """Find out which passes and blocks would draw nothing."""
        if not self.looks.changed:
            return
        self.looks.changed = False
        solid, clear, outlined, masked = self.looks.passes()
        blocks = self.passes.whole
        self._has_outlines, self._has_mask = bool(outlined.any()), bool(masked.any())
        self._has_clear = len(blocks) > 0 and bool(clear.any())
        if self._throng is not None:
            self._has_clear |= self._throng.prepare(solid, clear, masked)
        self._opaque, self._mask = blocks.with_any(solid), blocks.with_any(masked)
        if (self._has_clear or len(self._blend.triangle)) and self._blend.take(clear):
            self.passes.put_clear(self._blend.triangle)

    def sorts(self, eye: Eye, rest: bool, step_ms: float) -> Iterator[None]:
        """Find out what this eye sees of instances, and in which order of what is translucent.

        Yields while a thread does it.
        """
        self._eye, pose = eye, eye.pose
        if self.is_coarse:
            return
        if self._throng is not None:
            yield from self._throng.arranges(eye, self.origin, step_ms)
        if not self._has_clear:
            return
        if self._bend is not None:
            self._bend.settle()
        sorting, ordered = self._blend.sorting(sight(pose), rest), None
        if sorting is None:
            return
        try:
            if sorting.is_long and np.isfinite(step_ms):
                sorting.begin()
                while not sorting.is_done(step_ms / 1000):
                    yield
                self.prepare()
            ordered = self._blend.sorted(sorting)
        finally:
            if ordered is None:
                self._blend.give_up()
        if ordered is not None:
            self.passes.put_clear(ordered)

    def draws(self, pose: CameraPose, aspect: float) -> list[list[Draw]]:
        """Return what a picture draws, pass after pass; `prepare` and `sorts` come before."""
        passes, throng = self.passes, self._throng
        if self.is_coarse:
            out = [passes.coarse(OPAQUE)]
            out += [passes.coarse(MASK)] if self._has_mask else []
            return [*out, passes.coarse(TRANSLUCENT)] if self._has_clear else out
        seen = self._seen(pose, aspect)
        out = [passes.opaque(np.flatnonzero(self._opaque & seen))]
        out[0] += [] if throng is None else throng.opaque()
        if self._has_mask:
            out.append(passes.mask(np.flatnonzero(self._mask & seen)))
            out[-1] += [] if throng is None else throng.mask()
        if not self._has_clear:
            return out
        if throng is None:
            return [*out, passes.clear()]
        # what looks large is nearer as a rule
        return [*out, [*throng.passes.clear_sprites(), *passes.clear(), *throng.passes.clear_large()]]

    def _seen(self, pose: CameraPose, aspect: float) -> B1:
        """Tell which blocks are in sight (n,); a scene that is fast anyway is not asked."""
        is_known = self._parts is not None or not self._is_getting_ready
        if not (self.pace.is_slow and self.places.has_boxes and is_known):
            return np.ones(len(self.passes.whole), np.bool_)
        if self._block_boxes[0] != self.places.version:
            self._place_blocks()
        return in_sight(self._block_boxes[1], pose, self.origin, aspect)

    def _place_blocks(self) -> None:
        blocks, version, boxes = self.passes.whole, self.places.version, self.boxes
        if self._parts is None:
            self._parts = blocks.parts(boxes)
        self._block_boxes = version, blocks.boxes(boxes.now(), self._parts)

    def whole(self) -> None:
        """Draw the whole mesh from now on."""
        self.is_coarse = False

    def coarse(self, pose: CameraPose, aspect: float) -> bool:
        """Draw what the pace allows, for this eye, until `whole`; return whether it was chosen anew."""
        self.is_coarse = True
        budget = self.pace.budget
        if self._choice is None or not self._choice.serves(pose, aspect, budget):
            boxes = self.boxes
            outlined = self.looks.state.array[:, 1] > 0
            marked = outlined[boxes.prim] if outlined.any() else None
            self._choice = choice = choose(boxes, pose, self.origin, aspect, budget, marked)
            self.passes.choose(choice.near, self._far(choice))
            return True
        self.places.lend()
        return False

    def _far(self, choice: Choice) -> Mesh:
        """Return the mesh of what stands for pieces, and of true instances that are whole."""
        boxes, crowd = self.boxes, self.mesh.crowd
        far, grown, copies = choice.far, choice.grown, choice.copies
        if crowd is None:
            return coarse(self.mesh, boxes, far, grown)
        copies = copies[: crowd.spare]
        kept = np.cumsum(boxes.is_instance(far)) <= crowd.spare - len(copies)  # the largest come first
        mesh = coarse(self.mesh, boxes, far[kept], grown[kept], copies)
        is_member = mesh.row >= crowd.first_row
        rows, number = np.unique(mesh.row[is_member].astype(np.int64), return_inverse=True)
        mesh.row[is_member] = self.places.lend(rows) + number
        return mesh

    @property
    def is_ready(self) -> bool:
        """Whether `coarse` and picks need not wait for what `get_ready` makes."""
        return self.places.has_boxes or self.weight <= BLOCK

    def get_ready(self) -> None:
        """Begin to make aside what picks and `coarse` need; a small scene makes it when asked."""
        if self._parts is None and not self._is_getting_ready and self.weight > BLOCK:
            self._is_getting_ready = True
            Thread(target=self._get_ready, daemon=True).start()

    def _get_ready(self) -> None:
        _ = self.boxes
        self._place_blocks()

    def fresh_actors(self) -> Sequence[vtkActor]:
        """Return the actors that were made since this was last called."""
        out = tuple(self.passes.fresh)
        self.passes.fresh.clear()
        if self._throng is not None:
            out += tuple(self._throng.passes.fresh)
            self._throng.passes.fresh.clear()
        return out

    def all_actors(self) -> tuple[vtkActor, ...]:
        """Every actor that was ever handed out."""
        of_throng = () if self._throng is None else self._throng.passes.all_actors()
        return (*self.passes.all_actors(), *of_throng)

    # ------------------------------------------------------------ graphics card

    def attach(self, window: vtkOpenGLRenderWindow) -> None:
        """Name the window whose context holds the tables; before its first picture."""
        self._window = window

    def upload(self) -> int:
        """Send what changed to the card and return how many rows; the window must have drawn once."""
        if self._window is None or self.frozen:
            return 0
        old = [*self.looks.take_old_tables()]
        old += [] if self._throng is None else self._throng.passes.take_old_tables()
        for table in old:
            table.release(self._window)
        drawn = () if self._throng is None else self._throng.passes.drawn_tables()
        return sum(table.upload(self._window) for table in (*self._tables(), *drawn))

    def _tables(self) -> tuple[Table, ...]:
        """The tables that every pass reads."""
        bent = () if self._bend is None else (self._bend.table,)
        of_throng = () if self._throng is None else (self._throng.passes.shape,)
        return (self.places.table, *self.looks.tables(), *bent, *of_throng)

    def release(self) -> None:
        """Give back all memory on the card; the stage can be attached again."""
        if self._window is not None:
            own = () if self._throng is None else self._throng.passes.all_tables()
            for table in (*self._tables(), *own):
                table.release(self._window)
            for actor in self.all_actors():
                actor.ReleaseGraphicsResources(self._window)
            self._window = None

    def before_draw(self, which: int, program: vtkShaderProgram) -> None:
        """Give a pass its tables, uniforms and state of OpenGL; called by VTK."""
        self.upload()
        for table in self._tables():
            table.bind(program)
        program.SetUniformi("armShift", self.places.table.shift)
        program.SetUniformi("armPass", which)
        program.SetUniformi("armLit", int(self.lit))
        if self._by_lights:
            shine(program, self._lamps)
        if self._cut is not None:
            a, b, c, d = self._cut
            program.SetUniform4f("armCut", [a, b, c, d + float(np.dot((a, b, c), self.origin))])
        program.SetUniform3f("armEquipment", [c / _FULL for c in self.theme.equipment])
        program.SetUniform3f("armInk", [c / _FULL for c in self.theme.ink])
        if self._throng is not None:
            self._look_from(program)
        if self._window is None:
            return
        gl = self._window.GetState()
        if self._throng is not None:
            gl.vtkglEnable(_GL_POINT_SIZE)
        if which == TRANSLUCENT:
            gl.vtkglEnable(_GL_BLEND)
            gl.vtkglColorMask(True, True, True, False)
            return
        # alpha carries the outline's code, so it must arrive unblended
        gl.vtkglDisable(_GL_BLEND)
        if which == MASK:
            gl.vtkglColorMask(False, False, False, True)
            gl.vtkglDepthMask(False)

    def _look_from(self, program: vtkShaderProgram) -> None:
        """Give a sprite's shader the rays of the picture."""
        pose, height = self._eye.pose, self._eye.height
        right, up, back = basis(pose)
        is_wide = pose.fov_deg > 0
        pixel = 2 * np.tan(np.radians(pose.fov_deg) / 2) / height if is_wide else pose.ortho_height / height
        at = np.asarray(pose.position) - self.origin if is_wide else -back
        program.SetUniform2f("armSize", [round(self._eye.aspect * height), height])
        program.SetUniform4f("armEye", [*at.tolist(), float(is_wide)])
        program.SetUniform3f("armPixelX", (right * pixel).tolist())
        program.SetUniform3f("armPixelY", (up * pixel).tolist())

    def before_crowd(self, which: int, program: vtkShaderProgram, places: tuple[Table, bool]) -> None:
        """Do as `before_draw`, with the places of what is drawn; called by VTK."""
        table, is_of_picture = places
        if self._window is not None and (is_of_picture or table.is_new):
            table.upload(self._window)  # before any is bound: it takes the place of the last one that was
        self.before_draw(which, program)
        if self._bound is not None and self._bound is not table:
            self._bound.unbind()
        table.bind(program)
        self._bound = table

    def end_frame(self) -> None:
        """Put the state of OpenGL back to what VTK expects; called after each pass and picture."""
        if self._window is not None:
            gl = self._window.GetState()
            gl.vtkglEnable(_GL_BLEND)
            gl.vtkglColorMask(True, True, True, True)
            gl.vtkglDepthMask(True)
