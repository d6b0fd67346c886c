"""A loop on the real plant: alarm, candidates in a fork, one approval, the gate, outcome or way back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stations import Station, until

from armillary.cli import run
from armillary.cli.plant import start_plant
from armillary.model import places
from armillary.model.control import Approve, Kill, Proposal
from armillary.model.fault import OrderFault
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system

ALARM = """
[[alarm]]
id = "TEST-HI"
tag = "T-102.level"
title = "T-102 above what this test calls high"
limit = 20.0
on_delay_s = {delay}
priority = 3
consequence = "none"
operator_action = "none"
"""
LOOP = """schema = 1
[[loop]]
id = "spare"
title = "Spare the upper tank"
detect = "TEST-HI"
scenario = "spare-upper-tank"
level = "{level}"
deadline_s = 30
valid_s = 60
min_gain = 0.01
holds = "{holds}"
within_s = 4
[[loop.action]]
variant = "lower-setpoint"
title = "Lower the setpoint of LIC-102 to 60 %"
tag = "LIC-102.sp"
value = 60.0
[loop.policy]
max_change = {most}
expires = 2099-01-01T00:00:00Z
signed_by = {signed}
"""


@pytest.fixture
def station_with(tmp_path: Path) -> Iterator[Callable[..., Station]]:
    """Start the plant with a loop of the test's own; its scenario is made short."""
    made: list[Station] = []

    def make(
        level: str = "approve", holds: str = "LIC-102.sp < 61", most: float = 50.0, signed: str = "[]"
    ) -> Station:
        plant = start_plant("pumping-station", tmp_path / "plant")
        folder = plant.project
        rules, scenario = folder / "rules.toml", folder / "scenarios" / "spare-upper-tank.toml"
        rules.write_text(rules.read_text("utf-8") + ALARM.format(delay=3.0), "utf-8")
        text = scenario.read_text("utf-8")
        text = re.sub(r"horizon_s = \d+", "horizon_s = 600", text).replace("members = 8", "members = 2")
        scenario.write_text(text, "utf-8")
        loop = LOOP.format(level=level, holds=holds, most=most, signed=signed)
        (folder / "loops.toml").write_text(loop, "utf-8")
        plant.confirm()
        world = child.start("world.live", {"project": str(folder)}, places.logs() / "world.log")
        answer = world.ready()
        station = Station(
            plant=plant, world=world, recorder=None, line=Line(str(answer["address"])), logs=places.logs()
        )
        made.append(station)
        return station

    yield make
    for station in made:
        station.close()


def proposal(station: Station) -> Proposal | None:
    """The newest proposal, and what the world tells of it."""
    found = station.welcome().frame.proposals
    return found[-1] if found else None


def wait_for(station: Station, *states: str, limit_s: float = 60.0) -> Proposal:
    def is_there() -> bool:
        one = proposal(station)
        return one is not None and one.state in states

    until(is_there, limit_s, f"a proposal that is {' or '.join(states)}; it is {proposal(station)}", 0.2)
    one = proposal(station)
    assert one is not None
    return one


def test_a_loop_proposes_with_evidence_and_sends_only_what_was_approved(
    station_with: Callable[..., Station],
) -> None:
    station = station_with()
    offered = wait_for(station, "offered")
    assert (offered.tag, offered.value, round(offered.old)) == ("LIC-102.sp", 60.0, 70)
    assert {card.title for card in offered.runs} >= {"Do nothing", "Lower the setpoint of LIC-102 to 60 %"}
    assert all(card.digest for card in offered.runs if card.state == "done")
    assert "than doing nothing" in offered.reason
    assert station.value("LIC-102.sp") == pytest.approx(70.0), "nothing is sent before somebody approves"
    station.line.ask(Approve(id=offered.id))
    done = wait_for(station, "verified")
    until(lambda: "has come" in str(proposal(station)), 20, "the outcome is seen")
    assert station.value("LIC-102.sp") == pytest.approx(60.0)
    with pytest.raises(OrderFault, match="over"):
        station.line.ask(Approve(id=done.id))
    folder = station.plant.project / ".armillary" / "audit"

    def written() -> str:
        return "".join(file.read_text("utf-8") for file in sorted(folder.glob("*.jsonl")))

    until(lambda: "loop.approve" in written() and "loop spare" in written(), 20, "it is in the audit")
    assert run(["audit", "verify", str(station.plant.project)]) == 0


def test_a_refused_proposal_sends_nothing(station_with: Callable[..., Station]) -> None:
    station = station_with()
    offered = wait_for(station, "offered")
    station.line.ask(Approve(id=offered.id, yes=False, reason="not now"))
    assert wait_for(station, "refused").detail.startswith("Refused by")
    assert station.value("LIC-102.sp") == pytest.approx(70.0)


def test_an_outcome_that_does_not_come_is_taken_back_and_the_loop_stands_down(
    station_with: Callable[..., Station],
) -> None:
    station = station_with(holds="T-102.level < 5")
    offered = wait_for(station, "offered")
    station.line.ask(Approve(id=offered.id))
    wait_for(station, "rolled back", limit_s=40.0)
    until(lambda: abs(station.value("LIC-102.sp") - 70.0) < 0.5, 10, "the old setpoint is back")
    events = station.welcome().frame.events
    assert any("only advises from now on" in event.text for event in events)


def test_a_policy_in_force_acts_within_its_limits_only(station_with: Callable[..., Station]) -> None:
    station = station_with(level="auto", signed='["ravi", "eva"]')
    done = wait_for(station, "verified")
    assert done.policy == "spare"
    assert station.value("LIC-102.sp") == pytest.approx(60.0)


@pytest.mark.scale
@pytest.mark.parametrize(
    ("more", "why"),
    [({"signed": '["ravi"]'}, "two people"), ({"signed": '["ravi", "eva"]', "most": 5.0}, "more than 5")],
)
def test_a_policy_that_is_unsigned_or_too_narrow_waits_for_a_person(
    station_with: Callable[..., Station], more: dict[str, object], why: str
) -> None:
    station = station_with(level="auto", **more)
    offered = wait_for(station, "offered")
    until(lambda: why in str(proposal(station)), 20, why)
    assert offered.state == "offered"
    assert station.value("LIC-102.sp") == pytest.approx(70.0)


def test_the_kill_switch_stops_a_loop_too(station_with: Callable[..., Station]) -> None:
    station = station_with()
    offered = wait_for(station, "offered")
    station.line.ask(Kill(stop=True, reason="test"))
    until(lambda: bool(station.welcome().frame.stopped), 20, "commands are stopped")
    wait_for(station, "stood down")
    with pytest.raises(OrderFault):
        station.line.ask(Approve(id=offered.id))
    assert station.value("LIC-102.sp") == pytest.approx(70.0)
