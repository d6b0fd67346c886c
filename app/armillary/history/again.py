"""What comes a second time and is in the store already: a queue that is replayed changes nothing."""

from __future__ import annotations

import duckdb
import numpy as np

from armillary.model.sample import DUPLICATE, HISTORICAL, WAITED, SampleBatch, taken

AGAIN = HISTORICAL | DUPLICATE | WAITED  # told of the past, sent once more, kept by a server for us

# DuckDB takes NaN for equal to NaN, and a NaN of numpy for NULL.
_KNOWN = """
SELECT DISTINCT told.row FROM told JOIN sample AS s ON s.id = told.id AND s.t = told.t
LEFT JOIN word AS w ON w.id = s.word
WHERE s.t BETWEEN $1 AND $2 AND s.value = coalesce(told.value, 'nan'::DOUBLE)
    AND coalesce(w.text, '') = told.text
"""


def news(cursor: duckdb.DuckDBPyConnection, batch: SampleBatch) -> SampleBatch:
    """Return a batch without those rows that may come AGAIN and are here: same tag, time, value and text.

    A forwarder sends again what nobody acknowledged, and it can have come all the same; a broker does so with
    its sessions. Other rows stay as they are.
    """
    rows = np.flatnonzero(batch.flags & AGAIN)
    if not len(rows):
        return batch
    keys = list(
        zip(
            batch.slot[rows].tolist(),
            batch.source_ns[rows].tolist(),
            batch.value[rows].view(np.int64).tolist(),
            [batch.text.get(row, "") for row in rows.tolist()],
            strict=True,
        )
    )
    first = dict(zip(reversed(keys), reversed(rows.tolist()), strict=True))  # of equal ones the first
    known = set(rows.tolist()) - set(first.values())
    t_ns = np.ascontiguousarray(batch.source_ns[rows])
    own = cursor.cursor()  # the thread's may have an answer that was not read to its end
    own.register(
        "told",
        {
            "row": rows,
            "id": np.ascontiguousarray(batch.slot[rows]),
            "t": t_ns,
            "value": np.ascontiguousarray(batch.value[rows]),
            "text": np.array([key[3] for key in keys], np.object_),
        },
    )
    try:
        found = own.execute(_KNOWN, [int(t_ns.min()), int(t_ns.max())]).fetchall()
    finally:
        own.close()
    known.update(int(row) for (row,) in found)
    if not known:
        return batch
    keep = np.ones(len(batch), np.bool_)
    keep[list(known)] = False
    return taken(batch, np.flatnonzero(keep))
