"""Fields on a mesh: readings of sensors at places, spread over the vertices around them.

The weights are made once and kept as a sparse matrix, one row a vertex, one column a sensor. All are ≥ 0 and
each row sums to 1, so a field of equal readings is that reading everywhere, and no vertex is ever beyond what
its sensors say. A row without a sensor in reach is empty: there the field has no value (NaN).

- idw: inverse distance (Shepard 1968), in the form of Franke and Little: (1/d - 1/R)^power over the nearest
  sensors, R the distance of the next one, so that a sensor fades out before another takes its place.
- surface: the reading of the sensor that is nearest along edges of the mesh (Dijkstra), not through the air.
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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    v, s = len(vertex), len(sensor)
    edge = _edges(triangle, v)
    # a sensor is one more node, tied to the vertex that it is nearest to
    gap, foot = cKDTree(vertex).query(sensor)
    length = np.concatenate([np.linalg.norm(vertex[edge[:, 0]] - vertex[edge[:, 1]], axis=1), gap])
    length = np.maximum(length, np.finfo(np.float64).tiny)  # a length of nothing would be no edge at all
    a = np.concatenate([edge[:, 0], v + np.arange(s)])
    b = np.concatenate([edge[:, 1], foot])
    graph = coo_array((length, (a, b)), shape=(v + s, v + s)).tocsr()
    distance, _, source = dijkstra(
        graph, directed=False, indices=v + np.arange(s), limit=limit, min_only=True, return_predecessors=True
    )
    reached = np.flatnonzero(np.isfinite(distance[:v]) & (source[:v] >= v))
    return _normal(np.ones(len(reached)), reached, source[reached].astype(np.int64) - v, (v, s))


def distances(vertex: F8, triangle: I8, source: int) -> F8:
    """Return how far each vertex (V, 3) of a mesh is from one, along its edges (V,); inf for never."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    edge = _edges(triangle, len(vertex))
    length = np.linalg.norm(vertex[edge[:, 0]] - vertex[edge[:, 1]], axis=1)
    length = np.maximum(length, np.finfo(np.float64).tiny)
    graph = coo_array((length, (edge[:, 0], edge[:, 1])), shape=(len(vertex),) * 2).tocsr()
    out: F8 = dijkstra(graph, directed=False, indices=source)
    return out


def _edges(triangle: I8, vertices: int) -> I8:
    """Return the edges of triangles (e, 2), each once."""
    edge = np.concatenate([triangle[:, [0, 1]], triangle[:, [1, 2]], triangle[:, [2, 0]]])
    edge = edge[edge[:, 0] != edge[:, 1]]
    number = np.unique(edge.min(axis=1) * vertices + edge.max(axis=1))
    return np.column_stack([number // vertices, number % vertices])


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
