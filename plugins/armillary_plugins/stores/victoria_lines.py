"""Samples as VictoriaMetrics takes and gives them: series of numbers at milliseconds.

Each tag is up to four series, told apart by `__name__` and `id`: `armillary_lag` (µs from source to arrival,
there for every sample), `armillary_value` (finite numbers), `armillary_quality` (quality, flags, and which
number it was if not finite; left out where 0) and `armillary_status` (left out where 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt

from armillary.api import F8, I8, SampleBatch, batch_of, joined
from armillary_plugins.stores.buckets import MS, S

US = 1_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LAG, VALUE, QUALITY, STATUS, TAG = (
    f"armillary_{name}" for name in ("lag", "value", "quality", "status", "tag")
)
_NAN, _INF, _MINUS_INF = 1 << 24, 1 << 25, 1 << 26  # which number it was, in `armillary_quality`
_SPECIAL = ((_NAN, np.nan), (_INF, np.inf), (_MINUS_INF, -np.inf))

# Any: what orjson makes of an answer
Line = dict[str, Any]


def metric(space: str, name: str, id_: int, tag: str) -> dict[str, str]:
    """Return what names a series."""
    return {"__name__": name, "space": space, "id": str(id_), "tag": tag}


def lines(batch: SampleBatch, space: str, tag_of: Mapping[int, str]) -> Iterator[Line]:
    """Yield the series of a batch; arrays are taken as they are, a tag at a time."""
    order = np.lexsort((batch.source_ns, batch.slot))
    slot, t_ms = batch.slot[order], batch.source_ns[order] // MS
    lag = ((batch.arrival_ns - batch.source_ns)[order] // US).astype(np.float64)
    value, status = batch.value[order], batch.status[order].astype(np.float64)
    words = batch.quality[order].astype(np.int64) | (batch.flags[order].astype(np.int64) << 16)
    words |= np.where(np.isnan(value), _NAN, 0) | np.where(value == np.inf, _INF, 0)
    words |= np.where(value == -np.inf, _MINUS_INF, 0)
    edges = np.flatnonzero(np.diff(slot, prepend=slot[:1] ^ 1, append=slot[-1:] ^ 1))
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        id_ = int(slot[begin])
        piece = slice(begin, end)
        every = np.ones(end - begin, np.bool_)
        for name, column, rows in (
            (LAG, lag[piece], every),
            (VALUE, value[piece], np.isfinite(value[piece])),
            (QUALITY, words[piece].astype(np.float64), words[piece] != 0),
            (STATUS, status[piece], status[piece] != 0),
        ):
            if rows.any():
                yield {
                    "metric": metric(space, name, id_, tag_of[id_]),
                    "values": np.ascontiguousarray(column[rows]),
                    "timestamps": np.ascontiguousarray(t_ms[piece][rows]),
                }


def samples(found: Sequence[Line]) -> SampleBatch:
    """Return the samples of exported series, by id and time; of equal times one."""
    series: dict[str, dict[int, tuple[I8, F8]]] = {}
    for line in found:
        t: I8 = np.array(line["timestamps"], np.int64)
        value: F8 = np.array(line["values"], np.float64)
        order = np.argsort(t, kind="stable")
        t, value = t[order], value[order]
        last = np.append(t[1:] != t[:-1], np.ones(min(len(t), 1), np.bool_))
        named = line["metric"]
        series.setdefault(named["__name__"], {})[int(named["id"])] = (t[last], value[last])
    nothing = (np.zeros(0, np.int64), np.zeros(0))
    parts = []
    for id_, (t, lag) in sorted(series.get(LAG, {}).items()):
        columns = {LAG: lag}
        for name in (VALUE, QUALITY, STATUS):
            column = np.zeros(len(t))
            at, given = series.get(name, {}).get(id_, nothing)
            place = np.searchsorted(t, at)
            here = (place < len(t)) & (t[np.minimum(place, len(t) - 1)] == at)
            column[place[here]] = given[here]
            columns[name] = column
        parts.append(_rows({"t": t, **columns}, id_))
    return joined(parts)


def form(given: Sequence[tuple[str, str]]) -> bytes:
    """Return parameters as the body of a form: there may be many ids."""
    return urlencode(given).encode()


def seconds(ns: int) -> str:
    """Return a time as VictoriaMetrics reads it, to the millisecond."""
    return f"{ns // S}.{ns // MS % 1000:03d}"


def _rows(columns: Mapping[str, npt.NDArray[Any]], id_: int) -> SampleBatch:
    """Return the samples of one id."""
    t = columns["t"] * MS
    words = columns[QUALITY].astype(np.int64)
    value = columns[VALUE].copy()
    for bit, number in _SPECIAL:
        value[words & bit != 0] = number
    return batch_of(
        np.full(len(t), id_, np.uint32),
        value,
        t,
        t + np.round(columns[LAG]).astype(np.int64) * US,
        0,
        quality=(words & 0xFFFF).astype(np.uint16),
        flags=(words >> 16 & 0xFF).astype(np.uint8),
        status=columns[STATUS].astype(np.int64).astype(np.uint32),
    )
