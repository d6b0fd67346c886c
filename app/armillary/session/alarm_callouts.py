"""What alarms say in the picture: what it is, the value now, and the limit; in short."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from armillary.model.alarm import AlarmSpec, AlarmState
from armillary.model.tags import TagSpec
from armillary.session import rows
from armillary.session.alarmbook import AlarmBook, limit_text
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
        spec, state = book.specs[name], book.states.get(name)
        if state is not None:
            tag = specs[spec.slot] if 0 <= spec.slot < min(len(specs), len(mirror)) else None
            now = rows.tag_rows(mirror, specs, (spec.slot,), now_mono_ns)[0].value if tag is not None else ""
            out.append(Said(prim, min(max(spec.priority, 1), 4), *_words(spec, state, tag, now)))
    return tuple(out)


def _words(spec: AlarmSpec, state: AlarmState, tag: TagSpec | None, now: str) -> tuple[str, str]:
    limit = limit_text(spec, tag)
    title = (spec.kind == "link" and state.active and state.text) or spec.title or spec.tag
    if not state.active:
        return title, f"{now}, normal again" if now else "normal again"
    return title, " · ".join(part for part in (now, limit) if part)
