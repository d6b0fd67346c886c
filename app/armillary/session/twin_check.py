"""Twins against their model: whether each is what its type says, and leads where its type allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from armillary.model.dtdl import Component as Part
from armillary.model.dtdl import Interface, Model, Property
from armillary.model.dtdl import Relationship as Edge
from armillary.model.scene import SceneProblem
from armillary.model.twin import Relationship, TwinInstance
from armillary.twin.dtdl_values import faults

_FILE = "twins.json"


def mismatches(
    model: Model, twins: Sequence[TwinInstance], relationships: Sequence[Relationship]
) -> Iterator[SceneProblem]:
    """Yield what differs between twins and their types. A twin without a type is as it likes."""
    kinds: dict[str, str] = {}
    for twin in twins:
        kinds[twin.id] = twin.model
        kinds |= {f"{twin.id}.{part.path}": part.model for part in twin.components}
    for twin in twins:
        yield from _typed(model, twin.id, twin.model, twin.properties)
        yield from _parts(model, twin, "", twin.model)
        for part in twin.components:
            where = f"{twin.id}.{part.path}"
            yield from _typed(model, where, part.model, part.properties)
            yield from _parts(model, twin, f"{part.path}.", part.model)
    yield from _edges(model, kinds, relationships)


def _at(where: str) -> str:
    """Return the place of a finding: a twin, a part of one (`T-101.inlet`) or a relation."""
    return f"{_FILE}:{where}"


def _near(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f"Did you mean '{close[0]}'?" if close else ""


def _typed(model: Model, where: str, kind: str, values: Mapping[str, object]) -> Iterator[SceneProblem]:
    """Yield an unknown type, and the properties that are not as the type says."""
    if not kind:
        return
    found = model.interfaces.get(kind)
    if found is None:
        remedy = _near(kind, list(model.interfaces)) or "Add its document to the model, or correct the id."
        what = f"Its type '{kind}' is not in the model."
        yield SceneProblem(code="P82", severity="error", where=_at(where), what=what, remedy=remedy)
        return
    known = {p.name: p for p in found.properties}
    for name, value in values.items():
        if name not in known:
            remedy = _near(name, list(known)) or "Add it to the type, or remove it here."
            what = f"'{name}' is no property of {kind}."
            yield SceneProblem(code="P83", severity="warning", where=_at(where), what=what, remedy=remedy)
            continue
        wrong = next(faults(known[name].schema, value, model.schemas), None)
        if wrong is not None:
            what = f"The property '{name}' is not what {kind} says: {wrong}."
            remedy = f"Give a {_schema(known[name])}, or change the type."
            yield SceneProblem(code="P83", severity="error", where=_at(where), what=what, remedy=remedy)


def _schema(one: Property) -> str:
    return one.schema.kind or "value of its schema"


def _parts(model: Model, twin: TwinInstance, prefix: str, kind: str) -> Iterator[SceneProblem]:
    """Yield components that are missing, too many, or of another type; `prefix` is the part they are in."""
    found = model.interfaces.get(kind)
    if found is None:
        return
    inside = {
        part.path.removeprefix(prefix): part
        for part in twin.components
        if part.path.startswith(prefix) and "." not in part.path.removeprefix(prefix)
    }
    wanted: dict[str, Part] = {c.name: c for c in found.components}
    where = f"{twin.id}.{prefix}".rstrip(".")
    for name, component in wanted.items():
        if name not in inside:
            what = f"The component '{name}' of {kind} is missing."
            remedy = "Add it under 'components'."
            yield SceneProblem(code="P83", severity="warning", where=_at(where), what=what, remedy=remedy)
            continue
        given = inside[name].model
        if given and given in model.interfaces and not model.is_a(given, component.schema):
            what = f"The component '{name}' is a {given}, where {kind} has a {component.schema}."
            remedy = "Give it that type, or one that extends it."
            yield SceneProblem(code="P83", severity="error", where=_at(where), what=what, remedy=remedy)
    for name in inside.keys() - wanted.keys():
        remedy = _near(name, list(wanted)) or "Add it to the type, or remove it here."
        what = f"{kind} has no component '{name}'."
        yield SceneProblem(code="P83", severity="warning", where=_at(where), what=what, remedy=remedy)


def _edges(
    model: Model, kinds: Mapping[str, str], relationships: Sequence[Relationship]
) -> Iterator[SceneProblem]:
    """Yield relations that the source's type does not have, that lead elsewhere, or that are too many."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in relationships:
        kind = kinds.get(one.source, "")
        found: Interface | None = model.interfaces.get(kind)
        if found is None:
            continue
        where = f"{one.source} {one.name} {one.target}"
        known: dict[str, Edge] = {r.name: r for r in found.relationships}
        edge = known.get(one.name)
        if edge is None:
            what = f"{kind} has no relationship '{one.name}'."
            remedy = _near(one.name, list(known)) or "Add it to the type, or remove the relation."
            yield SceneProblem(code="P84", severity="warning", where=_at(where), what=what, remedy=remedy)
            continue
        counts[one.source, one.name] += 1
        if edge.most and counts[one.source, one.name] == edge.most + 1:
            what = f"'{one.name}' leads to more than {edge.most}, the most that {kind} allows."
            remedy = "Remove one, or raise maxMultiplicity."
            yield SceneProblem(code="P84", severity="error", where=_at(where), what=what, remedy=remedy)
        target = kinds.get(one.target, "")
        if edge.target and target in model.interfaces and not model.is_a(target, edge.target):
            what = f"'{one.name}' of {kind} must lead to a {edge.target}; '{one.target}' is a {target}."
            remedy = "Correct the target, or the type."
            yield SceneProblem(code="P84", severity="error", where=_at(where), what=what, remedy=remedy)
