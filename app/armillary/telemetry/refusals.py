"""Tags whose channel a server refuses: each says so, instead of waiting for values that cannot come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.link import SubscriptionPlan
from armillary.model.quality import BAD, CONFIG, NEVER, RANK_MASK, worst
from armillary.model.tags import TagTable

REFUSED = BAD | CONFIG
_NOTHING: Mapping[str, str] = {}


class Refusals:
    """Marks tags by what sources say (`api.ports.Refuses`); used by the tick thread alone."""

    def __init__(self, plans: Sequence[SubscriptionPlan]) -> None:
        self._slots: dict[str, dict[str, list[int]]] = {}
        for plan in plans:
            of = self._slots.setdefault(plan.link.name, {})
            for route in plan.routes:
                of.setdefault(route.channel, []).append(route.slot)
        self._seen: dict[str, Mapping[str, str]] = {}

    def look(self, table: TagTable, refused: Mapping[str, Mapping[str, str]]) -> None:
        """Mark what is refused now, as link → channel → why; take the words back where it is no longer.

        A tag that never had a value stays so, with the reason; one that had is BAD until a new one comes.
        A mapping is looked at once: sources give another one when it changes.
        """
        for link, of in self._slots.items():
            now, before = refused.get(link, _NOTHING), self._seen.get(link, _NOTHING)
            if now is before or (not now and not before):
                continue
            self._seen[link] = now
            self._take_back(table, [s for channel in before.keys() - now.keys() for s in of.get(channel, ())])
            for channel, why in now.items():
                self._mark(table, of.get(channel, ()), why)

    def _mark(self, table: TagTable, slots: Sequence[int], why: str) -> None:
        for slot in slots:
            table.why[slot] = why
            table.dirty[slot] = True
        had = np.array([s for s in slots if int(table.quality[s] & RANK_MASK) < NEVER], np.int64)
        table.quality[had] = worst(table.quality[had], np.full(len(had), REFUSED, np.uint16))

    def _take_back(self, table: TagTable, slots: Sequence[int]) -> None:
        for slot in slots:
            if int(table.quality[slot] & RANK_MASK) == NEVER and table.why.pop(slot, ""):
                table.dirty[slot] = True
