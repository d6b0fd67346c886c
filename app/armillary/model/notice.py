"""Notices: what people are told who are not at a desk (Notice), and who is told what (Receiver)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from armillary.model.clock import NS

NoticeKind = Literal["raised", "cleared", "acknowledged", "reset", "escalated", "group", "test"]
NOTIFY_ALARM = "system:notify:"  # begins the id of the alarm of a receiver that gets nothing
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 1_440


def notify_alarm(receiver: str) -> str:
    """Return the id of the alarm of a receiver that cannot be reached."""
    return NOTIFY_ALARM + receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to one receiver. Texts are for people; nothing in it is secret."""

    id: str  # the same at every try: a receiver that has it already leaves it out
    kind: NoticeKind
    receiver: str
    title: str
    text: str  # one sentence
    priority: int = 0  # 1 … 4; 0 = it is not of an alarm
    alarm: str = ""  # id; "" for a group and a test
    occurrence: str = ""
    tag: str = ""
    value: float = float("nan")  # that made it
    unit: str = ""
    where: str = ""  # prim path or area
    consequence: str = ""
    operator_action: str = ""
    time_to_respond_s: float = 0.0
    t_ns: int = 0  # of what happened, UTC
    raised_ns: int = 0  # since when it stands
    delayed_s: float = 0.0  # raised by readings that came this late
    actor: str = ""  # who acknowledged or reset
    comment: str = ""
    count: int = 1  # of alarms, in a group
    lines: tuple[str, ...] = ()  # of a group: the first of them, the most urgent above
    project: str = ""
    world: str = ""
    link: str = ""  # how to see it: the project's own address, else the command that opens the desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one alarm stands now, for receivers that show it."""

    id: str
    title: str
    priority: int
    state: str  # of the process region: NORM, UNACK, …
    presentation: str  # SHOWN, SHELVED, …
    active: bool
    unacknowledged: bool
    occurrence: str = ""
    raised_ns: int = 0
    changed_ns: int = 0
    value: float = float("nan")
    unit: str = ""
    tag: str = ""
    where: str = ""
    text: str = ""
    actor: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Times of day in which a receiver is left in peace, by the day on which they begin."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # Monday is 0
    from_min: int = 0  # minutes of the local day
    to_min: int = 0  # not included; at or before `from_min`: of the next day


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One `[[notify]]` of notify.toml: who is told, of which alarms, when."""

    name: str
    kind: str  # a plugin's name: webhook, email, mqtt
    url: str
    enabled: bool = True
    priority: int = 4  # the least urgent that it is told of
    alarms: tuple[str, ...] = ("*",)  # ids, with * and ?
    excepted: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  # classes of alarms; () = all
    areas: tuple[str, ...] = ()  # of the project; () = all
    prims: tuple[str, ...] = ()  # paths that the alarm's prim is, or is below; () = all
    events: tuple[NoticeKind, ...] = ("raised",)
    only_escalated: bool = False  # it is told only of what others did not acknowledge
    quiet: tuple[Quiet, ...] = ()
    breaks_through: int = 1  # this priority and those above disturb in quiet times; 0 = none does
    timezone: str = "UTC"
    escalate_to: str = ""  # the receiver that is told next
    escalate_s: float = 0.0  # after so long without an acknowledge
    group_over: int = 10  # more notices than that in `group_s` are sent as groups
    group_s: float = 600.0
    per_hour: int = 60  # messages that leave for it
    undelivered_s: float = 600.0  # then the alarm of this receiver raises
    link: str = ""  # an address of the site's own, with {id}, {tag}, {prim}, {occurrence}
    # Any: a plugin's own settings are plain TOML values; the plugin checks them and raises a Fault
    settings: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""


def is_quiet(receiver: Receiver, now_ns: int) -> bool:
    """Return whether it is a quiet time of a receiver, by its own time zone."""
    if not receiver.quiet:
        return False
    local = datetime.fromtimestamp(now_ns / NS, ZoneInfo(receiver.timezone))
    day, minute = local.weekday(), local.hour * 60 + local.minute
    for one in receiver.quiet:
        if one.from_min < one.to_min:
            if day in one.days and one.from_min <= minute < one.to_min:
                return True
        elif (day in one.days and minute >= one.from_min) or (
            (day - 1) % len(DAYS) in one.days and minute < one.to_min
        ):
            return True
    return False
