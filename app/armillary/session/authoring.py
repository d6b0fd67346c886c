"""Binding a tag to a prim by hand: a draft with live preview, saved to the binding layer, undone again."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from armillary.encoding.maps import named
from armillary.model.binding import Binding, ColourMap, MapSpec
from armillary.model.fault import Fault, FaultRecord
from armillary.model.message import Done, SaveBindings
from armillary.model.quality import GOOD, MANUAL, NEVER, SUBSTITUTED
from armillary.model.tags import TagSpec
from armillary.project.edit import NewTag
from armillary.project.record import Project
from armillary.project.twins import NAME
from armillary.session import limits
from armillary.session.field_draft import FieldDraft
from armillary.session.layers import Layers, layers_of
from armillary.session.signal import Signal
from armillary.session.undo import Done as Ended
from armillary.session.undo import Step, Undo

COLOURED = ("displayColor", "emissiveColor", "primvar")
AXIAL = ("translate", "rotate", "scale", "level", "spin")
# channel → (its name for people, what the tag's low and high become, as a rule)
OFFERED: dict[str, tuple[str, tuple[float, float]]] = {
    "displayColor": ("Colour", (0.0, 1.0)),
    "emissiveColor": ("Glow", (0.0, 1.0)),
    "primvar": ("Colour of each point", (0.0, 1.0)),
    "displayOpacity": ("Opacity", (0.0, 1.0)),
    "visibility": ("Visible while not 0", (0.0, 1.0)),
    "highlight": ("Highlight", (0.0, 1.0)),
    "label": ("Label", (0.0, 1.0)),
    "level": ("Fill level, along an axis", (0.0, 1.0)),
    "translate": ("Move, m", (0.0, 1.0)),
    "rotate": ("Turn, degrees", (0.0, 90.0)),
    "scale": ("Scale", (1.0, 2.0)),
    "transform": ("Pose: place and angles", (0.0, 1.0)),
    "flow": ("Flow along a pipe", (0.0, 1.0)),
    "spin": ("Spin, rad/s", (0.0, 6.283)),
}
TRIAL = "~trial"  # name of the tag that a draft is drawn with; a tag's name begins with its twin's id
AS_IT_IS = ("visibility", "label", "transform", "flow")
_OF_A_LIST = ("primvar", "transform", "label")
_TEMPERATURES = ("°C", "degC", "K", "°F")


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


@dataclass(frozen=True, slots=True)
class Draft:
    """A binding in hand. low and high are in the tag's unit, first and last what they become."""

    tag: TagSpec
    prim: str
    name: str
    channel: str = "displayColor"
    colormap: str = "heat"
    low: float = 0.0
    high: float = 1.0
    first: float = 0.0
    last: float = 1.0
    axis: str = "z"
    hint: str = ""  # where low and high come from
    new: tuple[NewTag, ...] = ()  # tags that a save makes; the first is `tag`
    trial: float | None = None  # a value given by hand, drawn instead of the tag's
    seen: float = math.nan  # what a new tag's node showed last, as no world has the tag yet

    @property
    def shown(self) -> tuple[float, int] | None:
        """The value and quality that the preview is drawn with; None: those that the tag has."""
        if self.trial is not None:
            return self.trial, SUBSTITUTED | MANUAL
        if not self.new:
            return None
        return self.seen, GOOD if math.isfinite(self.seen) else NEVER

    def why_not(self) -> str:
        """Return why this cannot be a binding, "" when it can."""
        if not all(map(math.isfinite, (self.low, self.high, self.first, self.last))):
            return "Give finite numbers."
        for new in self.new:
            if not NAME.fullmatch(new.key):
                return f"'{new.key}' cannot be a tag's name: use no spaces, quotes, ` ! or #."
        if self.tag.kind == "array" and self.channel not in _OF_A_LIST:
            return "A list of numbers gives each point its colour, or a pose: choose one of them, or a label."
        if self.tag.kind != "array" and self.channel == "primvar":
            return "The tag is one value: a list is needed to colour each point."
        if self.tag.kind not in ("array", "struct", "text") and self.channel == "transform":
            return "The tag is one number: a list or a JSON object is needed for a pose."
        if self.channel not in AS_IT_IS and self.low >= self.high:
            return "Low must be below high."
        return ""

    def binding(self) -> Binding:
        """Return the binding that this draft describes."""
        out = Binding(
            name=self.name,
            prim=self.prim,
            signal=self.tag.name,
            channel=self.channel,
            origin=f"bindings.usda:{self.prim}#{self.name}",
        )
        if self.channel in COLOURED:
            return replace(out, colormap=self.colormap, ends=(self.low, self.high))
        if self.channel in AS_IT_IS:
            return replace(out, map=MapSpec(kind="none"))
        scale = (self.last - self.first) / (self.high - self.low)
        offset = self.first - scale * self.low
        ends = (min(self.first, self.last), max(self.first, self.last))
        axis = self.axis if self.channel in AXIAL else "none"
        return replace(out, map=MapSpec(kind="linear", scale=scale, offset=offset, clamp=ends), axis=axis)


AnyDraft = Draft | FieldDraft


def proposal(tag: TagSpec, prim: str, value: float, existing: Sequence[Binding]) -> Draft:
    """Return the first draft for a tag dropped on a prim; `value` is what the tag shows now."""
    low, high, hint = tag.low, tag.high, "From the range of the tag."
    if not (math.isfinite(low) and math.isfinite(high)):
        reach = abs(value) * 2 if math.isfinite(value) and value else 1.0
        low, high = (-reach, reach) if value < 0 else (0.0, reach)
        hint = "The tag has no range: guessed from its present value."
    return Draft(
        tag=tag,
        prim=prim,
        name=free_name(tag.name, prim, existing),
        channel="primvar" if tag.kind == "array" else "displayColor",
        colormap="heat" if tag.unit in _TEMPERATURES else "level",
        low=low,
        high=high,
        hint=hint,
    )


def free_name(tag: str, prim: str, existing: Sequence[Binding]) -> str:
    """Return a name for a binding that the prim does not have yet."""
    leaf = re.sub(r"[^A-Za-z0-9_]", "_", tag.rsplit(".", 1)[-1]) or "value"
    base = f"bind_{leaf}"  # a prefix keeps it clear of the names of the fields
    taken = {b.name for b in existing if b.prim == prim}
    number = 1
    while (name := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return name


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
        return tuple(b for b in self._base if (b.prim, b.channel) != (draft.prim, draft.channel))

    def replaced(self) -> tuple[Binding, ...]:
        """Return the saved bindings that a save of the draft would take away."""
        draft = self.draft
        if draft is None:
            return ()
        return tuple(b for b in self._base if (b.prim, b.channel) == (draft.prim, draft.channel))

    def refresh(self, bindings: tuple[Binding, ...]) -> bool:
        """Show the bindings as somebody saved them; a draft in hand stays. False: they are as they were."""
        base = self._base if self.draft is not None else self._shop.bindings
        if self.saving or _facts(bindings) == _facts(base):
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
                self.told.emit(why)
            else:
                self.draft = None
                self._undo.push(self._step(draft, back, forth, before, made))
                self.told.emit(f"Saved: {_title(draft)}.{f' {limits.NEXT}' if made is not None else ''}")
            self.changed.emit()

        self._write(forth, ended)

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


def _facts(bindings: Sequence[Binding]) -> set[Binding]:
    return {replace(b, origin="") for b in bindings}


def colour_maps(project: Sequence[ColourMap]) -> tuple[str, ...]:
    """Return the names of the colour maps that can be chosen."""
    return tuple(named(project))
