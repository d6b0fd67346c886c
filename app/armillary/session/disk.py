"""The project's files on disk: whether the world still runs them, and bindings that somebody else saved.

Files are asked, not watched: a look costs some `stat` calls a second, and works on every file system
(decision 23).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from armillary.model.account import Right, may
from armillary.model.clock import NS
from armillary.model.fault import Fault, FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.message import AskBindings, BindingsRead, Done, LoadProject, Welcome
from armillary.project import folder as projects
from armillary.project import published
from armillary.project.published import Record
from armillary.project.record import WORLD_FILES, Project, world_hash
from armillary.session.authoring import Authoring
from armillary.session.boarding import Boarding
from armillary.session.signal import Signal

CHANGED = "The project was changed. The world runs it as it was before."
LOOK_NS = NS  # between two looks
ASK_S = 60.0
LOAD_S = 20.0
Answered = Callable[[object], None]
Signature = tuple[tuple[str, int, int, int], ...]  # (name, inode, size, mtime in ns) of the files there


class Shelf(Protocol):
    """What the workspace is for this."""

    authoring: Authoring
    role: str

    @property
    def project(self) -> Project | None: ...
    @property
    def kind(self) -> WorldKind: ...
    @property
    def away(self) -> bool: ...
    def ask_home(self, message: object, callback: Answered, timeout_s: float = ...) -> None: ...
    def ask_scene(self, message: object, callback: Answered, timeout_s: float) -> None: ...
    def learn_project(self, project: Project) -> None: ...
    def work(self, job: Callable[[], object], callback: Answered) -> None: ...


class Disk:
    """What differs between the disk, the running world and this desk."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.changed: Signal[()] = Signal()
        self.told: Signal[str] = Signal()
        self.differs = False  # the LIVE world runs other files than those on disk
        self.problem: FaultRecord | None = None  # why those on disk cannot be loaded
        self.published: Record | None = None  # what the files on disk are, where they are a published version
        self._runs = ""  # hash of what the world runs; "" = not known
        self._forget()

    def _forget(self) -> None:
        self._world_seen: Signature | None = None
        self._bindings_seen: Signature | None = None
        self._looked_ns = 0
        self._reading = False
        self._saves = 0

    def forget(self) -> None:
        """Begin anew: something else is open."""
        self._forget()
        self._runs, self.differs, self.problem, self.published = "", False, None, None
        self.changed.emit()

    def greeted(self, welcome: Welcome) -> None:
        """Take what our LIVE world says it runs; the desk then reads the same files."""
        project = self._shelf.project
        if not welcome.world_hash or project is None or welcome.project != str(project.folder):
            return  # its files are not on this machine
        if self._runs and welcome.world_hash != self._runs:
            try:
                self._shelf.learn_project(projects.read(project.folder))
            except Fault as fault:
                self.told.emit(f"{fault.what} {fault.remedy}")
        self._runs, self._world_seen = welcome.world_hash, None
        self._looked_ns = 0

    # ------------------------------------------------------------ looking

    def look(self, now_mono_ns: int) -> None:
        """Ask the disk, at most once a second."""
        project = self._shelf.project
        if project is None or not project.saved or now_mono_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_mono_ns
        self._look_at_world(project.folder)
        self._look_at_bindings(project)

    def _look_at_world(self, folder: Path) -> None:
        seen = signature([folder / name for name in WORLD_FILES])
        if seen == self._world_seen or not self._runs:
            return
        try:
            differs = world_hash(folder) != self._runs
        except OSError:
            return  # being replaced: the next look sees it
        self._world_seen = seen
        if differs != self.differs or differs:
            self.differs, self.published = differs, None
            self.changed.emit()
        if differs:  # in the background: all texts of the project are read for it
            self._shelf.work(lambda: _published(folder), self._told_version)

    def _told_version(self, answer: object) -> None:
        """Take which published version is on disk now."""
        self.published = answer if self.differs and isinstance(answer, Record) else None
        self.changed.emit()

    def _look_at_bindings(self, project: Project) -> None:
        if project.bindings is None or self._shelf.kind is WorldKind.REPLAY:
            return  # a replay may show those of then
        branches = project.bindings.with_suffix("")
        seen = signature([project.bindings, *(sorted(branches.glob("*.usda")) if branches.is_dir() else ())])
        if self._bindings_seen is None:
            self._bindings_seen = seen  # the scene child reads them as it opens the scene
        if seen == self._bindings_seen or self._reading or self._shelf.authoring.saving:
            return
        self._bindings_seen, self._reading = seen, True
        self._shelf.ask_scene(AskBindings(), self._read, ASK_S)

    def _read(self, answer: object) -> None:
        """Show what somebody saved; what we saved ourselves is shown already."""
        self._reading = False
        is_ours, self._saves = self._saves != self._shelf.authoring.saves, self._shelf.authoring.saves
        if (
            isinstance(answer, BindingsRead)
            and self._shelf.authoring.refresh(answer.bindings)
            and not is_ours
        ):
            self.told.emit("The bindings were changed and are shown as they are now.")

    # ------------------------------------------------------------ loading

    def why_not(self) -> str:
        """Return why the world cannot load the project's changes from here, "" when it can."""
        shelf = self._shelf
        if shelf.project is None or not self._runs:
            return "No live world runs a project of this machine."
        if shelf.away or shelf.kind is not WorldKind.LIVE:
            return f"A {shelf.kind.value} world is shown. Go back to live."
        if not self.differs:
            return "The world runs the project as it is on disk."
        if not self.may_load:
            return f"The role {shelf.role or 'viewer'} may not load a changed project. Ask an engineer to."
        return ""

    @property
    def words(self) -> str:
        """What is said of files that differ from what runs."""
        version = self.published
        if version is None:
            return CHANGED
        what = (version.note or version.words).rstrip(".")
        return f"New version {version.version}, published by {' and '.join(version.by)}: {what}."

    @property
    def may_load(self) -> bool:
        """Whether who is logged in may have the files loaded: of a published version operators may too."""
        return may(self._shelf.role, Right.COMMAND if self.published is not None else Right.AUTHOR)

    def load(self) -> None:
        """Have the LIVE world read its project again; what is wrong with it is told, the world goes on."""

        def answered(answer: object) -> None:
            self.problem = answer if isinstance(answer, FaultRecord) else None
            if isinstance(answer, Done):
                self.told.emit("The world loads the project's changes; live data is back in a moment.")
            elif isinstance(answer, FaultRecord):
                self.told.emit(f"Not loaded: {answer.what} {answer.remedy}")
            self.changed.emit()

        self._shelf.ask_home(LoadProject(), answered, LOAD_S)


def signature(paths: list[Path]) -> Signature:
    """Return what tells whether files were written; those that are not there are left out."""
    out = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            continue
        out.append((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(out)


def _published(folder: Path) -> object:
    """Return the published version that a folder is; anything else where it is none, or cannot be told."""
    try:
        return published.is_published(folder)
    except Fault as fault:
        return fault


def with_project(plan: Boarding, project: Project) -> Boarding:
    """Return the plan with the project as it was read again."""
    return replace(plan, project=project, title=project.name)
