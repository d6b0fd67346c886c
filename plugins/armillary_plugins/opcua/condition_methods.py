"""The methods of OPC 10000-9 that people call of a condition: which one, with what. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from armillary.api import ConditionAsk
from armillary_plugins.opcua.lib import ua

_IDS = ua.ObjectIds
VERB = {
    "ack": "acknowledge it",
    "confirm": "confirm it",
    "comment": "take the comment",
    "respond": "take the answer",
    "reset": "reset it",
    "shelve": "shelve it",
    "unshelve": "unshelve it",
    "suppress": "suppress it",
    "unsuppress": "unsuppress it",
    "remove": "take it out of service",
    "place": "put it back in service",
}
# A condition may be no node of the server's: then its id is the object of the call (5.8.17), and the method
# is named as the state machine's or as the alarm's own. Servers know one or both.
_SHELVE = (_IDS.ShelvedStateMachineType_TimedShelve, _IDS.AlarmConditionType_ShelvingState_TimedShelve)
_ONCE = (_IDS.ShelvedStateMachineType_OneShotShelve, _IDS.AlarmConditionType_ShelvingState_OneShotShelve)
_UNSHELVE = (_IDS.ShelvedStateMachineType_Unshelve, _IDS.AlarmConditionType_ShelvingState_Unshelve)
UNKNOWN = frozenset(  # how servers say that they have no such method; asyncua's has nothing to do
    {
        ua.StatusCodes.BadMethodInvalid,
        ua.StatusCodes.BadNodeIdUnknown,
        ua.StatusCodes.BadNotImplemented,
        ua.StatusCodes.BadNothingToDo,
    }
)
Call = tuple[tuple[int, ...], list[Any]]  # ids of the method, the likelier first; its arguments


def _said(method: int) -> Callable[[ConditionAsk], Call]:
    """Return a call that names an event and takes a comment."""
    return lambda ask: (
        (method,),
        [
            ua.Variant(ask.event_id, ua.VariantType.ByteString),
            ua.Variant(ua.LocalizedText(ask.comment), ua.VariantType.LocalizedText),
        ],
    )


def _bare(*methods: int) -> Callable[[ConditionAsk], Call]:
    return lambda _ask: (methods, [])


def _shelve(ask: ConditionAsk) -> Call:
    if not ask.duration_ms:
        return _ONCE, []
    return _SHELVE, [ua.Variant(ask.duration_ms, ua.VariantType.Double)]


def _respond(ask: ConditionAsk) -> Call:
    return (_IDS.DialogConditionType_Respond,), [ua.Variant(ask.answer, ua.VariantType.Int32)]


_CALLS: dict[str, Callable[[ConditionAsk], Call]] = {
    "ack": _said(_IDS.AcknowledgeableConditionType_Acknowledge),
    "confirm": _said(_IDS.AcknowledgeableConditionType_Confirm),
    "comment": _said(_IDS.ConditionType_AddComment),
    "respond": _respond,
    "reset": _bare(_IDS.AlarmConditionType_Reset),
    "shelve": _shelve,
    "unshelve": _bare(*_UNSHELVE),
    "suppress": _bare(_IDS.AlarmConditionType_Suppress),
    "unsuppress": _bare(_IDS.AlarmConditionType_Unsuppress),
    "remove": _bare(_IDS.AlarmConditionType_RemoveFromService),
    "place": _bare(_IDS.AlarmConditionType_PlaceInService),
}


def call_of(ask: ConditionAsk) -> Call:
    """Return the method of a condition that does what is asked, and its arguments."""
    return _CALLS[ask.action](ask)
