"""What a server offers as a scene of its own: read, resolved, its files fetched; and its changes watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaError

from armillary.api import LinkFault, OfferLimits, SourceContext, openusd
from armillary_plugins.opcua.address import parse, resolve, text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.openusd_files import delivered, listed
from armillary_plugins.opcua.openusd_history import pasts
from armillary_plugins.opcua.openusd_sources import composed, resolved, signals
from armillary_plugins.opcua.openusd_tree import Tree, local, read_tree
from armillary_plugins.opcua.session import Session, fault_of, open_session
from armillary_plugins.opcua.settings import Settings

_QUIET_S = 0.3  # after the last change before it is told: servers change many nodes at once


async def fetch(
    settings: Settings, context: SourceContext, folder: Path, limits: OfferLimits
) -> openusd.SceneOffer:
    """Return the offer of a server. Raises LinkFault, and LinkRefused for a server that has none."""
    session = await open_session(settings, context, "scene")
    try:
        async with asyncio.timeout(limits.seconds):
            return await _offer(session, folder, limits, context.clock.now_ns())
    except TimeoutError as error:
        raise LinkFault(
            f"Reading the server's scene took more than {limits.seconds:g} s.",
            where=settings.where,
            remedy="The server is slow, or its scene is endless; ask whoever runs it.",
        ) from error
    except (UaError, OSError) as error:
        raise fault_of(error, settings.where) from error
    finally:
        await session.close()


async def _offer(session: Session, folder: Path, limits: OfferLimits, now_ns: int) -> openusd.SceneOffer:
    tree = await read_tree(session, limits)
    found = await resolved(session, tree)
    owners = {place.owner: text_of(place.node, session.namespaces) for place in tree.places if place.owner}
    represented: list[openusd.Represented] = []
    for number, place in enumerate(tree.places):
        represented.append(
            openusd.Represented(
                name=place.name,
                prim=place.prim,
                node=text_of(place.node, session.namespaces),
                owner=text_of(place.owner, session.namespaces) if place.owner is not None else "",
                stage=place.stage,
                live=tuple(b.live for b in place.bindings if b.live is not None),
                components=await composed(session, place, owners),
                resolved=tuple(found.get(number, ())),
            )
        )
    addresses = {node for rows in found.values() for one in rows for _, node in one.nodes}
    assets, troubles = await _assets(session, tree, folder, limits)
    past, no_past = await pasts(session, _historical(session, represented), limits, now_ns)
    return openusd.SceneOffer(
        url=session.settings.url,
        server_uri=session.namespaces[1] if len(session.namespaces) > 1 else "",
        name=tree.stages[0][1].name if tree.stages else "",
        stages=tuple(stage for _, stage in tree.stages),
        represented=tuple(represented),
        assets=assets,
        signals=await signals(session, sorted(addresses)),
        pasts=past,
        troubles=(*tree.troubles, *troubles, *no_past),
        has_conditions=any(live.intent == "alarm" for one in represented for live in one.live),
    )


def _historical(
    session: Session, represented: Sequence[openusd.Represented]
) -> list[tuple[str, str, NodeId]]:
    """Return (object, binding, node) of the history bindings that want whole series."""
    out: list[tuple[str, str, NodeId]] = []
    for one in represented:
        nodes = {found.binding: found.nodes for found in one.resolved if found.nodes}
        for live in one.live:
            if live.intent == "history" and live.time_sampled and live.enabled and live.name in nodes:
                found = resolve(parse(nodes[live.name][0][1], {}), session.namespaces)
                if isinstance(found, NodeId):
                    out.append((one.name, live.name, found))
    return out


async def _assets(
    session: Session, tree: Tree, folder: Path, limits: OfferLimits
) -> tuple[tuple[openusd.Asset, ...], list[openusd.Trouble]]:
    """Fetch the files of the first stage that delivers some; of a second one that does it is told."""
    kept: tuple[openusd.Asset, ...] = ()
    troubles: list[openusd.Trouble] = []
    is_taken = False
    for node, stage in tree.stages:
        assets = await listed(session, tree.index, node)
        if not assets:
            continue
        if is_taken:
            what = "A server's second scene is left out: one project shows one scene."
            troubles.append(openusd.Trouble(where=stage.name, what=what, code="second-stage"))
            continue
        is_taken = True
        kept, wrong = await delivered(session, stage, assets, folder, limits)
        troubles += wrong
    return kept, troubles


async def changes(settings: Settings, context: SourceContext) -> AsyncIterator[str]:
    """Yield a word after each change of the server's model; ends when the connection does.

    Any change is told without its detail: who listens reads everything again, so nothing can be missed.
    """
    session = await open_session(settings, context, "scene")
    told = asyncio.Event()
    try:
        await tell_changes(session, told)
        yield "connected"
        lost = asyncio.create_task(session.lost.wait())
        try:
            while not session.lost.is_set():
                waiting = asyncio.create_task(told.wait())
                await asyncio.wait({waiting, lost}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if session.lost.is_set():
                    return
                while told.is_set():
                    told.clear()
                    await asyncio.sleep(_QUIET_S)
                yield "changed"
        finally:
            lost.cancel()
    except (UaError, OSError, TimeoutError) as error:
        raise fault_of(error, settings.where) from error
    finally:
        await session.close()


async def tell_changes(session: Session, told: asyncio.Event) -> None:
    """Let an event be set whenever the server tells that its model has changed. Raises UaError."""
    kinds = await _kinds(session)

    async def published(result: Any) -> None:
        for note in result.NotificationMessage.NotificationData or ():
            for event in note.Events if isinstance(note, ua.EventNotificationList) else ():
                fields = event.EventFields
                if fields and fields[0].Value in kinds:
                    told.set()

    request = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=session.settings.publishing_ms,
        RequestedMaxKeepAliveCount=20,
        RequestedLifetimeCount=200,
        MaxNotificationsPerPublish=0,
        PublishingEnabled=True,
    )
    revised = await session.raw.create_subscription(request, published)
    wanted = ua.EventFilter()
    wanted.SelectClauses = [
        ua.SimpleAttributeOperand(
            TypeDefinitionId=ua.NodeId(ua.ObjectIds.BaseEventType),
            BrowsePath=[ua.QualifiedName("EventType", 0)],
            AttributeId=ua.AttributeIds.Value,
        )
    ]
    item = ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(
            NodeId=ua.NodeId(ua.ObjectIds.Server), AttributeId=ua.AttributeIds.EventNotifier
        ),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=1, SamplingInterval=0.0, QueueSize=100, DiscardOldest=True, Filter=wanted
        ),
    )
    (result,) = await session.raw.create_monitored_items(
        ua.CreateMonitoredItemsParameters(
            SubscriptionId=revised.SubscriptionId,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=[item],
        )
    )
    if not result.StatusCode.is_good():
        raise LinkFault(
            f"The server tells no changes of its model ({result.StatusCode.name}).",
            where=session.settings.where,
            remedy="Read the scene again by hand after a change.",
        )


async def _kinds(session: Session) -> set[Any]:
    """Return the types of events that tell of a changed model, with the server's own subtypes.

    Filtered here: not every server knows OfType in a filter.
    """
    found = {
        ua.NodeId(kind)
        for kind in (ua.ObjectIds.BaseModelChangeEventType, ua.ObjectIds.SemanticChangeEventType)
    }
    level = list(found)
    while level:
        below = await session.browse(level, ua.ObjectIds.HasSubtype)
        level = [local(r.NodeId) for refs in below for r in refs if local(r.NodeId) not in found]
        found |= set(level)
    return found
