from __future__ import annotations

import numpy as np
import pytest

from armillary.model import expression
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, COMM, DERIVED, GOOD, NEVER, SENSOR, STALE

TAGS = frozenset(
    {
        "tank1.level",
        "tank1.level2",
        "T-101",
        "T-101.level",
        "T",
        "a",
        "b",
        "c",
        "Skid:Pump/Speed",
        "9.x",
        "x y",
    }
)


def _one(text: str, quality: dict[str, int] | None = None, **values: float) -> tuple[float, int]:
    compiled = expression.compile(text, frozenset(values) | TAGS)
    words = {name: np.array([(quality or {}).get(name, GOOD)], np.uint16) for name in compiled.names}
    value, word = compiled.evaluate({n: np.array([values[n]]) for n in compiled.names}, words)
    return float(value[0] if value.shape else value), int(word[0] if word.shape else word)


def test_the_longest_known_name_is_one_name_also_with_dots_and_dashes() -> None:
    compiled = expression.compile("T-101.level < 40 and tank1.level2 > tank1.level", TAGS)
    assert compiled.names == ("T-101.level", "tank1.level2", "tank1.level")
    assert expression.compile("Skid:Pump/Speed / 2", TAGS).names == ("Skid:Pump/Speed",)
    assert expression.compile("`x y` + `9.x` - `T-101`", TAGS).names == ("x y", "9.x", "T-101")


def test_a_minus_without_spaces_is_a_minus_where_no_name_could_be_meant() -> None:
    assert _one("a-b", a=3.0, b=1.0) == (2.0, GOOD)
    assert _one("a-1", a=3.0) == (2.0, GOOD)
    assert _one("T-101.level-1", **{"T-101.level": 3.0}) == (2.0, GOOD)


def test_many_rows_are_evaluated_at_once() -> None:
    compiled = expression.compile("a / b * 100", TAGS)
    value, word = compiled.evaluate({"a": np.array([1.0, 2.0, 3.0]), "b": np.array(4.0)})
    assert value.tolist() == [25.0, 50.0, 75.0]
    assert word.tolist() == [0, 0, 0]
    by_row, _ = compiled.evaluate(np.array([[1.0, 2.0], [4.0, 8.0]]))
    assert by_row.tolist() == [25.0, 25.0]


def test_the_result_never_shares_memory_with_an_input() -> None:
    a = np.array([1.0])
    value, _ = expression.compile("a", TAGS).evaluate({"a": a})
    value[0] = 9.0
    assert a[0] == 1.0


def test_a_constant_has_the_shape_of_no_input() -> None:
    value, word = expression.compile("2 ** 3", ()).evaluate({})
    assert (float(value), int(word), value.shape) == (8.0, GOOD, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abs(-3)", 3.0),
        ("min(3, 1, 2) + max(3, 1, 2)", 4.0),
        ("sum(1, 2, 3) + mean(1, 2, 3, 6)", 9.0),
        ("median(5, 1, 3)", 3.0),
        ("sqrt(16) + exp(0) + log(1) + log10(100)", 7.0),
        ("sin(0) + cos(0) + tan(0) + atan2(0, 1)", 1.0),
        ("floor(1.7) + ceil(1.2) + round(2.5) + round(1.26, 1)", 6.3),
        ("clip(7, 0, 5)", 5.0),
        ("where(2 > 1, 10, 20)", 10.0),
        ("10 if 1 > 2 else 20", 20.0),
        ("1 < 2 < 3", 1.0),
        ("1 < 2 > 3", 0.0),
        ("not (1 > 2) and True", 1.0),
        ("0 or 7", 1.0),
        ("-7 // 2 + -7 % 3", -2.0),
        ("2 ** -2", 0.25),
        ("isfinite(1) + good(1) + quality(1)", 2.0),
        ("3 -\n 1", 2.0),
    ],
)
def test_each_function_and_operator_gives_its_value(text: str, expected: float) -> None:
    value, word = _one(text)
    assert value == pytest.approx(expected)
    assert word == GOOD


def test_the_result_is_as_bad_as_the_worst_input_and_says_why() -> None:
    value, word = _one("a + b", {"a": STALE | COMM, "b": BAD | SENSOR}, a=1.0, b=2.0)
    assert (value, word) == (3.0, BAD | COMM | SENSOR)


@pytest.mark.parametrize("text", ["where(c > 0, a, b)", "a if c > 0 else b"])
def test_the_branch_not_taken_does_not_count(text: str) -> None:
    assert _one(text, {"b": BAD}, a=1.0, b=2.0, c=1.0) == (1.0, GOOD)
    assert _one(text, {"b": BAD}, a=1.0, b=2.0, c=-1.0) == (2.0, BAD)
    assert _one(text, {"c": STALE}, a=1.0, b=2.0, c=1.0) == (1.0, STALE)


def test_what_and_or_do_not_read_does_not_count() -> None:
    assert _one("a > 0 and b > 0", {"b": BAD}, a=-1.0, b=1.0) == (0.0, GOOD)
    assert _one("a > 0 or b > 0", {"b": BAD}, a=1.0, b=1.0) == (1.0, GOOD)
    assert _one("a > 0 or b > 0", {"b": BAD}, a=-1.0, b=1.0) == (1.0, BAD)


def test_a_fallback_takes_the_quality_of_what_it_falls_back_to() -> None:
    nan = float("nan")
    assert _one("where(good(a), a, b)", {"a": NEVER}, a=nan, b=2.0) == (2.0, GOOD)
    assert _one("where(isfinite(a), a, b)", {"a": BAD}, a=nan, b=2.0) == (2.0, GOOD)
    assert _one("quality(a)", {"a": STALE | COMM}, a=1.0) == (float(STALE), GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "a / b",
        "a // b",
        "a % b",
        "1 / (1 / b)",
        "(a / b) > 1",
        "log(b)",
        "sqrt(-a)",
        "exp(a * 1000)",
        "b ** -1",
    ],
)
def test_a_result_that_is_no_number_is_nan_and_bad(text: str) -> None:
    value, word = _one(text, a=1.0, b=0.0)
    assert np.isnan(value)
    assert word == BAD | DERIVED


def test_only_the_rows_that_have_no_result_are_bad() -> None:
    compiled = expression.compile("a / b", TAGS)
    value, word = compiled.evaluate({"a": np.array([1.0, 1.0]), "b": np.array([0.0, 2.0])})
    assert np.isnan(value[0])
    assert value[1] == 0.5
    assert word.tolist() == [BAD | DERIVED, GOOD]


def test_an_input_that_never_came_stays_never() -> None:
    value, word = _one("a + 1", {"a": NEVER}, a=float("nan"))
    assert np.isnan(value)
    assert word == NEVER


def test_the_age_of_a_tag_is_an_input() -> None:
    compiled = expression.compile("where(age(a) < 5, a, b)", TAGS)
    assert compiled.reads_age
    values = {"a": np.array([1.0, 1.0]), "b": np.array([2.0, 2.0])}
    value, word = compiled.evaluate(values, None, {"a": np.array([1.0, 9.0]), "b": np.zeros(2)})
    assert value.tolist() == [1.0, 2.0]
    value, word = compiled.evaluate(values, None, {"a": np.array([1.0, np.inf]), "b": np.zeros(2)})
    assert word.tolist() == [GOOD, BAD | DERIVED]


@pytest.mark.parametrize(
    ("text", "part", "column"),
    [
        ("a.real", "'a.real' is not known", 1),
        ("a + nothing.x", "'nothing.x' is not known", 5),
        ("__import__('os')", "'__import__' is not known", 1),
        ("(a).real", "dot outside|not known", 0),
        ("a[0]", "Subscript is not allowed", 1),
        ("lambda: 1", "Lambda is not allowed", 1),
        ("[1, 2]", "List is not allowed", 1),
        ("(a for b in c)", "not allowed|cannot be read", 0),
        ("a + 'text'", "not known", 0),
        ("1 + None", "Constant is not allowed", 5),
        ("max(1)", "max\\(\\) has 1 arguments", 1),
        ("max(*a)", "plain arguments", 1),
        ("round(a, ndigits=2)", "not known|plain arguments", 0),
        ("abs", "'abs' is not known", 1),
        ("a(1)", "cannot be called", 1),
        ("rate(a, 60)", "only a derived tag can", 1),
        ("mean(a, 60)", "only a derived tag can", 1),
        ("age(a + b)", "needs a tag", 1),
        ("2 ** a", "exponent must be a number", 6),
        ("2 ** 999", "exponent must be a number", 6),
        ("a << 2", "LShift is not allowed", 1),
        ("a is b", "Is is not allowed", 1),
        ("a := 1", "cannot be read", 0),
        ("a +", "cannot be read", 0),
        ("", "cannot be read", 0),
        ("1e999", "too large", 1),
        ("9" * 400, "too large", 1),
        ("`a", "not closed", 1),
        ("`zz`", "'zz' is not known", 1),
        ("1a", "no number", 1),
        ("T-101.levle - 3", "doubtful|not known", 1),
        ("T-3", "doubtful", 1),
    ],
)
def test_what_is_not_on_the_list_is_refused_with_its_column(text: str, part: str, column: int) -> None:
    with pytest.raises(ProjectFault, match=part) as caught:
        expression.compile(text, TAGS, where="twins.json:t.x")
    assert caught.value.where == "twins.json:t.x"
    assert caught.value.remedy
    if column:
        assert f"column {column})" in caught.value.what


@pytest.mark.parametrize(
    "text",
    ["+".join(["a"] * 150), "(" * 500 + "a" + ")" * 500, "-" * 3000 + "a", "a" * 5000, "not " * 900 + "a"],
)
def test_an_expression_that_is_too_big_is_refused(text: str) -> None:
    with pytest.raises(ProjectFault):
        expression.compile(text, TAGS)


def test_an_unknown_name_gets_a_proposal() -> None:
    with pytest.raises(ProjectFault) as caught:
        expression.compile("tank1.levl + 1", TAGS)
    assert "tank1.level" in caught.value.remedy


def test_expressions_that_differ_only_in_their_tags_have_one_shape() -> None:
    one, two = expression.compile("a / (b + 1)", TAGS), expression.compile("b / (T-101.level + 1)", TAGS)
    assert one.shape == two.shape
    assert one.shape != expression.compile("a / (b + 2)", TAGS).shape
