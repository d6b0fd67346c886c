"""A project made for benches: a hall of boxes, each with a tag that colours it; and its broker."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from armillary.model.fault import LinkFault
from armillary_bench.load import TOPIC
from armillary_plugins.demo_plant import broker

LINK = "load"
PER_ROW = 50
RAISED = 20  # alarms of a hall that stand
_OPENS_S = 10.0

_PROJECT = """[project]
schema = 1
id = "3b1c5c1e-7c3f-4a1c-9f5a-5d3f6f1d7a20"
name = "Hall of boxes"
version = "0.1.0"
timezone = "UTC"

[scene]
entry = "scene.usda"
bindings = "bindings.usda"

[[source]]
name = "{link}"
kind = "mqtt"
url = "mqtt://127.0.0.1:{port}"
subscribe = [{{ filter = "bench/#" }}]
stale_after_s = 600.0

[historian]
record = "all"

[colormap.heat]
kind = "linear"
stops = [[0.0, "#2b5c8a"], [0.5, "#d9d9d9"], [1.0, "#c9c06a"]]
title = "Heat"
"""
_HEAD = '#usda 1.0\n(\n    defaultPrim = "Hall"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n\n'


def scene_text(boxes: int) -> str:
    """Return a stage of so many boxes in rows of fifty, 1 m apart."""
    lines = [_HEAD + 'def Xform "Hall"\n{']
    for row in range(-(-boxes // PER_ROW)):
        lines.append(f'    def Xform "Row_{row}"\n    {{')
        lines.append(f"        double3 xformOp:translate = (0, {row}, 0)")
        lines.append('        uniform token[] xformOpOrder = ["xformOp:translate"]')
        for box in range(row * PER_ROW, min((row + 1) * PER_ROW, boxes)):
            lines.append(f'        def Cube "Box_{box}"\n        {{\n            double size = 0.8')
            lines.append(f"            double3 xformOp:translate = ({box % PER_ROW}, 0, 0.4)")
            lines.append('            uniform token[] xformOpOrder = ["xformOp:translate"]\n        }')
        lines.append("    }")
    return "\n".join([*lines, "}", ""])


def bindings_text(boxes: int) -> str:
    """Return the binding layer: each box shows its tag as display colour."""
    lines = ['#usda 1.0\n\nover "Hall"\n{']
    for row in range(-(-boxes // PER_ROW)):
        lines.append(f'    over "Row_{row}"\n    {{')
        for box in range(row * PER_ROW, min((row + 1) * PER_ROW, boxes)):
            lines.append(
                f'        over "Box_{box}" (\n            prepend apiSchemas = ["TwinBindingAPI:heat"]'
            )
            lines.append(
                "        )\n        {\n"
                f'            uniform string twin:heat:signal = "{tag_name(box)}"\n'
                '            uniform token twin:heat:channel = "displayColor"\n'
                '            uniform token twin:heat:map = "linear"\n'
                '            uniform token twin:heat:colormap = "heat"\n'
                "            uniform double2 twin:heat:range = (0, 1)\n        }"
            )
        lines.append("    }")
    return "\n".join([*lines, "}", ""])


def tag_name(box: int) -> str:
    """Return the name of a box's tag."""
    return f"row{box // PER_ROW}.box{box}"


def write_project(folder: Path, boxes: int, port: int, *, alarms: int = 0, timed: bool = False) -> Path:
    """Write the project into a folder and return it.

    `alarms`: so many of the tags have one each, of which the first `RAISED` stand as soon as a value comes
    and the others never. `timed`: payloads carry the time of their source.
    """
    folder.mkdir(parents=True, exist_ok=True)
    time = {"time": "$.t"} if timed else {}
    twins = [
        {
            "id": f"row{row}",
            "prim": f"/Hall/Row_{row}",
            "tags": {
                f"box{box}": {"address": f"{LINK}!{TOPIC % box}#v", **time}
                for box in range(row * PER_ROW, min((row + 1) * PER_ROW, boxes))
            },
        }
        for row in range(-(-boxes // PER_ROW))
    ]
    (folder / "scene.usda").write_text(scene_text(boxes), "utf-8")
    (folder / "bindings.usda").write_text(bindings_text(boxes), "utf-8")
    (folder / "twins.json").write_text(
        json.dumps({"schema": 1, "twins": twins, "relationships": []}), "utf-8"
    )
    (folder / "project.toml").write_text(_PROJECT.format(link=LINK, port=port), "utf-8")
    if alarms:
        (folder / "rules.toml").write_text(rules_text(alarms), "utf-8")
    return folder


def rules_text(alarms: int) -> str:
    """Return the rules: values are 0 … 1, so a limit below is always passed and one above never."""
    return "schema = 1\n" + "".join(
        f'\n[[alarm]]\nid = "{alarm_name(box)}"\ntag = "{tag_name(box)}"\n'
        f"limit = {-1.0 if box < RAISED else 2.0}\ndeadband = 0.1\n"
        'consequence = "none"\noperator_action = "none"\n'
        for box in range(alarms)
    )


def alarm_name(box: int) -> str:
    """Return the name of the alarm of a box's tag."""
    return f"box{box}-high"


def free_port() -> int:
    """Return a TCP port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_broker(folder: Path) -> Iterator[int]:
    """Give the port of a mosquitto of our own, ended by its pid. Raises LinkFault without one."""
    program, port = broker.find(), free_port()
    if program is None:
        raise LinkFault(
            "This bench needs a broker that does not slow it down.",
            where="mosquitto",
            remedy="Install it: apt-get install mosquitto.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / broker.CONFIG
    # no limit on what waits for a slow reader: what is lost then was lost by us
    path.write_text(broker.config(port) + "max_queued_messages 0\n", "utf-8")
    with (folder / "stderr.log").open("wb") as errors:
        process = subprocess.Popen([program, "-c", str(path)], stderr=errors)  # noqa: S603  a fixed program
    try:
        _wait_open(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(5)


def _wait_open(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _OPENS_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise LinkFault(
        f"The broker of the bench did not open port {port}.", where="mosquitto", remedy="See its messages."
    )
