"""Where the twins around one are drawn: layers by what comes before and after it, few crossings; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.twin.graph import Graph

MOST = 200  # twins in one drawing: more cannot be read
LEAST_TALL = 6  # twins above each other before a layer goes on in a second column
ASPECT = 1.6  # of the place to draw in, where it is not known
SWEEPS = 4
COLUMN, ROW = 190.0, 46.0  # between the middles of two columns and of two rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One twin in the drawing; its middle."""

    row: int  # of the graph
    x: float
    y: float
    steps: int  # from the middle twin


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One relation in the drawing, as the places of `places`."""

    source: int
    target: int
    name: str  # "part of" where the relation is being part
    said_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is drawn around one twin."""

    places: tuple[Place, ...] = ()
    lines: tuple[Line, ...] = ()
    left_out: int = 0  # twins within the same steps that are not drawn


def drawn(
    graph: Graph, centre: int, depth: int, relation: str = "", most: int = MOST, aspect: float = ASPECT
) -> Drawing:
    """Return the drawing of a twin and those up to `depth` steps away, along one relation or along all.

    What leads to it stands left of it, what it leads to right; the nearest come first where not all fit.
    aspect: width by height of the place, so that long layers are broken where names stay largest.
    """
    around = graph.neighbours(centre, depth=depth, relation=relation)
    rows = sorted(around, key=lambda row: (around[row], graph.ids[row]))
    kept = rows[:most]
    edges = [edge for edge in graph.edges_among(kept) if not relation or edge[2] == relation]
    at = {row: i for i, row in enumerate(kept)}
    links = [(at[source], at[target]) for source, target, _, _ in edges if source != target]
    layers = _layers(len(kept), links)
    places = _placed(layers, links, _tall(layers, aspect))
    return Drawing(
        places=tuple(
            Place(row=row, x=places[i][0], y=places[i][1], steps=around[row]) for i, row in enumerate(kept)
        ),
        lines=tuple(
            Line(source=at[s], target=at[t], name=graph.relations[name].name, said_by=by)
            for s, t, name, by in edges
        ),
        left_out=len(rows) - len(kept),
    )


def _layers(n: int, links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the nodes by layer: one step along a relation is one layer to the right of the first node."""
    after: dict[int, list[int]] = {}
    before: dict[int, list[int]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    layer = {0: 0} if n else {}
    todo = [0] if n else []
    while todo:
        following: list[int] = []
        for node in todo:
            for others, step in ((after.get(node, ()), 1), (before.get(node, ()), -1)):
                for other in others:
                    if other not in layer:
                        layer[other] = layer[node] + step
                        following.append(other)
        todo = following
    out: dict[int, list[int]] = {}
    for node in range(n):
        out.setdefault(layer.get(node, 0), []).append(node)
    return [out[key] for key in sorted(out)]


def _tall(layers: Sequence[list[int]], aspect: float) -> int:
    """Return how many twins stand above each other at most, so that all are drawn as large as they can be."""
    longest = max((len(layer) for layer in layers), default=1)

    def scale(tall: int) -> float:
        columns = sum(-(-len(layer) // tall) for layer in layers)
        return min(aspect / (columns * COLUMN), 1 / (min(longest, tall) * ROW))

    return max(range(min(LEAST_TALL, longest), longest + 1), key=scale, default=1)


def _placed(
    layers: Sequence[list[int]], links: Sequence[tuple[int, int]], tall: int
) -> Mapping[int, tuple[float, float]]:
    """Return where each node stands; a layer is ordered by where its neighbours stand."""
    beside: dict[int, list[int]] = {}
    for source, target in links:
        beside.setdefault(source, []).append(target)
        beside.setdefault(target, []).append(source)
    order = [list(layer) for layer in layers]
    height = {node: float(i) - len(layer) / 2 for layer in order for i, node in enumerate(layer)}
    for sweep in range(SWEEPS):
        for layer in order if sweep % 2 == 0 else reversed(order):
            mean = {node: float(np.mean([height[o] for o in beside.get(node, [node])])) for node in layer}
            layer.sort(key=lambda node: mean[node])
            height |= {node: float(i) - len(layer) / 2 for i, node in enumerate(layer)}
    out: dict[int, tuple[float, float]] = {}
    x = 0.0
    for layer in order:
        columns = [layer[i : i + tall] for i in range(0, len(layer), tall)]
        for column in columns:
            for i, node in enumerate(column):
                out[node] = (x, (i - (len(column) - 1) / 2) * ROW)
            x += COLUMN
    return out
