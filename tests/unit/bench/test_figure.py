"""Figures: what they are held against decides, and one that cannot be judged is refused."""

from __future__ import annotations

import json
import math

import pytest

from armillary_bench.figure import absolute, figure, plain

KEYS = ["name", "value", "unit", "against", "against_value", "ratio", "bar", "holds", "work"]


def made(
    value: float, against_value: float | None, bar: float | None, better: str = "lower"
) -> dict[str, object]:
    return figure(
        "load", value, "s", against="peer", against_value=against_value, bar=bar, work="read", better=better
    )


def test_a_figure_has_exactly_the_promised_keys_and_is_json() -> None:
    out = made(2.0, 4.0, 1.7)
    assert list(out) == KEYS
    assert json.loads(json.dumps(out, allow_nan=False)) == out


@pytest.mark.parametrize(
    ("value", "bar", "better", "holds"),
    [
        (2.0, 0.5, "lower", True),  # at the bar
        (2.01, 0.5, "lower", False),
        (2.0, 0.5, "higher", True),
        (1.99, 0.5, "higher", False),
    ],
)
def test_the_ratio_to_the_peer_is_what_the_bar_judges(
    value: float, bar: float, better: str, holds: bool
) -> None:
    out = made(value, 4.0, bar, better)
    assert out["ratio"] == pytest.approx(value / 4.0)
    assert out["holds"] is holds


def test_a_figure_without_a_bar_always_holds_and_keeps_its_ratio() -> None:
    out = made(9.0, 3.0, None)
    assert (out["bar"], out["holds"], out["ratio"]) == (None, True, 3.0)


def test_a_figure_with_nothing_to_compare_has_no_ratio() -> None:
    out = plain("start", 0.4, "s", "the child answered")
    assert (out["ratio"], out["against_value"], out["bar"], out["holds"]) == (None, None, None, True)


def test_a_fixed_bar_is_the_value_compared_with_and_its_bar_is_one() -> None:
    out = absolute("recolour", 3.0, "ms", 2.0, "a pixel changed")
    assert (out["against"], out["against_value"], out["bar"]) == ("bar", 2.0, 1.0)
    assert (out["ratio"], out["holds"]) == (1.5, False)
    assert absolute("recolour", 2.0, "ms", 2.0, "a pixel changed")["holds"] is True


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no measurement"):
        made(value, 1.0, 1.0)


@pytest.mark.parametrize("against_value", [0.0, -1.0, math.nan])
def test_a_peer_that_measured_nothing_is_refused(against_value: float) -> None:
    with pytest.raises(ValueError, match="compared"):
        made(1.0, against_value, 1.0)


def test_a_bar_without_anything_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="bar needs"):
        made(1.0, None, 1.0)


def test_a_figure_that_does_not_say_what_was_done_is_refused() -> None:
    with pytest.raises(ValueError, match="really done"):
        absolute("recolour", 1.0, "ms", 2.0, "")


def test_a_direction_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="lower or higher"):
        made(1.0, 1.0, 1.0, "smaller")
