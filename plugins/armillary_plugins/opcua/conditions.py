"""A server's conditions: one event subscription, ConditionRefresh once it is made, the methods of people."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from armillary.api import Condition, ConditionAsk, LinkFault, OrderFault, TakesConditions
from armillary_plugins.opcua import condition_methods
from armillary_plugins.opcua.address import text_of
from armillary_plugins.opcua.lib import ua
from armillary_plugins.opcua.session import Session, refusal

log = logging.getLogger(__name__)

QUEUE = 1_000  # events that the server keeps for us between two publishes
LAST_SEQUENCE = 2**32 - 1  # OPC 10000-4: sequence numbers go on from 1 after it
REFRESH_S = 10.0  # a refresh that has not ended by then is taken as none
_US_NS = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_EVENT, _CONDITION = ua.ObjectIds.BaseEventType, ua.ObjectIds.ConditionType
_ACK, _ALARM = ua.ObjectIds.AcknowledgeableConditionType, ua.ObjectIds.AlarmConditionType
_DIALOG = ua.ObjectIds.DialogConditionType
# name → type that has it, path below it; the order is that of the select clauses
FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "type": (_EVENT, ("EventType",)),
    "event_id": (_EVENT, ("EventId",)),
    "source": (_EVENT, ("SourceName",)),
    "text": (_EVENT, ("Message",)),
    "severity": (_EVENT, ("Severity",)),
    "time": (_EVENT, ("Time",)),
    "id": (_CONDITION, ()),  # the ConditionId: the node itself
    "name": (_CONDITION, ("ConditionName",)),
    "branch": (_CONDITION, ("BranchId",)),
    "retain": (_CONDITION, ("Retain",)),
    "enabled": (_CONDITION, ("EnabledState", "Id")),
    "quality": (_CONDITION, ("Quality",)),
    "comment": (_CONDITION, ("Comment",)),
    "actor": (_CONDITION, ("ClientUserId",)),
    "acked": (_ACK, ("AckedState", "Id")),
    "active": (_ALARM, ("ActiveState", "Id")),
    "active_time": (_ALARM, ("ActiveState", "TransitionTime")),
    "suppressed": (_ALARM, ("SuppressedState", "Id")),
    "out_of_service": (_ALARM, ("OutOfServiceState", "Id")),
    "latched": (_ALARM, ("LatchedState", "Id")),
    "shelving": (_ALARM, ("ShelvingState", "CurrentState", "Id")),
    "unshelve_ms": (_ALARM, ("ShelvingState", "UnshelveTime")),
    "confirmed": (_ACK, ("ConfirmedState", "Id")),
    "max_shelved": (_ALARM, ("MaxTimeShelved",)),
    "dialog": (_DIALOG, ("DialogState", "Id")),
    "responses": (_DIALOG, ("ResponseOptionSet",)),
}
# what a server says of it at all, its type has: the fields that tell so, and what it lets people ask for
_OFFERS = {
    "confirmed": "confirm",
    "shelving": "shelve",
    "suppressed": "suppress",
    "out_of_service": "remove",
    "latched": "reset",
    "dialog": "respond",
}
_TIMED = ua.ObjectIds.ShelvedStateMachineType_TimedShelved
_ONE_SHOT = ua.ObjectIds.ShelvedStateMachineType_OneShotShelved


class ConditionWatch:
    """Tells of the conditions of one session's server, until it is stopped."""

    def __init__(self, session: Session, out: TakesConditions) -> None:
        self._session, self._out = session, out
        self._settings = session.settings
        self._id = 0
        self._last = 0  # sequence number
        self._refreshed: list[Condition] | None = None  # being refreshed: what it brought so far
        self._refresh: asyncio.Task[None] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._known: dict[str, Any] = {}  # text of a ConditionId → the node, for an acknowledge

    async def start(self) -> None:
        """Subscribe, and have everything told that stands. Raises what the library raises."""
        request = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self._settings.publishing_ms,
            RequestedMaxKeepAliveCount=4,
            RequestedLifetimeCount=40,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
        )
        revised = await self._session.raw.create_subscription(request, self._published)
        self._id = revised.SubscriptionId
        item = ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(
                NodeId=ua.NodeId(ua.ObjectIds.Server), AttributeId=ua.AttributeIds.EventNotifier
            ),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=1, SamplingInterval=0.0, QueueSize=QUEUE, DiscardOldest=True, Filter=_filter()
            ),
        )
        (result,) = await self._session.raw.create_monitored_items(
            ua.CreateMonitoredItemsParameters(
                SubscriptionId=self._id,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=[item],
            )
        )
        if not result.StatusCode.is_good():
            raise LinkFault(
                f"The server reports no events ({result.StatusCode.name}).",
                where=self._settings.where,
                remedy="Remove conditions = true from this source, or give its user the right to events.",
            )
        await self.refresh()

    async def refresh(self) -> None:
        """Ask for everything that stands; a server that cannot say it is believed as events come."""
        self._refreshed = None
        try:
            await self._call(
                ua.NodeId(ua.ObjectIds.ConditionType),
                ua.ObjectIds.ConditionType_ConditionRefresh,
                [ua.Variant(self._id, ua.VariantType.UInt32)],
            )
        except UaStatusCodeError as error:
            log.info("%s: no ConditionRefresh (%s)", self._settings.where, refusal(error))

    async def act(self, ask: ConditionAsk) -> None:
        """Call the method of a condition. Raises OrderFault with the server's reason."""
        node = self._known.get(ask.condition)
        if node is None:
            raise OrderFault(
                "The server has told nothing of this condition since we connected.",
                where=self._settings.where,
                remedy="Wait until it is told, and try again.",
            )
        methods, arguments = condition_methods.call_of(ask)
        try:
            await self._call_one_of(node, methods, arguments)
        except UaStatusCodeError as error:
            raise OrderFault(
                f"The server did not {condition_methods.VERB[ask.action]}: {refusal(error)}.",
                where=self._settings.where,
                remedy="Look at the alarm again; it may be another occurrence by now.",
            ) from error

    async def stop(self) -> None:
        """Delete the subscription, as far as the server still answers."""
        if self._limit is not None:
            self._limit.cancel()
        if self._refresh is not None:
            self._refresh.cancel()
        if self._id and not self._session.lost.is_set():
            with contextlib.suppress(UaError, OSError, TimeoutError):
                await self._session.raw.delete_subscriptions([self._id])

    # ---------------------------------------------------------------- what comes

    async def _published(self, result: Any) -> None:
        try:
            message = result.NotificationMessage
            if message.NotificationData:
                number, last = int(message.SequenceNumber), self._last
                self._last = number
                if last and number != last % LAST_SEQUENCE + 1:
                    self._ask_again()  # some events did not come
            for note in message.NotificationData or ():
                if isinstance(note, ua.EventNotificationList):
                    self._take([_fields(event) for event in note.Events])
        except Exception as error:  # border: the library would log it and go on without us
            log.exception("events of %s could not be taken", self._settings.where)
            self._session.lose(error)

    def _take(self, events: Sequence[dict[str, Any]]) -> None:
        found: list[Condition] = []
        for event in events:
            kind = event["type"].Identifier if event["type"] is not None else 0
            if kind == ua.ObjectIds.RefreshStartEventType:
                self._tell(found)
                found, self._refreshed = [], []
                self._limit = asyncio.get_running_loop().call_later(REFRESH_S, self._give_up)
            elif kind == ua.ObjectIds.RefreshEndEventType:
                self._refreshed = [*(self._refreshed or ()), *found]
                self._out.conditions(self._refreshed, is_all=True)
                found, self._refreshed = [], None
                if self._limit is not None:
                    self._limit.cancel()
            elif kind == ua.ObjectIds.RefreshRequiredEventType:
                self._ask_again()
            elif event["id"] is not None and event["retain"] is not None:
                found.append(self._condition(event))
        self._tell(found)

    def _tell(self, found: Sequence[Condition]) -> None:
        if self._refreshed is not None:
            self._refreshed += found
        elif found:
            self._out.conditions(found, is_all=False)

    def _give_up(self) -> None:
        """Tell what a refresh brought that does not end; what it did not bring is not closed."""
        found, self._refreshed = self._refreshed, None
        if found:
            self._out.conditions(found, is_all=False)

    def _ask_again(self) -> None:
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        try:
            await self.refresh()
        except (UaError, OSError, TimeoutError) as error:
            self._session.lose(error)

    def _condition(self, event: dict[str, Any]) -> Condition:
        id_ = text_of(event["id"], self._session.namespaces)
        self._known[id_] = event["id"]
        branch = event["branch"]
        is_branch = branch is not None and not branch.is_null()
        severity = int(event["severity"] or 0)
        active = event["active"]
        return Condition(
            id=id_,
            branch=text_of(branch, self._session.namespaces) if is_branch else "",
            event_id=bytes(event["event_id"] or b""),
            name=str(event["name"] or ""),
            source=str(event["source"] or ""),
            text=_text(event["text"]),
            severity=severity,
            priority=self._settings.priority_of(severity),
            retain=bool(event["retain"]) and event["enabled"] is not False,
            active=bool(_or(active, _or(event["dialog"], event["retain"]))),
            acked=event["acked"] is not False,
            latched=bool(event["latched"]),
            shelved_ms=_shelved_ms(event),
            suppressed=bool(event["suppressed"]),
            out_of_service=bool(event["out_of_service"]),
            is_bad=event["quality"] is not None and not event["quality"].is_good(),
            t_ns=_ns(event["time"]),
            active_ns=_ns(event["active_time"]),
            comment=_text(event["comment"]),
            actor=str(event["actor"] or ""),
            confirmed=event["confirmed"] is not False,
            max_shelved_ms=float(event["max_shelved"] or 0.0),
            offers=tuple(offer for name, offer in _OFFERS.items() if event[name] is not None),
            responses=tuple(_text(one) for one in event["responses"] or ()),
        )

    async def _call_one_of(self, owner: Any, methods: Sequence[int], arguments: list[Any]) -> None:
        """Call a method by the first of its ids that the server knows. Raises UaStatusCodeError."""
        for method in methods[:-1]:
            try:
                await self._call(owner, method, arguments)
            except UaStatusCodeError as error:
                if error.code not in condition_methods.UNKNOWN:
                    raise
            else:
                return
        await self._call(owner, methods[-1], arguments)

    async def _call(self, owner: Any, method: int, arguments: list[Any]) -> None:
        """Call a method. Raises UaStatusCodeError for a refusal."""
        request = ua.CallMethodRequest(ObjectId=owner, MethodId=ua.NodeId(method), InputArguments=arguments)
        (result,) = await self._session.raw.call([request])
        result.StatusCode.check()


def _filter() -> Any:
    clauses = [
        ua.SimpleAttributeOperand(
            TypeDefinitionId=ua.NodeId(kind),
            BrowsePath=[ua.QualifiedName(name, 0) for name in path],
            AttributeId=ua.AttributeIds.Value if path else ua.AttributeIds.NodeId,
        )
        for kind, path in FIELDS.values()
    ]
    return ua.EventFilter(SelectClauses=clauses)


def _fields(event: Any) -> dict[str, Any]:
    values = [variant.Value for variant in event.EventFields]
    return dict(zip(FIELDS, [*values, *[None] * (len(FIELDS) - len(values))], strict=False))


def _shelved_ms(event: dict[str, Any]) -> float:
    kind = event["shelving"].Identifier if event["shelving"] is not None else 0
    if kind == _TIMED:
        return max(1.0, float(event["unshelve_ms"] or 0.0))
    return 0.0 if kind == _ONE_SHOT else -1.0


def _or(value: Any, other: Any) -> Any:
    return other if value is None else value


def _text(value: Any) -> str:
    return str(getattr(value, "Text", value) or "")


def _ns(value: Any) -> int:
    if not isinstance(value, datetime):
        return 0
    moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return max(0, ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * _US_NS)
