"""A scene as VTK draws it: one merged mesh, three passes, and tables by row that hold looks and places."""

from __future__ import annotations

import weakref

import numpy as np
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkDataObject, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper
from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLRenderWindow, vtkShaderProgram

from armillary.model.arrays import B1, F4, F8, I4, I8, U1, U4
from armillary.model.look import FieldShape, Look, base_look
from armillary.model.quality import NEVER
from armillary.model.scene import TEXTURE_DETAIL, SceneArrays, subtree_ends
from armillary.viewport import shader
from armillary.viewport.bend import Bend
from armillary.viewport.blend import Blend
from armillary.viewport.boxes import Boxes
from armillary.viewport.bridge import observe_shader, shared
from armillary.viewport.camera import CameraPose
from armillary.viewport.detail import Choice, Pace, choose, coarse, sight
from armillary.viewport.fields import Fields
from armillary.viewport.lamps import lamps, shine
from armillary.viewport.merge import MAX_TRIANGLES, Mesh, merge
from armillary.viewport.shader import MASK, OPAQUE, OWN, POINT_COLOURS, SHOWN, TEXTURED, TRANSLUCENT
from armillary.viewport.table import Table
from armillary.viewport.theme import CODE_OF_STATE, DARK, HOVERED, PATTERNED, RANK_OF_STATE, SELECTED, Theme

_GL_BLEND = 0x0BE2
_FULL = 255
_MATTE = 8  # smoothness, of 15, up to which a part that is no metal has no highlight
_FAR_M = 10_000.0  # beyond this from the origin, float32 positions would tremble on the screen


class Stage:
    """The drawn scene. Used on one thread, that of its window.

    scene, mesh: what is drawn. origin: world point (3,) that render space has its zero at.
    look: the look last applied. matrix: (M + I, 3, 4) live world matrices less the origin, rows as in `Mesh`.
    """

    def __init__(self, scene: SceneArrays, max_triangles: int = MAX_TRIANGLES) -> None:
        """Raise SceneFault for a scene whose indices point outside."""
        self.scene = scene
        self.mesh: Mesh = merge(scene, max_triangles)
        self._bend = Bend(scene, self.mesh) if len(scene.bend_time) else None
        if self._bend is not None:
            self.mesh = self._bend.mesh
        self.ends = subtree_ends(scene.parent)
        self.rest_box = _union(scene.box[scene.parent < 0])
        centre = (self.rest_box[:3] + self.rest_box[3:]) / 2
        far = bool(np.isfinite(centre).all() and np.abs(centre).max() > _FAR_M)
        self.origin: F8 = np.round(centre) if far else np.zeros(3)
        m = len(scene)
        rows = m + len(scene.instance_prim)
        self.colour = Table(shader.COLOUR, m, np.uint8)
        self.state = Table(shader.STATE, m, np.uint8)
        self.glow = Table(shader.GLOW, m, np.uint8)
        self.places = Table(shader.MATRIX, 3 * rows, np.float32)
        self.matrix: F4 = self.places.array[: 3 * rows].reshape(rows, 3, 4).view(np.float32)
        self.put(np.arange(m), scene.matrix)
        self.put(m + np.arange(rows - m), scene.instance_matrix)
        self._marks_own = False
        self.has_point_colours = len(self.mesh.rgba) > 0 and bool(scene.has_point_rgba.any())
        self.textured = _textured(self.mesh, m)
        self.has_detail = self.textured is not None and bool((scene.texture[:, 3] & TEXTURE_DETAIL).any())
        self._marks_own = self.has_point_colours or self.textured is not None or bool(scene.lights)
        gloss = _gloss(scene)
        self.shines = bool(gloss.any())
        self._marks_own |= self.shines
        self.state.array[:m, 3] = gloss  # written once: looks do not change it
        self.texels = Table(shader.TEXEL, 0, np.uint8)
        self.images = Table(shader.IMAGE, len(scene.texture), np.float32)
        if self.textured is not None:
            self.texels.fill(scene.texel)
            self.images.fill(scene.texture.astype(np.float32))
        self.clear_points = _clear_points(self.mesh, m) if self.has_point_colours else None
        self.selected: B1 = np.zeros(m, np.bool_)
        self.hovered: B1 = np.zeros(m, np.bool_)
        self.look: Look = base_look(scene)
        self.lit = True
        self.by_lights = bool(scene.lights)  # False: the eye's own light
        self._lamps = lamps(scene.lights, self.origin)
        self.theme: Theme = DARK
        self._cut: tuple[float, float, float, float] | None = None
        self._boxes: Boxes | None = None
        self._instance_rest: F8 | None = None
        self._passes_known = False
        self._has_outlines = False
        self._window: vtkOpenGLRenderWindow | None = None
        self.fields: Fields | None = None
        self._old_fields: list[Fields] = []  # their memory on the card is given back with the next picture
        self._data = _poly_data(self.mesh, self.has_point_colours, self.textured is not None)
        self._blend = Blend(self.mesh, self.matrix)
        self._clear_data = vtkPolyData()
        self._clear_data.ShallowCopy(self._data)  # the same points, in an order of triangles of its own
        self._near = self._far = vtkPolyData()
        self.actors = {
            p: self._actor(p, self._clear_data if p == TRANSLUCENT else self._data)
            for p in (OPAQUE, TRANSLUCENT, MASK)
        }
        self.pace = Pace(len(self.mesh.triangle))
        self.is_coarse = False  # what is switched on: the whole mesh, or what `detail` chose
        self._coarse_actors: dict[int, tuple[vtkActor, ...]] = {}  # made when first needed
        self._choice: Choice | None = None
        self.write_look(0, m)

    # ------------------------------------------------------------ places

    def put(self, rows: I8 | U4, matrix: F8) -> None:
        """Write world matrices (n, 4, 4) into rows of the table, ascending."""
        if len(rows) == 0:
            return
        self.matrix[rows] = matrix[:, :3, :]
        if self.origin.any():
            self.matrix[rows, :, 3] = matrix[:, :3, 3] - self.origin
        self.places.touch(3 * int(rows[0]), 3 * (int(rows[-1]) + 1))

    def move(self, prims: U4, matrix: F8) -> None:
        """Place prims (ascending) by world matrices (n, 4, 4), with the instances that have their looks."""
        if len(prims) == 0:
            return
        self.put(prims, matrix)
        rows: I8 = prims.astype(np.int64)
        scene = self.scene
        if len(scene.instance_prim):
            slot = np.full(len(scene), -1, np.int64)
            slot[prims] = np.arange(len(prims))
            instances = np.flatnonzero(slot[scene.instance_prim] >= 0)
            if len(instances):
                new = matrix[slot[scene.instance_prim[instances]]] @ self._relative()[instances]
                self.put(len(scene) + instances, new)
                rows = np.concatenate([rows, len(scene) + instances])
        self._blend.moved()
        if self._boxes is not None:
            self._boxes.moved(rows)

    def bend(self, at: float | None) -> int:
        """Show what bends as at a stage time, None for the start; return how many points and instances do."""
        if self._bend is None or not self._bend.take(at):
            return 0
        scene, flying = self.scene, self._bend.bending.instance
        if len(flying):
            place = self._bend.flown()
            self._relative()[flying] = place
            of = scene.instance_prim[flying].astype(np.int64)
            over = np.zeros((len(of), 4, 4))
            over[:, :3], over[:, 3, 3] = self.matrix[of], 1.0
            over[:, :3, 3] += self.origin
            self.put(len(scene) + flying, over @ place)
            if self._boxes is not None:
                self._boxes.moved(len(scene) + flying)
        self._blend.moved()
        return int(self._bend.size)

    def _relative(self) -> F8:
        """Return the matrices (I, 4, 4) of instances relative to the prims whose looks they have."""
        if self._instance_rest is None:
            of = self.scene.matrix[self.scene.instance_prim]
            # a prim that is scaled to nothing has no inverse: its instances stay where they are
            flat = np.abs(np.linalg.det(of[:, :3, :3])) < np.finfo(np.float64).tiny
            of[flat] = np.eye(4)
            self._instance_rest = np.linalg.inv(of) @ self.scene.instance_matrix
        return self._instance_rest

    @property
    def boxes(self) -> Boxes:
        """Where the pieces of the mesh are; made when first asked for."""
        if self._boxes is None:
            self._boxes = Boxes(self.mesh, self.matrix)
            if self._bend is not None:
                self._bend.widen(self._boxes)
        if self._bend is not None:
            self._bend.settle()
        return self._boxes

    def box(self, prim: int) -> F8:
        """Return the world box (6,) of a prim's subtree as it is now; NaN when it has no geometry."""
        box = self.boxes.of(prim, int(self.ends[prim]))
        return box + np.tile(self.origin, 2)

    def bounds(self) -> F8:
        """Return the world box (6,) of all that can be drawn now; NaN for an empty scene."""
        if len(self.look.moved) == 0:
            return self.rest_box
        prims = self.look.moved
        local = self.scene.local_box[prims].astype(np.float64)
        m = self.look.matrix
        centre, half = (local[:, 3:] + local[:, :3]) / 2, (local[:, 3:] - local[:, :3]) / 2
        at = np.einsum("nij,nj->ni", m[:, :3, :3], centre) + m[:, :3, 3]
        reach = np.einsum("nij,nj->ni", np.abs(m[:, :3, :3]), half)
        moved = np.concatenate([at - reach, at + reach], axis=1)
        return _union(np.vstack([self.rest_box, moved]))

    # ------------------------------------------------------------ looks

    def write_look(self, first: int, last: int) -> None:
        """Write colour, state and glow of prims first … last - 1 from `look` into the tables."""
        self.colour.array[first:last] = self.look.rgba[first:last]
        self.colour.touch(first, last)
        self.glow.array[first:last] = self.look.emissive[first:last]
        self.glow.touch(first, last)
        self.write_state(first, last)

    def write_colour(self, first: int, last: int) -> None:
        """Write the colours of prims first … last - 1 from `look`."""
        self.colour.array[first:last] = self.look.rgba[first:last]
        self.colour.touch(first, last)
        if self._marks_own:
            self.write_state(first, last)
        self._passes_known = False

    def write_state(self, first: int, last: int) -> None:
        """Write rank, outline and flags of prims first … last - 1 from `look`, selection and hover."""
        state, part = self.state.array[first:last], slice(first, last)
        byte = self.look.state[part]
        state[:, 0] = RANK_OF_STATE[byte]
        state[:, 1] = CODE_OF_STATE[byte]
        state[:, 1][self.hovered[part]] = HOVERED
        state[:, 1][self.selected[part]] = SELECTED
        flags = self.look.visible[part].astype(np.uint8) * np.uint8(SHOWN)
        if self._marks_own:
            # colours per point and images show until a binding gives the prim another colour
            own = (self.look.rgba[part] == self.scene.rgba[part]).all(axis=1)
            if self.fields is not None:  # a field is a binding's colour too
                prims = self.fields.shape.prim
                own[prims[(prims >= first) & (prims < last)] - first] = False
            flags |= own.astype(np.uint8) * np.uint8(OWN)
            if self.has_point_colours:
                flags |= (own & self.scene.has_point_rgba[part]).astype(np.uint8) * np.uint8(POINT_COLOURS)
            if self.textured is not None:
                flags |= (own & self.textured[part]).astype(np.uint8) * np.uint8(TEXTURED)
        state[:, 2] = flags
        self.state.touch(first, last)
        self._passes_known = False

    def show_fields(self, shape: FieldShape | None) -> None:
        """Show fields in these places from now on: the mesh travels to the card once more."""
        if self.fields is not None:
            self._old_fields.append(self.fields)
        self.fields = None if shape is None else Fields(shape, self.scene, len(self.mesh.point))
        for data in (self._data, self._clear_data, self._near):
            data.GetPointData().RemoveArray(shader.FIELD)
            if self.fields is not None:
                data.GetPointData().AddArray(shared(self.fields.attribute, shader.FIELD))
            data.Modified()
        self._dress_all()
        if self._marks_own:
            self.write_state(0, len(self.scene))

    def mark(self, which: B1, prims: tuple[int, ...]) -> None:
        """Set `selected` or `hovered` to prims and all below them."""
        before = np.flatnonzero(which)
        which[:] = False
        for prim in prims:
            which[prim : int(self.ends[prim])] = True
        touched = np.concatenate([before, np.flatnonzero(which)])
        if len(touched):
            self.write_state(int(touched.min()), int(touched.max()) + 1)

    def shown(self, prims: I8) -> B1:
        """Tell which prims have pixels, or an outline to click in (n,)."""
        state, alpha = self.state.array[prims], self.colour.array[prims, 3]
        seen = (alpha > 0) | np.isin(state[:, 0], (*PATTERNED, NEVER))
        out: B1 = ((state[:, 2].astype(np.uint8) & SHOWN) > 0) & seen
        return out

    @property
    def has_outlines(self) -> bool:
        """Whether any shown prim asks for an outline."""
        self.prepare()
        return self._has_outlines

    def prepare(self) -> None:
        """Switch off the passes that would draw nothing."""
        if self._passes_known:
            return
        state = self.state.array
        rank, code = state[:, 0], state[:, 1]
        shown = (state[:, 2].astype(np.uint8) & SHOWN) > 0
        clear = shown & (self.colour.array[:, 3] < _FULL)
        if self.clear_points is not None:
            clear |= shown & self.clear_points & ((state[:, 2].astype(np.uint8) & POINT_COLOURS) > 0)
        outlined = shown & (code > 0)
        hollow = rank == NEVER
        self._has_outlines = bool(outlined.any())
        drawable = len(self.mesh.triangle) > 0
        if drawable and self._blend.take(clear[: len(self.scene)]):
            self._clear_data.SetPolys(_cells(self._blend.triangle))
        draws = {
            OPAQUE: drawable,
            TRANSLUCENT: drawable and bool(clear.any()),
            MASK: drawable and bool((outlined & (hollow | clear)).any()),
        }
        for which, on in draws.items():
            self.actors[which].SetVisibility(on and not self.is_coarse)
            for actor in self._coarse_actors.get(which, ()):
                actor.SetVisibility(on and self.is_coarse)
        self._passes_known = True

    def sort(self, pose: CameraPose, rest: bool) -> None:
        """Bring the translucent triangles into the order that this eye needs."""
        if self.is_coarse or not self.actors[TRANSLUCENT].GetVisibility():
            return
        if self._bend is not None:
            self._bend.settle()
        ordered = self._blend.ordered(sight(pose), rest)
        if ordered is not None:
            self._clear_data.SetPolys(_cells(ordered))

    # ------------------------------------------------------------ detail

    def whole(self) -> None:
        """Draw the whole mesh from now on."""
        if self.is_coarse:
            self.is_coarse, self._passes_known = False, False

    def coarse(self, pose: CameraPose) -> None:
        """Draw what the pace allows, for this eye, until `whole`; `ready_coarse` comes before."""
        if not self.is_coarse:
            self.is_coarse, self._passes_known = True, False
        budget = self.pace.budget
        if self._choice is None or not self._choice.serves(pose, budget):
            self._choice = choose(self.boxes, pose, self.origin, budget)
            self._near.SetPolys(_cells(self._choice.near))
            self._far.SetPolys(_cells(self._choice.far))

    def ready_coarse(self) -> tuple[vtkActor, ...]:
        """Make what `coarse` draws with and return its actors, in the order to draw; none when they exist."""
        if self._coarse_actors:
            return ()
        self._near = vtkPolyData()
        self._near.ShallowCopy(self._data)  # the same points: they are on the card already
        tetra = coarse(self.mesh, self.boxes)
        self._far = _poly_data(tetra, self.has_point_colours, self.textured is not None)
        made: dict[int, tuple[vtkActor, ...]] = {
            p: (self._actor(p, self._near), self._actor(p, self._far)) for p in (OPAQUE, MASK, TRANSLUCENT)
        }
        self._coarse_actors, self._passes_known = made, False
        return tuple(actor for pair in made.values() for actor in pair)

    def all_actors(self) -> tuple[vtkActor, ...]:
        """Every actor that was ever handed out."""
        return (*self.actors.values(), *(a for pair in self._coarse_actors.values() for a in pair))

    # ------------------------------------------------------------ graphics card

    def attach(self, window: vtkOpenGLRenderWindow) -> None:
        """Name the window whose context holds the tables; before its first picture."""
        self._window = window

    def upload(self) -> int:
        """Send what changed to the card and return how many rows; the window must have drawn once."""
        if self._window is None:
            return 0
        for old in self._old_fields:
            for table in old.tables:
                table.release(self._window)
        self._old_fields.clear()
        return sum(table.upload(self._window) for table in self._tables())

    def _tables(self) -> tuple[Table, ...]:
        often: tuple[Table, ...] = (self.colour, self.state, self.glow, self.places)
        if self.fields is not None:
            often = (*often, *self.fields.tables)
        if self._bend is not None:
            often = (*often, self._bend.table)
        return often if self.textured is None else (*often, self.texels, self.images)

    def release(self) -> None:
        """Give back all memory on the card; the stage can be attached again."""
        if self._window is not None:
            for table in self._tables():
                table.release(self._window)
            for actor in self.all_actors():
                actor.ReleaseGraphicsResources(self._window)
            self._window = None

    def _actor(self, which: int, data: vtkPolyData) -> vtkActor:
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.ScalarVisibilityOff()
        mapper.SetVBOShiftScaleMethod(0)  # points are prim-local: a common shift would be wrong
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().LightingOff()
        actor.SetForceTranslucent(which == TRANSLUCENT)
        actor.SetForceOpaque(which != TRANSLUCENT)
        actor.PickableOff()
        self._dress(actor)

        stage = weakref.ref(self)  # an observer that held the stage would keep its memory for ever

        def draws(program: vtkShaderProgram) -> None:
            if (held := stage()) is not None:
                held.before_draw(which, program)

        observe_shader(mapper, draws)
        return actor

    def _dress(self, actor: vtkActor) -> None:
        """Give an actor the attributes and the shader text for what the stage has to show.

        A cut and fields are in the text only while there are any: they cost. What stands for parts that look
        small has no points of fields; it has the plain colours of its parts.
        """
        mapper = vtkPolyDataMapper.SafeDownCast(actor.GetMapper())
        has_fields = self.fields is not None and mapper.GetInput() is not self._far
        names = [shader.NORMAL, shader.PRIM, shader.ROW]
        if self.has_point_colours:
            names.append(shader.POINT_RGBA)
        if self.textured is not None:
            names.append(shader.UV)
        if has_fields:
            names.append(shader.FIELD)
        has_bends = len(self.mesh.slot) > 0 and mapper.GetInput() is not self._far
        if has_bends:
            names.append(shader.SLOT)
        mapper.RemoveAllVertexAttributeMappings()
        for name in names:
            mapper.MapDataArrayToVertexAttribute(name, name, vtkDataObject.FIELD_ASSOCIATION_POINTS, -1)
        which = (
            self.has_point_colours,
            self.textured is not None,
            self.shines,
            has_fields,
            self._cut is not None,
            has_bends,
            self.has_detail,
        )
        text = actor.GetShaderProperty()
        text.ClearAllShaderReplacements()
        declarations, body = shader.vertex(*which)
        text.AddVertexShaderReplacement(shader.VERTEX_TAG, True, declarations, False)
        text.AddVertexShaderReplacement(shader.VERTEX_MAIN_TAG, True, body, False)
        declarations, body = shader.fragment(*which)
        text.AddFragmentShaderReplacement(shader.FRAGMENT_TAG, True, declarations, False)
        text.AddFragmentShaderReplacement(shader.FRAGMENT_MAIN_TAG, True, body, False)

    def _dress_all(self) -> None:
        for actor in self.all_actors():
            self._dress(actor)

    @property
    def cut(self) -> tuple[float, float, float, float] | None:
        """The plane that cuts the scene, see `section.Section.cut`, None for none."""
        return self._cut

    @cut.setter
    def cut(self, cut: tuple[float, float, float, float] | None) -> None:
        is_other_text = (cut is None) != (self._cut is None)
        self._cut = cut
        if is_other_text:
            self._dress_all()

    def before_draw(self, which: int, program: vtkShaderProgram) -> None:
        """Give a pass its tables, uniforms and state of OpenGL; called by VTK."""
        self.upload()
        for table in self._tables():
            table.bind(program)
        program.SetUniformi("armShift", self.places.shift)
        program.SetUniformi("armPass", which)
        program.SetUniformi("armLit", int(self.lit))
        shine(program, self._lamps, on=self.by_lights)
        if self._cut is not None:
            a, b, c, d = self._cut
            program.SetUniform4f("armCut", [a, b, c, d + float(np.dot((a, b, c), self.origin))])
        program.SetUniform3f("armEquipment", [c / _FULL for c in self.theme.equipment])
        program.SetUniform3f("armInk", [c / _FULL for c in self.theme.ink])
        if self._window is None:
            return
        gl = self._window.GetState()
        if which == TRANSLUCENT:
            gl.vtkglEnable(_GL_BLEND)
            gl.vtkglColorMask(True, True, True, False)
            return
        # alpha carries the outline's code, so it must arrive unblended
        gl.vtkglDisable(_GL_BLEND)
        if which == MASK:
            gl.vtkglColorMask(False, False, False, True)
            gl.vtkglDepthMask(False)

    def end_frame(self) -> None:
        """Put the state of OpenGL back to what VTK expects; called after each pass and picture."""
        if self._window is not None:
            gl = self._window.GetState()
            gl.vtkglEnable(_GL_BLEND)
            gl.vtkglColorMask(True, True, True, True)
            gl.vtkglDepthMask(True)


def _union(boxes: F8) -> F8:
    """Return the box around boxes (n, 6), leaving out NaN ones; NaN when none is left."""
    finite = boxes[np.isfinite(boxes).all(axis=1)]
    if len(finite) == 0:
        return np.full(6, np.nan)
    return np.concatenate([finite[:, :3].min(axis=0), finite[:, 3:].max(axis=0)])


def _clear_points(mesh: Mesh, prims: int) -> B1 | None:
    """Return which prims have points that are not opaque (M,), None when no point is."""
    clear = mesh.rgba[:, 3] < _FULL
    if not clear.any():
        return None
    out = np.zeros(prims, np.bool_)
    out[mesh.prim[clear].astype(np.int64)] = True
    return out


def _gloss(scene: SceneArrays) -> U1:
    """Return how each prim shines (M,): high nibble metal, low nibble smoothness; 0 = matte."""
    metal, smooth = scene.metallic >> 4, (_FULL - scene.roughness) >> 4
    # half rough is what a material is that says nothing
    out: U1 = np.where((metal > 0) | (smooth > _MATTE), metal << 4 | smooth, 0).astype(np.uint8)
    return out


def _textured(mesh: Mesh, prims: int) -> B1 | None:
    """Return which prims have points with an image (M,), None when there are none."""
    if not len(mesh.uv) or not mesh.uv[:, 2].any():
        return None
    out = np.zeros(prims, np.bool_)
    out[mesh.prim[mesh.uv[:, 2] > 0].astype(np.int64)] = True
    return out


def _cells(triangle: I4) -> vtkCellArray:
    cells = vtkCellArray()
    cells.SetData(3, shared(triangle.reshape(-1)))
    return cells


def _poly_data(mesh: Mesh, point_colours: bool, textured: bool) -> vtkPolyData:
    """Return the mesh as VTK data that shares its memory."""
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(shared(mesh.point))
    data.SetPoints(points)
    data.SetPolys(_cells(mesh.triangle))
    columns = [(shader.NORMAL, mesh.normal), (shader.PRIM, mesh.prim), (shader.ROW, mesh.row)]
    if point_colours:
        columns.append((shader.POINT_RGBA, mesh.rgba.astype(np.float32) / np.float32(_FULL)))
    if textured:
        columns.append((shader.UV, mesh.uv))
    if len(mesh.slot):
        columns.append((shader.SLOT, mesh.slot))
    for name, column in columns:
        data.GetPointData().AddArray(shared(column, name))
    return data
