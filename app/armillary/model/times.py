"""Times as a person types them: `14:03`, `-2h`, `yesterday 06:00`, ISO. Local unless a zone is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from armillary.model.clock import NS
from armillary.model.fault import Fault

_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*(sec|min|s|m|h|d|w)", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?", re.ASCII)
_DAY_MIN = 24 * 60
_DAYS = {"today": 0, "yesterday": 1}
_OFFSET = re.compile(r"(?:utc|gmt)?([+\-−])(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_AFTER_CLOCK = re.compile(r"(.*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?) ?([^\s\d.,:]\S*)", re.ASCII)
_HELP = (
    "Type 14:03, -2h, -1h 30min, yesterday 06:00, now, or an ISO time like 2026-03-12T14:03; "
    "a zone may follow: 14:03 UTC, 14:03+02:00, 14:03 Europe/Berlin."
)


def parse_time(text: str, now_ns: int) -> int:
    """Return the time that was typed, ns UTC. Raises Fault with the forms that are understood.

    A time of day alone is the last one that has passed: `23:50` typed at 06:00 was yesterday.
    """
    words = " ".join(text.strip().lower().split())
    if words == "now":
        return now_ns
    if words[:1] in ("-", "−"):
        return now_ns - _span_ns(text, words[1:].strip())
    words, zone = _zoned(words, text)
    day, _, clock = words.partition(" ")
    now = (
        datetime.fromtimestamp(now_ns / NS, zone)
        if zone
        else datetime.fromtimestamp(now_ns / NS).astimezone()
    )
    if day in _DAYS:
        midnight = _local(now - timedelta(days=_DAYS[day]))
        return _at(text, midnight, clock or "00:00", zone)
    if _CLOCK.fullmatch(words):
        t_ns = _at(text, _local(now), words, zone)
        return t_ns if t_ns <= now_ns else _at(text, _local(now - timedelta(days=1)), words, zone)
    return _iso(words.upper(), text, zone)


def _zoned(words: str, text: str) -> tuple[str, tzinfo | None]:
    """Return a time without the zone behind its time of day, and that zone; None: local."""
    found = _AFTER_CLOCK.fullmatch(words)
    if found is None:
        return words, None
    rest, name = found[1], found[2]
    if name in ("utc", "gmt", "z"):
        return rest, UTC
    if offset := _OFFSET.fullmatch(name):
        minutes = 60 * int(offset[2]) + int(offset[3] or 0)
        if minutes > _DAY_MIN:
            raise _strange(text)
        return rest, timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    place = next((known for known in available_timezones() if known.lower() == name), None)
    if place is None:
        raise Fault(
            f"{name} is no time zone.", where="time", remedy="Say UTC, +02:00, or a place like Europe/Berlin."
        )
    return rest, ZoneInfo(place)


def _span_ns(text: str, words: str) -> int:
    total, at = 0.0, 0
    while at < len(words):
        part = _PART.match(words, at)
        if part is None:
            raise _strange(text)
        total += float(part[1].replace(",", ".")) * _UNITS[part[2]]
        at = part.end()
        while words[at : at + 1] == " ":
            at += 1
    if not words or total > 200 * 366 * 86_400:
        raise _strange(text)
    return int(total * NS)


def _local(day: datetime) -> datetime:
    """Return the midnight that a day began with; the offset is settled when the time of day is known."""
    return day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _at(text: str, midnight: datetime, clock: str, zone: tzinfo | None = None) -> int:
    parts = _CLOCK.fullmatch(clock)
    if parts is None:
        raise _strange(text)
    fraction = int((parts[4] or "0").ljust(9, "0"))
    try:
        stamp = midnight.replace(hour=int(parts[1]), minute=int(parts[2]), second=int(parts[3] or 0))
        aware = stamp.replace(tzinfo=zone) if zone is not None else stamp.astimezone()
        return int(aware.timestamp()) * NS + fraction
    except (ValueError, OverflowError, OSError):
        raise _strange(text) from None


def _iso(words: str, text: str, zone: tzinfo | None) -> int:
    try:
        stamp = datetime.fromisoformat(words)
        if zone is not None:
            stamp = stamp.replace(tzinfo=zone)
        aware = stamp if stamp.tzinfo is not None else stamp.astimezone()
        return int(aware.replace(microsecond=0).timestamp()) * NS + aware.microsecond * 1000
    except (ValueError, OverflowError, OSError):
        raise _strange(text) from None


def _strange(text: str) -> Fault:
    return Fault(f"{text.strip() or 'Nothing'} is no time.", where="time", remedy=_HELP)
