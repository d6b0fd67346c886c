"""An edge that is killed over and over, whatever it is doing (`make soak`)."""

from __future__ import annotations

import asyncio
import os
import random
import signal

import pytest
from faultlog import note
from tests.system.test_edge import Devices, Site, all_is_there_once, site, site_port

__all__ = ["site"]  # the fixture
pytestmark = pytest.mark.scale
KILLS = int(os.environ.get("EDGE_KILLS", "40"))


async def test_an_edge_killed_at_random_moments_loses_nothing_and_doubles_nothing(site: Site) -> None:
    rng = random.Random(4)  # noqa: S311  chooses moments, keeps no secret
    await site.is_up()
    devices = Devices(site_port(site))
    try:
        await site.moves_on()
        for _ in range(KILLS):
            act = rng.random()
            if act < 0.3:
                site.net.cut()
            elif act < 0.5:
                site.net.stall()
                await asyncio.sleep(rng.uniform(0.0, 3.0))
                site.net.flow()
            await asyncio.sleep(rng.uniform(0.3, 2.5))
            site.look()
            site.edge.send_signal(signal.SIGKILL)
            site.edge.wait()
            site.edge = site.started()
        await site.moves_on()
    finally:
        site.net.flow()
        await asyncio.to_thread(devices.end)
    await all_is_there_once(site, devices)
    note("edge", f"edge killed {KILLS} times at random moments, the network cut or stalled", None, None)
