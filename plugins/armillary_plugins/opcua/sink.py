"""OPC UA sink: writes one value, or calls one method, over a session of its own; now or not at all."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from armillary.api import Fault, LinkFault, OrderFault, SourceContext, Write
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.nodes import CURRENT_WRITE, find, value_of
from armillary_plugins.opcua.session import Session, open_session
from armillary_plugins.opcua.settings import read_settings

NOT_SENT = "Not connected: the command was not sent."
READY_S = 4.0  # to connect and check; less than the gate waits, so that it learns that nothing was sent
_WHOLE = {
    "SByte": (-(2**7), 2**7 - 1),
    "Byte": (0, 2**8 - 1),
    "Int16": (-(2**15), 2**15 - 1),
    "UInt16": (0, 2**16 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "UInt32": (0, 2**32 - 1),
    "Int64": (-(2**63), 2**63 - 1),
    "UInt64": (0, 2**64 - 1),
}
_KEYS_KEPT = 1_000


class OpcUaSink:
    """Writes for one link. Called by the gate alone, one order at a time."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._session: Session | None = None
        self._turn = asyncio.Lock()
        self._keys: dict[str, None] = {}

    async def execute(self, write: Write) -> None:
        """Return when the server has said yes.

        Raises OrderFault when nothing was written, TimeoutError or OSError when nobody knows.
        """
        async with self._turn:
            self._use_key(write)
            try:
                async with asyncio.timeout(READY_S):
                    session = await self._connected(write)
                    ready = self._callable if write.is_call else self._checked
                    value = await ready(session, write)
            except TimeoutError as error:
                if self._session is not None:
                    self._session.lose(error)
                remedy = "The server is too slow now."
                raise OrderFault(NOT_SENT, where=write.address, remedy=remedy) from error
            self._check_time(write)
            (status,) = await (self._called if write.is_call else self._written)(session, value)
        if not status.is_good():
            raise _said_no(str(status.name), write)

    async def close(self) -> None:
        """End the command session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _use_key(self, write: Write) -> None:
        """Accept each key of the gate once: an order is never written twice."""
        if not write.key or write.key in self._keys:
            raise OrderFault(
                "This write did not come from the gate.", where=write.address, remedy="Arm and execute it."
            )
        self._keys[write.key] = None
        if len(self._keys) > _KEYS_KEPT:
            del self._keys[next(iter(self._keys))]

    def _check_time(self, write: Write) -> None:
        if self._context.clock.now_ns() > write.not_after_ns:
            raise OrderFault(
                "The order came too late and was not sent.", where=write.address, remedy="Arm it again."
            )

    async def _connected(self, write: Write) -> Session:
        """Return a live session, opening one when there is none; nothing has been sent before."""
        if self._session is not None and self._session.lost.is_set():
            await self.close()
        if self._session is None:
            try:
                settings = read_settings(self._context.link)
                self._session = await open_session(settings, self._context, "commands")
            except Fault as fault:
                raise OrderFault(NOT_SENT, where=fault.where, remedy=fault.what) from fault
            self._check_time(write)
        return self._session

    async def _checked(self, session: Session, write: Write) -> Any:  # Any: asyncua's WriteValue
        """Return the write, in the variable's own type. Raises OrderFault when it cannot be written."""
        try:
            node = await find(session, write.address)
            wanted = ("Value", "UserAccessLevel", "DataType", "ValueRank")
            answers = await session.read([(node, getattr(ua.AttributeIds, name)) for name in wanted])
        except LinkFault as fault:
            raise OrderFault(fault.what, where=write.address, remedy=fault.remedy) from fault
        except (UaError, OSError, TimeoutError) as error:
            session.lose(error)
            raise OrderFault(
                NOT_SENT, where=session.settings.where, remedy="Order again once it is UP."
            ) from error
        for answer in answers[1:]:
            if answer.StatusCode is not None and not answer.StatusCode.is_good():
                raise _said_no(str(answer.StatusCode.name), write)
        access, data_type, rank = (value_of(answer) for answer in answers[1:])
        if not (access or 0) & CURRENT_WRITE:
            raise OrderFault(
                "The server does not let us write this node.",
                where=write.address,
                remedy="Give our user the right to write it, at the server.",
            )
        if rank is not None and rank >= 0:
            raise OrderFault(
                "The node is an array.", where=write.address, remedy="Only single values are written."
            )
        kind = _variant_type(answers[0], data_type)
        variant = ua.Variant(_fitted(write, kind), getattr(ua.VariantType, kind))
        # value only: a server may refuse a status or times that are not its own (BadWriteNotSupported)
        return ua.WriteValue(
            NodeId=node, AttributeId=ua.AttributeIds.Value, Value=ua.DataValue(variant, StatusCode=None)
        )

    async def _callable(self, session: Session, write: Write) -> Any:  # Any: asyncua's CallMethodRequest
        """Return the call, with its argument in the method's own type. Raises OrderFault."""
        try:
            method = await find(session, write.address)
            owner = await find(session, write.owner) if write.owner else await _owner(session, method)
            wanted = [ua.AttributeIds.UserExecutable, ua.AttributeIds.NodeClass]
            executable, kind = await session.read([(method, name) for name in wanted])
            inputs = await _inputs(session, method)
        except LinkFault as fault:
            raise OrderFault(fault.what, where=write.address, remedy=fault.remedy) from fault
        except (UaError, OSError, TimeoutError) as error:
            session.lose(error)
            raise OrderFault(
                NOT_SENT, where=session.settings.where, remedy="Order again once it is UP."
            ) from error
        if value_of(kind) != ua.NodeClass.Method:
            raise OrderFault("This is no method.", where=write.address, remedy="Correct the target.")
        if value_of(executable) is False:
            raise OrderFault(
                "The server does not let us call this method.",
                where=write.address,
                remedy="Give our user the right to call it, at the server.",
            )
        if owner is None or len(inputs) != len(write.arguments):
            what = (
                "no object" if owner is None else f"{len(inputs)} arguments, we give {len(write.arguments)}"
            )
            raise OrderFault(
                f"The method has {what}.", where=write.address, remedy="Correct the template's target."
            )
        given = [
            ua.Variant(_fitted(replace(write, value=value), kind), getattr(ua.VariantType, kind))
            for value, kind in zip(write.arguments, inputs, strict=True)
        ]
        return ua.CallMethodRequest(ObjectId=owner, MethodId=method, InputArguments=given)

    async def _called(self, session: Session, call: Any) -> list[Any]:
        try:
            results = await session.raw.call([call])
        except UaStatusCodeError as error:
            return [ua.StatusCode(error.code)]
        except (OSError, TimeoutError, asyncio.CancelledError) as error:
            session.lose(error)  # as for a write: nobody knows, and it is never called again
            raise
        return [result.StatusCode for result in results]

    async def _written(self, session: Session, value: Any) -> list[Any]:
        try:
            results: list[Any] = await session.raw.write(ua.WriteParameters(NodesToWrite=[value]))
        except UaStatusCodeError as error:
            return [ua.StatusCode(error.code)]
        except (OSError, TimeoutError, asyncio.CancelledError) as error:
            session.lose(error)  # the bytes may have left: the gate reads back, and the session is not reused
            raise
        return results


async def _owner(session: Session, method: NodeId) -> NodeId | None:
    """Return the object that has a method as its component, None when the server names none."""
    asked = ua.BrowseDescription(
        NodeId=method,
        BrowseDirection=ua.BrowseDirection.Inverse,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasComponent),
        IncludeSubtypes=True,
        NodeClassMask=0,
        ResultMask=ua.BrowseResultMask.All,
    )
    (result,) = await session.raw.browse(
        ua.BrowseParameters(NodesToBrowse=[asked], RequestedMaxReferencesPerNode=2)
    )
    found: list[NodeId] = [
        ua.NodeId(r.NodeId.Identifier, r.NodeId.NamespaceIndex) for r in result.References or ()
    ]
    return found[0] if found else None


async def _inputs(session: Session, method: NodeId) -> list[str]:
    """Return the variant types of a method's input arguments."""
    (references,) = await session.browse([method], ua.ObjectIds.HasProperty)
    nodes = [r.NodeId for r in references if r.BrowseName.Name == "InputArguments"]
    if not nodes:
        return []
    local = ua.NodeId(nodes[0].Identifier, nodes[0].NamespaceIndex)
    (answer,) = await session.read([(local, ua.AttributeIds.Value)])
    kinds = set(ua.VariantType)
    ids = [argument.DataType.Identifier for argument in value_of(answer) or ()]
    return [str(ua.VariantType(each).name) if each in kinds else "Null" for each in ids]


def _variant_type(value: Any, data_type: NodeId | None) -> str:
    """Return the name of a variable's variant type: of its present value, else of its data type."""
    if value.Value is not None and value.Value.Value is not None:
        return str(value.Value.VariantType.name)
    identifier = data_type.Identifier if data_type is not None and not data_type.NamespaceIndex else 0
    return str(ua.VariantType(identifier).name) if identifier in set(ua.VariantType) else "Null"


def _fitted(write: Write, kind: str) -> float | int | bool:
    """Return a value as a variant type holds it. Raises OrderFault when it does not fit."""
    value = write.value
    if kind in ("Float", "Double") and math.isfinite(value):
        return value
    if kind == "Boolean" and value in (0.0, 1.0):
        return bool(value)
    if kind in _WHOLE and math.isfinite(value):
        low, high = _WHOLE[kind]
        # what a unit factor left behind the point is not meant: 12.000000001 is 12
        whole = round(value)
        if abs(value - whole) <= 1e-6 * max(abs(value), 1.0) and low <= whole <= high:
            return whole
    raise OrderFault(
        f"{value:g} does not fit the node's type {kind}.",
        where=write.address,
        remedy="Give a value that it can hold.",
    )


def _said_no(name: str, write: Write) -> OrderFault:
    return OrderFault(
        f"The server refused: {name}.",
        where=write.address,
        remedy="Ask whoever runs the server, or the plant.",
    )


def make(context: SourceContext) -> OpcUaSink:
    """Return the sink of one link."""
    return OpcUaSink(context)
