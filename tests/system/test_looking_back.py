"""Functions over time in a world that is killed: hours run go on, nothing counted twice, nothing lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from stations import CLOCK, Station, until

from armillary.cli.plant import start_plant
from armillary.model.clock import NS
from armillary.model.control import AskState, StateAnswer
from armillary.twin import past_pack
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.world import past_file

pytestmark = pytest.mark.system
HOURS = "P-101A.hours_run"


@pytest.fixture
def station(own_places: Path, tmp_path: Path) -> Iterator[Station]:
    """The demo's station, with hours that are counted."""
    plant = start_plant("pumping-station", tmp_path / "station")
    path = plant.project / "twins.json"
    twins = json.loads(path.read_text("utf-8"))
    pump = next(twin for twin in twins["twins"] if twin["id"] == "P-101A")
    pump["tags"]["hours_run"] = {"expression": "hours_run(P-101A.speed > 30)", "unit": "h"}
    path.write_text(json.dumps(twins), "utf-8")
    world = child.start("world.live", {"project": str(plant.project)}, tmp_path / "world.log")
    made = Station(plant, world, None, Line(str(world.ready(60)["address"])), tmp_path)
    try:
        made.start_recorder()
        yield made
    finally:
        made.close()


def test_hours_run_go_on_after_the_world_was_killed(station: Station, tmp_path: Path) -> None:
    until(lambda: station.value(HOURS) * 3600 > 1.0, 60, "the pump has run for a second")
    began_ns, began = CLOCK.now_ns(), station.value(HOURS) * 3600
    path = station.plant.project / ".armillary" / past_file.FILE
    until(path.exists, 60, "its file is written")
    saved, _ = past_file.read(path)
    assert any("hours_run" in key for each in saved for key in each.keys)
    state = station.line.ask(AskState(past=True), 20.0)  # what a fork or a snapshot begins with
    assert isinstance(state, StateAnswer)
    [known] = past_pack.known(state.past)
    assert known.columns["shown"][0] == state.value[state.tags.index(HOURS)]  # both of one moment
    until(lambda: station.value(HOURS) * 3600 > began + 4.0, 60, "it has counted since")
    ran = station.value(HOURS) * 3600
    os.kill(station.world.pid, signal.SIGKILL)  # the record alone has the last seconds
    station.world.stop()
    station.line.close()
    station.world = child.start(
        "world.live", {"project": str(station.plant.project)}, tmp_path / "world2.log"
    )
    station.line = Line(str(station.world.ready(60)["address"]))
    until(lambda: station.ranks()[HOURS] == 0, 60, "it has read the record and is good")
    after = station.value(HOURS) * 3600
    assert after > ran - 2.5  # the last second was on its way to the recorder
    until(lambda: station.value(HOURS) * 3600 > after + 0.5, 60, "it counts on")
    assert station.value(HOURS) * 3600 <= began + (CLOCK.now_ns() - began_ns) / NS + 1.0  # and none twice
