"""What the recorder does for the privacy of persons: keeps their samples for a shorter time, erases them.

An erasure needs two persons, whom the recorder itself checks, and is written into its own audit chain before
anything goes and again when a search finds nothing any more.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import numpy as np

from armillary.api.ports import HistoryStore
from armillary.model.account import LoggedIn, Login, Right, may
from armillary.model.arrays import U4
from armillary.model.clock import NS, Clock, iso
from armillary.model.fault import Fault, OrderFault, StoreFault
from armillary.model.message import Erase, Erased
from armillary.model.series import SeriesQuery
from armillary.project import folder as projects
from armillary.project.record import Project, concerning
from armillary.security import accounts
from armillary.security.audit import Act, Audit

AUDIT_FOLDER = "audit-recorder"
LOOK_EVERY_NS = 3_600 * NS
DAY_NS = 86_400 * NS
_SEARCH_WIDTH = 100
_log = logging.getLogger(__name__)


class Persons:
    """Of one project and its store. `forget` and `erase` may be called by any one thread at a time."""

    def __init__(self, folder: Path, store: HistoryStore, clock: Clock) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self._looked_ns = -LOOK_EVERY_NS
        self._accounts: accounts.Accounts | accounts.Locked | None = None  # kept: wrong passwords are counted

    def is_due(self, now_mono_ns: int) -> bool:
        """Return whether to look for what is kept no longer; True once an hour."""
        if now_mono_ns - self._looked_ns < LOOK_EVERY_NS:
            return False
        self._looked_ns = now_mono_ns
        return True

    def forget(self) -> int:
        """Remove samples of direct personal tags that are older than the project keeps; return how many."""
        try:
            project = projects.read(self._folder)
            names = [spec.name for spec in project.specs if spec.personal == "direct"]
            ids = self._ids(names)
            before_ns = self._clock.now_ns() - project.historian.personal_days * DAY_NS
            if not len(ids) or not self._any(ids, before_ns):
                return 0
            return self._store.forget(before_ns, ids)
        except Fault as fault:
            _log.warning("personal samples could not be forgotten: %s", fault)
            return 0

    def erase(self, message: Erase) -> Erased:
        """Remove all samples of a person or asset before a time. Raises Fault.

        Two persons that are not one must have said so: an administrator, and an engineer or another one.
        """
        project = projects.read(self._folder)
        tags = [spec.name for spec in concerning(project, message.asset)]
        if not tags:
            raise OrderFault(
                f"No tag tells of '{message.asset}'.",
                where=str(self._folder),
                remedy="Name a subject, or the id of a twin.",
            )
        who = self._two(message)
        audit = Audit(project.private / AUDIT_FOLDER, world_kind="RECORDER", now_ns=self._clock.now_ns())
        try:
            return self._erased(project, message, tags, who, audit)
        finally:
            audit.close()

    def _erased(
        self, project: Project, message: Erase, tags: list[str], who: tuple[LoggedIn, LoggedIn], audit: Audit
    ) -> Erased:
        first, second = who
        alarms = [f"~alarm:{alarm.id}" for alarm in project.alarms if alarm.tag in tags]
        ids = self._ids([*self._with_old_units(tags), *alarms])
        self._note(audit, "history.erase", message, who, f"{len(tags)} tags")
        removed = self._store.forget(message.before_ns, ids) if len(ids) else 0
        left = self._any(ids, message.before_ns)
        outcome = "history.erase.failed" if left else "history.erased"
        seq = self._note(audit, outcome, message, who, f"{removed} samples")
        if left:
            raise StoreFault(
                "Samples are still found after the erasure.",
                where=str(self._folder),
                remedy="Give it again; see the recorder's log.",
            )
        return Erased(tags=tuple(tags), samples=removed, by=(first.user, second.user), audit_seq=seq)

    def _note(
        self, audit: Audit, action: str, message: Erase, who: tuple[LoggedIn, LoggedIn], after: str
    ) -> int:
        act = Act(
            actor=who[0].user,
            role=who[0].role,
            action=action,
            target=message.asset,
            before=iso(message.before_ns),
            after=after,
            reason=f"{message.reason} (with {who[1].user}, {who[1].role})".strip(),
        )
        return audit.append(act, t_ns=self._clock.now_ns())

    def _two(self, message: Erase) -> tuple[LoggedIn, LoggedIn]:
        """Return who the two are, by their passwords. Raises OrderFault."""
        self._accounts = self._accounts or accounts.read(self._folder)
        if self._accounts is None:
            raise OrderFault(
                "An erasure needs two persons, and the project has no accounts.",
                where=str(self._folder),
                remedy="Add an admin and an engineer: armillary user add.",
            )
        if message.user == message.second:
            raise OrderFault(
                "An erasure needs two persons.", where=message.user, remedy="Give another one with --second."
            )
        now = self._clock.now_mono_ns
        first, second = (
            asyncio.run(self._accounts.login(Login(user=user, password=word), now()))
            for user, word in ((message.user, message.password), (message.second, message.second_password))
        )
        if not may(first.role, Right.USERS):
            raise _no_right(first, "an administrator")
        if not (may(second.role, Right.USERS) or may(second.role, Right.AUTHOR)):
            raise _no_right(second, "an engineer or an administrator")
        return first, second

    def _with_old_units(self, tags: list[str]) -> list[str]:
        """Return tags and the series that were kept when the unit of one changed: `name [unit]`."""
        known = self._store.known()
        old = [name for name in known if name.endswith("]") and name.rpartition(" [")[0] in set(tags)]
        return [*tags, *old]

    def _ids(self, names: list[str]) -> U4:
        known = self._store.known()
        return np.array([known[name] for name in names if name in known], np.uint32)

    def _any(self, ids: U4, before_ns: int) -> bool:
        """Search for samples and roll-ups of before a time."""
        if not len(ids):
            return False
        if any(len(batch) for batch in self._store.between(ids, 0, before_ns)):
            return True
        asked = SeriesQuery(ids=tuple(ids.tolist()), from_ns=0, to_ns=before_ns, width=_SEARCH_WIDTH)
        return any(len(series.t_ns) for series in self._store.read(asked))


def _no_right(who: LoggedIn, needed: str) -> OrderFault:
    return OrderFault(
        f"The role '{who.role}' may not do that.", where=who.user, remedy=f"It needs {needed} here."
    )
