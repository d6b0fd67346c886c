"""The demonstration plant `packaging-line`: its project, and its parts, each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from armillary.api import PastPiece, Plant, WallClock
from armillary_plugins.demo_plant.shipped import copied, no_such

SCENE = "scenes/packaging-line"
PARTS = ("broker", "packing-broker", "opcua", "simulator")
_PORTS = {"1883": "broker", "1884": "packing-broker", "4840": "opcua"}  # in the project as it is shipped


class PackagingLine:
    """Line 2: two real MQTT brokers and a real OPC UA server on the loopback."""

    parts: tuple[str, ...] = PARTS

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> Path:
        """Copy the project into a folder, with these ports in its sources; return the folder.

        ports: by part, for all but the simulator. Raises ProjectFault.
        """
        return copied(SCENE, folder, ports, _PORTS)

    def past(
        self, seed: int, from_ns: int, to_ns: int, hours_ns: Sequence[int], offset_s: int
    ) -> Iterator[PastPiece]:
        """Yield what it told before it was started (`TellsPast`)."""
        from armillary_plugins.demo_plant.line.past import past

        return past(seed, from_ns, to_ns, hours_ns, offset_s)

    def serve(
        self, part: str, folder: Path, ports: Mapping[str, int], seed: int, ready: Callable[[], None]
    ) -> None:
        """Run one part until the process is ended; a broker takes the process over. Raises LinkFault."""
        if part in ("broker", "packing-broker"):
            from armillary_plugins.demo_plant import broker

            broker.serve(folder / part, ports[part], ready)
        elif part == "opcua":
            from armillary_plugins.demo_plant import server
            from armillary_plugins.demo_plant.line.signals import TREE

            asyncio.run(server.serve(TREE, ports["opcua"], ready, WallClock()))
        elif part == "simulator":
            from armillary_plugins.demo_plant import simulator
            from armillary_plugins.demo_plant.line.running import RunningLine

            brokers = {name: ports[name] for name in ("broker", "packing-broker")}
            asyncio.run(simulator.serve(RunningLine(seed), brokers, ports["opcua"], ready, WallClock()))
        else:
            raise no_such(part, "packaging line", PARTS)


def make() -> Plant:
    """Return the plant (entry point `armillary.plants`)."""
    return PackagingLine()
