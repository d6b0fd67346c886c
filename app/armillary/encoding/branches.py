"""Branches as what is matched: tags by their names, prims by their paths; and the proposal of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from armillary.encoding.inside import Place
from armillary.encoding.matching import LEAST, Leaf, Pair, Part, match
from armillary.encoding.suggest import Suggestion, suggest
from armillary.model.binding import Binding
from armillary.model.scene import SceneArrays, subtree_ends
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance

NOT_PARTS = frozenset(
    ("Material", "Shader", "NodeGraph", "Camera", "GeomSubset", "DomeLight", "DistantLight", "SphereLight",
     "RectLight", "DiskLight", "CylinderLight", "Skeleton", "SkelAnimation", "BlendShape")
)  # fmt: skip
ROOT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The parts of a scene branch, and which prim each is."""

    parts: tuple[Part, ...]
    prims: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One tag of a branch and what is proposed for it; `part` -1: nothing is."""

    leaf: int
    part: int = -1
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    suggestion: Suggestion | None = None
    is_bound: bool = False  # the part's channel is driven by a binding that is saved
    candidates: tuple[Place, ...] = ()  # other parts that the tag may be of, best first


def parts_of(scene: SceneArrays, prim: int = ROOT, twins: Sequence[TwinInstance] = ()) -> Scene:
    """Return what can be bound in a branch of a scene; the branch's own prim is among it."""
    first, last = (0, len(scene)) if prim < 0 else (prim, int(subtree_ends(scene.parent)[prim]))
    model = {twin.prim: twin.model for twin in twins if twin.prim}
    kinds = [scene.type_names[i] for i in scene.prim_type[first:last].tolist()]
    above = scene.parent[first:last]
    bare = np.isnan(scene.box[first:last, 0]).tolist()  # a scope of materials holds nothing that is drawn
    skip = 0 if prim < 0 else scene.prim_path[prim].count("/") - 1
    at = np.full(last - first, ROOT, np.int64)
    parts: list[Part] = []
    prims: list[int] = []
    for i, kind in enumerate(kinds):
        if kind in NOT_PARTS or (kind == "Scope" and bare[i]):
            continue
        path = scene.prim_path[first + i]
        up = int(above[i]) - first
        at[i] = len(parts)
        parts.append(
            Part(
                path=tuple(path.split("/")[1 + skip :]),
                prim=path,
                above=int(at[up]) if up >= 0 else ROOT,
                model=model.get(path, ""),
                type=kind,
            )
        )
        prims.append(first + i)
    return Scene(parts=tuple(parts), prims=tuple(prims))


def leaf_of(spec: TagSpec, twins: Mapping[str, TwinInstance]) -> Leaf:
    """Return a tag as it is matched: by its name, and by the twin that it is of."""
    twin = twins.get(spec.twin)
    return Leaf(
        path=tuple(part for part in spec.name.replace("/", ".").split(".") if part),
        unit=spec.unit,
        kind=spec.kind,
        low=spec.low,
        high=spec.high,
        title=spec.title,
        states=spec.states,
        twin_prim=twin.prim if twin is not None else "",
        model=twin.model if twin is not None else "",
    )


def proposed(
    leaves: Sequence[Leaf],
    names: Sequence[str],
    parts: Sequence[Part],
    existing: Sequence[Binding],
    *,
    least: float = LEAST,
) -> tuple[Line, ...]:
    """Return a line for each tag: with its part, channel and map, best first, then those that have none.

    names: of the tags. existing: bindings that are saved; what they drive is proposed too, and marked. A tag
    that drives the proposed part already gets no line.
    """
    found = match(leaves, parts, least=least)
    driven: dict[str, set[str]] = {}
    named: dict[str, set[str]] = {}
    old: set[tuple[str, str]] = set()
    of_old: set[tuple[str, str]] = set()
    for binding in existing:
        if binding.enabled:
            old.add((binding.prim, binding.channel))
            of_old.add((binding.prim, binding.signal))
        named.setdefault(binding.prim, set()).add(binding.name)
    out: list[Line] = []
    for pair in found.pairs:
        part = parts[pair.part]
        if (part.prim, names[pair.leaf]) in of_old:
            continue
        line = _line(pair, leaves[pair.leaf], part, names[pair.leaf], driven, named)
        line = replace(line, candidates=tuple(found.candidates.get(pair.leaf, ())))
        if line.suggestion is not None:
            key = (part.prim, line.suggestion.binding.channel)
            line = replace(line, is_bound=key in old)
        out.append(line)
    lone = (Line(leaf=i, candidates=tuple(found.candidates.get(i, ()))) for i in found.lone_leaves)
    return (*out, *lone)


def _line(
    pair: Pair,
    leaf: Leaf,
    part: Part,
    signal: str,
    driven: dict[str, set[str]],
    named: dict[str, set[str]],
) -> Line:
    taken = driven.setdefault(part.prim, set())
    names = named.setdefault(part.prim, set())
    made = suggest(leaf, part, name=binding_name(signal, names), signal=signal, taken=taken)
    if made is None:
        return Line(leaf=pair.leaf)
    taken.add(made.binding.channel)
    names.add(made.binding.name)
    return Line(leaf=pair.leaf, part=pair.part, score=pair.score, reasons=pair.reasons, suggestion=made)


def corrected(
    lines: Sequence[Line],
    leaves: Sequence[Leaf],
    names: Sequence[str],
    parts: Sequence[Part],
    existing: Sequence[Binding],
    chosen: Mapping[int, int],
    refused: Collection[int] = (),
) -> tuple[Line, ...]:
    """Return the lines as a person corrected them: a tag has the part that is chosen, or none.

    chosen: leaf → part. Who was proposed for the same of that part has nothing then: it is another tag's.
    """
    kept = [line for line in lines if line.leaf not in chosen and line.leaf not in refused]
    old = {(b.prim, b.channel) for b in existing if b.enabled}
    named: dict[str, set[str]] = {}
    for binding in existing:
        named.setdefault(binding.prim, set()).add(binding.name)
    driven: dict[str, set[str]] = {}
    out: list[Line] = []
    for leaf, at in chosen.items():
        made = _line(
            Pair(leaf=leaf, part=at, score=1.0, reasons=("chosen by hand",)),
            leaves[leaf], parts[at], names[leaf], driven, named,
        )  # fmt: skip
        if made.suggestion is not None:
            made = replace(made, is_bound=(parts[at].prim, made.suggestion.binding.channel) in old)
        out.append(made)
    for line in kept:
        at, one = line.part, line.suggestion
        is_taken = one is not None and one.binding.channel in driven.get(parts[at].prim, ())
        out.append(Line(leaf=line.leaf, candidates=line.candidates) if is_taken else line)
    out += [Line(leaf=leaf) for leaf in refused if leaf not in chosen]
    return tuple(sorted(out, key=lambda line: (line.suggestion is None, -line.score)))


def binding_name(tag: str, taken: Collection[str]) -> str:
    """Return a name for a binding that a prim does not have yet."""
    leaf = "".join(c if c.isascii() and c.isalnum() else "_" for c in tag.rsplit(".", 1)[-1]) or "value"
    base, number = f"bind_{leaf}", 1
    while (name := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return name
