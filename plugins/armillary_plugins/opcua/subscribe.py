"""Subscriptions of one session: one per rate class, whole publish results in, SampleBatches out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from asyncua.ua import NodeId
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from armillary.api import NODE_MOVED, Clock, LinkFault, Route, SourceOut
from armillary_plugins.opcua.address import AddressError, parse, resolve, resolve_path, text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session, refusal
from armillary_plugins.opcua.values import Targets, sample_batch, targets, unknown

log = logging.getLogger(__name__)

KEEP_ALIVE_COUNT, LIFETIME_FACTOR = 4, 10  # of 250 ms: a sign of life each second, given up after 10 s
SILENT_KEEP_ALIVES = 3
SLOW_MS = (5_000.0, 1_000.0)  # rate classes beside the link's own, slowest first
CLASS_SHARE = 4  # a tag joins a class that publishes at least this often per expected interval
QUEUE_MOST = 100
CHECK_S = 0.25
NO_ROOM_S = 0.05
LAST_SEQUENCE = 2**32 - 1  # OPC 10000-4: sequence numbers go on from 1 after it
NS = 1_000_000_000
NODE_UNKNOWN, UNKNOWN_NODE = 0x80340000, "BadNodeIdUnknown"
NO_PATHS: Mapping[str, str] = {}
NAMED = 5  # refused items named in a link's detail; the rest is counted


@dataclass(slots=True, kw_only=True)
class Item:
    """One node watched for one or more tags."""

    address: str
    rate_ms: float
    slots: list[int]
    wants_text: bool
    wants_array: bool
    names: dict[str, float]
    node: NodeId | None = None
    refused: str = ""  # why the server does not report it
    browse_path: str = ""  # where its node was when it was known
    moved: str = ""  # the address of what is there now


@dataclass(slots=True, kw_only=True)
class _Stream:
    """One subscription at the server; what asyncua's own class would keep about it."""

    id: int
    silent_ns: int
    last_publish_at: int  # monotonic ns
    last_sequence_number: int = 0


@dataclass(slots=True)
class _Read:
    """Re-reading after a gap runs beside the publish loop; one at a time."""

    task: asyncio.Task[None] | None = field(default=None)


def rate_of(expected_ms: int, publishing_ms: float) -> float:
    """Return the publishing interval of the rate class of a tag, in ms."""
    fits = (slow for slow in SLOW_MS if publishing_ms < slow <= expected_ms / CLASS_SHARE)
    return next(fits, publishing_ms)


def items_of(routes: Sequence[Route], publishing_ms: float) -> list[Item]:
    """Return one item per address, its slots in the order of the routes, at the fastest rate asked for."""
    found: dict[str, Item] = {}
    for route in routes:
        rate = rate_of(route.expected_ms, publishing_ms)
        names = {name.casefold(): number for number, name in route.states}
        item = found.get(route.channel)
        if item is None:
            wants_text = route.kind in ("text", "struct")
            found[route.channel] = Item(
                address=route.channel,
                rate_ms=rate,
                slots=[route.slot],
                wants_text=wants_text,
                wants_array=route.kind == "array",
                names=names,
                browse_path=route.browse_path,
            )
        else:
            item.slots.append(route.slot)
            item.rate_ms = min(item.rate_ms, rate)
    return list(found.values())


class Subscriptions:
    """What one plan subscribed. A new plan gets a new one."""

    def __init__(
        self,
        session: Session,
        routes: Sequence[Route],
        clock: Clock,
        out: SourceOut,
        paths: Mapping[str, str] = NO_PATHS,
    ) -> None:
        """Take what to subscribe; paths: browse paths that were learnt by now, by address."""
        self._session, self._clock, self._out = session, clock, out
        self._settings = session.settings
        self.items = items_of(routes, self._settings.publishing_ms)
        for item in self.items:
            item.browse_path = paths.get(item.address, item.browse_path)
        self._streams: list[_Stream] = []
        self._targets: Targets = targets(
            [item.slots for item in self.items],
            [item.wants_text for item in self.items],
            {handle: item.names for handle, item in enumerate(self.items) if item.names},
            [item.wants_array for item in self.items],
        )
        self._reading = _Read()
        self._is_ending = False

    @property
    def refused(self) -> str:
        """Return one sentence about the items that are not reported; "" when all are."""
        bad = [item for item in self.items if item.refused]
        if not bad:
            return ""
        named = ", ".join(f"{item.address} ({item.refused})" for item in bad[:NAMED])
        rest = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        return f"{len(bad)} of {len(self.items)} items refused: {named}{rest}."

    @property
    def nodes(self) -> dict[str, NodeId]:
        """Return the nodes found, by address."""
        return {
            item.address: item.node
            for item in self.items
            if item.node is not None and item.refused != UNKNOWN_NODE
        }

    @property
    def absent(self) -> dict[str, NodeId]:
        """Return the nodes that the server does not know, by address."""
        return {
            item.address: item.node
            for item in self.items
            if item.node is not None and item.refused == UNKNOWN_NODE
        }

    @property
    def paths(self) -> dict[str, str]:
        """Return the browse paths that are known, by address."""
        return {item.address: item.browse_path for item in self.items if item.browse_path}

    @property
    def moved(self) -> dict[str, str]:
        """Return where the nodes are now that the server does not know any more, as address → address."""
        return {item.address: item.moved for item in self.items if item.moved}

    async def start(self) -> None:
        """Resolve, subscribe, then read everything once: a first notification may have come too early."""
        await self._resolve()
        for rate in sorted({item.rate_ms for item in self.items if item.node is not None}):
            await self._subscribe(rate)
        await self._find_moved()
        self._report_refused()
        await self.read_all()

    async def stop(self) -> None:
        """Delete the subscriptions at the server, as far as it still answers."""
        self._is_ending = True  # else a full inbox, from which nobody takes any more, keeps us here
        if self._reading.task is not None:
            self._reading.task.cancel()
        ids = [stream.id for stream in self._streams]
        self._streams.clear()
        if ids and not self._session.lost.is_set():
            with contextlib.suppress(UaError, OSError, TimeoutError):
                await self._session.raw.delete_subscriptions(ids)

    async def read_all(self) -> None:
        """Read the present value of every item that was found, and hand them over."""
        handles = [h for h, item in enumerate(self.items) if item.node is not None and not item.refused]
        if not handles:
            return
        nodes = [node for h in handles if (node := self.items[h].node) is not None]
        wanted = [(node, int(ua.AttributeIds.Value)) for node in nodes]
        values = await self._session.read(wanted)
        now, mono = self._clock.now_ns(), self._clock.now_mono_ns()
        self._out.samples(sample_batch(np.array(handles), values, self._targets, now, mono))
        self._out.alive(mono)

    async def raise_when_silent(self) -> None:
        """Raise LinkFault when a subscription has been silent for three keep-alives."""
        before = self._clock.now_mono_ns()
        while True:
            await asyncio.sleep(CHECK_S)
            now = self._clock.now_mono_ns()
            was_late = now - before > 2 * CHECK_S * NS
            before = now
            if was_late:
                continue  # we were held up ourselves: what has arrived is read before the next look
            for stream in self._streams:
                age_ns = now - stream.last_publish_at
                if age_ns > stream.silent_ns:
                    raise LinkFault(
                        f"No answer for {age_ns / NS:.1f} s.",
                        where=self._settings.where,
                        remedy="It is connected again.",
                    )

    # ---------------------------------------------------------------- subscribing

    async def _resolve(self) -> None:
        paths: list[tuple[Item, Any]] = []
        for item in self.items:
            try:
                found = resolve(parse(item.address, self._settings.namespaces), self._session.namespaces)
            except AddressError as error:
                item.refused = str(error)
                continue
            if isinstance(found, NodeId):
                item.node = found
            else:
                paths.append((item, found))
        nodes = await self._session.translate([path for _, path in paths])
        for (item, _), node in zip(paths, nodes, strict=True):
            if isinstance(node, str):
                item.refused = node
            else:
                item.node = node

    async def _subscribe(self, rate_ms: float) -> None:
        """Create the subscription of one rate class and its items."""
        publishing = self._settings.publishing_ms
        keep_alive = max(1, round(KEEP_ALIVE_COUNT * publishing / rate_ms))
        stream = _Stream(id=0, silent_ns=0, last_publish_at=self._clock.now_mono_ns())

        async def published(result: Any) -> None:
            await self._published(stream, result)

        request = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=rate_ms,
            RequestedMaxKeepAliveCount=keep_alive,
            RequestedLifetimeCount=keep_alive * LIFETIME_FACTOR,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
        )
        revised = await self._session.raw.create_subscription(request, published)
        stream.id = revised.SubscriptionId
        every_ms = revised.RevisedPublishingInterval * revised.RevisedMaxKeepAliveCount
        stream.silent_ns = int(SILENT_KEEP_ALIVES * max(every_ms, 1_000.0) * 1e6)
        self._streams.append(stream)
        sampling = self._settings.sampling_ms
        if sampling > 0:
            sampling *= rate_ms / publishing
        changes = math.ceil(rate_ms / sampling) + 1 if sampling > 0 else 0
        queue = min(max(self._settings.queue, changes), QUEUE_MOST)
        mine = (h for h, item in enumerate(self.items) if item.rate_ms == rate_ms)
        handles = [h for h in mine if self.items[h].node is not None]
        for chunk in self._session.item_chunks(handles):
            request = ua.CreateMonitoredItemsParameters(
                SubscriptionId=stream.id,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=[_request(h, self.items[h].node, sampling, queue) for h in chunk],
            )
            results = await self._session.raw.create_monitored_items(request)
            for handle, result in zip(chunk, results, strict=True):
                if not result.StatusCode.is_good():
                    self.items[handle].refused = str(result.StatusCode.name)

    async def _find_moved(self) -> None:
        """Look where nodes were that the server does not know: what is there now is offered, never taken."""
        gone: list[tuple[Item, Any]] = []
        for item in self.items:
            if item.browse_path and (item.refused == UNKNOWN_NODE or item.node is None):
                with contextlib.suppress(AddressError):
                    gone.append((item, resolve_path(item.browse_path, self._session.namespaces)))
        taken = {item.address for item in self.items}
        for (item, _), node in zip(
            gone, await self._session.translate([path for _, path in gone]), strict=True
        ):
            if isinstance(node, NodeId):
                found = text_of(node, self._session.namespaces)
                item.moved = "" if found in taken else found

    def _report_refused(self) -> None:
        """Make the tags of refused items BAD with the reason, instead of leaving them as never seen."""
        refused = {slot: _words(item) for item in self.items if item.refused for slot in item.slots}
        if refused:
            now, mono = self._clock.now_ns(), self._clock.now_mono_ns()
            words = dict(enumerate(refused.values()))
            self._out.samples(replace(unknown([*refused], NODE_UNKNOWN, now, mono), why=words))

    # ---------------------------------------------------------------- publish results

    async def _published(self, stream: _Stream, result: Any) -> None:
        """Take one publish result; while there is no room none is asked for and the server keeps them."""
        try:
            stream.last_publish_at = self._clock.now_mono_ns()
            message = result.NotificationMessage
            if message.NotificationData:
                await self._fill_gap(stream, int(message.SequenceNumber))
                self._take(message.NotificationData)
            self._out.alive(stream.last_publish_at)
            while not (self._out.room or self._is_ending):
                await asyncio.sleep(NO_ROOM_S)
                for other in self._streams:
                    other.last_publish_at = self._clock.now_mono_ns()
        except (UaError, OSError, TimeoutError) as error:
            self._session.lose(error)
        except Exception as error:  # border: the library would log it and go on without us
            log.exception("a publish result of %s could not be taken", self._settings.where)
            self._session.lose(error)

    def _take(self, notes: Sequence[Any]) -> None:
        now, mono = self._clock.now_ns(), self._clock.now_mono_ns()
        for note in notes:
            if isinstance(note, ua.DataChangeNotification):
                items = note.MonitoredItems
                handles = np.array([item.ClientHandle for item in items], np.int64)
                values = [item.Value for item in items]
                self._out.samples(sample_batch(handles, values, self._targets, now, mono))
            elif isinstance(note, ua.StatusChangeNotification):
                what = f"The server ended the subscription: {note.Status.name}."
                lost = LinkFault(what, where=self._settings.where, remedy="It is connected again.")
                self._session.lose(lost)

    async def _fill_gap(self, stream: _Stream, number: int) -> None:
        """Ask for messages that did not come, in order; read everything again where they are gone."""
        last, stream.last_sequence_number = stream.last_sequence_number, number
        due = last % LAST_SEQUENCE + 1
        if not last or number == due:
            return
        try:
            while due != number:
                message = await self._session.raw.republish(stream.id, due)
                self._take(message.NotificationData or ())
                due = due % LAST_SEQUENCE + 1
        except UaStatusCodeError as error:
            if refusal(error) != "BadMessageNotAvailable":
                raise
            if self._reading.task is None or self._reading.task.done():
                self._reading.task = asyncio.create_task(self._read_again())

    async def _read_again(self) -> None:
        try:
            await self.read_all()
        except (UaError, OSError, TimeoutError) as error:
            self._session.lose(error)


def _words(item: Item) -> str:
    """Return why a tag has no value."""
    if item.moved:
        return f"{NODE_MOVED}{item.moved}"
    if item.refused == UNKNOWN_NODE:
        return "node unknown"
    return f"the server refuses this node ({item.refused})"


def _request(handle: int, node: NodeId | None, sampling_ms: float, queue: int) -> Any:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle, SamplingInterval=sampling_ms, QueueSize=queue, DiscardOldest=True
        ),
    )
