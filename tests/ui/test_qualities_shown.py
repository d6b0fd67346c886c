"""Each quality in the table and in a trend, as pixels and as words (operations 2.4)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPixmap
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.quality import (
    BAD,
    COMM,
    DECODE,
    GOOD,
    MANUAL,
    NEVER,
    RANGE,
    SENSOR,
    STALE,
    SUBSTITUTED,
    UNCERTAIN,
)
from armillary.project import folder as projects
from armillary.session.boarding import boarding
from armillary.session.timeline import Pen
from armillary.ui.plot import Plot
from armillary.ui.tag_model import QUALITY, VALUE
from armillary.ui.theme import DARK, LIGHT, Colours
from armillary.ui.window import DeskWindow

STATES = {
    0: GOOD,
    1: SUBSTITUTED | MANUAL,
    2: UNCERTAIN | RANGE,
    4: STALE | COMM,
    6: BAD | DECODE,
    8: NEVER,
}  # slot -> quality
THEMES = pytest.mark.parametrize("colours", [DARK, LIGHT], ids=lambda c: c.name)


def pixels(shot: QPixmap) -> np.ndarray:
    image = shot.toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def amount(picture: np.ndarray, colour: str, near: int = 24) -> int:
    return int((np.abs(picture - rgb(colour)).max(axis=2) <= near).sum())


# ---------------------------------------------------------------- table


def cell(desk: DeskWindow, slot: int, column: int) -> tuple[str, np.ndarray, str]:
    """(text, pixels, tooltip) of a cell of the live table."""
    view, model = desk.tags.view, desk.tags.model
    index = model.index(model.row_of(slot), column)
    view.scrollTo(index)
    box: QRect = view.visualRect(index)
    tip = str(model.data(index, Qt.ItemDataRole.ToolTipRole))
    return str(model.data(index) or ""), pixels(view.viewport().grab(box)), tip


@pytest.fixture
def mixed(desk: DeskWindow, bench: Any) -> DeskWindow:
    desk.show_panel("tags")
    bench.send(STATES, {6: float("nan")})
    bench.clock.advance(240)
    desk.tags.refresh()
    return desk


def test_the_table_shows_each_quality_in_words_and_never_a_number_that_is_none(mixed: DeskWindow) -> None:
    told = {slot: cell(mixed, slot, VALUE)[0] for slot in STATES}
    assert told == {
        0: "2.41 m",
        1: "2.5 m S",
        2: "1.2 m ?",
        4: "71.2 °C · 4 min old",
        6: "— bad: not a number",
        8: "∅ no data yet",
    }
    words = [cell(mixed, slot, QUALITY)[0] for slot in STATES]
    assert words == ["good", "substituted", "uncertain", "stale", "bad", "never"]


def test_the_table_tells_qualities_by_ink_slant_and_mark(mixed: DeskWindow, bench: Any) -> None:
    value = {slot: cell(mixed, slot, VALUE)[1] for slot in STATES}
    magenta = {slot: amount(value[slot], DARK.bad_text, 40) for slot in STATES}
    assert magenta[6] > 20
    assert max(magenta[slot] for slot in STATES if slot != 6) < magenta[6] / 8
    bright = {slot: int((value[slot].min(axis=2) > 215).sum()) for slot in STATES}
    assert bright[0] > 0
    assert bright[2] > 0
    assert bright[4] == bright[8] == 0  # muted
    marks = {slot: cell(mixed, slot, QUALITY)[1][:, :24] for slot in STATES}
    assert amount(marks[1], "#9FB3C8", 12) > 60  # the pill
    shapes = [np.abs(m - np.median(m, axis=(0, 1))).max(axis=2) > 40 for m in marks.values()]
    for i, one in enumerate(shapes):
        for other in shapes[i + 1 :]:
            h = min(len(one), len(other))
            assert (one[:h] != other[:h]).sum() > 8


def test_the_age_of_a_stale_row_counts_on_by_itself(mixed: DeskWindow, bench: Any) -> None:
    bench.clock.advance(61)
    mixed.tags.refresh()
    assert cell(mixed, 4, VALUE)[0] == "71.2 °C · 5 min old"


def test_the_pointer_tells_the_last_good_value_of_what_was_lost(desk: DeskWindow, bench: Any) -> None:
    desk.show_panel("tags")
    bench.send(values={4: 70.5})
    bench.clock.advance(240)
    bench.send({4: BAD | SENSOR}, {4: float("nan")})
    desk.tags.refresh()
    tip = cell(desk, 4, VALUE)[2]
    assert "bad: sensor failure" in tip
    assert "last good 70.5 °C at " in tip
    assert "(4 min ago)" in tip
    assert "expected every 1 s, stale after 3 s" in tip


def test_what_was_learnt_since_the_world_began_is_told(desk: DeskWindow, bench: Any) -> None:
    desk.show_panel("tags")
    bench.send(learnt=((4, 1020, 1000),))
    desk.tags.refresh()
    assert "learnt 1.02 s, stale after 3.06 s" in cell(desk, 4, VALUE)[2]


# ---------------------------------------------------------------- trend

ORIGIN = 1_750_000_000 * NS
SPAN_S = 60
NAN = float("nan")


def pen(value: list[float], quality: list[int]) -> Pen:
    """A pen with a point each second, from the left edge on."""
    n = len(value)
    return Pen(
        slot=0,
        name="T-1.temp",
        unit="°C",
        t_ns=ORIGIN + np.arange(n) * NS,
        low=np.array(value),
        high=np.array(value),
        quality=np.array(quality, np.uint16),
        past="",
    )


class Drawn:
    """A trend of one pen, drawn, and where things are in it."""

    def __init__(self, qtbot: QtBot, colours: Colours, one: Pen, rank: int) -> None:
        self.colours = colours
        self.plot = Plot(colours, lambda _a, _b: None, lambda _t: None)
        qtbot.addWidget(self.plot)
        self.plot.resize(700, 300)
        self.plot.show()
        qtbot.waitExposed(self.plot)
        view = ORIGIN, ORIGIN + SPAN_S * NS
        self.plot.draw([one], [rank], view, view[1])
        self.plot.draw([one], [rank], view, view[1])  # the axis has its width now
        qtbot.wait(10)
        self.picture = pixels(self.plot.grab())
        self.colour = self.plot.pen_colour(0)

    def x(self, second: float) -> int:
        box = self.plot._base.sceneBoundingRect()
        return round(box.left() + second / SPAN_S * box.width())

    def columns(self, first: float, last: float, near: int = 40) -> np.ndarray:
        """Of each column between two seconds, whether it has the pen's own colour."""
        part = self.picture[4:-30, self.x(first) : self.x(last)]
        return (np.abs(part - rgb(self.colour)).max(axis=2) <= near).any(axis=0)

    def lit(self, first: float, last: float) -> int:
        """How many pixels between two seconds are no ground, no grid and no shade."""
        part = self.picture[40:-60, self.x(first) + 2 : self.x(last) - 2]
        ground = rgb(self.colours.panel)
        return int((np.abs(part - ground).max(axis=2) > 70).sum())


WAVE = [20 + 5 * np.sin(i / 4) for i in range(61)]


@THEMES
def test_a_good_line_is_whole_and_a_doubtful_one_is_dashed(qtbot: QtBot, colours: Colours) -> None:
    good = Drawn(qtbot, colours, pen(WAVE, [GOOD] * 61), GOOD)
    assert good.columns(2, 58).mean() > 0.98
    doubtful = Drawn(qtbot, colours, pen(WAVE, [UNCERTAIN] * 61), UNCERTAIN)
    inked = doubtful.columns(2, 58)
    assert 0.3 < inked.mean() < 0.85
    assert np.count_nonzero(np.diff(inked.astype(int))) > 40


@THEMES
def test_a_stale_line_ends_at_its_last_sample_and_dots_lead_to_now_over_a_shade(
    qtbot: QtBot, colours: Colours
) -> None:
    told = [*WAVE[:30], NAN]
    drawn = Drawn(qtbot, colours, pen(told, [GOOD] * 30 + [STALE]), STALE)
    assert drawn.columns(2, 28).mean() > 0.98
    assert drawn.columns(31, 58).mean() < 0.05  # not in full colour
    y_last = drawn.picture[4:-30, drawn.x(40) : drawn.x(58)]
    shade = np.median(drawn.picture[60:-80, drawn.x(45)], axis=0)
    plain = np.median(drawn.picture[60:-80, drawn.x(15)], axis=0)
    assert 2 < np.abs(shade - plain).max() < 40
    lines = (np.abs(y_last - shade).max(axis=2) > 24).mean(axis=1)
    dotted = np.flatnonzero((lines > 0.2) & (lines < 0.9))
    assert len(dotted) in (1, 2, 3)  # one thin row of dots


@THEMES
def test_a_gap_that_is_over_is_shaded_and_never_bridged(qtbot: QtBot, colours: Colours) -> None:
    told = [*WAVE[:20], NAN, *[NAN] * 19, *WAVE[40:]]
    drawn = Drawn(qtbot, colours, pen(told, [GOOD] * 20 + [STALE] * 20 + [GOOD] * 21), GOOD)
    assert drawn.columns(2, 18).mean() > 0.98
    assert drawn.columns(42, 58).mean() > 0.98
    assert drawn.columns(21, 39, 60).mean() == 0
    shade = np.median(drawn.picture[60:-80, drawn.x(30)], axis=0)
    plain = np.median(drawn.picture[60:-80, drawn.x(10)], axis=0)
    assert np.abs(shade - plain).max() > 2


@THEMES
def test_a_bad_stretch_is_a_gap_with_a_magenta_tick_at_either_end(qtbot: QtBot, colours: Colours) -> None:
    told = [*WAVE[:20], *[NAN] * 20, *WAVE[40:]]
    drawn = Drawn(qtbot, colours, pen(told, [GOOD] * 20 + [BAD] * 20 + [GOOD] * 21), GOOD)
    assert drawn.columns(21, 39, 60).mean() == 0
    magenta = np.abs(drawn.picture - rgb(colours.bad_text)).max(axis=2) < 30
    at = np.flatnonzero(magenta.any(axis=0))
    for second in (20, 40):
        assert np.abs(at - drawn.x(second)).min() <= 12
    assert not magenta[:, drawn.x(24) : drawn.x(36)].any()


@THEMES
def test_what_a_person_entered_has_an_s_at_each_change(qtbot: QtBot, colours: Colours) -> None:
    steps = [20.0] * 20 + [24.0] * 20 + [22.0] * 21
    drawn = Drawn(qtbot, colours, pen(steps, [GOOD] * 20 + [SUBSTITUTED] * 41), SUBSTITUTED)
    plain = Drawn(qtbot, colours, pen(steps, [GOOD] * 61), GOOD)
    differs = (np.abs(drawn.picture - plain.picture).max(axis=2) > 40).any(axis=0)
    for second in (20, 40):
        assert differs[drawn.x(second) - 6 : drawn.x(second) + 7].any()
    assert not differs[drawn.x(24) : drawn.x(36)].any()
    assert drawn.columns(2, 58).mean() > 0.98


@THEMES
def test_of_a_tag_that_never_came_nothing_is_drawn(qtbot: QtBot, colours: Colours) -> None:
    drawn = Drawn(qtbot, colours, pen([], []), NEVER)
    assert drawn.lit(2, 58) == 0


def test_the_pen_of_a_tag_that_never_came_says_so(desk: DeskWindow, bench: Any, qtbot: QtBot) -> None:
    bench.send({4: NEVER})
    desk.trend((4,))
    qtbot.waitUntil(lambda: 4 in desk.trends.rows, timeout=20_000)
    desk.trends.draw()
    assert desk.trends.rows[4].value.text() == "no data yet"


# ---------------------------------------------------------------- the card of a binding


def test_binding_an_irregular_tag_asks_once_what_proves_it_alive(
    desk: DeskWindow, bench: Any, tmp_path: Path
) -> None:
    folder, ws, card = tmp_path / "plant", desk.workspace, desk.bindcard
    projects.new(folder, "Plant")
    toml = folder / "project.toml"
    toml.write_text(
        toml.read_text() + '\n[[source]]\nname = "mqtt"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1"\n'
    )
    tags = {"bearing.temp": {"address": "mqtt!p/temp#v"}, "flow": {"address": "mqtt!p/flow#v"}}
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "P-101", "tags": tags}]}))
    ws._plan = dataclasses.replace(boarding(str(folder)), starts_world=False)
    ws.role = "engineer"
    bench.send(learnt=((4, 40_000, 2_000),))
    assert card.drop((4,), 7)
    assert card.regularity.isVisibleTo(card)
    assert "often every 2 s, at times only after 40 s" in card.regularity.words.text()
    card.regularity.device.click()
    assert "Saved: Change P-101.bearing.temp" in desk.status.currentMessage()
    assert {s.name: s.liveness for s in projects.read(folder).specs}["P-101.bearing.temp"] == "device"
    for slot in (4, 6):  # not again, and of a regular one never
        ws.authoring.cancel()
        assert card.drop((slot,), 7)
        assert not card.regularity.isVisibleTo(card)
