"""Questions to a store: a moment, a span, a trend, a time bar. Any thread may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

import duckdb
import numpy as np
import numpy.typing as npt

from armillary.history import arrived, density, journal, trend
from armillary.history.base import Base
from armillary.history.parts import COLUMNS, View, among
from armillary.history.tags import Tags
from armillary.history.tending import Tending
from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.journal import AskJournal, AskLines, JournalIndex, Lines
from armillary.model.message import AskDensity, Density
from armillary.model.sample import SampleBatch, Text, known_ns, taken
from armillary.model.series import Series, SeriesQuery

THINNED_MARKS = 200_000  # marks in one answer that thins the samples
SLICE_ROWS = 100_000  # rows that `between` holds at once, about
FIRST_SLICE_NS = 600 * NS
_FIELDS = ("id", "t", "value", "lag", "quality", "flags", "status", "word", "text", "has")
_T = TypeVar("_T")
Columns = Mapping[str, npt.NDArray[np.generic]]


class Asking:
    """The questions; raises StoreFault. Where a segment is damaged it answers with what the others have."""

    def __init__(self, base: Base, tending: Tending, tags: Tags) -> None:
        self._base, self._tending, self._tags = base, tending, tags

    def again(self, work: Callable[[], _T]) -> _T:
        """Return what some reading gives; where a segment is damaged, what the others give."""
        try:
            return work()
        except StoreFault:
            if self._base.is_broken or not self._tending.check():
                raise
            return work()

    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        return self.again(lambda: self._at(ids, t_ns))

    def _at(self, ids: U4, t_ns: int) -> SampleBatch:
        missing, found = ids.tolist(), []
        with self._base.reading() as (cursor, view):
            for begin, end in view.back(t_ns + 1, t_ns, -(2**62)):
                rows = cursor.execute(
                    f"SELECT {COLUMNS} FROM {view.samples(begin, end)} "  # noqa: S608 - ours
                    f"WHERE t >= $1 AND t < $2 AND {among(missing)} "
                    "QUALIFY row_number() OVER (PARTITION BY id ORDER BY t DESC, part DESC, row DESC) = 1",
                    [begin, end],
                ).fetchnumpy()
                found.append(rows)
                came = set(rows["id"].tolist())
                missing = [id_ for id_ in missing if id_ not in came]
                if not missing:
                    break
            every = {name: np.concatenate([rows[name] for rows in found]) for name in _FIELDS}
            place = {int(id_): i for i, id_ in enumerate(ids.tolist())}
            order = np.argsort([place[int(id_)] for id_ in every["id"]])
            return self._batch(cursor, {name: column[order] for name, column in every.items()})

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        """Yield the samples from ≤ t < to in the order of source time, in pieces that fit in memory."""
        at_ns, step = from_ns, FIRST_SLICE_NS
        while at_ns < to_ns:
            start = self.again(partial(self._first_at, ids, at_ns, to_ns))
            if start is None:
                return
            end_ns = min(start + step, to_ns)
            batch = self.again(partial(self._slice, ids, start, end_ns))
            if len(batch):
                yield batch
            at_ns = end_ns
            step = max(step // 2, NS) if len(batch) > SLICE_ROWS else min(step * 2, 86_400 * NS)

    def _first_at(self, ids: U4, from_ns: int, to_ns: int) -> int | None:
        """Return from when on there may be samples of some ids, None for never."""
        with self._base.reading() as (cursor, view):
            hot = View(folder=view.folder, hots=view.hots).samples(from_ns, to_ns)
            first = cursor.execute(
                f"SELECT min(t) FROM {hot} WHERE t >= $1 AND t < $2 AND {among(ids)}",  # noqa: S608 - ours
                [from_ns, to_ns],
            ).fetchone()
        starts = [at for at in (view.next_ns(from_ns), first[0] if first else None) if at is not None]
        start = min(starts, default=to_ns)
        return int(start) if start < to_ns else None

    def _slice(self, ids: U4, from_ns: int, to_ns: int) -> SampleBatch:
        with self._base.reading() as (cursor, view):
            rows = cursor.execute(
                f"SELECT {COLUMNS} FROM {view.samples(from_ns, to_ns)} "  # noqa: S608 - ours
                f"WHERE t >= $1 AND t < $2 AND {among(ids)} ORDER BY t, part, row",
                [from_ns, to_ns],
            ).fetchnumpy()
            return self._batch(cursor, rows)

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, in no order.

        By arrival (`history.arrived`): this is what a world showed at `t_ns`, started at `since_ns`.
        """
        return self.again(lambda: self._known_at(ids, t_ns, since_ns))

    def _known_at(self, ids: U4, t_ns: int, since_ns: int) -> SampleBatch:
        with self._base.reading() as (cursor, view):
            found: list[Columns] = []
            for is_mark, some in self._kinds(ids):
                found += arrived.at(cursor, None if is_mark else view, some.tolist(), t_ns, since_ns)
            every = {name: np.concatenate([rows[name] for rows in found]) for name in _FIELDS}
            return self._batch(cursor, every)

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        return self.again(lambda: self._known_between(ids, from_ns, to_ns, limit))

    def known_thinned(self, ids: U4, from_ns: int, to_ns: int, every_ns: int) -> tuple[SampleBatch, int]:
        """Return the same, of the samples of an id only the newest of each span of `every_ns`."""
        return self.again(lambda: self._known_between(ids, from_ns, to_ns, THINNED_MARKS, every_ns))

    def _known_between(
        self, ids: U4, from_ns: int, to_ns: int, limit: int, every_ns: int = 0
    ) -> tuple[SampleBatch, int]:
        with self._base.reading() as (cursor, view):
            parts: list[Columns] = []
            for is_mark, some in self._kinds(ids):  # marks first: they are few
                of = None if is_mark else view
                if of is not None and every_ns:
                    parts.append(arrived.thinned(cursor, of, some, from_ns, to_ns, every_ns))
                    continue
                rows, to_ns = arrived.between(cursor, of, some, from_ns, to_ns, limit)
                parts.append(rows)
            every = {name: np.concatenate([rows[name] for rows in parts]) for name in _FIELDS}
            batch = self._batch(cursor, every)
        known = known_ns(batch)
        order = np.argsort(known, kind="stable")
        return taken(batch, order[: int(np.searchsorted(known[order], to_ns))]), to_ns

    def density(self, ask: AskDensity, extent: tuple[int, int]) -> Density:
        """Return what a time bar shows of a span, one entry a pixel column."""

        def work() -> Density:
            with self._base.reading() as (cursor, view):
                return density.of(cursor, view, ask, self._tags.ids, extent)

        return self.again(work)

    def journal(self, ask: AskJournal) -> JournalIndex:
        """Return which lines of the record of what happened fit a search."""
        with self._base.reading() as (cursor, _):
            return journal.index(cursor, ask, self._tags.ids)

    def journal_lines(self, ask: AskLines) -> Lines:
        """Return lines of that record."""
        with self._base.reading() as (cursor, _):
            return journal.lines(cursor, ask, self._tags.ids)

    def _kinds(self, ids: U4) -> list[tuple[bool, U4]]:
        """Return (whether marks, ids), marks first; at least one of them, so that there are columns."""
        of_mark = np.isin(ids, self._tags.mark_ids)
        both = [(True, ids[of_mark]), (False, ids[~of_mark])]
        return [each for each in both if len(each[1])] or both[:1]

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query: samples while they fit the width, else buckets.

        Extremes are preserved; a bucket without samples is left out.
        """

        def work() -> tuple[Series, ...]:
            with self._base.reading() as (cursor, view):
                return trend.series(cursor, view, query)

        return self.again(work)

    def _batch(self, cursor: duckdb.DuckDBPyConnection, rows: Columns) -> SampleBatch:
        words: U4 = np.asarray(rows["word"], np.uint32)
        text: dict[int, Text] = {}
        for row in np.flatnonzero(rows["has"]).tolist():  # what is sealed has its texts with it
            text[row] = str(rows["text"][row])
        if words.any():
            wanted = np.unique(words[words > 0]).tolist()
            held = dict(
                cursor.execute(
                    "SELECT id, text FROM word WHERE id IN (SELECT unnest($1::UINTEGER[]))", [wanted]
                ).fetchall()
            )
            text |= {int(row): held[int(words[row])] for row in np.flatnonzero(words)}
        t: I8 = np.asarray(rows["t"], np.int64)
        value: F8 = np.asarray(rows["value"], np.float64)
        quality: U2 = np.asarray(rows["quality"], np.uint16)
        return SampleBatch(
            slot=np.asarray(rows["id"], np.uint32),
            value=value,
            source_ns=t,
            arrival_ns=t + np.asarray(rows["lag"], np.int64),
            arrival_mono_ns=np.zeros(len(t), np.int64),  # of another life of this machine: it says nothing
            quality=quality,
            flags=np.asarray(rows["flags"], np.uint8),
            status=np.asarray(rows["status"], np.uint32),
            text=text,
        )
