"""What the links of a LIVE world bring, as the supply of its core: decoded, counted, watched."""

from __future__ import annotations

from armillary.model.arrays import U1
from armillary.model.sample import SampleBatch
from armillary.model.tags import TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.watch import Watch


class LinksSupply:
    """A `world.core.Supply` of the inbox."""

    def __init__(self, inbox: Inbox, intake: Intake, watch: Watch) -> None:
        self._inbox, self._intake, self._watch = inbox, intake, watch
        self._aged_mono_ns = 0  # the tick before

    def take(self) -> SampleBatch:
        """Return all that was decoded since the last tick."""
        return self._intake.take(self._aged_mono_ns)

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
        """Mark what has become stale, by its own age and by its link's."""
        self._aged_mono_ns = now_mono_ns
        self._watch.look(table, self._inbox.signs(), now_mono_ns)
        self._intake.mark_away(table)
