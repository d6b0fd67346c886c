"""Outlines lie around their areas, two pixels wide, the graver over the lesser."""

from __future__ import annotations

import numpy as np

from armillary.viewport import outline
from armillary.viewport.theme import (
    ACKED_1,
    ACKED_2,
    ALARM_1,
    ALARM_3,
    CODE_OF_STATE,
    DARK,
    DOTTED,
    HOVERED,
    INK,
    SELECTED,
    WRONG,
)

COLOURS = DARK.outlines()


def painted(codes: np.ndarray) -> np.ndarray:
    rgba = np.zeros((*codes.shape, 4), np.uint8)
    outline.paint(rgba, codes, COLOURS)
    return rgba


def test_an_outline_is_two_pixels_wide_and_outside() -> None:
    codes = np.zeros((20, 20), np.uint8)
    codes[8:12, 8:12] = WRONG
    ink = painted(codes)[..., :3].any(axis=2)
    assert not ink[8:12, 8:12].any()
    assert ink[6:14, 6:14].sum() == 64 - 16
    assert ink.sum() == 64 - 16


def test_the_graver_outline_wins_where_two_areas_meet() -> None:
    codes = np.zeros((12, 20), np.uint8)
    codes[4:8, 4:10], codes[4:8, 10:16] = WRONG, SELECTED
    rgba = painted(codes)
    assert rgba[5, 9, :3].tolist() == list(DARK.selected)
    assert rgba[5, 10, :3].tolist() == [0, 0, 0]
    assert rgba[5, 3, :3].tolist() == list(DARK.bad)


def test_uncertain_is_dotted_and_hover_is_thin() -> None:
    for code, share in ((DOTTED, 0.9), (HOVERED, 0.6)):
        codes = np.zeros((60, 60), np.uint8)
        codes[20:40, 20:40] = code
        inked = painted(codes)[..., :3].any(axis=2).sum()
        assert 0 < inked < share * (24 * 24 - 20 * 20)


def rings(code: int, *, double: bool = False) -> list[list[int]]:
    """What is painted from a part outwards, on a light ground."""
    codes = np.zeros((40, 40), np.uint8)
    codes[15:25, 15:25] = code
    rgba = np.full((40, 40, 4), 230, np.uint8)
    outline.paint(rgba, codes, COLOURS, double=double)
    assert (rgba[15:25, 15:25, :3] == 230).all()
    return [rgba[20, 25 + i, :3].tolist() for i in range(7)]


def test_an_alarm_that_waits_is_two_pixels_wide_and_an_acknowledged_one_is_one_with_ink_around() -> None:
    red, ink, ground = list(DARK.alarms[0]), list(INK), [230, 230, 230]
    assert rings(ALARM_1) == [red, red, ink, *[ground] * 4]
    assert rings(ACKED_1) == [red, ink, *[ground] * 5]
    assert rings(WRONG) == [list(DARK.bad)] * 2 + [ground] * 5


def test_reduced_motion_draws_a_second_line_around_what_waits_and_nothing_else() -> None:
    red, ink, ground = list(DARK.alarms[0]), list(INK), [230, 230, 230]
    assert rings(ALARM_1, double=True) == [red, red, ink, red, red, ink, ground]
    assert rings(ACKED_1, double=True) == rings(ACKED_1)
    assert rings(SELECTED, double=True) == rings(SELECTED)


def test_what_waits_is_kept_with_what_was_under_it_to_blink_by_priority() -> None:
    codes = np.zeros((30, 60), np.uint8)
    codes[10:20, 10:20], codes[10:20, 30:40], codes[10:20, 48:52] = ALARM_1, ALARM_3, ACKED_2
    rng = np.random.default_rng(1)
    rgba = rng.integers(1, 255, (30, 60, 4)).astype(np.uint8)
    bare = rgba.copy()
    kept = outline.paint(rgba, codes, COLOURS)
    whole = rgba.copy()
    assert set(kept.priority.tolist()) == {1, 3}
    kept.show(rgba, (1,))
    assert (rgba[:, :27] == whole[:, :27]).all()
    assert (rgba[:, 27:43] == bare[:, 27:43]).all()
    assert (rgba[:, 45:] == whole[:, 45:]).all()  # an acknowledged one stays
    kept.show(rgba, (1, 3))
    assert (rgba == whole).all()
    rgba[:, :10] = 0  # a label was written over some of it
    kept.still_there(rgba).show(rgba, ())
    assert not rgba[:, :10].any()


def test_an_area_at_the_edge_of_the_picture_is_outlined_inside_it() -> None:
    codes = np.zeros((10, 10), np.uint8)
    codes[:3, :3] = WRONG
    assert painted(codes)[..., :3].any(axis=2).sum() == 25 - 9


def test_a_plane_without_codes_paints_nothing_and_odd_alpha_is_no_code() -> None:
    none = outline.paint(np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), COLOURS)
    assert len(none) == 0
    alpha = np.array([[255, 255 - SELECTED, 100, 0]], np.uint8)
    assert outline.codes_of(alpha).tolist() == [[0, SELECTED, 0, 0]]


def test_an_alarm_outranks_the_outline_of_bad_quality() -> None:
    assert CODE_OF_STATE[4] == WRONG
    assert CODE_OF_STATE[1 << 4 | 4] == ALARM_1
    assert CODE_OF_STATE[0] == CODE_OF_STATE[1] == CODE_OF_STATE[3] == 0
