"""Figures of runs against closed forms; ranks by violations first; expressions that attack are refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.model.control import Measure, RunCard, RunRequest
from armillary.model.fault import ProjectFault
from armillary.model.scenario import MeasureSpec, Score
from armillary.model.simulation import Trajectory
from armillary.model.tags import TagSpec
from armillary.simulate import measures
from armillary.simulate.measures import Signals, value_of

NS = 1_000_000_000
T = np.arange(0, 101) * NS + 1_750_000_000 * NS
SECONDS = np.arange(101.0)


def signals() -> Signals:
    """Member 0: level rises 0 → 100 in 100 s; member 1: stands at 40. Power is 36 kW."""
    values = np.stack(
        [
            np.stack([SECONDS, np.full(101, 36.0)], axis=1),
            np.stack([np.full(101, 40.0), np.full(101, 36.0)], axis=1),
        ]
    )
    specs = (
        TagSpec(slot=0, name="T-1.level", link="x"),
        TagSpec(slot=1, name="T-1.held", link="x"),
        TagSpec(slot=2, name="T-1.twice", expression="T-1.level * 2"),
    )
    run = Trajectory(names=("h", "power"), t_ns=T, values=values)
    return Signals(run, {"T-1.level": ("h", 1.0, 0.0)}, {s.name: s for s in specs}, {"T-1.held": 7.0})


@pytest.mark.parametrize(
    ("kind", "limit", "expected"),
    [
        ("energy", math.nan, [50 * 100 / 3600, 40 * 100 / 3600]),
        ("integral", math.nan, [5000.0, 4000.0]),
        ("max", math.nan, [100.0, 40.0]),
        ("min", math.nan, [0.0, 40.0]),
        ("mean", math.nan, [50.0, 40.0]),
        ("final", math.nan, [100.0, 40.0]),
        ("time_above", 62.5, [37.5, 0.0]),
        ("time_below", 62.5, [62.5, 100.0]),
    ],
)
def test_figure_agrees_with_its_closed_form(kind: str, limit: float, expected: list[float]) -> None:
    assert value_of(kind, signals().of("T-1.level"), SECONDS, limit) == pytest.approx(expected)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30), st.floats(-50, 50))
def test_time_above_and_below_make_the_whole(values: list[float], limit: float) -> None:
    x, seconds = np.array([values]), np.arange(float(len(values)))
    at_limit = bool(((x[:, :-1] == limit) & (x[:, 1:] == limit)).any())
    total = value_of("time_above", x, seconds, limit) + value_of("time_below", x, seconds, limit)
    assert at_limit or total[0] == pytest.approx(seconds[-1])


def test_member_that_diverged_does_not_count() -> None:
    made = measures.measured(
        [MeasureSpec(name="m", kind="max", of="x")], {"m": np.array([1.0, np.nan, 3.0, 2.0])}
    )[0]
    assert (made.value, made.low, made.high) == (1.0, pytest.approx(1.1), pytest.approx(2.9))


def test_names_are_tags_variables_derived_and_held_ones() -> None:
    s = signals()
    assert s.evaluate("T-1.twice + T-1.held + power", "t")[0, 10] == 20 + 7 + 36


def test_cost_takes_measures_and_functions_over_time() -> None:
    specs = [MeasureSpec(name="top", kind="max", of="T-1.level")]
    s = signals()
    values = measures.figures(specs, s, "t")
    cost = measures.cost(Score(minimise="2 * top + max(T-1.level) + min(1, 2)"), s, values, "t")
    assert cost == pytest.approx([301.0, 121.0])


def test_constraint_that_some_members_break_says_how_many() -> None:
    s = signals()
    values = {"top": np.array([100.0, 40.0])}
    score = Score(constraint=("T-1.level < 90", "top < 90", "max(T-1.level) < 90", "T-1.level < 200"))
    assert measures.violated(score, s, values, "t") == {
        "T-1.level < 90": 0.5,
        "top < 90": 0.5,
        "max(T-1.level) < 90": 0.5,
    }


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "T-1.level.__class__",
        "(lambda: 1)()",
        "[x for x in (1, 2)]",
        "max(open('/etc/passwd'))",
        "T-1.level ** 9 ** 9 ** 9 if",
        "max(" * 60 + "1" + ")" * 60,
        "T-1.levle > 3",
    ],
)
def test_expression_that_attacks_is_refused(text: str) -> None:
    with pytest.raises(ProjectFault):
        measures.check([], Score(minimise=text), signals(), "s.toml")
    with pytest.raises(ProjectFault):
        measures.check([MeasureSpec(name="m", kind="max", of=text)], Score(), signals(), "s.toml")


def card(name: str, cost: float, *violations: str, low: float = 1.0) -> RunCard:
    figures = (Measure(name="lowest", value=low), Measure(name="energy", value=cost))
    return RunCard(id=name, title=name, state="done", score=cost, violations=violations, measures=figures)


def test_violations_rank_before_cost_and_reasons_are_said() -> None:
    specs = [
        MeasureSpec(name="lowest", kind="min", of="x"),
        MeasureSpec(name="energy", kind="energy", of="x"),
    ]
    failed = RunCard(id="f", title="f", state="failed")
    cards = [
        card("cheap", 1.0, "level > 2", low=0.0),
        card("fair", 10.0, low=5.0),
        card("dear", 15.0),
        failed,
    ]
    out = {c.id: c for c in measures.ranked(cards, specs)}
    assert [out[n].rank for n in ("fair", "dear", "cheap", "f")] == [1, 2, 3, 0]
    assert out["fair"].reason == "lowest cost; best lowest"
    assert "+50 % over the best" in out["dear"].reason
    assert "breaks level > 2" in out["cheap"].reason
    assert out["cheap"].measures[0].is_worst  # a lowest level is best when it is high
    assert out["cheap"].measures[1].is_best


def test_runs_of_different_horizons_are_not_compared() -> None:
    specs = [
        MeasureSpec(name="lowest", kind="min", of="x"),
        MeasureSpec(name="energy", kind="energy", of="x"),
    ]

    def lasting(made: RunCard, horizon_s: float) -> RunCard:
        return replace(made, request=RunRequest(id=made.id, title=made.id, horizon_s=horizon_s))

    cards = [
        lasting(card("hour", 10.0), 3600.0),
        lasting(card("a", 2.0), 600.0),
        lasting(card("b", 1.0), 600.0),
    ]
    out = {c.id: c for c in measures.ranked(cards, specs)}
    assert [out[n].rank for n in ("hour", "a", "b")] == [0, 2, 1]
    assert not out["hour"].measures[1].is_worst
    assert out["b"].measures[1].is_best
