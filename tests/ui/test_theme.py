"""Both themes keep the contrasts that operations 2.4 and 8.6 ask for; the sheet and icons are complete."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from skimage.color import deltaE_ciede2000, rgb2lab

from armillary.model.link import LinkState
from armillary.model.places import data
from armillary.ui import icons, theme
from armillary.ui.theme import DARK, INK, LIGHT, Colours, contrast

TEXT, SHAPE = 4.5, 3.0
THEMES = pytest.mark.parametrize("colours", [DARK, LIGHT], ids=lambda c: c.name)
GROUNDS = ("ground", "panel", "raised", "field")


def test_contrast_agrees_with_the_figures_of_the_palette() -> None:
    assert contrast("#FF3258", "#1B1F24") == pytest.approx(4.61, abs=0.01)
    assert contrast("#E6E8EA", "#262C33") == pytest.approx(11.47, abs=0.01)
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)


@THEMES
@pytest.mark.parametrize("ground", [*GROUNDS, "selected", "hover"])
@pytest.mark.parametrize("ink", ["text", "muted", "bad_text"])
def test_text_is_readable_on_every_ground(colours: Colours, ground: str, ink: str) -> None:
    assert contrast(getattr(colours, ink), getattr(colours, ground)) >= TEXT


@THEMES
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_focus_ring_can_be_seen_on_every_ground(colours: Colours, ground: str) -> None:
    assert contrast(colours.focus, getattr(colours, ground)) >= SHAPE


@THEMES
def test_borders_of_controls_can_be_seen_on_panels(colours: Colours) -> None:
    assert contrast(colours.edge, colours.panel) >= SHAPE


@THEMES
def test_pens_can_be_told_from_the_ground_and_from_one_another(colours: Colours) -> None:
    assert all(contrast(pen, colours.panel) >= SHAPE for pen in colours.pens)
    assert len(set(colours.pens)) == len(colours.pens)


@THEMES
def test_words_on_a_mode_ribbon_are_readable(colours: Colours) -> None:
    for mode in (colours.replay, colours.whatif, colours.training):
        assert contrast(colours.on_mode, mode) >= TEXT


def test_ink_on_every_alarm_colour_is_readable() -> None:
    for alarm in (DARK.priority1, DARK.priority2, DARK.priority3, DARK.priority4, DARK.bad):
        assert contrast(INK, alarm) >= TEXT


@THEMES
@pytest.mark.parametrize("state", list(LinkState))
def test_every_link_state_has_a_mark_that_can_be_seen(colours: Colours, state: LinkState) -> None:
    assert contrast(icons.link_colour(state, colours), colours.panel) >= SHAPE


@THEMES
def test_quality_marks_differ_by_shape_and_can_be_seen(colours: Colours) -> None:
    assert len({icons.quality_icon(rank) for rank in range(6)}) == 6
    for rank, ground in itertools.product(range(1, 6), ("panel", "selected")):
        least = SHAPE if ground == "panel" else 2.5
        assert contrast(icons.quality_colour(rank, colours), getattr(colours, ground)) >= least


@THEMES
def test_the_style_sheet_names_no_colour_that_the_theme_lacks(colours: Colours) -> None:
    text = theme.sheet(colours)
    assert "$" not in text
    assert colours.focus in text


def test_every_drawing_is_well_formed_and_not_blank(qtbot: QtBot) -> None:
    drawings = sorted(path.stem for path in data("assets/icons").glob("*.svg"))
    assert len(drawings) > 50
    for name in drawings:
        image = icons.pixmap(name, "#ffffff", 16).toImage()
        assert any(image.pixelColor(x, y).alpha() > 100 for x in range(16) for y in range(16)), name


def test_an_unknown_type_still_has_an_icon(qtbot: QtBot) -> None:
    assert icons.prim_icon("NoSuchThing") == "prim-other"
    assert icons.prim_icon("RectLight") == "prim-light"


# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear sRGB
_VISIONS = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def _lab(colour: str, vision: str) -> np.ndarray:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(_VISIONS[vision] @ linear, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(back.reshape(1, 1, 3)).reshape(3)


@pytest.mark.parametrize("vision", list(_VISIONS))
def test_signal_colours_differ_for_every_colour_vision(vision: str) -> None:
    names = ("priority1", "priority2", "priority3", "priority4", "bad", "focus", "equipment")
    labs = [_lab(getattr(DARK, name), vision) for name in names]
    least = min(float(deltaE_ciede2000(a, b)) for a, b in itertools.combinations(labs, 2))
    assert least >= 12.0
