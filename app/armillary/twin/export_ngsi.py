"""Twins as NGSI-LD entities (ETSI GS CIM 009), normalised; what NGSI-LD has no place for is listed.

Properties become Property, relations become Relationship, a longitude and latitude a GeoProperty. What only
Armillary knows of a twin (its prim, its tags and their addresses) goes along in one JsonProperty, so that a
twin that comes back is the twin that went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from armillary.twin.imports import UNECE, Json

CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
OURS = "armillaryTwin"  # the attribute that carries what only we know
KEPT = ("title", "prim", "tags", "components")
NO_TYPE = "Thing"
_URN = "urn:ngsi-ld"
_CODE_OF = {unit: code for code, unit in reversed(UNECE.items()) if unit}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The entities, and what is not in them, a line each."""

    entities: tuple[Mapping[str, Json], ...]
    losses: tuple[str, ...] = ()


def urn(twin: str, model: str) -> str:
    """Return the id of an entity: the last part of it is the twin's own."""
    name = model.rsplit(":", 1)[-1].partition(";")[0] or NO_TYPE
    return f"{_URN}:{name}:{twin}"


def exported(twins: Sequence[Mapping[str, Json]], relationships: Sequence[Mapping[str, Json]]) -> Exported:
    """Return twins and their relations, as twins.json has them, as entities."""
    losses: list[str] = []
    id_of = {str(twin["id"]): urn(str(twin["id"]), str(twin.get("model", ""))) for twin in twins}
    edges: dict[str, dict[str, list[str]]] = {}
    for edge in relationships:
        start, end = str(edge.get("from")), str(edge.get("to"))
        if start not in id_of or end not in id_of:
            losses.append(f"relation {start} {edge.get('name')} {end}: one of its twins is not exported")
            continue
        edges.setdefault(start, {}).setdefault(str(edge.get("name")), []).append(id_of[end])
        if edge.get("properties"):
            losses.append(f"relation {start} {edge.get('name')} {end}: its properties")
    entities = tuple(_entity(twin, id_of, edges.get(str(twin["id"]), {}), losses) for twin in twins)
    return Exported(entities=entities, losses=tuple(losses))


def _entity(
    twin: Mapping[str, Json],
    id_of: Mapping[str, str],
    edges: Mapping[str, Sequence[str]],
    losses: list[str],
) -> dict[str, Json]:
    name = str(twin["id"])
    out: dict[str, Json] = {"id": id_of[name], "type": str(twin.get("model") or NO_TYPE)}
    if not twin.get("model"):
        losses.append(f"{name}: it has no type; it is a {NO_TYPE} there")
    properties = dict(twin.get("properties", {}))
    units = {
        key.removesuffix(".unit"): properties.pop(key)
        for key in list(properties)
        if _is_unit(key, properties)
    }
    for key, value in properties.items():
        if key in ("id", "type", OURS, "@context") or key in edges:
            losses.append(f"{name}.{key}: NGSI-LD keeps this name for itself, or a relation has it")
            continue
        out[key] = {"type": "Property", "value": value}
        if key in units:
            out[key]["unitCode"] = _CODE_OF.get(str(units[key]), str(units[key]))
    for key, targets in edges.items():
        out[key] = {"type": "Relationship", "object": targets[0] if len(targets) == 1 else list(targets)}
    if ours := {key: twin[key] for key in KEPT if twin.get(key)}:
        out[OURS] = {"type": "JsonProperty", "json": ours}
    known = {"id", "model", "properties", *KEPT}
    losses += [f"{name}.{key}: only Armillary knows it" for key in twin if key not in known]
    out["@context"] = CONTEXT
    return out


def _is_unit(key: str, properties: Mapping[str, Json]) -> bool:
    base = key.removesuffix(".unit")
    return base != key and base in properties and isinstance(properties[base], int | float | str)
