"""Samples → SenML packs (RFC 8428), every record with the name of its tag and its source time."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import cbor2
import numpy as np
import orjson

from armillary.edge.ring import Pack
from armillary.model.clock import NS
from armillary.model.sample import DUPLICATE, HISTORICAL, WAITED, SampleBatch, taken

MOST_SAMPLES, MOST_BYTES = 1_000, 262_144  # of one pack
LIVE, PAST, AGAIN = 0, 1, 2
"""Kinds of packs. PAST: it came as historical and stays so. AGAIN: a broker sent it once more, or kept it for
us, so an edge that was killed may have sent it up already."""
CONTENT = {"json": "application/senml+json", "cbor": "application/senml+cbor"}
_LABELS = {"bt": -3, "n": 0, "v": 2, "vs": 3, "vb": 4, "t": 6, "vd": 8}  # in CBOR; `q` is ours and has none

Record = dict[str, Any]  # Any: numbers, texts, bytes


def packs(batch: SampleBatch, names: Sequence[str], form: str) -> list[Pack]:
    """Return the packs of some samples in their order, each kind in packs of its own.

    names: of the tags, by slot. form: json or cbor.
    """
    out: list[Pack] = []
    past = (batch.flags & HISTORICAL) != 0
    again = ~past & ((batch.flags & (DUPLICATE | WAITED)) != 0)
    for kind, chosen in ((PAST, past), (AGAIN, again), (LIVE, ~past & ~again)):
        rows = np.flatnonzero(chosen)
        for at in range(0, len(rows), MOST_SAMPLES):
            some = taken(batch, rows[at : at + MOST_SAMPLES])
            out += _sized(some, names, form, kind)
    return out


def _sized(batch: SampleBatch, names: Sequence[str], form: str, kind: int) -> list[Pack]:
    """Return the pack of a batch, or several where long texts make it too large; one sample is never cut."""
    data = payload(batch, names, form)
    if len(data) > MOST_BYTES and len(batch) > 1:
        half = len(batch) // 2
        parts = (np.arange(half), np.arange(half, len(batch)))
        return [pack for rows in parts for pack in _sized(taken(batch, rows), names, form, kind)]
    t = batch.source_ns
    return [Pack(data, len(batch), int(t.min()), int(t.max()), kind)]


def payload(batch: SampleBatch, names: Sequence[str], form: str) -> bytes:
    """Return one SenML pack of at least one sample.

    Times are whole seconds (`bt`, of the first) and a rest that keeps nanoseconds. A quality that is not GOOD
    stands in `q`; what is no number has no value then. Arrays are single-precision numbers in `vd`.
    """
    base = int(batch.source_ns[0]) // NS
    slots, values = batch.slot.tolist(), batch.value.tolist()
    rests = ((batch.source_ns - base * NS) / NS).tolist()
    records: list[Record] = [
        {"n": names[slot], "t": t, "v": v} for slot, t, v in zip(slots, rests, values, strict=True)
    ]
    for row in np.flatnonzero(batch.quality).tolist():
        records[row]["q"] = int(batch.quality[row])
    for row in np.flatnonzero(~np.isfinite(batch.value)).tolist():
        del records[row]["v"]
    for row, text in batch.text.items():
        if row not in batch.array:
            records[row]["vs"] = text
    for row, array in batch.array.items():
        raw = array.astype("<f4").tobytes()
        records[row]["vd"] = raw if form == "cbor" else base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    records[0] = {"bt": base, **records[0]}
    if form == "cbor":
        return cbor2.dumps([{_LABELS.get(k, k): v for k, v in record.items()} for record in records])
    return orjson.dumps(records)
