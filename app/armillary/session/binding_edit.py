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


def fields_changed(chosen: Sequence[Binding], texts: Mapping[str, str], at: Known) -> Change:
    """Return the change that gives all of some bindings the same in some fields.

    A binding that would be wrong so stays as it is and is named; what was wrong in it before does not count.
    """
    names = ", ".join(BY_KEY[key].title.lower() for key in texts)
    title = f"Change {names} of {count(len(chosen))}"
    put: list[Binding] = []
    refused: list[tuple[Binding, str]] = []
    for b in chosen:
        made = b
        try:
            for key, text in texts.items():
                made = with_text(made, key, text)
        except RefusedText as why:
            return Change(title, why_not=str(why))
        if made == b:
            continue
        found = wrong(made, at)
        if found and (new := {k: w for k, w in found.items() if k not in wrong(b, at)}):
            refused.append((b, next(iter(new.values()))))
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
    for b in chosen:
        signal = b.signal.replace(find, other)
        expr = b.map.expr
        if expr and find in expr:
            expr = adapted_expression(expr, ((find, other),), at.specs)
        made = replace(b, signal=signal, map=replace(b.map, expr=expr))
        if made == b:
            continue
        if made.signal not in at.specs and made.signal != b.signal:
            refused.append((b, f"there is no tag '{made.signal}'"))
        elif found := {k: w for k, w in wrong(made, at).items() if k not in wrong(b, at)}:
            refused.append((b, next(iter(found.values()))))
        else:
            put.append(made)
    return Change(title, tuple(put), tuple(refused))


def deleted(chosen: Sequence[Binding]) -> Change:
    """Return the change that takes bindings out."""
    title = f"Delete {count(len(chosen))}"
    return Change(title, remove=tuple((b.prim, b.name) for b in chosen))
