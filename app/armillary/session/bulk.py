"""Many bindings saved as one change: tags, files and the binding layer together, and one step of undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from armillary.model.binding import Binding
from armillary.model.fault import Fault, FaultRecord, ProjectFault
from armillary.model.message import Done, SaveBindings
from armillary.project.edit import NewTag
from armillary.project.folder import write_atomic
from armillary.project.record import Project
from armillary.session import autosave, limits
from armillary.session.layers import layers_of
from armillary.session.undo import Done as Ended
from armillary.session.undo import Step, Undo


class Shop(Protocol):
    """What a bulk change needs of the workspace."""

    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    @property
    def project(self) -> Project | None: ...

    coming_tags: frozenset[str]

    def now_ns(self) -> int: ...
    def rebind(self, bindings: tuple[Binding, ...]) -> None: ...
    def save_bindings(self, message: SaveBindings, callback: Callable[[object], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A file of ours that goes from one text to another; "" = it is not there."""

    path: Path
    before: str
    after: str

    def put(self, wanted: str, expected: str) -> None:
        """Write one text where the other stands. Raises ProjectFault when somebody else changed it."""
        now = self.path.read_text("utf-8") if self.path.exists() else ""
        if now != expected:
            raise ProjectFault(
                f"{self.path.name} was changed by somebody else meanwhile.",
                where=str(self.path),
                remedy="Look at it as it is now, then change it.",
            )
        if wanted:
            write_atomic(self.path, wanted)
        else:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is saved together. `old`: saved bindings that go, or are replaced by those of the same name."""

    title: str
    new: tuple[Binding, ...] = ()
    old: tuple[Binding, ...] = ()
    tags: tuple[NewTag, ...] = ()
    texts: tuple[Text, ...] = ()


class Bulk:
    """Saves changes one after another. What fails leaves nothing behind."""

    def __init__(self, shop: Shop, undo: Undo) -> None:
        self._shop, self._undo = shop, undo
        self.busy = False

    def save(self, change: Change, ended: Callable[[str], None]) -> None:
        """Write a change; `ended` gets "" or why it was not written. Returns before it is."""
        project = self._shop.project
        if self.busy or project is None:
            ended("Something else is being saved." if self.busy else "No project is open.")
            return
        before = layers_of(project)
        forth = SaveBindings(bindings=change.new, remove=_names(change.old, change.new))
        back = SaveBindings(bindings=change.old, remove=_names(change.new, change.old))
        try:
            made = self._files_forth(change, None)
        except (Fault, OSError) as fault:
            ended(f"Not saved: {_words(fault)}")
            return
        self.busy = True

        def answered(why: str) -> None:
            self.busy = False
            if why:
                self._files_back(change, made)
                kept = autosave.keep(project.folder, forth) if project.saved else None
                where = f" Your edits are kept in {kept}." if kept is not None else ""
                ended(f"{why}{where}")
                return
            after = layers_of(project)
            self._undo.push(
                Step(
                    change.title,
                    lambda done: undo(done, after),
                    redo,
                )
            )
            autosave.saved(project.folder, forth)
            ended("")

        def undo(done: Ended, after: object) -> None:
            if why := _changed(change, made):
                done(why)  # before anything is taken back
                return
            is_ours = layers_of(project) == after

            def gone(why: str) -> None:
                why = why or self._files_back(change, made)
                if why:
                    done(why)
                    return
                if is_ours:
                    before.restore()
                done("")

            self._write(back, gone)

        def redo(done: Ended) -> None:
            try:
                self._files_forth(change, made)
            except (Fault, OSError) as fault:
                done(_words(fault))
                return

            def again(why: str) -> None:
                if why:
                    self._files_back(change, made)
                done(why)

            self._write(forth, again)

        self._write(forth, answered)

    def _files_forth(self, change: Change, made: limits.Written | None) -> limits.Written | None:
        """Write tags and texts. Raises Fault; then none of them is written."""
        project = self._shop.project
        if project is None:
            return made
        now_ns = self._shop.now_ns()
        done: list[Text] = []
        try:
            for text in change.texts:
                text.put(text.after, text.before)
                done.append(text)
            if change.tags:
                if made is None:
                    made = limits.add_tags(project.folder, change.tags, now_ns)
                else:
                    made.forth(now_ns)
        except (Fault, OSError):
            for text in done:
                text.put(text.before, text.after)
            raise
        self._expect(change, is_coming=True)
        return made

    def _files_back(self, change: Change, made: limits.Written | None) -> str:
        """Take tags and texts back; return why that is not possible."""
        try:
            if made is not None:
                made.back(self._shop.now_ns())
            for text in change.texts:
                text.put(text.before, text.after)
        except (Fault, OSError) as fault:
            return _words(fault)
        self._expect(change, is_coming=False)
        return ""

    def _expect(self, change: Change, *, is_coming: bool) -> None:
        names = {tag.name for tag in change.tags}
        known = self._shop.coming_tags
        self._shop.coming_tags = known | names if is_coming else known - names

    def _write(self, message: SaveBindings, ended: Ended) -> None:
        """Have the scene child write, then show what is written."""
        if not message.bindings and not message.remove:
            ended("")
            return

        def answered(answer: object) -> None:
            if not isinstance(answer, Done):
                ended(f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else "Not saved.")
                return
            gone = {*message.remove, *((b.prim, b.name) for b in message.bindings)}
            kept = tuple(b for b in self._shop.bindings if (b.prim, b.name) not in gone)
            self._shop.rebind((*kept, *message.bindings))
            ended("")

        self._shop.save_bindings(message, answered)


def _changed(change: Change, made: limits.Written | None) -> str:
    """Return which file is no longer as a change left it, in words; "" when all are."""
    wanted = [(text.path, text.after) for text in change.texts]
    wanted += [(made.path, made.after)] if made is not None else []
    for path, text in wanted:
        try:
            now = path.read_text("utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            return f"{path.name} cannot be read: {error}."
        if now != text:
            return f"{path.name} was changed by somebody else meanwhile. Look at it as it is now."
    return ""


def _names(gone: Sequence[Binding], stays: Sequence[Binding]) -> tuple[tuple[str, str], ...]:
    """Return (prim, name) of what goes and is not written anew."""
    kept = {(b.prim, b.name) for b in stays}
    return tuple(key for b in gone if (key := (b.prim, b.name)) not in kept)


def _words(fault: Exception) -> str:
    return f"{fault.what} {fault.remedy}" if isinstance(fault, Fault) else str(fault)
