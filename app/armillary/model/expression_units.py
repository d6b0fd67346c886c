"""The unit of an expression, worked out from the units of what it reads, and what does not fit, in words."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from armillary.model import units
from armillary.model.expression import WORDS
from armillary.model.expression_past import FUNCTIONS as OVER_TIME
from armillary.model.expression_text import rewrite
from armillary.model.fault import ProjectFault

# what keeps the unit of its arguments, which then must be one
_ALIKE = frozenset(
    {"abs", "min", "max", "sum", "mean", "floor", "ceil", "clip", "round", "median", "dissent"}
)
_ALIKE_PAST = frozenset({"std", "lowest", "highest", "percentile", "delta", "ewma", "hold", "metered"})
_PLAIN = frozenset({"exp", "log", "log10", "sin", "cos", "tan", "isfinite", "good", "quality", "atan2"})
_SECONDS, _HOURS = (
    frozenset({"age", "time_since", "time_since_change"}),
    frozenset({"hours_run", "hours_today"}),
)
_COUNTS = frozenset({"count", "held", "starts", "starts_today", "inside"})


@dataclass(frozen=True, slots=True)
class Found:
    """The unit of an expression: None = not known. `notes` say why, or what does not fit."""

    unit: str | None
    notes: tuple[str, ...] = ()
    wrong: bool = False  # one of the notes is a mistake, not a doubt


@dataclass(frozen=True, slots=True)
class _Part:
    unit: str | None  # None: nobody knows
    number: float | None = None  # of a number that is written out: it takes on the unit of what it meets
    scaled: bool = False


_NUMBER = _Part("")


def derived(text: str, unit_of: Mapping[str, str], where: str = "") -> Found:
    """Return the unit of an expression; `unit_of` has every name that it may read, with its unit.

    Looks only at text and units: nothing is evaluated. Raises ProjectFault for what cannot be read.
    """
    source = rewrite(text, unit_of, WORDS, where)
    try:
        tree = ast.parse(source.text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProjectFault(
            f"The expression cannot be read. (in '{text}')", where=where, remedy="Correct it."
        ) from error
    work = _Work([unit_of[name] for name in source.names], source.names)
    try:
        part = work.of(tree)
    except RecursionError:
        return Found(None, ("It is nested too deeply to say.",))
    except ProjectFault as fault:
        return Found(None, (fault.what,))
    if part.scaled and part.unit:
        work.notes.append(f"It is multiplied by a number, so whether it is still {part.unit} cannot be said.")
        return Found(None if not work.wrong else part.unit, tuple(work.notes), work.wrong)
    return Found(None if work.wrong else part.unit, tuple(dict.fromkeys(work.notes)), work.wrong)


def check(text: str, unit_of: Mapping[str, str], wanted: str, where: str = "") -> tuple[Found, str]:
    """Return the unit of an expression, and why `wanted` is not its unit, "" where it is or nobody knows."""
    found = derived(text, unit_of, where)
    if found.wrong:
        return found, found.notes[0]
    if found.unit is None or not wanted or units.same(found.unit, wanted):
        return found, ""
    told = found.unit or "a plain number"
    try:
        factor, offset = units.conversion(found.unit, wanted, where) if found.unit else (0.0, 0.0)
    except ProjectFault:
        return found, f"The expression gives {told}, which is no {wanted}."
    if not found.unit:
        return found, f"The expression gives {told}, not {wanted}."
    if (round(factor, 12), offset) == (1.0, 0.0):
        return found, ""
    return found, f"The expression gives {told}: 1 {found.unit} is {factor + offset:.6g} {wanted}."


class _Work:
    def __init__(self, unit: Sequence[str], names: Sequence[str]) -> None:
        self._unit, self._names = unit, names
        self.notes: list[str] = []
        self.wrong = False

    def of(self, node: ast.expr) -> _Part:
        match node:
            case ast.Constant(value=bool()):
                return _NUMBER
            case ast.Constant(value=(int() | float()) as number):
                return _Part("", float(number))
            case ast.Name(id=name) if name[:1] == "_" and name[1:].isdigit():
                return self._tag(int(name[1:]))
            case ast.UnaryOp(op=ast.Not()) | ast.Compare():
                self._compare(node)
                return _NUMBER
            case ast.UnaryOp(operand=inner):
                return self.of(inner)
            case ast.BoolOp(values=values):
                for value in values:
                    self.of(value)
                return _NUMBER
            case ast.IfExp(test=test, body=yes, orelse=no):
                self.of(test)
                return self._alike([self.of(yes), self.of(no)], "chosen between")
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.of(left), self.of(right))
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
            case _:
                return _Part(None)

    def _tag(self, i: int) -> _Part:
        """Return a tag; one without a unit may be a plain number or not: nobody has said."""
        if not self._unit[i]:
            self.notes.append(f"{self._names[i]} has no unit.")
        return _Part(self._unit[i] or None)

    def _compare(self, node: ast.expr) -> None:
        if isinstance(node, ast.Compare):
            self._alike([self.of(each) for each in (node.left, *node.comparators)], "compared")
        elif isinstance(node, ast.UnaryOp):
            self.of(node.operand)

    def _alike(self, parts: Sequence[_Part], verb: str) -> _Part:
        """Return what several have in common; numbers that are written out fit everything."""
        scaled = any(part.scaled for part in parts)
        real = [part for part in parts if part.number is None]
        if any(part.unit is None for part in real):
            return _Part(None)
        units_ = list(dict.fromkeys(part.unit or "" for part in real))
        if not units_:
            return _Part("", scaled=scaled)
        first = units_[0]
        for other in units_[1:]:
            if not units.same(first, other) and not scaled:
                a, b = first or "a plain number", other or "a plain number"
                self.notes.append(f"{a} and {b} cannot be {verb}.")
                self.wrong = True
        return _Part(first, scaled=scaled)

    def _binary(self, op: ast.operator, left: _Part, right: _Part) -> _Part:
        match op:
            case ast.Add():
                return self._alike((left, right), "added")
            case ast.Sub():
                return self._alike((left, right), "subtracted")
            case ast.Mod():
                return left
            case ast.Mult():
                return self._times(left, right, 1)
            case ast.Div() | ast.FloorDiv():
                return self._times(left, right, -1)
            case ast.Pow():
                return self._power(left, right)
            case _:
                return _Part(None)

    def _times(self, left: _Part, right: _Part, sign: int) -> _Part:
        if left.unit is None or right.unit is None:
            return _Part(None)
        scaled = left.scaled or right.scaled
        if left.number is not None and right.number is not None:
            return _Part("", 1.0)
        for number in (left.number, right.number):
            scaled |= number is not None and abs(number) != 1.0 and sign != 0
        return _Part(units.product(((left.unit, 1.0), (right.unit, float(sign)))), scaled=scaled)

    def _power(self, base: _Part, exponent: _Part) -> _Part:
        if base.unit is None or exponent.number is None:
            return _Part(None if base.unit else base.unit)
        power = Fraction(exponent.number).limit_denominator(16)
        return _Part(units.product(((base.unit, float(power)),)), scaled=base.scaled)

    def _call(self, name: str, args: Sequence[ast.expr]) -> _Part:
        if name in OVER_TIME and name not in _ALIKE:
            return self._past(name, args)
        parts = [self.of(each) for each in args]
        if name in ("mean", "sum") and len(parts) == 2 and parts[1].number is not None:  # noqa: PLR2004
            return parts[0]  # over so many seconds
        if name == "round":
            return parts[0] if parts else _Part(None)
        if name in _ALIKE or name == "first_good":
            return self._alike(parts, "put together")
        if name == "where":
            return self._alike(parts[1:], "chosen between")
        if name == "sqrt" and parts:
            return self._power(parts[0], _Part("", 0.5))
        if name in _PLAIN or name in _COUNTS:
            return _NUMBER
        return _Part("s") if name in _SECONDS else _Part(None)

    def _past(self, name: str, args: Sequence[ast.expr]) -> _Part:
        if name in _COUNTS:
            return _NUMBER
        if name in _SECONDS or name in _HOURS:
            return _Part("s" if name in _SECONDS else "h")
        inner = self.of(args[0]) if args else _Part(None)
        if inner.unit is None:
            return inner
        if name == "rate":
            return _Part(units.product(((inner.unit, 1.0), ("s", -1.0))), scaled=inner.scaled)
        if name.startswith("integral"):
            return _Part(units.product(((inner.unit, 1.0), ("s", 1.0))), scaled=inner.scaled)
        return inner if name in _ALIKE_PAST else _Part(None)
