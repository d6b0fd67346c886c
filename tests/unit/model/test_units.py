"""The table of common units agrees with pint, and spares the loading of it."""

from __future__ import annotations

import itertools

import pytest

from armillary.model import places, units
from armillary.model.fault import ProjectFault
from armillary.project import folder

PAIRS = [
    (a, b) for a, b in itertools.permutations(units._COMMON, 2) if units._COMMON[a][0] == units._COMMON[b][0]
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_common_conversion_is_that_of_pint(source: str, target: str) -> None:
    factor, offset = units._by_pint(source, target, "")
    assert units.conversion(source, target) == pytest.approx((factor, offset), rel=1e-9, abs=1e-9)


def test_units_of_two_kinds_do_not_fit() -> None:
    with pytest.raises(ProjectFault, match="measure different things"):
        units.conversion("m³/h", "bar")


def test_a_unit_that_nobody_knows_is_named() -> None:
    with pytest.raises(ProjectFault, match="'wobble'"):
        units.conversion("wobble", "bar")


def test_the_demo_is_read_without_pint() -> None:
    units.conversion.cache_clear()
    units._registry.cache_clear()
    project = folder.read(places.data("scenes/pumping-station"))
    assert any(link.kind for link in project.links)
    assert units._registry.cache_info().currsize == 0
