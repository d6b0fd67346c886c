"""The bar of a value: its span, the band in which nothing is raised, the limits."""

from __future__ import annotations

import math

from armillary.model.alarm import AlarmLevel, AlarmSpec
from armillary.model.quality import GOOD, STALE
from armillary.model.tags import TagSpec
from armillary.session.value_band import band_of

TEMPERATURE = TagSpec(slot=3, name="TT-212.value", link="m", unit="°C", low=0.0, high=150.0)
HOT = AlarmSpec(id="HH", slot=3, tag="TT-212.value", kind="count", limit=85.0, count=5, priority=1)
WARM = AlarmSpec(id="H", slot=3, tag="TT-212.value", limit=80.0, priority=4)
COLD = AlarmSpec(id="L", slot=3, tag="TT-212.value", limit=50.0, direction="below", priority=3)


def test_a_band_is_normal_between_the_nearest_limits() -> None:
    band = band_of(TEMPERATURE, [HOT, WARM, COLD], 71.2, GOOD)
    assert band is not None
    assert (band.normal_low, band.normal_high) == (50.0, 80.0)
    assert band.limits == ((50.0, 3), (80.0, 4), (85.0, 1))
    assert band.low < 50.0 < 85.0 < band.high
    assert band.share(band.low) == 0.0
    assert band.share(1_000.0) == 1.0, "what is beyond stands at its end"
    assert band.is_sure


def test_it_ends_where_the_instrument_does_and_is_not_stretched_by_its_range() -> None:
    wide = TagSpec(slot=3, name="t", link="m", low=-500.0, high=90.0)
    band = band_of(wide, [HOT, WARM], 71.2, GOOD)
    assert band is not None
    assert band.high == 90.0
    assert band.low > 0.0


def test_every_level_of_an_alarm_is_a_limit() -> None:
    levels = (
        AlarmLevel(name="H", limit=80.0, priority=3),
        AlarmLevel(name="HH", limit=85.0, priority=1),
    )
    band = band_of(TEMPERATURE, [AlarmSpec(id="x", slot=3, tag="t", levels=levels)], 71.2, GOOD)
    assert band is not None
    assert band.limits == ((80.0, 3), (85.0, 1))


def test_what_cannot_be_relied_on_is_not_sure() -> None:
    for value, word in ((71.2, STALE), (math.nan, GOOD)):
        band = band_of(TEMPERATURE, [WARM], value, word)
        assert band is not None
        assert not band.is_sure


def test_without_a_limit_that_is_a_number_there_is_no_band() -> None:
    state = AlarmSpec(id="s", slot=3, tag="t", kind="state", values=(2.0,))
    other = AlarmSpec(id="o", slot=4, tag="u", limit=5.0)
    assert band_of(TEMPERATURE, [state, other], 71.2, GOOD) is None
    words = TagSpec(slot=3, name="batch", link="m", kind="text")
    assert band_of(words, [WARM], 71.2, GOOD) is None
