"""What the links of a LIVE world bring, as the supply of its core: decoded, counted, watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from armillary.model.arrays import U1, U4
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagTable
from armillary.telemetry.frozen import Frozen
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.intervals import Intervals
from armillary.telemetry.refusals import Refusals
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
        lost: Callable[[U4], None] | None = None,
        refused: Callable[[], Mapping[str, Mapping[str, str]]] | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        """`lost` hears, before the tick's alarms do, of slots whose samples a full inbox gave up.

        `refused` says by link which channels its server refuses, and why; `refusals` marks their tags.
        """
        self._inbox, self._intake, self._watch, self._lost = inbox, intake, watch, lost
        self._frozen, self._intervals, self._learning = frozen, intervals, learning
        self._refused, self._refusals = refused, refusals
        self._aged_mono_ns = 0  # the tick before

    def take(self) -> SampleBatch:
        """Return all that was decoded since the last tick."""
        batch = self._intake.take(self._aged_mono_ns)
        if self._lost is not None and len(slots := self._intake.take_lost()):
            self._lost(slots)
        if self._intervals is not None:
            self._intervals.note(batch)
        return batch if self._frozen is None else self._frozen.marked(batch)

    def slept(self, table: TagTable, now_mono_ns: int) -> None:
        """Learn that this process was stopped for a while: what it knows may be over."""
        self._watch.slept(table)
        self._intake.doubt(now_mono_ns)

    def are_up(self, since_mono_ns: int) -> bool:
        """Return whether every link that was up at a time has come up again after it."""
        return not any(
            sign.lost_mono_ns > since_mono_ns or 0 < sign.up_mono_ns <= since_mono_ns
            for sign in self._inbox.signs().values()
        )

    def moved(self) -> None:
        """Learn that our wall clock was set: what was known of the others' clocks is gone."""
        self._intake.clocks.begin()

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
        if self._refused is not None and self._refusals is not None:
            self._refusals.look(table, self._refused())
