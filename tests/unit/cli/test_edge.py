"""What `armillary edge` and `armillary check` say of an edge, without one running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.cli.edge import edge
from armillary.cli.scenes import check
from armillary.cli.sources import link_problems
from armillary.edge import health
from armillary.model.fault import Fault
from armillary.project import folder as projects

TEXT = """[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a12"
name = "north"
[[source]]
name = "up"
kind = "{kind}"
url = "mqtt://127.0.0.1:1"
{more}
{forward}
"""
FORWARD = '[forward]\nlink = "up"\ntopic = "edge/north"\nstore_mb = 1'
HEAVY = ("PySide6", "vtkmodules", "pxr", "duckdb", "zmq", "asyncua", "keyring", "scipy", "pint")
LEAST = """
import asyncio, sys, json
from pathlib import Path
import armillary.cli.edge
from armillary.edge.service import Edge
from armillary.model.clock import WallClock
from armillary.project import folder
from armillary.security.secrets import Secrets
async def run():
    made, stop = Edge(folder.read(Path(sys.argv[1])), WallClock(), Secrets()), asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, stop.set)
    await made.run(stop)
asyncio.run(run())
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps({"modules": sorted({name.partition(".")[0] for name in sys.modules}), "peak_kb": peak}))
"""


def project(folder: Path, kind: str = "mqtt", more: str = "", forward: str = FORWARD) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "project.toml").write_text(TEXT.format(kind=kind, more=more, forward=forward))
    return folder


def said(*words: str) -> str:
    done = CliRunner().invoke(edge, words, standalone_mode=False)
    assert isinstance(done.exception, Fault), done.output
    return str(done.exception)


def test_a_project_without_forward_says_what_to_add(tmp_path: Path) -> None:
    text = said(str(project(tmp_path / "p", forward="")))
    assert "does not say where an edge sends to" in text
    assert "[forward]" in text


def test_the_status_of_no_edge_says_how_to_start_one(tmp_path: Path) -> None:
    assert "No edge of this project runs" in said(str(project(tmp_path / "p")), "--status")


@pytest.mark.parametrize(("trouble", "code"), [("", 0), ("The broker refused a message.", 1)])
def test_the_status_of_an_edge_is_printed_and_judged(tmp_path: Path, trouble: str, code: int) -> None:
    folder = project(tmp_path / "p")
    queue = {"live": 9000, "late": 20, "waiting": 7, "oldest_ns": 1_750_000_000_000_000_000,
             "dropped": {"full": 3, "aged": 0}}  # fmt: skip
    up = {"name": "up", "state": "UP", "detail": "MQTT 5"}
    held = {"schema": 1, "state": "online", "up": up, "links": [], "queue": queue}
    health.write(health.file_of(folder), {**held, "problems": [trouble] if trouble else []})
    done = CliRunner().invoke(edge, [str(folder), "--status"], standalone_mode=False)
    assert done.return_value == code
    assert done.output.splitlines()[:3] == [
        "up    up UP  MQTT 5",
        "sent  9,000 live, 20 late; 7 samples wait, the oldest since 2025-06-15T15:06:40.000Z",
        "lost  3 full",
    ]
    done = CliRunner().invoke(edge, [str(folder), "--status", "--json"], standalone_mode=False)
    answer = json.loads(done.output)
    assert (answer["schema"], answer["pid"], answer["queue"]) == (1, os.getpid(), queue)


def test_check_refuses_what_cannot_be_a_way_up(tmp_path: Path) -> None:
    (found,) = link_problems(projects.read(project(tmp_path / "a", "opcua")))
    assert found.what == "No plugin can be the way up of an edge by 'opcua'."
    (found,) = link_problems(projects.read(project(tmp_path / "b", more='client = "paho"')))
    assert (found.code, found.what) == ("P26", "The way up speaks for itself, not by paho.")
    (found,) = link_problems(projects.read(project(tmp_path / "c", more="keep_alive = 4")))
    assert "Did you mean 'keep_alive_s'?" in found.remedy
    assert link_problems(projects.read(project(tmp_path / "d"))) == []


def test_what_an_edge_may_send_by_is_named_though_it_was_not_loaded(tmp_path: Path) -> None:
    text = said(str(project(tmp_path / "p", "opcua")))
    assert "There is no plugin of kind uplinks named 'opcua'" in text
    assert "Use one of: mqtt" in text


def test_an_edge_needs_no_scene_to_be_fine(tmp_path: Path) -> None:
    done = CliRunner().invoke(check, [str(project(tmp_path / "p"))], standalone_mode=False)
    assert (done.output, done.return_value) == ("fine\n", 0)
    text = (tmp_path / "p" / "project.toml").read_text() + '[scene]\nentry = "gone.usda"\n'
    (tmp_path / "p" / "project.toml").write_text(text)
    assert CliRunner().invoke(check, [str(tmp_path / "p")], standalone_mode=False).return_value == 2


def test_an_edge_loads_no_desk_no_history_and_little_memory(tmp_path: Path) -> None:
    at = project(tmp_path / "p")
    done = subprocess.run(
        [sys.executable, "-c", LEAST, str(at)], capture_output=True, text=True, timeout=60, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert not set(HEAVY) & set(told["modules"])
    assert told["peak_kb"] < 100 * 1024, told["peak_kb"]
    assert (at / ".armillary" / "edge.ring").stat().st_size == 1024 * 1024
