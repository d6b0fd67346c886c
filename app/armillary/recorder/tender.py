"""What is done to a store beside writing: sealing, merging, letting go of what is kept no longer.

The one place where samples go by age: those of persons too.
"""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from armillary.api.ports import HistoryStore, Tends
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.series import SeriesQuery
from armillary.project.record import Historian, Keeping, Project
from armillary.wire import marks

TIDY_EVERY_NS = 5 * NS
FORGET_EVERY_NS = 3_600 * NS
DAY_NS = 86_400 * NS
GIB = 1024**3
REST_S = 0.05  # between two pieces of work: others want the disk too
_SEARCH_WIDTH = 100
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


def policy_for(project: Project) -> Policy:
    """Return the policy of a project with what it says of persons: their samples have the shorter time."""
    held = policy_of(project.historian)
    names = [spec.name for spec in project.specs if spec.personal == "direct"]
    if not names:
        return held
    alarms = [marks.ALARM + alarm.id for alarm in project.alarms if alarm.tag in names]  # they tell its value
    persons = Keeping(tags=(*names, *alarms), days=project.historian.personal_days, personal=True)
    return replace(held, keep=(*held.keep, persons))


def series_of(tags: Collection[str], known: Mapping[str, int]) -> U4:
    """Return the ids of tags, with those under which they were kept before their unit changed."""
    ids = [id_ for name, id_ in known.items() if name in tags or _plain(name) in tags]
    return np.array(sorted(ids), np.uint32)


def any_before(store: HistoryStore, ids: U4, before_ns: int) -> bool:
    """Return whether samples or roll-ups of before a time are found. Raises StoreFault."""
    if not len(ids):
        return False
    if any(len(batch) for batch in store.between(ids, 0, before_ns)):
        return True
    asked = SeriesQuery(ids=tuple(ids.tolist()), from_ns=0, to_ns=before_ns, width=_SEARCH_WIDTH)
    return any(len(series.t_ns) for series in store.read(asked))


class Tender:
    """Does one piece of work at a time; owned by one thread: its own for a store that `Tends`."""

    def __init__(
        self,
        store: HistoryStore,
        policy: Policy | None = None,
        anew: Callable[[], Policy] | None = None,
    ) -> None:
        """anew: reads the policy as it is now, once an hour; raises Fault, then the last one holds."""
        self._store, self._policy, self._anew = store, policy or Policy(), anew
        self._forgot_ns = 0
        self._begun = False
        self._went: dict[Keeping, int] = {}  # the day before which its tags are gone

    def tend(self, now_ns: int, now_mono_ns: int) -> float:
        """Do what is due; return how long nothing is, in seconds. Raises StoreFault."""
        if self._store.read_only:
            return TIDY_EVERY_NS / NS
        if not self._begun or now_mono_ns - self._forgot_ns >= FORGET_EVERY_NS:
            self._begun, self._forgot_ns = True, now_mono_ns
            self._read_policy()
            self._expire(now_ns)
            self._forget(now_ns)
        if self._store.tidy(now_ns):
            return REST_S
        self._make_room(now_ns)
        return TIDY_EVERY_NS / NS

    def _read_policy(self) -> None:
        if self._anew is None:
            return
        try:
            self._policy = self._anew()
        except Fault as fault:
            _log.info("samples go as the project said before: %s", fault)

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
        """Let go of tags that have a shorter time of their own: each time rewrites their files.

        By whole days, so once a day; what tells of a person goes to the hour.
        """
        if not self._store.declares.erases_by_range:
            return  # its server has one retention for all
        for one in self._policy.keep:
            before_ns = now_ns - one.days * DAY_NS
            before_ns = before_ns if one.personal else before_ns // DAY_NS * DAY_NS
            if self._went.get(one) == before_ns:
                continue
            ids = self._kept_by(one)
            if len(ids) and (not one.personal or any_before(self._store, ids, before_ns)):
                self._store.forget(before_ns, ids)
            self._went[one] = before_ns

    def _kept_by(self, one: Keeping) -> U4:
        known = self._store.known()
        if one.personal:
            return series_of(frozenset(one.tags), known)
        is_one = re.compile("|".join(fnmatch.translate(pattern) for pattern in one.tags)).match
        return series_of(frozenset(tag for tag in known if is_one(tag) or is_one(_plain(tag))), known)

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


def _plain(name: str) -> str:
    """Return the tag of a series that was kept when its unit changed: `name [unit]`."""
    return name.rpartition(" [")[0] if name.endswith("]") else name
