"""No false difference in three minutes of the demo plants."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from armillary.cli.plant import start_plant
from armillary.model.drift import AskDrift, DriftReport
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = [pytest.mark.system, pytest.mark.scale]
MINUTES_S = 185.0


@pytest.mark.parametrize("name", ["pumping-station", "packaging-line"])
def test_three_minutes_of_a_demo_have_no_difference(own_places: Path, tmp_path: Path, name: str) -> None:
    plant = start_plant(name, tmp_path / "station")
    world: child.Child | None = None
    line: Line | None = None
    try:
        plant.confirm()
        world = child.start("world.live", {"project": str(plant.project)}, tmp_path / "world.log")
        line = Line(str(world.ready()["address"]))
        threading.Event().wait(MINUTES_S)  # the time itself is what is tested
        report = line.ask(AskDrift(now=True), 20)
        assert isinstance(report, DriftReport)
        assert report.rounds >= 3
        assert [item.what for item in report.items] == []
    finally:
        if line is not None:
            line.close()
        if world is not None:
            world.stop()
        plant.stop()
