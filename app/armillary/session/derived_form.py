"""A derived tag in hand: what is typed, its unit, what is wrong, and what it would have been of late."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from armillary.model import expression, expression_units
from armillary.model.clock import NS
from armillary.model.fault import Fault, ProjectFault
from armillary.model.rule import RuleSpec
from armillary.model.tags import TagSpec
from armillary.project.derived_edit import with_derived
from armillary.project.record import TWINS_FILE
from armillary.session import limits
from armillary.session.binding_form import RefusedText, number
from armillary.session.rule_trial import RuleRecord, Trial, span_text
from armillary.session.undo import Done, Step
from armillary.session.workspace import Workspace
from armillary.twin.rule_trial import trial_of

HOUR_S = 3_600.0
SLICE = 300  # ticks: a part of a second
FIELDS = ("name", "expression", "unit", "title", "low", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A derived tag as it is typed."""

    name: str = ""
    expression: str = ""
    unit: str = ""
    title: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said of it: field → why not, the unit that the expression gives, notes."""

    whys: Mapping[str, str]
    unit: str | None = None  # None: nobody can say
    notes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


def taken(spec: TagSpec) -> Derived:
    """Return a derived tag of the project as it is typed."""
    ends = (f"{x:g}" if math.isfinite(x) else "" for x in (spec.low, spec.high))
    low, high = ends
    return Derived(
        name=spec.name, expression=spec.expression, unit=spec.unit, title=spec.title, low=low, high=high
    )


def judged(held: Derived, specs: Collection[TagSpec], *, before: str = "") -> Judged:
    """Return what is wrong with a derived tag, and its unit. before: the name it has in the project."""
    whys: dict[str, str] = {}
    known = {spec.name: spec for spec in specs if spec.name != held.name}
    if not before and any(spec.name == held.name for spec in specs):
        whys["name"] = f"There is a tag '{held.name}' already."
    elif "." not in held.name.strip("."):
        whys["name"] = "Write <twin>.<tag>, e.g. P-101.specific_energy."
    for key in ("low", "high"):
        try:
            number(getattr(held, key), blank=0.0)
        except RefusedText as why:
            whys[key] = str(why)
    if bool(held.low.strip()) != bool(held.high.strip()):
        whys.setdefault("high", "A range has two ends.")
    elif held.low.strip() and not whys and number(held.low) >= number(held.high):
        whys["high"] = "Low must be below high."
    unit, notes, reads = _expression(held, known, whys)
    circle = next((name for name in reads if _reads(name, held.name, known)), "")
    if circle:
        whys["expression"] = f"{circle} is worked out from {held.name}: that would be a circle."
    return Judged(whys, unit, notes, reads)


def _expression(
    held: Derived, known: Mapping[str, TagSpec], whys: dict[str, str]
) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    if not held.expression.strip():
        whys["expression"] = "Give an expression, e.g. P-101.power / P-101.flow."
        return None, (), ()
    try:
        made = expression.compile(held.expression, known, "", past=True)
        units = {name: spec.unit for name, spec in known.items()}
        found, why = expression_units.check(held.expression, units, held.unit)
    except ProjectFault as fault:
        whys["expression"] = f"{fault.what} {fault.remedy}"
        return None, (), ()
    if found.wrong:
        whys["expression"] = found.notes[0]
    elif why:
        whys["unit"] = why
    if not made.names:
        whys["expression"] = "It reads no tag: it would never change."
    return found.unit, found.notes, made.names


def _reads(name: str, wanted: str, known: Mapping[str, TagSpec], depth: int = 0) -> bool:
    """Return whether a tag is worked out from another, over however many steps."""
    spec = known.get(name)
    if spec is None or not spec.expression or depth > len(known):
        return False
    try:
        names = expression.compile(spec.expression, {*known, wanted}, "", past=True).names
    except ProjectFault:
        return False
    return wanted in names or any(_reads(each, wanted, known, depth + 1) for each in names)


def changes(held: Derived) -> dict[str, str | tuple[float, float] | None]:
    """Return what twins.json gets."""
    ends = (number(held.low), number(held.high)) if held.low.strip() and held.high.strip() else None
    return {
        "expression": held.expression.strip(),
        "unit": held.unit.strip() or None,
        "title": held.title.strip() or None,
        "range": ends,
    }


def save(at: Workspace, held: Derived, since: str) -> str:
    """Write a derived tag to the project, one step of undo; return what to tell. Raises Fault."""
    project = at.project
    if project is None:
        return "No project is open."
    title = f"Derived tag {held.name}"
    written = limits.edited(
        project.folder,
        TWINS_FILE,
        lambda text: with_derived(text, held.name, changes(held)),
        at.now_ns(),
        since,
    )
    now_ns = at.now_ns()

    def again(write: Callable[[int], None], done: Done) -> None:
        try:
            write(now_ns)
        except Fault as fault:
            done(f"{fault.what} {fault.remedy}")
        else:
            done("")

    at.undo.push(Step(title, lambda done: again(written.back, done), lambda done: again(written.forth, done)))
    return f"Saved: {title}. {limits.NEXT}"


class PastHour:
    """What a derived tag would have been in the last hour, from what was recorded of its inputs.

    A new question makes the one before void. Derived inputs are read as they were recorded.
    """

    def __init__(self, at: Workspace, changed: Callable[[], None]) -> None:
        self._at, self._changed = at, changed
        self._number = 0
        self.trial: Trial | None = None
        self.words = ""

    def clear(self) -> None:
        """Ask nothing any more."""
        self._number += 1
        self.trial, self.words = None, ""

    def ask(self, held: Derived, span_s: float = HOUR_S) -> None:
        """Work a derived tag out over the last hour."""
        self.clear()
        number_, now_ns = self._number, self._at.now_ns()
        others = (spec for spec in self._at.specs if spec.name != held.name)
        specs = [replace(spec, slot=i) for i, spec in enumerate(others)]
        slot = len(specs)
        made = TagSpec(slot=slot, name=held.name or "derived", expression=held.expression, unit=held.unit)
        rule = RuleSpec(id=made.name, kind="expression", slot=slot, fires=False, made=(slot,))
        try:
            trial = trial_of(rule, (rule,), (*specs, made), now_ns - int(span_s * NS), now_ns)
        except Fault as fault:
            self.words = f"{fault.what} {fault.remedy}"
            self._changed()
            return
        self.words = "Reading the history …"
        RuleRecord(self._at.ask_recorder, trial, lambda missing: self._read(number_, trial, missing))
        self._changed()

    def _read(self, number_: int, trial: Trial, missing: str) -> None:
        if number_ != self._number:
            return
        if not trial.is_given:
            self.words = missing
            self._changed()
            return
        self._go_on(number_, trial, missing)

    def _go_on(self, number_: int, trial: Trial, missing: str) -> None:
        def slice_() -> object:
            trial.advance(SLICE)
            return None

        self._at.work(slice_, lambda _answer: self._stepped(number_, trial, missing))

    def _stepped(self, number_: int, trial: Trial, missing: str) -> None:
        if number_ != self._number:
            return
        if not trial.is_done:
            self._go_on(number_, trial, missing)
            return
        self.trial, self.words = trial, f"{words(trial)} {missing}".strip()
        self._changed()


def words(trial: Trial) -> str:
    """Return in a sentence what a derived tag would have been."""
    span = span_text((trial.to_ns - trial.from_ns) / NS)
    known = [v for v in trial.value if math.isfinite(v)]
    if not known:
        return f"In the last {span} it would have had no value."
    unit = f" {trial.specs[-1].unit}" if trial.specs[-1].unit else ""
    share = trial.unknown / max(1, len(trial.t_ns))
    doubt = f" For {share:.0%} of that it would have been bad, stale or not known." if trial.unknown else ""
    return f"In the last {span} it would have been {min(known):.4g} to {max(known):.4g}{unit}.{doubt}"
