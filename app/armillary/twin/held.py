"""Values by hand: laid over the state for as long as they hold, while beneath them it goes on.

What the plant says is applied, ordered, aged and counted as ever. Only then the rows of held tags are put
aside and what a person gave stands in their place: for derived tags, alarms, the historian and all desks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.model.quality import MANUAL, SUBSTITUTED
from armillary.model.sample import HISTORICAL, SampleBatch, Text, batch_of, taken
from armillary.model.tags import TagSpec, TagTable

BY_HAND = SUBSTITUTED | MANUAL
_COLUMNS = ("value", "source_ns", "arrival_ns", "arrival_mono_ns", "alive_mono_ns", "quality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one tag shows by hand."""

    slot: int
    value: float
    since_ns: int
    since_mono_ns: int
    why: str  # who, until when and why, in words


class Held:
    """The held rows of a table. `put` and `end` may be called from any thread, the rest by the tick alone."""

    def __init__(self, tags: int, specs: Sequence[TagSpec]) -> None:
        """`specs`: of those with an expression nothing lies beneath but what they read."""
        self.mask: B1 = np.zeros(tags, np.bool_)  # (N,) which tags are held
        self._is_derived: B1 = np.zeros(tags, np.bool_)
        self._is_derived[[spec.slot for spec in specs if spec.expression]] = True
        self._asked: deque[Given | int] = deque()
        self._given: dict[int, Given] = {}
        self._slots: I8 = np.zeros(0, np.int64)
        self._own: I8 = np.zeros(0, np.int64)  # of those the ones with a row beneath
        self._beneath: list[np.ndarray[tuple[int], np.dtype[np.generic]]] = []
        self._texts: dict[int, Text] = {}
        self._whys: dict[int, str] = {}

    def put(self, given: Given) -> None:
        """Let a tag show something by hand from the next tick on."""
        self._asked.append(given)

    def end(self, slot: int) -> None:
        """Let a tag show again what the plant says from the next tick on."""
        self._asked.append(slot)

    def lift(self, table: TagTable) -> None:
        """Put back what lies beneath, so that samples and ages meet the rows that are theirs."""
        own = self._own
        if not len(own):
            return
        for name, rows in zip(_COLUMNS, self._beneath, strict=True):
            getattr(table, name)[own] = rows
        _take_words(table, own)
        table.text.update(self._texts)
        table.why.update(self._whys)

    def lay(self, table: TagTable, now_ns: int, now_mono_ns: int) -> tuple[SampleBatch, I8]:
        """Lay what holds now over the table.

        Returns what began or ended as samples of this moment, for alarms and historian, and the derived tags
        that ended: they are to be evaluated anew.
        """
        if not self._asked and not len(self._slots):
            return batch_of(*_NO_ROWS), self._slots
        began, ended = self._heed()
        gone = np.array(sorted(ended), np.int64)
        table.dirty[gone] = True
        again, back = gone[self._is_derived[gone]], gone[~self._is_derived[gone]]
        own, slots = self._own, self._slots
        self._beneath = [getattr(table, name)[own].copy() for name in _COLUMNS]
        self._texts, self._whys = _take_words(table, own)
        _take_words(table, slots)
        given = [self._given[slot] for slot in slots.tolist()]
        table.value[slots] = [g.value for g in given]
        table.quality[slots] = BY_HAND
        # an age of its own: since when it is so. A clock that was set back must not make it of the future.
        since = np.array([g.since_ns for g in given], np.int64)
        since_mono = np.array([g.since_mono_ns for g in given], np.int64)
        table.source_ns[slots] = table.arrival_ns[slots] = np.minimum(since, now_ns)
        table.arrival_mono_ns[slots] = table.alive_mono_ns[slots] = since_mono
        table.why.update((g.slot, g.why) for g in given)
        table.dirty[slots] = [slot in began for slot in slots.tolist()]
        told = np.concatenate((back, np.array(sorted(began), np.int64)))
        news = batch_of(
            told.astype(np.uint32),
            table.value[told],
            np.full(len(told), now_ns),
            now_ns,
            now_mono_ns,
            quality=table.quality[told],
        )
        return news, again

    def left(self, batch: SampleBatch) -> SampleBatch:
        """Return samples without the live ones of held tags: what nobody sees nobody counts."""
        if not len(self._slots) or not len(batch):
            return batch
        hidden = self.mask[batch.slot] & ((batch.flags & HISTORICAL) == 0)
        return taken(batch, np.flatnonzero(~hidden)) if hidden.any() else batch

    def _heed(self) -> tuple[set[int], set[int]]:
        """Take what was asked; return the slots that begin to be held, or are anew, and those that end."""
        began: set[int] = set()
        ended: set[int] = set()
        while self._asked:
            each = self._asked.popleft()
            if isinstance(each, Given):
                self._given[each.slot] = each
                began.add(each.slot)
                ended.discard(each.slot)
            elif self._given.pop(each, None) is not None:
                began.discard(each)
                ended.add(each)
        self._slots = np.array(sorted(self._given), np.int64)
        self._own = self._slots[~self._is_derived[self._slots]]
        self.mask[:] = False
        self.mask[self._slots] = True
        return began, ended


def _take_words(table: TagTable, slots: I8) -> tuple[dict[int, Text], dict[int, str]]:
    """Take the texts and words of some slots out of a table."""
    texts = {slot: table.text.pop(slot) for slot in slots.tolist() if slot in table.text}
    return texts, {slot: table.why.pop(slot) for slot in slots.tolist() if slot in table.why}


_NO_ROWS = (np.zeros(0, np.uint32), np.zeros(0), np.zeros(0, np.int64), 0, 0)
