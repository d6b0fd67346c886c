"""Each quality as it is seen in 3D: pattern, outline and sign, so that none is told by colour alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import picture_scenes as scenes
import pytest
from test_patterns import energy

from armillary.model.look import BELOW_BAD, BELOW_STALE, Marks, base_look
from armillary.model.quality import BAD, GOOD, NEVER, STALE, SUBSTITUTED, UNCERTAIN
from armillary.viewport import marks as signs
from armillary.viewport import overlay
from armillary.viewport.theme import DARK, LIGHT, Theme
from armillary.viewport.view import View

ViewOf = Callable[..., View]
YELLOW = (253, 231, 37)
STATES = (GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD, NEVER)


def marked(prims: list[int], kinds: list[int], ages: list[float] | None = None) -> Marks:
    return Marks(
        prim=np.array(prims),
        kind=np.array(kinds, np.uint8),
        age_s=np.array(ages if ages is not None else [np.nan] * len(prims)),
    )


def row(view_of: ViewOf, *, signed: bool = True, theme: str = "dark") -> tuple[View, np.ndarray]:
    """Six boxes of a yellow value, one in each state from left to right, and the picture of them."""
    scene = scenes.boxes(np.array([scenes.at(1.6 * (i - 2.5), 0, 0) for i in range(6)]), rgba=(*YELLOW, 255))
    view = view_of(scene, size=(1200, 320))
    view.set_theme(theme)
    state = np.zeros(len(scene), np.uint8)
    state[1:] = STATES
    view.apply(replace(base_look(scene), seq=1, state=state))
    if signed:
        view.marks(marked([2, 3, 4], [SUBSTITUTED, UNCERTAIN, STALE], [np.nan, np.nan, 240.0]))
    return view, view.render()


def part(view: View, rgba: np.ndarray, prim: int, reach: int = 80) -> np.ndarray:
    x, y, _ = view.project(prim)
    return rgba[int(y) - reach : int(y) + reach, int(x) - reach : int(x) + reach, :3].astype(int)


def share(pixels: np.ndarray, colour: tuple[int, ...], near: int = 2) -> float:
    return float((np.abs(pixels - colour).max(axis=-1) <= near).mean())


def test_every_state_looks_as_the_table_says(view_of: ViewOf) -> None:
    view, rgba = row(view_of, signed=False)
    seen = {s: part(view, rgba, i + 1) for i, s in enumerate(STATES)}
    inner = {s: p[40:-40, 40:-40] for s, p in seen.items()}
    patch = {s: p[48:112, 48:112].mean(axis=2).astype(float) for s, p in seen.items()}
    assert share(inner[GOOD], YELLOW) == share(inner[SUBSTITUTED], YELLOW) == 1.0
    assert 0.9 < share(inner[UNCERTAIN], YELLOW) < 1.0  # its colour stays, dots lie over it
    assert share(seen[UNCERTAIN], DARK.muted) > 0.005  # dotted outline
    for lost in (STALE, BAD, NEVER):
        assert share(seen[lost], YELLOW) == 0.0, lost  # nothing that could be read as a value
    assert max(energy(patch[STALE])) > 0.25 > 0.1 > min(energy(patch[STALE]))
    assert min(energy(patch[BAD])) > 0.1
    assert share(seen[BAD], DARK.bad) > 0.01
    assert share(seen[STALE], DARK.bad) == 0.0
    assert share(inner[NEVER], DARK.ground) > 0.9  # hollow: one sees through
    assert share(seen[NEVER], DARK.muted) > 0.01  # … with a silhouette


def test_no_two_states_look_alike_without_colour(view_of: ViewOf) -> None:
    view, rgba = row(view_of)
    grey = [part(view, rgba, i + 1, 86).mean(axis=2) for i in range(6)]
    for i, one in enumerate(grey):
        for other in grey[i + 1 :]:
            h, w = min(one.shape[0], other.shape[0]), min(one.shape[1], other.shape[1])
            assert (np.abs(one[:h, :w] - other[:h, :w]) > 24).sum() > 80


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_signs_stand_at_their_parts_and_an_age_stands_beside_the_clock(view_of: ViewOf, theme: str) -> None:
    view, rgba = row(view_of, theme=theme)
    assert [(s.prim, s.sign, s.words) for s in sorted(view.signed, key=lambda s: s.prim)] == [
        (2, "S", ""),
        (3, "?", ""),
        (4, "clock", "4 min"),
    ]
    plain = row(view_of, signed=False, theme=theme)[1]
    colours = {"dark": DARK, "light": LIGHT}[theme]
    for signed in view.signed:
        left, top, right, low = signs.rect(signed, colours, 1.0)
        now, before = (p[top:low, left:right, :3].astype(int) for p in (rgba, plain))
        assert (np.abs(now - before).max(axis=2) > 16).mean() > 0.5, signed
        x, y, _ = view.project(signed.prim)
        assert x < signed.x < x + 80
        assert y - 80 < signed.y < y
    assert share(part(view, rgba, 1), YELLOW) == share(part(view, plain, 1), YELLOW)  # GOOD has no sign


def test_an_age_goes_on_in_the_picture_that_is_there(view_of: ViewOf) -> None:
    view, first = row(view_of)
    first = first.copy()
    assert not view.dirty
    assert view.marks(marked([2, 3, 4], [SUBSTITUTED, UNCERTAIN, STALE], [np.nan, np.nan, 300.0]))
    assert not view.dirty  # nothing of the scene was drawn again
    assert [s.words for s in view.signed if s.sign == "clock"] == ["5 min"]
    changed = np.argwhere((view._rgba != first).any(axis=2))
    assert 4 < len(changed) < 400
    assert view.marks(marked([], []))
    assert (view._rgba == row(view_of, signed=False)[1]).all()


def test_a_small_part_has_no_clock(view_of: ViewOf) -> None:
    view, _ = row(view_of)
    view.zoom(0.2)
    view.render()
    assert [s.sign for s in view.signed if s.sign == "clock"] == []


def test_what_holds_stale_or_bad_parts_has_a_dot_at_its_corner(view_of: ViewOf) -> None:
    scene = scenes.boxes(np.array([scenes.at(1.6 * (i - 1), 0, 0) for i in range(3)]))
    view = view_of(scene, size=(640, 400))
    for kind, colour in ((BELOW_STALE, DARK.muted), (BELOW_BAD, DARK.bad)):
        view.marks(marked([0], [kind]))
        rgba = view.render()
        (dot,) = view.signed
        middle = rgba[round(dot.y), round(dot.x), :3]
        assert np.abs(middle.astype(int) - colour).max() < 8
        assert dot.x > view.project(3)[0]
        assert dot.y < view.project(3)[1]


def test_a_part_that_is_drawn_by_an_instance_has_its_sign_too(view_of: ViewOf) -> None:
    one, other = scenes.at(-2, 0, 0), scenes.at(2, 0, 0)
    view = view_of(scenes.boxes(np.array([one]), instances=np.array([other])), size=(640, 400))
    view.marks(marked([1, 2], [STALE, STALE], [7.0, 8.0]))
    view.render()
    assert sorted((s.prim, s.words) for s in view.signed) == [(1, "7 s"), (2, "8 s")]


def test_signs_never_lie_over_each_other_and_the_largest_part_goes_first(view_of: ViewOf) -> None:
    rng = np.random.default_rng(2)
    places = np.array(
        [scenes.at(*rng.uniform(-4, 4, 3), scale=float(rng.uniform(0.5, 2))) for _ in range(300)]
    )
    view = view_of(scenes.boxes(places), size=(640, 400))
    view.marks(marked(list(range(1, 301)), [STALE] * 300, [61.0] * 300))
    view.render()
    at = np.array([(s.x, s.y) for s in view.signed])
    assert 3 < len(at) <= signs.MOST
    gap = np.abs(at[:, None] - at[None]).max(axis=2)
    assert gap[~np.eye(len(at), dtype=bool)].min() >= signs.SIZE


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7.9, "7 s"), (119, "119 s"), (240, "4 min"), (3 * 3600, "3 h"), (9e5, "10 d"), (float("nan"), "")],
)
def test_an_age_is_told_in_whole_units(seconds: float, words: str) -> None:
    assert signs.age_words(seconds) == words


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda t: t.name)
def test_a_legend_ends_in_the_colours_of_what_lies_outside_and_shows_the_lost_qualities(theme: Theme) -> None:
    bar = np.linspace((10, 40, 90), (250, 220, 60), 256).astype(np.uint8)
    told = overlay.Legend(
        "Heat",
        "°C",
        "20",
        "90",
        bar,
        marks=(
            overlay.Swatch((0, 0, 0), "stale", "hatch"),
            overlay.Swatch((0, 0, 0), "bad", "cross"),
            overlay.Swatch((0, 0, 0), "no data yet", "hollow"),
        ),
        under=overlay.Swatch((0, 200, 0), "below 20"),
        over=overlay.Swatch((200, 0, 200), "above 90"),
    )
    patch = overlay.legend(told, theme, 1.0)[..., :3].astype(int)
    assert 20 < (patch == (0, 200, 0)).all(axis=2).sum() < 120  # a point, not a part of the range
    assert 20 < (patch == (200, 0, 200)).all(axis=2).sum() < 120
    for colour, least in ((theme.equipment, 150), (theme.ink, 100), (theme.bad, 40), (theme.muted, 40)):
        assert (patch == colour).all(axis=2).sum() > least, colour
    none = overlay.legend(told, theme, 1.0, marks=False)[..., :3].astype(int)
    assert not (none == theme.bad).all(axis=2).any()
