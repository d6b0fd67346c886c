"""The fields of a binding in hand: what is typed goes into the draft, what cannot be is told at its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from armillary.model.binding import Binding
from armillary.model.fault import Fault
from armillary.session.binding_check import Known, wrong
from armillary.session.binding_form import ENTRIES, RefusedText, needed, with_text
from armillary.session.draft import SIMPLE, Draft

ELSEWHERE = frozenset({"channel", "map", "colormap", "axis"})  # the card has its own rows for these
OF_MAP = ("scale", "offset", "states", "expr", "clampLow", "clampHigh", "rangeLow", "rangeHigh")
MORE = (
    "signal", "targets", "property", "unit", "targetUnit", "interval", "staleAfter",
    "onBad", "onStale", "fallback", "intent", "enabled",
)  # fmt: skip


def as_binding(draft: Draft) -> Binding:
    """Return what the fields show: the draft's binding, also of one that cannot be saved yet."""
    try:
        return draft.binding()
    except (Fault, ArithmeticError):
        return draft.extra or Binding(name=draft.name, prim=draft.prim, signal=draft.tag.name)


def keys(draft: Draft) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of the map, and those behind *More*, that mean something for a draft."""
    shown = needed(as_binding(draft)) - ELSEWHERE
    of_map = () if draft.form == SIMPLE else tuple(key for key in OF_MAP if key in shown)
    more = tuple(key for key in MORE if key in shown and not (key == "signal" and draft.new))
    return of_map, more


def typed(draft: Draft, key: str, text: str, at: Known) -> Draft:
    """Return a draft with what is typed in a field; a text that cannot be taken is kept out, and told."""
    refused = dict(draft.refused)
    refused.pop(key, None)
    extra = draft.extra or Binding(name=draft.name, prim=draft.prim, channel=draft.channel)
    try:
        made = with_text(extra, key, text)
    except RefusedText as why:
        refused[key] = str(why)
        return replace(draft, refused=tuple(refused.items()))
    draft = replace(draft, extra=made, refused=tuple(refused.items()))
    if key == "signal":
        spec = at.specs.get(text.strip())
        if spec is None:
            refused[key] = wrong(replace(made, signal=text.strip()), at).get("signal", "Give a tag.")
            return replace(draft, extra=extra, refused=tuple(refused.items()))
        draft = replace(draft, tag=spec)
    return judged(draft, at)


def judged(draft: Draft, at: Known) -> Draft:
    """Return a draft that says what is wrong with it, field by field."""
    if draft.new:  # its tag is not known yet: only the rest can be judged
        at = replace(at, specs={**at.specs, draft.tag.name: draft.tag})
    found = wrong(as_binding(draft), at)
    if draft.form == SIMPLE:  # ends and limits come from low and high, which say themselves what is wrong
        found = {k: w for k, w in found.items() if k not in OF_MAP}
    typed_wrong = dict(draft.refused)
    return replace(draft, wrong=tuple((k, w) for k, w in found.items() if k not in typed_wrong))


def whys(draft: Draft) -> Mapping[str, str]:
    """Return field → why, of all fields that are not right."""
    return {**dict(draft.wrong), **dict(draft.refused)}


def texts(draft: Draft) -> Mapping[str, str]:
    """Return what each field shows."""
    binding = as_binding(draft)
    return {entry.key: entry.text(binding) for entry in ENTRIES}
