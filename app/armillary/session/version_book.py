"""The versions of the project on the desk: what was published, what differs in words and in colours.

All that reads or writes the project's files runs beside the desk's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from armillary.model.account import Login, Right, may
from armillary.model.clock import Clock
from armillary.model.fault import FaultRecord
from armillary.project import published
from armillary.project.difference import ADDED, REMOVED, Change, summary
from armillary.project.published import Record, Restored
from armillary.project.record import Project
from armillary.session import publishing
from armillary.session.loading import fault_of
from armillary.session.publishing import Wish
from armillary.session.signal import Signal
from armillary.session.undo import Step, Undo
from armillary.session.versions import Compared, Versions

Ended = Callable[[FaultRecord | None], None]
_TOP = 20  # lines of what restored files need beside


class Host(Protocol):
    """What this needs of the workspace."""

    role: str
    versions: Versions
    undo: Undo

    @property
    def project(self) -> Project | None: ...
    def prim_named(self, path: str) -> int | None: ...
    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None: ...
    def learn_project(self, project: Project) -> None: ...


@dataclass(frozen=True, slots=True)
class _Looked:
    kept: tuple[Record, ...]
    disk: Record | None
    suggested: str


@dataclass(frozen=True, slots=True)
class _Differs:
    changes: tuple[Change, ...]


class VersionBook:
    """One thread, the desk's. `look` reads what there is; nothing is read before somebody asks."""

    def __init__(self, host: Host, clock: Clock) -> None:
        self.changed: Signal[()] = Signal()
        self.told: Signal[str] = Signal()
        self.kept: tuple[Record, ...] = ()  # newest first
        self.disk: Record | None = None  # the published version that the files are; None: changed since
        self.suggested = ""  # the number that the next version would have
        self.against = ""  # the version that the files are compared with
        self.changes: tuple[Change, ...] = ()
        self.busy = ""  # what is being done, in words
        self.fault: FaultRecord | None = None  # why the last thing failed
        self.stood_for: Step | None = None  # the newest step of undo that is in the version on disk
        self._host, self._clock = host, clock

    @property
    def needs_two(self) -> bool:
        """Whether a second person has to stand for a version."""
        project = self._host.project
        return project is not None and project.publish_persons > 1

    @property
    def words(self) -> str:
        """What the files on disk are."""
        newest = next((record for record in self.kept if record.is_published), None)
        if self.disk is not None:
            return f"On disk: version {self.disk.version}, unchanged."
        if newest is None:
            return "Nothing was published yet."
        return f"On disk: changed since {newest.version}."

    def why_not(self) -> str:
        """Return why versions cannot be looked at, "" when they can."""
        project = self._host.project
        if project is None or not project.saved:
            return "No project is open."
        return ""

    def why_no_publish(self) -> str:
        """Return why who is logged in cannot publish or restore, "" when they can."""
        if why := self.why_not():
            return why
        if not may(self._host.role, Right.AUTHOR):
            return f"The role {self._host.role or 'viewer'} may not publish or restore. Ask an engineer to."
        return ""

    def forget(self) -> None:
        """Begin anew: another project is open."""
        self.kept, self.disk, self.changes, self.against, self.fault = (), None, (), "", None
        self.busy = self.suggested = ""
        self.stood_for = None
        self.changed.emit()

    def look(self, then: Callable[[], None] = lambda: None) -> None:
        """Read which versions there are, and which one the files are."""
        project = self._host.project
        if project is None:
            return

        def looked() -> object:
            known = published.kept(project.folder)
            return _Looked(
                tuple(reversed(known)),
                published.is_published(project.folder),
                published.next_version(project.version, [r for r in known if r.is_published]),
            )

        def done(answer: object) -> None:
            if isinstance(answer, _Looked) and self._host.project is project:
                self.kept, self.disk, self.suggested = answer.kept, answer.disk, answer.suggested
                then()

        self._do("", looked, done)

    def compare(self, name: str) -> None:
        """Read what differs from a version to what is on disk."""
        project = self._host.project
        if project is None:
            return

        def differs() -> object:
            return _Differs(publishing.since(project, name)[1])

        def done(answer: object) -> None:
            if isinstance(answer, _Differs):
                self.against, self.changes = name, answer.changes

        self._do("Comparing …", differs, done)

    def publish(self, wish: Wish, ended: Ended) -> None:
        """Publish what is on disk; the world is told by the file, as of any change."""
        project = self._host.project
        if project is None:
            return

        def done(answer: object) -> None:
            if isinstance(answer, Record):
                self.stood_for = self._host.undo.top
                self.told.emit(f"Version {answer.version} is published by {' and '.join(answer.by)}.")
                self._reread()
            ended(self.fault)

        self._do("Publishing …", lambda: publishing.publish(project, wish, self._clock), done)

    def restore(self, name: str, logins: Sequence[Login], ended: Ended) -> None:
        """Put an older version on disk; desks and world offer to load it."""
        project = self._host.project
        if project is None:
            return

        def done(answer: object) -> None:
            if isinstance(answer, Restored):
                self.stood_for = self._host.undo.top
                others = (
                    f" {', '.join(answer.others[:_TOP])} is another file than then." if answer.others else ""
                )
                self.told.emit(
                    f"Version {name} is on disk; what was there is kept as {answer.kept.version}.{others}"
                )
                self._reread()
            ended(self.fault)

        self._do("Restoring …", lambda: publishing.restore(project, name, logins, self._clock), done)

    def paint(self) -> None:
        """Colour the parts that the shown differences are about; the rest is grey."""
        rows: dict[str, set[int]] = {ADDED: set(), "changed": set()}
        for change in self.changes:
            prim = self._host.prim_named(change.prim) if change.prim else None
            if prim is not None:  # one whose binding is gone is there: it has changed
                rows[ADDED if change.verb == ADDED else "changed"].add(prim)
        none = np.zeros(0, np.int64)
        removed = tuple(c.name for c in self.changes if c.verb == REMOVED and c.prim)
        found = Compared(
            against=self.against,
            added=np.array(sorted(rows[ADDED] - rows["changed"]), np.int64),
            moved=none,
            changed=np.array(sorted(rows["changed"]), np.int64),
            removed=removed,
        )
        self._host.versions.show(found)

    @property
    def summary(self) -> str:
        """What differs, counted in words."""
        return summary(self.changes)

    def _reread(self) -> None:
        """Take the project as it is on disk now."""
        project = self._host.project
        if project is None:
            return

        def done(answer: object) -> None:
            if isinstance(answer, Project):
                self._host.learn_project(answer)
                self.look(lambda: self.compare(self.against) if self.against else None)

        self._do("", lambda: publishing.again(project), done)

    def _do(self, words: str, job: Callable[[], object], done: Callable[[object], None]) -> None:
        self.busy = words or self.busy
        self.changed.emit()

        def answered(answer: object) -> None:
            self.busy = ""
            self.fault = fault_of(answer) if isinstance(answer, FaultRecord) else None
            done(answer)
            self.changed.emit()

        self._host.work(job, answered)
