"""Rules over relationships of the model: one value of all twins that one feeds, or that are part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship
from armillary.project.streams_made import Made, in_unit, number, quoted
from armillary.project.table import Table, nearest

MOST_MEMBERS = 150  # an expression has 200 parts
AGGREGATES = ("mean", "sum", "min", "max", "median")


def gathered(
    table: Table,
    tags: Mapping[str, TagSpec],
    relationships: Sequence[Relationship],
    twins: Sequence[str],
    unit: str,
) -> tuple[Made, str] | None:
    """Return the expression of a `relation` and its unit; None for one that is wrong, which is noted."""
    twin, relation = table.text("of", required=True), table.text("relation", required=True)
    path = table.text("tag", required=True)
    aggregate = table.choice("aggregate", AGGREGATES, "mean")
    is_back = table.choice("direction", ("to", "from"), "to") == "from"
    is_deep = table.flag("deep", False)
    if not (twin and relation and path):
        return None
    for key, name, known, what in (
        ("of", twin, set(twins), f"There is no twin '{twin}'."),
        ("relation", relation, {each.name for each in relationships}, f"No twin relates by '{relation}'."),
    ):
        if name not in known:
            table.wrong(key, what, nearest(name, sorted(known)).strip() or "Add it to twins.json.", "P10")
            return None
    members = related(relationships, twin, relation, is_back=is_back, is_deep=is_deep)
    found = [tag for name in members if (tag := tags.get(f"{name}.{path}")) is not None]
    if not found:
        what = f"None of the {len(members)} twins that '{twin}' relates to by '{relation}' has '{path}'."
        table.wrong("tag", what, "Name a tag of those twins, without the twin.", "P80")
        return None
    if len(found) > MOST_MEMBERS:
        what = f"The rule reads {len(found)} tags, more than {MOST_MEMBERS}."
        table.wrong("of", what, "Let rules of parts come first, and one over those.", "P80")
        return None
    unit = unit or found[0].unit
    parts = []
    for tag in found:
        try:
            factor, offset = in_unit(tag.unit, unit, "mean", table.document.name)
        except ProjectFault as fault:
            table.wrong("unit", f"{tag.name}: {fault.what}", fault.remedy, "B13")
            return None
        name = quoted(tag.name)
        is_same = (factor, offset) == (1.0, 0.0)
        parts.append(name if is_same else f"({name} * {number(factor)} + {number(offset)})")
    # one member is its own mean
    return Made(parts[0] if len(parts) == 1 else f"{aggregate}({', '.join(parts)})"), unit


def related(
    relationships: Sequence[Relationship], twin: str, name: str, *, is_back: bool, is_deep: bool
) -> list[str]:
    """Return the twins that one relates to by a name, in their order; deep: theirs too, each once."""
    nexts: dict[str, list[str]] = {}
    for each in relationships:
        if each.name == name:
            source, target = (each.target, each.source) if is_back else (each.source, each.target)
            nexts.setdefault(source, []).append(target)
    out: dict[str, None] = {}
    waiting = list(nexts.get(twin, ()))
    while waiting:
        found = waiting.pop(0)
        if found not in out and found != twin:
            out[found] = None
            waiting += nexts.get(found, ()) if is_deep else ()
    return list(out)
