"""Key figures of a shift."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armillary.alarms.figures import figure
from armillary.alarms.shift import Figure
from armillary.model.clock import NS
from armillary.model.quality import BAD, GOOD
from armillary.model.shift import FigureSpec

HOUR = 3_600


def made(how: str, samples: list[tuple[int, float]], bad: int = -1, limit: float = 0.0) -> Figure:
    """Of a shift of an hour that begins at 0."""
    quality = np.array([BAD if i == bad else GOOD for i in range(len(samples))], np.uint16)
    t_ns = np.array([t * NS for t, _ in samples], np.int64)
    value = np.array([v for _, v in samples], np.float64)
    spec = FigureSpec(title="x", tag="x", how=how, limit=limit)
    return figure(spec, "m", t_ns, value, quality, 0, HOUR * NS)


@pytest.mark.parametrize(
    ("how", "value", "unit"),
    [
        ("mean", 0.25 * 2 + 0.5 * 10 + 0.25 * 4, "m"),
        ("lowest", 2.0, "m"),
        ("highest", 10.0, "m"),
        ("change", 2.0, "m"),
        ("last", 4.0, "m"),
        ("time above", 45.0, "min"),
        ("time below", 15.0, "min"),
    ],
)
def test_a_value_holds_until_the_next_one_from_before_the_shift_on(how: str, value: float, unit: str) -> None:
    found = made(how, [(-500, 2.0), (900, 10.0), (2_700, 4.0)], limit=3.0)
    assert found.value == pytest.approx(value)
    assert found.unit == unit


def test_what_was_bad_is_left_out_and_said() -> None:
    found = made("mean", [(0, 2.0), (1_800, 99.0), (2_700, 4.0)], bad=1)
    assert found.value == pytest.approx((1_800 * 2 + 900 * 4) / 2_700)
    assert found.note == "mean, of 75 %"


@pytest.mark.parametrize("samples", [[], [(4_000, 1.0)], [(0, math.nan)]])
def test_nothing_known_is_no_figure(samples: list[tuple[int, float]]) -> None:
    found = made("mean", samples)
    assert math.isnan(found.value)
    assert "nothing known" in found.note
