"""What befalls links becomes alarms of a LIVE world, and no message is lost without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS, ManualClock
from armillary.model.frame import Tally
from armillary.model.sample import Aside, WireBatch
from armillary.project import folder as projects
from armillary.world.live import Live

LINK = """
[[source]]
name = "plc"
kind = "mqtt"
url = "mqtts://127.0.0.1:1"
"""
TWINS = """{"schema": 1, "twins": [{"id": "T-1", "tags": {
  "level": {"address": "plc!t/1#v", "unit": "m"}, "other": {"address": "plc!t/2#v"}}}]}"""
RULES = """schema = 1
[[alarm]]
id = "HIGH"
tag = "T-1.level"
kind = "count"
limit = 3.0
count = 5
priority = 2
consequence = "It spills."
operator_action = "Stop the pump."
"""
NOW = 1_750_000_000_000_000_000


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    project = projects.new(tmp_path / "plant", "Plant")
    path = project.folder / "project.toml"
    path.write_text(path.read_text() + LINK)
    (project.folder / "twins.json").write_text(TWINS)
    (project.folder / "rules.toml").write_text(RULES)
    made = Live(projects.read(project.folder), ManualClock())
    yield made
    assert made._deeds.audit is not None
    made._deeds.audit.close()


def ticked(live: Live) -> dict[str, str]:
    """Tick twice, as what the loop tells is seen by the next tick; return the alarms raised, by id."""
    clock = live.clock
    assert isinstance(clock, ManualClock)
    raised: dict[str, str] = {}
    for _ in range(2):
        clock.advance(1.0)
        tick = live._core.tick(clock.now_ns(), clock.now_mono_ns())
        raised |= {e.id: e.text for e in tick.frame.alarm_events if e.event == "RAISE"}
        live._ticked(tick)
    return raised


def test_a_link_that_comes_and_goes_raises_one_alarm(live: Live) -> None:
    assert ticked(live) == {}
    now = live.clock.now_mono_ns()
    live._links._connections["plc"]._losses.extend([now, now + NS, now + 2 * NS])
    assert ticked(live) == {"link:plc:unstable": "Link plc is unstable: lost 3 times in 2 min"}


def test_counters_that_do_not_add_up_raise_an_alarm(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    right = live._inbox.tally()
    wrong = {n: Tally(messages=replace(t.messages, received=7), samples=t.samples) for n, t in right.items()}
    monkeypatch.setattr(live._inbox, "tally", lambda: wrong)
    assert ticked(live) == {"link:plc:counters": "Counters of link plc do not add up"}


def test_a_drop_for_an_unknown_reason_raises_the_alarm_of_the_counters(live: Live) -> None:
    live._inbox._books["plc"].received = 1
    live._inbox._books["plc"].dropped["odd"] = 1
    assert ticked(live) == {"link:plc:counters": "Counters of link plc do not add up"}


def wire(live: Live, *payloads: bytes, unit: str = "") -> WireBatch:
    n = len(payloads)
    start = np.concatenate(([0], np.cumsum([len(p) for p in payloads]))).astype(np.int64)
    return WireBatch(
        link="plc",
        channel=np.zeros(n, np.uint32),
        channels=("t/1",),
        start=start,
        payload=b"".join(payloads),
        arrival_ns=live.clock.now_ns() + np.arange(n),
        arrival_mono_ns=np.full(n, live.clock.now_mono_ns()),
        flags=np.zeros(n, np.uint8),
        aside={row: Aside(unit=unit) for row in range(n)} if unit else {},
    )


def warnings(live: Live) -> list[str]:
    return [event.text for event in live.publisher.events if event.level == "warning"]


def test_a_unit_that_conflicts_is_told_once(live: Live) -> None:
    for _ in range(2):
        live._inbox.put("plc", wire(live, b'{"v":1}', unit="ft"))
        ticked(live)
    (text,) = warnings(live)
    assert text.startswith("T-1.level: unit conflict: it says ft, m is expected.")


def test_what_a_flood_takes_from_a_count_is_told_and_counted_anew(live: Live) -> None:
    live._inbox._max_messages = 10
    live._inbox.put("plc", wire(live, *[b'{"v":4}'] * 4))
    assert ticked(live) == {}
    high, low = b'{"v":4}', b'{"v":1}'
    live._inbox.put(
        "plc", wire(live, *[high] * 2, *[high] * 3, low, *[high] * 4, low)
    )  # the first two must go
    assert ticked(live).keys() == {"link:plc:overloaded"}  # four and three, but not in sequence
    assert live._inbox.tally()["plc"].messages.dropped == {"inbox_full": 2}
    told = "Readings of T-1.level were dropped in a flood: alarms count them anew."
    assert warnings(live)[0].startswith(told)
