"""Conditions: the alarms that a server owns, as its source tells of them. The server alone changes them."""

from __future__ import annotations

from dataclasses import dataclass

REMOTE = "opcua:"  # begins the ids of alarms that a server owns; no alarm of a project may begin so


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition, or one branch of it, as an event of its server says it is now."""

    id: str  # of the condition, in the server's own language
    branch: str = ""  # an earlier occurrence that still waits for a person; "" = the present one
    event_id: bytes = b""  # what an acknowledge names
    name: str = ""
    source: str = ""  # what it is about
    text: str = ""
    severity: int = 0  # 1 … 1000
    priority: int = 0  # 1 … 4; 0 = an event, no alarm
    retain: bool = True  # False: it is of no interest any more
    active: bool = False
    acked: bool = True
    latched: bool = False
    shelved_ms: float = -1.0  # left on the shelf; 0 = until it returns to normal; -1 = not shelved
    suppressed: bool = False
    out_of_service: bool = False
    is_bad: bool = False  # the quality of what it is judged by
    t_ns: int = 0  # of the event, by the server's clock
    active_ns: int = 0  # when it became active, by the server's clock; 0 = not told
    comment: str = ""
    actor: str = ""
    confirmed: bool = True  # False: acknowledged is not enough, somebody has to confirm it too
    max_shelved_ms: float = 0.0  # longest shelf that its server allows; 0 = not told
    offers: tuple[str, ...] = ()  # what its type lets people ask for beside acknowledging: `confirm`, …
    responses: tuple[str, ...] = ()  # of a dialog: the answers that there are


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionAsk:
    """What a person asks of a server for one of its conditions."""

    condition: str  # its id
    event_id: bytes  # of the event that the person saw
    action: str  # one of `model.alarm.AlarmAction`
    comment: str = ""
    duration_ms: float = 0.0  # of `shelve`; 0 = until it next returns to normal
    answer: int = -1  # of `respond`: its number among the responses


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a source heard of its server's conditions, in their order."""

    link: str
    conditions: tuple[Condition, ...]
    is_all: bool = False  # after a (re)connect: what is not among them is gone
