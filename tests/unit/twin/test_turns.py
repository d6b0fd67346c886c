"""Order and repeats: what the alarms see, what is recorded, what is late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.clock import NS
from armillary.model.link import LinkSpec
from armillary.model.sample import (
    HISTORICAL,
    REDATED,
    SOURCE_TIME_ASSUMED,
    SampleBatch,
    batch_of,
    shown,
)
from armillary.model.tags import TagSpec, TagTable
from armillary.twin.state import APPLIED, COALESCED, DUPLICATE, LATE, apply
from armillary.twin.turns import CONFLICT, Ordered, Turns

T0 = 1_750_000_000 * NS
SPECS = tuple(TagSpec(slot=i, name=f"t{i}", link="m", address=str(i)) for i in range(3))
Row = tuple[int, float, float]  # slot, value, source second


def batch(*rows: Row, at_s: float = 100.0, flags: int = 0, text: dict[int, str] | None = None) -> SampleBatch:
    """Rows that arrive at one moment."""
    return batch_of(
        np.array([r[0] for r in rows], np.uint32),
        np.array([r[1] for r in rows], np.float64),
        T0 + np.array([int(r[2] * NS) for r in rows], np.int64),
        T0 + int(at_s * NS),
        int(at_s * NS),
        flags=np.full(len(rows), flags, np.uint8),
        text=text,
    )


class World:
    def __init__(self, window_s: float = 0.0) -> None:
        self.table = TagTable(len(SPECS))
        link = LinkSpec(name="m", kind="mqtt", url="", reorder_window_s=window_s)
        self.turns = Turns(SPECS, [link])
        self.readings: list[tuple[int, float, float]] = []
        self.recorded: list[tuple[int, float, float, int]] = []
        self.late: list[float] = []

    def tick(self, *rows: Row, at_s: float = 100.0, given: SampleBatch | None = None, **more: int) -> Ordered:
        arrived = given if given is not None else batch(*rows, at_s=at_s, **more)  # type: ignore[arg-type]
        done = self.turns.look(arrived, apply(self.table, shown(arrived)), int(at_s * NS))
        seconds = lambda b: ((b.source_ns - T0) / NS).tolist()  # noqa: E731
        r, w = done.readings, done.recorded
        self.readings += list(zip(r.slot.tolist(), r.value.tolist(), seconds(r), strict=True))
        self.recorded += list(
            zip(w.slot.tolist(), w.value.tolist(), seconds(w), w.flags.tolist(), strict=True)
        )
        self.late += seconds(done.late)
        return done


def test_without_a_window_what_is_older_is_late_recorded_and_no_reading() -> None:
    world = World()
    world.tick((0, 1.0, 50), (0, 2.0, 49))
    assert world.readings == [(0, 1.0, 50.0)]
    assert world.recorded == [(0, 1.0, 50.0, 0), (0, 2.0, 49.0, HISTORICAL)]
    assert world.late == [49.0]
    assert world.table.value[0] == 1.0


def test_within_the_window_what_was_overtaken_takes_its_place() -> None:
    world = World(window_s=2.0)
    world.tick((0, 3.0, 53), at_s=100.0)
    done = world.tick((0, 1.0, 51), (0, 2.0, 52), at_s=101.0)
    assert done.outcome.tolist() == [COALESCED, COALESCED]  # not late
    assert world.table.value[0] == 3.0  # live at once, and the newest alone
    assert world.readings == world.recorded == []
    world.tick(at_s=101.9)
    assert world.readings == []
    world.tick(at_s=102.0)
    assert world.readings == [(0, 1.0, 51.0), (0, 2.0, 52.0), (0, 3.0, 53.0)]
    assert world.recorded == [(0, 1.0, 51.0, 0), (0, 2.0, 52.0, 0), (0, 3.0, 53.0, 0)]
    assert world.late == []


def test_beyond_the_window_it_is_late() -> None:
    world = World(window_s=2.0)
    world.tick((0, 3.0, 53), at_s=100.0)
    world.tick(at_s=102.0)
    done = world.tick((0, 1.0, 51), at_s=102.1)
    assert done.outcome.tolist() == [LATE]
    assert world.recorded[-1] == (0, 1.0, 51.0, HISTORICAL)
    assert world.readings == [(0, 3.0, 53.0)]
    assert world.late == [51.0]


def test_one_tags_wait_is_not_anothers() -> None:
    world = World(window_s=2.0)
    world.tick((0, 1.0, 50), at_s=100.0)
    world.tick((1, 2.0, 40), at_s=101.0)
    world.tick(at_s=102.0)
    assert world.readings == [(0, 1.0, 50.0)]
    world.tick(at_s=103.0)
    assert world.readings == [(0, 1.0, 50.0), (1, 2.0, 40.0)]


def test_a_delay_of_an_alarm_does_not_run_ahead_of_what_waits() -> None:
    world = World(window_s=2.0)
    world.tick((0, 1.0, 50), at_s=100.0)
    world.tick((0, 0.0, 50.5), at_s=100.5)
    first = world.tick(at_s=102.0).readings
    second = world.tick(at_s=102.5).readings
    assert (second.arrival_mono_ns[0] - first.arrival_mono_ns[0]) / NS == 0.5
    assert first.arrival_mono_ns[0] / NS == 102.0  # as of now: nothing after it was seen yet


def test_at_the_end_nothing_that_waits_is_lost() -> None:
    world = World(window_s=2.0)
    world.tick((0, 2.0, 52), (0, 1.0, 51))
    assert world.turns.flush().value.tolist() == [1.0, 2.0]
    assert len(world.turns.flush()) == 0


def test_what_its_sender_calls_historical_does_not_wait() -> None:
    world = World(window_s=2.0)
    world.tick((0, 1.0, 50), flags=HISTORICAL)
    assert world.recorded == [(0, 1.0, 50.0, HISTORICAL)]
    assert np.isnan(world.table.value[0])


def test_a_late_sample_that_comes_twice_counts_once() -> None:
    world = World()
    world.tick((0, 5.0, 60))
    assert world.tick((0, 1.0, 50)).outcome.tolist() == [LATE]
    assert world.tick((0, 1.0, 50)).outcome.tolist() == [DUPLICATE]
    assert [row[1] for row in world.recorded] == [5.0, 1.0]


def test_a_whole_burst_that_is_sent_again_in_one_tick_counts_once() -> None:
    world = World()
    burst = [(0, float(i), 50.0 + i) for i in range(5)]
    outcome = world.tick(*burst, *burst).outcome.tolist()
    assert outcome == [COALESCED] * 4 + [APPLIED] + [DUPLICATE] * 5
    assert [row[1] for row in world.recorded] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_another_value_for_the_same_time_is_a_conflict_and_kept() -> None:
    world = World()
    world.tick((0, 1.0, 50))
    assert world.tick((0, 2.0, 50)).outcome.tolist() == [APPLIED | CONFLICT]
    assert world.table.value[0] == 2.0
    world.tick((0, 9.0, 60))
    assert world.tick((0, 3.0, 50)).outcome.tolist() == [LATE | CONFLICT]
    assert [row[1] for row in world.recorded] == [1.0, 2.0, 9.0, 3.0]


def test_a_conflict_within_one_tick_is_one() -> None:
    assert World().tick((0, 1.0, 50), (0, 2.0, 50)).outcome.tolist() == [COALESCED, APPLIED | CONFLICT]


def test_samples_without_a_time_of_their_own_never_conflict() -> None:
    outcome = World().tick((0, 1.0, 100), (0, 2.0, 100), flags=SOURCE_TIME_ASSUMED).outcome
    assert outcome.tolist() == [COALESCED, APPLIED]


def test_texts_tell_repeats_apart() -> None:
    world = World()
    nan = float("nan")
    world.tick((0, nan, 60), (0, nan, 50), given=batch((0, nan, 60), (0, nan, 50), text={0: "b", 1: "a"}))
    again = world.tick(given=batch((0, nan, 50), text={0: "a"}))
    other = world.tick(given=batch((0, nan, 50), text={0: "c"}))
    assert again.outcome.tolist() == [DUPLICATE]
    assert other.outcome.tolist() == [LATE | CONFLICT]


def test_what_was_redated_shows_no_delay_and_keeps_what_its_source_said() -> None:
    world = World()

    def said(second: float, at_s: float) -> SampleBatch:
        one = batch((0, 1.0, at_s), at_s=at_s, flags=REDATED)
        return replace(one, arrival_ns=np.array([T0 + int(second * NS)]))

    first = world.tick(given=said(141.0, 100.0), at_s=100.0)
    assert first.readings.arrival_ns.tolist() == first.readings.source_ns.tolist()  # no delay to speak of
    assert first.recorded.arrival_ns.tolist() == [T0 + 141 * NS]
    assert world.table.arrival_ns[0] == T0 + 100 * NS


def test_a_wall_clock_that_is_set_back_holds_nothing_up() -> None:
    world = World(window_s=2.0)
    world.tick((0, 1.0, 5_000), at_s=100.0)
    world.tick(at_s=102.0)
    world.turns.moved(T0 + 1_000 * NS)
    world.table.source_ns[:] = T0 + 1_000 * NS
    assert world.tick((0, 2.0, 1_001), at_s=103.0).outcome.tolist() == [APPLIED]
    world.tick(at_s=105.0)
    assert world.readings[-1] == (0, 2.0, 1_001.0)
