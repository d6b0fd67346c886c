"""What a time bar shows of a span: for each pixel column the worst alarm, gaps, links that were down.

Only marks are read, which are few, so that a month is answered as fast as an hour.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np

from armillary.history.parts import View
from armillary.model.alarm import ACTIVE
from armillary.model.arrays import B1, F8, I8, U1, U4
from armillary.model.link import LinkState
from armillary.model.message import AskDensity, Density
from armillary.wire import marks

MAX_WIDTH = 16_384
LOW = 5  # the least urgent priority there is
CRASHES = 200  # ends that were not recorded; of more the gaps are not looked for
LATE_SPANS = 10_000  # told of since the beginning of what is shown; of more the rest is left out
_UP = [marks.LINK_CODES[state] for state in (LinkState.UP, LinkState.DEGRADED, LinkState.OFF)]
_ACTIVE = [marks.ALARM_CODES[state] for state in ACTIVE]


def of(
    cursor: duckdb.DuckDBPyConnection,
    view: View,
    ask: AskDensity,
    ids: Mapping[str, int],
    extent: tuple[int, int],
) -> Density:
    """Return the density of a span. `ids`: of all names; `extent`: of all samples, (0, 0) for none."""
    width = min(max(ask.width, 1), MAX_WIDTH)
    from_ns, to_ns = ask.from_ns, max(ask.to_ns, ask.from_ns + width)
    spans = _Columns(from_ns, to_ns, width)
    worst: U1 = np.zeros(width, np.uint8)
    urgency = _priorities(cursor, ids)
    begin, end, value, id_ = _intervals(cursor, list(urgency), from_ns, to_ns)
    is_active = np.isin(value, _ACTIVE)
    for level in sorted(set(urgency.values()), reverse=True):  # the most urgent is written last
        of_level = is_active & np.isin(id_, [i for i, p in urgency.items() if p == level])
        worst[spans.covered(begin[of_level], end[of_level])] = level
    gap = _gaps(cursor, view, spans, ids.get(marks.WORLD, 0), extent)
    begin, end, value, _ = _intervals(
        cursor, [i for n, i in ids.items() if n.startswith(marks.LINK)], from_ns, to_ns
    )
    is_down = ~np.isin(value, _UP)
    return Density(
        from_ns=from_ns,
        to_ns=to_ns,
        worst=worst,
        gap=gap | spans.covered(begin[is_down], end[is_down]),
        first_ns=extent[0],
        last_ns=extent[1],
        event=_events(cursor, spans, ids.get(marks.EVENTS, 0)),
        late=_late(cursor, spans, ids.get(marks.EVENTS, 0)),
    )


def _priorities(cursor: duckdb.DuckDBPyConnection, ids: Mapping[str, int]) -> dict[int, int]:
    """Return the priority of each alarm that has marks, by id: that of its newest event, else LOW."""
    rows = cursor.execute(
        """SELECT regexp_extract(text, '"id":"([^"]*)"', 1) AS alarm, arg_max(value, t)
        FROM mark JOIN word ON word.id = mark.word WHERE mark.id = $1 GROUP BY alarm""",
        [ids.get(marks.ALARM_EVENTS, 0)],
    ).fetchall()
    said = {str(alarm): int(value) for alarm, value in rows}
    alarms = {
        name.removeprefix(marks.ALARM): id_ for name, id_ in ids.items() if name.startswith(marks.ALARM)
    }
    return {id_: min(max(said.get(alarm, LOW), 1), LOW) for alarm, id_ in alarms.items()}


def _events(cursor: duckdb.DuckDBPyConnection, spans: _Columns, events: int) -> U1:
    """Return the gravest event of each column, 1…3; 0 where there was none."""
    rows = cursor.execute(
        "SELECT t, value FROM mark WHERE id = $1 AND t >= $2 AND t < $3", [events, spans.from_ns, spans.to_ns]
    ).fetchnumpy()
    out: U1 = np.zeros(spans.width, np.uint8)
    level = np.clip(np.nan_to_num(np.asarray(rows["value"], np.float64)), 0, 2).astype(np.uint8) + np.uint8(1)
    np.maximum.at(out, spans.of(np.asarray(rows["t"], np.int64)), level)
    return out


def _late(cursor: duckdb.DuckDBPyConnection, spans: _Columns, events: int) -> B1:
    """Return the columns whose data came later: what events that tell of a span say of it."""
    rows = cursor.execute(
        "SELECT text FROM mark JOIN word ON word.id = mark.word "
        "WHERE mark.id = $1 AND t >= $2 AND contains(text, '\"span_ns\":[') "
        "AND NOT contains(text, '\"span_ns\":[0,0]') LIMIT $3",
        [events, spans.from_ns, LATE_SPANS],
    ).fetchall()
    found = [marks.span_of(str(text)) for (text,) in rows]
    begin: I8 = np.array([span[0] for span in found], np.int64)
    end: I8 = np.array([span[1] + 1 for span in found], np.int64)
    return spans.covered(begin, end)


def _gaps(
    cursor: duckdb.DuckDBPyConnection, view: View, spans: _Columns, world: int, extent: tuple[int, int]
) -> B1:
    """Return the columns in which nothing was recorded for a while: no world ran, or it had crashed."""
    first_ns, last_ns = extent
    if not last_ns:
        return np.ones(spans.width, np.bool_)
    gap = spans.covered(
        np.array([spans.from_ns, last_ns + 1]), np.array([min(first_ns, spans.to_ns), spans.to_ns])
    )
    begin, end, value, _ = _intervals(cursor, [world] if world else [], spans.from_ns, spans.to_ns)
    ended = value == 0
    gap |= spans.covered(begin[ended], end[ended])
    again = np.flatnonzero((value[1:] == 1) & (value[:-1] == 1)) + 1  # started without having ended
    for start_ns in begin[again[:CRASHES]].tolist():
        before_ns = _last_before(cursor, view, start_ns)
        if before_ns is not None:
            gap |= spans.covered(np.array([before_ns]), np.array([start_ns]))
    return gap


def _last_before(cursor: duckdb.DuckDBPyConnection, view: View, t_ns: int) -> int | None:
    """Return the time of the last sample before a time; only segments that span it need to be read."""
    whole = [s.last_ns for s in view.segments if s.last_ns < t_ns]
    over = tuple(s for s in view.segments if s.first_ns < t_ns <= s.last_ns)
    parts = View(folder=view.folder, segments=over, hots=view.hots).samples(-(2**62), t_ns)
    ((last,),) = cursor.execute(f"SELECT max(t) FROM {parts} WHERE t < $1", [t_ns]).fetchall()  # noqa: S608
    return max([*whole, *([int(last)] if last is not None else [])], default=None)


def _intervals(
    cursor: duckdb.DuckDBPyConnection, ids: list[int], from_ns: int, to_ns: int
) -> tuple[I8, I8, F8, U4]:
    """Return (begin, end, value, id) of what each mark said within a span, by id and time."""
    rows = cursor.execute(
        "SELECT id, t, value FROM mark WHERE id IN (SELECT unnest($1::UINTEGER[])) AND t < $3 "
        "AND (t >= $2 OR (id, t) IN (SELECT (id, max(t)) FROM mark WHERE t < $2 GROUP BY id)) "
        "ORDER BY id, t, rowid",
        [ids, from_ns, to_ns],
    ).fetchnumpy()
    id_, t, value = rows["id"], rows["t"], rows["value"]
    end: I8 = np.full(len(t), to_ns, np.int64)
    if len(t):
        end[:-1] = np.where(id_[1:] == id_[:-1], t[1:], to_ns)
    return np.asarray(t, np.int64), end, np.asarray(value, np.float64), np.asarray(id_, np.uint32)


class _Columns:
    """Pixel columns of a span."""

    def __init__(self, from_ns: int, to_ns: int, width: int) -> None:
        self.from_ns, self.to_ns, self.width = from_ns, to_ns, width
        self._edges: I8 = (from_ns + (to_ns - from_ns) * np.arange(1, width) // width).astype(np.int64)

    def of(self, t_ns: I8) -> I8:
        """Return the column of each time, 0…width - 1."""
        out: I8 = np.searchsorted(self._edges, t_ns, "right")
        return out

    def covered(self, begin: I8, end: I8) -> B1:
        """Return which columns some span begin ≤ t < end touches, (width,)."""
        inside = (end > begin) & (end > self.from_ns) & (begin < self.to_ns)
        first = np.searchsorted(self._edges, np.maximum(begin[inside], self.from_ns), "right")
        last = np.searchsorted(self._edges, np.minimum(end[inside], self.to_ns) - 1, "right")
        steps = np.zeros(self.width + 1, np.int64)
        np.add.at(steps, first, 1)
        np.add.at(steps, last + 1, -1)
        touched: B1 = np.cumsum(steps[:-1]) > 0
        return touched
