"""Which hours of a demonstration's invented past are told in full."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from armillary.model.clock import NS

MINUTE_NS, HOUR_NS, DAY_NS = 60 * NS, 3_600 * NS, 86_400 * NS
INCIDENT_DAY, INCIDENT_HOUR = 12, 14
# the other two: so many days before the end, at an hour of the day
OTHER_HOURS = ((9, 3), (3, 10))


def full_hours(to_ns: int, zone: str) -> tuple[int, ...]:
    """Return where the hours in full begin: the first on the last 12th at 14:00 of a place's time."""
    end = datetime.fromtimestamp(to_ns / NS, ZoneInfo(zone))
    twelfth = end.replace(day=INCIDENT_DAY, hour=INCIDENT_HOUR, minute=0, second=0, microsecond=0)
    if twelfth + timedelta(hours=1) > end:
        twelfth = (twelfth.replace(day=1) - timedelta(days=1)).replace(day=INCIDENT_DAY)
    found = [twelfth]
    for days, hour in OTHER_HOURS:
        at = (end - timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
        if at.date() == twelfth.date():
            at -= timedelta(days=1)
        found.append(at)
    return tuple(int(at.timestamp()) * NS for at in found)
