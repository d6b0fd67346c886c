"""Whitelisted Python expressions → vectorised numpy functions with the quality of what they read.

Used by derived tags, conditions and binding maps. Nothing of Python is executed: the parsed tree is
turned into closures over numpy, node by node, from a closed list.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, U2
from armillary.model.expression_nodes import FUNCTIONS, SPECIAL, Inputs, Node, Refused, build, is_group
from armillary.model.expression_past import FUNCTIONS as OVER_TIME
from armillary.model.expression_past import Past, take_out
from armillary.model.expression_text import fault, rewrite
from armillary.model.fault import ProjectFault
from armillary.model.quality import rank

MAX_NODES = 200
WORDS = frozenset((*FUNCTIONS, *SPECIAL, *OVER_TIME))
MOST_TRACED = 6  # inputs at once: each lends one reason bit, and DERIVED has a meaning of its own
_CHOOSING = frozenset({"where", "first_good", "median"})
Rows = Mapping[str, F8] | Sequence[F8] | F8
_BITS = 8  # the low byte is the rank
Words = Mapping[str, U2] | Sequence[U2] | U2


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A compiled expression of the tags `names`."""

    text: str
    names: tuple[str, ...]
    shape: str  # equal for expressions that differ only in which tags they read
    reads_age: bool
    node: Node
    chooses: bool = False  # it may not read all its inputs
    past: tuple[Past, ...] = ()  # calls of functions over time: inputs behind those of `names`

    @property
    def alone(self) -> Past | None:
        """The function over time that the whole expression is; None when it is more or less than that."""
        is_alone = len(self.past) == 1 and self.shape.startswith(f"_{len(self.names)};")
        return self.past[0] if is_alone else None

    def evaluate(
        self, values: Rows, quality: Words | None = None, age_s: Rows | None = None
    ) -> tuple[F8, U2]:
        """Return (value, quality), of the shape that the inputs broadcast to.

        Inputs are given by name, or as rows in the order of `names`; no quality means GOOD, no age 0 s.
        A value is finite or its quality is BAD or worse; a division by zero is NaN and BAD|DERIVED.
        """
        value_rows = [np.asarray(row, np.float64) for row in self._rows(values)]
        words = [] if quality is None else [np.asarray(row, np.uint16) for row in self._rows(quality)]
        ages = [] if age_s is None else [np.asarray(row, np.float64) for row in self._rows(age_s)]
        shape = np.broadcast_shapes(
            *(r.shape for r in value_rows), *(r.shape for r in words), *(r.shape for r in ages)
        )
        inputs = Inputs(
            value_rows,
            words or [np.zeros(row.shape, np.uint16) for row in value_rows],
            ages or [np.zeros(row.shape) for row in value_rows],
        )
        if self._plain(inputs):
            try:
                with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
                    value = self.node.fast(inputs)
                if np.isfinite(value).all():
                    return _spread(value, shape), np.zeros(shape, np.uint16)
            except FloatingPointError:
                pass  # some row has no result; the full way says which
        with np.errstate(all="ignore"):
            value, word = self.node.full(inputs)
        return _spread(value, shape), np.broadcast_to(word, shape).astype(np.uint16)

    def used(self, values: Rows, quality: Words, age_s: Rows | None = None) -> B1 | None:
        """Return which inputs the result was made of, (k, n); None where it is made of all.

        A branch that is not taken, an input behind the first good one and a voter that was outvoted do not
        count. Reasons travel with quality, so each input lends one of theirs and the result tells whose came.
        """
        if not self.chooses:
            return None
        words = [rank(np.asarray(row, np.uint16)) for row in self._rows(quality)]
        rows = [np.asarray(row, np.float64) for row in self._rows(values)]
        ages = (
            [np.asarray(row, np.float64) for row in self._rows(age_s)]
            if age_s is not None
            else [np.zeros(row.shape) for row in rows]
        )
        shape = np.broadcast_shapes(*(word.shape for word in words))
        out: B1 = np.zeros((len(words), *shape), np.bool_)
        for first in range(0, len(words), MOST_TRACED):
            bits = {i: np.uint16(1 << _BITS + i - first) for i in range(first, len(words))[:MOST_TRACED]}
            marked = [word | bits.get(i, np.uint16(0)) for i, word in enumerate(words)]
            with np.errstate(all="ignore"):
                _, told = self.node.full(Inputs(rows, marked, ages, traces=True))
            for i, bit in bits.items():
                out[i] = (told & bit) != 0
        return out

    def _rows(self, data: Rows | Words) -> Sequence[F8 | U2]:
        return [data[name] for name in self.names] if isinstance(data, Mapping) else list(data)

    def _plain(self, inputs: Inputs) -> bool:
        """Return whether every input is finite and GOOD."""
        finite = all(np.isfinite(row).all() for row in inputs.value)
        fresh = not self.reads_age or all(np.isfinite(row).all() for row in inputs.age_s)
        return finite and fresh and not any(row.any() for row in inputs.quality)


def _spread(value: F8, shape: tuple[int, ...]) -> F8:
    return np.broadcast_to(value, shape).astype(np.float64)  # a copy: an expression may be a bare name


def compile(  # noqa: A001 - as re.compile
    text: str, known_names: Collection[str], where: str = "", *, past: bool = False
) -> Expression:
    """Return the compiled expression; `known_names` are the tags (or variables) it may read.

    Give a set or a mapping when there are many names. where: the place for messages. past: functions over
    time are allowed, as in derived tags.
    Raises ProjectFault with the column of what is refused.
    """
    known = known_names if isinstance(known_names, (Mapping, frozenset, set)) else frozenset(known_names)
    source = rewrite(text, known, WORDS, where)
    try:
        tree = ast.parse(source.text.strip(), mode="eval").body
    except SyntaxError as error:
        column = source.column(_lead(source.text) + max((error.offset or 1) - 1, 0))
        raise _refusal("The expression cannot be read.", text, column, where, "Correct it.") from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise _refusal("The expression is nested too deeply.", text, 1, where, "Split it.") from error
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    if len(nodes) > MAX_NODES:
        what = f"The expression has {len(nodes)} parts, more than {MAX_NODES}."
        raise _refusal(what, text[:40] + "…", 1, where, "Split it into several tags.")
    called = {
        node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    try:
        rest, calls = take_out(tree, source.names)
        if calls and not past:
            what = f"{calls[0].kind}() looks back, which only a derived tag can."
            raise Refused(what, "Make it the expression of a tag, and name that tag here.", tree)
        root = build(rest)
    except Refused as refused:
        column = source.column(_lead(source.text) + refused.node.col_offset)
        raise _refusal(refused.what, text, column, where, refused.remedy) from None
    return Expression(
        text=text,
        names=tuple(source.names),
        shape=_shape(rest, calls) if calls else source.text,
        reads_age="age" in called,
        node=root,
        chooses=bool(called & _CHOOSING) or any(map(_chooses, nodes)),
        past=calls,
    )


def _shape(rest: ast.expr, calls: Sequence[Past]) -> str:
    """Return what expressions have in common that differ in tags, and in how far they look back."""
    return "; ".join((ast.unparse(rest), *(f"{call.kind} {call.text} {call.reads}" for call in calls)))


def _chooses(node: ast.expr) -> bool:
    """Return whether a node may leave out some of what stands in it."""
    return isinstance(node, ast.IfExp | ast.BoolOp) or (isinstance(node, ast.Call) and is_group(node))


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip())


def _refusal(what: str, text: str, column: int, where: str, remedy: str) -> ProjectFault:
    return fault(what, text, column, where, remedy)
