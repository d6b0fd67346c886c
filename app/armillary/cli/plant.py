"""The embedded plant of a demo: its parts started as processes on free ports, watched, ended with us."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from armillary.extend.discover import discover
from armillary.model import places
from armillary.model.fault import WorldFault
from armillary.wire import child, runs

START_S = 30.0  # of each part: a busy machine takes its time
PARTS_STOP_S = 0.5  # they hold nothing that must be written


@dataclass(slots=True)
class RunningPlant:
    """The parts that run, and the project folder that was made for their ports."""

    project: Path
    parts: dict[str, child.Child]
    ports: Mapping[str, int]
    folder: Path = field(repr=False)

    def confirm(self) -> None:
        """Wait until the parts that nobody connects to run too. Raises a Fault that says why not."""
        for process in self.parts.values():
            process.ready(START_S)

    def stop(self) -> None:
        """End all parts and remove the folder."""
        child.stop_all(self.parts.values(), PARTS_STOP_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_plant(
    name: str, folder: Path, seed: int = 1, meanwhile: Callable[[], None] | None = None
) -> RunningPlant:
    """Start a plant's parts on free loopback ports; return once its servers can be connected to.

    `meanwhile` is called while they start: on two cores that hides the import of the desk.
    Raises WorldFault naming the part that did not start, after ending the others.
    """
    plant = discover(["plants"])
    made = plant.make("plants", name)()
    ports = dict(zip(made.parts, child.find_ports(len(made.parts)), strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    project = made.prepare(folder, ports)
    parts: dict[str, child.Child] = {}
    running = RunningPlant(project=project, parts=parts, ports=ports, folder=folder)
    try:
        for part in made.parts:
            args = {"plant": name, "part": part, "folder": str(folder), "ports": ports, "seed": seed}
            parts[part] = child.start("extend.host", args, places.logs() / f"plant-{part}.log")
        if meanwhile is not None:
            meanwhile()
        for part, process in parts.items():
            if part == "simulator":
                continue  # `confirm` waits for it, while the world starts already
            process.ready(START_S)
            if not child.open_for(ports[part], START_S, _is_alive(process)):
                raise WorldFault(
                    f"The plant's {part} does not answer on port {ports[part]}.",
                    where=str(process.log),
                    remedy="Read its log file.",
                )
    except BaseException:
        running.stop()
        raise
    described = [
        {"what": part, "pid": process.pid, "port": 0 if part == "simulator" else ports[part]}
        for part, process in parts.items()
    ]
    private = project / ".armillary"
    private.mkdir(exist_ok=True)
    with suppress(OSError):
        (private / runs.PLANT_FILE).write_text(json.dumps(described), "utf-8")
    return running


def _is_alive(process: child.Child) -> Callable[[], bool]:
    return lambda: process.alive
