"""What alarms say in the picture: what it is, the value now, and the limit; in short."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from armillary.model.tags import TagSpec
from armillary.session import rows
from armillary.session.alarm_row import AlarmRow
from armillary.session.alarmbook import AlarmBook
from armillary.session.mirror import Mirror

MOST = 24  # looked at: those that have no room in the picture give way to the next


@dataclass(frozen=True, slots=True)
class Said:
    """What the worst alarm of a prim says."""

    prim: int
    priority: int
    title: str
    text: str


def said(
    book: AlarmBook, mirror: Mirror, specs: Sequence[TagSpec], hidden: Set[int], now_mono_ns: int
) -> tuple[Said, ...]:
    """Return what alarms that wait say, one for each prim, the worst first; of a prim its worst and newest.

    hidden: prims of hidden branches, at which the alarms inside them stand.
    """
    out = []
    for name, prim in book.places.worst(MOST, hidden):
        line = book.row(name)
        if line is None:
            continue
        is_read = 0 <= line.slot < min(len(specs), len(mirror))
        now = rows.tag_rows(mirror, specs, (line.slot,), now_mono_ns)[0].value if is_read else ""
        named = (specs[line.slot].title if is_read else "") or line.tag
        title = line.text if line.tag == "" or book.specs[name].title else named
        out.append(Said(prim, min(max(line.priority, 1), 4), title, _words(line, now)))
    return tuple(out)


def _words(line: AlarmRow, now: str) -> str:
    """Return value and limit; what returned says so, and the first of several of an asset is told."""
    first = {"first": "first out", "tie": "among the first"}.get(line.first_out, "")
    if not line.active:
        return f"{now}, normal again" if now else "normal again"
    return " · ".join(part for part in (now, line.limit, first) if part)


def in_words(told: Sequence[tuple[str, int]], inside: int, outside: Sequence[tuple[str, int]]) -> str:
    """Return what a picture shows of alarms, for who cannot see it.

    told: (title, priority) of those with a callout. inside: how many wait in view. outside: where others are,
    in words, and how many there.
    """
    out = []
    if inside:
        out.append(f"{inside} {'alarm waits' if inside == 1 else 'alarms wait'} in view")
        out += [f"{title}, priority {priority}" for title, priority in told]
    out += [f"{count} outside, {where}" for where, count in outside]
    return "; ".join(out)
