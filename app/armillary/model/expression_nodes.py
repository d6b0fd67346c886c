"""One node of a checked syntax tree → closures over numpy arrays: a fast way and a way with quality."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from armillary.model import expression_area as area
from armillary.model import expression_group as group
from armillary.model import expression_votes as votes
from armillary.model.arrays import B1, F8, U2
from armillary.model.quality import BAD, DERIVED, rank, worst

MAX_EXPONENT = 16.0
MAX_DIGITS = 15  # of round(): a double has no more
GOOD_WORD = np.zeros((), np.uint16)
_BROKEN = np.uint16(BAD | DERIVED)

Value = tuple[F8, U2]
_Ufunc = Callable[..., Any]  # Any: numpy's ufuncs and reductions have no narrower common type


@dataclass(slots=True)
class Inputs:
    """What one evaluation reads; row i belongs to name i."""

    value: Sequence[F8]
    quality: Sequence[U2]
    age_s: Sequence[F8]
    traces: bool = False  # reasons are marks: each result has those of what it was made of, and no others


@dataclass(frozen=True, slots=True)
class Node:
    """Two ways to the same result: `fast` may be taken when every input is finite and GOOD."""

    fast: Callable[[Inputs], F8]
    full: Callable[[Inputs], Value]


class Refused(Exception):
    """A node outside the list; becomes a ProjectFault with its column."""

    def __init__(self, what: str, remedy: str, node: ast.expr) -> None:
        super().__init__(what)
        self.what, self.remedy, self.node = what, remedy, node


def _mean(*rows: F8) -> Any:  # Any: a numpy sum is typed so
    return sum(rows[1:], start=rows[0]) / len(rows)


def _median(*rows: F8) -> Any:
    return np.median(np.stack(np.broadcast_arrays(*rows)), axis=0)


def _total(*rows: F8) -> Any:
    return sum(rows[1:], start=rows[0])


def _least(*rows: F8) -> Any:
    return reduce(np.minimum, rows)


def _most(*rows: F8) -> Any:
    return reduce(np.maximum, rows)


_MANY, PAIR = 32, 2
# name -> (function, fewest arguments, most arguments); each is applied value by value
FUNCTIONS: dict[str, tuple[_Ufunc, int, int]] = {
    "abs": (np.abs, 1, 1),
    "min": (_least, 2, _MANY),
    "max": (_most, 2, _MANY),
    "sum": (_total, 1, _MANY),
    "mean": (_mean, 1, _MANY),
    "sqrt": (np.sqrt, 1, 1),
    "exp": (np.exp, 1, 1),
    "log": (np.log, 1, 1),
    "log10": (np.log10, 1, 1),
    "sin": (np.sin, 1, 1),
    "cos": (np.cos, 1, 1),
    "tan": (np.tan, 1, 1),
    "atan2": (np.arctan2, 2, 2),
    "floor": (np.floor, 1, 1),
    "ceil": (np.ceil, 1, 1),
    "clip": (np.clip, 3, 3),
}
SPECIAL = (
    "round",
    "where",
    "isfinite",
    "good",
    "age",
    "quality",
    "first_good",
    "median",
    "dissent",
    "inside",
)

_BINARY: dict[type[ast.operator], _Ufunc] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_DIVISIONS = (ast.Div, ast.FloorDiv, ast.Mod)
_COMPARE: dict[type[ast.cmpop], _Ufunc] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


def settled(value: F8, quality: U2) -> Value:
    """Return the pair with every value that is not finite NaN, and its quality at least BAD|DERIVED."""
    finite = np.isfinite(value)
    if finite.all():
        return value, quality
    broken = ~finite & (rank(quality) < BAD)
    marked = worst(quality, np.asarray(_BROKEN))
    return np.where(finite, value, np.nan), np.where(broken, marked, quality)


def _f8(value: Any) -> F8:  # Any: what a ufunc returns
    return np.asarray(value, np.float64)


def _apply(function: _Ufunc, parts: Sequence[Node]) -> Node:
    """Return a node that applies a function value by value; its quality is the worst of its parts."""

    def fast(inputs: Inputs) -> F8:
        return _f8(function(*(part.fast(inputs) for part in parts)))

    def full(inputs: Inputs) -> Value:
        pairs = [part.full(inputs) for part in parts]
        quality = reduce(worst, (quality for _, quality in pairs))
        return settled(_f8(function(*(value for value, _ in pairs))), quality)

    return Node(fast, full)


def _divide(function: _Ufunc) -> _Ufunc:
    """Return a division whose result is NaN where the divisor is 0 (1 / (1 / 0) is not 0)."""

    def divided(a: F8, b: F8) -> F8:
        zero = np.equal(b, 0.0)
        if zero.any():
            if np.geterr()["divide"] == "raise":
                raise FloatingPointError
            return _f8(function(a, np.where(zero, np.nan, b)))
        return _f8(function(a, b))

    return divided


def _select(test: Node, yes: Node, no: Node) -> Node:
    """Return `yes` where the test holds, else `no`; the branch not taken does not count for quality."""

    def fast(inputs: Inputs) -> F8:
        return np.where(test.fast(inputs) != 0.0, yes.fast(inputs), no.fast(inputs))

    def full(inputs: Inputs) -> Value:
        (asked, asked_quality), (a, a_quality), (b, b_quality) = (p.full(inputs) for p in (test, yes, no))
        taken: B1 = (asked != 0.0) & ~np.isnan(asked)
        quality = worst(asked_quality, np.where(taken, a_quality, b_quality))
        return settled(np.where(np.isnan(asked), np.nan, np.where(taken, a, b)), quality)

    return Node(fast, full)


def _truth(part: Node) -> Node:
    """Return 1 where a part is not 0, 0 where it is, NaN where it is NaN."""
    return _apply(lambda v: np.where(np.isnan(v), np.nan, np.not_equal(v, 0.0)), (part,))


def _constant(value: float) -> Node:
    array = np.asarray(value, np.float64)
    return Node(lambda _: array, lambda _: (array, GOOD_WORD))


def _compare(operator: _Ufunc, left: Node, right: Node) -> Node:
    """Return 1 or 0; a comparison with NaN is NaN, not false, so that it cannot pass for an answer."""

    def compared(a: F8, b: F8) -> F8:
        return np.where(np.isnan(a) | np.isnan(b), np.nan, operator(a, b))

    return _apply(compared, (left, right))


def _both(parts: Sequence[Node]) -> Node:
    """Return `and` of parts: those after the first that is false are not read."""
    first, *rest = parts
    return _select(first, _both(rest), _constant(0.0)) if rest else _truth(first)


def _either(parts: Sequence[Node]) -> Node:
    """Return `or` of parts: those after the first that is true are not read."""
    first, *rest = parts
    return _select(first, _constant(1.0), _either(rest)) if rest else _truth(first)


def build(node: ast.expr) -> Node:
    """Return the node of a checked tree in which names are `_0`, `_1`, … Raises Refused."""
    match node:
        case ast.Name(id=name):
            return _read(int(name[1:]))
        case ast.Constant(value=bool() | int() | float() as value):
            return _number(node, value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _apply(np.negative, (build(operand),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return build(operand)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _apply(lambda v: 1.0 - v, (_truth(build(operand)),))
        case ast.BinOp():
            return _binary(node)
        case ast.BoolOp(op=op, values=values):
            parts = [build(value) for value in values]
            return _both(parts) if isinstance(op, ast.And) else _either(parts)
        case ast.Compare():
            return _comparison(node)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _select(build(test), build(body), build(orelse))
        case ast.Call(func=ast.Name(id=name)):
            return _call(node, name)
        case ast.Attribute():
            raise Refused("A dot outside a tag's name is not allowed.", "Name the tag as it is listed.", node)
        case _:
            what = f"{type(node).__name__} is not allowed in an expression."
            raise Refused(
                what, "Use numbers, tags, + - * / // % **, comparisons, and/or/not, functions.", node
            )


def _read(index: int) -> Node:
    return Node(
        lambda inputs: inputs.value[index],
        lambda inputs: settled(inputs.value[index], inputs.quality[index]),
    )


def _number(node: ast.expr, value: float) -> Node:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not np.isfinite(number):
        raise Refused("The number is too large.", "Give a number that a double can hold.", node)
    return _constant(number)


def _literal(node: ast.expr) -> float | None:
    """Return the value of a number written out, with its sign; None for anything else."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value) if abs(value) <= MAX_EXPONENT else float("inf")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _literal(operand)
            return None if inner is None else -inner
        case _:
            return None


def _binary(node: ast.BinOp) -> Node:
    operator = _BINARY.get(type(node.op))
    if operator is None:
        raise Refused(f"{type(node.op).__name__} is not allowed.", "Use + - * / // % **.", node)
    left, right = build(node.left), build(node.right)
    if isinstance(node.op, ast.Pow):
        exponent = _literal(node.right)
        if exponent is None or abs(exponent) > MAX_EXPONENT:
            what = f"The exponent must be a number of at most {MAX_EXPONENT:g}."
            raise Refused(what, "Write it out, or use exp(y * log(x)).", node.right)
    return _apply(_divide(operator) if isinstance(node.op, _DIVISIONS) else operator, (left, right))


def _comparison(node: ast.Compare) -> Node:
    sides = [build(side) for side in (node.left, *node.comparators)]
    parts: list[Node] = []
    for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
        operator = _COMPARE.get(type(op))
        if operator is None:
            raise Refused(f"{type(op).__name__} is not allowed.", "Use < <= > >= == !=.", node)
        parts.append(_compare(operator, left, right))
    return parts[0] if len(parts) == 1 else _both(parts)


def _call(node: ast.Call, name: str) -> Node:
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise Refused(f"{name}() takes plain arguments only.", "Remove keywords and stars.", node)
    if name in FUNCTIONS:
        function, fewest, most = FUNCTIONS[name]
        _count(node, name, fewest, most)
        if is_group(node):
            return _group_mean([build(argument) for argument in node.args])
        return _apply(function, [build(argument) for argument in node.args])
    if name not in _SPECIAL:
        raise Refused("A tag cannot be called like a function.", "Put an operator before the bracket.", node)
    return _SPECIAL[name](node)


def _count(node: ast.Call, name: str, fewest: int, most: int) -> None:
    if not fewest <= len(node.args) <= most:
        count = str(fewest) if fewest == most else f"{fewest} to {most}"
        remedy = f"Give {count} argument{'' if count == '1' else 's'}."
        raise Refused(f"{name}() has {len(node.args)} arguments.", remedy, node)


def _round(node: ast.Call) -> Node:
    _count(node, "round", 1, 2)
    digits = _literal(node.args[1]) if len(node.args) > 1 else 0.0
    if digits is None or digits != int(digits) or abs(digits) > MAX_DIGITS:
        remedy = f"Give a whole number up to {MAX_DIGITS}."
        raise Refused("The digits of round() must be written out.", remedy, node)
    places = int(digits)
    return _apply(lambda value: np.round(value, places), (build(node.args[0]),))


def _where(node: ast.Call) -> Node:
    _count(node, "where", 3, 3)
    test, yes, no = (build(argument) for argument in node.args)
    return _select(test, yes, no)


def _about(name: str, answer: Callable[[F8, U2], F8], when_good: float) -> Callable[[ast.Call], Node]:
    """Return the builder of a function that asks about a value: its own answer is always GOOD."""

    def make(node: ast.Call) -> Node:
        _count(node, name, 1, 1)
        part = build(node.args[0])

        def full(inputs: Inputs) -> Value:
            value, quality = part.full(inputs)
            return _f8(answer(value, quality)), GOOD_WORD

        return Node(lambda inputs: np.full_like(part.fast(inputs), when_good), full)

    return make


def _age(node: ast.Call) -> Node:
    _count(node, "age", 1, 1)
    match node.args[0]:
        case ast.Name(id=name):
            index = int(name[1:])
        case _:
            raise Refused("age() needs a tag.", "Give the name of one tag.", node)
    # a tag that never came is infinitely old: NaN and BAD, so that a comparison does not pass
    return Node(lambda inputs: inputs.age_s[index], lambda inputs: settled(inputs.age_s[index], GOOD_WORD))


def _first_good(node: ast.Call) -> Node:
    _count(node, "first_good", 2, _MANY)
    parts = [build(argument) for argument in node.args]
    written = [isinstance(a.operand if isinstance(a, ast.UnaryOp) else a, ast.Constant) for a in node.args]
    if written[0]:
        raise Refused("first_good() begins with a constant: nothing else is read.", "Put it last.", node)
    return Node(parts[0].fast, lambda inputs: settled(*votes.first_good(_pairs(parts, inputs), written)))


def is_group(node: ast.Call) -> bool:
    """Return whether a call is the mean of a group: of three or more members, none of them a number."""
    if not isinstance(node.func, ast.Name) or node.func.id != "mean" or len(node.args) < group.FEWEST:
        return False
    return all(any(isinstance(part, ast.Name) for part in ast.walk(each)) for each in node.args)


def _group_mean(parts: Sequence[Node]) -> Node:
    """Return the mean of members, as good as the share of them that is."""
    return Node(
        lambda inputs: _f8(_mean(*(part.fast(inputs) for part in parts))),
        lambda inputs: settled(*group.mean(_pairs(parts, inputs), traces=inputs.traces)),
    )


def _vote(node: ast.Call) -> Node:
    """Return the median; of three and more it is a vote, of 0 and 1 that of two of three."""
    _count(node, "median", 1, _MANY)
    parts = [build(argument) for argument in node.args]
    if len(parts) <= PAIR:
        return _apply(_median, parts)
    return Node(
        lambda inputs: _f8(_median(*(part.fast(inputs) for part in parts))),
        lambda inputs: settled(*votes.vote(_pairs(parts, inputs))),
    )


def _dissent(node: ast.Call) -> Node:
    """Return who of the voters is farther from their median than the last argument."""
    _count(node, "dissent", 4, _MANY)
    *voters, allowed = [build(argument) for argument in node.args]

    def full(inputs: Inputs) -> Value:
        return settled(*votes.dissent(_pairs(voters, inputs), allowed.full(inputs)))

    return Node(lambda inputs: full(inputs)[0], full)


def _inside(node: ast.Call) -> Node:
    """Return 1 where (x, y) lies in the polygon whose corners follow as numbers."""
    _count(node, "inside", 2 + 2 * area.FEWEST_CORNERS, 2 + 2 * area.MOST_CORNERS)
    numbers = [_plain_number(argument) for argument in node.args[2:]]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or len(known) % PAIR:
        remedy = "Write inside(x, y, x1, y1, x2, y2, x3, y3, …) with the corners as numbers."
        raise Refused("The corners of inside() must be pairs of numbers.", remedy, node)
    corners = np.array(known, np.float64).reshape(-1, 2)
    return _apply(lambda x, y: area.inside(x, y, corners), [build(node.args[0]), build(node.args[1])])


def _plain_number(node: ast.expr) -> float | None:
    """Return a finite number written out, with its sign; None for anything else."""
    match node:
        case ast.Constant(value=int() | float() as value) if abs(value) < 1e300:  # noqa: PLR2004
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _plain_number(operand)
            return None if inner is None else -inner
        case _:
            return None


def _pairs(parts: Sequence[Node], inputs: Inputs) -> list[Value]:
    return [part.full(inputs) for part in parts]


_SPECIAL: dict[str, Callable[[ast.Call], Node]] = {
    "round": _round,
    "where": _where,
    "isfinite": _about("isfinite", lambda value, _: _f8(np.isfinite(value)), 1.0),
    "good": _about("good", lambda _, quality: _f8(rank(quality) == 0), 1.0),
    "quality": _about("quality", lambda _, quality: _f8(rank(quality)), 0.0),
    "age": _age,
    "first_good": _first_good,
    "median": _vote,
    "dissent": _dissent,
    "inside": _inside,
}
