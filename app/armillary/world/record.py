"""What the recorder has on disk, as a replay reads it: stretches of time, by tags and marks.

One line, one question at a time. A question that is given up is answered into the void.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from armillary.model.alarm import AlarmEvent, AlarmState, ServerAlarms
from armillary.model.arrays import B1, I8, U4
from armillary.model.clock import MS_NS, NS
from armillary.model.fault import WorldFault
from armillary.model.frame import Event
from armillary.model.link import LinkStatus
from armillary.model.message import (
    AskAt,
    AskBetween,
    AskHistory,
    AskKept,
    AskKeptList,
    Enroll,
    Enrolled,
    HistoryInfo,
    Kept,
    KeptList,
    Samples,
)
from armillary.model.order import Receipt
from armillary.model.procedure import ProcedureRuns
from armillary.model.quality import NEVER
from armillary.model.sample import EVALUATED, SampleBatch, batch_of, evaluated, joined, known_ns, shown, taken
from armillary.project import version
from armillary.project.record import Project
from armillary.wire import marks
from armillary.wire.bus import AsyncLine
from armillary.world.cursor import NONE, Known, Window
from armillary.world.outages import SILENT, Ageing, Outages, link_of, world_of

log = logging.getLogger(__name__)

ANSWER_S = 5.0
ROWS_AT_ONCE = 200_000
UNKNOWN_NS = 30 * NS  # of a record of which nothing was read yet
_Answer = TypeVar("_Answer", HistoryInfo, Samples, Enrolled, Kept, KeptList)
_Mark = TypeVar("_Mark", AlarmState, AlarmEvent, LinkStatus, Receipt, Event, ProcedureRuns, ServerAlarms)
EVENT, ALARM_EVENT, ORDER, FIRST_ALARM = range(4)  # slots of marks; then alarms, then links
LATER = 2  # marks that records have had for a shorter time: procedures, alarms of servers
EVER_NS = 2**62
LOOK_BACK_NS = (600 * NS, 6 * 3_600 * NS, 7 * 86_400 * NS, EVER_NS)  # for what happened before a time
BURST_NS = MS_NS  # alarm events of one tick are nanoseconds apart, those of two never so near


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """All that is known of a span of the record, both ends included."""

    from_ns: int
    to_ns: int
    tags: Window
    marks: Window  # events, orders, alarms and links, in slots of `Names`
    outages: Outages
    every_ns: int = 0  # exact at both ends and at from_ns + k · every_ns only; 0 = everywhere

    def holds(self, t_ns: int) -> bool:
        return self.from_ns <= t_ns <= self.to_ns

    def is_exact(self, t_ns: int) -> bool:
        """Return whether the state of a time in it is known."""
        return self.holds(t_ns) and self.nearest(t_ns) == t_ns

    def nearest(self, t_ns: int) -> int:
        """Return the last time up to this one, in it, whose state is known."""
        if not self.every_ns or t_ns >= self.to_ns:
            return min(t_ns, self.to_ns)
        return self.from_ns + max(t_ns - self.from_ns, 0) // self.every_ns * self.every_ns


class Names:
    """The marks that a replay reads, in slots of their own."""

    def __init__(self, alarms: Sequence[str], links: Sequence[str]) -> None:
        self.all = (
            marks.EVENTS,
            marks.ALARM_EVENTS,
            marks.ORDERS,
            *(marks.ALARM + each for each in alarms),
            *(marks.LINK + each for each in links),
            marks.PROCEDURES,
            marks.SERVER_ALARMS,
        )
        self.links = range(FIRST_ALARM + len(alarms), len(self.all) - LATER)


class Recording:
    """Reads the recorder of a project. Raises WorldFault when it does not answer."""

    def __init__(
        self, project: Project, alarms: Sequence[str], address: str, line: AsyncLine | None = None
    ) -> None:
        """`line`: one that is open already."""
        self.project, self.address = project, address
        self.names = Names(alarms, [link.name for link in project.links])
        self.ageing = Ageing(project.specs, project.links)
        self.first_ns = self.last_ns = 0
        self._line = line or AsyncLine(address)
        self._is_closed = False
        self._turn = asyncio.Lock()
        self._ids: U4 = np.zeros(0, np.uint32)  # tags, then marks, then ~world
        self._outage_rows: tuple[int, int, SampleBatch] | None = None
        self._rows_a_s: float | None = None  # of the record, where it was read last

    def of(self, project: Project, alarms: Sequence[str]) -> Recording:
        """Return the same record read by another version of the project; this one is not used again."""
        other = Recording(project, alarms, self.address, self._line)
        other.first_ns, other.last_ns, other._turn = self.first_ns, self.last_ns, self._turn
        return other

    def close(self) -> None:
        """Close the line; whoever waits for an answer hears a WorldFault."""
        self._is_closed = True
        self._line.close()

    def _away(self) -> WorldFault:
        return WorldFault("The recorder went away.", where=self.address, remedy="Ask again.")

    async def refresh(self, timeout_s: float = ANSWER_S) -> None:
        """Learn the extent of the record."""
        info = await self._ask(AskHistory(), HistoryInfo, timeout_s)
        self.first_ns, self.last_ns = info.first_ns, info.last_ns

    async def stretch(
        self,
        from_ns: int,
        to_ns: int,
        before: Stretch | None = None,
        *,
        is_whole: bool = False,
        every_ns: int = 0,
    ) -> Stretch:
        """Return a stretch from a time on, to `to_ns` or (not `is_whole`) as far as one answer goes.

        before: the stretch that ends where this one begins, which then needs not be asked for its state.
        every_ns: how far apart the times are that will be shown; the samples between may be left out.
        """
        await self._enroll()
        tags = len(self.project.specs)
        to_ns = max(to_ns, from_ns)
        outages = await self._outages(from_ns, to_ns)
        both = self._ids[:-1]
        if before is not None and before.to_ns == from_ns:
            base = (before.tags.end(), before.marks.end())
        else:
            since_ns = outages.started_ns(from_ns)
            answer = await self._ask(AskAt(ids=both, t_ns=from_ns, since_ns=since_ns), Samples)
            base = self._parts(answer.batch, tags)
        parts, at = [_EMPTY], from_ns + 1
        while at <= to_ns:
            answer = await self._ask(
                AskBetween(ids=both, from_ns=at, to_ns=to_ns + 1, limit=ROWS_AT_ONCE, every_ns=every_ns),
                Samples,
            )
            parts.append(answer.batch)
            at = answer.to_ns
            if not is_whole:
                break
            if at <= to_ns and every_ns:  # spans of the next answer would begin elsewhere: all rows then
                parts, at, every_ns = [_EMPTY], from_ns + 1, 0
        to_ns = at - 1
        if to_ns > from_ns and not every_ns:
            self._rows_a_s = sum(len(part) for part in parts) * NS / (to_ns - from_ns)
        rows = joined([part for part in parts if len(part)] or [_EMPTY])
        since = self._parts(rows, tags)
        windows = [
            Window(
                slots=count,
                base=base[i],
                since=since[i],
                from_ns=from_ns,
                to_ns=to_ns,
                epochs_ns=outages.starts_ns,
            )
            for i, count in enumerate((tags, len(self.names.all)))
        ]
        return Stretch(
            from_ns=from_ns,
            to_ns=to_ns,
            tags=windows[0],
            marks=windows[1],
            outages=outages,
            every_ns=every_ns,
        )

    def readable(self, ahead_ns: int) -> int:
        """Return how much of a span to ask for at once: what does not fit an answer is sorted for nothing.

        1,000 tags at 1 Hz, played at 1000 ×: asked for 6,000 s at a time it comes to 80 ×, so to 900 ×.
        """
        if self._rows_a_s is None:
            return min(ahead_ns, UNKNOWN_NS)
        return min(max(int(ROWS_AT_ONCE * NS / max(self._rows_a_s, 1e-9)), NS), ahead_ns)

    def state(self, stretch: Stretch, t_ns: int) -> SampleBatch:
        """Return one row for each slot as it was live at a time, NEVER where nothing had come."""
        window = stretch.tags
        row = window.rows_at(t_ns)
        came = np.flatnonzero(row != NONE)
        came = came[window.at_ns[row[came]] >= stretch.outages.started_ns(t_ns)]
        n = len(row)
        known: I8 = np.zeros(n, np.int64)
        known[came] = window.at_ns[row[came]]
        held = window.rows(row[came])
        value, quality = np.full(n, np.nan), np.full(n, NEVER, np.uint16)
        source, arrival = np.zeros(n, np.int64), np.zeros(n, np.int64)
        status, flags = np.zeros(n, np.uint32), np.zeros(n, np.uint8)
        value[came], quality[came], source[came] = held.value, held.quality, held.source_ns
        arrival[came], status[came], flags[came] = held.arrival_ns, held.status, held.flags
        return batch_of(
            np.arange(n, dtype=np.uint32),
            value,
            source,
            arrival,
            known,
            quality=self.ageing.quality(t_ns, known, quality, stretch.outages),
            flags=flags,
            status=status,
            text={int(came[i]): text for i, text in held.text.items()},
        )

    async def next_sample(self, t_ns: int, tags: Sequence[str] = ()) -> int:
        """Return when the next sample of a tag came after a time, or that time at the end."""
        ids = await self._ids_of(tags)
        end_ns, span = self.last_ns + 1, 10 * NS
        at = t_ns + 1
        while at < end_ns:
            to_ns = min(at + span, end_ns)
            answer = await self._ask(AskBetween(ids=ids, from_ns=at, to_ns=to_ns, limit=1), Samples)
            if len(answer.batch):
                return int(known_ns(answer.batch)[0])
            at, span = answer.to_ns, span * 10
        return t_ns

    async def sample_before(self, t_ns: int, tags: Sequence[str] = ()) -> int:
        """Return when the last sample of a tag came before a time, or that time at the beginning."""
        ids = await self._ids_of(tags)
        answer = await self._ask(AskAt(ids=ids, t_ns=t_ns - 1), Samples)
        return int(known_ns(answer.batch).max()) if len(answer.batch) else t_ns

    async def change_from(self, t_ns: int, tags: Sequence[str], *, is_back: bool) -> int:
        """Return when a tag became another value or quality, next or before; `t_ns` where it never did."""
        ids = await self._ids_of(tags)
        span, at = 60 * NS, t_ns
        while (at > self.first_ns) if is_back else (at < self.last_ns):
            from_ns, to_ns = (max(at - span, self.first_ns - 1), at - 1) if is_back else (at, at + span)
            base = (await self._ask(AskAt(ids=ids, t_ns=from_ns), Samples)).batch
            rows = await self._all(ids, from_ns + 1, to_ns + 1)
            found = changes(base, rows)
            if len(found):
                return int(found.max() if is_back else found.min())
            at, span = (from_ns if is_back else to_ns), span * 8
        return t_ns

    async def mark_from(self, t_ns: int, mark: str, *, is_back: bool) -> int:
        """Return the end of the next or last tick with such a mark (events of some kind), else `t_ns`."""
        await self._enroll()
        ids = self._ids[[len(self.project.specs) + self.names.all.index(mark)]]
        if not is_back:
            wanted = AskBetween(ids=ids, from_ns=t_ns + 1, to_ns=EVER_NS, limit=1)
            answer = await self._ask(wanted, Samples)
            if not len(answer.batch):
                return t_ns
            t_ns = int(known_ns(answer.batch)[0]) + 2 * BURST_NS
        answer = await self._ask(AskAt(ids=ids, t_ns=t_ns - BURST_NS), Samples)
        return int(known_ns(answer.batch)[0]) if len(answer.batch) else t_ns

    async def told_until(self, t_ns: int, most: int) -> list[tuple[int, str]]:
        """Return the newest events, alarm events and receipts up to a time: (slot of the mark, its text)."""
        await self._enroll()
        first = len(self.project.specs)
        ids = self._ids[first : first + FIRST_ALARM]
        rows = _EMPTY
        for back in LOOK_BACK_NS:
            from_ns = max(t_ns - back, 0)
            rows = await self._all(ids, from_ns, t_ns + 1)
            if len(rows) >= most or from_ns <= self.first_ns:
                break
        slot_of = {int(id_): slot for slot, id_ in enumerate(ids.tolist()) if id_}
        newest = range(max(len(rows) - most, 0), len(rows))
        return [(slot_of[int(rows.slot[row])], str(rows.text.get(row, ""))) for row in newest]

    async def versions(self) -> tuple[list[str], list[int]]:
        """Return the versions of the project that were kept: (keys, times), ascending."""
        answer = await self._ask(AskKeptList(kind=version.KIND, from_ns=0, to_ns=EVER_NS), KeptList)
        return list(answer.keys), list(answer.t_ns)

    async def version(self, key: str) -> bytes | None:
        """Return the document of a version, None where it is not there any more."""
        answer = await self._ask(AskKept(kind=version.KIND, t_ns=EVER_NS, key=key), Kept)
        return answer.data if answer.found else None

    async def held(self, slots: I8, t_ns: int) -> SampleBatch:
        """Return the newest row of some tags up to a time, as it was filed, by our slots."""
        await self._enroll()
        ids = self._ids[slots]
        if not ids.any():
            return _EMPTY
        return self._ours((await self._ask(AskAt(ids=ids[ids > 0], t_ns=t_ns), Samples)).batch)

    async def rows(self, slots: I8, after_ns: int, to_ns: int, most: int) -> SampleBatch | None:
        """Return all rows of some tags in after < t ≤ to, as they were filed; None for more than `most`."""
        await self._enroll()
        parts, at, had = [_EMPTY], after_ns + 1, 0
        ids = self._ids[slots]
        while at <= to_ns and ids.any():
            question = AskBetween(ids=ids[ids > 0], from_ns=at, to_ns=to_ns + 1, limit=ROWS_AT_ONCE)
            answer = await self._ask(question, Samples)
            parts.append(answer.batch)
            had += len(answer.batch)
            at = answer.to_ns
            if had > most:
                return None
        return self._ours(joined([part for part in parts if len(part)] or [_EMPTY]))

    # ---------------------------------------------------------------- inside

    def _ours(self, rows: SampleBatch) -> SampleBatch:
        slot_of = np.zeros(int(max(self._ids.max(initial=0), rows.slot.max(initial=0))) + 1, np.uint32)
        slot_of[self._ids] = np.arange(len(self._ids), dtype=np.uint32)
        return replace(rows, slot=slot_of[rows.slot])

    async def _enroll(self) -> None:
        """Learn the ids of tags and marks, again while some are not known yet."""
        if len(self._ids) and self._ids[: -1 - LATER].all() and self._ids[-1]:
            return  # an older record lacks the later ones: they alone are not asked for again and again
        names = (*(spec.name for spec in self.project.specs), *self.names.all, marks.WORLD)
        answer = await self._ask(Enroll(tags=names, create=False), Enrolled)
        self._ids = np.asarray(answer.ids, np.uint32)

    async def _ids_of(self, tags: Sequence[str]) -> U4:
        """Return the store's ids of some tags, of all for none."""
        await self._enroll()
        every = self._ids[: len(self.project.specs)]
        slots = [spec.slot for spec in self.project.specs if spec.name in set(tags)]
        return every[slots] if slots else every

    async def _outages(self, from_ns: int, to_ns: int) -> Outages:
        """Return what was up when; of links from the start of the world of `from_ns` on."""
        world = await self._all(self._ids[-1:], 0, to_ns + 1)
        starts, ended = world_of(known_ns(world), world.value)
        pace = [
            marks.pace_of(str(world.text.get(row, ""))) for row in np.flatnonzero(world.value > 0).tolist()
        ]
        start_ns = Outages(starts_ns=starts).started_ns(from_ns)
        ids = self._ids[len(self.project.specs) :][list(self.names.links)]
        held = self._outage_rows
        if held is None or held[0] != start_ns:
            held = (start_ns, start_ns, _EMPTY)
        if held[1] <= to_ns:
            more = await self._all(ids, held[1], to_ns + 1)
            held = (start_ns, to_ns + 1, joined([held[2], more]))
            # what is newer than what is on disk may still come
            self._outage_rows = held if to_ns < self.last_ns - 10 * NS else self._outage_rows
        rows = held[2]
        t_ns, texts = known_ns(rows), rows.text
        silent: B1 = np.zeros(len(rows), np.bool_)
        silent[[i for i, text in texts.items() if SILENT in text]] = True
        of_links = [
            link_of(t_ns[mine], rows.value[mine], silent[mine])
            for mine in ((rows.slot == id_) & (t_ns <= to_ns) for id_ in ids.tolist())
        ]
        return Outages(
            starts_ns=starts,
            pace_ns=np.array(pace, np.int64) * NS,
            ended=ended,
            lost=tuple(lost for lost, _ in of_links),
            silent=tuple(quiet for _, quiet in of_links),
        )

    async def _all(self, ids: U4, from_ns: int, to_ns: int) -> SampleBatch:
        """Return all rows of some marks; no rows for ids that are not known."""
        parts, at = [_EMPTY], from_ns
        while at < to_ns and ids.any():
            answer = await self._ask(AskBetween(ids=ids[ids > 0], from_ns=at, to_ns=to_ns), Samples)
            parts.append(answer.batch)
            at = answer.to_ns
        return joined([p for p in parts if len(p)] or [_EMPTY])

    def _parts(self, rows: SampleBatch, tags: int) -> tuple[Known, Known]:
        """Return rows of the store as (tags, marks) by slot, derived values with their own times."""
        slot_of = np.full(int(max(self._ids.max(initial=0), rows.slot.max(initial=0))) + 1, -1, np.int64)
        slot_of[self._ids] = np.arange(len(self._ids))
        slot_of[0] = -1
        slot, known = slot_of[rows.slot], known_ns(rows)
        filed = rows.source_ns
        was = (rows.flags & EVALUATED) != 0
        if was.any():
            back = evaluated(rows)
            rows = replace(
                rows,
                source_ns=np.where(was, back.source_ns, rows.source_ns),
                arrival_ns=np.where(was, known, rows.arrival_ns),
            )
        rows = shown(rows)
        out = []
        for low, high in ((0, tags), (tags, len(self._ids) - 1)):
            mine = np.flatnonzero((slot >= low) & (slot < high))
            batch = replace(taken(rows, mine), slot=(slot[mine] - low).astype(np.uint32))
            out.append(Known(batch=batch, at_ns=known[mine], filed_ns=filed[mine]))
        return out[0], out[1]

    async def _ask(self, question: object, kind: type[_Answer], timeout_s: float = ANSWER_S) -> _Answer:
        async with self._turn:
            if self._is_closed:
                raise self._away()
            try:
                answer = await self._line.ask(question, timeout_s)
            except asyncio.CancelledError:
                if not self._is_closed:
                    raise
                raise self._away() from None  # its socket was closed while we waited
        if not isinstance(answer, kind):
            raise WorldFault(
                "The recorder answered something else.", where=self.address, remedy="Update both sides."
            )
        return answer


_EMPTY = batch_of(
    np.zeros(0, np.uint32), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
)


def changes(base: SampleBatch, rows: SampleBatch) -> I8:
    """Return when tags became another value or quality, in any order.

    base: at most one row for each id, what was before; rows: what came then, in the order of arrival.
    """
    whole = joined([base, rows])
    order = np.lexsort((np.arange(len(whole)), whole.slot))  # of each id the base, then as they came
    slot, value, quality = whole.slot[order], whole.value[order], whole.quality[order]
    same = (value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1]))
    differs: B1 = np.ones(len(whole), np.bool_)
    differs[1:] = (slot[1:] != slot[:-1]) | ~same | (quality[1:] != quality[:-1])
    differs &= order >= len(base)
    texts = whole.text
    if texts:  # a text has no number: it differs when its words do
        told = np.array([texts.get(int(row), "") for row in order], object)
        differs[1:] |= (slot[1:] == slot[:-1]) & (told[1:] != told[:-1]) & (order[1:] >= len(base))
    out: I8 = known_ns(taken(whole, order[differs]))
    return out


def read_mark(text: str, kind: type[_Mark]) -> _Mark | None:
    """Return a mark's record; None for one of another version, which is left out."""
    if not text:
        return None
    try:
        return marks.record_of(text, kind)
    except ValueError:
        log.info("a mark could not be read: %s", text[:200])
        return None
