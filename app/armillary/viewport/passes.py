"""What VTK draws of a scene: the mesh in blocks, in three passes, whole or as `detail` chose.

Every actor is invisible until a picture names it: `Picture` switches on what one step draws.
Passes are drawn one after the other: the mask writes where opaque parts left the depth, translucent parts
come last.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace

from vtkmodules.vtkCommonCore import vtkDataArray, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper
from vtkmodules.vtkRenderingOpenGL2 import vtkShaderProgram

from armillary.model.arrays import F4, I4, I8
from armillary.viewport import shader
from armillary.viewport.blocks import BLOCK, Blocks, blocks, cells, whole
from armillary.viewport.bridge import observe_shader, shared
from armillary.viewport.merge import Mesh
from armillary.viewport.shader import MASK, OPAQUE, TRANSLUCENT, Text

BeforeDraw = Callable[[int, vtkShaderProgram], None]


@dataclass(frozen=True, slots=True)
class Draw:
    """One actor of a picture, with how much it draws."""

    actor: vtkActor
    triangles: int


class _Some:
    """Triangles of one block that were chosen, with the points of the block."""

    def __init__(self, of: vtkPolyData) -> None:
        self.data = vtkPolyData()
        self.data.ShallowCopy(of)
        self.triangles = 0

    def take(self, triangle: I4) -> None:
        self.data.SetPolys(cells(triangle))
        self.triangles = len(triangle)


class Passes:
    """Actors of a mesh. `before_draw` is called with the pass and its shader program before each draw.

    fresh: actors that were made since the caller last took them; it adds them to its renderer.
    """

    def __init__(self, mesh: Mesh, text: Text, before_draw: BeforeDraw) -> None:
        self._mesh, self.text = mesh, text
        self._before = weakref.WeakMethod(
            before_draw
        )  # an observer that held it would keep its memory for ever
        self._attribute: F4 | None = None
        self.whole: Blocks = blocks(mesh, point_colours=text.point_colours, textured=text.images)
        self._near: list[_Some] = []
        self._far: list[_Some] = []
        self._clear: list[vtkPolyData] = []
        self._clear_triangles: list[int] = []
        self._points: vtkPolyData | None = None
        self._actors: dict[tuple[str, int, int], vtkActor] = {}
        self._plain: set[vtkActor] = set()  # they draw the coarse mesh, which has no points of fields
        self.fresh: list[vtkActor] = []
        for i in range(len(self.whole)):
            self._actor("whole", OPAQUE, i)

    # ------------------------------------------------------------ what to draw

    def opaque(self, which: I8) -> list[Draw]:
        """Return the draws of whole blocks in the opaque pass."""
        return self._blocks(OPAQUE, which)

    def mask(self, which: I8) -> list[Draw]:
        """Return the draws of whole blocks in the pass that writes outline codes alone."""
        return self._blocks(MASK, which)

    def _blocks(self, which: int, some: I8) -> list[Draw]:
        count = self.whole.last - self.whole.first
        return [Draw(self._actor("whole", which, int(i)), int(count[i])) for i in some]

    def clear(self) -> list[Draw]:
        """Return the draws of the translucent pass, the farthest first."""
        return [
            Draw(self._actor("clear", TRANSLUCENT, i), count) for i, count in enumerate(self._clear_triangles)
        ]

    def coarse(self, which: int) -> list[Draw]:
        """Return the draws of what was chosen, in one pass."""
        out = []
        for name, some in (("near", self._near), ("far", self._far)):
            out += [Draw(self._actor(name, which, i), s.triangles) for i, s in enumerate(some) if s.triangles]
        return out

    # ------------------------------------------------------------ what it is made of

    def put_clear(self, triangle: I4) -> None:
        """Draw these triangles (t, 3) in the translucent pass, in this order."""
        if self._points is None:
            if len(triangle) == 0:
                return
            self._points = whole(self._mesh, point_colours=self.text.point_colours, textured=self.text.images)
            self._put_attribute(self._points)
        self._clear_triangles.clear()
        for i, start in enumerate(range(0, len(triangle), BLOCK)):
            part = triangle[start : start + BLOCK]
            if i == len(self._clear):
                data = vtkPolyData()
                data.ShallowCopy(self._points)
                self._clear.append(data)
            self._clear[i].SetPolys(cells(part))
            self._clear_triangles.append(len(part))

    def choose(self, near: I8, far: Mesh) -> None:
        """Draw these rows of triangles, in that order, and this mesh from now on, in coarse pictures."""
        if not self._near:
            self._near = [_Some(data) for data in self.whole.data]
            for i in range(len(self._near)):
                self._actor("near", OPAQUE, i)  # all now: where two parts lie on each other, the order tells
        for one, triangle in zip(self._near, self.whole.cells(near), strict=True):
            if one.triangles or len(triangle):
                one.take(triangle)
        text = self.text
        new = blocks(far, point_colours=text.point_colours, textured=text.images)
        for one in self._far:
            one.triangles = 0
        for i, data in enumerate(new.data):
            if i == len(self._far):
                self._far.append(_Some(data))
            self._far[i].data.ShallowCopy(data)
            self._far[i].triangles = int(new.last[i] - new.first[i])

    # ------------------------------------------------------------ actors

    def all_actors(self) -> tuple[vtkActor, ...]:
        """Every actor that was made."""
        return tuple(self._actors.values())

    def _data(self, name: str, i: int) -> vtkPolyData:
        if name == "whole":
            return self.whole.data[i]
        if name == "clear":
            return self._clear[i]
        return (self._near if name == "near" else self._far)[i].data

    def _actor(self, name: str, which: int, i: int) -> vtkActor:
        found = self._actors.get((name, which, i))
        if found is not None:
            return found
        actor = actor_of(self._data(name, i), which)
        if name == "far":
            self._plain.add(actor)
        self._dress(actor)
        before = self._before

        def draws(program: vtkShaderProgram) -> None:
            if (call := before()) is not None:
                call(which, program)

        observe_shader(actor.GetMapper(), draws)
        self._actors[name, which, i] = actor
        self.fresh.append(actor)
        return actor

    def dress(self, text: Text) -> None:
        """Give all actors the shader text for what there is to show now."""
        if text != self.text:
            self.text = text
            for actor in self._actors.values():
                self._dress(actor)

    def put_attribute(self, attribute: F4 | None) -> None:
        """Give the points a value (V, 3) for fields, or take it away: they travel to the card once more."""
        self._attribute, of = attribute, self.whole
        made: dict[tuple[int, int], vtkDataArray] = {}  # blocks with the same points have one array
        for block, data in enumerate(of.data):
            part = int(of.low[block]), int(of.high[block])
            if attribute is not None and part not in made:
                made[part] = shared(attribute[part[0] : part[1]], shader.FIELD)
            _put(data, made.get(part))
        for one, data in zip(self._near, of.data, strict=False):
            _put(one.data, data.GetPointData().GetArray(shader.FIELD))
        if self._points is not None:
            self._put_attribute(self._points)
            for data in self._clear:
                _put(data, self._points.GetPointData().GetArray(shader.FIELD))
        for actor in self._actors.values():
            self._dress(actor)

    def _put_attribute(self, data: vtkPolyData) -> None:
        """Give data of all points what `put_attribute` was called with."""
        _put(data, None if self._attribute is None else shared(self._attribute, shader.FIELD))

    def _dress(self, actor: vtkActor) -> None:
        """Give an actor the attributes and the shader text for what there is to show.

        What stands for parts that look small has no points of fields, and none that bend; it has the plain
        colours of its parts.
        """
        has = self.text
        if actor in self._plain:
            has = replace(has, fields=False, bends=False)
        names = [shader.NORMAL, shader.PRIM, shader.ROW]
        names += [shader.POINT_RGBA] if has.point_colours else []
        names += [shader.UV] if has.images else []
        names += [shader.FIELD] if has.fields else []
        names += [shader.SLOT] if has.bends else []
        clothe(actor, names, shader.vertex(has), shader.fragment(has))


def actor_of(data: vtkPolyData, which: int) -> vtkActor:
    """Return an actor of a pass, invisible and without a shader's text."""
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
    actor.VisibilityOff()
    return actor


def clothe(actor: vtkActor, names: list[str], vertex: tuple[str, str], fragment: tuple[str, str]) -> None:
    """Give an actor attributes, by their names, and a shader's text in declarations and body."""
    mapper = vtkPolyDataMapper.SafeDownCast(actor.GetMapper())
    mapper.RemoveAllVertexAttributeMappings()
    for name in names:
        mapper.MapDataArrayToVertexAttribute(name, name, vtkDataObject.FIELD_ASSOCIATION_POINTS, -1)
    text = actor.GetShaderProperty()
    text.ClearAllShaderReplacements()
    for tag, part in zip((shader.VERTEX_TAG, shader.VERTEX_MAIN_TAG), vertex, strict=True):
        text.AddVertexShaderReplacement(tag, True, part, False)
    for tag, part in zip((shader.FRAGMENT_TAG, shader.FRAGMENT_MAIN_TAG), fragment, strict=True):
        text.AddFragmentShaderReplacement(tag, True, part, False)


def _put(data: vtkPolyData, attribute: vtkDataArray | None) -> None:
    data.GetPointData().RemoveArray(shader.FIELD)
    if attribute is not None:
        data.GetPointData().AddArray(attribute)
    data.Modified()


def nothing() -> vtkActor:
    """Return an actor that draws nothing: a renderer without a visible one does not run its filters."""
    data = vtkPolyData()
    data.SetPoints(vtkPoints())
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(data)
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.PickableOff()
    return actor
