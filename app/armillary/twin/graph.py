"""The twins of a plant as a graph: what is of which type, part of what, and how they relate; pure, as arrays.

Nodes are the twins and, behind them, their components (`DS-201.pump_a`). Relations are known by their keys
(`model.relation`), so that `feeds`, `isFedBy` and `feeding` are one, and an edge always leads the way that
the plain verb says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model.arrays import B1, I8, frozen
from armillary.model.dtdl import Model, plain
from armillary.model.relation import PART, is_flow, key
from armillary.model.tags import TagSpec
from armillary.model.twin import Component, Relationship, TwinInstance

NOWHERE = -1
MODEL, OWN, PLACE = 0, 1, 2  # who says so: twins.json's relationships, its components, the place in the scene
Value = float | str | bool


def type_name(dtmi: str) -> str:
    """Return the short name of a type: `dtmi:com:example:Pump;1` → Pump; a plain name stays."""
    return dtmi.partition(";")[0].rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """All edges of one relation, sorted by source and, again, by target; e rows."""

    name: str  # as the project writes it first
    source: I8
    target: I8
    said_by: I8  # MODEL, OWN or PLACE
    forth: I8  # (n + 1,) edges of node i by source are forth[i]:forth[i + 1]
    back: I8  # (n + 1,) the same by target, in `by_target`
    by_target: I8  # (e,) order of the edges by target

    def next(self, rows: I8, *, is_back: bool = False) -> I8:
        """Return the nodes one step from some nodes, each once, ascending."""
        begin = self.back if is_back else self.forth
        starts = begin[rows]
        count = begin[rows + 1] - starts
        total = int(count.sum())
        if not total:
            return np.zeros(0, np.int64)
        at = np.repeat(starts - np.concatenate(([0], np.cumsum(count)[:-1])), count) + np.arange(total)
        return np.unique(self.source[self.by_target[at]] if is_back else self.target[at])


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Twins and components, n rows, and their relations by key."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    prims: tuple[str, ...]
    models: tuple[str, ...]  # "" = of no type
    properties: tuple[Mapping[str, Value], ...]
    owner: I8  # (n,) the twin that a component is of, NOWHERE for twins
    relations: Mapping[str, Edges] = field(default_factory=dict)
    lineage: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # type → itself and its ancestors
    type_titles: Mapping[str, str] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()  # types that no model names: twins alike in shape
    row_of: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    # ------------------------------------------------------------ types

    @property
    def types(self) -> tuple[str, ...]:
        """All types that twins have or inherit from, and those of the model that none has, sorted."""
        return tuple(sorted({*self.lineage, *(model for model in self.models if model)}))

    def ancestors(self, model: str) -> tuple[str, ...]:
        """Return a type and all that it inherits from."""
        return self.lineage.get(model, (model,)) if model else ()

    def of_types(self, wanted: Iterable[str]) -> B1:
        """Return which nodes (n,) are of one of these types, inherited ones too."""
        held = frozenset(wanted)
        fits = {model for model in set(self.models) if not held.isdisjoint(self.ancestors(model))}
        return np.fromiter((model in fits for model in self.models), np.bool_, len(self))

    def title_of(self, model: str) -> str:
        """Return what a type is called."""
        return self.type_titles.get(model) or type_name(model)

    # ------------------------------------------------------------ relations

    def told(self) -> Graph:
        """Return the graph without the parts that only the place in the scene makes."""
        edges = self.relations.get(PART)
        if edges is None or not (edges.said_by == PLACE).any():
            return self
        kept = edges.said_by != PLACE
        columns = (edges.source[kept].tolist(), edges.target[kept].tolist(), edges.said_by[kept].tolist())
        relations = {name: one for name, one in self.relations.items() if name != PART}
        if kept.any():
            relations[PART] = _edges(edges.name, *columns, len(self))
        return replace(self, relations=relations)

    def neighbours(self, row: int, *, depth: int = 1, relation: str = "") -> dict[int, int]:
        """Return the nodes around one, both ways, with how many steps they are away; itself has 0."""
        out = {row: 0}
        rows = np.array([row])
        chosen = [self.relations[relation]] if relation else list(self.relations.values())
        for step in range(1, depth + 1):
            found = [edges.next(rows, is_back=is_back) for edges in chosen for is_back in (False, True)]
            fresh = sorted({int(one) for part in found for one in part} - set(out))
            if not fresh:
                break
            out |= dict.fromkeys(fresh, step)
            rows = np.array(fresh)
        return out

    def reached(self, start: B1, relations: Sequence[str], *, is_back: bool = False, most: int = 0) -> I8:
        """Return after how many steps (n,) each node is met from those of `start`, 0 where it is not.

        A node of `start` is met itself only on a way that comes back to it. most: of the steps, 0 for all.
        """
        out = np.zeros(len(self), np.int64)
        rows = np.flatnonzero(start)
        chosen = [self.relations[one] for one in relations if one in self.relations]
        step = 0
        while len(rows) and chosen and (not most or step < most):
            step += 1
            parts = [edges.next(rows, is_back=is_back) for edges in chosen]
            met = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))
            rows = met[out[met] == 0]
            out[rows] = step
        return out

    @property
    def flows(self) -> tuple[str, ...]:
        """Keys of the relations along which something flows."""
        return tuple(name for name in self.relations if is_flow(name))

    def downstream(self, row: int) -> I8:
        """Return the steps (n,) along what flows from a node, 0 where nothing comes."""
        return self.reached(_only(row, len(self)), self.flows)

    def upstream(self, row: int) -> I8:
        """Return the steps (n,) against what flows to a node, 0 from where nothing comes."""
        return self.reached(_only(row, len(self)), self.flows, is_back=True)

    def roots(self, relation: str) -> I8:
        """Return the nodes that a relation leaves and does not enter: where a flow begins."""
        edges = self.relations.get(relation)
        if edges is None:
            return np.zeros(0, np.int64)
        return np.setdiff1d(edges.source, edges.target)

    def cycles(self, relation: str) -> tuple[I8, ...]:
        """Return the groups of nodes from each of which a relation leads to all others of it and back."""
        edges = self.relations.get(relation)
        if edges is None or not len(edges.source):
            return ()
        from scipy.sparse import coo_array  # half a second to load: only who asks for cycles waits for it
        from scipy.sparse.csgraph import connected_components

        n = len(self)
        links = coo_array((np.ones(len(edges.source), np.int8), (edges.source, edges.target)), shape=(n, n))
        _, group = connected_components(links.tocsr(), directed=True, connection="strong")
        size = np.bincount(group)
        own = np.unique(edges.source[edges.source == edges.target])
        rows = np.flatnonzero(size[group] > 1)
        order = rows[np.argsort(group[rows], kind="stable")]
        split = np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []
        alone = [np.array([one]) for one in own if size[group[one]] == 1]
        return tuple(sorted([*split, *alone], key=lambda part: int(part[0])))

    def edges_among(self, rows: Sequence[int]) -> tuple[tuple[int, int, str, int], ...]:
        """Return (source, target, relation, said by) of all edges between some nodes."""
        wanted = np.zeros(len(self), np.bool_)
        wanted[list(rows)] = True
        out: list[tuple[int, int, str, int]] = []
        for name, edges in self.relations.items():
            at = np.flatnonzero(wanted[edges.source] & wanted[edges.target])
            columns = (edges.source[at].tolist(), edges.target[at].tolist(), edges.said_by[at].tolist())
            out += [(s, t, name, by) for s, t, by in zip(*columns, strict=True)]
        return tuple(out)

    # ------------------------------------------------------------ tags

    def rows_of_tags(self, specs: Sequence[TagSpec]) -> I8:
        """Return the node (N,) that each tag belongs to, the innermost component; NOWHERE without one."""
        inside = bool((self.owner >= 0).any())
        return np.fromiter((self._row_of_tag(spec, inside=inside) for spec in specs), np.int64, len(specs))

    def _row_of_tag(self, spec: TagSpec, *, inside: bool) -> int:
        if inside:
            name = spec.name
            while len(name) > len(spec.twin) + 1:
                name = name.rpartition(".")[0]
                if (row := self.row_of.get(name)) is not None:
                    return row
        return self.row_of.get(spec.twin, NOWHERE)


def _only(row: int, n: int) -> B1:
    out = np.zeros(n, np.bool_)
    out[row] = True
    return out


def build(
    twins: Sequence[TwinInstance],
    relationships: Sequence[Relationship],
    model: Model | None = None,
    guessed: Mapping[str, str] | None = None,
) -> Graph:
    """Return the graph of a project.

    model: the interfaces that tell what inherits from what. guessed: types of twins that the project gives
    none, by id of the twin or component (`twin.infer`).
    """
    nodes = list(_nodes(twins))
    own = guessed or {}
    ids = tuple(one[0] for one in nodes)
    row_of = {name: i for i, name in enumerate(ids)}
    owner = np.array([row_of[one[1]] if one[1] else NOWHERE for one in nodes], np.int64)
    models = tuple(one[2].model or own.get(one[0], "") for one in nodes)
    prims = tuple(one[2].prim for one in nodes)
    found = model.interfaces if model is not None else {}
    return Graph(
        ids=ids,
        titles=tuple(one[2].title for one in nodes),
        prims=prims,
        models=models,
        properties=tuple(one[2].properties for one in nodes),
        owner=frozen(owner),
        relations=_relations(relationships, row_of, owner, prims),
        lineage={name: one.lineage or (name,) for name, one in found.items()},
        type_titles={name: plain(one.title) for name, one in found.items() if plain(one.title)},
        guessed=frozenset(own.values()) - frozenset(found) - {one[2].model for one in nodes},
        row_of=row_of,
    )


def _nodes(twins: Sequence[TwinInstance]) -> Iterator[tuple[str, str, TwinInstance | Component]]:
    """Yield (id, id of the twin that it is inside of, record), twins first."""
    for twin in twins:
        yield twin.id, "", twin
    for twin in twins:
        for part in twin.components:
            yield f"{twin.id}.{part.path}", twin.id, part


def _relations(
    relationships: Sequence[Relationship], row_of: Mapping[str, int], owner: I8, prims: Sequence[str]
) -> dict[str, Edges]:
    names: dict[str, str] = {}
    sources: dict[str, list[int]] = {}
    targets: dict[str, list[int]] = {}
    said: dict[str, list[int]] = {}

    def add(relation: str, source: int, target: int, by: int) -> None:
        sources.setdefault(relation, []).append(source)
        targets.setdefault(relation, []).append(target)
        said.setdefault(relation, []).append(by)

    for one in relationships:
        source, target = row_of.get(one.source, NOWHERE), row_of.get(one.target, NOWHERE)
        if source < 0 or target < 0:
            continue
        relation, is_back = key(one.name)
        if not is_back or relation not in names:
            names[relation] = one.name
        add(relation, *((target, source) if is_back else (source, target)), MODEL)
    placed = set(sources.get(PART, ()))
    by_id = {row: name for name, row in row_of.items()}
    for row in np.flatnonzero(owner >= 0).tolist():
        outer = row_of.get(by_id[row].rpartition(".")[0], int(owner[row]))
        add(PART, row, outer, OWN)
        placed.add(row)
    for row, outer in _by_place(prims, placed, owner):
        add(PART, row, outer, PLACE)
    if PART in sources:
        names.setdefault(PART, "partOf")
    n = len(owner)
    return {
        relation: _edges(
            names.get(relation, relation), sources[relation], targets[relation], said[relation], n
        )
        for relation in sources
    }


def _by_place(prims: Sequence[str], placed: set[int], owner: I8) -> Iterator[tuple[int, int]]:
    """Yield (part, whole) of twins of which nothing says what they are part of, by their prims."""
    at = {prim: row for row, prim in reversed(list(enumerate(prims))) if prim and owner[row] < 0}
    for row, prim in enumerate(prims):
        if not prim or row in placed or owner[row] >= 0:
            continue
        above = prim.rpartition("/")[0]
        while above:
            if (whole := at.get(above)) is not None and whole != row:
                yield row, whole
                break
            above = above.rpartition("/")[0]


def _edges(name: str, sources: list[int], targets: list[int], said: list[int], n: int) -> Edges:
    source, target, by = (np.array(part, np.int64) for part in (sources, targets, said))
    order = np.lexsort((target, source))
    source, target, by = source[order], target[order], by[order]
    again = np.flatnonzero((np.diff(source) == 0) & (np.diff(target) == 0)) + 1  # said twice
    source, target, by = (np.delete(part, again) for part in (source, target, by))
    by_target = np.argsort(target, kind="stable")
    ends = np.arange(n + 1)
    return Edges(
        name=name,
        source=frozen(source),
        target=frozen(target),
        said_by=frozen(by),
        forth=frozen(np.searchsorted(source, ends)),
        back=frozen(np.searchsorted(target[by_target], ends)),
        by_target=frozen(by_target),
    )
