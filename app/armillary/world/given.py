"""The supply of a world that is given whole states: a replay's, a what-if's."""

from __future__ import annotations

from armillary.model.arrays import U1
from armillary.model.sample import SampleBatch, empty_batch
from armillary.model.tags import TagTable


class Given:
    """There is nothing to take and nothing to age."""

    def take(self) -> SampleBatch:
        return empty_batch()

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Count nothing."""

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        """Leave it: the quality given is that of the moment, and what is computed does not grow old."""
