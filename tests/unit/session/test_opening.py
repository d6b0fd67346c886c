from __future__ import annotations

import numpy as np

from armillary.model.message import SceneProgress
from armillary.session.opening import MOST_BOXES, Opening


def told(n: int, done: int) -> SceneProgress:
    return SceneProgress(
        what="reading", done=done, total=100_000,
        box=np.full((n, 6), done, np.float32), rgba=np.zeros((n, 4), np.uint8),
    )  # fmt: skip


def test_the_text_says_how_many_parts_are_read() -> None:
    text, share = Opening().add(told(0, 43_000))
    assert text == "Reading the scene · 43,000 of 100,000 parts"
    assert 0.25 < share < 0.65


def test_the_share_only_grows_from_step_to_step() -> None:
    opening = Opening()
    steps = [
        SceneProgress(what="checking"), SceneProgress(what="composing", total=3), told(0, 0), told(0, 50_000),
        told(0, 100_000), SceneProgress(what="building"),
    ]  # fmt: skip
    shares = [opening.add(step)[1] for step in steps]
    assert shares == sorted(shares)
    assert opening.add(steps[1])[0] == "Putting 3 layers of the scene together"


def test_of_very_many_boxes_an_even_share_is_kept_and_the_large_ones() -> None:
    opening = Opening()
    for k in range(60):
        box = np.zeros((10_000, 6), np.float32)
        box[:, 0] = k
        box[:, 3:] = 1 + box[:, :3]
        box[5_001, 3:] += 100 if k == 3 else 0
        rgba = np.full((10_000, 4), k, np.uint8)
        opening.add(SceneProgress(what="reading", done=k, total=60, box=box, rgba=rgba))
    box, rgba = opening.boxes()
    assert opening.count == 600_000
    assert 100_000 < len(box) <= MOST_BOXES
    assert (rgba[:, 0] == box[:, 0]).all()
    share = np.bincount(rgba[:, 0], minlength=60) / len(box)
    assert share.min() > 0.005
    assert box[:, 3:].max() > 100


def test_boxes_are_kept_in_order_until_another_opening_begins() -> None:
    opening = Opening()
    for n, done in ((2, 1), (0, 2), (3, 3)):
        opening.add(told(n, done))
    box, rgba = opening.boxes()
    assert box[:, 0].tolist() == [1, 1, 3, 3, 3]
    assert len(rgba) == opening.count == 5
    opening.begin()
    assert opening.boxes()[0].shape == (0, 6)
