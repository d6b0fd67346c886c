"""Marks: what a world records beside its tags, as series of their own, so that a replay finds it again.

The state of each alarm, of each link and every receipt of an order is one sample with a text, under a name
that no tag can have. A seek then is one question for the newest sample of each, and needs no checkpoint.
"""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from armillary.model.alarm import AlarmEvent, AlarmState, ProcessState
from armillary.model.frame import Event
from armillary.model.link import LinkState, LinkStatus
from armillary.model.order import Receipt
from armillary.model.procedure import ProcedureRuns

PREFIX = "~"  # no tag's name may begin so
ALARM, LINK = "~alarm:", "~link:"
ORDERS, EVENTS, ALARM_EVENTS, WORLD = "~orders", "~events", "~alarm-events", "~world"
PROCEDURES = "~procedures"
"""~world: 1 while the LIVE world runs, 0 when it ended: between them nothing was recorded."""
LINK_CODES = {state: float(number) for number, state in enumerate(LinkState)}
ALARM_CODES = {state: float(number) for number, state in enumerate(ProcessState)}

_Record = TypeVar("_Record", AlarmState, AlarmEvent, LinkStatus, Receipt, Event, ProcedureRuns)


def text_of(record: AlarmState | AlarmEvent | LinkStatus | Receipt | Event | ProcedureRuns) -> str:
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
