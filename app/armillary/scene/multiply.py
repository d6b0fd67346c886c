"""How many prims composing a scene would make, worked out on its layers before anything is composed.

A hundred lines can refer to each other so that they compose to 10^10 prims. Two ways of counting: a bound
from above, quick, which is all that sound scenes cost; and where that is past the limit, a count by composed
places. A composed place is the set of sites (layer stack and path) whose specs make up a prim; places with
the same sites have the same prims below them, so each is counted once, however often it is used. Both walks
are bounded: past that nothing is known, and the time limit of the reader decides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pxr import Sdf, Tf

from armillary.scene.problems import MAX_DEPTH

MOST_TARGETS = 20_000  # places whose bound is worked out
MOST_PLACES = 50_000  # composed places that are counted
MOST_ARCS_IN_A_ROW = 200
MOST_SITES = 500  # of one place
REST = 200_000  # prims that are kept of a scene that has to be cut: composing them stays within the time

Site = tuple[str, Any]  # layer stack, by the identifier of its root, and Sdf.Path; pxr ships no type hints
Place = frozenset[Site]


class _Unknown(Exception):
    """The walk is at its end: the scene is too entangled to be counted in short time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A prim that has to be left out, and how many prims it would have had."""

    path: str
    prims: int


@dataclass(slots=True)
class Layers:
    """The layers of a scene that may be composed, by identifier, and those stronger than its root."""

    root: str
    known: Mapping[str, Any]
    above: Sequence[Any] = ()
    payloads: bool = True  # they count
    _stacks: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def stack(self, identifier: str) -> tuple[Any, ...]:
        """Return a layer with all its sublayers, strongest first; none for a layer that is not known."""
        if identifier not in self._stacks:
            found: dict[str, Any] = {}
            waiting = [identifier]
            while waiting:
                each = waiting.pop(0)
                layer = self.known.get(each)
                if layer is not None and each not in found:
                    found[each] = layer
                    waiting.extend(str(layer.ComputeAbsolutePath(asset)) for asset in layer.subLayerPaths)
            above = self.above if identifier == self.root else ()
            self._stacks[identifier] = (*above, *found.values())
        return self._stacks[identifier]

    def arcs(self, spec: Any, stack: str) -> Iterator[Site]:
        """Return where a prim's references, payloads, inherits and specializes lead to."""
        loads = self.payloads and spec.hasPayloads
        for items, has in ((spec.referenceList, spec.hasReferences), (spec.payloadList, loads)):
            for arc in items.GetAddedOrExplicitItems() if has else ():
                target = str(spec.layer.ComputeAbsolutePath(arc.assetPath)) if arc.assetPath else stack
                path = arc.primPath or self._default(target)
                if path:
                    yield target, path
        for items, has in (
            (spec.inheritPathList, spec.hasInheritPaths),
            (spec.specializesList, spec.hasSpecializes),
        ):
            for path in items.GetAddedOrExplicitItems() if has else ():
                yield stack, path

    def _default(self, identifier: str) -> Any:
        layer = self.known.get(identifier)
        if layer is None or not layer.defaultPrim:
            return None
        path = Sdf.Path(f"/{layer.defaultPrim.lstrip('/')}")
        return path if path.IsPrimPath() else None


def excess(layers: Layers, limit: int) -> tuple[int, tuple[Cut, ...]]:
    """Return how many prims a scene composes to and which to leave out so that it keeps the limit.

    0 and nothing when it keeps it, or when that cannot be told in short time. A number without cuts: so
    many prims are written out one by one.
    """
    try:
        if _Bound(layers).of(layers.root, "") <= limit:
            return 0, ()
        places = _Places(layers)
        top: Place = frozenset({(layers.root, Sdf.Path.absoluteRootPath)})
        total = places.count(top) - 1
        if total <= limit:
            return 0, ()
        out: list[Cut] = []
        places.cut(top, Sdf.Path.absoluteRootPath, min(limit, REST), out)
    except (_Unknown, Tf.ErrorException):  # values that are no arcs are told where they are composed
        return 0, ()
    return total, tuple(out)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What one layer has: its prims as sorted texts that end in a slash, and those of them with arcs."""

    prims: list[str]
    holders: list[str]
    arcs: list[tuple[Site, ...]]

    def below(self, path: str) -> tuple[int, int]:
        """Return the range of prims at and below a path."""
        return bisect_left(self.prims, f"{path}/"), bisect_left(self.prims, f"{path}0")


@dataclass(slots=True)
class _Bound:
    """Counts all specs of all variants as if none lay upon another: never too few."""

    layers: Layers
    _facts: dict[tuple[str, str], _Facts] = field(default_factory=dict)
    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, stack: str, path: str, depth: int = 0) -> int:
        """Return how many prims there are at most at and below a path; "" is the root, which counts."""
        key = (stack, path)
        if key in self._known:
            return self._known[key]
        if len(self._known) >= MOST_TARGETS or depth > MOST_ARCS_IN_A_ROW:
            raise _Unknown
        self._known[key] = 0  # what leads back to itself is refused by composition
        total = 0
        for layer in self.layers.stack(stack):
            facts = self._of_layer(layer, stack)
            first, end = facts.below(path)
            total += end - first
            for target, below in self._leads(facts, path):
                total += self.of(target[0], f"{target[1]}{below}", depth + 1)
        self._known[key] = total
        return total

    def _leads(self, facts: _Facts, path: str) -> Iterator[tuple[Site, str]]:
        """Return the arcs of prims at and below a path, and of those above it with the rest of the way."""
        first, end = bisect_left(facts.holders, f"{path}/"), bisect_left(facts.holders, f"{path}0")
        for arcs in facts.arcs[first:end]:
            yield from ((arc, "") for arc in arcs)
        names = path.split("/")
        for n in range(2, len(names)):
            above = "/".join(names[:n]) + "/"
            at = bisect_left(facts.holders, above)
            while at < len(facts.holders) and facts.holders[at] == above:
                yield from ((arc, f"/{'/'.join(names[n:])}") for arc in facts.arcs[at])
                at += 1

    def _of_layer(self, layer: Any, stack: str) -> _Facts:
        key = (layer.identifier, stack)  # an arc inside a layer leads into the stack that it is part of
        if key not in self._facts:
            prims: list[str] = []
            held: list[tuple[str, tuple[Site, ...]]] = []

            def visit(path: Any) -> None:
                is_variant = path.IsPrimVariantSelectionPath()
                if not (path.IsPrimPath() or is_variant):
                    return
                spec = layer.GetPrimAtPath(path)
                text = path.pathString
                text = f"{path.StripAllVariantSelections() if '{' in text else text}/"
                if not is_variant:
                    prims.append(text)
                if spec is not None and (arcs := tuple(self.layers.arcs(spec, stack))):
                    held.append((text, arcs))

            layer.Traverse(Sdf.Path.absoluteRootPath, visit)
            held.sort(key=lambda pair: pair[0])
            self._facts[key] = _Facts(sorted(prims), [text for text, _ in held], [arcs for _, arcs in held])
        return self._facts[key]


@dataclass(slots=True)
class _Places:
    """Counts composed places: what lies upon another counts once, and of variants those that are chosen."""

    layers: Layers
    _counts: dict[Place, int] = field(default_factory=dict)

    def count(self, place: Place, depth: int = 0) -> int:
        """Return how many prims there are at and below a place."""
        whole = self.whole(place)
        if whole in self._counts:
            return self._counts[whole]
        if len(self._counts) >= MOST_PLACES:
            raise _Unknown
        self._counts[whole] = 0
        if depth <= MAX_DEPTH:  # deeper ones are refused by another rule
            self._counts[whole] = 1 + sum(self.count(p, depth + 1) for p in self.children(whole).values())
        return self._counts[whole]

    def whole(self, place: Place) -> Place:
        """Return a place with all sites that its arcs and chosen variants lead to."""
        sites = set(place)
        waiting = list(place)
        chosen: dict[str, set[str]] = {}
        while waiting:
            stack, path = waiting.pop()
            for spec in self._specs((stack, path)):
                for name, choice in spec.variantSelections.items() if path.IsPrimPath() else ():
                    chosen.setdefault(name, set()).add(choice)
                self._add(self.layers.arcs(spec, stack), sites, waiting)
            if not waiting:  # choices may stand at any of the sites, so they come last
                self._add(self._variants(sites, chosen), sites, waiting)
        return frozenset(sites)

    def _add(self, found: Iterable[Site], sites: set[Site], waiting: list[Site]) -> None:
        for site in found:
            if site not in sites:
                sites.add(site)
                waiting.append(site)
        if len(sites) > MOST_SITES:
            raise _Unknown

    def _variants(self, sites: set[Site], chosen: Mapping[str, set[str]]) -> list[Site]:
        return [
            (stack, variant)
            for stack, path in sites
            for name, choices in chosen.items()
            for variant in (path.AppendVariantSelection(name, choice) for choice in choices)
            if next(self._specs((stack, variant)), None) is not None
        ]

    def _specs(self, site: Site) -> Iterator[Any]:
        for layer in self.layers.stack(site[0]):
            spec = layer.GetPrimAtPath(site[1])
            if spec is not None:
                yield spec

    def children(self, whole: Place) -> dict[str, Place]:
        """Return the places right below one, by name."""
        found: dict[str, set[Site]] = {}
        for stack, path in whole:
            for spec in self._specs((stack, path)):
                for child in spec.nameChildren:
                    found.setdefault(child.name, set()).add((stack, child.path))
        return {name: frozenset(sites) for name, sites in found.items()}

    def cut(self, place: Place, path: Any, room: int, out: list[Cut]) -> int:
        """Note what to leave out below a place so that `room` prims are enough; return the room left."""
        counted = [(self.count(p), name, p) for name, p in self.children(self.whole(place)).items()]
        for prims, name, child in sorted(counted, key=lambda each: each[0]):  # as much as possible stays
            at = path.AppendChild(name)
            if prims <= room:
                room -= prims
            elif self.whole(child) != child:  # it brings something in: nothing of it can be left out singly
                out.append(Cut(path=at.pathString, prims=prims))
            else:
                room = self.cut(child, at, room - 1, out)
        return room
