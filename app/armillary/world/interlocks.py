"""Whether the plant is in a state in which something may be commanded: preconditions and interlocks.

Only GOOD data counts: what is not known blocks. Expressions are compiled once, when the world starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model import expression
from armillary.model.clock import NS
from armillary.model.command import Check, Interlock, Template
from armillary.model.expression import Expression
from armillary.model.fault import OrderFault
from armillary.model.quality import GOOD, NEVER, STALE, WORDS
from armillary.model.tags import TagSpec, TagTable

_RANK = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an expression gives now."""

    value: float
    is_known: bool  # finite, and of GOOD data
    text: str  # what it read: `V-101.position is 5 %`, `TT-211 is 14 s old`


class Senses:
    """Evaluates expressions over one table of tags."""

    def __init__(self, specs: Sequence[TagSpec], table: TagTable) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._table = table
        self._compiled: dict[str, Expression] = {}

    def compile(self, text: str, where: str) -> Expression:
        """Return a compiled expression. Raises ProjectFault for one that cannot be."""
        if text not in self._compiled:
            self._compiled[text] = expression.compile(text, self._specs, where)
        return self._compiled[text]

    def slots(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        """Return the slots that a compiled expression reads."""
        return np.array([self._specs[name].slot for name in self._compiled[text].names], np.uint32)

    def read(self, text: str, now_mono_ns: int) -> Reading:
        """Return what a compiled expression gives now."""
        compiled, table, slots = self._compiled[text], self._table, self.slots(text)
        alive = table.alive_mono_ns[slots]
        ages = np.where(alive > 0, (now_mono_ns - alive) / NS, np.inf)
        value, word = compiled.evaluate(table.value[slots], table.quality[slots], ages)
        is_known = int(word) & _RANK == GOOD and math.isfinite(float(value))
        return Reading(value=float(value), is_known=is_known, text=self._said(compiled.names, ages))

    def _said(self, names: Sequence[str], ages: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
        """Return a few words on each input, those that are not GOOD first."""
        table, bad, good = self._table, [], []
        for name, age in zip(names, ages, strict=True):
            spec = self._specs[name]
            rank = int(table.quality[spec.slot]) & _RANK
            if rank == GOOD:
                state = dict(spec.states).get(float(table.value[spec.slot]))
                good.append(f"{name} is {state or f'{table.value[spec.slot]:.4g} {spec.unit}'.strip()}")
            elif rank == NEVER or not math.isfinite(age):
                bad.append(f"{name} has no value yet")
            elif rank == STALE:
                bad.append(f"{name} is {age:.0f} s old")
            else:
                bad.append(f"{name} is {WORDS[rank]}")
        return ", ".join((*bad, *good))


class Conditions:
    """The preconditions of templates and the interlocks of targets."""

    def __init__(
        self,
        senses: Senses,
        templates: Iterable[Template] = (),
        interlocks: Iterable[Interlock] = (),
    ) -> None:
        """Compile everything. Raises ProjectFault for an expression that cannot be."""
        self._senses = senses
        self.templates: Mapping[str, Template] = {t.id: t for t in templates}
        self._interlocks: dict[str, list[Interlock]] = {}
        for template in self.templates.values():
            proof = (template.read_back.expression,) if template.read_back is not None else ()
            for text in (*template.preconditions, *proof):
                senses.compile(text, template.origin)
        for interlock in interlocks:
            senses.compile(interlock.blocks_when, interlock.origin)
            for target in interlock.targets:
                aimed = self.templates.get(target)
                # the tag that a template writes is locked too: nobody gets round it by a free write
                for name in {target, *((aimed.tag,) if aimed and aimed.tag else ())}:
                    self._interlocks.setdefault(name, []).append(interlock)

    def checks(self, tag: str, template: Template | None, now_mono_ns: int) -> tuple[Check, ...]:
        """Return each condition of a command with whether it holds now."""
        found = [
            self._precondition(text, now_mono_ns) for text in (template.preconditions if template else ())
        ]
        if template is None or template.kind != "stop":  # a protective stop is interlock-free by design
            mine = (
                *self._interlocks.get(tag, ()),
                *self._interlocks.get(template.id if template else "", ()),
            )
            found += [self._interlock(each, now_mono_ns) for each in dict.fromkeys(mine)]
        return tuple(found)

    def require(self, tag: str, template: Template | None, now_mono_ns: int) -> tuple[Check, ...]:
        """Return the checks when all hold. Raises OrderFault with the first that does not."""
        found = self.checks(tag, template, now_mono_ns)
        for what, holds, text in found:
            if not holds:
                raise OrderFault(
                    f"Blocked: {what} ({text}).", where=tag, remedy="Order again once the condition holds."
                )
        return found

    def _precondition(self, text: str, now_mono_ns: int) -> Check:
        reading = self._senses.read(text, now_mono_ns)
        return f"'{text}' must hold", reading.is_known and reading.value != 0.0, reading.text

    def _interlock(self, interlock: Interlock, now_mono_ns: int) -> Check:
        reading = self._senses.read(interlock.blocks_when, now_mono_ns)
        what = interlock.text.rstrip(".") or f"interlock {interlock.id}: not while '{interlock.blocks_when}'"
        return what, reading.is_known and reading.value == 0.0, reading.text
