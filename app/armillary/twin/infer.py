"""A DTDL model made from a project that has none: twins with equal tags are of one type.

Only twins and components without a type get one; what the project says itself is never changed. What DTDL
cannot say (a unit that its quantities do not know, a name that it does not allow) is listed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from armillary.model.relation import PART, key, noun, words
from armillary.model.tags import TagSpec
from armillary.model.twin import Component, Relationship, TwinInstance

CONTEXT = (
    "dtmi:dtdl:context;3",
    "dtmi:dtdl:extension:quantitativeTypes;1",
    "dtmi:dtdl:extension:historization;1",
)
MOST_NAME = 64  # letters of a name that every version of DTDL takes
MOST_TITLES = 500  # of a type's twins that name it
MOST_ALIKE = 0.75  # of the twins of a type must have a word in their titles that is to be its name

# unit → (quantity, unit) of the extension's first release
QUANTITIES = {
    "°C": ("Temperature", "degreeCelsius"), "°F": ("Temperature", "degreeFahrenheit"),
    "K": ("Temperature", "kelvin"), "bar": ("Pressure", "bar"), "bar(g)": ("Pressure", "bar"),
    "mbar": ("Pressure", "millibar"), "Pa": ("Pressure", "pascal"), "kPa": ("Pressure", "kilopascal"),
    "psi": ("Pressure", "poundPerSquareInch"), "m³/h": ("VolumeFlowRate", "cubicMetrePerHour"),
    "m3/h": ("VolumeFlowRate", "cubicMetrePerHour"), "m³/s": ("VolumeFlowRate", "cubicMetrePerSecond"),
    "l/s": ("VolumeFlowRate", "litrePerSecond"), "l/min": ("VolumeFlowRate", "litrePerMinute"),
    "l/h": ("VolumeFlowRate", "litrePerHour"), "m³": ("Volume", "cubicMetre"), "l": ("Volume", "litre"),
    "m": ("Length", "metre"), "cm": ("Length", "centimetre"), "mm": ("Length", "millimetre"),
    "km": ("Length", "kilometre"), "kg": ("Mass", "kilogram"), "g": ("Mass", "gram"), "t": ("Mass", "tonne"),
    "s": ("TimeSpan", "second"), "ms": ("TimeSpan", "millisecond"), "min": ("TimeSpan", "minute"),
    "h": ("TimeSpan", "hour"), "m/s": ("Velocity", "metrePerSecond"),
    "km/h": ("Velocity", "kilometrePerHour"),
    "m/s²": ("Acceleration", "metrePerSecondSquared"), "rpm": ("AngularVelocity", "revolutionPerMinute"),
    "°": ("Angle", "degreeOfArc"), "rad": ("Angle", "radian"), "W": ("Power", "watt"),
    "kW": ("Power", "kilowatt"), "MW": ("Power", "megawatt"), "J": ("Energy", "joule"),
    "kJ": ("Energy", "kilojoule"), "Wh": ("Energy", "wattHour"), "kWh": ("Energy", "kilowattHour"),
    "MWh": ("Energy", "megawattHour"), "A": ("Current", "ampere"), "mA": ("Current", "milliampere"),
    "V": ("Voltage", "volt"), "mV": ("Voltage", "millivolt"), "kV": ("Voltage", "kilovolt"),
    "Hz": ("Frequency", "hertz"), "kHz": ("Frequency", "kilohertz"), "N": ("Force", "newton"),
    "N*m": ("Torque", "newtonMetre"), "Nm": ("Torque", "newtonMetre"), "lx": ("Illuminance", "lux"),
    "m²": ("Area", "squareMetre"), "Ω": ("Resistance", "ohm"),
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
_DULL = frozenset(
    ("a", "an", "and", "the", "to", "with", "drive", "end", "non", "left", "right", "upper", "lower", "inlet",
     "outlet", "main", "new", "old")
)  # fmt: skip
_SIDE = re.compile(r"\s(?:of|for|from|at|in|on)\s.*|[,(].*", re.IGNORECASE)  # what something belongs to
_MORE = 2  # letters that a word has at least to be a name
Shape = tuple[object, ...]
Document = dict[str, Any]  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """Types that were made: their documents, and which twin or component is of which."""

    documents: Mapping[str, Document] = field(default_factory=dict)  # type → DTDL interface
    of: Mapping[str, str] = field(default_factory=dict)  # id of a twin or component → type
    losses: tuple[str, ...] = ()  # what DTDL cannot say, one sentence each
    untyped: tuple[str, ...] = ()  # twins with neither tags nor properties

    def file_of(self, model: str) -> str:
        """Return the name of the file that a type goes into."""
        return f"{model.partition(';')[0].rpartition(':')[2]}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """A twin or component with its own tags, by their names inside it."""

    id: str
    twin: str
    record: TwinInstance | Component
    tags: Mapping[str, TagSpec]
    parts: tuple[str, ...]  # ids of the components directly inside


def path_of(name: str) -> str:
    """Return the path of the types of a project in their ids: its name, as DTDL allows it."""
    parts = [word.lower() for word in words(name) if word.isascii()]
    joined = "_".join(parts)
    return joined if joined and joined[0].isalpha() else f"p_{joined}".strip("_") or "project"


def inferred(
    twins: Sequence[TwinInstance],
    specs: Sequence[TagSpec],
    relationships: Sequence[Relationship],
    project: str = "project",
) -> Inferred:
    """Return the types of all twins and components that have none."""
    things = _things(twins, specs)
    bare = [one for one in things.values() if not one.record.model]
    shapes: dict[str, Shape] = {}
    for one in sorted(bare, key=lambda thing: -thing.id.count(".")):  # inner ones first: outer ones hold them
        shapes[one.id] = _shape(one, things, shapes)
    groups: dict[Shape, list[_Thing]] = {}
    for one in bare:
        if shapes[one.id] != _NOTHING:
            groups.setdefault(shapes[one.id], []).append(one)
    taken = {key_of(one.record.model) for one in things.values() if one.record.model}
    of: dict[str, str] = {}
    for members in groups.values():
        model = f"dtmi:armillary:{path_of(project)}:{_named(members, taken)};1"
        of |= {one.id: model for one in members}
    leads = _leads(relationships, of, things)
    losses: list[str] = []
    documents = {
        of[members[0].id]: _document(of[members[0].id], members, of, leads, losses)
        for members in groups.values()
    }
    return Inferred(
        documents=dict(sorted(documents.items())),
        of=of,
        losses=tuple(dict.fromkeys(losses)),
        untyped=tuple(one.id for one in bare if shapes[one.id] == _NOTHING),
    )


def key_of(model: str) -> str:
    """Return the short name of a type."""
    return model.partition(";")[0].rpartition(":")[2]


_NOTHING: Shape = ((), (), ())


def _things(twins: Sequence[TwinInstance], specs: Sequence[TagSpec]) -> dict[str, _Thing]:
    owned: dict[str, dict[str, TagSpec]] = {}
    inside: dict[str, list[str]] = {}
    known = {twin.id for twin in twins}
    for twin in twins:
        for part in twin.components:
            name = f"{twin.id}.{part.path}"
            known.add(name)
            inside.setdefault(name.rpartition(".")[0], []).append(name)
    for spec in specs:
        holder = spec.name.rpartition(".")[0]
        while holder and holder not in known and len(holder) > len(spec.twin):
            holder = holder.rpartition(".")[0]
        if holder in known:
            owned.setdefault(holder, {})[spec.name[len(holder) + 1 :]] = spec
    out: dict[str, _Thing] = {}
    for twin in twins:
        records: list[tuple[str, TwinInstance | Component]] = [(twin.id, twin)]
        records += [(f"{twin.id}.{part.path}", part) for part in twin.components]
        for name, one in records:
            parts = tuple(inside.get(name, ()))
            out[name] = _Thing(id=name, twin=twin.id, record=one, tags=owned.get(name, {}), parts=parts)
    return out


def _shape(one: _Thing, things: Mapping[str, _Thing], shapes: Mapping[str, Shape]) -> Shape:
    """Return what twins of one type have in common: tags with unit and kind, properties, parts."""
    tags = tuple(
        sorted(
            (name, spec.unit, spec.kind, spec.states, spec.writable, spec.history)
            for name, spec in one.tags.items()
        )
    )
    given = tuple(sorted((name, _schema_of(value)) for name, value in one.record.properties.items()))
    parts = tuple(
        (part.rpartition(".")[2], things[part].record.model or shapes.get(part)) for part in sorted(one.parts)
    )
    return (tags, given, parts)


def _named(members: Sequence[_Thing], taken: set[str]) -> str:
    """Return the name of a type: a word that the titles share, else how the ids begin; each once."""
    name = _shared_word([one.record.title for one in members[:MOST_TITLES]]) or _beginning(
        [one.id for one in members[:MOST_TITLES]]
    )
    name = name if _NAME.fullmatch(name) else f"Type{len(taken) + 1}"
    unique, n = name, 2
    while unique in taken:
        unique, n = f"{name}{n}", n + 1
    taken.add(unique)
    return unique


def _shared_word(titles: Sequence[str]) -> str:
    """Return the noun that most titles have: `Transfer pump A`, `Booster pump B` → Pump."""
    if not any(titles):
        return ""
    if len(titles) == 1:
        titles = [_SIDE.sub("", titles[0])]
    said = [[w for w in words(title) if w.isalpha() and w.isascii() and len(w) > _MORE] for title in titles]
    if len(titles) == 1:
        return "".join(word[0].upper() + word[1:] for word in said[0])[:MOST_NAME]
    count = Counter(word for each in said for word in {noun(w) for w in each} if word not in _DULL)
    most = max(count.values(), default=0)
    if most < MOST_ALIKE * len(titles):
        return ""
    best = [word for word, n in count.items() if n == most]
    first = [noun(word) for word in said[0] if noun(word) in best]  # in the order of a title
    return "".join(word[0].upper() + word[1:] for word in first)[:MOST_NAME]


def _beginning(ids: Sequence[str]) -> str:
    """Return the letters that ids begin with: `TT-111`, `TT-112` → TT; of components their own names."""
    names = {_letters(name.rpartition(".")[2]) for name in ids}
    name = min(names, key=lambda one: (len(one), one)) if len(names) > 1 else next(iter(names))
    return name[0].upper() + name[1:] if name else ""


def _letters(name: str) -> str:
    parts = words(name)
    return "".join(part for part in parts[:1] if part.isalpha() and part.isascii())


def _leads(
    relationships: Iterable[Relationship], of: Mapping[str, str], things: Mapping[str, _Thing]
) -> dict[str, dict[str, set[str]]]:
    """Return the relationships of each inferred type: name → types of what they lead to."""
    out: dict[str, dict[str, set[str]]] = {}
    for one in relationships:
        if (model := of.get(one.source)) is None or one.target not in things:
            continue
        target = of.get(one.target) or things[one.target].record.model
        out.setdefault(model, {}).setdefault(one.name, set()).add(target)
    return out


def _document(
    model: str,
    members: Sequence[_Thing],
    of: Mapping[str, str],
    leads: Mapping[str, Mapping[str, set[str]]],
    losses: list[str],
) -> Document:
    first = members[0]
    contents: list[Document] = []
    names: set[str] = set()

    def take(own: str, made: Document) -> None:
        """Add an element under a name that DTDL allows; what stood for another name is told."""
        name = allowed(own, names)
        names.add(name)
        if name != own:
            losses.append(
                f"{key_of(model)}: '{own}' is called '{name}', as DTDL allows letters, digits and _."
            )
            made["comment"] = f"{made.get('comment', '')} tag: {own}".strip()
        contents.append({"@type": made.pop("@type"), "name": name, **made})

    for name, spec in sorted(first.tags.items()):
        take(name, _signal(spec, key_of(model), losses))
    for name, value in sorted(first.record.properties.items()):
        take(name, {"@type": "Property", "schema": _schema_of(value)})
    for part in first.parts:
        take(
            part.rpartition(".")[2], {"@type": "Component", "schema": of.get(part) or _model_of(first, part)}
        )
    for name, targets in sorted(leads.get(model, {}).items()):
        only = next(iter(targets)) if len(targets) == 1 else ""
        relation: Document = {"@type": "Relationship"}
        if only.startswith("dtmi:"):
            relation["target"] = only
        take(name, relation)
    title = " ".join(words(key_of(model))) if key(key_of(model))[0] != PART else key_of(model)
    head: Document = {"@context": list(CONTEXT), "@id": model, "@type": "Interface", "displayName": title}
    told = ", ".join(one.id for one in members[:8]) + (" …" if len(members) > 8 else "")  # noqa: PLR2004
    head["comment"] = f"Made from {told}."[:512]
    return head | {"contents": contents}


def _model_of(holder: _Thing, part: str) -> str:
    path = part[len(holder.twin) + 1 :]
    inner = holder.record.components if isinstance(holder.record, TwinInstance) else ()
    return next((one.model for one in inner if one.path == path), "")


def _signal(spec: TagSpec, type_: str, losses: list[str]) -> Document:
    """Return a tag as a Telemetry, or as a writable Property where it can be written."""
    kinds = ["Property" if spec.writable else "Telemetry"]
    schema = _schema(spec)
    out: Document = {}
    quantity = QUANTITIES.get(spec.unit) if schema == "double" else None
    if quantity is not None:
        kinds.append(quantity[0])
        out["unit"] = quantity[1]
    elif spec.unit:
        out["comment"] = f"unit: {spec.unit}"
        losses.append(f"{type_}: no quantity of DTDL follows from the unit '{spec.unit}'; it is a comment.")
    if spec.history:
        kinds.append("Historized")
    if spec.writable:
        out["writable"] = True
    if spec.title:
        out["displayName"] = spec.title[:MOST_NAME]
    return {"@type": kinds[0] if len(kinds) == 1 else kinds, "schema": schema, **out}


def _schema(spec: TagSpec) -> object:
    match spec.kind:
        case "bool":
            return "boolean"
        case "text" | "struct":
            return "string"
        case "array":
            return {"@type": "Array", "elementSchema": "double"}
        case "enum" if spec.states and all(value == int(value) for value, _ in spec.states):
            names: set[str] = set()
            rows: list[Document] = []
            for value, title in spec.states:
                name = allowed(title, names)
                names.add(name)
                rows.append({"name": name, "displayName": title[:MOST_NAME], "enumValue": int(value)})
            return {"@type": "Enum", "valueSchema": "integer", "enumValues": rows}
    return "double"


def _schema_of(value: object) -> str:
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "double"


def allowed(name: str, taken: Iterable[str] = ()) -> str:
    """Return the nearest name that DTDL allows and that is not taken."""
    held = frozenset(taken)
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    plain = (plain if plain[:1].isalpha() else f"n{plain}")[: MOST_NAME - 4].rstrip("_") or "n"
    if _NAME.fullmatch(name) and len(name) <= MOST_NAME:
        plain = name
    unique, n = plain, 2
    while unique in held:
        unique, n = f"{plain}{n}", n + 1
    return unique
