"""Which alarms an operator position answers for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from armillary.alarms.assets import wholes
from armillary.model.alarm import AlarmSpec
from armillary.model.area import AreaSpec
from armillary.model.position import PositionSpec
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship

LINK = "link:"


def members(
    positions: Sequence[PositionSpec],
    specs: Iterable[AlarmSpec],
    tags: Sequence[TagSpec],
    areas: Sequence[AreaSpec],
    relationships: Iterable[Relationship],
) -> dict[str, frozenset[str]]:
    """Return the ids of each position's alarms, by its name.

    An alarm belongs where its tag does. That of a link belongs to all who see its tags; what belongs to no
    tag and no link, such as a full disk, concerns everybody.
    """
    if not positions:
        return {}
    above = _above(relationships)
    whose = {tag.slot: _whose(positions, tag, areas, above) for tag in tags}
    of_link: dict[str, set[str]] = {}
    for tag in tags:
        of_link.setdefault(tag.link, set()).update(whose[tag.slot])
    out: dict[str, set[str]] = {position.name: set() for position in positions}
    for spec in specs:
        slot = spec.slot if spec.slot >= 0 else spec.at_slot
        if slot >= 0:
            names: Iterable[str] = whose.get(slot, ())
        elif spec.id.startswith(LINK):
            names = of_link.get(spec.id.split(":")[1], ())
        else:
            names = out
        for name in tuple(names):
            out[name].add(spec.id)
    return {name: frozenset(ids) for name, ids in out.items()}


def _above(relationships: Iterable[Relationship]) -> dict[str, frozenset[str]]:
    """Return all that each twin is part of, near or far, by its id."""
    direct = wholes(relationships)
    out: dict[str, frozenset[str]] = {}
    for twin in direct:
        found: set[str] = set()
        level = [twin]
        while level:
            level = [up for each in level for up in direct.get(each, ()) if up not in found]
            found.update(level)
        out[twin] = frozenset(found)
    return out


def _whose(
    positions: Sequence[PositionSpec],
    tag: TagSpec,
    areas: Sequence[AreaSpec],
    above: Mapping[str, frozenset[str]],
) -> tuple[str, ...]:
    mine = {tag.twin, *above.get(tag.twin, ())}
    area = next((a.name for a in areas if tag.link in a.sources), "") or _area_of_slot(areas, tag.slot)
    return tuple(p.name for p in positions if area in p.areas or not mine.isdisjoint(p.assets))


def _area_of_slot(areas: Sequence[AreaSpec], slot: int) -> str:
    for area in areas:
        at = int(area.slots.searchsorted(slot))
        if at < len(area.slots) and int(area.slots[at]) == slot:
            return area.name
    return ""
