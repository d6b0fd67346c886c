"""Puts instances of the draft's types into a server: root, stages, files, representations, bindings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asyncua.common.node import Node
from asyncua.server.server import Server

from armillary.api import openusd, openusd_members, unece
from armillary_plugins.openusd_plant.lib import ua
from armillary_plugins.openusd_plant.types import add_types, data_type, empty, variant_type

_HASHES = {1: "sha256", 2: "sha384", 3: "sha512"}
_MOST_READ = 1 << 20
_FILE_TYPE_METHODS = ("Open", "Close", "Read")


class Offering:
    """An OpenUSD facility under `Server`, to which parts are added."""

    def __init__(self, server: Server, own: int) -> None:
        self._server, self._own = server, own
        self.index = 0  # of the draft's namespace
        self.extra = 0  # of ours
        self.root = self.stages = self.registry = server.nodes.objects

    async def begin(self, *, with_types: bool = True) -> None:
        """Make types, where the server has none yet, and the root with its two registries."""
        if with_types:
            self.index = await add_types(self._server)
        else:
            self.index = await self._server.get_namespace_index(openusd.NAMESPACE)
        self.extra = await self._server.register_namespace(openusd.OURS)
        server = ua.NodeId(ua.ObjectIds.Server)
        self.root = await self.add(server, "HasComponent", self._name("OpenUSD"), openusd_members.ROOT)
        self.stages = await self.add(self.root.nodeid, "HasComponent", self._name("Stages"), 0)
        self.registry = await self.add(self.root.nodeid, "HasComponent", self._name("Representations"), 0)

    def _any(self) -> Any:
        """Return a node id that the server chooses."""
        return ua.NodeId(0, self._own)

    def _name(self, text: str) -> Any:
        return ua.QualifiedName(text, self.index)

    async def add(self, parent: Any, reference: str, name: Any, number: int, id_: Any = None) -> Node:
        """Add an object of a type of the draft (0: a folder), exactly as told: nothing is instantiated."""
        item = ua.AddNodesItem()
        item.RequestedNewNodeId = id_ if id_ is not None else self._any()
        item.BrowseName, item.ParentNodeId = name, parent
        item.ReferenceTypeId = ua.NodeId(getattr(ua.ObjectIds, reference))
        item.NodeClass = ua.NodeClass.Object
        item.TypeDefinition = ua.NodeId(number, self.index) if number else ua.NodeId(ua.ObjectIds.FolderType)
        item.NodeAttributes = ua.ObjectAttributes(DisplayName=ua.LocalizedText(name.Name))
        (result,) = await self._server.iserver.isession.add_nodes([item])
        result.StatusCode.check()
        return self._server.get_node(result.AddedNodeId)

    async def stage(self, title: str, values: Mapping[str, Any]) -> Node:
        """Add a stage."""
        made = await self.add(
            self.stages.nodeid, "Organizes", ua.QualifiedName(title, self._own), openusd_members.STAGE
        )
        await self.members(made, openusd_members.STAGE_MEMBERS, values)
        return made

    async def represent(self, owner: Node, stage: Node, prim: str) -> Node:
        """Add a representation to an object, and to the registry."""
        made = await self.add(
            owner.nodeid, "HasAddIn", self._name("OpenUsdRepresentation"), openusd_members.REPRESENTATION
        )
        await self.registry.add_reference(made, ua.ObjectIds.Organizes)
        await made.add_property(self._any(), self._name("Stage"), stage.nodeid)
        await made.add_property(self._any(), self._name("PrimPath"), prim)
        return made

    async def bind(self, representation: Node, title: str, intent: str, values: Mapping[str, Any]) -> Node:
        """Add a live binding."""
        number = openusd.INTENT_TYPES[intent][0]
        name = ua.QualifiedName(title, self._own)
        made = await self.add(representation.nodeid, "HasComponent", name, number)
        members = {**openusd_members.LIVE_MEMBERS, **openusd_members.INTENT_MEMBERS[intent]}
        await self.members(made, members, values)
        if openusd.EXTRA in values:
            await made.add_property(
                self._any(), ua.QualifiedName(openusd.EXTRA, self.extra), values[openusd.EXTRA]
            )
        return made

    async def compose(self, representation: Node, title: str, values: Mapping[str, Any]) -> Node:
        """Add a component binding."""
        name = ua.QualifiedName(title, self._own)
        made = await self.add(representation.nodeid, "HasComponent", name, openusd_members.COMPONENT)
        await self.members(made, openusd_members.COMPONENT_MEMBERS, values)
        return made

    async def members(
        self, node: Node, known: Mapping[str, openusd_members.Member], values: Mapping[str, Any]
    ) -> None:
        """Set properties: those given, and mandatory ones as null."""
        for title, member in known.items():
            if title not in values and not member.mandatory:
                continue
            value = _ua_value(member, values[title]) if title in values else empty(member)
            kind = variant_type(member)
            await node.add_property(
                self._any(), self._name(title), value, kind, data_type(self.index, title, member)
            )

    async def assets(self, stage: Node) -> Node:
        """Add the folder of a stage's files."""
        return await self.add(stage.nodeid, "HasComponent", self._name("Assets"), 0)

    async def asset(
        self, folder: Node, identifier: str, kind: int, data: bytes, *, digest: bytes | None = None
    ) -> Node:
        """Add a file that is read by Part 5 methods."""
        name = ua.QualifiedName(identifier[:200] or "unnamed", self._own)
        made = await self.add(folder.nodeid, "Organizes", name, openusd_members.ASSET)
        values = {
            "AssetIdentifier": identifier,
            "AssetKind": kind,
            "MediaType": "model/vnd.usda",
            "Digest": digest if digest is not None else hashlib.sha256(data).digest(),
            "DigestAlgorithm": 1,
        }
        members = {k: m for k, m in openusd_members.ASSET_MEMBERS.items() if m.number}
        await self.members(made, members, values)
        await made.add_property(self._any(), ua.QualifiedName("Size", 0), len(data), ua.VariantType.UInt64)
        await _File(data).serve(made, self._own)
        return made


class _File:
    """Part 5 Open, Read and Close of one file, read only."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at: dict[int, int] = {}
        self._next = 1

    async def serve(self, node: Node, own: int) -> None:
        kinds = ua.VariantType
        bodies = (self._open, self._close, self._read)
        inputs = ([kinds.Byte], [kinds.UInt32], [kinds.UInt32, kinds.Int32])
        outputs: tuple[list[Any], ...] = ([kinds.UInt32], [], [kinds.ByteString])
        for name, body, gets, gives in zip(_FILE_TYPE_METHODS, bodies, inputs, outputs, strict=True):
            await node.add_method(ua.NodeId(0, own), ua.QualifiedName(name, 0), body, gets, gives)

    def _open(self, _parent: Any, mode: Any) -> Any:
        if mode.Value != 1:
            return ua.StatusCode(ua.StatusCodes.BadNotWritable)
        handle, self._next = self._next, self._next + 1
        self._at[handle] = 0
        return [ua.Variant(handle, ua.VariantType.UInt32)]

    def _close(self, _parent: Any, handle: Any) -> Any:
        if self._at.pop(handle.Value, None) is None:
            return ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
        return []

    def _read(self, _parent: Any, handle: Any, length: Any) -> Any:
        start = self._at.get(handle.Value)
        if start is None or length.Value < 0:
            return ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
        end = min(start + min(length.Value, _MOST_READ), len(self._data))
        self._at[handle.Value] = end
        return [ua.Variant(self._data[start:end], ua.VariantType.ByteString)]


def unit(text: str) -> Any:
    """Return engineering units as OPC UA has them."""
    return ua.EUInformation(
        NamespaceUri=unece.URI,
        UnitId=unece.packed(unece.code_of(text)),
        DisplayName=ua.LocalizedText(text),
        Description=ua.LocalizedText(text),
    )


def path(*names: Any) -> Any:
    """Return a relative path of qualified names."""
    return ua.RelativePath(
        Elements=[
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IsInverse=False,
                IncludeSubtypes=True,
                TargetName=name,
            )
            for name in names
        ]
    )


def _ua_value(member: openusd_members.Member, value: Any) -> Any:
    if member.type == "Guid" and isinstance(value, str):
        return UUID(value)
    if member.type == "EUInformation" and isinstance(value, str):
        return unit(value)
    return value
