"""The demonstration plant `pumping-station`: its project, and its parts, each in a process of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from armillary.api import Plant, ProjectFault, WallClock, data

SCENE = "scenes/pumping-station"
PARTS = ("broker", "opcua", "simulator")
_PORTS = {"1883": "broker", "4840": "opcua"}  # the ports in the project as it is shipped
_URL = re.compile(r'^(url = "[a-z.]+://127\.0\.0\.1:)(\d+)', re.MULTILINE)


class PumpingStation:
    """A pumping station with a real MQTT broker and a real OPC UA server on the loopback."""

    parts: tuple[str, ...] = PARTS

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> Path:
        """Copy the project into a folder, with these ports in its sources; return the folder.

        ports: "broker" and "opcua". Raises ProjectFault when the folder cannot be written.
        """
        try:
            shutil.copytree(
                data(SCENE), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".armillary", "*.py*")
            )
            path = folder / "project.toml"
            text = path.read_text(encoding="utf-8")
            path.write_text(with_ports(text, ports), encoding="utf-8")
        except OSError as error:
            raise ProjectFault(
                f"The demonstration project cannot be written: {error.strerror or error}.",
                where=str(folder),
                remedy="Give a folder that you may write to.",
            ) from error
        return folder

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

            asyncio.run(server.serve(ports["opcua"], ready, WallClock()))
        elif part == "simulator":
            from armillary_plugins.demo_plant import simulator

            asyncio.run(simulator.serve(seed, dict(ports), ready, WallClock()))
        else:
            raise ProjectFault(
                f"The pumping station has no part '{part}'.",
                where="demo plant",
                remedy=f"Give one of {', '.join(PARTS)}.",
            )


def with_ports(text: str, ports: Mapping[str, int]) -> str:
    """Return the text of a project.toml with the shipped ports of its sources replaced."""

    def replaced(match: re.Match[str]) -> str:
        part = _PORTS.get(match[2])
        return f"{match[1]}{ports[part]}" if part is not None else match[0]

    return _URL.sub(replaced, text)


def make() -> Plant:
    """Return the plant (entry point `armillary.plants`)."""
    return PumpingStation()
