"""A writer to be killed: it appends batches, says which are on disk, and seals in a thread beside.

Run as `sealed_killed.py STORE FIRST_BATCH`. The tables are small, so that it seals and merges all the time.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np

from armillary.history import tending
from armillary.history.parts import DAY_NS
from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch, batch_of

T0 = 1_750_032_000 * NS  # midnight UTC
ROWS = 200
STEP_NS = 60 * NS  # so a batch is 200 minutes
LATE_EVERY = 3  # batches with samples of days before


def batch(number: int) -> SampleBatch:
    """Return the samples of one batch: of tag 1 in order, of tag 2 some that come late."""
    rows = number * ROWS + np.arange(ROWS, dtype=np.int64)
    late = rows[::10] if number % LATE_EVERY == 0 else rows[:0]
    t = np.concatenate((T0 + rows * STEP_NS, np.maximum(T0 + late * STEP_NS - 2 * DAY_NS, T0) + late))
    ids = np.concatenate((np.full(len(rows), 1), np.full(len(late), 2))).astype(np.uint32)
    value = np.concatenate((rows, late)).astype(np.float64)
    return batch_of(ids, value, t, t + 5, 0, text={0: f"batch {number}"})


def run(path: Path, first: int) -> None:
    """Append and seal until killed."""
    tending.HOT_ROWS, tending.SEAL_ROWS, tending.CLOSE_EVERY_NS = 700, 500, 0
    store = Store(path)
    store.names(["a", "b"])
    at = [first]

    def tend() -> None:
        while True:
            store.tidy(T0 + at[0] * ROWS * STEP_NS)

    threading.Thread(target=tend, daemon=True).start()
    while True:
        store.append(batch(at[0]), {"w": at[0]})
        sys.stdout.write(f"{at[0]}\n")
        sys.stdout.flush()
        at[0] += 1


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
