"""Changes of many bindings at once: one field for all, words in their tags, deletion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.model.binding import Binding
from armillary.session.binding_check import Known, wrong
from armillary.session.binding_clip import adapted_expression
from armillary.session.binding_form import BY_KEY, RefusedText, with_text

MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of many would do; nothing is done by it."""

    title: str
    put: tuple[Binding, ...] = ()  # those that differ
    refused: tuple[tuple[Binding, str], ...] = ()  # those that cannot be so, and why
    remove: tuple[tuple[str, str], ...] = ()
    why_not: str = ""  # nothing at all can be done

    @property
    def words(self) -> str:
        """What it would do, in a sentence."""
        if self.why_not:
            return self.why_not
        n = len(self.put) + len(self.remove)
        told = f"{count(n)} will change." if n else "Nothing would change."
        if self.refused:
            first = "; ".join(f"{b.where}: {why}" for b, why in self.refused[:MOST_TOLD])
            told += f" {count(len(self.refused))} cannot: {first}"
        return told


def count(n: int) -> str:
    """Return `1 binding` or `12 bindings`."""
    return f"{n:,} binding{'' if n == 1 else 's'}".replace(",", "\u202f")


class _Judge:
    """Judges many bindings: what was right once is right for all that say the same of tags alike."""

    def __init__(self, at: Known) -> None:
        self._at = at
        self._right: set[tuple[object, ...]] = set()

    def wrong(self, b: Binding) -> dict[str, str]:
        """Return what is wrong with a binding, as `binding_check.wrong` does."""
        spec = self._at.specs.get(b.signal)
        if spec is None:
            return wrong(b, self._at)
        says = (b.channel, b.map, b.ends, b.colormap, b.unit, b.target_unit, b.axis, b.property_name)
        more = (b.targets, b.on_bad, b.on_stale, b.fallback, b.interval_s < 0, b.stale_after_s < 0)
        key = (spec.unit, spec.kind, spec.states, says, more)
        if key in self._right:
            return {}
        found = wrong(b, self._at)
        if not found:
            self._right.add(key)
        return found

    def spoilt(self, before: Binding, after: Binding) -> str:
        """Return what a change makes wrong that was right before, "" for nothing."""
        found = self.wrong(after)
        if not found:
            return ""
        old = self.wrong(before)
        return next((why for key, why in found.items() if key not in old), "")


def fields_changed(chosen: Sequence[Binding], texts: Mapping[str, str], at: Known) -> Change:
    """Return the change that gives all of some bindings the same in some fields.

    A binding that would be wrong so stays as it is and is named; what was wrong in it before does not count.
    """
    names = ", ".join(BY_KEY[key].title.lower() for key in texts)
    title = f"Change {names} of {count(len(chosen))}"
    put: list[Binding] = []
    refused: list[tuple[Binding, str]] = []
    judge = _Judge(at)
    for b in chosen:
        made = b
        try:
            for key, text in texts.items():
                made = with_text(made, key, text)
        except RefusedText as refusal:
            return Change(title, why_not=str(refusal))
        if made == b:
            continue
        if why := judge.spoilt(b, made):
            refused.append((b, why))
        else:
            put.append(made)
    return Change(title, tuple(put), tuple(refused))


def words_replaced(chosen: Sequence[Binding], find: str, other: str, at: Known) -> Change:
    """Return the change that replaces words in the tags of some bindings, in their expressions too."""
    title = f"Replace '{find}' by '{other}' in {count(len(chosen))}"
    if not find:
        return Change(title, why_not="Give what is to be replaced.")
    put: list[Binding] = []
    refused: list[tuple[Binding, str]] = []
    judge = _Judge(at)
    for b in chosen:
        signal = b.signal.replace(find, other)
        expr = b.map.expr
        if expr and find in expr:
            expr = adapted_expression(expr, ((find, other),), at.specs.keys())
        made = replace(b, signal=signal, map=replace(b.map, expr=expr))
        if made == b:
            continue
        if made.signal not in at.specs and made.signal != b.signal:
            refused.append((b, f"there is no tag '{made.signal}'"))
        elif why := judge.spoilt(b, made):
            refused.append((b, why))
        else:
            put.append(made)
    return Change(title, tuple(put), tuple(refused))


def deleted(chosen: Sequence[Binding]) -> Change:
    """Return the change that takes bindings out."""
    title = f"Delete {count(len(chosen))}"
    return Change(title, remove=tuple((b.prim, b.name) for b in chosen))
