"""A binding in hand: which tag drives what of which prim, and what it is at first. Nothing is saved by it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from armillary.encoding.maps import named
from armillary.model.binding import UNBOUNDED, Binding, ColourMap, MapSpec
from armillary.model.quality import GOOD, MANUAL, NEVER, SUBSTITUTED
from armillary.model.tags import TagSpec
from armillary.project.edit import NewTag
from armillary.project.twins import NAME

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
    "variant": ("Variant", (0.0, 1.0)),
}
AS_IT_IS = ("visibility", "label", "transform", "flow", "variant")
SIMPLE = "simple"  # the form with `low … high` and what they become
# form → its name for people; all but the first are kinds of maps as the layer has them
FORMS: dict[str, str] = {
    SIMPLE: "From a range",
    "none": "As it is",
    "linear": "Times and plus",
    "steps": "Steps",
    "states": "Table of states",
    "expr": "Expression",
}
_OF_A_LIST = ("primvar", "transform", "label")
_TEMPERATURES = ("°C", "degC", "K", "°F")


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
    form: str = SIMPLE
    extra: Binding | None = None  # all else that a binding says; its map counts in forms that are not simple
    before: Binding | None = None  # the saved one that is edited
    refused: tuple[tuple[str, str], ...] = ()  # field, why what is typed there was not taken
    wrong: tuple[tuple[str, str], ...] = ()  # field, why it cannot be so

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
        if told := (*self.refused, *self.wrong):
            return told[0][1]
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
        is_ranged = self.form == SIMPLE and self.channel not in AS_IT_IS
        if is_ranged and (self.low >= self.high if self.before is None else self.low == self.high):
            return "Low must be below high."
        return ""

    def binding(self) -> Binding:
        """Return the binding that this draft describes."""
        out = replace(
            self.extra or Binding(name=self.name, prim=self.prim),
            name=self.name,
            prim=self.prim,
            signal=self.tag.name,
            channel=self.channel,
            origin=f"bindings.usda:{self.prim}#{self.name}",
        )
        if self.form != SIMPLE:
            axis = self.axis if self.channel in AXIAL else "none"
            colormap = self.colormap if self.channel in COLOURED else out.colormap
            return replace(out, map=replace(out.map, kind=self.form), axis=axis, colormap=colormap)
        if self.channel in COLOURED:
            plain = replace(out.map, kind="linear", scale=1.0, offset=0.0)
            return replace(out, colormap=self.colormap, ends=(self.low, self.high), map=plain)
        if self.channel in AS_IT_IS:
            return replace(out, map=MapSpec(kind="none"), colormap="")
        scale = (self.last - self.first) / (self.high - self.low)
        offset = self.first - scale * self.low
        ends = (min(self.first, self.last), max(self.first, self.last))
        axis = self.axis if self.channel in AXIAL else "none"
        plain = MapSpec(kind="linear", scale=scale, offset=offset, clamp=ends)
        return replace(out, map=plain, axis=axis, colormap="", ends=(0.0, 1.0))


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


def edited(binding: Binding, tag: TagSpec) -> Draft:
    """Return the draft of a saved binding: in the simple form where that can say all of its map."""
    spec, hint = binding.map, "As it is saved."
    low, high = tag.low, tag.high
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        low, high = 0.0, 1.0
    draft = Draft(
        tag=tag,
        prim=binding.prim,
        name=binding.name,
        channel=binding.channel,
        colormap=binding.colormap or ("heat" if binding.channel in COLOURED else ""),
        low=low,
        high=high,
        axis=binding.axis if binding.axis != "none" else "xyz" if binding.channel == "scale" else "z",
        hint=hint,
        form=spec.kind if spec.kind != "range" else "linear",
        extra=binding,
        before=binding,
    )
    is_line = spec.kind in ("none", "linear", "range")
    if binding.channel in COLOURED and is_line and (spec.kind == "none" or _is_plain(spec)):
        return replace(draft, form=SIMPLE, low=binding.ends[0], high=binding.ends[1])
    if binding.channel in AS_IT_IS and (spec.kind == "none" or (is_line and spec == MapSpec())):
        return replace(draft, form=SIMPLE)
    if spec.kind == "linear" and spec.scale and max(map(abs, spec.clamp)) < UNBOUNDED:
        first, last = spec.clamp if spec.scale > 0 else spec.clamp[::-1]
        low, high = ((y - spec.offset) / spec.scale for y in (first, last))
        return replace(draft, form=SIMPLE, low=low, high=high, first=first, last=last)
    return draft


def _is_plain(spec: MapSpec) -> bool:
    return (spec.scale, spec.offset) == (1.0, 0.0) and min(map(abs, spec.clamp)) >= UNBOUNDED


def in_form(draft: Draft, form: str) -> Draft:
    """Return a draft in another form; what the form before drew is the first thing that it draws."""
    if form == draft.form:
        return draft
    now = draft.binding()
    if draft.form == SIMPLE and form in ("linear", "none") and now.map.kind == "linear":
        return replace(draft, form=form, extra=now)
    if form == SIMPLE and draft.form in ("linear", "none"):
        back = edited(now, draft.tag)
        kept = replace(back, before=draft.before, hint=draft.hint, trial=draft.trial, new=draft.new)
        return replace(kept, form=SIMPLE, seen=draft.seen, wrong=draft.wrong, extra=draft.extra)
    extra = draft.extra or Binding(name=draft.name, prim=draft.prim)
    if draft.channel in COLOURED and draft.form == SIMPLE:
        extra = replace(extra, ends=(draft.low, draft.high))
    return replace(draft, form=form, extra=extra)


def free_name(tag: str, prim: str, existing: Sequence[Binding]) -> str:
    """Return a name for a binding that the prim does not have yet."""
    leaf = re.sub(r"[^A-Za-z0-9_]", "_", tag.rsplit(".", 1)[-1]) or "value"
    base = f"bind_{leaf}"  # a prefix keeps it clear of the names of the fields
    taken = {b.name for b in existing if b.prim == prim}
    number = 1
    while (name := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return name


def colour_maps(project: Sequence[ColourMap]) -> tuple[str, ...]:
    """Return the names of the colour maps that can be chosen."""
    return tuple(named(project))
