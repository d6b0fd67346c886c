"""Times as a person reads them: local, with the offset said."""

from __future__ import annotations

from datetime import datetime

from armillary.model.clock import NS

MINUTE_S, DAY_S = 60.0, 86_400.0


def _local(t_ns: int) -> datetime:
    return datetime.fromtimestamp(t_ns / NS).astimezone()  # a person reads the wall of this place


def utc_offset_s(t_ns: int) -> float:
    """Return by how many seconds local time is ahead of UTC at that time."""
    offset = _local(t_ns).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def clock_text(t_ns: int, spacing_s: float = 1.0) -> str:
    """Return a local time as finely as the spacing in s asks for: `14:03`, `14:03:11.2`, `12 Mar`."""
    stamp = _local(t_ns)
    if spacing_s >= DAY_S:
        return stamp.strftime("%d %b")
    if spacing_s >= MINUTE_S:
        return stamp.strftime("%H:%M")
    text = stamp.strftime("%H:%M:%S")
    return text if spacing_s >= 1.0 else f"{text}.{stamp.microsecond // 100_000}"


def date_text(t_ns: int) -> str:
    """Return a local day and time of day, `12 Mar 14:03:11`."""
    return _local(t_ns).strftime("%-d %b %H:%M:%S")


def time_text(t_ns: int) -> str:
    """Return a local time of day, `14:03:11`."""
    return _local(t_ns).strftime("%H:%M:%S")


def offset_text(t_ns: int) -> str:
    """Return how local time stands to UTC, `UTC+02:00`."""
    text = _local(t_ns).strftime("%z")
    return f"UTC{text[:3]}:{text[3:5]}"
