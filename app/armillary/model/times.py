"""Times as a person types them: `14:03`, `-2h`, `yesterday 06:00`, ISO. Local unless an offset is said."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from armillary.model.clock import NS
from armillary.model.fault import Fault

_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*(sec|min|s|m|h|d|w)", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?", re.ASCII)
_DAYS = {"today": 0, "yesterday": 1}
_HELP = "Type 14:03, -2h, -1h 30min, yesterday 06:00, now, or an ISO time like 2026-03-12T14:03."


def parse_time(text: str, now_ns: int) -> int:
    """Return the time that was typed, ns UTC. Raises Fault with the forms that are understood.

    A time of day alone is the last one that has passed: `23:50` typed at 06:00 was yesterday.
    """
    words = " ".join(text.strip().lower().split())
    if words == "now":
        return now_ns
    if words[:1] in ("-", "−"):
        return now_ns - _span_ns(text, words[1:].strip())
    day, _, clock = words.partition(" ")
    now = datetime.fromtimestamp(now_ns / NS).astimezone()
    if day in _DAYS:
        midnight = _local(now - timedelta(days=_DAYS[day]))
        return _at(text, midnight, clock or "00:00")
    if _CLOCK.fullmatch(words):
        t_ns = _at(text, _local(now), words)
        return t_ns if t_ns <= now_ns else _at(text, _local(now - timedelta(days=1)), words)
    return _iso(text)


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


def _at(text: str, midnight: datetime, clock: str) -> int:
    parts = _CLOCK.fullmatch(clock)
    if parts is None:
        raise _strange(text)
    fraction = int((parts[4] or "0").ljust(9, "0"))
    try:
        stamp = midnight.replace(hour=int(parts[1]), minute=int(parts[2]), second=int(parts[3] or 0))
        return int(stamp.astimezone().timestamp()) * NS + fraction
    except (ValueError, OverflowError, OSError):
        raise _strange(text) from None


def _iso(text: str) -> int:
    try:
        stamp = datetime.fromisoformat(text.strip())
        aware = stamp if stamp.tzinfo is not None else stamp.astimezone()
        return int(aware.replace(microsecond=0).timestamp()) * NS + aware.microsecond * 1000
    except (ValueError, OverflowError, OSError):
        raise _strange(text) from None


def _strange(text: str) -> Fault:
    return Fault(f"{text.strip() or 'Nothing'} is no time.", where="time", remedy=_HELP)
