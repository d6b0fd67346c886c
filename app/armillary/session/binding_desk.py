"""What the table of bindings does: changes of many in one step, copy and paste, all through authoring."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from armillary.model.binding import Binding
from armillary.session import binding_clip as clip
from armillary.session.author_actions import may_not_author
from armillary.session.binding_check import Known
from armillary.session.binding_edit import Change, count, deleted, fields_changed, words_replaced
from armillary.session.binding_rows import BindingRows
from armillary.session.workspace import Workspace

Words = Sequence[tuple[str, str]]


class BindingDesk:
    """Bindings of a workspace, many at a time."""

    def __init__(self, at: Workspace) -> None:
        self._at = at
        self.rows = BindingRows()
        self._known: tuple[tuple[object, ...], Known] | None = None
        self._shown: tuple[object, ...] = ()

    @property
    def is_other(self) -> bool:
        """Whether bindings, tags or problems are others than those that are listed."""
        at = self._at
        now = (self._base, at.specs, at.problems, at.scenery.slot_of if at.scenery is not None else None)
        return len(self._shown) != len(now) or any(a is not b for a, b in zip(now, self._shown, strict=True))

    def refresh(self) -> None:
        """Read the bindings as they are now."""
        at = self._at
        slot_of = at.scenery.slot_of if at.scenery is not None else {}
        specs = at.specs
        self._shown = (
            self._base,
            specs,
            at.problems,
            at.scenery.slot_of if at.scenery is not None else None,
        )
        why = {p.where: p.what for p in at.problems if p.where}
        units = [spec.unit for spec in specs]

        def unit(slot: int) -> str:
            return units[slot] if 0 <= slot < len(units) else ""

        self.rows.take(self._base, slot_of, unit, why)

    @property
    def _base(self) -> tuple[Binding, ...]:
        """The saved bindings: a draft in hand is none yet."""
        return self._at.authoring.saved

    @property
    def known(self) -> Known:
        """What bindings are judged against."""
        at = self._at
        now = (at.specs, at.scene, at.colormaps)
        if self._known is None or any(a is not b for a, b in zip(now, self._known[0], strict=True)):
            prims = at.scene.prim_path if at.scene is not None else ()
            metres = at.scene.meters_per_unit if at.scene is not None else 1.0
            self._known = (now, Known.of(at.specs, at.colormaps, prims, metres))
        return self._known[1]

    def may_not(self) -> str:
        """Return why nothing can be changed, "" when it can."""
        return may_not_author(self._at)

    # ------------------------------------------------------------ changes

    def fields(self, chosen: Sequence[Binding], texts: Mapping[str, str]) -> Change:
        """Return what the same texts in all chosen bindings would change."""
        return fields_changed(chosen, texts, self.known)

    def replaced(self, chosen: Sequence[Binding], find: str, other: str) -> Change:
        """Return what replacing words in tags would change."""
        return words_replaced(chosen, find, other, self.known)

    def delete(self, chosen: Sequence[Binding]) -> str:
        """Take bindings out; return why not, "" when it was begun."""
        return self.apply(deleted(chosen))

    def apply(self, change: Change) -> str:
        """Save a change as one step of undo; return why not, "" when it was begun."""
        if why := self.may_not() or change.why_not:
            return why
        if not change.put and not change.remove:
            return change.words
        left = f" {count(len(change.refused))} stayed as they were." if change.refused else ""
        told = f"Saved: {change.title}.{left}"
        return "" if self._at.authoring.commit(change.title, change.put, change.remove, told) else "Not now."

    # ------------------------------------------------------------ copy and paste

    def copy(self, chosen: Sequence[Binding]) -> str:
        """Return bindings as text for a clipboard, "" where none are chosen."""
        return clip.copied(chosen, clip.common_root([b.prim for b in chosen])) if chosen else ""

    def of_parts(self, prims: Collection[int]) -> tuple[Binding, ...]:
        """Return the bindings that parts and what is below them carry."""
        scene = self._at.scene
        if scene is None:
            return ()
        paths = {scene.prim_path[p] for p in prims}
        heads = tuple(f"{path}/" for path in paths)
        return tuple(b for b in self._base if b.prim in paths or b.prim.startswith(heads))

    def words(self, bindings: Sequence[Binding], source: str, target: str) -> Words:
        """Return which words of tags become which on another part, as a proposal."""
        signals = [b.signal for b in bindings]
        return clip.words_between(source, target, signals, self.known.specs, self._at.twins)

    def preview(
        self, bindings: Sequence[Binding], source: str, targets: Sequence[str], words: Mapping[str, Words]
    ) -> tuple[clip.Line, ...]:
        """Return what pasting would bind."""
        at = self.known
        return clip.preview(
            bindings, source, targets, self._base, prims=at.prims, tags=at.specs.keys(), words=words
        )

    def paste(self, lines: Sequence[clip.Line]) -> str:
        """Bind what can be of a preview, as one step of undo; return why not, "" when it was begun."""
        good = [line for line in lines if not line.why_not]
        if not good:
            return "Nothing of it can be bound here."
        gone = tuple((line.made.prim, name) for line in good for name in line.replaces)
        parts = {line.made.prim for line in good}
        where = next(iter(parts)) if len(parts) == 1 else f"{len(parts)} parts"
        title = f"Paste {count(len(good))} on {where}"
        return self.apply(Change(title, tuple(line.made for line in good), remove=gone))
