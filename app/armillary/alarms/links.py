"""One alarm for each link, not one for each of its tags: a link that went silent is one thing to act on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, I8, U4
from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.quality import COMM, NEVER, RANK_MASK, STALE
from armillary.model.tags import TagSpec, TagTable

PREFIX = "link:"
PRIORITY = 2
ON_DELAY_S = 5.0  # after its tags turned stale, which took them some seconds already
FIRST_NS = 10 * NS  # a link that has brought nothing yet may take this long more
ALIVE_STEP_NS = NS // 4  # how often links are looked at: they turn silent over seconds


def link_alarms(links: Iterable[LinkSpec], tags: Iterable[TagSpec]) -> tuple[AlarmSpec, ...]:
    """Return the built-in alarm of each link that has tags."""
    used = {tag.link for tag in tags}
    return tuple(
        AlarmSpec(
            id=PREFIX + link.name,
            slot=-1,
            tag="",
            title=f"Link {link.name}",
            kind="link",
            on_delay_s=ON_DELAY_S,
            priority=PRIORITY,
            consequence="What this link brings is not known; its alarms cannot be raised.",
            operator_action="Look at the link in the links list; see that its server and the network run.",
            origin=link.origin,
        )
        for link in links
        if link.name in used
    )


class LinkWatch:
    """Says which links are silent: none of their tags is better than STALE, and not for their sensors."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        self._rows: I8 = np.array([i for i, s in enumerate(specs) if s.kind == "link"], np.int64)
        of: dict[str, list[int]] = {}
        for tag in tags:
            of.setdefault(tag.link, []).append(tag.slot)
        names = [specs[i].id.removeprefix(PREFIX) for i in self._rows.tolist()]
        self._slots: list[U4] = [np.array(of.get(name, []), np.uint32) for name in names]
        self._row_of = {row: number for number, row in enumerate(self._rows.tolist())}
        self._looked_ns = self._first_ns = 0

    def look(self, table: TagTable, now_mono_ns: int) -> tuple[I8, B1, B1] | None:
        """Return (alarm rows, silent, speaks), or None when it is too early to look again.

        Right after a start a link is neither: what has not spoken yet has not come back either.
        """
        if not len(self._rows) or 0 <= now_mono_ns - self._looked_ns < ALIVE_STEP_NS:
            return None
        self._looked_ns = now_mono_ns
        self._first_ns = self._first_ns or now_mono_ns
        is_young = now_mono_ns - self._first_ns < FIRST_NS
        silent = np.array([_is_silent(table, s, is_young) for s in self._slots], np.bool_)
        speaks = np.array([_speaks(table, s) for s in self._slots], np.bool_)
        return self._rows, silent, speaks

    def text(self, row: int, table: TagTable, now_mono_ns: int, name: str) -> str:
        """Return one sentence: for how long, and how many tags it concerns."""
        slots = self._slots[self._row_of[row]]
        last = int(table.alive_mono_ns[slots].max(initial=0))
        link = name.removeprefix(PREFIX)
        if not last:
            return f"{link} has brought nothing yet · {len(slots)} tags without a value"
        return f"{link} silent for {(now_mono_ns - last) // NS} s · {len(slots)} tags stale"


def _speaks(table: TagTable, slots: U4) -> bool:
    return bool(((table.quality[slots] & RANK_MASK) < STALE).any())


def _is_silent(table: TagTable, slots: U4, is_young: bool) -> bool:
    quality = table.quality[slots]
    rank = quality & RANK_MASK
    if not len(slots) or _speaks(table, slots):
        return False
    lost = (rank == STALE) | ((quality & COMM) != 0)
    return bool(lost.any() or (not is_young and (rank == NEVER).any()))
