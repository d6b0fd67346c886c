"""Binding a tag to a prim by hand: a draft with live preview, saved to the binding layer, undone again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from armillary.model.binding import Binding
from armillary.model.fault import Fault, FaultRecord
from armillary.model.message import Done, SaveBindings
from armillary.model.tags import TagSpec
from armillary.project.record import Project
from armillary.session import autosave, limits
from armillary.session.binding_same import facts, in_the_way, same
from armillary.session.draft import Draft
from armillary.session.field_draft import FieldDraft
from armillary.session.layers import Layers, layers_of
from armillary.session.signal import Signal
from armillary.session.undo import Done as Ended
from armillary.session.undo import Step, Undo

TRIAL = "~trial"  # name of the tag that a draft is drawn with; a tag's name begins with its twin's id
AnyDraft = Draft | FieldDraft


class Shop(Protocol):
    """What authoring needs of the workspace."""

    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    @property
    def project(self) -> Project | None: ...

    coming_tags: frozenset[str]

    def now_ns(self) -> int: ...
    def rebind(
        self,
        bindings: tuple[Binding, ...],
        trial: TagSpec | None = None,
        value: float = ...,
        quality: int = ...,
    ) -> None: ...  # show the scene with these
    def try_value(self, value: float, quality: int) -> None: ...
    def save_bindings(self, message: SaveBindings, callback: Callable[[object], None]) -> None: ...


class Authoring:
    """One draft at a time. What is saved can be undone; what is not saved leaves no trace."""

    def __init__(self, shop: Shop, undo: Undo) -> None:
        self._shop, self._undo = shop, undo
        self.changed: Signal[()] = Signal()  # draft, or whether one is being saved
        self.told: Signal[str] = Signal()
        self.draft: AnyDraft | None = None
        self.saving = False
        self.saves = 0  # of this desk, steps of undo too
        self._base: tuple[Binding, ...] = ()

    def begin(self, draft: AnyDraft) -> None:
        """Take a draft in hand and show it; the one before is given up."""
        self.cancel()
        self._base = self._shop.bindings
        self.change(draft)

    def change(self, draft: AnyDraft) -> None:
        """Show the draft as it is now. One that cannot be a binding leaves the picture as it was."""
        if self.saving:
            return
        old, self.draft = self.draft, draft
        shown = draft.shown
        if draft.why_not():
            self._shop.rebind(self._base)
        elif shown is None or isinstance(draft, FieldDraft):
            self._shop.rebind((*self._without(draft), draft.binding()))
        elif isinstance(old, Draft) and _only_value_differs(old, draft):
            self._shop.try_value(*shown)
        else:  # only the draft sees the value: what else is bound to the tag stays live
            trial = replace(draft.binding(), signal=TRIAL)
            self._shop.rebind((*self._without(draft), trial), replace(draft.tag, name=TRIAL), *shown)
        self.changed.emit()

    def again(self) -> None:
        """Show the draft in hand over what was compiled anew."""
        draft, self.draft = self.draft, None
        if draft is not None:
            self.change(draft)

    def _without(self, draft: AnyDraft) -> tuple[Binding, ...]:
        """Return the saved bindings less those that drive the same channel of the same prim, while previewed.

        Two of one channel would fight (B10), and a person wants to see the new one.
        """
        gone = in_the_way(draft)
        return tuple(b for b in self._base if not gone(b))

    def replaced(self) -> tuple[Binding, ...]:
        """Return the saved bindings that a save of the draft would take away."""
        draft = self.draft
        if draft is None:
            return ()
        gone = in_the_way(draft)
        return tuple(b for b in self._base if gone(b))

    @property
    def saved(self) -> tuple[Binding, ...]:
        """The bindings as they are saved: without the draft in hand."""
        return self._base if self.draft is not None else self._shop.bindings

    def refresh(self, bindings: tuple[Binding, ...]) -> bool:
        """Show the bindings as somebody saved them; a draft in hand stays. False: they are as they were."""
        base = self._base if self.draft is not None else self._shop.bindings
        if self.saving or facts(bindings) == facts(base):
            return False
        self._base = bindings
        if self.draft is not None:
            self.change(self.draft)
        else:
            self._shop.rebind(bindings)
        return True

    def cancel(self, _checked: bool = False) -> None:
        """Give the draft up; the picture is as before."""
        if self.draft is not None and not self.saving:
            self.draft = None
            self._shop.rebind(self._base)
            self.changed.emit()

    def save(self, _checked: bool = False) -> None:
        """Write the draft into the binding layer; the customer's scene is never written."""
        draft = self.draft
        if draft is None or self.saving:
            return
        if why := draft.why_not():
            self.told.emit(why)
            return
        made = self._make_tags(draft)
        if draft.new and made is None:
            return
        old, new = self.replaced(), draft.binding()
        forth = SaveBindings(bindings=(new,), remove=tuple((b.prim, b.name) for b in old))
        back = SaveBindings(bindings=old, remove=((new.prim, new.name),))
        before = layers_of(self._shop.project)
        self.saving = True
        self.changed.emit()

        def ended(why: str) -> None:
            self.saving = False
            if why:
                self._unmake(made, draft)
                self.told.emit(f"{why} {self._kept(forth)}".strip())
            else:
                if self._shop.project is not None:
                    autosave.saved(self._shop.project.folder, forth)
                self.draft = None
                self._undo.push(self._step(draft, back, forth, before, made))
                self.told.emit(f"Saved: {_title(draft)}.{f' {limits.NEXT}' if made is not None else ''}")
            self.changed.emit()

        self._write(forth, ended)

    def commit(
        self, title: str, put: Sequence[Binding], remove: Sequence[tuple[str, str]] = (), told: str = ""
    ) -> bool:
        """Write many bindings, and take others out, as one step of undo; False: not now, and why is told.

        remove: (prim, name). A draft in hand stays; it is not part of this.
        """
        if self.saving:
            self.told.emit("Another change is being saved.")
            return False
        now = {(b.prim, b.name): b for b in self.saved}
        keys = {(b.prim, b.name) for b in put}
        gone = tuple(key for key in dict.fromkeys(remove) if key not in keys)
        touched = (*keys, *gone)
        forth = SaveBindings(bindings=tuple(put), remove=gone)
        back = SaveBindings(
            bindings=tuple(now[key] for key in touched if key in now),
            remove=tuple(key for key in touched if key not in now),
        )
        before = layers_of(self._shop.project)
        self.saving = True
        self.changed.emit()

        def ended(why: str) -> None:
            self.saving = False
            if why:
                self.told.emit(f"{why} {self._kept(forth)}".strip())
            else:
                if self._shop.project is not None:
                    autosave.saved(self._shop.project.folder, forth)
                self._undo.push(self._many_step(title, back, forth, before))
                self.told.emit(told or f"Saved: {title}.")
            self.changed.emit()

        self._write(forth, ended)
        return True

    def _many_step(self, title: str, back: SaveBindings, forth: SaveBindings, before: Layers) -> Step:
        after = layers_of(self._shop.project)

        def undo(done: Ended) -> None:
            if why := self._changed_by_hand(forth):
                done(why)
                return
            is_ours = layers_of(self._shop.project) == after

            def ended(why: str) -> None:
                if not why and is_ours:
                    before.restore()
                done(why)

            self._write(back, ended)

        def redo(done: Ended) -> None:
            why = self._changed_by_hand(back)
            if why:
                done(why)
            else:
                self._write(forth, done)

        return Step(title, undo, redo)

    def _changed_by_hand(self, written: SaveBindings) -> str:
        """Return why what was written cannot be taken back: somebody changed the same bindings since."""
        now = {(b.prim, b.name): b for b in self.saved}
        other = [
            b.where
            for b in written.bindings
            if (found := now.get((b.prim, b.name))) is None or not same(found, b)
        ]
        put = {(b.prim, b.name) for b in written.bindings}
        other += [f"{prim}#{name}" for prim, name in written.remove if (prim, name) in now.keys() - put]
        if not other:
            return ""
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        return f"Not done: {other[0]}{more} was changed by somebody else meanwhile. Look at it as it is now."

    def _kept(self, edit: SaveBindings) -> str:
        """Keep an edit that could not be saved; return where, in words. The draft stays in hand."""
        project = self._shop.project
        path = autosave.keep(project.folder, edit) if project is not None and project.saved else None
        return "Your edits are kept in memory" + (f" and in {path}." if path is not None else ".")

    def _make_tags(self, draft: AnyDraft) -> limits.Written | None:
        """Write the tags that a draft needs; None when there are none, or (told then) they cannot be."""
        project = self._shop.project
        if not draft.new or project is None:
            return None
        try:
            made = limits.add_tags(project.folder, draft.new, self._shop.now_ns())
        except Fault as fault:
            self.told.emit(f"Not saved: {fault.what} {fault.remedy}")
            return None
        self._expect(draft, is_coming=True)
        return made

    def _expect(self, draft: AnyDraft, *, is_coming: bool) -> None:
        """Note that the world will have the draft's tags once it loads the project, or no longer."""
        names = {new.name for new in draft.new}
        known = self._shop.coming_tags
        self._shop.coming_tags = known | names if is_coming else known - names

    def _unmake(self, made: limits.Written | None, draft: AnyDraft) -> str:
        """Take tags back out; return why that is not possible."""
        try:
            if made is not None:
                made.back(self._shop.now_ns())
        except Fault as fault:
            return f"{fault.what} {fault.remedy}"
        self._expect(draft, is_coming=False)
        return ""

    def _step(
        self,
        draft: AnyDraft,
        back: SaveBindings,
        forth: SaveBindings,
        before: Layers,
        made: limits.Written | None,
    ) -> Step:
        """Return the step of undo: binding and tags together, the files byte for byte as they were."""
        after = layers_of(self._shop.project)

        def undo(done: Ended) -> None:
            if why := self._changed_by_hand(forth):
                done(why)
                return
            is_ours = layers_of(self._shop.project) == after

            def ended(why: str) -> None:
                if not why:
                    why = self._unmake(made, draft)
                    if why:  # the binding goes where its tag is
                        self._write(forth, lambda _why: done(why))
                        return
                    if is_ours:
                        before.restore()
                done(why)

            self._write(back, ended)

        def redo(done: Ended) -> None:
            if why := self._changed_by_hand(back):
                done(why)
                return
            try:
                if made is not None:
                    made.forth(self._shop.now_ns())
                    self._expect(draft, is_coming=True)
            except Fault as fault:
                done(f"{fault.what} {fault.remedy}")
                return

            def ended(why: str) -> None:
                if why:
                    self._unmake(made, draft)
                done(why)

            self._write(forth, ended)

        return Step(_title(draft), undo, redo)

    def _write(self, message: SaveBindings, ended: Ended) -> None:
        """Have the scene child write; when it has, show what is written."""

        def answered(answer: object) -> None:
            if not isinstance(answer, Done):
                why = f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else "Not saved."
                ended(why)
                return
            self.saves += 1
            gone = {*message.remove, *((b.prim, b.name) for b in message.bindings)}
            base = self._base if self.draft is not None else self._shop.bindings
            kept = tuple(b for b in base if (b.prim, b.name) not in gone)
            if self.draft is not None and not self.saving:  # begun while a step of undo was on its way
                self._base = (*kept, *message.bindings)
                self.again()
            else:
                self._shop.rebind((*kept, *message.bindings))
            ended("")

        self._shop.save_bindings(message, answered)


def _only_value_differs(old: Draft, new: Draft) -> bool:
    """Tell whether the picture of the old draft is that of the new one, with another value on trial."""
    if old.shown is None or old.why_not():
        return False
    return replace(old, trial=None, seen=0.0) == replace(new, trial=None, seen=0.0)


def _title(draft: AnyDraft) -> str:
    if isinstance(draft, FieldDraft):
        return draft.title
    more = f" and {len(draft.new) - 1} more" if len(draft.new) > 1 else ""
    new = f"New tag {draft.tag.name}{more}, bound" if draft.new else f"Bind {draft.tag.name}"
    return f"{new} to {draft.prim}"
