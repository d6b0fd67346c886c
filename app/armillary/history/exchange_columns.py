"""Which column of a table is what: time, signal and value, or a column for each signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from armillary.history.exchange_cells import How
from armillary.model.fault import StoreFault

TIME_NAMES = ("time", "timestamp", "ts", "t_src", "datetime", "date_time", "date", "_time")
SIGNAL_NAMES = ("signal", "tag", "tagname", "variable", "sensor", "metric", "name", "_field")
VALUE_NAMES = ("v", "value", "val", "reading", "_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is what; `time` may be two, a date and a time of day. None: there is no such column."""

    time: tuple[str, ...]
    signal: str | None
    value: str | None
    text: str | None
    quality: str | None
    raw: str | None
    arrival: str | None
    unit: str | None
    others: tuple[str, ...]


def columns_of(titles: Sequence[str], how: How, where: str) -> Columns:
    """Find out what is in which column. Raises StoreFault."""
    by = {title.strip().lower(): title for title in reversed(titles)}
    if len({title for title in titles if title.strip()}) < len([t for t in titles if t.strip()]):
        twice = next(t for t in titles if t.strip() and list(titles).count(t) > 1)
        raise StoreFault(f"Two columns are named '{twice}'.", where=where, remedy="Rename one of them.")
    if how.time:
        if how.time not in titles:
            raise StoreFault(
                f"There is no column '{how.time}'.",
                where=where,
                remedy=f"Name one of: {', '.join(titles[:12])}.",
            )
        time: tuple[str, ...] = (how.time,)
    elif "date" in by and "time" in by:
        time = (by["date"], by["time"])
    else:
        time = tuple(by[name] for name in TIME_NAMES if name in by)[:1]
    if not time:
        raise StoreFault(
            f"No column is named as a time ({', '.join(TIME_NAMES[:6])}).",
            where=where,
            remedy=f"Say which one it is with --time: {', '.join(titles[:12])}.",
        )

    def one(*names: str) -> str | None:
        return next((by[name] for name in names if name in by and by[name] not in time), None)

    signal, value = one(*SIGNAL_NAMES), one(*VALUE_NAMES)
    is_long = signal is not None and value is not None
    return Columns(
        time=time,
        signal=signal if is_long else None,
        value=value if is_long else None,
        text=one("s", "text") if is_long else None,
        quality=one("q", "quality") if is_long else None,
        raw=one("raw", "status") if is_long else None,
        arrival=one("t_arr", "arrival") if is_long else None,
        unit=one("unit", "units") if is_long else None,
        others=tuple(title for title in titles if title.strip() and title not in time),
    )


def wide(others: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the columns of values, and for some the column of its quality."""
    known = set(others)
    quality = {title[:-2]: title for title in others if title.endswith(".q") and title[:-2] in known}
    words = set(quality.values())
    return [title for title in others if title not in words], quality
