"""Functions of an expression that look back: found in its tree, checked, and taken out of it.

What such a call answers is kept by whoever has the samples (`twin.past`); for the rest of the expression it
is one more input, behind the tags.
"""

from __future__ import annotations

import ast
import copy
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from armillary.model.expression_nodes import Node, Refused, build

SHORTEST_S, BRIEFEST_S, LONGEST_S = 1.0, 0.1, 366 * 86_400.0
MOST_CALLS = 16  # of one expression
_HUNDRED = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a function takes: `parts` expressions, then seconds, then at most two more numbers."""

    parts: int = 1
    seconds: float = 0.0  # the fewest it takes; 0 = it takes none
    extra: str = ""  # what the number after that is; "" = none
    needs_extra: bool = False
    more: str = ""  # a second number after it, that may be left out
    signed: bool = False  # `extra` may be below zero
    told: str = ""  # for people: how it is written, and what it answers


def _window(told: str) -> Signature:
    return Signature(seconds=SHORTEST_S, told=told)


def _limit(told: str) -> Signature:
    return Signature(extra="limit", needs_extra=True, more="deadband", signed=True, told=told)


AGGREGATES = {
    "mean": "the mean by time",
    "min": "the least value",
    "max": "the greatest value",
    "sum": "the sum of the samples",
    "count": "the number of samples",
    "std": "the standard deviation by time",
    "last": "the last value",
    "integral": "the integral over time, in units times seconds",
}
FUNCTIONS: dict[str, Signature] = {
    "mean": _window("mean(x, s): the mean over the last s seconds, by time"),
    "sum": _window("sum(x, s): the sum of the samples of the last s seconds"),
    "std": _window("std(x, s): the standard deviation over the last s seconds, by time"),
    "lowest": _window("lowest(x, s): the least value of the last s seconds"),
    "highest": _window("highest(x, s): the greatest value of the last s seconds"),
    "percentile": Signature(
        seconds=SHORTEST_S,
        extra="per cent",
        needs_extra=True,
        told="percentile(x, s, p): below it x was for p per cent of the last s seconds",
    ),
    "rate": _window("rate(x, s): the slope over the last s seconds, per second"),
    "delta": _window("delta(x, s): the change over the last s seconds"),
    "count": _window("count(c, s): how often c became true in the last s seconds"),
    "held": Signature(seconds=BRIEFEST_S, told="held(c, s): whether c has been true for s seconds"),
    "ewma": Signature(seconds=BRIEFEST_S, told="ewma(x, s): the mean weighted by exp(-age / s)"),
    "time_since": Signature(told="time_since(c): seconds since c became true"),
    "time_since_change": Signature(told="time_since_change(x): seconds since x changed"),
    "hours_run": Signature(told="hours_run(c): for how many hours c was true"),
    "hours_today": Signature(told="hours_today(c): the same since midnight"),
    "integral": Signature(told="integral(x): the integral over time, in units times seconds"),
    "integral_today": Signature(told="integral_today(x): the same since midnight"),
    "starts": Signature(told="starts(c): how often c became true"),
    "starts_today": Signature(told="starts_today(c): the same since midnight"),
    "metered": Signature(
        extra="the count at which it begins anew", told="metered(x, wrap): what a counter counted"
    ),
    "metered_today": Signature(
        extra="the count at which it begins anew", told="metered_today(x, wrap): the same since midnight"
    ),
    **{
        f"tumbling_{name}": _window(f"tumbling_{name}(x, s): {told} of the last whole window of s seconds")
        for name, told in AGGREGATES.items()
    },
    **{
        f"session_{name}": Signature(
            seconds=BRIEFEST_S,
            told=f"session_{name}(x, gap): {told} of the samples since one came after gap seconds of silence",
        )
        for name, told in AGGREGATES.items()
    },
    "beyond": _limit("beyond(x, limit, deadband): true above the limit until back by the deadband"),
    "below": _limit("below(x, limit, deadband): true below the limit until back by the deadband"),
    "sequence": Signature(
        parts=2, seconds=BRIEFEST_S, told="sequence(a, b, s): true when b came true within s seconds after a"
    ),
    "missing": Signature(
        parts=2, seconds=BRIEFEST_S, told="missing(a, b, s): true when s seconds after a came true b had not"
    ),
    "absent": Signature(seconds=BRIEFEST_S, told="absent(c, s): true when c was not true for s seconds"),
    "silent": Signature(seconds=BRIEFEST_S, told="silent(x, s): true when no sample came for s seconds"),
    "robust": Signature(
        seconds=SHORTEST_S,
        extra="resolution",
        told="robust(x, s, resolution): deviations from the median of the last s seconds",
    ),
    "surprise": _window("surprise(x, s): deviations from what its fading mean over s seconds foretold"),
    "unusual": _window("unusual(x, period): deviations from what it was at this time of other periods"),
    "novelty": Signature(
        seconds=SHORTEST_S,
        extra="period",
        more="resolution",
        told="novelty(x, s, period, resolution): how odd it was of late, in deviations",
    ),
    "latch": Signature(parts=2, told="latch(set, reset): true from set until reset"),
    "hold": Signature(parts=2, told="hold(x, c): x as it was when c was true last"),
}
WINDOWS = frozenset(name for name, each in FUNCTIONS.items() if each.seconds == SHORTEST_S)
MOST_WINDOWS = 16_384  # of a project: each takes up to 16 KiB, whatever its length
SHARED = frozenset({"mean", "sum"})  # of present values too: a second number makes them look back


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One call: what it watches is `node`, of the tags at `reads` of the expression's names."""

    kind: str
    seconds: float
    extra: float
    node: Node
    reads: tuple[int, ...]
    text: str  # equal for calls that watch the same of other tags
    key: str  # names it in a file, whatever else the expression holds
    more: float = 0.0
    numbers: tuple[float, ...] = ()  # written in what it watches: inputs behind those at `reads`


def looks_back(node: ast.AST) -> bool:
    """Return whether a node is a call of a function over time."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=args) if name in SHARED:
            return len(args) == 2 and _number(args[1]) is not None and _names(args[0]) != []  # noqa: PLR2004
        case ast.Call(func=ast.Name(id=name)):
            return name in FUNCTIONS
        case _:
            return False


def take_out(tree: ast.expr, names: Sequence[str]) -> tuple[ast.expr, tuple[Past, ...]]:
    """Return the tree with each call replaced by `_K`, `_K+1`, … behind the K names, and the calls.

    Raises Refused.
    """
    if not any(looks_back(node) for node in ast.walk(tree)):
        return tree, ()
    taker = _Taker(names)
    rest: ast.expr = taker.visit(tree)
    return rest, tuple(taker.calls)


class _Taker(ast.NodeTransformer):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.calls: list[Past] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not looks_back(node):
            self.generic_visit(node)
            return node
        made = _past(node, self._names)
        if made not in self.calls and all(made.key != known.key for known in self.calls):
            self.calls.append(made)
        if len(self.calls) > MOST_CALLS:
            what = f"The expression looks back more than {MOST_CALLS} times."
            raise Refused(what, "Split it into several tags.", node)
        index = next(i for i, known in enumerate(self.calls) if known.key == made.key)
        return ast.copy_location(ast.Name(id=f"_{len(self._names) + index}", ctx=ast.Load()), node)


def _past(node: ast.Call, names: Sequence[str]) -> Past:
    kind = node.func.id if isinstance(node.func, ast.Name) else ""
    signature = FUNCTIONS[kind]
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise Refused(f"{kind}() takes plain arguments only.", "Remove keywords and stars.", node)
    parts, rest = node.args[: signature.parts], node.args[signature.parts :]
    fewest = bool(signature.seconds) + signature.needs_extra
    most = bool(signature.seconds) + bool(signature.extra) + bool(signature.more)
    if len(parts) < signature.parts or not fewest <= len(rest) <= most:
        raise Refused(f"{kind}() has {len(node.args)} arguments.", f"Write {signature.told}.", node)
    for part in parts:
        _must_be_present(part, kind)
    seconds = _seconds(rest[0], kind, signature) if signature.seconds else 0.0
    extra, more = [*rest[bool(signature.seconds) :], None, None][:2]
    inner = _inner(kind, parts)
    used = list(dict.fromkeys(_names(inner)))
    local = _Renamed({name: f"_{i}" for i, name in enumerate(used)}).visit(copy.deepcopy(inner))
    reads = tuple(int(name[1:]) for name in used)
    lifter = _Lifted(len(used))
    local = lifter.visit(local)
    text = ast.unparse(local)
    shown = re.sub(r"\b_(\d+)\b", lambda m: f"`{names[int(m.group(1))]}`", ast.unparse(inner))
    number = _extra(extra, kind, signature.extra, signature)
    second = _extra(more, kind, signature.more, signature) if more is not None else 0.0
    return Past(
        kind=kind,
        seconds=seconds,
        extra=number,
        node=build(local),
        reads=reads,
        text=text,
        key=f"{kind}({shown}, {seconds:.17g}, {number:.17g}{f', {second:.17g}' if second else ''})",
        more=second,
        numbers=tuple(lifter.numbers),
    )


def _must_be_present(part: ast.expr, kind: str) -> None:
    for node in ast.walk(part):
        if looks_back(node):
            what = f"{kind}() is given another function over time."
            raise Refused(what, "Make the inner one a derived tag of its own, and name that.", part)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "age":
            raise Refused(f"{kind}() cannot watch an age.", "Use time_since(…) or age(…) alone.", part)
    if not _names(part):
        raise Refused(f"{kind}() is given no tag.", "Name the tag that it watches.", part)


def _inner(kind: str, parts: Sequence[ast.expr]) -> ast.expr:
    """Return what is watched as one expression: of two parts, one that tells both."""
    if kind == "latch":  # -1 where it is reset, 1 where it is set, 0 where it stays
        text = "where(reset, -1, where(set, 1, 0))"
        return _filled(text, {"set": parts[0], "reset": parts[1]})
    if kind in ("sequence", "missing"):  # both in one number: 1 for a, 2 for b
        return _filled("where(a, 1, 0) + where(b, 2, 0)", {"a": parts[0], "b": parts[1]})
    if kind == "hold":  # no value where the condition is false
        return _filled("x / where(c, 1, 0)", {"x": parts[0], "c": parts[1]})
    return parts[0]


def _filled(text: str, parts: dict[str, ast.expr]) -> ast.expr:
    filled: ast.expr = _Filled(parts).visit(ast.parse(text, mode="eval").body)
    return filled


class _Filled(ast.NodeTransformer):
    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self._parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._parts.get(node.id, node)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._new = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(id=self._new.get(node.id, node.id), ctx=ast.Load()), node)


class _Lifted(ast.NodeTransformer):
    """Takes numbers beside tags out of an expression: calls that differ in them alone are alike."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.numbers: list[float] = []

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = [node.left, *node.comparators]
        beside = any(map(_names, sides))
        node.left, *node.comparators = [self._side(side, beside=beside) for side in sides]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        lifts = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div)
        beside = lifts and bool(_names(node.left) or _names(node.right))
        node.left, node.right = (self._side(side, beside=beside) for side in (node.left, node.right))
        return node

    def _side(self, side: ast.expr, *, beside: bool) -> ast.expr:
        number = _number(side) if beside and not isinstance(side, ast.BinOp) else None
        if number is None or not math.isfinite(number):
            out: ast.expr = self.visit(side)
            return out
        self.numbers.append(number)
        name = ast.Name(id=f"_{self._first + len(self.numbers) - 1}", ctx=ast.Load())
        return ast.copy_location(name, side)


def _names(part: ast.expr) -> list[str]:
    """Return the tags in a part, `_0` …, in their order; functions are none."""
    return [
        n.id
        for n in ast.walk(part)
        if isinstance(n, ast.Name) and n.id.startswith("_") and n.id[1:].isdigit()
    ]


def _number(node: ast.expr) -> float | None:
    """Return a number that is written out, products of such too (24 * 3600); None for anything else."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                return math.inf
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            a, b = _number(left), _number(right)
            return None if a is None or b is None else a * b
        case _:
            return None


def _seconds(node: ast.expr, kind: str, signature: Signature) -> float:
    number = _number(node)
    if number is None:
        raise Refused(f"The seconds of {kind}() must be written out.", "Give a number, as 60.", node)
    if not signature.seconds <= number <= LONGEST_S:
        what = f"{kind}() cannot look back {number:g} s."
        raise Refused(what, f"Give {signature.seconds:g} to {LONGEST_S:.0f} s.", node)
    return number


def _extra(node: ast.expr | None, kind: str, name: str, signature: Signature) -> float:
    if node is None:
        return 0.0
    number = _number(node)
    lowest = -math.inf if signature.signed and name == signature.extra else 0.0
    if number is None or not (lowest <= number < math.inf and math.isfinite(number)):
        raise Refused(f"'{name}' of {kind}() must be a number.", f"Write {signature.told}.", node)
    if kind == "percentile" and number > _HUNDRED:
        raise Refused("There are no more than 100 per cent.", "Give 0 to 100.", node)
    return number
