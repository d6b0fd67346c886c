"""Which tags a flood must spare as long as it can: those of counting alarms and of automatic actions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from armillary.model import expression
from armillary.model.alarm import AlarmSpec
from armillary.model.fault import Fault
from armillary.model.link import SubscriptionPlan
from armillary.model.tags import TagSpec
from armillary.telemetry.inbox import Inbox

COUNTED = "count"  # the kind of alarm for which one reading more or less matters


def guarded(
    alarms: Iterable[AlarmSpec], specs: Sequence[TagSpec], detecting: Collection[str] = ()
) -> frozenset[int]:
    """Return the slots of the tags that must be spared; of derived ones those of what they are made of.

    `detecting`: ids of alarms that a loop waits for.
    """
    slot_of = {spec.name: spec.slot for spec in specs}
    by_slot = {spec.slot: spec for spec in specs}
    wanted = [
        alarm.slot
        for alarm in alarms
        if alarm.slot >= 0 and (alarm.kind == COUNTED or alarm.action or alarm.id in detecting)
    ]
    out: set[int] = set()
    while wanted:
        slot = wanted.pop()
        if slot in out or slot not in by_slot:
            continue
        out.add(slot)
        spec = by_slot[slot]
        if spec.expression:
            try:
                names = expression.compile(spec.expression, slot_of, past=True).names
            except Fault:  # told where derived tags are made
                continue
            wanted.extend(slot_of[name] for name in names)
    return frozenset(out)


def guard(inbox: Inbox, plans: Iterable[SubscriptionPlan], slots: frozenset[int]) -> None:
    """Tell an inbox what to spare, link by link."""
    for plan in plans:
        mine = [route for route in plan.routes if route.slot in slots]
        if mine:
            channels = frozenset(route.channel for route in mine)
            inbox.guard(plan.link.name, channels, frozenset(route.slot for route in mine))
