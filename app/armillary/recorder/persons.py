"""What the recorder does for the privacy of persons: it erases their samples.

`recorder.tender` lets them go by age. An erasure needs two persons, whom the recorder itself checks, and is
written into its own audit chain before anything goes and again when a search finds nothing any more.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from armillary.api.ports import HistoryStore
from armillary.model.account import LoggedIn, Login, Right, may
from armillary.model.clock import Clock, iso
from armillary.model.fault import OrderFault, StoreFault
from armillary.model.message import Erase, Erased
from armillary.project import folder as projects
from armillary.project.record import Project, concerning
from armillary.recorder.tender import any_before, series_of
from armillary.security import accounts
from armillary.security.audit import Act, Audit

AUDIT_FOLDER = "audit-recorder"


class Persons:
    """Of one project and its store. `erase` may be called by any one thread at a time."""

    def __init__(self, folder: Path, store: HistoryStore, clock: Clock) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self._accounts: accounts.Accounts | accounts.Locked | None = None  # kept: wrong passwords are counted

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
        ids = series_of({*tags, *alarms}, self._store.known())
        self._note(audit, "history.erase", message, who, f"{len(tags)} tags")
        removed = self._store.forget(message.before_ns, ids) if len(ids) else 0
        left = any_before(self._store, ids, message.before_ns)
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


def _no_right(who: LoggedIn, needed: str) -> OrderFault:
    return OrderFault(
        f"The role '{who.role}' may not do that.", where=who.user, remedy=f"It needs {needed} here."
    )
