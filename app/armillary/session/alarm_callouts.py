"""What alarms say in the picture: what it is, the value now, and the limit; in short."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from armillary.model.tags import TagSpec
from armillary.session import rows
from armillary.session.alarmbook import AlarmBook, AlarmRow
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
    for at, prim in book.in_scene.worst(book.table, MOST, hidden):
        line = book.line(at)
        is_read = 0 <= line.slot < min(len(specs), len(mirror))
        now = rows.tag_rows(mirror, specs, (line.slot,), now_mono_ns)[0].value if is_read else ""
        title = book.table.specs[at].title or line.tag or line.text
        out.append(Said(prim, min(max(line.priority, 1), 4), title, _words(line, now)))
    return tuple(out)


def _words(line: AlarmRow, now: str) -> str:
    if not line.active:
        return f"{now}, normal again" if now else "normal again"
    return " · ".join(part for part in (line.first_out, now, line.limit) if part)
