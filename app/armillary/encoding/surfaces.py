"""Bindings that colour each point of a mesh: a field of sensors, or a list of one value a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.encoding import channels, field_rows, maps
from armillary.encoding.assemble import Collected
from armillary.encoding.field_rows import Field, Stream, Surface
from armillary.encoding.search import RefusedError, Search, refuse, where
from armillary.encoding.strictness import limit_ns
from armillary.model import units
from armillary.model.arrays import F4, F8, I8, frozen
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec

_UNSPREAD = {"text": "text", "struct": "a structure", "array": "a list"}  # kinds that no field is made of


def add(find: Search, rows: Collected, binding: Binding) -> None:
    """Add a binding of the channel `field` or `primvar`. Raises RefusedError and Fault."""
    what = "field" if binding.channel == "field" else "list of values"
    if binding.map.kind not in ("none", "linear", "range"):
        refuse("B07", f"A {what} has no map '{binding.map.kind}'.", "Use linear, or bind a derived tag.")
    colourmap = find.colourmap(binding.colormap or maps.FALLBACK.name)
    if colourmap.kind == "states":
        refuse("B07", f"A {what} has no colour map of states.", "Use one that is linear or has steps.")
    if binding.ends[0] == binding.ends[1]:
        refuse("B02", "The range of the colours is empty.", "Give two different ends in `range`.")
    if binding.channel == "field":
        _field(find, rows, binding, colourmap)
    else:
        _stream(find, rows, binding, colourmap)


def _field(find: Search, rows: Collected, binding: Binding, colourmap: ColourMap) -> None:
    slots, prims = _sensors(find, binding)
    unit = binding.unit or find.specs[slots[0]].unit
    to_x = np.array([units.conversion(find.specs[s].unit, unit, where(binding)) for s in slots])
    _, drawn = find.reach.painted(np.array(find.prims(binding), np.int64))
    point, triangle = field_rows.surface(find.scene, drawn)
    if not len(point):
        what = "What the field is bound to has no mesh of its own."
        refuse("B07", what, "Bind it to a mesh; copies of an instance share theirs.")
    made, vertex = field_rows.weighed(
        find.scene, binding, point, triangle, field_rows.places(find.scene, prims)
    )
    source = np.array(slots, np.int64)
    if limit := limit_ns(binding, [find.specs[slot] for slot in slots]):
        first = len(rows.strict)
        rows.strict.extend((slot, limit) for slot in slots)
        source = -1 - first - np.arange(len(slots))
    a, b, low, high = _line(binding, to_x[:, 0], to_x[:, 1])
    rows.surfaces.append(
        Field(
            prim=np.unique(find.scene.point_prim[point]).astype(np.int64),
            point=point,
            vertex=vertex,
            weights=made,
            tag=np.array(slots, np.int64),
            source=source,
            a=a,
            b=b,
            low=low,
            high=high,
            colourmap=colourmap,
            lines=_lines(binding),
        )
    )
    none = "no sensor near"
    _legend(find, rows, binding, colourmap, slots[0], unit, none)
    rows.done.append((binding, slots[0], tuple(drawn.tolist())))


def _line(binding: Binding, factor: F8, offset: F8) -> tuple[F8, F8, float, float]:
    """Return (a, b, low, high): place on the colour map = clip(a·v + b, low, high)."""
    scale, shift, low, high = channels.straight(binding, is_result=False)
    start, end = binding.ends
    span = end - start
    limits = sorted(((low - start) / span, (high - start) / span))
    return scale * factor / span, (scale * offset + shift - start) / span, limits[0], limits[1]


def _lines(binding: Binding) -> int:
    return max(0, min(binding.field.iso_lines, field_rows.MOST_LINES))


def _legend(
    find: Search, rows: Collected, binding: Binding, colourmap: ColourMap, slot: int, unit: str, none: str
) -> None:
    shown = binding.target_unit or (unit if channels.keeps_unit(binding) else "")
    key = (f"{colourmap.name} {binding.channel} {binding.field.iso_lines}", binding.ends, shown)
    title = colourmap.title or find.specs[slot].title
    rows.legends.setdefault(key, field_rows.legend(binding, colourmap, shown, title, none))


def _sensors(find: Search, binding: Binding) -> tuple[list[int], list[int]]:
    """Return slots and prims of the sensors of a field; one that cannot be read is named and left out."""
    slots: list[int] = []
    prims: list[int] = []
    for target in binding.field.sensors:
        path = target.partition(".")[0]
        prim = find.prim_of.get(path)
        if prim is None:
            remedy = find.near(path, find.scene.prim_path) or "Correct the path in `sensors`."
            find.problem(binding, "B04", f"The scene has no prim '{path}'.", remedy)
            continue
        try:
            slot = find.slot(field_rows.sensor_binding(binding, target, find.by_prim))
        except RefusedError as refused:
            find.problem(binding, refused.code, refused.what, refused.remedy)
            continue
        except Fault as fault:
            find.problem(binding, "B05", fault.what, fault.remedy)
            continue
        if (kind := _UNSPREAD.get(find.specs[slot].kind)) is not None:
            what = f"The tag '{find.specs[slot].name}' is {kind}, which cannot be spread."
            find.problem(binding, "B05", what, "Name a sensor whose tag is a number.")
            continue
        slots.append(slot)
        prims.append(prim)
    if not slots:
        refuse("B05", "The field has no sensor that can be read.", "Name prims with a tag in `sensors`.")
    return slots, prims


# ---------------------------------------------------------------- lists of one value a point


def _stream(find: Search, rows: Collected, binding: Binding, colourmap: ColourMap) -> None:
    slot = find.slot(binding)
    spec = find.specs[slot]
    if spec.kind != "array":
        what = f"The tag '{spec.name}' is no list: a primvar takes one value for each point."
        refuse("B07", what, 'Give the tag kind = "array", or bind displayColor.')
    _, drawn = find.reach.painted(np.array(find.prims(binding), np.int64))
    parts = [(prim, *_points(find, prim)) for prim in drawn.tolist()]
    parts = [part for part in parts if len(part[1])]
    if not parts:
        what = "What the primvar is bound to has no mesh with points of its own."
        refuse("B07", what, "Bind it to a mesh of the file; copies of an instance share theirs.")
    source = slot
    if limit := limit_ns(binding, (spec,)):
        rows.strict.append((slot, limit))
        source = -len(rows.strict)
    unit = binding.unit or spec.unit
    factor, offset = units.conversion(spec.unit, unit, where(binding))
    a, b, low, high = _line(binding, np.array([factor]), np.array([offset]))
    for prim, point, vertex, count in parts:
        rows.surfaces.append(
            Stream(
                prim=np.array([prim], np.int64),
                point=point,
                vertex=vertex,
                count=count,
                tag=np.array([slot], np.int64),
                source=np.array([source], np.int64),
                a=a,
                b=b,
                low=low,
                high=high,
                colourmap=colourmap,
                lines=_lines(binding),
                binding=binding,
            )
        )
    _legend(find, rows, binding, colourmap, slot, unit, "no value")
    rows.done.append((binding, slot, tuple(prim for prim, *_ in parts)))


def _points(find: Search, prim: int) -> tuple[I8, I8, int]:
    """Return the points (v,) that a prim draws, which value of a list each takes, and how many it needs."""
    scene = find.scene
    point, _ = find.surface(prim)
    if not len(point):
        return point, point, 0
    if len(scene.point_vertex):
        vertex = scene.point_vertex[point].astype(np.int64)
        if (vertex < 0).any():  # no mesh: a cube, a curve
            return point[:0], vertex[:0], 0
        return point, frozen(vertex), int(scene.vertices[prim])
    own = np.flatnonzero(scene.point_prim == prim)  # made in memory: its points are those of the file
    return point, frozen(point - own[0]), len(own)


def misfits(
    surfaces: Sequence[Surface],
    arrays: Mapping[int, F4],
    scene: SceneArrays,
    specs: Sequence[TagSpec],
) -> tuple[SceneProblem, ...]:
    """Return the lists that came and do not have one value for each point of their mesh.

    arrays: of tags by slot.
    """
    out = []
    for stream in surfaces:
        if not isinstance(stream, Stream):
            continue
        slot = int(stream.tag[0])
        array = arrays.get(slot)
        if array is None or len(array) == stream.count:
            continue
        path, name = scene.prim_path[int(stream.prim[0])], specs[slot].name
        out.append(
            SceneProblem(
                code="B22",
                severity="error",
                where=where(stream.binding),
                what=f"{path} has {stream.count} points, the list {name} {len(array)} values.",
                remedy="Send one value for each point of the mesh, in the order of its file.",
            )
        )
    return tuple(out)
