import csv
import io
import math

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.session.trend_maths import Stretch
from armillary.session.trend_pen import Pen
from armillary.session.trend_table import Column, guarded, iso_z, wide
from armillary.session.trend_units import converted, factors, offered

T0 = 1_750_000_000 * NS


def column(
    name: str, t_s: list[float], values: list[float], level_s: float = 0.0, unit: str = "bar"
) -> Column:
    v = np.array(values)
    t = T0 + (np.array(t_s) * NS).astype(np.int64)
    q = np.where(np.isfinite(v), 0, 4).astype(np.uint16)
    return Column(
        name=name,
        unit=unit,
        stretch=Stretch(t_ns=t, mean=v, low=v - level_s, high=v + level_s, quality=q, level_s=level_s),
    )


def test_a_table_has_a_row_a_time_and_makes_nothing_up() -> None:
    text = wide([column("a", [0, 2], [1.5, -2.5]), column("b", [1, 2], [3.0, math.nan])], T0, T0 + 9 * NS)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["time", "a", "a.q", "b", "b.q"]
    assert rows[1] == ["#unit", "bar", "", "bar", ""]
    assert rows[2][:2] == ["#zone", "UTC"]
    assert rows[3] == ["2025-06-15T15:06:40.000000000Z", "1.5", "GOOD", "", ""]
    assert [r[1:] for r in rows[4:]] == [["", "", "3.0", "GOOD"], ["-2.5", "GOOD", "", "BAD"]]


def test_buckets_say_low_mean_and_high() -> None:
    rows = list(csv.reader(io.StringIO(wide([column("a", [0], [5.0], 1.0)], T0, T0 + NS))))
    assert rows[0] == ["time", "a.low", "a.mean", "a.high", "a.q"]
    assert rows[3][1:] == ["4.0", "5.0", "6.0", "GOOD"]


@pytest.mark.parametrize("evil", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(evil: str) -> None:
    text = wide([column(evil, [0], [1.0], unit=evil)], T0, T0 + NS)
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "\t", "\r"))
            assert not cell.startswith("-") or float(cell) < 0
    assert guarded("P-1") == "P-1"


def test_nanoseconds_are_kept() -> None:
    assert iso_z(T0 + 123_456_789) == "2025-06-15T15:06:40.123456789Z"


def test_pens_are_read_in_another_unit_and_a_falling_one_keeps_its_ends() -> None:
    v = np.array([1.0, 2.0])
    t, q = np.arange(2), np.zeros(2, np.uint16)
    pen = Pen(0, "a", "bar", t, v, v + 1, q, "")
    kpa = converted(pen, {"bar": "kPa"})
    assert (kpa.unit, kpa.low.tolist()) == ("kPa", [100.0, 200.0])
    assert converted(pen, {"bar": "°C"}) is pen  # no such conversion: as it was
    assert factors("°C", {"°C": "K"}) == ("K", 1.0, pytest.approx(273.15))
    assert "kPa" in offered("bar")
    assert offered("furlong") == ()
