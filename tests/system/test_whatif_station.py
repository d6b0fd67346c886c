"""What-ifs of the demo plant: on the command line from its steady state, and forked from it live."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from stations import Station, until
from test_whatif import World

from armillary.cli.commands import Commands
from armillary.model import places
from armillary.model.clock import WallClock
from armillary.wire import runs

CLOCK = WallClock()


def call(*args: str) -> dict[str, object]:
    got = CliRunner().invoke(Commands(name="armillary"), list(args), standalone_mode=False)
    assert got.exception is None, got.output
    answer: dict[str, object] = json.loads(got.stdout)
    return answer


@pytest.mark.scale
def test_whatif_twice_gives_the_same_figures(own_places: Path, tmp_path: Path) -> None:
    project = tmp_path / "station"
    shutil.copytree(places.data("scenes/pumping-station"), project)
    first, second = (call("whatif", str(project), "pump-p101a-trips", "--json") for _ in range(2))
    assert first == second
    assert first["schema"] == 1
    cards = first["runs"]
    assert isinstance(cards, list)
    assert [c["rank"] for c in cards] == [1, 2, 3, 4]
    assert cards[-1]["id"] == "baseline"  # doing nothing lets the upper tank run dry
    assert all(m["low"] <= m["high"] for c in cards for m in c["measures"])


def test_fork_of_the_live_station_begins_where_the_plant_stands(station: Station) -> None:
    until(lambda: station.ranks().get("T-102.level") == 0, 20, "the station is live")
    world = World(station.plant.project, source=str(station.world.ready()["address"]), fork="live")
    try:
        live, forked = station.value("T-102.level"), world.values()["T-102.level"]
        assert forked == pytest.approx(live, abs=1.0)
        got = world.over()
        assert [c.state for c in got.cards] == ["done"]
        assert got.forked_from.startswith("live-")
        assert got.cards[0].speed > 1  # `armillary bench simulation` says how much more
    finally:
        world.close()


def test_fork_runs_as_a_service_until_it_is_closed(station: Station) -> None:
    until(lambda: station.ranks().get("T-102.level") == 0, 20, "the station is live")
    project = str(station.plant.project)
    answer = call("fork", project, "--json")
    run = next(r for r in runs.all_runs() if r.id == answer["id"])
    try:
        assert run.kind == "WHAT-IF"
        saved = call("snapshot", "save", "--from", run.id, "--title", "mine", "--json")
        listed = call("snapshot", "list", project, "--json")
        assert [s["path"] for s in listed["snapshots"]] == [saved["snapshot"]["path"]]  # type: ignore[index, attr-defined]
        CliRunner().invoke(Commands(name="armillary"), ["worlds", "close", run.id], standalone_mode=False)
        until(lambda: all(r.id != run.id for r in runs.all_runs()), 10, "it is closed")
    finally:
        if runs.alive(run.pid):
            os.kill(run.pid, signal.SIGKILL)
