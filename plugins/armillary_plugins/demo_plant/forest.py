"""An OPC UA server of 1,000,000 nodes that are made when they are asked for, and of one level of 100,000.

For benches and tests of browsing: `python -m armillary_plugins.demo_plant.forest PORT` prints `ready` and
serves until its input ends. Areas × units × tags, 100 each; every tenth tag has a unit and a range. Answers
at most 1,000 references of a node at once and goes on by continuation points.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from typing import Any

from asyncua import ua as _ua
from asyncua.server.address_space import AttributeService, ViewService
from asyncua.server.server import Server
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_from_binary

ua: Any = _ua  # Any: asyncua's field annotations accept no plain values

URI = "urn:armillary:forest"
WIDE, FLAT, MOST = 100, 100_000, 1_000
ROOT, LEVEL, AREA, UNIT, TAG, ROW, EU, RANGE = (
    1, 2, 1_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 2_000_000_000
)  # fmt: skip
_ID = ua.ObjectIds


class Forest:
    """What each number is, and what is below it."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.reads = 0  # what moves the values

    def children(self, number: int) -> range | tuple[int, ...]:
        """Return the numbers below one."""
        if number == ROOT:
            return range(AREA, AREA + WIDE)
        if number == LEVEL:
            return range(ROW, ROW + FLAT)
        if AREA <= number < AREA + WIDE:
            first = UNIT + (number - AREA) * WIDE
            return range(first, first + WIDE)
        if UNIT <= number < UNIT + WIDE * WIDE:
            first = TAG + (number - UNIT) * WIDE
            return range(first, first + WIDE)
        if TAG <= number < EU and number % 10 == 0 and number < ROW:
            return (EU + number, RANGE + number)
        return ()

    def name(self, number: int) -> str:
        """Return the browse name of a number."""
        if number >= RANGE:
            return "EURange"
        if number >= EU:
            return "EngineeringUnits"
        if number >= ROW:
            return f"Row{number - ROW:06d}"
        if number >= TAG:
            return f"Tag{(number - TAG) % WIDE:02d}"
        if number >= UNIT:
            return f"Unit{(number - UNIT) % WIDE:02d}"
        return f"Area{number - AREA:02d}" if number >= AREA else ("Forest", "Level")[number - 1]

    def is_variable(self, number: int) -> bool:
        """Return whether it has a value."""
        return number >= TAG

    def reference(self, number: int) -> Any:
        """Return the forward reference to a number."""
        is_property = number >= EU
        out = ua.ReferenceDescription()
        out.ReferenceTypeId = ua.NodeId(_ID.HasProperty if is_property else _ID.HasComponent)
        out.IsForward = True
        out.NodeId = ua.NodeId(number, self.index)
        out.BrowseName = ua.QualifiedName(self.name(number), 0 if is_property else self.index)
        out.DisplayName = ua.LocalizedText(self.name(number))
        variable = self.is_variable(number)
        out.NodeClass = ua.NodeClass.Variable if variable else ua.NodeClass.Object
        out.TypeDefinition = ua.NodeId(_ID.BaseDataVariableType if variable else _ID.BaseObjectType)
        return out

    def value(self, number: int, attribute: int) -> Any:
        """Return an attribute of a number, None where it has none."""
        ids, variable = ua.AttributeIds, self.is_variable(number)
        if attribute == ids.DisplayName:
            return ua.LocalizedText(self.name(number))
        if attribute == ids.NodeClass:
            return ua.NodeClass.Variable if variable else ua.NodeClass.Object
        if attribute == ids.Description:
            return ua.LocalizedText(f"number {number} of the forest")
        if not variable:
            return None
        if attribute == ids.DataType:
            return ua.NodeId(_ID.Double)
        if attribute == ids.UserAccessLevel:
            return 1
        if attribute != ids.Value:
            return None
        if number >= RANGE:
            return ua.Range(0.0, 100.0)
        if number >= EU:
            return ua.EUInformation(DisplayName=ua.LocalizedText("bar"))
        self.reads += 1
        return 50.0 + 50.0 * math.sin(self.reads / 100 + number)


class Views(ViewService):
    """Answers for the forest itself, for all else as the library does."""

    forest: Forest

    def browse(self, params: Any) -> list[Any]:
        most = min(params.RequestedMaxReferencesPerNode or MOST, MOST)
        return [self._one(desc, 0, most) for desc in params.NodesToBrowse]

    def _one(self, desc: Any, begin: int, most: int) -> Any:
        if desc.NodeId.NamespaceIndex != self.forest.index:
            out = self._browse(desc)
            if desc.NodeId == ua.NodeId(_ID.ObjectsFolder):
                out.References += [self.forest.reference(ROOT), self.forest.reference(LEVEL)]
            return out
        number, out = int(desc.NodeId.Identifier), ua.BrowseResult()
        wanted = desc.ReferenceTypeId.Identifier
        if wanted == _ID.HasTypeDefinition:
            kind = _ID.BaseDataVariableType if self.forest.is_variable(number) else _ID.BaseObjectType
            reference = ua.ReferenceDescription()
            reference.ReferenceTypeId = ua.NodeId(_ID.HasTypeDefinition)
            reference.NodeId, reference.IsForward = ua.NodeId(kind), True
            name = "BaseDataVariableType" if self.forest.is_variable(number) else "BaseObjectType"
            reference.BrowseName = ua.QualifiedName(name, 0)
            out.References = [reference]
            return out
        below = self.forest.children(number)
        if wanted == _ID.HasProperty and (not below or below[0] < EU):
            return out
        out.References = [self.forest.reference(n) for n in below[begin : begin + most]]
        if begin + most < len(below):
            out.ContinuationPoint = f"{number}:{begin + most}:{most}".encode()
        return out

    def next(self, points: list[bytes]) -> list[Any]:
        """Go on at continuation points."""
        out = []
        for point in points:
            number, begin, most = map(int, point.decode().split(":"))
            desc = ua.BrowseDescription(
                NodeId=ua.NodeId(number, self.forest.index),
                ReferenceTypeId=ua.NodeId(_ID.HierarchicalReferences),
            )
            out.append(self._one(desc, begin, most))
        return out


class Attributes(AttributeService):
    """Reads of the forest."""

    forest: Forest

    def read(self, params: Any) -> list[Any]:
        mine = [v.NodeId.NamespaceIndex == self.forest.index for v in params.NodesToRead]
        if not any(mine):
            found: list[Any] = super().read(params)
            return found
        out = []
        for wanted, is_mine in zip(params.NodesToRead, mine, strict=True):
            if is_mine:
                value = self.forest.value(int(wanted.NodeId.Identifier), wanted.AttributeId)
                bad = ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadAttributeIdInvalid))
                out.append(bad if value is None else ua.DataValue(ua.Variant(value)))
            else:
                out.append(self._aspace.read_attribute_value(wanted.NodeId, wanted.AttributeId))
        return out


def _with_browse_next(inner: Any) -> None:
    """Teach the library's server BrowseNext, which it lacks."""
    processor: Any = UaProcessor
    usual = processor._process_message  # noqa: SLF001  there is no other door
    wanted = ua.NodeId(_ID.BrowseNextRequest_Encoding_DefaultBinary)

    async def process(self: Any, kind: Any, header: Any, sequence: Any, body: Any) -> Any:
        if kind != wanted:
            return await usual(self, kind, header, sequence, body)
        parameters: Any = struct_from_binary(ua.BrowseNextParameters, body)
        response = ua.BrowseNextResponse()
        points = parameters.ContinuationPoints
        is_over = parameters.ReleaseContinuationPoints
        found = [ua.BrowseResult() for _ in points] if is_over else inner.view_service.next(points)
        response.Parameters.Results = found
        self.send_response(header.RequestHandle, sequence, response)
        return True

    processor._process_message = process  # noqa: SLF001


async def serve(port: int) -> None:
    """Serve until the input ends."""
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    forest = Forest(await server.register_namespace(URI))
    inner: Any = server.iserver
    inner.view_service, inner.attribute_service = Views(inner.aspace), Attributes(inner.aspace)
    inner.view_service.forest = inner.attribute_service.forest = forest

    _with_browse_next(inner)
    async with server:
        sys.stdout.write(f"ready {forest.index}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
