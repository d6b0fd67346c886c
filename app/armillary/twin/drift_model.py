"""What a DTDL model says of tags and twins, for drift: schemas, units, rights, where relationships lead."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from armillary.model.drift import DriftItem
from armillary.model.dtdl import Content, Interface, Model, Property, Schema, Telemetry
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.model.units import conversion, same
from armillary.twin.dtdl_quantities import symbols

WHOLE = (
    "integer",
    "long",
    "short",
    "byte",
    "unsignedInteger",
    "unsignedShort",
    "unsignedByte",
    "unsignedLong",
)
INT32 = "integer"


@dataclass(frozen=True, slots=True)
class Modelled:
    """What the model says of tags, by slot; () and {} without a model."""

    whole: tuple[int, ...] = ()  # whose values are whole numbers
    int32: tuple[int, ...] = ()  # of those: within 32 bits
    states: Mapping[int, tuple[tuple[float, str], ...]] = field(default_factory=dict)  # of enums
    items: tuple[DriftItem, ...] = ()  # what differs whatever comes


def modelled(
    model: Model,
    twins: Sequence[TwinInstance],
    relationships: Sequence[Relationship],
    specs: Sequence[TagSpec],
) -> Modelled:
    """Return what interfaces say of the tags of typed twins, and where these differ from it."""
    types = {twin.id: model.interfaces[twin.model] for twin in twins if twin.model in model.interfaces}
    whole, int32, items = list[int](), list[int](), list[DriftItem]()
    states: dict[int, tuple[tuple[float, str], ...]] = {}
    for spec in specs:
        found = types.get(spec.twin)
        if found is None or not spec.link:
            continue
        content = _content(model, found, spec.name.removeprefix(f"{spec.twin}."))
        if content is None:
            items.append(_unnamed(spec, found))
            continue
        if not isinstance(content, Telemetry | Property):
            continue
        if content.schema.kind in WHOLE:
            whole.append(spec.slot)
        if content.schema.kind == INT32:
            int32.append(spec.slot)
        if known := _states(content.schema):
            states[spec.slot] = known
        items += _differs(spec, content)
    items += _edges(model, {twin.id: twin.model for twin in twins}, relationships)
    return Modelled(tuple(whole), tuple(int32), states, tuple(items))


def _content(model: Model, found: Interface, path: str) -> Content | None:
    """Return the content that a tag's path names: by name, through components, else by its last word."""
    head, _, rest = path.partition(".")
    content = found.contents.get(head) or found.contents.get(re.sub(r"\W", "_", head))
    if content is None or not rest:
        return content
    inner = model.interfaces.get(str(getattr(content, "schema", "")))
    return _content(model, inner, rest) if inner is not None else content


def _states(schema: Schema) -> tuple[tuple[float, str], ...]:
    if schema.kind != "Enum" or schema.value_schema != "integer":
        return ()
    return tuple((float(value.number), value.name) for value in schema.values)


def _unnamed(spec: TagSpec, found: Interface) -> DriftItem:
    what = f"{spec.name} is a tag, and its type {found.id} has no telemetry or property of that name."
    return DriftItem(
        code="D01",
        key=f"D01 {spec.name}",
        what=what,
        level="note",
        tag=spec.name,
        link=spec.link,
        address=spec.address,
        model=found.id,
        plant="a tag",
    )


def _differs(spec: TagSpec, content: Telemetry | Property) -> Iterator[DriftItem]:
    unit = symbols().get(content.unit, content.unit)
    if unit and spec.unit and not same(unit, spec.unit):
        try:
            conversion(spec.unit, unit)
            is_error, how = False, "another scale"
        except ProjectFault:
            is_error, how = True, "another dimension"
        yield DriftItem(
            code="D05",
            key=f"D05 {spec.name} type",
            what=f"{spec.name} is in {spec.unit}; its type says {content.unit} ({unit}): {how}.",
            level="error" if is_error else "warning",
            tag=spec.name,
            link=spec.link,
            address=spec.address,
            model=unit,
            plant=spec.unit,
        )
    if isinstance(content, Property) and spec.writable and not content.writable:
        yield DriftItem(
            code="D08",
            key=f"D08 {spec.name} type",
            what=f"{spec.name} may be written, and its type says that it may not.",
            tag=spec.name,
            link=spec.link,
            address=spec.address,
            model="read only",
            plant="writable",
            writable=False,
        )


def _edges(
    model: Model, kinds: Mapping[str, str], relationships: Sequence[Relationship]
) -> Iterator[DriftItem]:
    counts: Counter[tuple[str, str]] = Counter()
    for one in relationships:
        found = model.interfaces.get(kinds.get(one.source, ""))
        edge = (
            next((r for r in found.relationships if r.name == one.name), None) if found is not None else None
        )
        where = f"{one.source} {one.name} {one.target}"
        target = kinds.get(one.target)
        if target is None:
            what = f"{one.source} {one.name} {one.target}, and there is no twin {one.target}."
            yield DriftItem(code="D09", key=f"D09 {where}", what=what, level="error", plant="missing")
            continue
        if edge is None:
            continue
        counts[one.source, one.name] += 1
        if edge.target and target in model.interfaces and not model.is_a(target, edge.target):
            what = f"{where}: the target is a {target}, and must be a {edge.target}."
            yield DriftItem(
                code="D09", key=f"D09 {where}", what=what, level="error", model=edge.target, plant=target
            )
        if edge.most and counts[one.source, one.name] > edge.most:
            what = f"{one.source} has more than {edge.most} of '{one.name}'."
            yield DriftItem(code="D09", key=f"D09 {where} most", what=what, model=f"{edge.most} at most")
