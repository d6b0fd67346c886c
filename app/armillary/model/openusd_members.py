"""The members of the draft's types: browse name, number, data type, rule, and the field of our record.

One table for the reader of a server, the reader and writer of NodeSet2 files, and the demonstration server.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from armillary.model.openusd import EXTRA, Asset, Component, Live, Stage

TYPES = {  # browse name → number
    "OpenUsdRootType": 1001,
    "OpenUsdStageType": 1002,
    "OpenUsdRepresentationType": 1003,
    "OpenUsdLiveBindingType": 1004,
    "OpenUsdComponentBindingType": 1005,
    "OpenUsdAssetType": 1006,
    "OpenUsdValueChangeBindingType": 1007,
    "OpenUsdAlarmBindingType": 1008,
    "OpenUsdHistoryBindingType": 1009,
    "OpenUsdCommandBindingType": 1011,
}
ROOT, STAGE, REPRESENTATION, LIVE, COMPONENT, ASSET = range(1001, 1007)
# 1004 is abstract; examples of the draft instantiate it all the same
INTENTS = {1004: "value", 1007: "value", 1008: "alarm", 1009: "history", 1011: "command"}
ENUMS = {  # number of the data type
    "RenderTargetKind": 3002,
    "BadQualityAction": 3003,
    "State": 3004,
    "SignalRole": 3005,
    "AlarmAspect": 3006,
    "DigestAlgorithm": 3007,
    "Cardinality": 3008,
    "CompositionArc": 3009,
    "AssetKind": 3010,
}
Values = Mapping[str, Any]  # Any: a value by browse name, made plain (text, number, flag or path)


@dataclass(frozen=True, slots=True)
class Member:
    """One property: data type is a name of namespace 0, or `Enum` (an Int32 with a table of names)."""

    field: str
    number: int
    type: str
    mandatory: bool = False


LIVE_MEMBERS = {
    "BindingDefinitionId": Member("id", 6001, "Guid", True),
    "Enabled": Member("enabled", 6002, "Boolean", True),
    "SourceNodeId": Member("source_node", 6003, "NodeId"),
    "SourceBrowsePath": Member("source_path", 6004, "RelativePath"),
    "AttributeId": Member("attribute", 6005, "UInt32"),
    "TargetStage": Member("target_stage", 6006, "NodeId", True),
    "TargetPrimPath": Member("target_prim", 6007, "String", True),
    "TargetPropertyName": Member("target_property", 6008, "String", True),
    "TargetUsdTypeName": Member("target_type", 6009, "String", True),
    "RenderTargetKind": Member("render_kind", 6010, "Enum"),
    "ValueSemanticUri": Member("semantics", 6011, "String"),
    "Scale": Member("scale", 6012, "Double"),
    "Offset": Member("offset", 6013, "Double"),
    "SourceEngineeringUnits": Member("source_unit", 6014, "EUInformation"),
    "TargetEngineeringUnits": Member("target_unit", 6015, "EUInformation"),
    "BadQualityAction": Member("bad_action", 6016, "Enum"),
    "SamplingIntervalHint": Member("sampling_ms", 6017, "Double"),
    "SignalRole": Member("role", 6031, "Enum"),
    "SourceSemanticId": Member("semantic_id", 6032, "String"),
    "TargetNodeId": Member("target_node", 6067, "NodeId"),
}
ALARM_MEMBERS = {"AlarmAspect": Member("aspect", 6033, "Enum")}
HISTORY_MEMBERS = {"TimeSampled": Member("time_sampled", 6034, "Boolean")}
COMMAND_MEMBERS = {
    "CommandTargetNodeId": Member("command_node", 6035, "NodeId", True),
    "CommandMethodId": Member("command_method", 6036, "NodeId"),
    "CommandTriggerPropertyName": Member("command_trigger", 6037, "String", True),
}
INTENT_MEMBERS = {"value": {}, "alarm": ALARM_MEMBERS, "history": HISTORY_MEMBERS, "command": COMMAND_MEMBERS}
OWN_MEMBERS = {EXTRA: Member("extra", 0, "String")}  # in our own namespace
ALL_LIVE = {**LIVE_MEMBERS, **ALARM_MEMBERS, **HISTORY_MEMBERS, **COMMAND_MEMBERS, **OWN_MEMBERS}
COMPONENT_MEMBERS = {
    "BindingDefinitionId": Member("id", 6042, "Guid", True),
    "Enabled": Member("enabled", 6043, "Boolean", True),
    "Cardinality": Member("many", 6044, "Enum", True),
    "CompositionArc": Member("arc", 6045, "Enum", True),
    "ComponentReferenceType": Member("reference_type", 6046, "NodeId"),
    "ComponentBrowsePath": Member("path", 6047, "RelativePath"),
    "ComponentTypeDefinition": Member("type_definition", 6048, "NodeId"),
    "TargetPrimPath": Member("target_prim", 6049, "String", True),
    "TargetPrimNameSource": Member("name_source", 6050, "String"),
    "ComponentAssetReference": Member("asset", 6051, "String"),
    "ComponentAssetNode": Member("asset_node", 6066, "NodeId"),
    "ComponentRepresentation": Member("representation", 6052, "NodeId"),
    "Dynamic": Member("dynamic", 6053, "Boolean"),
    "ChangeEventSource": Member("event_source", 6054, "NodeId"),
    "ComponentServerUri": Member("server_uri", 6055, "String"),
    "ComponentEndpointUrl": Member("endpoint", 6056, "String"),
}
STAGE_MEMBERS = {
    "RootLayerIdentifier": Member("root_layer", 6020, "String", True),
    "ResolvedRootLayerUri": Member("resolved_uri", 6023, "String"),
    "RootLayerDigest": Member("digest", 6038, "ByteString"),
    "RootLayerDigestAlgorithm": Member("algorithm", 6039, "Enum"),
    "ProvenanceUri": Member("provenance", 6041, "String"),
}
ASSET_MEMBERS = {
    "AssetIdentifier": Member("identifier", 6060, "String", True),
    "AssetKind": Member("kind", 6061, "Enum", True),
    "MediaType": Member("media_type", 6062, "String"),
    "Digest": Member("digest", 6063, "ByteString"),
    "DigestAlgorithm": Member("algorithm", 6064, "Enum"),
    "Size": Member("size", 0, "UInt64"),
}
_STATE = {"State": Member("", 6018, "Enum"), "LastError": Member("", 6019, "LocalizedText")}
RUN_TIME = tuple(_STATE)  # of a live binding; never stored


def live_of(name: str, intent: str, values: Values) -> Live:
    """Return the record of a live binding; what is absent, null or of another type is as if not said."""
    return Live(name=name, intent=intent, **_fields(ALL_LIVE, values, Live(name="")))


def component_of(name: str, values: Values) -> Component:
    """Return the record of a component binding."""
    return Component(name=name, **_fields(COMPONENT_MEMBERS, values, Component(name="")))


def stage_of(name: str, node: str, values: Values) -> Stage:
    """Return the record of a stage."""
    return Stage(name=name, node=node, **_fields(STAGE_MEMBERS, values, Stage(name="")))


def asset_of(node: str, values: Values) -> Asset:
    """Return the record of a served file."""
    found = {"identifier": "", **_fields(ASSET_MEMBERS, values, Asset(identifier=""))}
    return Asset(node=node, **found)


def _fields(members: Mapping[str, Member], values: Values, default: object) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, member in members.items():
        value = values.get(name)
        good = _good(member, value) if value is not None else None
        if good is not None:
            out[member.field] = bool(good) if member.field == "many" else good
    return out


def _good(member: Member, value: Any) -> Any:
    """Return a value of the member's type, None for any other: a server may say anything."""
    match member.type:
        case "Boolean":
            return value if isinstance(value, bool) else None
        case "Double":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return float(value) if is_number and math.isfinite(value) else None
        case "Enum" | "UInt32" | "UInt64":
            return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
        case "RelativePath":
            return value if isinstance(value, tuple) else None
    return value if isinstance(value, str) else None
