"""Values by hand over a scripted source: what is shown, counted and recorded, and what lies beneath."""

from __future__ import annotations

import math

import numpy as np

from armillary.model.arrays import U1
from armillary.model.clock import NS
from armillary.model.frame import WorldKind
from armillary.model.quality import BAD, GOOD, MANUAL, STALE, SUBSTITUTED, UNCERTAIN
from armillary.model.sample import HISTORICAL, SampleBatch, batch_of, empty_batch
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary.twin.held import Given, Held
from armillary.world.core import Core, Tick

LEVEL, FLOW, TOTAL, DOUBLE = range(4)
SPECS = (
    TagSpec(slot=LEVEL, name="level", link="l"),
    TagSpec(slot=FLOW, name="flow", link="l"),
    TagSpec(slot=TOTAL, name="total", expression="level + flow"),
    TagSpec(slot=DOUBLE, name="double", expression="2 * total"),
)
BY_HAND = SUBSTITUTED | MANUAL
START_NS = 1_800_000_000 * NS


class Script:
    """A supply of what a test says; what was told stale stays so until it comes again."""

    def __init__(self) -> None:
        self.next: list[tuple[int, float, int, int]] = []  # slot, value, quality, flags
        self.stale: list[int] = []
        self.outcomes: list[int] = []
        self.now_ns = START_NS

    def take(self) -> SampleBatch:
        rows, self.next = self.next, []
        if not rows:
            return empty_batch()
        slot, value, quality, flags = (list(column) for column in zip(*rows, strict=True))
        n = len(rows)
        return batch_of(
            np.array(slot, np.uint32),
            np.array(value, np.float64),
            np.full(n, self.now_ns, np.int64),
            self.now_ns,
            self.now_ns,
            quality=np.array(quality, np.uint16),
            flags=np.array(flags, np.uint8),
        )

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        self.outcomes += outcome.tolist()

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        state.mark(table, np.array(self.stale, np.int64), STALE)


class Bench:
    def __init__(self) -> None:
        self.script, self.held = Script(), Held(len(SPECS), SPECS)
        self.core = Core(
            world="w",
            kind=WorldKind.LIVE,
            tags=len(SPECS),
            supply=self.script,
            derived=Derived(SPECS, held=self.held.mask),
            held=self.held,
        )

    def tick(self, *rows: tuple[int, float], quality: int = GOOD, flags: int = 0) -> Tick:
        self.script.now_ns += NS // 20
        self.script.next = [(slot, value, quality, flags) for slot, value in rows]
        return self.core.tick(self.script.now_ns, self.script.now_ns)

    def give(self, slot: int, value: float, why: str = "by Anna") -> None:
        now = self.script.now_ns
        self.held.put(Given(slot=slot, value=value, since_ns=now, since_mono_ns=now, why=why))

    def shows(self, slot: int) -> tuple[float, int]:
        return float(self.core.table.value[slot]), int(self.core.table.quality[slot])


def recorded(tick: Tick) -> list[tuple[int, float, int]]:
    batch = tick.samples
    return list(zip(batch.slot.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True))


def test_a_value_by_hand_stands_in_place_of_the_plants_and_what_is_derived_follows() -> None:
    bench = Bench()
    bench.tick((LEVEL, 1.0), (FLOW, 10.0))
    bench.give(LEVEL, 5.0)
    tick = bench.tick()
    assert bench.shows(LEVEL) == (5.0, BY_HAND)
    assert bench.shows(TOTAL) == (15.0, BY_HAND)
    assert bench.core.table.why == {LEVEL: "by Anna"}
    assert dict(tick.frame.why) == {LEVEL: "by Anna"}
    assert recorded(tick) == [(LEVEL, 5.0, BY_HAND), (TOTAL, 15.0, BY_HAND), (DOUBLE, 30.0, BY_HAND)]


def test_what_the_plant_says_meanwhile_is_applied_beneath_and_neither_shown_nor_recorded() -> None:
    bench = Bench()
    bench.tick((LEVEL, 1.0), (FLOW, 10.0))
    bench.give(LEVEL, 5.0)
    bench.tick()
    tick = bench.tick((LEVEL, 2.0), (FLOW, 11.0))
    assert bench.shows(LEVEL) == (5.0, BY_HAND)
    assert recorded(tick)[0] == (FLOW, 11.0, GOOD)
    assert LEVEL not in tick.frame.slot.tolist()  # it shows what it showed
    assert bench.script.outcomes == [state.APPLIED] * 4  # both laws hold as ever
    bench.held.end(LEVEL)
    tick = bench.tick()
    assert bench.shows(LEVEL) == (2.0, GOOD)
    assert bench.shows(TOTAL) == (13.0, GOOD)
    assert not bench.core.table.why
    assert (LEVEL, 2.0, GOOD) in recorded(tick)


def test_a_value_by_hand_does_not_become_stale_and_what_lies_beneath_does() -> None:
    bench = Bench()
    bench.tick((LEVEL, 1.0))
    bench.give(LEVEL, 5.0)
    bench.script.stale = [LEVEL]
    bench.tick()
    assert bench.shows(LEVEL) == (5.0, BY_HAND)
    bench.held.end(LEVEL)
    bench.tick()
    assert bench.shows(LEVEL) == (1.0, STALE)


def test_a_tag_that_was_bad_says_its_own_words_again() -> None:
    bench = Bench()
    bench.tick((LEVEL, math.nan), quality=BAD)
    bench.core.table.why[LEVEL] = "text instead of number"
    bench.give(LEVEL, 5.0)
    bench.tick()
    assert bench.core.table.why == {LEVEL: "by Anna"}
    bench.held.end(LEVEL)
    bench.tick()
    assert bench.core.table.why == {LEVEL: "text instead of number"}
    assert bench.shows(LEVEL)[1] == BAD


def test_a_derived_tag_is_held_too_and_follows_its_inputs_again_afterwards() -> None:
    bench = Bench()
    bench.tick((LEVEL, 1.0), (FLOW, 10.0))
    bench.give(TOTAL, 100.0)
    bench.tick((FLOW, 20.0))
    assert bench.shows(TOTAL) == (100.0, BY_HAND)
    assert bench.shows(DOUBLE) == (200.0, BY_HAND)
    bench.held.end(TOTAL)
    tick = bench.tick()
    assert bench.shows(TOTAL) == (21.0, GOOD)
    assert bench.shows(DOUBLE) == (42.0, GOOD)
    assert recorded(tick) == [(TOTAL, 21.0, GOOD), (DOUBLE, 42.0, GOOD)]


def test_late_samples_of_a_held_tag_are_recorded() -> None:
    bench = Bench()
    bench.tick((LEVEL, 1.0))
    bench.give(LEVEL, 5.0)
    bench.tick()
    tick = bench.tick((LEVEL, 0.5), flags=HISTORICAL)
    assert recorded(tick) == [(LEVEL, 0.5, GOOD)]


def test_a_second_value_by_hand_takes_the_place_of_the_first() -> None:
    bench = Bench()
    bench.tick((LEVEL, 1.0), (FLOW, 10.0))
    bench.give(LEVEL, 5.0)
    bench.tick()
    bench.give(LEVEL, 6.0, "by Bert")
    tick = bench.tick()
    assert bench.shows(LEVEL) == (6.0, BY_HAND)
    assert (LEVEL, 6.0, BY_HAND) in recorded(tick)
    bench.held.end(LEVEL)
    bench.held.end(LEVEL)  # of what is held no more nothing comes
    bench.tick()
    assert bench.shows(LEVEL) == (1.0, GOOD)


def test_a_doubtful_input_makes_what_is_derived_doubtful_in_spite_of_a_value_by_hand() -> None:
    bench = Bench()
    bench.tick((FLOW, 10.0), quality=UNCERTAIN)
    bench.give(LEVEL, 5.0)
    bench.tick()
    assert bench.shows(TOTAL) == (15.0, UNCERTAIN | MANUAL)
