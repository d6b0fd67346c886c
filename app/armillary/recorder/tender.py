"""What is done to a store beside writing: sealing, merging, letting go of what is kept no longer."""

from __future__ import annotations

import fnmatch
import logging
import re
from dataclasses import dataclass

import numpy as np

from armillary.api.ports import HistoryStore, Tends
from armillary.model.clock import NS
from armillary.project.record import Historian, Keeping

TIDY_EVERY_NS = 5 * NS
FORGET_EVERY_NS = 3_600 * NS
DAY_NS = 86_400 * NS
GIB = 1024**3
REST_S = 0.05  # between two pieces of work: others want the disk too
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """For how long what is kept. 0 = for ever."""

    raw_days: int = 0
    minute_days: int = 0
    rollup_days: int = 0  # hours and days
    quota_bytes: int = 0  # the oldest samples go when it is full; 0 = no end
    keep: tuple[Keeping, ...] = ()


def policy_of(historian: Historian) -> Policy:
    """Return the policy of a project."""
    return Policy(
        raw_days=historian.retention_days,
        minute_days=historian.minute_days,
        rollup_days=historian.rollup_days,
        quota_bytes=int(historian.quota_gb * GIB),
        keep=historian.keep,
    )


class Tender:
    """Does one piece of work at a time; owned by one thread: its own for a store that `Tends`."""

    def __init__(self, store: HistoryStore, policy: Policy | None = None) -> None:
        self._store, self._policy = store, policy or Policy()
        self._forgot_ns = 0
        self._begun = False
        self._went: dict[Keeping, int] = {}  # the day before which its tags are gone

    def tend(self, now_ns: int, now_mono_ns: int) -> float:
        """Do what is due; return how long nothing is, in seconds. Raises StoreFault."""
        if self._store.read_only:
            return TIDY_EVERY_NS / NS
        if not self._begun or now_mono_ns - self._forgot_ns >= FORGET_EVERY_NS:
            self._begun, self._forgot_ns = True, now_mono_ns
            self._expire(now_ns)
            self._forget(now_ns)
        if self._store.tidy(now_ns):
            return REST_S
        self._make_room(now_ns)
        return TIDY_EVERY_NS / NS

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

    def _forget(self, now_ns: int) -> None:
        """Let go of tags that have a shorter time of their own, by whole days: each rewrites their files."""
        if not self._store.declares.erases_by_range:
            return  # its server has one retention for all
        for one in self._policy.keep:
            before_ns = (now_ns - one.days * DAY_NS) // DAY_NS * DAY_NS
            if self._went.get(one) == before_ns:
                continue
            is_one = re.compile("|".join(fnmatch.translate(pattern) for pattern in one.tags)).match
            ids = [id_ for tag, id_ in self._store.known().items() if is_one(tag)]
            if ids:
                self._store.forget(before_ns, np.array(sorted(ids), np.uint32))
            self._went[one] = before_ns

    def _make_room(self, now_ns: int) -> None:
        """Let go of the oldest day of samples while the store is larger than it may be; roll-ups stay."""
        most, store = self._policy.quota_bytes, self._store
        if not most or not isinstance(store, Tends):
            return
        extent = store.extent()
        day_ns = extent.first_ns // DAY_NS * DAY_NS + DAY_NS
        if extent.bytes <= most or not extent.samples or day_ns > now_ns:
            return
        gone = store.expire(day_ns, -(2**62), -(2**62))
        _log.info("the history is larger than its quota: %d samples before %d went", gone, day_ns)
