"""What arrivals tell of the clock of a link's source."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.telemetry.linkclock import LinkClock, LinkClocks


class Link:
    """A link that brings a sample a second, whose source's clock and way are as told."""

    def __init__(self) -> None:
        self.clock, self.now_s = LinkClock(), 100.0

    def run(self, seconds: float, *, ahead_s: float = 0.0, way_s: float = 0.02, worse_s: float = 0.0) -> None:
        """`worse_s`: how much longer the way gets in each second."""
        for _ in range(int(seconds)):
            delay = way_s - ahead_s
            self.clock.note(np.array([delay + 0.01, delay + 0.005, delay]) * NS, int(self.now_s * NS))
            self.now_s += 1
            way_s += worse_s

    @property
    def ahead_s(self) -> float | None:
        return self.clock.skew.ahead_s


@pytest.mark.parametrize("off_s", [0.0, 0.4, -0.9])
def test_a_clock_that_is_right_within_a_second_is_nobodys_business(off_s: float) -> None:
    link = Link()
    link.run(60, ahead_s=off_s)
    assert link.ahead_s == pytest.approx(off_s - 0.02, abs=1e-6)
    assert (link.clock.skew.level, link.clock.skew.text("x")) == (0, "")


def test_the_estimate_says_how_sure_it_is() -> None:
    link = Link()
    link.run(60)
    assert link.clock.skew.doubt_s == pytest.approx(0.005, abs=1e-6)  # the median less the minimum


@pytest.mark.parametrize(
    ("off_s", "level", "text"),
    [
        (4.2, 1, "Clock of press-line is 4.2 s ahead"),
        (-4.2, 1, "Clock of press-line is 4.2 s behind"),
        (41.0, 2, "Clock of press-line is 41 s ahead: receive time is used"),
        (-3_600.0, 2, "Clock of press-line is 3\u202f600 s behind: receive time is used"),
    ],
)
def test_a_wrong_clock_is_told_within_ten_seconds(off_s: float, level: int, text: str) -> None:
    link = Link()
    link.run(10, ahead_s=off_s, way_s=0.0)
    assert (link.clock.skew.level, link.clock.skew.text("press-line")) == (level, text)


@pytest.mark.parametrize("off_s", [41.0, -3_600.0, 4.2])
def test_a_clock_that_steps_and_is_put_right_is_followed_within_ten_seconds(off_s: float) -> None:
    link = Link()
    link.run(120)
    link.run(10, ahead_s=off_s)
    assert link.ahead_s == pytest.approx(off_s - 0.02, abs=1e-6)
    link.run(10)
    assert link.ahead_s == pytest.approx(-0.02, abs=1e-6)
    assert link.clock.skew.level == 0


def test_a_queue_that_grows_and_empties_is_no_clock() -> None:
    link = Link()
    link.run(60)
    link.run(60, worse_s=1.0)  # each second brings what is a second older
    assert link.clock.skew.level == 0
    link.run(60, way_s=60.0, worse_s=-1.0)
    assert link.clock.skew.level == 0


def test_a_backlog_at_the_start_is_no_clock() -> None:
    link = Link()
    link.run(30, way_s=3_600.0, worse_s=-120.0)
    assert link.ahead_s is None
    link.run(10)
    assert link.ahead_s == pytest.approx(-0.02, abs=1e-6)


def test_a_clock_at_the_limit_does_not_come_and_go() -> None:
    link = Link()
    levels = []
    for off in (30.5, 29.5, 30.5, 29.5):
        link.clock.begin()
        link.run(10, ahead_s=off, way_s=0.0)
        levels.append(link.clock.skew.level)
    assert levels == [2, 2, 2, 2]


def test_an_offset_is_forgotten_after_ten_minutes() -> None:
    link = Link()
    link.run(4, way_s=0.01)
    link.run(400, way_s=0.5)
    assert link.ahead_s == pytest.approx(-0.01, abs=1e-6)
    link.run(210, way_s=0.5)
    assert link.ahead_s == pytest.approx(-0.5, abs=1e-6)


def test_what_is_years_off_is_a_wrong_unit_and_no_clock() -> None:
    clock = LinkClock()
    for second in range(20):
        clock.note(np.array([50 * 365 * 86_400 * NS]), second * NS)
    assert clock.skew.ahead_s is None


def test_each_change_is_told_once() -> None:
    clocks = LinkClocks([LinkSpec(name="m", kind="mqtt", url="")])
    told = []
    for second, delay_s in enumerate([0.1] * 20 + [-41.0] * 10 + [0.1] * 20):
        clocks.note("m", np.array([int(delay_s * NS)]), second * NS)
        told += [(e.level, e.text) for e in clocks.take_events({"m": 0}, second)]
    assert told == [
        ("warning", "Clock of m is 41 s ahead: receive time is used"),
        ("info", "Clock of m is right again"),
    ]


def test_samples_from_the_future_are_told_once() -> None:
    clocks = LinkClocks([LinkSpec(name="m", kind="mqtt", url="")])
    assert clocks.take_events({"m": 0}, 1) == []
    (event,) = clocks.take_events({"m": 3}, 2)
    assert event.text == "Samples of m have times in the future: their receive time is used"
    assert clocks.take_events({"m": 4}, 3) == []
