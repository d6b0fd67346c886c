"""Field bindings → groups of a program, and the values that these give: one sparse product a field."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.encoding import maps
from armillary.encoding.field import Weights, interpolate, weights, weld
from armillary.encoding.stripes import Flow, palette, stripes
from armillary.model.arrays import B1, F4, F8, I8, U1, U2, frozen
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import ProjectFault
from armillary.model.look import FieldShape
from armillary.model.quality import BAD, GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.scene import SceneArrays

INK = (0x16, 0x1A, 0x1E)  # iso-lines in a legend
MOST_LINES = 64
_KEPT = 8  # fields whose weights are kept: an edit of a binding compiles all of them again
_kept: dict[bytes, Weights] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """One field of S sensors over the prims of one binding, V points."""

    prim: I8  # (p,) prims that show it, ascending
    point: I8  # (V,) rows of SceneArrays.point, ascending
    vertex: I8  # (V,) row of `weights` for each point
    weights: Weights
    tag: I8  # (S,) slots
    source: I8  # (S,) entries of the value vector
    a: F8  # (S,) position on the colour map = clip(a·v + b, low, high)
    b: F8  # (S,)
    low: float
    high: float
    colourmap: ColourMap
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """A list of one value for each point of one prim's mesh, V points of what is drawn."""

    prim: I8  # (1,)
    point: I8  # (V,) rows of SceneArrays.point, ascending
    vertex: I8  # (V,) value of the list that each point takes
    count: int  # values that the list must have
    tag: I8  # (1,) slot
    source: I8  # (1,) entry of the value vector, whose quality is that of all values
    a: F8  # (1,) position on the colour map = clip(a·v + b, low, high)
    b: F8  # (1,)
    low: float
    high: float
    colourmap: ColourMap
    lines: int
    binding: Binding


class Surfaces:
    """The triangles of single prims: found once for all, as a scene may have thousands of pipes."""

    def __init__(self, scene: SceneArrays) -> None:
        triangle = scene.triangle[: int(scene.proto[0])]
        owner = scene.point_prim[triangle[:, 0]].astype(np.int64)
        if len(owner) > 1 and (owner[1:] < owner[:-1]).any():
            order = np.argsort(owner, kind="stable")
            triangle, owner = triangle[order], owner[order]
        self._triangle, self._owner = triangle, owner

    def of(self, prim: int) -> tuple[I8, I8]:
        """Return the points (v,) that a prim draws itself, and its triangles (t, 3) as rows of these."""
        first, last = np.searchsorted(self._owner, [prim, prim + 1])
        point, corner = np.unique(self._triangle[first:last], return_inverse=True)
        return point.astype(np.int64), corner.reshape(-1, 3).astype(np.int64)


def surface(scene: SceneArrays, prims: I8) -> tuple[I8, I8]:
    """Return the points (V,) that prims draw themselves, and their triangles (T, 3) as rows of these.

    Parts drawn by instances have none: copies share their points.
    """
    wanted = np.zeros(len(scene), np.bool_)
    wanted[prims] = True
    triangle = scene.triangle[: int(scene.proto[0])]
    triangle = triangle[wanted[scene.point_prim[triangle[:, 0]]]]
    point, corner = np.unique(triangle, return_inverse=True)
    return point.astype(np.int64), corner.reshape(-1, 3).astype(np.int64)


def places(scene: SceneArrays, prims: Sequence[int]) -> F8:
    """Return the places of sensors (S, 3), world metres: the middle of what each draws, else its origin."""
    at = np.array(prims, np.int64)
    middle = (scene.box[at, :3] + scene.box[at, 3:]) / 2
    out: F8 = np.where(np.isfinite(middle), middle, scene.matrix[at, :3, 3])
    return out


def weighed(scene: SceneArrays, binding: Binding, point: I8, triangle: I8, sensor: F8) -> tuple[Weights, I8]:
    """Return the weights of sensors at the distinct vertices of points, and the vertex of each point (V,).

    Raises ProjectFault for numbers that make no field.
    """
    world = scene.matrix[scene.point_prim[point]]
    at = np.einsum("nij,nj->ni", world[:, :3, :3], scene.point[point]) + world[:, :3, 3]
    vertex, which = weld(at)
    told = binding.field
    metres = scene.meters_per_unit
    key = hashlib.blake2b(repr((told, metres)).encode())
    for array in (vertex, which, triangle, sensor):
        key.update(np.ascontiguousarray(array).data)
    name = key.digest()
    made = _kept.pop(name, None)
    if made is None:
        try:
            made = weights(
                vertex,
                which[triangle],
                sensor,
                method=told.method,
                radius=told.radius * metres,
                neighbours=told.neighbours,
                max_distance=told.max_distance * metres,
                power=told.power,
            )
        except ValueError as error:
            raise ProjectFault(
                f"These numbers make no field: {error}.",
                where=binding.origin or binding.where,
                remedy="Correct radius, neighbours, maxDistance or idwPower.",
            ) from error
    _kept[name] = made
    while len(_kept) > _KEPT:
        _kept.pop(next(iter(_kept)))
    return made, which


def sensor_binding(binding: Binding, target: str, by_prim: Mapping[str, Sequence[Binding]]) -> Binding:
    """Return the binding whose signal is the reading of a sensor: `/Prim`, or `/Prim.twin:NAME:signal`.

    Raises ProjectFault when the prim has no binding with a signal, or several signals to choose from.
    """
    path, _, named = target.partition(".")
    wanted = named.removeprefix("twin:").partition(":")[0]
    found = [
        b
        for b in by_prim.get(path, ())
        if (b.signal or b.address) and b.channel != "field" and wanted in ("", b.name)
    ]
    signals = {(b.signal, b.address) for b in found}
    if len(signals) == 1:
        return found[0]
    where = binding.origin or binding.where
    if not found:
        what = f"The sensor {target} has no binding with a signal."
        raise ProjectFault(what, where=where, remedy="Bind a tag to that prim.")
    names = ", ".join(sorted(b.name for b in found))
    raise ProjectFault(
        f"The sensor {path} has several signals: {names}.",
        where=where,
        remedy=f"Write which one in `sensors`: <{path}.twin:{found[0].name}:signal>.",
    )


Surface = Field | Stream | Flow


def shape_of(fields: Sequence[Surface]) -> FieldShape | None:
    """Return where the surfaces of a program are drawn, None when there are none."""
    if not fields:
        return None
    return FieldShape(
        point=frozen(np.concatenate([f.point for f in fields])),
        field=frozen(np.repeat(np.arange(len(fields)), [len(f.point) for f in fields])),
        prim=frozen(_prims([f for f in fields if not isinstance(f, Flow)])),
        palette=frozen(
            np.concatenate([palette(f) if isinstance(f, Flow) else maps.table(f.colourmap) for f in fields])
        ),
        lines=frozen(np.array([f.lines for f in fields], np.int64)),
        flowing=frozen(_prims([f for f in fields if isinstance(f, Flow)])),
    )


def _prims(fields: Sequence[Surface]) -> I8:
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(f.prim for f in fields)]))


def legend(
    binding: Binding, colourmap: ColourMap, unit: str, title: str, absent: str = "no sensor near"
) -> maps.Legend:
    """Return the legend of a field: its iso-lines are in the bar, and what grey places lack is told."""
    low, high = binding.ends
    lines = binding.field.iso_lines
    plain = maps.legend(colourmap, binding.ends, unit, title)
    bar: U1 = plain.bar.copy()
    if lines > 0:
        step = f"{abs(high - low) / (lines + 1):.4g} {plain.unit}".rstrip()
        at = np.rint(np.arange(1, lines + 1) / (lines + 1) * (len(bar) - 1)).astype(np.int64)
        bar[np.concatenate([at, at + 1]) if len(bar) else at[:0]] = INK
        line = maps.Swatch(INK, f"a line every {step}")
        plain = replace(plain, bar=frozen(bar), steps=(*plain.steps, line))
    none = maps.Swatch(maps.EQUIPMENT_GREY, absent)
    return replace(plain, steps=(*plain.steps, none))


# ---------------------------------------------------------------- looks


def positions(
    fields: Sequence[Surface],
    value: F8,
    ranks: U2,
    arrays: Mapping[int, F4],
    rate: F8 | None = None,
    phase: F8 | None = None,
) -> F4:
    """Return the place on its colour map of each point (v,), 0…1 from end to end; NaN for no value.

    A sensor that is stale or worse is as if it were not there, and so is a list. arrays: by slot.
    rate, phase: of what turns, rad/s and rad.
    """
    if not fields:
        return np.zeros(0, np.float32)
    out = []
    for field in fields:
        if isinstance(field, Stream):
            out.append(_streamed(field, ranks, arrays.get(int(field.tag[0]))))
            continue
        if isinstance(field, Flow):
            speed = 0.0 if rate is None else float(rate[field.spin])
            at_rest = phase is None or field.spin >= len(phase)
            out.append(stripes(field, speed, 0.0 if at_rest or phase is None else float(phase[field.spin])))
            continue
        at = np.clip(value[field.source] * field.a + field.b, field.low, field.high)
        works: B1 = ranks[field.source] < STALE
        out.append(interpolate(field.weights, at, works)[field.vertex])
    return frozen(out[0] if len(out) == 1 else np.concatenate(out))


def _streamed(stream: Stream, ranks: U2, array: F4 | None) -> F4:
    """Return the places of a list's points: none while it is stale, absent, or too long or short."""
    if array is None or len(array) != stream.count or ranks[stream.source[0]] >= STALE:
        return np.full(len(stream.vertex), np.nan, np.float32)
    at = array * stream.a[0]  # double precision: a small range far from 0 keeps its steps
    at += stream.b[0]
    np.clip(at, stream.low, stream.high, out=at)
    out: F4 = at.astype(np.float32)[stream.vertex]
    return out


def rank_of(field: Surface, ranks: U2, arrays: Mapping[int, F4]) -> int:
    """Return the rank that the prims of a field show: the worst of its sensors that work.

    UNCERTAIN when one is lost, as others speak for it; the best of the lost when none works. A list shows
    its own: NEVER where none has come (a record keeps none), BAD where its length does not fit.
    """
    own = ranks[field.source]
    if isinstance(field, Stream):
        array = arrays.get(int(field.tag[0]))
        flaw = NEVER if array is None else GOOD if len(array) == field.count else BAD
        return max(int(own[0]), flaw)
    if isinstance(field, Flow):
        return int(own[0])
    works = own < STALE
    if works.all():
        return int(own.max())
    return UNCERTAIN if works.any() else int(own.min())
