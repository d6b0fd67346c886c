"""Flow along a pipe: where each point of it is on the way, and how far its stripes go.

A pipe is any mesh, curve or cylinder that is longer than wide. A straight one is measured along its own
direction, one with bends along its surface, so that stripes follow the bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.encoding import channels, field_rows
from armillary.encoding.field import distances, weld
from armillary.encoding.search import Search, refuse, where
from armillary.model import units
from armillary.model.arrays import F8, I8
from armillary.model.binding import Binding
from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneArrays

_THICK = 3.0  # diameters from one stripe to the next
_FEWEST, _MOST = 2.0, 40.0  # stripes on a pipe
_ROUND = 2.5  # width over height of a section up to which a straight pipe is taken to be one
_FULL = 0.6  # share of a cylinder's surface that a straight pipe has at least
_LONG = 1.5  # length over width above which it has a direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe:
    """What is known of a pipe by its shape, world metres."""

    point: I8  # (V,) rows of SceneArrays.point
    along: F8  # (V,) from 0 at its beginning
    length: float
    width: float  # diameter

    @property
    def stripe(self) -> float:
        """The length of one stripe: some diameters, and never so long that a pipe has less than two."""
        return float(np.clip(_THICK * self.width, self.length / _MOST, self.length / _FEWEST))


Pipes = dict[tuple[int, int | None], Pipe | None]  # (prim, axis) -> what `pipe` found, of one scene


def pipe(
    scene: SceneArrays, prim: int, axis: int | None = None, surface: tuple[I8, I8] | None = None
) -> Pipe | None:
    """Return the pipe that a prim draws, None for what draws nothing of its own or has no length.

    It begins where the shape does in its file; with `axis` (0 x, 1 y, 2 z of the prim) at its low end.
    surface: its points and triangles, where they are known.
    """
    point, triangle = surface or field_rows.surface(scene, np.array([prim], np.int64))
    if not len(point):
        return None
    matrix = scene.matrix[prim]
    at: F8 = scene.point[point] @ matrix[:3, :3].T + matrix[:3, 3]
    if not np.isfinite(at).all():
        return None
    middle = at - at.mean(axis=0)
    # the direction of the greatest spread; of a box its longest side
    _, axes = np.linalg.eigh(middle.T @ middle)
    turned = middle @ axes[:, ::-1]
    extent = np.ptp(turned, axis=0)
    longest, wide, thin = sorted(extent.tolist(), reverse=True)
    if longest <= 0.0:
        return None
    along, width, area = turned[:, int(extent.argmax())], (wide + thin) / 2, _area(at, triangle)
    is_straight = wide <= _ROUND * max(thin, 1e-9 * longest) and longest >= _LONG * wide
    # a pipe with bends has less surface than one that fills the same room
    is_straight &= area >= _FULL * np.pi * width * longest
    if not is_straight:
        bent = _around(at, triangle)
        along = bent if bent is not None and float(np.ptp(bent)) > longest else along
        width = min(width, area / (np.pi * float(np.ptp(along))))
    along = along - along.min()
    length = float(along.max())
    if length <= 0.0:
        return None
    if axis is not None:
        backwards = float(np.dot(along - along.mean(), middle @ matrix[:3, axis])) < 0.0
    else:
        written = scene.point_vertex[point] if len(scene.point_vertex) else point
        backwards = bool(along[int(written.argmin())] > length / 2)
    return Pipe(
        point=point, along=length - along if backwards else along, length=length, width=max(width, 1e-6)
    )


def _around(at: F8, triangle: I8) -> F8 | None:
    """Return the way along the surface from one end to the other (V,), None for a shape in several pieces."""
    vertex, which = weld(at)
    first = distances(vertex, which[triangle], 0)
    one = distances(vertex, which[triangle], int(np.where(np.isfinite(first), first, -1.0).argmax()))
    if not np.isfinite(one).all():
        return None
    other = distances(vertex, which[triangle], int(one.argmax()))
    # both ends are points of a rim: from both, the slant of one end makes up for that of the other
    way: F8 = ((one - other) / 2)[which]
    return way


def _area(at: F8, triangle: I8) -> float:
    """Return the area of a surface, m²."""
    a, b, c = at[triangle[:, 0]], at[triangle[:, 1]], at[triangle[:, 2]]
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def speed(find: Search, binding: Binding, x_unit: str) -> tuple[float, float, bool]:
    """Return (factor, offset, is a volume): from y's unit to m/s, or to m³/s; a bare number is m/s.

    Raises ProjectFault when `target_unit` is neither.
    """
    unit = binding.target_unit or (x_unit if channels.keeps_unit(binding) else "")
    if not unit:
        return 1.0, 0.0, False
    for wanted, is_volume in (("m/s", False), ("m³/s", True)):
        try:
            return (*units.conversion(unit, wanted, where(binding)), is_volume)
        except ProjectFault:
            continue
    if binding.target_unit:
        what = f"The unit '{unit}' is neither a speed nor a volume a time."
        refuse("B13", what, "Use m/s, m³/h or the like, or scale the value to m/s.")
    return 1.0, 0.0, False


def turns(found: Pipe, is_volume: bool) -> float:
    """Return rad/s of the stripes for one m/s, or for one m³/s through the pipe."""
    area = np.pi * found.width**2 / 4 if is_volume else 1.0
    return float(2 * np.pi / found.stripe / area)
