"""DataValues → SampleBatch: one numpy pass per publish result, Python only for rows that are not numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from asyncua.ua import DataValue, LocalizedText, NodeId

from armillary.api import B1, F4, F8, I8, SOURCE_TIME_ASSUMED, U2, U4, SampleBatch, array_of, quality

_NUMBERS = frozenset({float, int, bool})
_LATEST_S = 9e9  # later does not fit into ns; servers send the year 9999 for "no time"
_US, _US_NS = 1e6, 1_000
_UNREADABLE = np.uint16(quality.BAD | quality.DECODE)
Names = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Where the value of each monitored item goes, H handles."""

    first: I8  # (H,) row of its first slot in `slot`
    count: I8  # (H,) how many slots it feeds, at least 1
    slot: U4  # (S,)
    wants_text: B1  # (H,) a text tag: its value is a string, whatever its type
    names: Mapping[int, Names]  # handle -> text -> number, for an enum that arrives as text
    wants_array: B1  # (H,) an array tag: a list of numbers, kept as one
    is_plain: bool  # one slot per handle, no text anywhere: the common case


def targets(
    rows: Sequence[Sequence[int]],
    wants_text: Sequence[bool],
    names: Mapping[int, Names],
    wants_array: Sequence[bool] = (),
) -> Targets:
    """Return the targets of handles 0 … H-1 from their lists of slots."""
    count = np.array([len(slots) for slots in rows], np.int64)
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)[:-1]]) if len(rows) else count
    texts = np.array(wants_text, np.bool_)
    arrays = np.array(wants_array, np.bool_) if len(wants_array) else np.zeros(len(rows), np.bool_)
    return Targets(
        first=first,
        count=count,
        slot=np.array([slot for slots in rows for slot in slots], np.uint32),
        wants_text=texts,
        names=names,
        wants_array=arrays,
        is_plain=bool((count == 1).all() and not texts.any() and not arrays.any()),
    )


def sample_batch(
    handles: I8, values: Sequence[DataValue], to: Targets, arrival_ns: int, arrival_mono_ns: int
) -> SampleBatch:
    """Return the samples of n data values, in order; a value that feeds several slots makes several rows."""
    n = len(values)
    plain = [v.Value.Value for v in values]  # type: ignore[union-attr]  # __post_init__ puts a Variant there
    text: dict[int, str] = {}
    array: dict[int, F4] = {}
    if to.is_plain and _NUMBERS.issuperset(map(type, plain)):
        value: F8 = np.array(plain, np.float64)
    else:
        value = _odd(handles.tolist(), plain, to, text, array)
    status: U4 = np.array([0 if v.StatusCode is None else v.StatusCode.value for v in values], np.uint32)
    rank = quality.from_opcua(status)
    source_ns, is_assumed = _times(values, arrival_ns)
    is_text = np.zeros(n, np.bool_)
    is_text[list(text)] = True
    is_array = np.zeros(n, np.bool_)
    is_array[list(array)] = True
    is_usable = quality.rank(rank) < quality.BAD
    is_unreadable = is_usable & ~np.isfinite(value) & ~is_array & (~is_text | ~to.wants_text[handles])
    rank[is_unreadable] = _UNREADABLE
    value[~is_usable | is_unreadable] = np.nan
    if to.is_plain:
        rows, slot = None, to.slot[to.first[handles]]
    else:
        rows, slot = _spread(handles, to)
        text = {i: text[r] for i, r in enumerate(rows.tolist()) if r in text} if text else text
        array = {i: array[r] for i, r in enumerate(rows.tolist()) if r in array} if array else array
    return SampleBatch(
        slot=slot,
        value=_taken(value, rows),
        source_ns=_taken(source_ns, rows),
        arrival_ns=np.full(len(slot), arrival_ns, np.int64),
        arrival_mono_ns=np.full(len(slot), arrival_mono_ns, np.int64),
        quality=_taken(rank, rows),
        flags=np.where(_taken(is_assumed, rows), SOURCE_TIME_ASSUMED, 0).astype(np.uint8),
        status=_taken(status, rows),
        text=text,
        array=array,
    )


def _taken(column: Any, rows: I8 | None) -> Any:  # Any: an array of the column's own dtype
    return column if rows is None else column[rows]


def _spread(handles: I8, to: Targets) -> tuple[I8, U4]:
    """Return (row of the value, slot) for every slot that the values feed."""
    count = to.count[handles]
    rows = np.repeat(np.arange(len(handles)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, to.slot[to.first[handles][rows] + within]


def _odd(
    handles: Sequence[int], plain: Sequence[Any], to: Targets, text: dict[int, str], array: dict[int, F4]
) -> F8:
    """Return the values as numbers, NaN where they are none; strings and arrays go to theirs by row."""
    value = np.full(len(plain), np.nan)
    for row, (handle, raw) in enumerate(zip(handles, plain, strict=True)):
        if to.wants_array[handle]:
            numbers = array_of(raw)
            if numbers is not None:
                array[row] = numbers
        elif type(raw) in _NUMBERS and not to.wants_text[handle]:
            value[row] = raw
        elif raw is not None:
            word = _word(raw)
            number = to.names[handle].get(word.casefold()) if handle in to.names else None
            if number is None:
                text[row] = word
            else:
                value[row] = number
    return value


def _word(raw: Any) -> str:  # Any: whatever a server keeps in a variable
    """Return a value that is no number as text; arrays and structures as JSON."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, LocalizedText):
        return raw.Text or ""
    if isinstance(raw, datetime):
        return raw.isoformat()
    if isinstance(raw, bytes):
        return raw.hex()
    return json.dumps(raw, default=_inner, ensure_ascii=False)


def _inner(raw: Any) -> Any:  # Any: json's own contract
    if isinstance(raw, NodeId):
        return raw.to_string()
    if fields := getattr(raw, "__dataclass_fields__", None):
        return {name: getattr(raw, name) for name in fields}
    return raw.isoformat() if isinstance(raw, datetime) else str(raw)


def _times(values: Sequence[DataValue], arrival_ns: int) -> tuple[I8, B1]:
    """Return (source time in ns, is it the arrival): the source's, else the server's, else arrival."""
    stamps = [v.SourceTimestamp or v.ServerTimestamp for v in values]
    try:
        seconds: F8 = np.array([t.timestamp() for t in stamps])  # type: ignore[union-attr]  # caught below
    except AttributeError:
        seconds = np.array([t.timestamp() if t else 0.0 for t in stamps])
    # microseconds, as the library keeps them: below one the float is not exact any more
    is_assumed = ~((seconds > 0) & (seconds < _LATEST_S))
    seconds[is_assumed] = 0.0
    source_ns = np.rint(seconds * _US).astype(np.int64) * _US_NS
    source_ns[is_assumed] = arrival_ns
    return source_ns, is_assumed


def unknown(slots: Sequence[int], status: int, arrival_ns: int, arrival_mono_ns: int) -> SampleBatch:
    """Return one BAD sample for each slot whose node cannot be had, with the reason as status."""
    n = len(slots)
    codes: U4 = np.full(n, status, np.uint32)
    rank: U2 = quality.from_opcua(codes) | np.uint16(quality.CONFIG)
    return SampleBatch(
        slot=np.array(slots, np.uint32),
        value=np.full(n, np.nan),
        source_ns=np.full(n, arrival_ns, np.int64),
        arrival_ns=np.full(n, arrival_ns, np.int64),
        arrival_mono_ns=np.full(n, arrival_mono_ns, np.int64),
        quality=rank,
        flags=np.full(n, SOURCE_TIME_ASSUMED, np.uint8),
        status=codes,
    )
