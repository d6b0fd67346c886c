"""A condition on the desk's own values: whether it holds, what it reads, and whether that can be trusted.

What is decided by it is decided in the world; here it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from armillary.encoding import texts
from armillary.model import expression
from armillary.model.clock import NS
from armillary.model.expression import Expression
from armillary.model.fault import ProjectFault
from armillary.model.quality import GOOD, NEVER, WORDS, rank
from armillary.model.tags import TagSpec
from armillary.session.mirror import Mirror

Verdict = Literal["holds", "fails", "no_data", "wrong"]
MARKS = {"holds": "✓", "fails": "✗", "no_data": "?", "wrong": "!"}
_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionNow:
    """What a condition is at this moment."""

    verdict: Verdict
    reading: str  # `V-101.position 12 %`; of what cannot be read: why
    value: float = math.nan

    @property
    def words(self) -> str:
        """With its mark, and what it waits for."""
        waits = " – waiting for good data" if self.verdict == "no_data" else ""
        return f"{MARKS[self.verdict]} {self.reading}{waits}"


class Conditions:
    """Reads conditions over one mirror at a time; what was compiled is kept while the tags are the same."""

    def __init__(self) -> None:
        self._specs: Sequence[TagSpec] = ()
        self._named: dict[str, TagSpec] = {}
        self._compiled: dict[str, Expression | ProjectFault] = {}

    def now(self, text: str, specs: Sequence[TagSpec], mirror: Mirror, now_mono_ns: int) -> ConditionNow:
        """Return what a condition is now."""
        compiled = self.compiled(text, specs)
        if isinstance(compiled, ProjectFault):
            return ConditionNow(verdict="wrong", reading=f"{compiled.what} {compiled.remedy}")
        used = [self._named[name] for name in compiled.names]
        slots = np.array([spec.slot for spec in used], np.uint32)
        if len(slots) and int(slots.max()) >= len(mirror):
            return ConditionNow(verdict="no_data", reading="No values yet")
        words, age = mirror.quality(slots), mirror.age_ns(slots, now_mono_ns)
        ages = np.where(age >= 0, age / NS, np.inf)
        value, word = compiled.evaluate(mirror.table.value[slots], words, ages)
        reading = ", ".join(
            _read(spec, float(mirror.table.value[spec.slot]), int(r))
            for spec, r in zip(used, rank(words).tolist(), strict=True)
        )
        is_known = int(rank(np.asarray(word, np.uint16))) == GOOD and math.isfinite(float(value))
        verdict: Verdict = "no_data" if not is_known else "holds" if float(value) != 0.0 else "fails"
        return ConditionNow(verdict=verdict, reading=reading, value=float(value))

    def compiled(self, text: str, specs: Sequence[TagSpec]) -> Expression | ProjectFault:
        """Return a compiled condition, or what is wrong with it."""
        if specs is not self._specs:
            self._specs, self._named = specs, {spec.name: spec for spec in specs}
            self._compiled.clear()
        if text not in self._compiled:
            if len(self._compiled) > _KEPT:
                self._compiled.clear()
            try:
                self._compiled[text] = expression.compile(text, self._named, "condition")
            except ProjectFault as fault:
                self._compiled[text] = fault
        return self._compiled[text]


def _read(spec: TagSpec, value: float, quality: int) -> str:
    if quality == NEVER:
        return f"{spec.name} has no value yet"
    named = dict(spec.states).get(value)
    shown = named or texts.number(value, spec.unit)
    return f"{spec.name} {shown}" if quality == GOOD else f"{spec.name} {shown} ({WORDS[quality]})"
