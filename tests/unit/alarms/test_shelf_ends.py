"""Before a shelf ends people are told, once for each end; a shelf may last until the shift ends."""

from __future__ import annotations

import pytest

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import SHELF_ENDS, AlarmAct, AlarmEvent, AlarmSpec, Presentation
from armillary.model.clock import NS, ManualClock
from armillary.model.sample import empty_batch
from armillary.model.shift import USUAL, left_s
from armillary.model.tags import TagSpec, TagTable

TAGS = (TagSpec(slot=0, name="LT-1"),)
SPEC = AlarmSpec(id="HI", slot=0, tag="LT-1", limit=9.0)
MIN = 60.0


class Bench:
    def __init__(self) -> None:
        self.clock, self.alarms, self.table = ManualClock(), Evaluator([SPEC], TAGS), TagTable(1)
        self.after(0)

    def after(self, seconds: float) -> list[AlarmEvent]:
        """What happened by a time from now on, looked at each half minute."""
        out: list[AlarmEvent] = []
        for _ in range(max(1, int(seconds / 30))):
            self.clock.advance(min(seconds, 30))
            self.alarms.look(self.table, empty_batch(), self.clock.now_ns(), self.clock.now_mono_ns())
            out += self.alarms.take()[1]
        return out

    def shelve(self, minutes: float) -> str:
        act = AlarmAct(action="shelve", occurrences=("HI",), comment="known fault", duration_s=minutes * MIN)
        (answer,) = self.alarms.act(act, "anna", self.clock.now_ns()).results
        return answer

    @property
    def shown(self) -> bool:
        return next(iter(self.alarms.states())).presentation is Presentation.SHOWN


def test_people_are_told_five_minutes_before_a_shelf_ends_and_once() -> None:
    bench = Bench()
    assert bench.shelve(60) == ""
    assert [e.event for e in bench.after(54 * MIN)] == ["SHELVE"]
    (told,) = bench.after(2 * MIN)
    assert (told.event, told.id, told.text, told.actor) == (SHELF_ENDS, "HI", "the shelf ends in 5 min", "")
    assert not bench.shown
    assert [e.event for e in bench.after(5 * MIN)] == ["UNSHELVE"]
    assert bench.shown


def test_a_shelf_that_is_extended_has_another_end_to_be_told_of() -> None:
    bench = Bench()
    bench.shelve(60)
    bench.after(56 * MIN)
    assert bench.shelve(60) == ""
    assert [e.event for e in bench.after(54 * MIN)] == ["SHELVE"]
    assert [e.event for e in bench.after(2 * MIN)] == [SHELF_ENDS]


@pytest.mark.parametrize("minutes", [3, 5])
def test_of_a_shelf_that_is_as_short_nobody_is_told(minutes: float) -> None:
    bench = Bench()
    bench.shelve(minutes)
    assert [e.event for e in bench.after((minutes + 1) * MIN)] == ["SHELVE", "UNSHELVE"]


def test_the_end_of_a_shift_is_a_time_on_the_shelf() -> None:
    at_ns = 1_790_000_000 * NS - (1_790_000_000 % 86_400) * NS  # midnight, UTC
    assert left_s(USUAL, at_ns) == ("night", 6 * 3_600.0)
    assert left_s(USUAL, at_ns + 13 * 3_600 * NS) == ("early", 3_600.0)
    assert left_s((), at_ns) == ("", 0.0)
    bench = Bench()
    assert bench.shelve(8 * 60 + 1) == "Longest shelf is 8 h", "a long shift does not lengthen a shelf"
