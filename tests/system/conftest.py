"""Fixtures of the tests with real servers and processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stations import Station

from armillary.cli.plant import start_plant
from armillary.wire import child
from armillary.wire.bus import Line


@pytest.fixture
def station(own_places: Path, tmp_path: Path) -> Iterator[Station]:
    plant = start_plant("pumping-station", tmp_path / "station")
    world: child.Child | None = None
    made: Station | None = None
    try:
        world = child.start("world.live", {"project": str(plant.project)}, tmp_path / "world.log")
        line = Line(str(world.ready()["address"]))
        made = Station(plant, world, None, line, tmp_path)
        made.start_recorder()
        yield made
    finally:
        if made is not None:
            made.close()
        else:
            if world is not None:
                world.stop()
            plant.stop()
