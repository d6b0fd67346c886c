"""Asset Administration Shells (IEC 63278, metamodel 3) as twins, from their JSON form.

Submodels become components; their properties become values; an Asset Interfaces Description gives addresses;
hierarchical structures give parts. Packages (AASX) and XML are first turned into JSON by `import_aas_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from armillary.twin.import_wot import affordances
from armillary.twin.imports import MOST_DEEP, Imported, Json, Known, Taking, clean, nobody, refused, text_of

_LISTS = ("assetAdministrationShells", "submodels", "conceptDescriptions")
_INTERFACES = ("assetinterfacesdescription", "assetinterfacesdescriptions")
_NUMBERS = frozenset(
    ("double", "float", "decimal", "integer", "int", "long", "short", "byte", "unsignedint", "unsignedlong",
     "unsignedshort", "unsignedbyte", "nonnegativeinteger", "positiveinteger", "nonpositiveinteger",
     "negativeinteger")
)  # fmt: skip
_WHOLE = frozenset(("haspart", "ispartof"))
_WHY = {
    "Operation": "Commands are templates in commands.toml.",
    "Blob": "Files inside a package are not kept.",
    "Capability": "The twin keeps no such thing.",
    "BasicEventElement": "Alarms are rules in rules.toml.",
    "AnnotatedRelationshipElement": "Only parts are taken as relationships.",
    "RelationshipElement": "Only parts are taken as relationships.",
}


def is_aas(document: Json) -> bool:
    """Return whether a document is an environment of shells and submodels."""
    return isinstance(document, dict) and any(isinstance(document.get(key), list) for key in _LISTS[:2])


def imported(document: Json, known: Known = nobody) -> Imported:
    """Return the twins of an environment. Raises ProjectFault for what is none."""
    if not is_aas(document):
        raise refused("This is no AAS environment: it has no list of shells or submodels.")
    taking = Taking("aas")
    for key in document:
        if key not in _LISTS:
            taking.leave("part", str(key), "It is not known.")
    submodels = {str(one.get("id")): one for one in document.get("submodels") or () if isinstance(one, dict)}
    used: set[str] = set()
    shells = [one for one in document.get("assetAdministrationShells") or () if isinstance(one, dict)]
    assets: dict[str, str] = {}  # global asset id → shell
    for shell in shells:
        information = shell.get("assetInformation")
        asset = information.get("globalAssetId") if isinstance(information, dict) else None
        if isinstance(asset, str):
            assets[asset] = str(shell.get("id"))
    for shell in shells:  # all first: hierarchies of one name others
        taking.twin(str(shell.get("id")), name=_name(shell), title=_title(shell))
    for shell in shells:
        _shell(shell, submodels, used, assets, taking)
    for name, submodel in submodels.items():
        if name not in used:
            twin = taking.twin(name, name=_name(submodel), title=_title(submodel))
            _Submodel(taking, name, assets).take(submodel, twin)
    for concept in document.get("conceptDescriptions") or ():
        told = str(concept.get("idShort") or concept.get("id")) if isinstance(concept, dict) else "concept"
        taking.leave("concept description", told, "Types are DTDL interfaces: see `armillary model infer`.")
    return taking.done(known)


def _name(element: Mapping[str, Json]) -> str:
    return str(element.get("idShort") or "")


def _title(element: Mapping[str, Json]) -> str:
    return text_of(element.get("displayName"))


def _keys(reference: Json) -> list[str]:
    keys = reference.get("keys") if isinstance(reference, dict) else None
    return [str(key.get("value")) for key in keys or () if isinstance(key, dict)]


def _shell(
    shell: Mapping[str, Json],
    submodels: Mapping[str, Mapping[str, Json]],
    used: set[str],
    assets: Mapping[str, str],
    taking: Taking,
) -> None:
    foreign = str(shell.get("id"))
    twin = taking.twin(foreign)
    information = shell.get("assetInformation")
    for name, value in information.items() if isinstance(information, dict) else ():
        told = f"{foreign}.assetInformation.{name}"
        if name == "specificAssetIds" and isinstance(value, list):
            for one in value:
                if isinstance(one, dict):
                    taking.put(
                        twin, clean(str(one.get("name"))), one.get("value"), f"{told}.{one.get('name')}"
                    )
        elif isinstance(value, str):
            taking.put(twin, name, value, told)
        else:
            taking.leave("statement", told, "The twin keeps no such thing.")
    for reference in shell.get("submodels") or ():
        key = (_keys(reference) or [""])[-1]
        submodel = submodels.get(key)
        if submodel is None:
            taking.leave("submodel", f"{foreign} {key}", "It is not in this file.")
            continue
        used.add(key)
        name = clean(_name(submodel) or key)
        held: dict[str, Json] = {"title": _title(submodel)} if _title(submodel) else {}
        _Submodel(taking, foreign, assets).take(submodel, held, twin)
        if held:
            parts = twin.setdefault("components", {})
            own, n = name, 2
            while own in parts:
                own, n = f"{name}-{n}", n + 1
            parts[own] = held
    for name in shell:
        if name not in ("id", "idShort", "displayName", "assetInformation", "submodels", "modelType"):
            taking.leave("statement", f"{foreign}.{name}", "The twin keeps no such thing.")


class _Submodel:
    """One submodel of one shell."""

    def __init__(self, taking: Taking, shell: str, assets: Mapping[str, str]) -> None:
        self._taking, self._shell, self._assets = taking, shell, assets
        self._entities: dict[str, str] = {}  # short name inside the submodel → foreign id
        self._parts: list[tuple[str, str]] = []  # (part, whole) by short names

    def take(
        self, submodel: Mapping[str, Json], held: dict[str, Json], twin: dict[str, Json] | None = None
    ) -> None:
        """Take what a submodel holds into a component; addresses of interfaces become tags of the twin."""
        name = _name(submodel) or str(submodel.get("id"))
        told = f"{self._shell}.{name}"
        self._taking.take("submodel", told)
        elements = submodel.get("submodelElements") or ()
        if name.lower() in _INTERFACES:
            for interface in elements:
                if isinstance(interface, dict):
                    self._interface(
                        interface, twin if twin is not None else held, f"{told}.{_name(interface)}"
                    )
            return
        if name.lower().startswith("timeseries"):
            self._taking.leave("time series", told, "History is imported by `armillary history import`.")
            return
        for i, element in enumerate(elements):
            self._element(element, held, told, f"{i}")
        for part, whole in self._parts:  # entities are known by now, wherever they stand
            self._taking.relate(self._entities.get(part, part), "partOf", self._entities.get(whole, whole))

    def _element(self, element: Json, held: dict[str, Json], above: str, number: str, depth: int = 0) -> None:
        taking = self._taking
        if not isinstance(element, dict) or depth > MOST_DEEP:
            taking.leave("element", f"{above}[{number}]", "It is no element, or too deep inside others.")
            return
        kind = str(element.get("modelType", ""))
        name = _name(element) or number
        told = f"{above}.{name}"
        value = element.get("value")
        if element.get("semanticId") is not None and kind in ("Property", "Range", "MultiLanguageProperty"):
            taking.leave(
                "semantic id", f"{told} {' '.join(_keys(element['semanticId']))}", "Values have none here."
            )
        match kind:
            case "Property":
                self._property(element, held, name, told)
            case "Range":
                for end in ("min", "max"):
                    taking.put(held, f"{name}.{end}", _typed(element.get(end), element), f"{told}.{end}")
            case "MultiLanguageProperty":
                self._languages(held, name, value, told)
            case "SubmodelElementCollection" | "SubmodelElementList":
                self._group(element, held, name, told, depth)
            case "Entity":
                self._entity(element, told, depth)
            case "File" | "ReferenceElement":
                text = value if isinstance(value, str) else " ".join(_keys(value))
                taking.put(held, name, text or None, told)
            case "RelationshipElement" if name.lower() in _WHOLE:
                ends = [(_keys(element.get(end)) or [""])[-1] for end in ("first", "second")]
                part, whole = ends if name.lower() == "ispartof" else reversed(ends)
                self._parts.append((part, whole))
            case _:
                why = _WHY.get(kind, "The twin keeps no such thing.")
                taking.leave(kind or "element", told, why)

    def _property(self, element: Mapping[str, Json], held: dict[str, Json], name: str, told: str) -> None:
        value = _typed(element.get("value"), element)
        self._taking.put(held, name, value, told)

    def _languages(self, held: dict[str, Json], name: str, value: Json, told: str) -> None:
        texts = [one for one in value or () if isinstance(one, dict)] if isinstance(value, list) else []
        self._taking.put(held, name, text_of(value) or None, told)
        chosen = text_of(value)
        for one in texts:
            if one.get("text") != chosen:
                self._taking.leave("language", f"{told}@{one.get('language')}", "A property has one text.")

    def _group(
        self, element: Mapping[str, Json], held: dict[str, Json], name: str, told: str, depth: int
    ) -> None:
        inner = element.get("value")
        members = inner if isinstance(inner, list) else []
        part: dict[str, Json] = {"title": _title(element)} if _title(element) else {}
        for i, one in enumerate(members):
            self._element(one, part, told, str(i), depth + 1)
        if part:
            parts = held.setdefault("components", {})
            own, n = clean(name), 2
            while own in parts:
                own, n = f"{clean(name)}-{n}", n + 1
            parts[own] = part
            self._taking.take("component", told)
        elif not members:
            self._taking.leave("group", told, "It is empty.")

    def _entity(self, element: Mapping[str, Json], told: str, depth: int) -> None:
        """Take an entity of a hierarchical structure as a twin that is part of this one."""
        asset = element.get("globalAssetId")
        shell = self._assets.get(str(asset)) if asset else None
        foreign = shell or str(asset or told)
        self._entities.setdefault(_name(element), foreign)
        if shell != self._shell:
            twin = self._taking.twin(foreign, name="" if shell else _name(element), title=_title(element))
            self._taking.relate(foreign, "partOf", self._shell)
        else:
            twin = self._taking.twin(self._shell)
            self._taking.take("entity", told)
        inner = _Submodel(self._taking, foreign, self._assets)
        inner._entities, inner._parts = self._entities, self._parts
        for i, one in enumerate(element.get("statements") or ()):
            inner._element(one, twin, told, str(i), depth + 1)

    # ------------------------------------------------------------ addresses

    def _interface(self, interface: Mapping[str, Json], twin: dict[str, Json], told: str) -> None:
        """Take the properties of one described interface as tags, as those of a Thing Description."""
        parts = _members(interface)
        endpoint = _members(parts.get("EndpointMetadata", {}))
        base = str(endpoint.get("base", {}).get("value") or "")
        for name in endpoint:
            if name != "base":
                self._taking.leave(
                    "endpoint", f"{told}.EndpointMetadata.{name}", "It is set in project.toml."
                )
        metadata = _members(parts.get("InteractionMetadata", {}))
        properties = {key: _described(one) for key, one in _members(metadata.get("properties", {})).items()}
        affordances({"properties": properties}, twin, told, base, self._taking)
        for kind in ("actions", "events"):
            for name in _members(metadata.get(kind, {})):
                self._taking.leave(kind.removesuffix("s"), f"{told}.{name}", "Only properties are taken.")
        for name in parts:
            if name not in ("EndpointMetadata", "InteractionMetadata", "title"):
                self._taking.leave("element", f"{told}.{name}", "The twin keeps no such thing.")


def _members(element: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """Return the elements of a collection by their names."""
    inner = element.get("value", element.get("submodelElements"))
    members = inner if isinstance(inner, list) else []
    return {(_name(one) or str(i)): one for i, one in enumerate(members) if isinstance(one, dict)}


def _described(element: Mapping[str, Json]) -> dict[str, Json]:
    """Return a property of an interface as a Thing Description writes it."""
    parts = _members(element)
    out: dict[str, Json] = {}
    for key in ("title", "type", "unit"):
        if key in parts:
            out[key] = text_of(parts[key].get("value"))
    for key in ("readOnly", "observable"):
        if key in parts:
            out[key] = str(parts[key].get("value")).lower() == "true"
    span = parts.get("min_max") or parts.get("valueRange")
    if span is not None:
        low, high = _number(span.get("min")), _number(span.get("max"))
        out |= {name: value for name, value in (("minimum", low), ("maximum", high)) if value is not None}
    if "properties" in parts:
        out["properties"] = {key: _described(one) for key, one in _members(parts["properties"]).items()}
    if "forms" in parts:
        form = {key: one.get("value") for key, one in _members(parts["forms"]).items()}
        out["forms"] = [{_prefixed(key): value for key, value in form.items()}]
    return out


def _prefixed(key: str) -> str:
    return key.replace("_", ":", 1) if key.startswith(("mqv_", "htv_", "modv_")) else key


def _number(value: Json) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _typed(value: Json, element: Mapping[str, Json]) -> Json:
    """Return a value as its type says: AAS writes all of them as texts."""
    kind = str(element.get("valueType", "")).rpartition(":")[2].lower()
    if kind == "boolean" and isinstance(value, str):
        return value.strip().lower() in ("true", "1")
    if kind in _NUMBERS and isinstance(value, str):
        number = _number(value)
        if number is None or not isfinite(number):
            return value
        return int(number) if kind not in ("double", "float", "decimal") and number == int(number) else number
    return value
