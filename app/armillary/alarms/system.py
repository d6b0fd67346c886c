"""The built-in alarms of the system itself: its historian and its disk. What stands is told from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from armillary.model.alarm import AlarmSpec
from armillary.model.area import AreaSpec
from armillary.model.notice import Receiver, notify_alarm

PREFIX = "system:"
HISTORY, HISTORY_FULL = f"{PREFIX}history", f"{PREFIX}history-full"
DISK_LOW, DISK_SHORT = f"{PREFIX}disk-low", f"{PREFIX}disk-short"
HISTORY_COUNTERS = f"{PREFIX}history-counters"
HISTORY_QUOTA, HISTORY_DAMAGED = f"{PREFIX}history-quota", f"{PREFIX}history-damaged"
AWAY_S = 10.0  # a recorder that is started again is back sooner


def area_alarm(area: str) -> str:
    """Return the id of the alarm of an area that has no world."""
    return f"{PREFIX}area:{area}"


def area_alarms(areas: Sequence[AreaSpec]) -> tuple[AlarmSpec, ...]:
    """Return one alarm for each area of a project; told by the world of another."""
    return tuple(
        AlarmSpec(
            id=area_alarm(area.name),
            slot=-1,
            tag="",
            title=f"Area {area.title or area.name} has no world",
            kind="link",
            priority=2,
            consequence="Nothing of this area is seen, evaluated or commanded.",
            operator_action="Have its world started; the end of its log says why it ended.",
        )
        for area in areas
    )


def halt_alarm(alarm: str) -> str:
    """Return the id of the alarm that stands while what an alarm stops by itself is not known to stand."""
    return f"{PREFIX}halt:{alarm}"


def halt_alarms(alarms: Sequence[AlarmSpec]) -> tuple[AlarmSpec, ...]:
    """Return one alarm for each that has an action; told by the loop that carries it out."""
    return tuple(
        AlarmSpec(
            id=halt_alarm(alarm.id),
            slot=-1,
            tag="",
            title="AUTOMATIC HALT NOT CONFIRMED: halt by hand",
            kind="link",
            priority=1,
            prim=alarm.prim,
            consequence=alarm.consequence,
            operator_action=alarm.operator_action,
            time_to_respond_s=alarm.time_to_respond_s,
        )
        for alarm in alarms
        if alarm.action
    )


def notify_alarms(receivers: Iterable[Receiver]) -> tuple[AlarmSpec, ...]:
    """Return the alarm of each receiver: told while nothing reaches it."""
    return tuple(
        AlarmSpec(
            id=notify_alarm(one.name),
            slot=-1,
            tag="",
            title=f"Notifications to {one.name}",
            kind="link",  # told, as those of links are; it belongs to no tag
            priority=2,
            consequence="Whoever is told by it does not learn of alarms.",
            operator_action="Call them; then see why: armillary notify list, armillary notify test.",
            origin=one.origin,
        )
        for one in receivers
        if one.enabled
    )


def system_alarms() -> tuple[AlarmSpec, ...]:
    """Return the alarms that every LIVE world has."""

    def spec(
        name: str, title: str, priority: int, consequence: str, action: str, delay_s: float
    ) -> AlarmSpec:
        return AlarmSpec(
            id=name,
            slot=-1,
            tag="",
            title=title,
            kind="link",  # told, as those of links are; it belongs to no tag
            on_delay_s=delay_s,
            priority=priority,
            consequence=consequence,
            operator_action=action,
        )

    return (
        spec(
            HISTORY,
            "History is not recorded",
            2,
            "Samples are kept for a time; then the oldest are lost.",
            "See that the recorder runs; its log says why not.",
            AWAY_S,
        ),
        spec(
            HISTORY_FULL,
            "Disk full: history",
            2,
            "Samples are kept for a time; then the oldest are lost.",
            "Have space made on the disk of the project.",
            0.0,
        ),
        spec(
            DISK_SHORT,
            "Disk nearly full",
            2,
            "When it is full, nothing more is recorded.",
            "Have space made on the disk of the project now.",
            0.0,
        ),
        spec(
            HISTORY_QUOTA,
            "History nearly as large as it may be",
            3,
            "When it is, the oldest day of samples goes; its minutes, hours and days stay.",
            "Raise historian.quota_gb, or have a backup made.",
            0.0,
        ),
        spec(
            HISTORY_DAMAGED,
            "A part of the history cannot be read",
            3,
            "What it holds is not shown; everything before and after it is.",
            "Put it back from a backup; then remove the file that was moved aside.",
            0.0,
        ),
        spec(
            DISK_LOW,
            "Disk filling",
            3,
            "When it is full, nothing more is recorded.",
            "Have space made on the disk of the project.",
            0.0,
        ),
        spec(
            HISTORY_COUNTERS,
            "Counters of history",
            3,
            "Samples may have been lost without a trace.",
            "Report it with the log: this is a fault of Armillary.",
            0.0,
        ),
    )
