"""What befalls links becomes alarms of a LIVE world, and no message is lost without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.clock import NS, ManualClock
from armillary.model.frame import Tally
from armillary.project import folder as projects
from armillary.world.live import Live

LINK = """
[[source]]
name = "plc"
kind = "mqtt"
url = "mqtts://127.0.0.1:1"
"""
TWINS = """{"schema": 1, "twins": [{"id": "T-1", "tags": {"level": {"address": "plc!t/1#v"}}}]}"""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    project = projects.new(tmp_path / "plant", "Plant")
    path = project.folder / "project.toml"
    path.write_text(path.read_text() + LINK)
    (project.folder / "twins.json").write_text(TWINS)
    made = Live(projects.read(project.folder), ManualClock())
    yield made
    assert made._audit is not None
    made._audit.close()


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
