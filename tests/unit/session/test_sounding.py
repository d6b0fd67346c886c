"""When a desk sounds: at once for what is new, again after its time, never for what is silenced."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.alarm import AlarmSpec, AlarmState
from armillary.model.alarm import ProcessState as State
from armillary.session.alarm_table import AlarmTable
from armillary.session.nuisance import Nuisance
from armillary.session.sounding import PITCH_HZ, RATE, TONES, Sounding, samples, wave_bytes

SPECS = tuple(AlarmSpec(id=f"p{p}", slot=-1, tag="", priority=p) for p in (1, 2, 3, 4))


class Desk:
    def __init__(self) -> None:
        self.table, self.nuisance, self.sounding = AlarmTable(SPECS), Nuisance(), Sounding()

    def raised(self, *names: str, seq: int = 1, process: State = State.UNACK) -> None:
        self.table.take(AlarmState(id=n, process=process, occurrence=f"{n}-{seq}") for n in names)

    def at(self, now_s: float) -> int:
        return self.sounding.due(self.table, self.nuisance, now_s)


@pytest.mark.parametrize(
    ("name", "times"), [("p1", [0, 5, 10, 15, 20, 25, 30]), ("p2", [0, 15, 30]), ("p3", [0]), ("p4", [])]
)
def test_each_priority_repeats_after_its_own_time(name: str, times: list[int]) -> None:
    desk = Desk()
    desk.raised(name)
    assert [t for t in range(31) if desk.at(t)] == times


def test_the_most_urgent_sounds_for_all() -> None:
    desk = Desk()
    desk.raised("p2", "p1", "p3")
    assert desk.at(0) == 1
    assert desk.at(5) == 1
    desk.raised("p1", process=State.ACKED)
    assert [t for t in range(6, 31) if desk.at(t)] == [15, 30]


def test_silence_is_for_what_is_there_and_an_alarm_that_comes_anew_sounds() -> None:
    desk = Desk()
    desk.raised("p1")
    assert desk.at(0) == 1
    desk.table.silence()
    assert [desk.at(t) for t in (5, 10)] == [0, 0]
    desk.raised("p1", process=State.ACKED)
    desk.raised("p1", seq=2)
    assert desk.at(11) == 1


def test_in_a_flood_only_the_two_highest_sound() -> None:
    desk = Desk()
    desk.nuisance.flood_since_ns = 1
    desk.raised("p3")
    assert desk.at(0) == 0
    desk.raised("p2")
    assert desk.at(1) == 2


@pytest.mark.parametrize("priority", [1, 2, 3])
def test_the_tones_of_a_priority_are_as_many_and_as_high_as_said(priority: int) -> None:
    wave = samples(priority)
    loud = np.abs(wave) > 0.05
    gaps = np.flatnonzero(np.diff(np.flatnonzero(loud)) > RATE // 20)
    assert len(gaps) + 1 == TONES[priority]
    spectrum = np.abs(np.fft.rfft(wave))
    assert abs(np.fft.rfftfreq(len(wave), 1 / RATE)[spectrum.argmax()] - PITCH_HZ[priority]) < 10
    assert (wave[0], np.abs(wave).max() <= 1.0) == (0.0, True)
    assert wave_bytes(priority)[:4] == b"RIFF"
