"""What `armillary edge` sends: SenML packs in which every record names its tag, JSON or CBOR.

A tag's path is the name in the pack; without a path it is the tag's own name. Beside SenML's fields a record
may have `q`, a quality word that is not GOOD; one without a value has no number then.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from armillary.api import F4, I8, Route, SampleBuilder, Undecodable, WireBatch, check_size
from armillary_plugins.decoders.cbor import Cbor

NS = 1_000_000_000
MOST_S = 9.2e9
_LABELS = {-1: "bver", -2: "bn", -3: "bt", 0: "n", 2: "v", 3: "vs", 4: "vb", 6: "t", 8: "vd"}
_MOST_RECORDS = 5000
_WORD = 0xFFFF


class Edge:
    """The decoder `edge`."""

    def __init__(self) -> None:
        self._cbor = Cbor()

    def decode(self, batch: WireBatch, rows: I8, routes: Sequence[Route], into: SampleBuilder) -> None:
        """Add the samples of some packs, records of other tags passed over; a bad pack is rejected whole."""
        known = {route.path or route.tag: (route.slot, route.kind) for route in routes}
        start = batch.start
        for row in rows.tolist():
            before = len(into.row)
            try:
                self._pack(batch.payload[start[row] : start[row + 1]], row, known, into)
            except Undecodable as error:
                _take_back(into, before)
                into.reject(row, error.reason, error.offset)

    def _pack(self, data: bytes, row: int, known: Mapping[str, tuple[int, str]], into: SampleBuilder) -> None:
        bt, bn = 0, ""
        for number, raw in enumerate(self._records(data)):
            if type(raw) is not dict:
                raise Undecodable(f"record {number} is no table")
            record = raw if "n" in raw else {_LABELS.get(key, key): value for key, value in raw.items()}
            bt, bn = record.get("bt", bt), record.get("bn", bn)
            name, t = record.get("n", ""), record.get("t", 0)
            if type(bt) is not int or type(t) not in (int, float) or not -MOST_S < bt + t < MOST_S:
                raise Undecodable(f"record {number} has no time")
            found = known.get(bn + name if type(name) is str and type(bn) is str else "")
            if found is None:
                continue
            # Both parts apart: a float of today's seconds has no nanoseconds, one of a few has.
            source_ns = bt * NS + round(t * NS)
            quality = record.get("q", 0)
            if type(quality) is not int or not 0 <= quality <= _WORD:
                raise Undecodable(f"record {number} has a quality that is none")
            _add(record, found, row, source_ns, quality, number, into)

    def _records(self, data: bytes) -> Sequence[object]:
        check_size(data)
        if data.lstrip()[:1] in (b"[", b"{", b""):
            try:
                pack: object = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                raise Undecodable(f"not JSON at byte {error.pos}", error.pos) from None
        else:
            pack = self._cbor.unpack(data)
        if not isinstance(pack, list) or len(pack) > _MOST_RECORDS:
            raise Undecodable(f"a SenML pack is a list of at most {_MOST_RECORDS} records")
        return pack


def _add(
    record: Mapping[Any, Any],  # Any: fields of a record, checked here
    found: tuple[int, str],
    row: int,
    source_ns: int,
    quality: int,
    number: int,
    into: SampleBuilder,
) -> None:
    slot, kind = found
    value = record.get("v")
    if type(value) is float or type(value) is int:
        into.add(row, slot, float(value), source_ns, quality)
    elif type(text := record.get("vs")) is str:
        into.add_text(row, slot, text, source_ns, quality)
    elif type(flag := record.get("vb")) is bool:
        into.add(row, slot, float(flag), source_ns, quality)
    elif "vd" in record and kind == "array":
        into.add_array(row, slot, _numbers(record["vd"], number), source_ns, quality)
    elif quality:
        into.add(row, slot, math.nan, source_ns, quality)
    else:
        raise Undecodable(f"record {number} has no value")


def _numbers(value: object, number: int) -> F4:
    """Return the single-precision numbers, little-endian, of a `vd`."""
    try:
        raw = value if isinstance(value, bytes) else base64.urlsafe_b64decode(str(value) + "==")
        out = np.frombuffer(raw, "<f4")
    except (binascii.Error, ValueError):
        raise Undecodable(f"record {number} has data that are no numbers") from None
    if not out.size:
        raise Undecodable(f"record {number} has no numbers")
    return out.astype(np.float32)


def _take_back(into: SampleBuilder, count: int) -> None:
    """Forget the samples after the first `count`: half a pack is worse than none."""
    for column in (into.row, into.slot, into.value, into.source_ns, into.quality):
        del column[count:]
    for row in [row for row in into.text if row >= count]:
        del into.text[row]
    for row in [row for row in into.array if row >= count]:
        del into.array[row]


def make() -> Edge:
    """Return the decoder `edge`."""
    return Edge()
