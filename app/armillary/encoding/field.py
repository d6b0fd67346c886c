"""Fields on a mesh: readings of sensors at places, spread over the vertices around them.

The weights are made once and kept as a sparse matrix, one row a vertex, one column a sensor. All are ≥ 0 and
each row sums to 1, so a field of equal readings is that reading everywhere, and no vertex is ever beyond what
its sensors say. A row without a sensor in reach is empty: there the field has no value (NaN).

- idw: inverse distance (Shepard 1968), in the form of Franke and Little: (1/d - 1/R)^power over the nearest
  sensors, R the distance of the next one, so that a sensor fades out before another takes its place.
- surface: the reading of the sensor that is nearest along edges of the mesh, not through the air.
- rbf: Wendland's C2 function of compact support (Wendland 1995), (1 - r/R)^4 (4 r/R + 1), made to sum to 1.
  It smooths: a vertex at a sensor has a value between that reading and those of its neighbours.

A sensor that is lost is taken out without making the weights anew: one product gives the sum of the readings
that are left, a second one the sum of their weights; their ratio is the field of the sensors that are left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from armillary.model.arrays import B1, F4, F8, I8, frozen

if TYPE_CHECKING:  # scipy takes half a second to come: only a program with a field waits for it
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

METHODS = ("idw", "surface", "rbf")
MOST_IN_SUPPORT = 64  # sensors that one vertex listens to at most, whatever the method and its radius
_NEAREST = 1e-3  # share of the sensors' spacing below which a distance counts as this: no weight is infinite
_GRID = 2.0**20  # vertices closer than this share of the extent are one vertex
_NO_WEIGHT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """Weights (V, S) of S sensors at V vertices."""

    matrix: csr_array  # (V, S) f4, rows sum to 1 or are empty
    empty: B1  # (V,) no sensor in reach
    kept: dict[bytes, F4] = field(default_factory=dict)  # see `_left`: one entry

    @property
    def shape(self) -> tuple[int, int]:
        """Vertices, sensors."""
        v, s = self.matrix.shape
        return int(v), int(s)


def weights(
    vertex: F8,
    triangle: I8,
    sensor: F8,
    *,
    method: str = "idw",
    radius: float = 0.0,
    neighbours: int = 8,
    max_distance: float = 0.0,
    power: float = 2.0,
) -> Weights:
    """Return the weights of sensors (S, 3) at vertices (V, 3) of a mesh with triangles (T, 3), in metres.

    radius: how far a sensor reaches, 0 = no limit (rbf needs one). max_distance: a vertex whose nearest
    sensor is farther has no value, 0 = no limit; along the surface for `surface`. neighbours: sensors that
    count at a vertex (idw). power: of the distance (idw). Raises ValueError for numbers that make no field.
    """
    from scipy.spatial import cKDTree

    if method not in METHODS:
        raise ValueError(f"there is no method '{method}'")
    if not len(sensor):
        raise ValueError("there is no sensor")
    if method == "rbf" and radius <= 0.0:
        raise ValueError("a radial basis needs a radius")
    if neighbours < 1 or power <= 0.0 or radius < 0.0 or max_distance < 0.0:
        raise ValueError("neighbours and power must be above 0, radius and distance not below")
    if method == "surface":
        return _along(vertex, triangle, sensor, _least(radius, max_distance))
    most = min(len(sensor), MOST_IN_SUPPORT)
    near = cKDTree(sensor)
    k = most if method == "rbf" else min(neighbours + 1, most)
    # beyond the support of a basis nothing is looked for: such a distance is infinite
    reach = radius if method == "rbf" else np.inf
    distance, which = near.query(vertex, k=np.arange(1, k + 1), distance_upper_bound=reach)
    if method == "rbf":
        share = np.minimum(distance / radius, 1.0)
        weight = (1.0 - share) ** 4 * (4.0 * share + 1.0)
    else:
        weight = _inverse(distance, k <= neighbours, power, near, radius)
    if max_distance > 0.0:
        weight[distance[:, 0] > max_distance] = 0.0
    row = np.repeat(np.arange(len(vertex)), k)
    return _normal(weight.reshape(-1), row, which.reshape(-1), (len(vertex), len(sensor)))


def _least(radius: float, max_distance: float) -> float:
    limits = [x for x in (radius, max_distance) if x > 0.0]
    return min(limits, default=np.inf)


def _inverse(distance: F8, everyone: bool, power: float, near: cKDTree, radius: float) -> F8:
    """Return inverse distances (V, k), 0 for the last sensor of each row where there are more than count."""
    spacing = near.query(near.data, k=[2])[0] if near.n > 1 else np.ones((1, 1))
    apart = spacing[spacing > 0.0]
    floor = _NEAREST * (float(np.median(apart)) if len(apart) else 1.0)
    d = np.maximum(distance, floor)
    weight = d**-power
    if not everyone:
        fading = np.maximum(1.0 / d - 1.0 / d[:, -1:], 0.0) ** power
        equal = fading.max(axis=1) <= 0.0  # all are as far: none can fade out
        weight = np.where(equal[:, None], weight, fading)
    if radius > 0.0:
        weight[distance > radius] = 0.0
    return weight


def _along(vertex: F8, triangle: I8, sensor: F8, limit: float) -> Weights:
    """Return the weights of the nearest sensor along the edges, one a vertex."""
    from scipy.spatial import cKDTree

    v, s = len(vertex), len(sensor)
    # a sensor stands beside the vertex that it is nearest to
    gap, foot = cKDTree(vertex).query(sensor)
    _, owner = _nearest(vertex, _edges(triangle, v), foot.astype(np.int64), gap, limit)
    reached = np.flatnonzero(owner >= 0)
    return _normal(np.ones(len(reached)), reached, owner[reached], (v, s))


def distances(vertex: F8, triangle: I8, source: int) -> F8:
    """Return how far each vertex (V, 3) of a mesh is from one, along its edges (V,); inf for never."""
    edge = _edges(triangle, len(vertex))
    return _nearest(vertex, edge, np.array([source], np.int64), np.zeros(1), np.inf)[0]


def _nearest(vertex: F8, edge: I8, foot: I8, gap: F8, limit: float) -> tuple[F8, I8]:
    """Return (distance, which) of the nearest of s sources to each vertex along edges (e, 2).

    inf and -1 where there is none. foot, gap: (s,) the vertex that each source is at, and how far from it.
    Vertices whose distance has become less tell their neighbours, all at once in arrays: as quick as a queue
    in C, which would hold the interpreter for its whole run, and with it the desk.
    """
    v = len(vertex)
    length = np.linalg.norm(vertex[edge[:, 0]] - vertex[edge[:, 1]], axis=1)
    tail = np.concatenate([edge[:, 0], edge[:, 1]])
    order = np.argsort(tail, kind="stable")
    head = np.concatenate([edge[:, 1], edge[:, 0]])[order]
    length = np.concatenate([length, length])[order]
    start = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=v))])
    distance, which = np.full(v, np.inf), np.full(v, -1, np.int64)
    near = np.flatnonzero(gap <= limit)
    np.minimum.at(distance, foot[near], gap[near])
    first = near[gap[near] == distance[foot[near]]]
    which[foot[first]] = first
    front = _distinct(foot[first])
    while len(front):
        count = start[front + 1] - start[front]
        row = np.repeat(np.arange(len(front)), count)
        at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + start[front][row]
        to, way = head[at], distance[front][row] + length[at]
        better = np.flatnonzero((way < distance[to]) & (way <= limit))
        to, way, by = to[better], way[better], which[front][row[better]]
        np.minimum.at(distance, to, way)
        won = way == distance[to]
        which[to[won]] = by[won]
        front = _distinct(to[won])
    return distance, which


def _edges(triangle: I8, vertices: int) -> I8:
    """Return the edges of triangles (e, 2), each once."""
    edge = np.concatenate([triangle[:, [0, 1]], triangle[:, [1, 2]], triangle[:, [2, 0]]])
    edge = edge[edge[:, 0] != edge[:, 1]]
    number = _distinct(edge.min(axis=1) * vertices + edge.max(axis=1))
    return np.column_stack([number // vertices, number % vertices])


def _distinct(numbers: I8) -> I8:
    """Return the numbers, ascending, each once; by sorting: hashing stops all other threads meanwhile."""
    out: I8 = np.sort(numbers)
    is_new: B1 = np.ones(len(out), np.bool_)
    is_new[1:] = out[1:] != out[:-1]
    return out[is_new]


def _normal(weight: F8, row: I8, column: I8, shape: tuple[int, int]) -> Weights:
    """Return weights whose rows sum to 1; rows are in ascending order."""
    from scipy.sparse import csr_array

    there = weight > 0.0
    weight, row, column = weight[there], row[there], column[there]
    total = np.bincount(row, weight, shape[0])
    # counts make the matrix: a general one would sort what is in order already
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=shape[0]))])
    data = (weight / total[row]).astype(np.float32)
    parts = (data, column.astype(np.int32), start.astype(np.int32))
    return Weights(matrix=csr_array(parts, shape=shape), empty=frozen(total <= 0.0))


def interpolate(weights: Weights, reading: F8, works: B1) -> F4:
    """Return the value at each vertex (V,), NaN where no sensor that works is in reach.

    reading, works: (S,). A reading that is not finite counts as lost.
    """
    works = works & np.isfinite(reading)
    if not works.any():
        return np.full(weights.shape[0], np.nan, np.float32)
    # differences from one reading keep single precision fine, and equal readings exactly equal
    base = float(reading[works][0])
    change = np.where(works, reading - base, 0.0).astype(np.float32)
    made: F4 = weights.matrix @ change
    made *= _left(weights, works)  # NaN where nothing is left
    made += np.float32(base)
    return made


def _left(weights: Weights, works: B1) -> F4:
    """Return one over the weight that the working sensors have at each vertex (V,), NaN for none.

    Kept until other sensors work: sensors are lost and come back far less often than they say something.
    """
    key = works.tobytes()
    kept = weights.kept.get(key)
    if kept is None:
        if works.all():
            kept = np.where(weights.empty, np.float32(np.nan), np.float32(1.0))
        else:
            share = weights.matrix @ works.astype(np.float32)
            share[share <= _NO_WEIGHT] = np.nan
            kept = np.reciprocal(share)
        weights.kept.clear()
        weights.kept[key] = kept
    return kept


def weld(point: F8) -> tuple[F8, I8]:
    """Return the distinct points (w, 3), and which of them each point is (n,): edges of faces share vertices.

    Meshes with hard edges have a point for each face that meets there; a path along the surface must pass.
    """
    low = point.min(axis=0)
    extent = float((point.max(axis=0) - low).max())
    cell = np.rint((point - low) * (_GRID / extent if extent > 0.0 else 0.0)).astype(np.int64)
    key = (cell[:, 0] << 42) | (cell[:, 1] << 21) | cell[:, 2]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    # in the order of the points, so that going from vertices to points walks through memory
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return point[first[order]], place[which.reshape(-1)]
