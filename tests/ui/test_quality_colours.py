"""The colours of qualities in picture, table and trend are of one palette, and readable in both themes."""

from __future__ import annotations

import pytest

from armillary.encoding import maps
from armillary.ui import icons
from armillary.ui import theme as desk
from armillary.ui.theme import INK, contrast
from armillary.viewport import marks
from armillary.viewport import theme as picture
from armillary.viewport.theme import Rgb, Theme

TEXT, SHAPE = 4.5, 3.0
BOTH = pytest.mark.parametrize("theme", [picture.DARK, picture.LIGHT], ids=lambda t: t.name)


def code(rgb: Rgb) -> str:
    return "#" + "".join(f"{c:02X}" for c in rgb)


@BOTH
def test_picture_and_desk_have_one_palette(theme: Theme) -> None:
    colours = {"dark": desk.DARK, "light": desk.LIGHT}[theme.name]
    alarms = (colours.priority1, colours.priority2, colours.priority3, colours.priority4)
    assert tuple(map(code, theme.alarms)) == tuple(a.upper() for a in alarms)
    for ours, theirs in (
        (theme.bad, colours.bad),
        (theme.equipment, colours.equipment),
        (theme.panel, colours.panel),
        (theme.muted, colours.muted),
        (theme.text, colours.text),
        (theme.selected, colours.focus),
        (theme.ink, INK),
    ):
        assert code(ours) == theirs.upper()


@BOTH
def test_patterns_and_outlines_of_lost_values_can_be_seen(theme: Theme) -> None:
    assert contrast(code(theme.ink), code(theme.equipment)) >= SHAPE  # the hatch
    assert contrast(code(theme.muted), code(theme.ground)) >= SHAPE  # hollow and dotted outlines
    # on the light ground magenta needs the cross-hatch inside it, which has ink
    bad = contrast(code(theme.bad), code(theme.ground))
    assert max(bad, contrast(code(theme.ink), code(theme.ground))) >= SHAPE
    assert bad >= 2.8


@BOTH
def test_signs_are_readable(theme: Theme) -> None:
    assert code(marks.PILL) == icons.SUBSTITUTED_PILL
    assert contrast(INK, code(marks.PILL)) >= TEXT  # the S
    assert contrast(code(theme.text), code(theme.panel)) >= TEXT  # ?, the clock and its age
    assert contrast(code(theme.muted), code(theme.panel)) >= SHAPE  # their rings


def test_every_legend_has_the_lost_qualities_and_what_lies_outside_its_range() -> None:
    for name, colourmap in maps.named(()).items():
        legend = maps.legend(colourmap, (20.0, 90.0), "°C")
        assert [m.pattern for m in legend.marks] == ["hatch", "cross", "hollow"], name
        assert [m.text for m in legend.marks] == ["stale", "bad", "no data yet"], name
        assert legend.under.text == "below 20"
        assert legend.over.text == "above 90"


def test_value_colour_maps_keep_clear_of_the_alarm_hues_at_full_chroma() -> None:
    for name, colourmap in maps.named(()).items():
        table = maps.table(colourmap)[:, :3].astype(int)
        for alarm in (*picture.DARK.alarms, picture.DARK.bad):
            nearest = int(abs(table - alarm).max(axis=1).min())
            assert nearest > 24, f"{name} comes within {nearest} of {code(alarm)}"
