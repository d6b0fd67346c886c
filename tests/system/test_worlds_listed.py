"""`armillary worlds` over one world of each kind: what is told of it, and that it can be closed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from recorded import project_at
from stations import until

from armillary.cli.commands import Commands
from armillary.wire import child, runs

ENTRIES = {
    "LIVE": ("world.live", {}),
    "REPLAY": ("world.replay", {}),
    "WHAT-IF": ("world.whatif", {"workers": 1, "start": False}),
    "TRAINING": ("world.training", {"scenario": "leak-and-stuck-valve"}),
}


def listed() -> dict[str, dict[str, object]]:
    got = CliRunner().invoke(Commands(name="armillary"), ["worlds", "--json"], standalone_mode=False)
    assert got.exception is None, got.output
    return {w["kind"]: w for w in json.loads(got.stdout)["worlds"]}


@pytest.fixture
def worlds(own_places: Path, tmp_path: Path) -> Iterator[dict[str, child.Child]]:
    """One of each kind on a station without a plant."""
    project = project_at(tmp_path / "station", {"broker": 1, "opcua": 1})
    started = {
        kind: child.start(entry, {"project": str(project), **args}, tmp_path / f"{entry}.log")
        for kind, (entry, args) in ENTRIES.items()
    }
    try:
        for one in started.values():
            one.ready(60.0)
        yield started
    finally:
        child.stop_all([*started.values()], 3.0)


def test_worlds_of_each_kind_are_listed_as_they_stand_and_closed_one_by_one(
    worlds: dict[str, child.Child], tmp_path: Path
) -> None:
    until(lambda: all(w["state"] != "no answer" for w in listed().values()), 30.0, "all answer")
    until(lambda: listed()["TRAINING"]["state"] == "paused", 30.0, "the exercise waits for its trainee")
    found = listed()
    assert {kind: w["pid"] for kind, w in found.items()} == {kind: c.pid for kind, c in worlds.items()}
    assert {w["project"] for w in found.values()} == {str(tmp_path / "station")}
    assert {kind: w["state"] for kind, w in found.items()} == {
        "LIVE": "running",
        "REPLAY": "paused",
        "WHAT-IF": "paused",
        "TRAINING": "paused",
    }
    assert "Leak with a stuck inlet valve" in str(found["TRAINING"]["about"])
    assert "not the plant" in str(found["WHAT-IF"]["about"])

    os.kill(worlds["REPLAY"].pid, signal.SIGSTOP)
    try:
        assert listed()["REPLAY"]["state"] == "no answer"
    finally:
        os.kill(worlds["REPLAY"].pid, signal.SIGCONT)
    for kind, one in worlds.items():
        closed = CliRunner().invoke(
            Commands(name="armillary"), ["worlds", "close", str(found[kind]["id"])], standalone_mode=False
        )
        assert closed.exception is None, closed.output
        until(lambda one=one: not one.alive, 10.0, f"{kind} is closed")  # type: ignore[misc]  # bound now
        assert kind not in listed()
    assert runs.all_runs() == ()
