"""What the links of a LIVE world bring, as the supply of its core: decoded, counted, watched."""

from __future__ import annotations

from armillary.model.arrays import U1
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagTable
from armillary.telemetry.frozen import Frozen
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.intervals import Intervals
from armillary.telemetry.watch import Watch
from armillary.world.learning import Learning


class LinksSupply:
    """A `world.core.Supply` of the inbox. learning: takes what tags teach of their own intervals."""

    def __init__(
        self,
        inbox: Inbox,
        intake: Intake,
        watch: Watch,
        *,
        frozen: Frozen | None = None,
        intervals: Intervals | None = None,
        learning: Learning | None = None,
    ) -> None:
        self._inbox, self._intake, self._watch = inbox, intake, watch
        self._frozen, self._intervals, self._learning = frozen, intervals, learning
        self._aged_mono_ns = 0  # the tick before

    def take(self) -> SampleBatch:
        """Return all that was decoded since the last tick."""
        batch = self._intake.take(self._aged_mono_ns)
        if self._intervals is not None:
            self._intervals.note(batch)
        return batch if self._frozen is None else self._frozen.marked(batch)

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Count what became of it."""
        self._intake.settle(batch, outcome)

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        """Mark what has become stale, by its own age and by its link's, and what does not move."""
        self._aged_mono_ns = now_mono_ns
        signs = self._inbox.signs()
        if self._intervals is not None and self._intervals.left:
            self._intervals.interrupted(self._watch.lost(signs))
            if (news := self._intervals.take()) is not None:
                self._watch.learn(news.slot, news.expected_ns)
                if self._learning is not None:
                    self._learning.put(news)
        if self._frozen is not None:
            self._frozen.look(table, now_mono_ns)
        self._watch.look(table, signs, now_mono_ns)
        self._intake.mark_away(table)
