"""The types of «OPC UA – OpenUSD Bindings» in a server's address space, made by their ids (formats: 2.1–2.4).

Nothing is read from the draft's NodeSet: names, numbers, data types and rules come from one table of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncua.common.node import Node
from asyncua.server.server import Server

from armillary.api import openusd, openusd_members
from armillary_plugins.openusd_plant.lib import ua

ENUM_NAMES = {
    "RenderTargetKind": openusd.RENDER_KINDS,
    "BadQualityAction": openusd.BAD_ACTIONS,
    "State": openusd.STATES,
    "SignalRole": openusd.ROLES,
    "AlarmAspect": openusd.ASPECTS,
    "DigestAlgorithm": openusd.DIGESTS,
    "Cardinality": openusd.CARDINALITIES,
    "CompositionArc": openusd.ARCS,
    "AssetKind": openusd.ASSET_KINDS,
}
ENUM_OF = {"RootLayerDigestAlgorithm": "DigestAlgorithm"}
_FILE_TYPE = 11575
_DATA = {"RelativePath": 540, "EUInformation": 887}
_NULL = {
    "Guid": "Guid",
    "Boolean": "Boolean",
    "NodeId": "NodeId",
    "UInt32": "UInt32",
    "UInt64": "UInt64",
    "Double": "Double",
    "String": "String",
    "ByteString": "ByteString",
    "Enum": "Int32",
    "LocalizedText": "LocalizedText",
    "RelativePath": "ExtensionObject",
    "EUInformation": "ExtensionObject",
}


def empty(member: openusd_members.Member) -> object:
    """Return the value of a member that nobody has set."""
    made: dict[str, object] = {
        "Guid": UUID(int=0),
        "Boolean": False,
        "NodeId": ua.NodeId(),
        "Double": 0.0,
        "String": "",
        "ByteString": b"",
        "LocalizedText": ua.LocalizedText(""),
        "RelativePath": ua.RelativePath(),
        "EUInformation": ua.EUInformation(),
    }
    return made.get(member.type, 0)


def variant_type(member: openusd_members.Member) -> Any:
    """Return the variant type of a member's value."""
    return getattr(ua.VariantType, _NULL[member.type])


def data_type(index: int, name: str, member: openusd_members.Member) -> Any:
    """Return the node id of a member's data type."""
    if member.type == "Enum":
        return ua.NodeId(openusd_members.ENUMS[ENUM_OF.get(name, name)], index)
    if member.type in _DATA:
        return ua.NodeId(_DATA[member.type])
    return ua.NodeId(getattr(ua.ObjectIds, member.type))


async def add_types(server: Server) -> int:
    """Make the types; return the index of their namespace."""
    index = await server.register_namespace(openusd.NAMESPACE)
    await _enums(server, index)
    base = server.get_node(ua.NodeId(ua.ObjectIds.BaseObjectType))
    known = openusd_members.TYPES
    root = await _type(base, index, "OpenUsdRootType", {})
    for number, name in ((6028, "Stages"), (6029, "Representations")):
        folder = await root.add_folder(ua.NodeId(number, index), ua.QualifiedName(name, index))
        await folder.set_modelling_rule(True)
    await _type(base, index, "OpenUsdStageType", openusd_members.STAGE_MEMBERS)
    await _type(base, index, "OpenUsdRepresentationType", {})
    live = await _type(base, index, "OpenUsdLiveBindingType", openusd_members.LIVE_MEMBERS)
    for intent, (_, name) in openusd.INTENT_TYPES.items():
        await _type(live, index, name, openusd_members.INTENT_MEMBERS[intent])
    await _type(base, index, "OpenUsdComponentBindingType", openusd_members.COMPONENT_MEMBERS)
    files = server.get_node(ua.NodeId(_FILE_TYPE))
    members = {k: m for k, m in openusd_members.ASSET_MEMBERS.items() if m.number}
    await _type(files, index, "OpenUsdAssetType", members)
    if len(known) != len(set(known.values())):
        raise AssertionError("two types of one number")
    return index


async def _enums(server: Server, index: int) -> None:
    base = server.get_node(ua.NodeId(ua.ObjectIds.Enumeration))
    for name, number in openusd_members.ENUMS.items():
        made = await base.add_data_type(
            ua.NodeId(number, index), ua.QualifiedName(f"OpenUsd{name}Enum", index)
        )
        words = [ua.LocalizedText(word) for word in ENUM_NAMES[name]]
        await made.add_property(ua.NodeId(number + 900, index), ua.QualifiedName("EnumStrings", 0), words)


async def _type(parent: Node, index: int, name: str, members: Mapping[str, openusd_members.Member]) -> Node:
    number = openusd_members.TYPES[name]
    made: Node = await parent.add_object_type(ua.NodeId(number, index), ua.QualifiedName(name, index))
    for title, member in members.items():
        place = await made.add_property(
            ua.NodeId(member.number, index),
            ua.QualifiedName(title, index),
            empty(member),
            variant_type(member),
            data_type(index, title, member),
        )
        await place.set_modelling_rule(member.mandatory)
    return made
