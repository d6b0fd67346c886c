from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model import units
from armillary.model.link import LinkSpec
from armillary.model.tags import TagSpec
from armillary.project import folder, lint
from armillary.project.derived import in_units
from armillary.project.record import Historian
from armillary.project.thinning import thinned

SAMPLE = Path(__file__).parents[2] / "projects" / "v1"


def _tags(expression: str, unit: str, of: str) -> list[TagSpec]:
    return [
        TagSpec(slot=0, name="x", link="l", unit=of),
        TagSpec(slot=1, name="d", expression=expression, unit=unit, origin="twins.json:d"),
    ]


@pytest.mark.parametrize(
    ("expression", "of", "unit", "factor", "offset"),
    [
        ("integral(x)", "kW", "kWh", 1 / 3600, 0.0),
        ("integral_today(x)", "W", "MWh", 1 / 3.6e9, 0.0),
        ("integral(x)", "l/s", "m³", 1e-3, 0.0),
        ("integral(x)", "A", "A*h", 1 / 3600, 0.0),  # what the common units lack is pint's
        ("rate(x, 60)", "m", "m/s", 1.0, 0.0),
        ("rate(x, 60)", "m³", "m³/h", 3600.0, 0.0),
        ("rate(x, 60)", "°C", "K/min", 60.0, 0.0),
        ("mean(x, 60)", "°C", "K", 1.0, 273.15),
        ("std(x, 60)", "°C", "K", 1.0, 0.0),
        ("hours_run(x > 3)", "", "min", 60.0, 0.0),
        ("time_since(x > 3)", "", "h", 1 / 3600, 0.0),
        ("hold(x, x > 3)", "mm", "m", 1e-3, 0.0),
        ("2 * mean(x, 60)", "mm", "m", 1.0, 0.0),  # of more than one function nothing is known
    ],
)
def test_a_function_over_time_is_shown_in_the_unit_of_its_tag(
    expression: str, of: str, unit: str, factor: float, offset: float
) -> None:
    spec = in_units(_tags(expression, unit, of))[1]
    assert (spec.factor, spec.offset) == pytest.approx((factor, offset))


def test_a_unit_that_no_function_makes_is_found() -> None:
    project = folder.read(SAMPLE)
    for expression, unit in (("integral(tank1.level)", "kWh"), ("rate(tank1.level, 60)", "m")):
        wrong = TagSpec(slot=len(project.specs), name="d", expression=expression, unit=unit, origin="t")
        found = lint.findings(replace(project, specs=(*project.specs, wrong)), ())
        assert [p.code for p in found if p.code == "B13"] == ["B13"]


def test_too_many_windows_are_found_before_a_world_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    project = folder.read(SAMPLE)
    one = TagSpec(slot=len(project.specs), name="d", expression="mean(tank1.level, 60)", origin="t")
    monkeypatch.setattr(lint, "MOST_WINDOWS", 0)
    found = lint.findings(replace(project, specs=(*project.specs, one)), ())
    assert any(p.code == "P58" and "1 windows" in p.what for p in found)


def test_a_bound_is_the_deadband_or_a_part_of_the_range_and_replays_see_no_silence() -> None:
    specs = [
        TagSpec(slot=0, name="own", link="a", deadband=0.2, low=0.0, high=100.0),
        TagSpec(slot=1, name="of_range", link="a", low=0.0, high=50.0, expected_ms=1000),
        TagSpec(slot=2, name="none", link="a"),
        TagSpec(slot=3, name="switch", link="a", kind="bool", deadband=0.5),
        TagSpec(slot=4, name="acknowledged", link="b", deadband=0.2),
    ]
    links = [LinkSpec(name=n, kind="mqtt", url="mqtt://h", settings=s) for n, s in (("a", {}),)]
    links.append(LinkSpec(name="b", kind="mqtt", url="mqtt://h", settings={"acknowledge": "stored"}))
    historian = Historian(compression="line", deadband_percent=1.0)
    out = thinned(specs, historian, links)
    assert [spec.bound for spec in out] == [0.2, 0.5, 0.0, 0.0, 0.0]
    assert [spec.longest_ms for spec in out[:2]] == [600_000, 3_000]
    assert thinned(specs, Historian(), links) == tuple(specs)


@pytest.mark.parametrize(
    ("unit", "over", "power"),
    [
        ("kW", "kWh", 1),
        ("m³/h", "m³", 1),
        ("m/s", "mm", 1),
        ("kWh", "kW", -1),
        ("l", "l/s", -1),
        ("mm", "m/s", -1),
    ],
)
def test_the_table_of_common_units_over_time_is_pints(unit: str, over: str, power: int) -> None:
    sign = "*" if power > 0 else "/"
    assert units.over_time(unit, over, power) == pytest.approx(
        units._by_pint(f"({units._SPELLINGS.get(unit, unit)}) {sign} s", over, "")[0]
    )
