"""Units in a condition: what is compared with what. Plain comparisons are judged; the rest is trusted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import pairwise

from armillary.model import expression
from armillary.model.expression_text import rewrite
from armillary.model.fault import ProjectFault
from armillary.model.tags import TagSpec
from armillary.model.units import same

Sides = tuple[ast.expr, ast.expr]


def misfit(text: str, specs: Mapping[str, TagSpec], unit: str = "") -> tuple[str, str] | None:
    """Return the two sides of the first comparison of two units, `T-101.level in %`; None for none.

    unit: of the numbers in it; "" = each is in the unit of the tag that it is compared with.
    """
    try:
        source = rewrite(text, specs, expression.WORDS, "")
        tree = ast.parse(source.text.strip(), mode="eval").body
    except (ProjectFault, SyntaxError):
        return None  # told as what it is by whoever compiles it
    named = {f"_{i}": specs[tag] for i, tag in enumerate(source.names)}
    for left, right in _pairs(tree):
        one, other = named.get(_name(left)), named.get(_name(right))
        if one is not None and other is not None and not same(one.unit, other.unit):
            return _side(one), _side(other)
        tag = one if one is not None else other
        number = right if one is not None else left
        is_plain = tag is not None and isinstance(number, ast.Constant | ast.UnaryOp)
        if tag is not None and is_plain and unit and not same(tag.unit, unit):
            return _side(tag), f"the condition in {unit}"
    return None


def _side(tag: TagSpec) -> str:
    return f"{tag.name} in {tag.unit or 'no unit'}"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _pairs(tree: ast.expr) -> Iterator[Sides]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            yield from pairwise(sides)
