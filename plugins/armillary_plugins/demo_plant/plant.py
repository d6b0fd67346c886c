"""The demonstration plant `pumping-station`: its project, and its parts, each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from armillary.api import PastPiece, Plant, WallClock
from armillary_plugins.demo_plant.shipped import copied, no_such

SCENE = "scenes/pumping-station"
PARTS = ("broker", "opcua", "simulator")
_PORTS = {"1883": "broker", "4840": "opcua"}  # the ports in the project as it is shipped


class PumpingStation:
    """A pumping station with a real MQTT broker and a real OPC UA server on the loopback."""

    parts: tuple[str, ...] = PARTS

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> Path:
        """Copy the project into a folder, with these ports in its sources; return the folder.

        ports: "broker" and "opcua". Raises ProjectFault when the folder cannot be written.
        """
        return copied(SCENE, folder, ports, _PORTS)

    def past(
        self, seed: int, from_ns: int, to_ns: int, hours_ns: Sequence[int], offset_s: int
    ) -> Iterator[PastPiece]:
        """Yield what it told before it was started (`TellsPast`)."""
        from armillary_plugins.demo_plant.station_past import past

        return past(seed, from_ns, to_ns, hours_ns, offset_s)

    def serve(
        self, part: str, folder: Path, ports: Mapping[str, int], seed: int, ready: Callable[[], None]
    ) -> None:
        """Run one part until the process is ended; the broker takes the process over. Raises LinkFault."""
        # each part's libraries are imported only in its own process, so that the others stay small
        if part == "broker":
            from armillary_plugins.demo_plant import broker

            broker.serve(folder, ports["broker"], ready)
        elif part == "opcua":
            from armillary_plugins.demo_plant import server
            from armillary_plugins.demo_plant.signals import TREE

            asyncio.run(server.serve(TREE, ports["opcua"], ready, WallClock()))
        elif part == "simulator":
            from armillary_plugins.demo_plant import simulator
            from armillary_plugins.demo_plant.running import RunningStation

            brokers = {"broker": ports["broker"]}
            asyncio.run(simulator.serve(RunningStation(seed), brokers, ports["opcua"], ready, WallClock()))
        else:
            raise no_such(part, "pumping station", PARTS)


def make() -> Plant:
    """Return the plant (entry point `armillary.plants`)."""
    return PumpingStation()
