"""Binding a tag to a prim by hand: a draft with live preview, saved to the binding layer, undone again."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from armillary.encoding.maps import named
from armillary.model.binding import Binding, ColourMap, MapSpec
from armillary.model.fault import FaultRecord
from armillary.model.message import Done, SaveBindings
from armillary.model.tags import TagSpec
from armillary.session.signal import Signal
from armillary.session.undo import Done as Ended
from armillary.session.undo import Step, Undo

COLOURED = ("displayColor", "emissiveColor")
AXIAL = ("translate", "rotate", "scale", "level", "spin")
# channel → (its name for people, what the tag's low and high become, as a rule)
OFFERED: dict[str, tuple[str, tuple[float, float]]] = {
    "displayColor": ("Colour", (0.0, 1.0)),
    "emissiveColor": ("Glow", (0.0, 1.0)),
    "displayOpacity": ("Opacity", (0.0, 1.0)),
    "visibility": ("Visible while not 0", (0.0, 1.0)),
    "highlight": ("Highlight", (0.0, 1.0)),
    "label": ("Label", (0.0, 1.0)),
    "level": ("Fill level, along an axis", (0.0, 1.0)),
    "translate": ("Move, m", (0.0, 1.0)),
    "rotate": ("Turn, degrees", (0.0, 90.0)),
    "scale": ("Scale", (1.0, 2.0)),
    "spin": ("Spin, rad/s", (0.0, 6.283)),
}
_AS_IT_IS = ("visibility", "label")
_TEMPERATURES = ("°C", "degC", "K", "°F")


class Shop(Protocol):
    """What authoring needs of the workspace."""

    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    def rebind(self, bindings: tuple[Binding, ...]) -> None: ...  # show the scene with these
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

    def why_not(self) -> str:
        """Return why this cannot be a binding, "" when it can."""
        if not all(map(math.isfinite, (self.low, self.high, self.first, self.last))):
            return "Give finite numbers."
        if self.channel not in _AS_IT_IS and self.low >= self.high:
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
        if self.channel in _AS_IT_IS:
            return replace(out, map=MapSpec(kind="none"))
        scale = (self.last - self.first) / (self.high - self.low)
        offset = self.first - scale * self.low
        ends = (min(self.first, self.last), max(self.first, self.last))
        axis = self.axis if self.channel in AXIAL else "none"
        return replace(out, map=MapSpec(kind="linear", scale=scale, offset=offset, clamp=ends), axis=axis)


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
        self.draft: Draft | None = None
        self.saving = False
        self.saves = 0  # of this desk, steps of undo too
        self._base: tuple[Binding, ...] = ()

    def begin(self, draft: Draft) -> None:
        """Take a draft in hand and show it; the one before is given up."""
        self.cancel()
        self._base = self._shop.bindings
        self.change(draft)

    def change(self, draft: Draft) -> None:
        """Show the draft as it is now. One that cannot be a binding leaves the picture as it was."""
        if self.saving:
            return
        self.draft = draft
        self._shop.rebind(self._base if draft.why_not() else (*self._without(draft), draft.binding()))
        self.changed.emit()

    def _without(self, draft: Draft) -> tuple[Binding, ...]:
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
        old, new = self.replaced(), draft.binding()
        forth = SaveBindings(bindings=(new,), remove=tuple((b.prim, b.name) for b in old))
        back = SaveBindings(bindings=old, remove=((new.prim, new.name),))
        self.saving = True
        self.changed.emit()

        def ended(why: str) -> None:
            self.saving = False
            if why:
                self.told.emit(why)
            else:
                self.draft = None
                title = f"Bind {draft.tag.name} to {draft.prim}"
                self._undo.push(
                    Step(title, lambda done: self._write(back, done), lambda done: self._write(forth, done))
                )
                self.told.emit(f"Saved: {title}.")
            self.changed.emit()

        self._write(forth, ended)

    def _write(self, message: SaveBindings, ended: Ended) -> None:
        """Have the scene child write; when it has, show what is written."""
        base = self._base if self.saving else self._shop.bindings

        def answered(answer: object) -> None:
            if not isinstance(answer, Done):
                why = f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else "Not saved."
                ended(why)
                return
            self.saves += 1
            gone = {*message.remove, *((b.prim, b.name) for b in message.bindings)}
            kept = tuple(b for b in base if (b.prim, b.name) not in gone)
            self._shop.rebind((*kept, *message.bindings))
            ended("")

        self._shop.save_bindings(message, answered)


def _facts(bindings: Sequence[Binding]) -> set[Binding]:
    return {replace(b, origin="") for b in bindings}


def colour_maps(project: Sequence[ColourMap]) -> tuple[str, ...]:
    """Return the names of the colour maps that can be chosen."""
    return tuple(named(project))
