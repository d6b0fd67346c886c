"""What the match by structure and what each tag says of itself are settled into: one part a tag, and rivals.

The match by structure is right about things that have the tags' numbers; what each tag says finds the part
inside. Where they differ, the tag's own word counts only if it is clearly the better one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from armillary.encoding.inside import LEAST, MOST_CANDIDATES, SURE, Place, Said, Tree, places

_LEAST_OFFERED = 0.3
_TIE = 0.003  # two that score so close are told apart by nobody
_UNSURE = SURE - 0.02
_BETTER = 0.1  # by so much a part must say more than the one that structure found
_FULL = 3  # tags of one part; the thing itself has room for more that nobody places
_KEEP = 0.8  # a pair of the match by structure that scores as much is left alone


@dataclass(frozen=True, slots=True)
class Settled:
    """One tag and its part."""

    leaf: int
    place: Place
    is_new: bool  # not the pair that the match by structure made


def settled(
    first: Mapping[int, Place],
    tags: Sequence[Said],
    things: Sequence[tuple[int, float, str]],
    tree: Tree,
    least: float,
) -> tuple[list[Settled], dict[int, tuple[Place, ...]]]:
    """Return who belongs where, best first, and for each tag its rivals or candidates, best first.

    first: what the match by structure found. things: of each tag, see `inside.things_of`.
    """
    wanted: list[tuple[float, int, Place, list[Place]]] = []
    out: list[Settled] = []
    rivals: dict[int, tuple[Place, ...]] = {}
    for i, tag in enumerate(tags):
        thing, sure, why = things[i]
        before = first.get(i)
        if thing < 0 or (before is not None and _is_settled(before, thing, tree)):
            if before is not None:
                out.append(Settled(i, before, False))
            continue
        found = places(tag, thing, sure, why, tree)
        best = found[0]
        if before is not None:
            same = next((place for place in found if place.part == before.part), None)
            gain = best.score - (same.score if same is not None else _UNSURE)
            is_namesake = (
                not tree.inside(before.part, thing)
                and tree.segments[before.part][-1].plain == tree.segments[thing][-1].plain
            )
            if best.part == before.part or (gain < _needed(before, thing, tree) and not is_namesake):
                out.append(Settled(i, before, False))
                rivals[i] = tuple(p for p in found if p.part != before.part)[:MOST_CANDIDATES]
                continue
        wanted.append((best.score, i, best, found))
    count: dict[int, int] = {}
    for one in out:
        count[one.place.part] = count.get(one.place.part, 0) + 1
    for _score, i, first_place, found in sorted(wanted, key=lambda one: (-one[0], one[1])):
        free = [place for place in found if count.get(place.part, 0) < _FULL]
        best = free[0] if free else first_place
        others = [p for p in found if p is not best and p.score >= _LEAST_OFFERED][:MOST_CANDIDATES]
        score = best.score
        is_tied = any(p.score >= best.score - _TIE and _are_apart(p.part, best.part, tree) for p in others)
        if is_tied:
            score = min(score, _UNSURE)
        is_bare = best.part == things[i][0] and score < SURE and not tags[i].what  # nothing speaks for it
        if not free or is_bare or score < max(least, LEAST):
            rivals[i] = tuple(p for p in found if p.score >= _LEAST_OFFERED)[:MOST_CANDIDATES]
            continue
        reasons = (*best.reasons, "another part fits as well") if is_tied else best.reasons
        count[best.part] = count.get(best.part, 0) + 1
        out.append(Settled(i, Place(best.part, score, reasons), True))
        rivals[i] = tuple(others)
    return out, rivals


def _is_settled(before: Place, thing: int, tree: Tree) -> bool:
    """Return whether nothing inside could say it better: a part of the thing, named, with nothing below."""
    is_leaf = tree.end[before.part] == before.part + 1
    return before.score >= _KEEP and before.part != thing and is_leaf and tree.inside(before.part, thing)


def _are_apart(a: int, b: int, tree: Tree) -> bool:
    """Return whether neither part lies in the other."""
    return not tree.inside(a, b) and not tree.inside(b, a)


def _needed(before: Place, thing: int, tree: Tree) -> float:
    """Return by how much a part must say more than the pair before; 0 where that is unsure or elsewhere."""
    is_weak = before.part == thing or before.score < SURE or not tree.inside(before.part, thing)
    return 0.0 if is_weak else _BETTER
