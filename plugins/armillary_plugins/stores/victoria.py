"""History in VictoriaMetrics: numbers with their quality and arrival, to 1 ms; no words, no documents.

`armillary_tag` holds the names of ids; how samples are series: `victoria_lines`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from armillary.api import (
    B1,
    EARLY_NS,
    F8,
    HISTORICAL,
    LATE_NS,
    U4,
    Declared,
    SampleBatch,
    Series,
    SeriesQuery,
    StoreContext,
    StoreFault,
    joined,
    known_ns,
    quality,
    taken,
)
from armillary_plugins.stores import buckets, kit
from armillary_plugins.stores.buckets import DAY, HOUR, MS, Buckets, S
from armillary_plugins.stores.http import Http
from armillary_plugins.stores.kit import Held, Names
from armillary_plugins.stores.victoria_lines import (
    FORM,
    LAG,
    QUALITY,
    STATUS,
    TAG,
    VALUE,
    Line,
    form,
    lines,
    metric,
    samples,
    seconds,
)

PORT = 8428
SEEN_NS = S  # a reader sees what others wrote after this long at the latest
EXTENT_NS = 60 * S
REGISTER_NS = DAY  # names are written again so often: a server forgets what is older than its retention
FIRST_SLICE, LAST_SLICE, SLICE_ROWS = 600 * S, DAY, 100_000
LOOK_BACK = (HOUR, 30 * DAY, 20_000 * DAY)
ALL_TIME = 20_000 * DAY
DECLARED = Declared(
    name="VictoriaMetrics",
    resolution_ns=MS,
    exact=False,
    text=False,
    durable=False,
    corrects=False,
    erases_by_range=False,
    documents=False,
)

Judge = Callable[[SampleBatch], B1]


def make(context: StoreContext) -> Victoria:
    """Return the store of a space. Raises StoreFault."""
    return Victoria(context)


class Victoria:
    """A HistoryStore. What has words is left out; what comes twice falls onto itself."""

    def __init__(self, context: StoreContext) -> None:
        self._http = Http(context, "VictoriaMetrics", PORT)
        self._space, self._mark, self._clock = context.space, context.mark, context.clock
        self._is_read_only = context.read_only
        self._lock = threading.RLock()
        self._received: dict[str, int] = {}
        self._names, self._versions = Names(ids={}, units={}), dict[int, int]()
        self._is_dirty, self._flushed_ns, self._registered_ns = True, 0, 0
        self._extent: Held | None = None
        self._extent_ns = 0
        try:
            self._load()
        except BaseException:
            self._http.close()
            raise

    @property
    def declares(self) -> Declared:
        """Samples reach its disk within seconds; numbers are kept to 12 digits or so."""
        return DECLARED

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._is_read_only

    # ------------------------------------------------------------ tags
    def _load(self) -> None:
        newest: dict[int, tuple[float, str, str]] = {}
        for line in self._export(f'{TAG}{{space="{self._space}"}}', 0, self._end()):
            named, version = line["metric"], max(line["values"])
            id_ = int(named["id"])
            if id_ not in newest or version > newest[id_][0]:
                newest[id_] = (version, named["tag"], named.get("unit", ""))
        self._names = kit.names_of([(id_, name, unit) for id_, (_, name, unit) in sorted(newest.items())])
        self._versions = {id_: int(version) for id_, (version, _, _) in newest.items()}

    def names(self, tags: Sequence[str], units: Sequence[str] = ()) -> U4:
        """Return the ids of tags, made when new."""
        with self._lock:
            names, changed = kit.entered(self._names, tags, units)
            if changed:
                self._writable()
                self._versions |= {id_: self._versions.get(id_, 0) + 1 for id_ in changed}
                self._register(names, changed)
                self._names = names
            return np.array([names.ids[tag] for tag in tags], np.uint32)

    def _register(self, names: Names, ids: Sequence[int]) -> None:
        told = {id_: (name, names.units[name]) for name, id_ in names.ids.items()}
        now_ms = [self._clock.now_ns() // MS]
        rows = [
            {
                "metric": metric(self._space, TAG, id_, told[id_][0]) | {"unit": told[id_][1]},
                "values": [self._versions[id_]],
                "timestamps": now_ms,
            }
            for id_ in ids
        ]
        self._import(rows)

    def _known(self) -> Names:
        if self._is_read_only:  # another process may have entered some
            with self._lock:
                self._load()
        return self._names

    def known(self) -> Mapping[str, int]:
        """Return all tags and their ids."""
        return dict(self._known().ids)

    def units(self) -> Mapping[str, str]:
        """Return all tags and the units of their samples."""
        return dict(self._known().units)

    # ------------------------------------------------------------ write
    def append(self, batch: SampleBatch, marks: Mapping[str, int] | None = None) -> None:
        """Send samples; the server has them when this returns, its disk a few seconds later."""
        self._writable()
        kit.check_ids(batch, self._names.next, self._http.where)
        with self._lock:
            if batch.text:
                rows = np.setdiff1d(np.arange(len(batch)), list(batch.text))
                batch = taken(batch, rows)
            if len(batch):
                self._import(lines(batch, self._space, {id_: name for name, id_ in self._names.ids.items()}))
                self._count(batch)
            self._received.update(marks or {})

    def _import(self, rows: Iterator[Line] | Sequence[Line]) -> None:
        body = b"\n".join(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY) for line in rows)
        self._http.ask("POST", "/api/v1/import", body=body)
        self._is_dirty = True

    def _count(self, batch: SampleBatch) -> None:
        t = batch.source_ns[~np.isin(batch.slot, self._names.marks(self._mark))] // MS * MS
        held = self._extent
        if held is None or not len(t):
            return
        first, last = int(t.min()), int(t.max())
        self._extent = Held(
            tags=(),
            samples=held.samples + len(t),
            bytes=0,
            first_ns=min(held.first_ns, first) if held.samples else first,
            last_ns=max(held.last_ns, last) if held.samples else last,
        )

    def received(self, session: str) -> int:
        """Return the number of the last message of a session since this was opened, -1 for none."""
        return self._received.get(session, -1)

    def _writable(self) -> None:
        if self._is_read_only:
            raise StoreFault(
                "The history is open read-only.", where=self._http.where, remedy="Use the recorder."
            )

    def tidy(self, now_ns: int) -> bool:
        """Write the names again now and then; the server does the rest by itself."""
        if self._names.ids and self._clock.now_ns() - self._registered_ns > REGISTER_NS:
            with self._lock:
                self._register(self._names, list(self._names.ids.values()))
                self._registered_ns = self._clock.now_ns()
        return False

    def forget(self, before_ns: int, ids: U4 | None) -> int:
        """Refuse it: the server erases whole series only."""
        raise StoreFault(
            "VictoriaMetrics cannot erase a range of time.",
            where=self._http.where,
            remedy="Set the server's own retention: -retentionPeriod.",
        )

    # ------------------------------------------------------------ what the server has
    def _end(self) -> int:
        return self._clock.now_ns() + 3 * DAY  # it takes nothing that is later than in two days

    def _flush(self) -> None:
        """Make what was written just now seen."""
        now_ns = self._clock.now_ns()
        if self._is_dirty or (self._is_read_only and now_ns - self._flushed_ns >= SEEN_NS):
            self._is_dirty, self._flushed_ns = False, now_ns
            self._http.ask("GET", "/internal/force_flush")

    def _export(self, match: str, from_ns: int, to_ns: int) -> list[Line]:
        """Return the series of a range, from ≤ t ≤ to in whole milliseconds."""
        self._flush()
        given = [("match[]", match), ("start", seconds(max(from_ns, 0))), ("end", seconds(to_ns))]
        data = self._http.ask("POST", "/api/v1/export", body=form(given), headers=FORM)
        return [orjson.loads(line) for line in data.splitlines() if line]

    def _query(self, query: str, at_ns: int) -> list[Line]:
        self._flush()
        given = [("query", query), ("time", seconds(at_ns)), ("nocache", "1")]
        data = orjson.loads(self._http.ask("POST", "/api/v1/query", body=form(given), headers=FORM))
        found: list[Line] = data["data"]["result"]
        return found

    def _among(self, ids: U4, name: str = "") -> str:
        names = f'__name__="{name}"' if name else f'__name__=~"{LAG}|{VALUE}|{QUALITY}|{STATUS}"'
        return f'{{{names},space="{self._space}",id=~"{"|".join(map(str, ids.tolist()))}"}}'

    # ------------------------------------------------------------ read
    def _samples(self, ids: U4, from_ns: int, to_ns: int) -> SampleBatch:
        """Return the samples from ≤ t < to, by id and time; of equal times one."""
        end_ns = min(to_ns, self._end())
        if not len(ids) or end_ns <= from_ns:
            return samples([])
        first_ms, last_ms = -(-from_ns // MS), (end_ns - 1) // MS
        return samples(self._export(self._among(ids), first_ms * MS, last_ms * MS))

    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        """Return the last sample at or before a time of each id that has one, in the order of the ids."""
        return self._newest(ids, t_ns, lambda batch: batch.source_ns <= t_ns)

    def known_at(self, ids: U4, t_ns: int, since_ns: int = 0) -> SampleBatch:
        """Return what was newest at a time for each id that had a sample by then, by arrival."""

        def counts(batch: SampleBatch) -> B1:
            known = known_ns(batch)
            held: B1 = (known >= since_ns) & (known <= t_ns) & (batch.flags & HISTORICAL == 0)
            return held

        return self._newest(ids, t_ns + EARLY_NS, counts, max(since_ns - LATE_NS, 0))

    def _newest(
        self, ids: U4, t_ns: int, counts: Any, floor_ns: int = 0
    ) -> SampleBatch:  # Any: a judge of rows
        """Return the newest of each id that counts, looking back further for those that have none."""
        missing, found, t_ns = ids, list[SampleBatch](), min(t_ns, self._end())
        for back in LOOK_BACK:
            begin = max(t_ns - back, floor_ns, 0)
            if back == LOOK_BACK[0]:
                batch = self._samples(missing, begin, t_ns + 1)
            else:  # few samples are that old: when the last one was is asked for first
                batch = joined([self._around(missing, at, begin) for at in self._lasts(missing, begin, t_ns)])
            batch = taken(batch, np.flatnonzero(counts(batch)))
            found.append(batch)
            missing = np.setdiff1d(missing, batch.slot)
            if not len(missing) or begin <= floor_ns:
                break
        return kit.newest(joined(found), ids)

    def _lasts(self, ids: U4, begin: int, t_ns: int) -> list[tuple[int, int]]:
        """Return (id, time) of the last sample of each id in a range."""
        window = max((t_ns - begin) // MS, 1)
        rows = self._query(f"tlast_over_time({self._among(ids, LAG)}[{window}ms])", t_ns)
        return [(int(row["metric"]["id"]), round(float(row["value"][1]) * 1000) * MS) for row in rows]

    def _around(self, ids: U4, last: tuple[int, int], begin: int) -> SampleBatch:
        """Return the samples of an id at its last time, and a little before: the last one need not count."""
        id_, at_ns = last
        return self._samples(np.array([id_], np.uint32), max(at_ns - LATE_NS - EARLY_NS, begin), at_ns + 1)

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        """Yield the samples from ≤ t < to in the order of source time, in pieces that fit in memory."""
        at_ns, step, end_ns = max(from_ns, 0), FIRST_SLICE, min(to_ns, self._end())
        while at_ns < end_ns and len(ids):
            window = max((end_ns - at_ns) // MS, 1)
            rows = self._query(f"min(tfirst_over_time({self._among(ids, LAG)}[{window}ms]))", end_ns - 1)
            if not rows:
                return
            at_ns = max(round(float(rows[0]["value"][1]) * 1000) * MS, at_ns)
            until = min(at_ns + step, end_ns)
            batch = self._samples(ids, at_ns, until)
            yield taken(batch, np.argsort(batch.source_ns, kind="stable"))
            at_ns = until
            step = max(step // 2, S) if len(batch) > SLICE_ROWS else min(step * 2, LAST_SLICE)

    def known_between(self, ids: U4, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
        """Return what became known from ≤ … < to in that order, and up to when that is everything."""
        batch = self._samples(ids, max(from_ns - LATE_NS, 0), to_ns + EARLY_NS)
        return kit.by_arrival(batch, from_ns, to_ns, limit)

    def read(self, query: SeriesQuery) -> tuple[Series, ...]:
        """Return one series for each id of a query: samples while they fit the width, else buckets."""
        return tuple(self._series(id_, query) for id_ in query.ids)

    def _series(self, id_: int, query: SeriesQuery) -> Series:
        ids, step = np.array([id_], np.uint32), buckets.width(query.from_ns, query.to_ns, query.width)
        window = max((min(query.to_ns, self._end()) - query.from_ns) // MS, 1)
        counted = self._query(
            f"count_over_time({self._among(ids, LAG)}[{window}ms])", query.from_ns + window * MS - MS
        )
        count = int(float(counted[0]["value"][1])) if counted else 0
        if query.agg == "raw" or count <= query.width:
            batch = self._samples(ids, query.from_ns, query.to_ns)
            rows = buckets.of_samples(batch.source_ns, batch.value, batch.quality)
            return buckets.series(buckets.thinned(rows, buckets.MAX_RAW), id_, 0, query.request)
        return buckets.series(self._bucketed(ids, query, step), id_, step, query.request)

    def _bucketed(self, ids: U4, query: SeriesQuery, step: int) -> Buckets:
        """Return buckets made by the server, their quality from the few samples that are not GOOD."""
        first = query.from_ns - query.from_ns % step
        end = min(query.to_ns, self._end())
        count = -(-(end - first) // step)
        columns = {
            name: self._range(
                f"{name}_over_time({self._among(ids, VALUE)}[{step // MS}ms])", first, count, step
            )
            for name in ("min", "max", "sum", "count")
        }
        rank, reasons = np.zeros(count, np.uint16), np.zeros(count, np.uint16)
        seen = np.nan_to_num(columns["count"]) > 0
        for line in self._export(self._among(ids, QUALITY), query.from_ns, end - MS):
            bucket = (np.array(line["timestamps"], np.int64) * MS - first) // step
            words = (np.array(line["values"], np.int64) & 0xFFFF).astype(np.uint16)
            np.maximum.at(rank, bucket, words & quality.RANK_MASK)
            np.bitwise_or.at(reasons, bucket, words & quality.REASON_MASK)
            seen[bucket] = True
        rows = np.flatnonzero(seen)
        return Buckets(
            t_ns=first + rows.astype(np.int64) * step,
            low=columns["min"][rows],
            high=columns["max"][rows],
            total=np.nan_to_num(columns["sum"][rows]),
            count=np.nan_to_num(columns["count"][rows]).astype(np.int64),
            quality=(rank | reasons)[rows],
        )

    def _range(self, query: str, first: int, count: int, step: int) -> F8:
        """Return what a query says of each bucket, (count,), NaN for nothing. A window ends in its bucket."""
        self._flush()
        start = first + step - MS
        given = [
            ("query", query),
            ("start", seconds(start)),
            ("end", seconds(start + (count - 1) * step)),
            ("step", f"{step // MS}ms"),
            ("nocache", "1"),
        ]
        data = orjson.loads(self._http.ask("POST", "/api/v1/query_range", body=form(given), headers=FORM))
        out: F8 = np.full(count, np.nan)
        for line in data["data"]["result"]:
            at = np.array([round(t * 1000) for t, _ in line["values"]], np.int64) * MS
            out[(at - start) // step] = [float(value) for _, value in line["values"]]
        return out

    # ------------------------------------------------------------ all of it
    def extent(self) -> Held:
        """Return what the store holds; a reader's is up to a minute old. How many bytes is not known."""
        now_ns = self._clock.now_ns()
        if self._extent is None or (self._is_read_only and now_ns - self._extent_ns > EXTENT_NS):
            self._extent, self._extent_ns = self._measured(), now_ns
        held = self._extent
        return Held(
            tags=tuple(self._known().ids),
            samples=held.samples,
            bytes=0,
            first_ns=held.first_ns,
            last_ns=held.last_ns,
        )

    def _measured(self) -> Held:
        names = self._known()
        tags = np.setdiff1d(list(names.ids.values()), names.marks(self._mark)).astype(np.uint32)
        numbers = {"sum(count": 0.0, "min(tfirst": 0.0, "max(tlast": 0.0}
        if len(tags):
            for function in numbers:
                among = self._among(tags, LAG)
                rows = self._query(f"{function}_over_time({among}[{ALL_TIME // DAY}d]))", self._end())
                numbers[function] = float(rows[0]["value"][1]) if rows else 0.0
        count, first, last = numbers.values()
        return Held(
            tags=(),
            samples=int(count),
            bytes=0,
            first_ns=round(first * 1000) * MS,
            last_ns=round(last * 1000) * MS,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
