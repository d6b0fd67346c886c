"""Rows 26, 27 and 59 of the fault matrix: late bursts, wrong clocks, a machine that slept. Real processes."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultlog import note
from stations import CLOCK, until
from tests.plugins.mqtt.conftest import MOSQUITTO
from timely import Timely

from armillary.cli import run
from armillary.model.alarm import ProcessState
from armillary.model.clock import NS
from armillary.model.quality import CLOCK as CLOCK_REASON
from armillary.model.quality import GOOD, STALE, UNCERTAIN
from armillary.model.sample import REDATED, known_ns
from armillary.security import chain

pytestmark = pytest.mark.system
MS = 1_000_000
BURST = 600
HALF_HOUR_MS = 1_800_000
ALARM = "link:gate:clock"
PAUSE_S = 9.0
ORDER = random.Random(26)  # noqa: S311  shuffles, keeps no secret


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, own_home: Path) -> Iterator[Timely]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made = Timely(tmp_path_factory.mktemp("time"))
    try:
        until(made.up, 30, "links are up")
        yield made
    finally:
        made.close()


def balanced(plant: Timely) -> None:
    """Check both laws of all links."""
    for tally in plant.welcome().frame.tally.values():
        assert tally.messages.balanced, tally
        assert tally.samples.balanced, tally


def found(begun_ns: int) -> float:
    return (CLOCK.now_mono_ns() - begun_ns) / NS


def messages(topic: str, rows: list[tuple[int, float]]) -> list[tuple[str, bytes]]:
    """Return messages of (time in ms, value)."""
    return [(topic, json.dumps({"v": value, "t": t}).encode()) for t, value in rows]


def test_row_26_a_late_burst_is_recorded_once_and_is_never_live(plant: Timely) -> None:
    now = CLOCK.now_ns() // MS
    plant.broker.publish(*messages("line/v", [(now, 20.0)]))
    until(lambda: plant.shown("line.v")[0] == 20.0, 15, "the live value")
    begun_ms = now - HALF_HOUR_MS
    # above its limit twice: 86 °C from the 100th to the 110th and from the 200th on
    rows = [(begun_ms + i * 1_000, 86.0 if 100 <= i < 110 or i >= 200 else 30.0) for i in range(BURST)]
    burst = messages("line/v", rows)
    ORDER.shuffle(burst)
    begun = CLOCK.now_mono_ns()
    plant.broker.publish(*burst)
    until(lambda: plant.samples("line").late == BURST, 30, "all are late")
    until(lambda: plant.told("late data", "line"), 30, "told")
    within = found(begun)
    (event,) = [e for e in plant.events() if e.text.startswith("late data")]
    assert event.text.endswith(f"{BURST} samples \u00b7 2 alarms would have been raised")
    assert plant.shown("line.v")[0] == 20.0
    assert plant.alarm("HOT").process is ProcessState.NORM
    plant.broker.publish(*burst)  # all of it once more, as a queue that was not told does
    until(lambda: plant.samples("line").dropped.get("duplicate") == BURST, 30, "repeats are known again")
    wanted = sorted((t * MS, value) for t, value in [*rows, (now, 20.0)])
    history = lambda: plant.history("line.v", begun_ms * MS, (now + 1) * MS)  # noqa: E731
    until(lambda: history() == wanted, 20, "all in the history, once", every_s=0.5)
    missed = [e for e in plant.journal() if e.get("late") is True]
    assert [(e["alarm_id"], e["event"]) for e in missed] == [("HOT", x) for x in ("RAISE", "CLEAR", "RAISE")]
    assert chain.verify(plant.project / ".armillary" / "journal", pattern="live-*.jsonl").holds
    balanced(plant)
    note("26", "30 min of late data, shuffled, twice: until told, 3 s after the last", within, None)


def test_row_26_what_is_overtaken_within_the_window_is_put_in_order(plant: Timely) -> None:
    now = CLOCK.now_ns() // MS
    rows = [(now - 1_500 + 10 * i, float(i)) for i in range(100)]
    shuffled = messages("sorted/v", rows)
    ORDER.shuffle(shuffled)
    plant.broker.publish(*shuffled, *shuffled)
    history = lambda: plant.history("sorted.v", (now - 2_000) * MS, now * MS)  # noqa: E731
    until(lambda: history() == [(t * MS, v) for t, v in rows], 20, "all in the history, once", every_s=0.5)
    samples = plant.samples("sorted")
    assert (samples.late, samples.dropped.get("duplicate")) == (0, 100)
    assert plant.shown("sorted.v")[0] == 99.0
    balanced(plant)
    note("26", "out of order within the window, each twice", None, None)


def judged(plant: Timely, text: str, quality: int) -> Callable[[], bool]:
    return lambda: text in plant.link("gate").clock and plant.shown("gate.v")[1] == quality


@pytest.mark.parametrize(
    ("ahead_s", "text", "fault"),
    [(41.0, "41 s ahead", "source clock +41 s"), (-3_600.0, "3\u202f600 s behind", "source clock \u22121 h")],
)
def test_row_27_a_clock_that_is_far_off_is_told_and_the_receive_time_is_used(
    plant: Timely, ahead_s: float, text: str, fault: str
) -> None:
    device = plant.device("gate")
    device.ahead_s = 0.0
    until(
        lambda: abs(plant.link("gate").skew_s or 99.0) < 1 and plant.shown("gate.v")[1] == GOOD, 40, "right"
    )
    begun, begun_ns = CLOCK.now_mono_ns(), CLOCK.now_ns()
    device.ahead_s, device.value = ahead_s, 21.0
    until(judged(plant, text, UNCERTAIN | CLOCK_REASON), 40, "the clock is not believed")
    within = found(begun)
    assert plant.link("gate").clock == f"Clock of gate is {text}: receive time is used"
    until(lambda: plant.alarm(ALARM).active, 15, "the alarm")
    _, _, source_ns, arrival_ns = plant.shown("gate.v")
    assert source_ns == arrival_ns
    assert plant.shown("gate.bare")[1] == GOOD  # it has no time that could be wrong

    def both_times() -> bool:
        rows = plant.lived("gate.v", begun_ns, CLOCK.now_ns())
        redated = (rows.flags & REDATED) != 0
        said_s = (rows.arrival_ns[redated] - rows.source_ns[redated]) / NS
        kept = bool(redated.any()) and bool((abs(said_s - ahead_s) < 5).all())
        return kept and bool((known_ns(rows)[redated] == rows.source_ns[redated]).all())

    until(both_times, 20, "both times are in the history", every_s=0.5)
    device.ahead_s = 0.0
    until(judged(plant, "", GOOD), 40, "put right")
    until(lambda: not plant.alarm(ALARM).active, 20, "the alarm clears")
    until(lambda: plant.told("Clock of gate is right again"), 20, "told")
    device.hush(True)
    balanced(plant)
    device.hush(False)
    note("27", fault, within, 10.0)


@pytest.mark.scale
def test_row_27_a_clock_that_is_a_little_off_is_shown_corrected_where_it_is_not_trusted(
    plant: Timely, capsys: pytest.CaptureFixture[str]
) -> None:
    device = plant.device("slow")
    device.ahead_s = -4.2
    begun = CLOCK.now_mono_ns()
    until(lambda: "4.2 s behind" in plant.link("slow").clock, 40, "told")
    within = found(begun)
    capsys.readouterr()
    assert run(["state", "--connect", plant.line.address, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    link = next(x for x in answer["links"] if x["name"] == "slow")
    assert link["skew_s"] == pytest.approx(-4.2, abs=0.9)
    assert (link["trust_clock"], link["clock"]) == (False, "Clock of slow is 4.2 s behind")
    tag = next(x for x in answer["tags"] if x["name"] == "slow.v")
    assert (tag["quality"], tag["delayed_s"]) == ("GOOD", 0.0)
    assert tag["age_s"] < 4.0  # 4.2 s and more by its own clock
    assert not plant.alarm("link:slow:clock").active
    note("27", "source clock \u22124.2 s: a notice, times shown corrected", within, 10.0)


def test_row_59_after_a_sleep_all_is_stale_the_links_are_made_anew_and_no_alarm_is_raised(
    plant: Timely,
) -> None:
    for name in ("line", "sorted", "gate", "slow"):
        plant.device(name).ahead_s = 0.0
    until(lambda: all(q == GOOD for q in plant.qualities()), 40, "all GOOD")
    before = len(plant.welcome().frame.alarm_events)
    family = (plant.world.pid, plant.recorder.pid)
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    threading.Event().wait(PAUSE_S / 2)
    for device in plant.devices.values():
        device.hush(True)  # what they sent until now waits in the sockets
    threading.Event().wait(PAUSE_S / 2)
    begun = CLOCK.now_mono_ns()
    for pid in family:
        os.kill(pid, signal.SIGCONT)
    until(lambda: all(q == STALE for q in plant.qualities()), 30, "all STALE")
    within = found(begun)
    until(lambda: plant.told("slept or was stopped for"), 20, "told")
    until(plant.up, 30, "links are up")
    for device in plant.devices.values():
        device.hush(False)
    until(lambda: all(q == GOOD for q in plant.qualities()), 40, "all GOOD again")
    raised = [e for e in plant.welcome().frame.alarm_events[before:] if e.event == "RAISE"]
    assert raised == []
    assert sum("slept or was stopped" in e.text for e in plant.events()) == 1
    balanced(plant)
    note("59", f"the machine sleeps (SIGSTOP of world and recorder for {PAUSE_S:g} s)", within, 3.0)
