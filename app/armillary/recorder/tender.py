"""What is done to a store beside writing: sealing, merging, letting go of what is kept no longer."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.api.ports import HistoryStore, Tends
from armillary.model.clock import NS

TIDY_EVERY_NS = 5 * NS
FORGET_EVERY_NS = 3_600 * NS
DAY_NS = 86_400 * NS
REST_S = 0.05  # between two pieces of work: others want the disk too


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """For how long what is kept. 0 = for ever."""

    raw_days: int = 0
    minute_days: int = 0
    rollup_days: int = 0  # hours and days


class Tender:
    """Does one piece of work at a time; owned by one thread: its own for a store that `Tends`."""

    def __init__(self, store: HistoryStore, policy: Policy = Policy()) -> None:
        self._store, self._policy = store, policy
        self._tidied_ns = self._forgot_ns = 0
        self._begun = False

    def tend(self, now_ns: int, now_mono_ns: int) -> float:
        """Do what is due; return how long nothing is, in seconds. Raises StoreFault."""
        if self._store.read_only:
            return TIDY_EVERY_NS / NS
        if not self._begun or now_mono_ns - self._forgot_ns >= FORGET_EVERY_NS:
            self._begun, self._forgot_ns = True, now_mono_ns
            self._expire(now_ns)
        return REST_S if self._store.tidy(now_ns) else TIDY_EVERY_NS / NS

    def _expire(self, now_ns: int) -> None:
        held = self._policy
        before = [
            now_ns - days * DAY_NS if days else -(2**62)
            for days in (held.raw_days, held.minute_days, held.rollup_days)
        ]
        if not any(at > 0 for at in before):
            return
        if isinstance(self._store, Tends):
            self._store.expire(before[0], before[1], before[2])
        elif (
            held.raw_days
            and self._store.declares.erases_by_range  # else its server does it
            and self._store.extent().first_ns < before[0]
        ):
            self._store.forget(before[0], None)
