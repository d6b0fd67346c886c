"""The ready colour maps: lightness only rises, steps look equal, everybody can read them."""

import numpy as np
import pytest

from armillary.encoding import colour_checks as checks
from armillary.encoding import maps
from armillary.encoding.oklab import from_oklab, oklab
from armillary.encoding.perceptual import RISING, SETS
from armillary.model.binding import ColourMap
from armillary.ui import theme

BY_NAME = {m.name: m for m in SETS}


@pytest.mark.parametrize("name", RISING)
@pytest.mark.parametrize("vision", ["", "protan", "deutan", "tritan", "grey"])
def test_lightness_only_rises_in_every_colour_vision(name: str, vision: str) -> None:
    assert checks.rises(BY_NAME[name], vision)
    table = np.ascontiguousarray(maps.table(BY_NAME[name])[:, :3])
    lightness = oklab(table)[:, 0]
    assert lightness[-1] - lightness[0] > 0.5
    assert (np.diff(lightness) > -1e-9).all(), "not even a byte of rounding turns it back"


@pytest.mark.parametrize("name", [*RISING, "balance"])
def test_equal_steps_of_the_value_look_equal(name: str) -> None:
    assert checks.uneven(BY_NAME[name]) < 1.25


def test_balance_is_lightest_in_its_middle_and_as_dark_at_both_ends() -> None:
    lightness = oklab(np.ascontiguousarray(maps.table(BY_NAME["balance"])[:, :3]))[:, 0]
    assert int(lightness.argmax()) == pytest.approx(127.5, abs=2)
    assert lightness[0] == pytest.approx(lightness[-1], abs=0.02)


@pytest.mark.parametrize("colourmap", maps.BUILT_IN, ids=lambda m: m.name)
def test_a_ready_map_has_nothing_wrong(colourmap: ColourMap) -> None:
    assert [f.text for f in checks.check(colourmap) if f.wrong] == []
    assert checks.check(colourmap)[0].text.startswith("Everybody can read it")


def test_the_alarm_hues_that_maps_are_held_against_are_those_of_the_theme() -> None:
    dark = theme.THEMES["dark"]
    wanted = [dark.priority1, dark.priority2, dark.priority3, dark.priority4, dark.bad]
    assert [h.upper() for h in checks.ALARM_HUES.values()] == [w.upper() for w in wanted]


def _linear(*colours: str) -> ColourMap:
    at = np.linspace(0, 1, len(colours)).tolist()
    return ColourMap(name="m", kind="linear", stops=tuple(zip(at, colours, strict=True)))


def _words(colourmap: ColourMap) -> str:
    return " ".join(f.text for f in checks.check(colourmap) if f.wrong)


def test_a_rainbow_is_told_to_have_no_order_and_to_look_like_alarms() -> None:
    told = _words(_linear("#0000ff", "#00ffff", "#00ff00", "#ffff00", "#ff0000"))
    assert "up and down" in told
    assert "priority" in told


def test_red_and_green_states_look_alike_to_people_who_see_no_green() -> None:
    states = ColourMap(name="s", kind="states", stops=((0.0, "#b9705c"), (1.0, "#86863c")))
    told = _words(states)
    assert "people who see no red" in told
    assert "everybody" not in told


def test_one_colour_over_a_range_says_nothing() -> None:
    assert "look alike to everybody" in _words(_linear("#808080", "#848484"))


def test_a_map_that_cannot_be_drawn_says_why() -> None:
    bad = ColourMap(name="m", kind="linear", stops=((0.0, "#zzzzzz"),))
    assert "no colour" in _words(bad)


def test_oklab_goes_back_to_the_same_bytes() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (500, 3)).astype(np.uint8)
    assert np.abs(from_oklab(oklab(colours)).astype(int) - colours).max() <= 1
