"""Our own clocks: a wall that was set, a process that was stopped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from armillary.model.alarm import AlarmEvent, AlarmState
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch, batch_of, empty_batch
from armillary.model.tags import TagTable
from armillary.world.waking import SETTLE_NS, AfterSleep, Beats, moved_text

WALL, MONO = 1_750_000_000 * NS, 1_000 * NS


class Clocks:
    def __init__(self) -> None:
        self.beats, self.wall, self.mono = Beats(), WALL, MONO
        self.tick()

    def tick(self, wall_s: float = 0.05, mono_s: float = 0.05, between_s: float = 0.0) -> tuple[float, float]:
        """`between_s`: how long the process was stopped while it read its clocks."""
        self.wall += int(wall_s * NS)
        self.mono += int(mono_s * NS)
        before = self.mono
        self.mono += int(between_s * NS)
        moved, slept = self.beats.look(self.wall, before, self.mono)
        self.wall += int(between_s * NS)
        return moved / NS, slept / NS


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0, 2.1])
def test_a_step_of_the_wall_is_found_in_the_tick_after_it(step_s: float) -> None:
    clocks = Clocks()
    clocks.tick()
    assert clocks.tick(wall_s=0.05 + step_s) == (pytest.approx(step_s), 0)
    assert clocks.tick() == (0, 0)


def test_a_drift_is_no_step_however_far_it_goes() -> None:
    clocks = Clocks()
    assert [clocks.tick(wall_s=0.06) for _ in range(1_000)] == [(0, 0)] * 1_000


def test_a_stop_is_a_sleep_and_no_step() -> None:
    assert Clocks().tick(wall_s=30, mono_s=30) == (0, 30)


def test_a_slow_tick_is_no_sleep() -> None:
    assert Clocks().tick(wall_s=5, mono_s=5) == (0, 0)


def test_a_stop_between_two_readings_of_the_clocks_is_no_step() -> None:
    clocks = Clocks()
    assert clocks.tick(between_s=30) == (0, pytest.approx(30.05))
    assert clocks.tick() == (0, 0)


@pytest.mark.parametrize(
    ("moved_s", "text"),
    [(-3_600, "System clock moved by \u22123\u202f600 s"), (3_600, "System clock moved by +3\u202f600 s")],
)
def test_a_step_is_told_with_its_size(moved_s: int, text: str) -> None:
    assert moved_text(moved_s * NS) == text


class Seen:
    """Alarms that note what they were shown."""

    def __init__(self) -> None:
        self.values: list[list[float]] = []

    def look(self, table: TagTable, readings: SampleBatch, now_ns: int, now_mono_ns: int) -> None:
        self.values.append(readings.value.tolist())

    def take(self) -> tuple[tuple[AlarmState, ...], tuple[AlarmEvent, ...]]:
        return (AlarmState(id="a"),), ()


def reading(value: float) -> SampleBatch:
    return batch_of(np.zeros(1, np.uint32), np.array([value]), np.array([WALL]), WALL, MONO)


@pytest.fixture
def seen() -> Seen:
    return Seen()


def after_sleep(seen: Seen, are_up: Callable[[int], bool]) -> Callable[[SampleBatch, int], None]:
    alarms, table = AfterSleep(seen, are_up), TagTable(1)
    alarms.look(table, reading(0.0), WALL, MONO)
    alarms.slept(MONO)
    assert alarms.take() == ((AlarmState(id="a"),), ())
    return lambda readings, after_ns: alarms.look(table, readings, WALL, MONO + after_ns)


def test_alarms_wait_for_the_links_and_then_see_every_reading_in_order(seen: Seen) -> None:
    up: list[int] = []
    look = after_sleep(seen, lambda since: bool(up) and since == MONO)
    look(reading(1.0), NS)
    look(empty_batch(), 2 * NS)
    look(reading(2.0), 3 * NS)
    assert seen.values == [[0.0]]
    up.append(1)
    look(reading(3.0), 4 * NS)
    look(reading(4.0), 5 * NS)
    assert seen.values == [[0.0], [1.0, 2.0, 3.0], [4.0]]


def test_alarms_do_not_wait_for_ever_for_a_link_that_stays_away(seen: Seen) -> None:
    look = after_sleep(seen, lambda _: False)
    look(reading(1.0), SETTLE_NS - 1)
    assert seen.values == [[0.0]]
    look(empty_batch(), SETTLE_NS)
    assert seen.values == [[0.0], [1.0]]
