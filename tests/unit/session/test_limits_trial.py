"""How often an alarm would have been raised by recorded readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.message import AskBetween, Enroll, Enrolled, Samples
from armillary.model.quality import BAD
from armillary.model.sample import batch_of
from armillary.session import limits_trial
from armillary.session.limits_trial import Past, raises

ABOVE = AlarmSpec(id="a", slot=0, tag="t", limit=10.0)


def count(spec: AlarmSpec, *values: float, bad: tuple[int, ...] = ()) -> int:
    quality = np.zeros(len(values), np.uint16)
    quality[list(bad)] = BAD
    return raises(spec, np.arange(len(values), dtype=np.int64) * NS, np.array(values), quality)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ((), 0),
        ((9.0, 10.0), 0),  # strictly beyond
        ((9.0, 11.0, 12.0), 1),
        ((11.0, 9.0, 11.0, 9.0, 11.0), 3),
    ],
)
def test_each_crossing_counts_once(values: tuple[float, ...], times: int) -> None:
    assert count(ABOVE, *values) == times


def test_a_deadband_keeps_it_raised_between() -> None:
    assert count(replace(ABOVE, deadband=2.0), 11.0, 9.0, 11.0, 8.0, 11.0) == 2


def test_a_delay_leaves_short_excursions_out() -> None:
    assert count(replace(ABOVE, on_delay_s=2.0), 11.0, 9.0, 11.0, 11.0, 11.0, 9.0) == 1


def test_a_delay_off_bridges_a_short_return() -> None:
    assert count(replace(ABOVE, off_delay_s=3.0), 11.0, 9.0, 11.0, 11.0) == 1


def test_below_is_the_mirror_image() -> None:
    assert count(replace(ABOVE, direction="below"), 11.0, 9.0, 11.0, 9.0) == 2


def test_readings_in_sequence_are_counted_and_bad_ones_say_nothing() -> None:
    five = replace(ABOVE, kind="count", count=3)
    assert count(five, 11.0, 11.0, 9.0, 11.0, 11.0, 11.0) == 1
    assert count(five, 11.0, 11.0, 99.0, 9.0, bad=(2,)) == 0


# ---------------------------------------------------------------- what is asked of the recorder

NOW = 1_790_000_000 * NS


class Recorder:
    """Answers at once, a page of 1,000 samples a question."""

    def __init__(self, value: np.ndarray, every_s: float) -> None:
        self.t_ns = NOW - ((len(value) - np.arange(len(value))) * every_s * NS).astype(np.int64)
        self.value, self.asked = value, 0

    def __call__(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        if isinstance(message, Enroll):
            callback(Enrolled(ids=np.array([7], np.uint32)))
            return
        assert isinstance(message, AskBetween)
        self.asked += 1
        rows = np.flatnonzero((self.t_ns >= message.from_ns) & (self.t_ns < message.to_ns))[:1_000]
        whole = not len(rows) or rows[-1] == len(self.t_ns) - 1
        t = self.t_ns[rows]
        batch = batch_of(np.full(len(rows), 7, np.uint32), self.value[rows], t, t, t)
        callback(Samples(batch=batch, to_ns=message.to_ns if whole else int(t[-1]) + 1))


def told(value: np.ndarray, every_s: float) -> tuple[str, int]:
    done: list[Past] = []
    recorder = Recorder(value, every_s)
    past = Past(recorder, "t", NOW, done.append)
    assert done == [past]
    return past.told(ABOVE, replace(ABOVE, limit=20.0)), recorder.asked


def test_a_day_is_read_to_its_end_however_many_pages_it_has() -> None:
    value = np.full(17_000, 5.0)
    value[::1_000] = 11.0
    text, asked = told(value, 5.0)
    assert text == "In the last 24 h it would have been raised 17 times, as it is now not once."
    assert asked == 17


def test_what_is_too_much_is_tried_on_the_part_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_trial, "MOST_ROWS", 5_000)
    value = np.full(17_000, 5.0)
    value[::1_000] = 11.0
    text, asked = told(value, 5.0)
    assert text.startswith("In the first 6.9 h of the last 24 h it would have been raised 5 times")
    assert asked == 5
