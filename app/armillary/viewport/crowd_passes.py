"""What VTK draws of a crowd: its sprites in blocks of points, and its large members as copies of a shape.

Copies have no geometry of their own. A chunk holds as many copies of a shape as a step draws; where each copy
is and whose look it has stands in a table, and a draw says at which of its rows it begins.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
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
from armillary.viewport.passes import BeforeDraw, Draw, actor_of, clothe
from armillary.viewport.shader import OPAQUE, TRANSLUCENT, Text
from armillary.viewport.table import Table

_FULL = 255
_MOST_COPIES = 4_096  # in a chunk

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

    def __init__(self, mesh: Mesh, crowd: Crowd, where: Whereabouts, text: Text, before: BeforeDraw) -> None:
        self._mesh, self._crowd, self._where, self._text = mesh, crowd, where, text
        self._before = weakref.WeakMethod(before)
        self.shape = Table(sprite.SHAPE, 3 * len(crowd.box), np.float32)
        self.shape.array[0::3, :3], self.shape.array[1::3, :3] = crowd.box[:, :3], crowd.box[:, 3:]
        self.shape.array[2::3] = crowd.rgba / np.float32(_FULL)
        self.who = Table(shader.WHO, 1, np.float32)
        self._old: list[Table] = []
        self._blocks = [self._points(int(at)) for at in where.starts]
        self._some: dict[int, vtkPolyData] = {}
        self._every: vtkPolyData | None = None
        self._clear: list[vtkPolyData] = []
        self._chunks: dict[int, list[_Chunk]] = {}
        self._actors: dict[tuple[str, int, int, int], vtkActor] = {}
        self._spans: Spans = {}
        self.fresh: list[vtkActor] = []
        self._held: Arrangement | None = None
        for b in range(len(self._blocks)):
            self._actor("block", OPAQUE, b, 0, self._blocks[b])

    def tables(self) -> tuple[Table, ...]:
        """All tables that only these passes read."""
        return self.shape, self.who

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
        if len(who) > len(self.who.array):
            self._old.append(self.who)
            self.who = Table(shader.WHO, max(2 * len(self.who.array), len(who)), np.float32)
        self.who.array[: len(who), 0] = self._where.rows(who)
        self.who.array[: len(who), 1] = self._crowd.prim[who]
        self.who.touch(0, len(who))
        if len(new.clear_small):
            if self._every is None:
                self._every = self._points(0, len(self._crowd))
            for i, at in enumerate(range(0, len(new.clear_small), BLOCK)):
                if i == len(self._clear):
                    data = vtkPolyData()
                    data.ShallowCopy(self._every)
                    self._clear.append(data)
                self._clear[i].SetVerts(_verts(new.clear_small[at : at + BLOCK].astype(np.int32)))

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

    def _points(self, at: int, count: int = BLOCK) -> vtkPolyData:
        """Return members as points that hold their row, prim and shape instead of a place."""
        part = slice(at, at + count)
        column = [self._where.rows(part), self._crowd.prim[part], self._crowd.shape[part]]
        data, points = vtkPolyData(), vtkPoints()
        values: F4 = np.stack(column, axis=1).astype(np.float32)
        points.SetData(shared(values))
        data.SetPoints(points)
        data.SetVerts(_verts(np.arange(len(values), dtype=np.int32)))
        return data

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
        observe_shader(actor.GetMapper(), _draws(self._before, which, span))
        self._actors[name, which, i, number] = actor
        self.fresh.append(actor)
        return actor

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


def _draws(
    before: weakref.WeakMethod[BeforeDraw], which: int, span: list[int]
) -> Callable[[vtkShaderProgram], None]:
    """Return what is called before an actor is drawn."""

    def draws(program: vtkShaderProgram) -> None:
        call = before()
        if call is None:
            return
        call(which, program)
        program.SetUniformi("armFirst", span[0])
        program.SetUniformi("armEnd", span[1])

    return draws


def _verts(members: I4) -> vtkCellArray:
    out = vtkCellArray()
    out.SetData(1, shared(members))
    return out
