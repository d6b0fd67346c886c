"""Alarms are told by shape where colours cannot: measured for four visions, both themes, on every ground."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from armillary.viewport import outline
from armillary.viewport.badges import MARGIN, SIZE, Style, patch
from armillary.viewport.overlay import blend
from armillary.viewport.theme import ACKED_1, ALARM_1, INK, THEMES, Theme
from armillary.viewport.vision import VISIONS, simulated

SHAPE = 3.0  # WCAG 1.4.11
SEEN_AS = ("as it is", *VISIONS)
EACH = pytest.mark.parametrize(("theme", "vision"), list(itertools.product(THEMES.values(), SEEN_AS)))


def luminance(rgb: np.ndarray) -> np.ndarray:
    c = np.asarray(rgb, np.float64) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ (0.2126, 0.7152, 0.0722))


def contrast(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    high, low = np.maximum(luminance(a), luminance(b)), np.minimum(luminance(a), luminance(b))
    return (high + 0.05) / (low + 0.05)


def grounds(theme: Theme) -> list[tuple[int, int, int]]:
    """What an alarm may stand on: grounds of the theme, its equipment, and parts of any grey and hue."""
    greys = [(v, v, v) for v in range(0, 256, 15)]
    return [theme.ground, theme.panel, theme.equipment, *greys, (90, 130, 165), (180, 125, 120)]


def shown(priority: int, ground: tuple[int, int, int], theme: Theme, vision: str, style: Style) -> np.ndarray:
    side = SIZE + 2 * MARGIN
    canvas = np.full((side, side, 4), (*ground, 255), np.uint8)
    blend(canvas, patch(priority, 1, style, theme.name, 1.0), 0, 0)
    return simulated(canvas, vision)[..., :3]


@EACH
@pytest.mark.parametrize("style", ["full", "hollow", "double"])
def test_every_badge_is_bounded_by_ink_that_its_colour_stands_out_from(
    theme: Theme, vision: str, style: Style
) -> None:
    """So its shape is seen on any ground, also where neither colour nor ink differs enough from that."""
    ink = simulated(np.array([[[*INK, 255]]], np.uint8), vision)[0, 0, :3]
    for priority, ground in itertools.product((1, 2, 3, 4), grounds(theme)):
        seen = shown(priority, ground, theme, vision, style)
        is_ink = np.abs(seen.astype(int) - ink).max(axis=2) < 12
        fill = contrast(seen, ink) >= SHAPE
        middle = len(seen) // 2
        for rows, columns in itertools.product((slice(9, middle), slice(middle, -9)), repeat=2):
            assert is_ink[rows, columns].sum() >= 8, (priority, ground)
            assert fill[rows, columns].sum() >= 12, (priority, ground)


@EACH
def test_the_shape_alone_tells_the_priority(theme: Theme, vision: str) -> None:
    """What a badge covers, without colour and digit, is nearest to its own shape and to no other."""

    def mask(priority: int, of_vision: str) -> np.ndarray:
        seen = shown(priority, theme.ground, theme, of_vision, "full").astype(int)
        differs = np.abs(seen - seen[0, 0]).max(axis=2)
        covered = differs > 0.3 * differs.max()
        right = np.maximum.accumulate(covered, axis=1)
        return right & np.maximum.accumulate(covered[:, ::-1], axis=1)[:, ::-1]  # digits are no holes

    plain = {p: mask(p, "as it is") for p in (1, 2, 3, 4)}
    for priority in plain:
        seen = mask(priority, vision)
        unlike = {p: int((seen != other).sum()) for p, other in plain.items()}
        assert unlike[priority] < 12  # soft pixels at the edge
        assert min(n for p, n in unlike.items() if p != priority) > unlike[priority] + 40


@EACH
@pytest.mark.parametrize("code", range(ACKED_1 - 3, ALARM_1 + 1))
def test_every_outline_lies_against_ink_that_it_stands_out_from(theme: Theme, vision: str, code: int) -> None:
    codes = np.zeros((9, 20), np.uint8)
    codes[:, :10] = code
    for ground in grounds(theme):
        rgba = np.full((9, 20, 4), (*ground, 255), np.uint8)
        outline.paint(rgba, codes, theme.outlines())
        seen = simulated(rgba, vision)[4, :, :3]
        wide = 2 if code > ACKED_1 else 1
        assert contrast(seen[10 + wide - 1], seen[10 + wide]) >= SHAPE, ground  # on any ground
        assert (seen[10 + wide + 1] == seen[-1]).all()


def test_waiting_and_acknowledged_differ_in_width_without_colour() -> None:
    codes = np.zeros((9, 20), np.uint8)
    codes[:, :10] = ALARM_1
    widths = []
    for code in (ALARM_1, ACKED_1):
        codes[:, :10] = code
        rgba = np.full((9, 20, 4), (*THEMES["dark"].ground, 255), np.uint8)
        outline.paint(rgba, codes, THEMES["dark"].outlines())
        grey = simulated(rgba, "grey")[4, :, 0].astype(int)
        widths.append(int((grey[10:] > grey[-1] + 30).sum()))
    assert widths == [2, 1]
