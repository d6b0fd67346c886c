"""Pictures as seen with another colour vision: greys stay, red and green come together, the copy is ours."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.viewport.vision import VISIONS, simulated


def picture(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array([[(*c, 255) for c in colours]], np.uint8)


@pytest.mark.parametrize("vision", list(VISIONS))
def test_greys_look_as_they_are(vision: str) -> None:
    shown = picture((0, 0, 0), (90, 90, 90), (255, 255, 255))
    assert np.abs(simulated(shown, vision).astype(int) - shown).max() <= 2


def test_red_and_green_differ_less_without_green() -> None:
    shown = picture((200, 40, 40), (120, 120, 30))
    seen = simulated(shown, "deutan").astype(int)
    before = np.abs(shown[0, 0].astype(int) - shown[0, 1]).sum()
    assert np.abs(seen[0, 0] - seen[0, 1]).sum() < before / 2


def test_without_a_vision_nothing_is_copied_and_with_one_nothing_is_overwritten() -> None:
    shown = picture((200, 40, 40))
    kept = shown.copy()
    assert simulated(shown, "") is shown
    assert simulated(shown, "grey") is not shown
    assert (shown == kept).all()
