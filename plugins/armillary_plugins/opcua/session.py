"""One session with an OPC UA server: opened, watched, asked in chunks, closed. It never reconnects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from asyncua.client.client import Client
from asyncua.ua import BrowsePath, NodeId
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from armillary.api import Fault, Identity, LinkFault, LinkRefused, SourceContext
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.quiet import quieten
from armillary_plugins.opcua.secure import Speaker, check_server, ends, identify, protect, trust_of
from armillary_plugins.opcua.settings import ITEMS_PER_REQUEST, Settings, check_security

CONNECT_S = 10.0
CLOSE_S = 2.0
PROBE_S = 1.8  # asyncua reads ServerState this often, with this limit: half-open is seen within 3.6 s
SESSION_MS = 60_000

_REMEDIES = {
    "BadUserAccessDenied": "Give this user the right to connect.",
    "BadIdentityTokenRejected": "Correct the user name or its secret.",
    "BadIdentityTokenInvalid": "Correct the user name or its secret.",
    "BadSecurityChecksFailed": "Let the server trust our certificate: armillary trust own shows it.",
    "BadCertificateUntrusted": "Let the server trust our certificate: armillary trust own shows it.",
    "BadSecurityPolicyRejected": "Choose a security policy that the server offers.",
    "BadSecurityModeRejected": "Choose a security mode that the server offers.",
}
_LIMITS = {  # operation limit of the server -> node of namespace 0
    "read": "Server_ServerCapabilities_OperationLimits_MaxNodesPerRead",
    "browse": "Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse",
    "translate": "Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds",
    "items": "Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall",
}
_T = TypeVar("_T")


def refusal(error: UaStatusCodeError) -> str:
    """Return the name of a status code, `BadNodeIdUnknown`."""
    return str(ua.StatusCode(error.code).name)


def fault_of(error: BaseException, where: str) -> LinkFault:
    """Return what an error of the library means: LinkRefused when only a person can mend it."""
    if isinstance(error, LinkFault):
        return error
    if isinstance(error, UaStatusCodeError):
        name = refusal(error)
        if name in _REMEDIES or name.startswith("BadCertificate"):
            remedy = _REMEDIES.get(name, "Have the certificate checked by who runs the server.")
            return LinkRefused(f"The server refused the connection: {name}.", where=where, remedy=remedy)
        return LinkFault(f"The server answered {name}.", where=where, remedy="It is tried again.")
    if isinstance(error, UaError) and "No matching endpoints" in str(error):
        return LinkRefused(
            "The server offers no connection without security.",
            where=where,
            remedy="Enable security policy None at the server for this link.",
        )
    if isinstance(error, TimeoutError):
        return LinkFault("The server does not answer.", where=where, remedy="It is tried again.")
    if isinstance(error, ConnectionRefusedError):
        what = "Nothing listens at the server's address."
        return LinkFault(what, where=where, remedy="Start the server, or correct the address.")
    if isinstance(error, ConnectionError):
        return LinkFault("The server closed the connection.", where=where, remedy="It is tried again.")
    text = str(error) or type(error).__name__
    return LinkFault(f"The connection failed: {text}.", where=where, remedy="It is tried again.")


class Session:
    """A live session. `lost` is set with `fault` when the connection is gone."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings, self.client = settings, client
        self.namespaces: tuple[str, ...] = ()
        self.lost = asyncio.Event()
        self.fault: BaseException | None = None
        self.certificates: dict[str, int] = {}  # until when the channel's are valid, ns UTC: server, own
        self._limit = dict.fromkeys(_LIMITS, ITEMS_PER_REQUEST)

    @property
    def raw(self) -> Any:  # Any: asyncua's session; its annotations do not accept plain values
        return self.client.uaclient.session

    def lose(self, error: BaseException) -> None:
        """Say that the connection is of no use any more; the first reason counts."""
        if not self.lost.is_set():
            self.fault = error
            self.lost.set()

    async def raise_when_lost(self) -> None:
        """Wait until the connection is lost, and raise why."""
        await self.lost.wait()
        raise fault_of(self.fault or ConnectionError("lost"), self.settings.where) from self.fault

    async def read(self, wanted: Sequence[tuple[NodeId, int]]) -> list[Any]:
        """Return the data values of (node, attribute id) pairs, in order, with both times."""
        values: list[Any] = []
        for chunk in self._chunks("read", wanted):
            request = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Both)
            request.NodesToRead = [ua.ReadValueId(NodeId=n, AttributeId=ua.AttributeIds(a)) for n, a in chunk]
            values += await self.raw.read(request)
        return values

    async def translate(self, paths: Sequence[BrowsePath]) -> list[NodeId | str]:
        """Return the node of each path, or the name of the status that says why there is none."""
        found: list[NodeId | str] = []
        for chunk in self._chunks("translate", paths):
            for result in await self.raw.translate_browsepaths_to_nodeids(list(chunk)):
                if result.StatusCode.is_good() and result.Targets:
                    target = result.Targets[0].TargetId
                    found.append(ua.NodeId(target.Identifier, target.NamespaceIndex, target.NodeIdType))
                else:
                    found.append(str(result.StatusCode.name))
        return found

    async def browse(
        self, nodes: Sequence[NodeId], reference: int, most: int = 0, *, inverse: bool = False
    ) -> list[list[Any]]:
        """Return the references from each node, or to it (`most` at least, if it has them; 0 = all)."""
        found: list[list[Any]] = []
        for chunk in self._chunks("browse", nodes):
            request = ua.BrowseParameters(RequestedMaxReferencesPerNode=most)
            request.NodesToBrowse = [_description(node, reference, inverse) for node in chunk]
            results = await self.raw.browse(request)
            rows = [list(result.References or ()) for result in results]
            points = [(i, r.ContinuationPoint) for i, r in enumerate(results) if r.ContinuationPoint]
            while points:
                more = ua.BrowseNextParameters(
                    ReleaseContinuationPoints=bool(most), ContinuationPoints=[p for _, p in points]
                )
                results = await self.raw.browse_next(more)
                if most:
                    break  # released: the server may forget what we did not want
                for (i, _), result in zip(points, results, strict=True):
                    rows[i] += list(result.References or ())
                points = [
                    (i, r.ContinuationPoint)
                    for (i, _), r in zip(points, results, strict=True)
                    if r.ContinuationPoint
                ]
            found += rows
        return found

    async def browse_first(self, node: NodeId, reference: int, most: int) -> tuple[list[Any], bytes]:
        """Return about the first `most` forward references of a node (0 = as many as the server likes).

        The second is where it goes on, b"" at the end. Raises UaError.
        """
        request = ua.BrowseParameters(RequestedMaxReferencesPerNode=most)
        request.NodesToBrowse = [_description(node, reference)]
        (result,) = await self.raw.browse(request)
        return list(result.References or ()), bytes(result.ContinuationPoint or b"")

    async def browse_more(self, point: bytes, *, release: bool = False) -> tuple[list[Any], bytes]:
        """Go on where a browse ended, or let the server forget it. Raises UaError."""
        parameters = ua.BrowseNextParameters(ReleaseContinuationPoints=release, ContinuationPoints=[point])
        results = await self.raw.browse_next(parameters)
        if release:
            return [], b""
        (result,) = results
        result.StatusCode.check()
        return list(result.References or ()), bytes(result.ContinuationPoint or b"")

    def item_chunks(self, items: Sequence[_T]) -> Iterator[Sequence[_T]]:
        """Return monitored items in as many requests as the server's limits ask for."""
        return self._chunks("items", items)

    def _chunks(self, kind: str, rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
        size = self._limit[kind]
        return (rows[i : i + size] for i in range(0, len(rows), size))

    async def learn(self) -> None:
        """Read the namespace array and the operation limits. Raises LinkRefused for a foreign server."""
        value = ua.AttributeIds.Value
        names = ["Server_NamespaceArray", *_LIMITS.values()]
        answers = await self.read([(ua.NodeId(getattr(ua.ObjectIds, name)), value) for name in names])
        self.namespaces = tuple(answers[0].Value.Value or ()) if answers[0].Value else ()
        for kind, answer in zip(_LIMITS, answers[1:], strict=True):
            limit = answer.Value.Value if answer.Value else None
            if isinstance(limit, int) and limit > 0:
                self._limit[kind] = min(limit, ITEMS_PER_REQUEST)
        wanted = self.settings.server_uri
        own = self.namespaces[1] if len(self.namespaces) > 1 else ""  # OPC 10000-3: index 1 is the server
        if wanted and own != wanted:
            raise LinkRefused(
                f"Another server answers here: '{own}' instead of '{wanted}'.",
                where=self.settings.where,
                remedy="Correct the address, or server_uri if the server was exchanged on purpose.",
            )

    async def close(self) -> None:
        """End the session and its subscriptions at the server, within 2 s; never raises for a dead one."""
        client, protocol = self.client, self.client.uaclient.protocol
        client.connection_lost_callback = None
        if self.lost.is_set():
            _abort(protocol)  # half-open: a goodbye would only wait for its time-out
            await asyncio.sleep(0)
        with contextlib.suppress(OSError, UaError, TimeoutError):
            await asyncio.wait_for(client.disconnect(), CLOSE_S)
        _abort(protocol)


def _abort(protocol: Any) -> None:  # Any: asyncua's transport protocol
    if protocol is not None and protocol.transport is not None:
        protocol.transport.abort()


def _description(node: NodeId, reference: int, inverse: bool = False) -> Any:
    return ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Inverse if inverse else ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(reference),
        IncludeSubtypes=True,
        ResultMask=ua.BrowseResultMask.All,
    )


async def open_session(settings: Settings, context: SourceContext, purpose: str) -> Session:
    """Return a session that has read the server's namespaces. Raises LinkFault or LinkRefused.

    When cancelled it leaves nothing open.
    """
    quieten()
    check_security(settings)
    if settings.policy == "None":
        session = await _opened(settings, context, purpose)
        if context.trust is not None:
            context.trust.clear()
        return session
    trust = trust_of(settings, context)
    refused: LinkRefused | None = None
    for who in await asyncio.to_thread(trust.identities):  # the first one is made here: it takes a moment
        try:
            return await _opened(settings, context, purpose, who)
        except LinkRefused as fault:
            if not _is_ours_refused(fault):
                raise
            refused = fault  # it does not know our newest certificate yet: the one before is still valid
    raise refused or LinkRefused(
        "There is no certificate of our own.", where=settings.where, remedy="Make one: armillary trust renew."
    )


def _is_ours_refused(fault: LinkRefused) -> bool:
    """Return whether a server does not want to speak with our certificate."""
    cause = fault.__cause__
    if not isinstance(cause, UaStatusCodeError):
        return False
    name = refusal(cause)
    return name == "BadSecurityChecksFailed" or name.startswith("BadCertificate")


async def _opened(
    settings: Settings, context: SourceContext, purpose: str, who: Identity | None = None
) -> Session:
    """Return a session as `who`, over no secure channel for nobody. Raises LinkFault, LinkRefused."""
    client = Speaker(settings.url, timeout=settings.request_timeout_s, watchdog_intervall=PROBE_S)
    client.name = client.description = f"Armillary {purpose}"
    client.application_uri = "urn:armillary:client"
    client.product_uri = "urn:armillary"
    client.session_timeout = SESSION_MS
    session = Session(settings, client)

    async def gone(error: Exception) -> None:
        session.lose(error)

    client.connection_lost_callback = gone
    try:
        async with asyncio.timeout(CONNECT_S):
            if who is not None:
                server = await check_server(client, settings, trust_of(settings, context))
                await protect(client, settings, who, server)
                session.certificates = ends(server, who)
            await identify(client, settings, context)
            await client.connect(auto_reconnect=False)
            await session.learn()
            if who is not None and context.trust is not None:
                await asyncio.to_thread(context.trust.pin, settings.mode)
    except (UaError, OSError, TimeoutError, LinkFault) as error:
        session.lose(error)
        await session.close()
        raise fault_of(error, settings.where) from error
    except (asyncio.CancelledError, Fault) as error:  # a Fault: a secret is missing, a file cannot be kept
        session.lose(error)
        await session.close()
        raise
    return session
