"""Alarms on what is only predicted: when they raise, what they say, when they end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.outlooks import Quantiles, interval
from armillary.alarms.slopes import Slopes, heaps_of
from armillary.model.alarm import AlarmAct, AlarmEvent, AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying

NORM, UNACK = ProcessState.NORM, ProcessState.UNACK
T, M = 0, 1
TAGS = (TagSpec(slot=T, name="TT-1.value", unit="°C"), TagSpec(slot=M, name="TT-1.expected", unit="°C"))
SOON = AlarmSpec(
    id="SOON", slot=T, tag="TT-1.value", kind="predicted", limit=85.0, horizon_s=600.0, window_s=600.0,
    ack_required=False,
)  # fmt: skip
HIGH = AlarmSpec(id="HIGH", slot=T, tag="TT-1.value", limit=85.0, deadband=1.0)
MODEL = replace(SOON, id="MODEL", reference="TT-1.expected", reference_slot=M)


class Plant:
    """One tag a reading every ten seconds."""

    def __init__(self, *specs: AlarmSpec) -> None:
        self.clock, self.table = ManualClock(), TagTable(len(TAGS))
        self.alarms = Evaluator(specs, TAGS)
        self.events: list[AlarmEvent] = []
        self.rng = np.random.default_rng(5)

    def tick(self, *rows: tuple[int, float] | tuple[int, float, int], after_s: float = 10.0) -> Plant:
        self.clock.advance(after_s)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        batch = batch_of(
            np.array([r[0] for r in rows], np.uint32), np.array([r[1] for r in rows], np.float64),
            np.full(len(rows), now, np.int64), now, mono,
            quality=np.array([r[2] if len(r) > 2 else GOOD for r in rows], np.uint16),
        )  # fmt: skip
        applying.apply(self.table, batch)
        self.alarms.look(self.table, batch, now, mono)
        self.events += self.alarms.take()[1]
        return self

    def ramp(self, begin: float, per_min: float, count: int, noise: float = 0.1) -> Plant:
        for i in range(count):
            self.tick((T, begin + per_min * i / 6 + self.rng.normal(0.0, noise)))
        return self

    def state(self, id_: str = "SOON") -> AlarmState:
        return next(state for state in self.alarms.states() if state.id == id_)

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(event.id, event.event) for event in self.events]


def test_a_rising_tag_is_told_of_with_the_time_left_before_its_limit_is_passed() -> None:
    plant = Plant(SOON, HIGH).ramp(70.0, 1.0, 40)
    assert plant.words == [("SOON", "RAISE")]
    assert plant.events[0].value > 85.0  # what is expected at the horizon
    assert plant.state().text == "TT-1.value will be above 85 °C in 9 min (90 % sure within 10 min)"
    plant.ramp(70.0 + 40 / 6, 1.0, 24)
    assert plant.state().text.startswith("TT-1.value will be above 85 °C in 5 min (")
    assert plant.words == [("SOON", "RAISE")]  # that less time is left is no event


def test_a_tag_that_rests_below_its_limit_is_not_told_of_however_noisy_it_is() -> None:
    for level in (60.0, 84.5):
        assert Plant(SOON).ramp(level, 0.0, 120, noise=0.4).words == []


def test_the_alarm_itself_takes_over_from_its_prediction() -> None:
    plant = Plant(SOON, HIGH).ramp(70.0, 1.0, 96)
    assert plant.words == [("SOON", "RAISE"), ("HIGH", "RAISE"), ("SOON", "CLEAR")]
    assert (plant.state().process, plant.state("HIGH").process) == (NORM, UNACK)
    assert plant.events[1].t_ns == plant.events[2].t_ns
    plant.ramp(86.0, 1.0, 60)
    assert len(plant.events) == 3  # nothing is predicted that is there


def test_a_delayed_alarm_takes_over_only_when_it_stands() -> None:
    plant = Plant(SOON, replace(HIGH, on_delay_s=35.0)).ramp(75.0, 1.0, 50, noise=0.0)
    assert ("SOON", "RAISE") in plant.words
    over = plant.clock.now_ns()
    plant = plant.tick((T, 85.5)).tick((T, 86.0)).tick((T, 86.5))
    while ("HIGH", "RAISE") not in plant.words:
        assert plant.state().process is not NORM or plant.state("HIGH").process is not NORM
        plant.tick(after_s=1.0)  # a delay runs out without a reading
        assert plant.clock.now_ns() - over < 120 * NS
    assert plant.state().process is NORM


def test_without_an_alarm_on_the_limit_it_ends_where_the_line_passes_it() -> None:
    plant = Plant(SOON).ramp(70.0, 1.0, 110)
    assert plant.words == [("SOON", "RAISE"), ("SOON", "CLEAR")]


def test_a_forecast_that_falls_away_ends_it() -> None:
    plant = Plant(SOON, HIGH).ramp(70.0, 1.0, 40).ramp(76.5, 0.0, 90)
    assert plant.words == [("SOON", "RAISE"), ("SOON", "CLEAR")]
    assert "not expected above 85 °C any more" in plant.events[-1].text


def test_a_forecast_near_its_limit_does_not_chatter() -> None:
    plant = Plant(SOON)
    for i in range(120):  # it goes up ever slower: what is expected of it stays near the limit for long
        plant.tick((T, 85.0 - 15.0 * 0.985**i + plant.rng.normal(0.0, 0.5)))
    assert plant.words.count(("SOON", "RAISE")) == 1


def test_a_falling_tag_is_told_of_by_a_low_limit() -> None:
    plant = Plant(replace(SOON, direction="below", limit=10.0)).ramp(30.0, -1.2, 60)
    assert plant.words == [("SOON", "RAISE")]
    assert plant.state().text.startswith("TT-1.value will be below 10 °C in ")


@pytest.mark.parametrize("word", [BAD, STALE])
def test_bad_data_neither_begins_nor_ends_a_prediction(word: int) -> None:
    plant = Plant(SOON).ramp(70.0, 1.0, 40)
    plant.tick((T, 20.0, word))
    assert (plant.state().process, plant.state().unverified) == (UNACK, True)
    told = plant.state().text
    plant.tick(after_s=500.0)
    assert (plant.state().process, plant.state().text) == (UNACK, told)
    quiet = Plant(SOON)
    for i in range(60):
        quiet.tick((T, 70.0 + i / 6, word))
    assert quiet.words == []


def test_uncertain_readings_are_passed_over() -> None:
    plant = Plant(SOON).ramp(70.0, 0.0, 40)
    for i in range(40):
        plant.tick((T, 70.0 + i, UNCERTAIN))
    assert plant.words == []


def test_too_few_readings_foretell_nothing() -> None:
    plant = Plant(SOON)
    for i in range(7):
        plant.tick((T, 70.0 + 2 * i), after_s=60.0)
    assert plant.words == []
    plant.tick((T, 84.0), after_s=60.0)
    assert plant.words == [("SOON", "RAISE")]


def test_a_window_that_went_silent_is_not_known_any_more() -> None:
    plant = Plant(SOON).ramp(70.0, 1.0, 40).tick(after_s=650.0)
    assert plant.state().unverified


def test_people_may_acknowledge_it_where_the_project_asks_so() -> None:
    plant = Plant(replace(SOON, ack_required=True), HIGH).ramp(70.0, 1.0, 96)
    assert plant.state().process is ProcessState.RTNUN
    act = AlarmAct(action="ack", occurrences=(plant.state().occurrence,))
    assert plant.alarms.act(act, "anna", plant.clock.now_ns()).results == ("",)
    assert plant.state().process is NORM


# ---------------------------------------------------------------- a model's forecast


def test_a_models_forecast_raises_and_its_own_retreat_clears() -> None:
    plant = Plant(MODEL).tick((T, 70.0), (M, 84.0))
    assert plant.words == []
    plant.tick((M, 86.0))
    assert plant.words == [("MODEL", "RAISE")]
    assert plant.state("MODEL").text == "TT-1.value will be above 85 °C in 9 min (by TT-1.expected)"
    plant.tick((T, 80.0))
    assert plant.state("MODEL").text == "TT-1.value will be above 85 °C in 8 min (by TT-1.expected)"
    plant.tick((M, 84.9))
    assert plant.words[-1] == ("MODEL", "CLEAR")


def test_a_models_error_is_part_of_how_sure_it_is() -> None:
    spec = replace(MODEL, forecast_error=2.0)  # 90 %: 1.2816 of it
    plant = Plant(spec).tick((T, 70.0), (M, 87.5))
    assert plant.words == []
    plant.tick((M, 87.6))
    assert plant.words == [("MODEL", "RAISE")]
    assert "(90 % sure within 10 min)" in plant.state("MODEL").text
    plant.tick((M, 85.5))
    assert plant.words == [("MODEL", "RAISE")]  # less sure, and still expected
    plant.tick((M, 84.9))
    assert plant.words[-1] == ("MODEL", "CLEAR")


@pytest.mark.parametrize("slot", [T, M])
def test_a_bad_tag_or_model_is_unknown(slot: int) -> None:
    plant = Plant(MODEL).tick((T, 70.0), (M, 90.0)).tick((slot, 70.0, BAD))
    assert (plant.state("MODEL").process, plant.state("MODEL").unverified) == (UNACK, True)


def test_the_alarm_itself_takes_over_from_a_models_forecast_too() -> None:
    plant = Plant(MODEL, HIGH).tick((T, 70.0), (M, 90.0)).tick((T, 85.5))
    assert plant.words == [("MODEL", "RAISE"), ("HIGH", "RAISE"), ("MODEL", "CLEAR")]
    plant.tick((T, 83.0))  # below again, and the model still expects it
    assert plant.words[-2:] == [("HIGH", "CLEAR"), ("MODEL", "RAISE")]


# ---------------------------------------------------------------- the interval


def test_nine_of_ten_readings_lie_within_the_interval_that_is_told() -> None:
    n, samples, ahead = 1_500, 31, 10
    rng = np.random.default_rng(11)
    slopes, every = Slopes(np.full(n, 300.0)), np.arange(n)
    slope = rng.uniform(-1.0, 1.0, n)
    for i in range(samples):
        t_ns = np.full(n, (1_000 + 10 * i) * NS, np.int64)
        slopes.take(heaps_of(every, t_ns, 20.0 + slope * i + rng.normal(0, 1.0, n), every))
    expected, half = interval(slopes.fit(every), np.full(n, 10.0 * ahead), every, Quantiles(np.full(n, 0.95)))
    came = 20.0 + slope * (samples - 1 + ahead) + rng.normal(0, 1.0, n)
    inside = float((np.abs(came - expected) <= half).mean())
    assert 0.88 < inside < 0.97  # two-sided at 95 % one-sided, a little wider for the autocorrelation


def test_a_wandering_tag_is_foretold_with_doubt() -> None:
    n = 400
    rng = np.random.default_rng(12)
    wander = np.cumsum(rng.normal(0, 1.0, (n, 71)), axis=1)
    slopes, every = Slopes(np.full(n, 600.0)), np.arange(n)
    for i in range(61):
        slopes.take(heaps_of(every, np.full(n, (1_000 + 10 * i) * NS, np.int64), wander[:, i], every))
    expected, half = interval(slopes.fit(every), np.full(n, 100.0), every, Quantiles(np.full(n, 0.9)))
    sure = expected - half
    wrong = float((wander[:, 70] < sure).mean())
    assert wrong < 0.15  # independent readings taken for granted, it would be one of four
