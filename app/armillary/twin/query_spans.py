"""Reads two parts of a query that a few words make up: a span of the past, and alarms that stand somehow."""

from __future__ import annotations

import re
from dataclasses import dataclass

from armillary.model.clock import NS
from armillary.twin.query_alarms import LOWEST, STANDS, Alarmed
from armillary.twin.query_cursor import ARTICLES, SIGNS, Cursor
from armillary.twin.query_text import QueryFault

_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("week", "weeks"), 7 * 86_400),
}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([a-z]*)")
_BEFORE_LAST = frozenset(["over", "in", "during", "within", "for", "throughout"])
_LAST = frozenset(["last", "past"])
LONGEST_S, SHORTEST_S = 366 * 86_400, 1
_DEGREES = {"or", "and"}
_HIGHER, _LOWER = frozenset(["higher", "above", "worse"]), frozenset(["lower", "below"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanWords:
    """A span of the past as it was said."""

    span_ns: int
    all_through: bool  # `for`, `throughout`: without a figure the condition held all the time
    words: int  # how many it took
    says: str


def span(at: Cursor) -> SpanWords | None:
    """Return the span that the next words say, None where they say none; nothing is taken.

    Raises QueryFault for a span that is begun and has no length, or one that no record has.
    """
    first, n = at.low(), 1
    if first not in _BEFORE_LAST:
        return None
    n += at.low(n) == "the"
    is_last = at.low(n) in _LAST
    n += is_last
    n += at.low(n) in ("a", "an", "one") and at.low(n + 1) in _UNITS
    found = _LENGTH.fullmatch(at.low(n))
    number, unit = (1.0, at.low(n)) if found is None else (float(found[1]), found[2])
    n += 1
    if found is not None and not unit:
        unit, n = at.low(n), n + 1
    if unit not in _UNITS:
        if is_last:
            raise QueryFault("A span has no length.", at=at.place, remedy="Write: in the last 24 h")
        return None  # `over 4 mm/s`, `in Station`
    if not is_last and first not in ("for", "throughout"):
        return None  # `over 5 h` compares hours
    seconds = number * _UNITS[unit]
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise QueryFault("A span is from a second to a year.", at=at.place, remedy="Write: in the last 24 h")
    size = next(one for one in ("d", "h", "min", "s") if seconds >= _SECONDS[one])
    return SpanWords(
        span_ns=int(seconds * NS),
        all_through=first in ("for", "throughout"),
        words=n,
        says=f"{seconds / _SECONDS[size]:g} {size}",
    )


def alarmed(at: Cursor) -> tuple[Alarmed, bool] | None:
    """Read `an unacknowledged alarm of priority 1`; the flag says that there must be none.

    None, and nothing is read, where the words say something else: a tag may be called alarm.
    """
    before = at.at
    at.at += at.low() in ("in", "has", "have")
    is_none = at.low() in ("no", "without")
    at.at += is_none
    at.skip(ARTICLES)
    stands = at.low() if at.low() in STANDS else ""
    at.at += bool(stands)
    is_tag = at.low(1) in SIGNS or at.low(1) in ("is", "are", "was", "between")
    if at.low() not in ("alarm", "alarms") or is_tag:
        at.at = before
        return None
    at.take()
    priorities = _priorities(at)
    several = f" of priority {' or '.join(map(str, priorities))}" if len(priorities) < LOWEST else ""
    says = f"{'no' if is_none else 'an'} {stands or 'active'} alarm{several}"
    node = Alarmed(graph=at.graph, stands=stands or "active", priorities=priorities, says=says)
    return node, is_none


def _priorities(at: Cursor) -> tuple[int, ...]:
    before = at.at
    at.skip(frozenset(["of", "with"]))
    if at.low() != "priority":
        at.at = before
        return tuple(range(1, LOWEST + 1))
    at.take()
    place, word = at.place, at.low()
    if not (word.isdecimal() and 1 <= int(word) <= LOWEST):
        raise QueryFault(
            "Priorities are 1, 2, 3 and 4.", at=place, remedy="Write: priority 1", expects="value"
        )
    at.take()
    number = int(word)
    if at.low() in _DEGREES and at.low(1) in _HIGHER | _LOWER:
        is_higher = at.low(1) in _HIGHER
        at.at += 2
        return tuple(range(1, number + 1) if is_higher else range(number, LOWEST + 1))
    return (number,)
