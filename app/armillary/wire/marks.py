"""Marks: what a world records beside its tags, as series of their own, so that a replay finds it again.

The state of each alarm, of each link and every receipt of an order is one sample with a text, under a name
that no tag can have. A seek then is one question for the newest sample of each, and needs no checkpoint.
"""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from armillary.model.alarm import AlarmEvent, AlarmState, ProcessState, ServerAlarms
from armillary.model.frame import Event
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import Receipt
from armillary.model.procedure import ProcedureRuns

PREFIX = "~"  # no tag's name may begin so
ALARM, LINK = "~alarm:", "~link:"
ORDERS, EVENTS, ALARM_EVENTS, WORLD = "~orders", "~events", "~alarm-events", "~world"
PROCEDURES = "~procedures"
SERVER_ALARMS = "~server-alarms"  # all that are not normal, in one text: they come to be while a world runs
"""~world: 1 while the LIVE world runs, 0 when it ended: between them nothing was recorded.

The text of a 1 may say that from then on only every so many seconds something was recorded (`paced`).
"""
LINK_CODES = {state: float(number) for number, state in enumerate(LinkState)}
ALARM_CODES = {state: float(number) for number, state in enumerate(ProcessState)}

_Record = TypeVar("_Record", AlarmState, AlarmEvent, LinkStatus, Receipt, Event, ProcedureRuns, ServerAlarms)


def text_of(
    record: AlarmState | AlarmEvent | LinkStatus | Receipt | Event | ProcedureRuns | ServerAlarms,
) -> str:
    """Return a record as the text of its mark."""
    return json.dumps(
        msgspec.to_builtins(record), separators=(",", ":")
    )  # json keeps NaN, msgspec.json does not


def record_of(text: str, kind: type[_Record]) -> _Record:
    """Return the record of a mark. Raises ValueError for a text that is none."""
    try:
        return msgspec.convert(json.loads(text), kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"not a mark of {kind.__name__}: {error}") from error


def span_of(text: str) -> tuple[int, int]:
    """Return the span that an event's mark tells of, (0, 0) for none."""
    try:
        return record_of(text, Event).span_ns
    except ValueError:
        return (0, 0)


def paced(every_s: int) -> str:
    """Return the text of a start after which each tag was recorded once in so many seconds."""
    return json.dumps({"every_s": every_s})


def pace_of(text: str) -> int:
    """Return how many seconds lie between the samples of a tag after a start; 0 = all were recorded."""
    if not text:
        return 0
    try:
        return max(int(json.loads(text)["every_s"]), 0)
    except (ValueError, KeyError, TypeError):
        return 0
