"""Which asset is part of which: the hierarchy that a model's relationships tell, beside that of the scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from armillary.model.relation import HOLDS, PART_OF
from armillary.model.twin import Relationship, TwinInstance

MOST_LEVELS = 32  # of assets one above the other; a hierarchy that goes on is followed no further


def wholes(relationships: Iterable[Relationship]) -> dict[str, tuple[str, ...]]:
    """Return what each twin is part of directly, by id; `feeds` and the like make nothing part of another."""
    out: dict[str, list[str]] = {}
    for relationship in relationships:
        name = relationship.name.lower().replace("_", "").replace("-", "")
        if name in PART_OF:
            part, whole = relationship.source, relationship.target
        elif name in HOLDS:
            part, whole = relationship.target, relationship.source
        else:
            continue
        if part != whole and whole not in out.setdefault(part, []):
            out[part].append(whole)
    return {part: tuple(found) for part, found in out.items()}


def shown_wholes(
    twin: str, above: Mapping[str, Sequence[str]], prim_of: Mapping[str, int]
) -> tuple[int, ...]:
    """Return the prims of the nearest assets that a twin is part of, past those that the scene lacks."""
    out: list[int] = []
    seen, level = {twin}, list(above.get(twin, ()))
    for _ in range(MOST_LEVELS):
        following: list[str] = []
        for name in level:
            if name in seen:
                continue
            seen.add(name)
            if name in prim_of:
                out.append(prim_of[name])
            else:
                following += above.get(name, ())
        level = following
        if not level:
            break
    return tuple(dict.fromkeys(out))


def stand_ins(
    twins: Sequence[TwinInstance], relationships: Sequence[Relationship], prim_of_path: Mapping[str, int]
) -> dict[str, int]:
    """Return the prim of the nearest asset above each twin that the scene itself does not show, by id."""
    above = wholes(relationships)
    prim_of = {t.id: prim_of_path[t.prim] for t in twins if t.prim in prim_of_path}
    found = {t.id: shown_wholes(t.id, above, prim_of) for t in twins if t.id in above and t.id not in prim_of}
    return {name: prims[0] for name, prims in found.items() if prims}


def edges(
    twins: Sequence[TwinInstance], relationships: Sequence[Relationship], prim_of_path: Mapping[str, int]
) -> tuple[tuple[int, int], ...]:
    """Return (prim of a part, prim of its whole) for all assets that the scene shows, each once."""
    above = wholes(relationships)
    if not above:
        return ()
    prim_of = {t.id: prim_of_path[t.prim] for t in twins if t.prim in prim_of_path}
    found = {
        (prim, whole)
        for name, prim in prim_of.items()
        if name in above
        for whole in shown_wholes(name, above, prim_of)
        if whole != prim
    }
    return tuple(sorted(found))
