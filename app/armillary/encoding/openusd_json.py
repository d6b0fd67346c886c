"""A SceneOffer ⇔ JSON, in the words of the draft's own examples (`Pumps.OpenUsdBinding.json`).

One representation with `representation` and `bindings` at the top, as the examples have it, is read as well
as a list `representations`. What is not understood is told by name, never silently passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from armillary.model import unece
from armillary.model.fault import ProjectFault
from armillary.model.openusd import (
    ARCS,
    ASPECTS,
    ASSET_KINDS,
    BAD_ACTIONS,
    CARDINALITIES,
    DIGESTS,
    EXTRA,
    INTENT_TYPES,
    NAMESPACE,
    RENDER_KINDS,
    ROLES,
    Asset,
    Component,
    Live,
    Part,
    Past,
    Path,
    Represented,
    Resolved,
    SceneOffer,
    Signal,
    Stage,
    Trouble,
    enum_name,
    enum_number,
)

SCHEMA = 1
MOST_BYTES = 256 << 20
_MOST_TEXT = 65_536
_TYPES = {name: intent for intent, (_, name) in INTENT_TYPES.items()}
_BINDING = (  # field, key
    ("id", "bindingDefinitionId"),
    ("name", "name"),
    ("source_node", "sourceNodeId"),
    ("semantic_id", "sourceSemanticId"),
    ("target_stage", "targetStage"),
    ("target_prim", "targetPrimPath"),
    ("target_property", "targetPropertyName"),
    ("target_type", "targetUsdTypeName"),
    ("target_node", "targetNodeId"),
    ("semantics", "valueSemanticUri"),
    ("command_node", "commandTargetNodeId"),
    ("command_method", "commandMethodId"),
    ("command_trigger", "commandTriggerPropertyName"),
)
_NUMBERS = (("scale", "scale"), ("offset", "offset"), ("sampling_ms", "samplingIntervalHint"))
_ENUMS = (
    ("role", "signalRole", ROLES),
    ("render_kind", "renderTargetKind", RENDER_KINDS),
    ("bad_action", "badQualityAction", BAD_ACTIONS),
    ("aspect", "alarmAspect", ASPECTS),
)
_KNOWN = {
    *(key for _, key in _BINDING),
    *(key for _, key in _NUMBERS),
    *(key for _, key, _ in _ENUMS),
    "bindingType", "enabled", "sourceBrowsePath", "attributeId", "sourceEngineeringUnits",
    "targetEngineeringUnits", "timeSampled", EXTRA, "note", "commandTargetBrowsePath",
}  # fmt: skip
_COMPONENT = {
    "name", "on", "bindingDefinitionId", "enabled", "cardinality", "compositionArc", "componentReferenceType",
    "componentBrowsePath", "componentTypeDefinition", "targetPrimPath", "componentPrimPath",
    "targetPrimNameSource", "componentAssetReference", "componentAssetNode", "componentRepresentation",
    "dynamic", "changeEventSource", "componentServerUri", "componentEndpointUrl", "note", "parts", "reason",
}  # fmt: skip
_TOP = {
    "schema", "domain", "name", "note", "openUsdModelNamespaceUri", "baseModelNamespaceUri", "stage",
    "stages", "servedAssets", "representation", "representations", "bindings", "components", "appliesToType",
    "url", "serverUri", "signals", "pasts", "troubles", "hasConditions",
}  # fmt: skip
Json = dict[str, Any]  # Any: JSON


def text_of(offer: SceneOffer) -> str:
    """Return an offer as JSON text."""
    document: Json = {
        "schema": SCHEMA,
        "domain": offer.name,
        "openUsdModelNamespaceUri": NAMESPACE,
        "url": offer.url,
        "serverUri": offer.server_uri,
        "stages": [_stage_out(stage) for stage in offer.stages],
        "servedAssets": {"assets": [_asset_out(asset) for asset in offer.assets]},
        "representations": [_represented_out(each) for each in offer.represented],
        "signals": [_signal_out(signal) for signal in offer.signals],
        "pasts": [
            {"where": p.where, "binding": p.binding, "tNs": list(p.t_ns), "values": list(p.value)}
            for p in offer.pasts
        ],
        "troubles": [{"where": t.where, "what": t.what, "code": t.code} for t in offer.troubles],
        "hasConditions": offer.has_conditions,
    }
    lean = {"representations": [], **_lean(document)}
    return json.dumps(lean, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read(text: str, where: str) -> SceneOffer:
    """Return the offer that a JSON text tells. Raises ProjectFault for one that is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = f"This is no JSON: {error}."
        raise ProjectFault(what, where=where, remedy="Export it again.") from error
    if not isinstance(document, dict) or document.get("openUsdModelNamespaceUri", NAMESPACE) != NAMESPACE:
        raise ProjectFault(
            "This JSON tells no OpenUSD bindings.",
            where=where,
            remedy=f"Give one with openUsdModelNamespaceUri {NAMESPACE}.",
        )
    if not {"bindings", "representations", "representation"} & set(document):
        raise ProjectFault(
            "This JSON has neither bindings nor representations.", where=where, remedy="Give another file."
        )
    return _Reader(document).offer()


# ---------------------------------------------------------------- out


def _lean(value: Any) -> Any:
    """Return JSON without what is empty: absent means the same."""
    if isinstance(value, dict):
        made = {key: _lean(item) for key, item in value.items()}
        return {k: v for k, v in made.items() if v not in ("", None, [], {})}
    return [_lean(item) for item in value] if isinstance(value, list) else value


def _path_out(path: Path) -> Any:
    return [{"namespaceUri": uri, "name": name} for uri, name in path]


def _live_out(live: Live) -> Json:
    out: Json = {key: getattr(live, field) for field, key in _BINDING}
    out["bindingType"] = INTENT_TYPES[live.intent][1]
    out["enabled"] = live.enabled
    out["sourceBrowsePath"] = _path_out(live.source_path)
    out["attributeId"] = live.attribute
    out["sourceEngineeringUnits"], out["targetEngineeringUnits"] = live.source_unit, live.target_unit
    out |= {key: getattr(live, field) for field, key in _NUMBERS}
    out |= {key: enum_name(names, getattr(live, field)) for field, key, names in _ENUMS}
    out["timeSampled"] = live.time_sampled
    out[EXTRA] = live.extra
    return out


def _component_out(one: Component) -> Json:
    return {
        "name": one.name,
        "bindingDefinitionId": one.id,
        "enabled": one.enabled,
        "cardinality": CARDINALITIES[one.many],
        "compositionArc": enum_name(ARCS, one.arc),
        "componentReferenceType": one.reference_type,
        "componentBrowsePath": _path_out(one.path),
        "componentTypeDefinition": one.type_definition,
        "targetPrimPath": one.target_prim,
        "targetPrimNameSource": one.name_source,
        "componentAssetReference": one.asset,
        "componentAssetNode": one.asset_node,
        "componentRepresentation": one.representation,
        "dynamic": one.dynamic,
        "changeEventSource": one.event_source,
        "componentServerUri": one.server_uri,
        "componentEndpointUrl": one.endpoint,
        "parts": [{"node": p.node, "name": p.name, "representation": p.represented} for p in one.parts],
        "reason": one.reason,
    }


def _represented_out(one: Represented) -> Json:
    return {
        "name": one.name,
        "primPath": one.prim,
        "node": one.node,
        "representedNodeId": one.owner,
        "representedBrowsePath": _path_out(one.owner_path),
        "stage": one.stage,
        "bindings": [_live_out(live) for live in one.live],
        "components": [_component_out(each) for each in one.components],
        "resolved": [
            {"binding": r.binding, "nodes": [list(node) for node in r.nodes], "reason": r.reason}
            for r in one.resolved
        ],
    }


def _stage_out(stage: Stage) -> Json:
    return {
        "browseName": stage.name,
        "node": stage.node,
        "rootLayerIdentifier": stage.root_layer,
        "rootLayerDigest": stage.digest,
        "rootLayerDigestAlgorithm": enum_name(DIGESTS, stage.algorithm),
        "resolvedRootLayerUri": stage.resolved_uri,
        "provenanceUri": stage.provenance,
    }


def _asset_out(asset: Asset) -> Json:
    return {
        "assetIdentifier": asset.identifier,
        "assetKind": enum_name(ASSET_KINDS, asset.kind),
        "mediaType": asset.media_type,
        "digest": asset.digest,
        "digestAlgorithm": enum_name(DIGESTS, asset.algorithm),
        "size": asset.size,
        "node": asset.node,
        "file": asset.file,
    }


def _signal_out(signal: Signal) -> Json:
    return {
        "node": signal.node,
        "name": signal.name,
        "kind": signal.kind,
        "unit": signal.unit,
        "low": signal.low if math.isfinite(signal.low) else None,
        "high": signal.high if math.isfinite(signal.high) else None,
        "states": [list(state) for state in signal.states],
        "writable": signal.writable,
    }


# ---------------------------------------------------------------- in


class _Reader:
    """One document; what it cannot read it notes."""

    def __init__(self, document: Json) -> None:
        self._doc = document
        self._base = _text(document, "baseModelNamespaceUri")
        self.troubles: list[Trouble] = []

    def offer(self) -> SceneOffer:
        doc = self._doc
        self._unknown("the file", doc, _TOP)
        stages = [*_dicts(doc.get("stages")), *_dicts([doc.get("stage")])]
        served = doc.get("servedAssets")
        assets = _dicts(served.get("assets")) if isinstance(served, dict) else []
        represented = tuple(self._represented(one) for one in self._all())
        troubles = [
            Trouble(where=_text(t, "where"), what=_text(t, "what"), code=_text(t, "code"))
            for t in _dicts(doc.get("troubles"))
        ]
        return SceneOffer(
            url=_text(doc, "url"),
            server_uri=_text(doc, "serverUri"),
            name=_text(doc, "domain") or _text(doc, "name"),
            stages=tuple(_stage(one) for one in stages),
            represented=represented,
            assets=tuple(_asset(one) for one in assets),
            signals=tuple(_signal(one) for one in _dicts(doc.get("signals"))),
            pasts=tuple(_past(one) for one in _dicts(doc.get("pasts"))),
            troubles=(*troubles, *self.troubles),
            has_conditions=doc.get("hasConditions") is True,
        )

    def _unknown(self, where: str, table: Json, known: set[str]) -> None:
        self.troubles.extend(
            Trouble(where=where, what=f"'{key[:64]}' is not read.", code="unknown-key")
            for key in table
            if key not in known
        )

    def _all(self) -> Iterator[Json]:
        """Yield representations: a list, the one of an example, or those that an example names one by one."""
        doc = self._doc
        said = doc.get("representations")
        yield from _dicts(said)
        if isinstance(said, dict):
            yield from (one for one in said.values() if isinstance(one, dict) and "primPath" in one)
        if "representation" in doc or "bindings" in doc:
            one = doc.get("representation")
            base = one if isinstance(one, dict) else {}
            yield {**base, "bindings": doc.get("bindings"), "components": doc.get("components")}

    def _represented(self, one: Json) -> Represented:
        prim = _text(one, "primPath")
        name = _text(one, "name") or _text(one, "browseName") or prim.rpartition("/")[2] or "Scene"
        return Represented(
            name=name,
            prim=prim,
            node=_text(one, "node"),
            owner=_text(one, "representedNodeId"),
            owner_path=self._path(one.get("representedBrowsePath")),
            stage=_text(one, "stage"),
            live=tuple(self._live(each, name) for each in _dicts(one.get("bindings"))),
            components=tuple(self._component(each, name) for each in _dicts(one.get("components"))),
            resolved=tuple(_resolved(each) for each in _dicts(one.get("resolved"))),
        )

    def _path(self, said: Any) -> Path:
        if isinstance(said, str):  # "/Operational/Measurements/MassFlow": all of the model's own namespace
            return tuple((self._base, step) for step in said.split("/") if step)
        return tuple((_text(step, "namespaceUri"), _text(step, "name")) for step in _dicts(said))

    def _live(self, one: Json, of: str) -> Live:
        name = _text(one, "name") or "binding"
        at = f"{of}.{name}"
        self._unknown(at, one, _KNOWN)
        said = _text(one, "bindingType") or INTENT_TYPES["value"][1]
        if said not in _TYPES:
            self.troubles.append(Trouble(where=at, what=f"Its type '{said[:64]}' is not known.", code="type"))
        fields: Json = {field: _text(one, key) for field, key in _BINDING}
        fields |= {field: _number(one, key) for field, key in _NUMBERS}
        for field, key, names in _ENUMS:
            fields[field] = enum_number(names, one.get(key))
            if fields[field] is None and one.get(key) is not None:
                self.troubles.append(
                    Trouble(where=at, what=f"{key} '{str(one[key])[:64]}' is not known.", code="enum")
                )
        sampled, attribute = one.get("timeSampled"), one.get("attributeId")
        return Live(
            **{**fields, "name": name},
            intent=_TYPES.get(said, "value"),
            enabled=one.get("enabled") is not False,
            source_path=self._path(one.get("sourceBrowsePath")),
            attribute=attribute if isinstance(attribute, int) else None,
            source_unit=unece.spelt(_text(one, "sourceEngineeringUnits")),
            target_unit=unece.spelt(_text(one, "targetEngineeringUnits")),
            time_sampled=sampled if isinstance(sampled, bool) else None,
            extra=_text(one, EXTRA),
        )

    def _component(self, one: Json, of: str) -> Component:
        name = _text(one, "name") or "component"
        self._unknown(f"{of}.{name}", one, _COMPONENT)
        return Component(
            name=name,
            id=_text(one, "bindingDefinitionId"),
            enabled=one.get("enabled") is not False,
            many=enum_number(CARDINALITIES, one.get("cardinality")) == 1,
            arc=enum_number(ARCS, one.get("compositionArc")) or 0,
            reference_type=_text(one, "componentReferenceType"),
            path=self._path(one.get("componentBrowsePath")),
            type_definition=_text(one, "componentTypeDefinition"),
            target_prim=_text(one, "targetPrimPath") or _text(one, "componentPrimPath"),
            name_source=_text(one, "targetPrimNameSource"),
            asset=_text(one, "componentAssetReference"),
            asset_node=_text(one, "componentAssetNode"),
            representation=_text(one, "componentRepresentation"),
            dynamic=one.get("dynamic") is True,
            event_source=_text(one, "changeEventSource"),
            server_uri=_text(one, "componentServerUri"),
            endpoint=_text(one, "componentEndpointUrl"),
            parts=tuple(
                Part(node=_text(p, "node"), name=_text(p, "name"), represented=_text(p, "representation"))
                for p in _dicts(one.get("parts"))
            ),
            reason=_text(one, "reason"),
        )


def _dicts(said: Any) -> list[Json]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    return value[:_MOST_TEXT] if isinstance(value, str) else ""


def _number(table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]  # a number, as just tested


def _stage(one: Json) -> Stage:
    return Stage(
        name=_text(one, "browseName"),
        node=_text(one, "node"),
        root_layer=_text(one, "rootLayerIdentifier"),
        digest=_text(one, "rootLayerDigest"),
        algorithm=enum_number(DIGESTS, one.get("rootLayerDigestAlgorithm")) or 0,
        resolved_uri=_text(one, "resolvedRootLayerUri"),
        provenance=_text(one, "provenanceUri"),
    )


def _asset(one: Json) -> Asset:
    size = one.get("size")
    return Asset(
        identifier=_text(one, "assetIdentifier"),
        kind=enum_number(ASSET_KINDS, one.get("assetKind")) or 0,
        media_type=_text(one, "mediaType"),
        digest=_text(one, "digest"),
        algorithm=enum_number(DIGESTS, one.get("digestAlgorithm")) or 0,
        size=size if isinstance(size, int) else 0,
        node=_text(one, "node"),
        file=_text(one, "file"),
    )


def _signal(one: Json) -> Signal:
    states = one.get("states")
    low, high = _number(one, "low"), _number(one, "high")
    return Signal(
        node=_text(one, "node"),
        name=_text(one, "name"),
        kind=_text(one, "kind") or "number",
        unit=_text(one, "unit"),
        low=math.nan if low is None else low,
        high=math.nan if high is None else high,
        states=tuple(
            (float(s[0]), str(s[1]))
            for s in (states if isinstance(states, list) else [])
            if isinstance(s, list) and len(s) == 2 and isinstance(s[0], int | float)  # noqa: PLR2004  a pair
        ),
        writable=one.get("writable") is True,
    )


def _list(said: Any) -> list[Any]:
    return said if isinstance(said, list) else []


def _past(one: Json) -> Past:
    times, values = one.get("tNs"), one.get("values")
    rows = [
        (t, float(v))
        for t, v in zip(_list(times), _list(values), strict=False)
        if isinstance(t, int) and isinstance(v, int | float)
    ]
    return Past(
        where=_text(one, "where"),
        binding=_text(one, "binding"),
        t_ns=tuple(t for t, _ in rows),
        value=tuple(v for _, v in rows),
    )


def _resolved(one: Json) -> Resolved:
    nodes = one.get("nodes")
    return Resolved(
        binding=_text(one, "binding"),
        nodes=tuple(
            (str(n[0]), str(n[1]))
            for n in (nodes if isinstance(nodes, list) else [])
            if isinstance(n, list) and len(n) == 2  # noqa: PLR2004  a pair
        ),
        reason=_text(one, "reason"),
    )
