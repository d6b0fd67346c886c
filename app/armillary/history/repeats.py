"""Finds samples that are on disk already: what is sent again, after an outage or from an edge's queue.

Only samples that say of themselves that they may be repeated are looked up, which are few: the fast way of
what is live stays as it is.
"""

from __future__ import annotations

import duckdb
import numpy as np

from armillary.model.arrays import I8
from armillary.model.sample import DUPLICATE, HISTORICAL, WAITED, SampleBatch

DOUBTFUL = np.uint8(HISTORICAL | WAITED | DUPLICATE)

_KNOWN = """
SELECT i.n FROM doubtful i JOIN sample s ON s.id = i.id AND s.t = i.t
LEFT JOIN word w ON w.id = s.word
WHERE s.t BETWEEN $1 AND $2 AND s.value = coalesce(i.value, 'nan'::DOUBLE) AND coalesce(w.text, '') = i.text
"""
_FIRST = """
SELECT min(n) FROM doubtful GROUP BY id, t, coalesce(value, 'nan'::DOUBLE), text
"""


def news(cursor: duckdb.DuckDBPyConnection, batch: SampleBatch) -> I8:
    """Return the rows that are not on disk, ascending; of two that are alike in doubt the first.

    Alike: tag, source time and value, or text. A row that is not in doubt is always news.
    """
    rows = np.flatnonzero(batch.flags & DOUBTFUL)
    if not len(rows):
        return np.arange(len(batch))
    t_ns = batch.source_ns[rows]
    doubtful = {
        "n": rows,
        "id": batch.slot[rows],
        "t": t_ns,
        "value": batch.value[rows],
        "text": np.array([batch.text.get(row, "") for row in rows.tolist()], object),
    }
    own = cursor.cursor()  # the thread's may have an answer that was not read to its end
    own.register("doubtful", doubtful)
    try:
        known = own.execute(_KNOWN, [int(t_ns.min()), int(t_ns.max())]).fetchnumpy()["n"]
        first = own.execute(_FIRST).fetchnumpy()["min(n)"]
    finally:
        own.close()
    keep = np.ones(len(batch), np.bool_)
    keep[rows] = False
    keep[np.asarray(first, np.int64)] = True
    keep[np.asarray(known, np.int64)] = False
    return np.flatnonzero(keep)
