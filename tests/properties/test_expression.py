"""Expressions give what Python gives, wherever Python gives a finite number."""

from __future__ import annotations

import contextlib
import math
import statistics

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model import expression
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, NEVER, rank

NAMES = ("tank1.level", "P-101A.speed", "x")
PYTHON = {"tank1.level": "a", "P-101A.speed": "b", "x": "c"}
SCOPE = {
    "abs": abs, "min": min, "max": max, "sqrt": math.sqrt, "floor": math.floor, "ceil": math.ceil,
    "sin": math.sin, "cos": math.cos, "atan2": math.atan2, "exp": math.exp,
    "median": lambda *v: statistics.median(v), "mean": lambda *v: sum(v) / len(v),
    "where": lambda c, a, b: a if c else b, "clip": lambda v, low, high: min(max(v, low), high),
}  # fmt: skip
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3))


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    triple = st.tuples(inner, inner, inner)
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(st.sampled_from(["abs", "sqrt", "floor", "ceil", "sin", "cos"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        pair.map(lambda t: f"max({t[0]}, {t[1]})"),
        pair.map(lambda t: f"bool({t[0]} and {t[1]})"),
        pair.map(lambda t: f"bool({t[0]} or {t[1]})"),
        triple.map(lambda t: f"median({t[0]}, {t[1]}, {t[2]})"),
        triple.map(lambda t: f"where({t[0]}, {t[1]}, {t[2]})"),
        triple.map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        inner.map(lambda t: f"(-{t})"),
        inner.map(lambda t: f"({t} ** 2)"),
    )


texts = st.recursive(st.sampled_from(NAMES) | numbers.map(repr), _grow, max_leaves=12)


def _python(text: str, values: list[float]) -> float:
    for name, short in PYTHON.items():
        text = text.replace(name, short) if len(name) > 1 else text.replace(" x", f" {short}")
    scope = dict(zip(("a", "b", "c"), values, strict=True))
    scope["x"] = values[2]
    return float(eval(text, {"__builtins__": {}, "bool": bool, **SCOPE}, scope))  # noqa: S307 - our own text


@settings(max_examples=300, deadline=None)
@given(texts, st.lists(numbers, min_size=3, max_size=3))
def test_an_expression_gives_what_python_gives(text: str, values: list[float]) -> None:
    ours = text.replace("bool(", "(")
    compiled = expression.compile(ours, frozenset(NAMES))
    held = dict(zip(NAMES, values, strict=True))
    value, word = compiled.evaluate({n: np.array([held[n]]) for n in compiled.names})
    got, rated = float(value.reshape(-1)[0]), int(word.reshape(-1)[0])
    try:
        expected = _python(text, values)
    except (ZeroDivisionError, ValueError, OverflowError):
        if ("where(" in text or "median(" in text) and not math.isnan(got):
            return  # Python evaluated a branch or a voter that ours does not read (operations 2.3)
        assert math.isnan(got)
        assert rated & 0xFF == BAD
        return
    if rated == 0:
        assert math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-9)
    else:  # an operand without a result that Python did not evaluate, or an overflow
        assert math.isnan(got) == (rated & 0xFF >= BAD)


@settings(max_examples=200, deadline=None)
@given(texts, st.data())
def test_the_value_is_finite_or_the_quality_is_bad(text: str, data: st.DataObject) -> None:
    compiled = expression.compile(text.replace("bool(", "("), frozenset(NAMES))
    any_value = st.floats(allow_nan=True, allow_infinity=True)
    values = {n: np.array(data.draw(st.lists(any_value, min_size=4, max_size=4))) for n in compiled.names}
    words = {
        n: np.array(data.draw(st.lists(st.integers(0, NEVER), min_size=4, max_size=4)), np.uint16)
        for n in compiled.names
    }
    value, word = compiled.evaluate(values, words)
    assert (np.isfinite(value) | (rank(word) >= BAD)).all()


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_compiles_or_is_refused_with_a_fault(text: str) -> None:
    with contextlib.suppress(ProjectFault):
        assert expression.compile(text, frozenset(NAMES)).text == text
