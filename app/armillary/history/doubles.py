"""Samples that were delivered twice: the same tag, source time and value is kept once.

Only what says that it may have come before is looked up: a message that its server sent again, kept for us,
or that was forwarded late. A sample without a time of its own is dated by its arrival: it is never the same.
"""

from __future__ import annotations

import numpy as np

from armillary.history.base import Base
from armillary.model.arrays import B1, I8
from armillary.model.sample import DUPLICATE, HISTORICAL, SOURCE_TIME_ASSUMED, WAITED, SampleBatch

SUSPECT = DUPLICATE | WAITED | HISTORICAL
_FIND = """
SELECT a.place FROM asked a JOIN {samples} s ON s.id = a.id AND s.t = a.t
LEFT JOIN word w ON w.id = s.word
WHERE s.t BETWEEN $1 AND $2 AND s.value = coalesce(a.value, 'nan'::DOUBLE)
AND coalesce(s.text, w.text, '') = a.text
"""  # DuckDB holds one NaN equal to another, and takes a NaN of numpy for NULL


def known(base: Base, batch: SampleBatch) -> B1:
    """Return which rows the store has already, or stand twice in the batch, (n,)."""
    out = np.zeros(len(batch), np.bool_)
    rows = np.flatnonzero((batch.flags & SUSPECT != 0) & (batch.flags & SOURCE_TIME_ASSUMED == 0))
    if not len(rows):
        return out
    texts = np.array([batch.text.get(row, "") for row in rows.tolist()], np.object_)
    asked = {
        "place": rows.astype(np.int64),
        "id": np.ascontiguousarray(batch.slot[rows]),
        "t": np.ascontiguousarray(batch.source_ns[rows]),
        "value": np.ascontiguousarray(batch.value[rows]),
        "text": texts,
    }
    t_ns = batch.source_ns[rows]
    first, last = int(t_ns.min()), int(t_ns.max())
    with base.reading() as (cursor, view):
        cursor.register("asked", asked)
        try:
            question = _FIND.format(samples=view.samples(first, last + 1))
            found = cursor.execute(question, [first, last]).fetchnumpy()["place"]
        finally:
            cursor.unregister("asked")
    out[np.asarray(found, np.int64)] = True
    out |= _repeated(batch, rows)
    return out


def _repeated(batch: SampleBatch, rows: I8) -> B1:
    """Return which of some suspects say what an earlier row of the batch says, (n,)."""
    near = np.flatnonzero(np.isin(batch.source_ns, batch.source_ns[rows]))
    numbers: dict[str, int] = {}
    text = np.array(
        [numbers.setdefault(batch.text.get(row, ""), len(numbers)) for row in near.tolist()]
        if batch.text
        else np.zeros(len(near)),
        np.int64,
    )
    value = np.ascontiguousarray(batch.value[near]).view(np.int64)
    columns = (text, value, batch.source_ns[near], batch.slot[near].astype(np.int64))
    order = np.lexsort(columns)  # stable: of equal rows the first comes first
    same = np.ones(max(0, len(near) - 1), np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    again = np.zeros(len(batch), np.bool_)
    again[near[order[1:][same]]] = True
    suspect = np.zeros(len(batch), np.bool_)
    suspect[rows] = True
    return again & suspect
