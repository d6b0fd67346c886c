"""What VTK draws of a crowd: its sprites in blocks of points, and its large members as copies of a shape.

Copies have no geometry of their own. A chunk holds as many copies of a shape as a step draws; where each copy
is and whose look it has stands in a table, and a draw says at which of its rows it begins.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor
from vtkmodules.vtkRenderingOpenGL2 import vtkShaderProgram

from armillary.model.arrays import B1, F4, I4, I8
from armillary.viewport import blocks as mesh_blocks
from armillary.viewport import shader, sprite
from armillary.viewport.bridge import observe_shader, shared
from armillary.viewport.crowd import BLOCK, WEIGHT, Arrangement, Whereabouts
from armillary.viewport.merge import Crowd, Mesh
from armillary.viewport.passes import Draw, actor_of, clothe
from armillary.viewport.places import PART
from armillary.viewport.shader import OPAQUE, TRANSLUCENT, Text
from armillary.viewport.table import Table

_FULL = 255
_MOST_COPIES = 4_096  # in a chunk

BeforeCrowd = Callable[[int, vtkShaderProgram, tuple[Table, bool]], None]
Spans = dict[vtkActor, list[int]]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some triangles of a shape, `copies` times."""

    data: vtkPolyData
    copies: int
    triangles: int  # of all copies


class CrowdPasses:
    """Actors of a crowd. `before_draw` is called with the pass and its shader program before each draw.

    fresh: actors that were made since the caller last took them.
    """

    def __init__(
        self,
        mesh: Mesh,
        crowd: Crowd,
        where: Whereabouts,
        places: Sequence[Table],
        text: Text,
        before: BeforeCrowd,
    ) -> None:
        """places: the matrices of members, PART to a table."""
        self._mesh, self._crowd, self._where, self._text = mesh, crowd, where, text
        self._before = weakref.WeakMethod(before)
        self.shape = Table(sprite.SHAPE, 3 * len(crowd.box), np.float32)
        self.shape.array[0::3, :3], self.shape.array[1::3, :3] = crowd.box[:, :3], crowd.box[:, 3:]
        self.shape.array[2::3] = crowd.rgba / np.float32(_FULL)
        self.places = places
        self.who = Table(shader.MATRIX, 4, np.float32)
        self._clear_places: list[Table] = []
        self._old: list[Table] = []
        self._blocks = [self._points(int(at)) for at in where.starts]
        self._some: dict[int, vtkPolyData] = {}
        self._clear: list[vtkPolyData] = []
        self._chunks: dict[int, list[_Chunk]] = {}
        self._actors: dict[tuple[str, int, int, int], vtkActor] = {}
        self._spans: Spans = {}
        self.fresh: list[vtkActor] = []
        self._held: Arrangement | None = None
        for b in range(len(self._blocks)):
            self._actor("block", OPAQUE, b, 0, self._blocks[b])

    def drawn_tables(self) -> tuple[Table, ...]:
        """The tables of places that the card has: what moved in them is sent with the next picture."""
        return tuple(table for table in self.places if not table.is_new)

    def all_tables(self) -> tuple[Table, ...]:
        """All tables of places."""
        return self.who, *self.places, *self._clear_places

    def take_old_tables(self) -> list[Table]:
        """Return the tables that are no longer read, once."""
        out, self._old = self._old, []
        return out

    def all_actors(self) -> tuple[vtkActor, ...]:
        """Every actor that was made."""
        return tuple(self._actors.values())

    # ------------------------------------------------------------ what to draw

    def take(self, new: Arrangement) -> None:
        """Draw as arranged from now on."""
        if new is self._held:
            return
        self._held = new
        for b, members in new.some:
            if b not in self._some:
                self._some[b] = data = vtkPolyData()
                data.ShallowCopy(self._blocks[b])
            self._some[b].SetVerts(_verts(members))
        who = new.who
        if 4 * len(who) > len(self.who.array):
            self._old.append(self.who)
            self.who = Table(shader.MATRIX, max(2 * len(self.who.array), 4 * len(who)), np.float32)
        rows = self.who.array[: 4 * len(who)].reshape(-1, 4, 4)
        rows[:, :3] = self._where.matrices(who)
        rows[:, 3, 0] = self._crowd.prim[who]
        self.who.touch(0, 4 * len(who))
        clear = new.clear_small
        for i, at in enumerate(range(0, len(clear), BLOCK)):
            if i == len(self._clear):
                self._clear.append(vtkPolyData())
                self._clear_places.append(Table(shader.MATRIX, 3 * BLOCK, np.float32))
            part, table = clear[at : at + BLOCK], self._clear_places[i]
            count = len(part)
            table.array[: 3 * count].reshape(-1, 3, 4)[:] = self._where.matrices(part)
            table.touch(0, 3 * count)
            self._fill(self._clear[i], np.arange(count), part)

    def sprites(self, which: int, has_any: B1) -> list[Draw]:
        """Return the draws of small members in the opaque or the mask pass, where a block has any (b,)."""
        held, out = self._held, []
        if held is None:
            return []
        for b in held.blocks[has_any[held.blocks]].tolist():
            count = min(BLOCK, len(self._crowd) - b * BLOCK)
            out.append(Draw(self._actor("block", which, b, 0, self._blocks[b]), WEIGHT * count))
        for b, members in held.some:
            if has_any[b]:
                out.append(Draw(self._actor("some", which, b, 0, self._some[b]), WEIGHT * len(members)))
        return out

    def large(self, which: int) -> list[Draw]:
        """Return the draws of large members, in the opaque or the mask pass."""
        if self._held is None:
            return []
        return self._copies("large", which, self._held.large, 0)

    def clear_sprites(self) -> list[Draw]:
        """Return the draws of small translucent members, the farthest first."""
        left = len(self._held.clear_small) if self._held is not None else 0
        out = []
        for i in range(-(-left // BLOCK)):
            actor = self._actor("clear", TRANSLUCENT, i, 0, self._clear[i])
            out.append(Draw(actor, WEIGHT * min(BLOCK, left - i * BLOCK)))
        return out

    def clear_large(self) -> list[Draw]:
        """Return the draws of large translucent members, the farthest first."""
        if self._held is None or not len(self._held.clear_large):
            return []
        return self._copies("clear large", TRANSLUCENT, self._held.clear_large, len(self._held.large))

    def _copies(self, name: str, which: int, members: I8, at: int) -> list[Draw]:
        """Return draws of members, which have the rows of `who` from `at` on; runs of a shape together."""
        out: list[Draw] = []
        used: dict[int, int] = {}
        shape = self._crowd.shape[members]
        ends = [
            *(1 + np.flatnonzero(shape[1:] != shape[:-1])).tolist(),
            *([len(shape)] if len(shape) else []),
        ]
        for first, last in zip([0, *ends[:-1]][: len(ends)], ends, strict=True):
            k = int(shape[first])
            for part, chunk in enumerate(self._chunks_of(k)):
                for begin in range(first, last, chunk.copies):
                    end = min(begin + chunk.copies, last)
                    number = used[k] = used.get(k, -1) + 1
                    actor = self._actor(f"{name} {part}", which, k, number, chunk.data)
                    self._spans[actor][:] = at + begin, at + end
                    out.append(Draw(actor, chunk.triangles * (end - begin) // chunk.copies))
        return out

    # ------------------------------------------------------------ what it is made of

    def _points(self, at: int) -> vtkPolyData:
        """Return a block as points that hold their row in its table, prim and shape instead of a place."""
        data = vtkPolyData()
        members = np.arange(at, min(at + BLOCK, len(self._crowd)))
        self._fill(data, members % PART, members)
        return data

    def _fill(self, data: vtkPolyData, row: I8, members: I8) -> None:
        points = vtkPoints()
        values: F4 = np.stack([row, self._crowd.prim[members], self._crowd.shape[members]], axis=1).astype(
            np.float32
        )
        points.SetData(shared(values))
        data.SetPoints(points)
        data.SetVerts(_verts(np.arange(len(values), dtype=np.int32)))

    def _chunks_of(self, shape: int) -> list[_Chunk]:
        if shape not in self._chunks:
            first, last = int(self._crowd.first[shape]), int(self._crowd.last[shape])
            most = mesh_blocks.BLOCK
            copies = max(min(most // (last - first), _MOST_COPIES), 1)
            self._chunks[shape] = [
                _Chunk(data, copies, copies * len(triangle))
                for at in range(first, last, most)
                for triangle in [self._mesh.every[at : min(at + most, last)]]
                for data in [self._copied(triangle, copies)]
            ]
        return self._chunks[shape]

    def _copied(self, triangle: I4, copies: int) -> vtkPolyData:
        mesh, text = self._mesh, self._text
        used, own = np.unique(triangle, return_inverse=True)
        n = len(used)
        data, points = vtkPolyData(), vtkPoints()
        points.SetData(shared(np.tile(mesh.point[used], (copies, 1))))
        data.SetPoints(points)
        shift = n * np.arange(copies, dtype=np.int32)[:, None, None]
        data.SetPolys(mesh_blocks.cells((own.reshape(-1, 3).astype(np.int32) + shift).reshape(-1, 3)))
        columns: list[tuple[str, F4]] = [
            (shader.NORMAL, mesh.normal[used]),
            (shader.COPY, np.zeros(0, np.float32)),
        ]
        if text.point_colours:
            columns.append((shader.POINT_RGBA, mesh.rgba[used].astype(np.float32) / np.float32(_FULL)))
        if text.images:
            columns.append((shader.UV, mesh.uv[used]))
        for name, column in columns:
            values = np.repeat(np.arange(copies, dtype=np.float32), n)
            if name != shader.COPY:
                values = np.tile(column, (copies, 1))
            data.GetPointData().AddArray(shared(values, name))
        return data

    # ------------------------------------------------------------ actors

    def dress(self, text: Text) -> None:
        """Give all actors the shader text for what there is to show now."""
        if text != self._text:
            self._text = text
            for (name, *_), actor in self._actors.items():
                self._dress(actor, name)

    def _actor(self, name: str, which: int, i: int, number: int, data: vtkPolyData) -> vtkActor:
        found = self._actors.get((name, which, i, number))
        if found is not None:
            return found
        actor = actor_of(data, which)
        self._dress(actor, name)
        self._spans[actor] = span = [0, 0]
        observe_shader(actor.GetMapper(), self._draws(which, span, name, i))
        self._actors[name, which, i, number] = actor
        self.fresh.append(actor)
        return actor

    def _draws(self, which: int, span: list[int], name: str, i: int) -> Callable[[vtkShaderProgram], None]:
        """Return what is called before an actor is drawn."""
        before, me = self._before, weakref.ref(self)

        def draws(program: vtkShaderProgram) -> None:
            call, passes = before(), me()
            if call is None or passes is None:
                return
            call(which, program, passes.table_of(name, i))
            program.SetUniformi("armFirst", span[0])
            program.SetUniformi("armEnd", span[1])

        return draws

    def table_of(self, name: str, i: int) -> tuple[Table, bool]:
        """Return the matrices that an actor reads, and whether they are only of the picture being drawn."""
        if "large" in name:
            return self.who, True
        return (self._clear_places[i], True) if name == "clear" else (self.places[i * BLOCK // PART], False)

    def _dress(self, actor: vtkActor, name: str) -> None:
        if "large" not in name:
            plain = self._text.plain()
            clothe(actor, [], sprite.vertex(plain), sprite.fragment(plain))
            return
        has = self._text.of_copies()
        names = [shader.NORMAL, shader.COPY]
        names += [shader.POINT_RGBA] if has.point_colours else []
        names += [shader.UV] if has.images else []
        clothe(actor, names, shader.vertex(has), shader.fragment(has))


def _verts(members: I4) -> vtkCellArray:
    out = vtkCellArray()
    out.SetData(1, shared(members))
    return out
