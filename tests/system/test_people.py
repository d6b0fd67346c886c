"""Accounts, the kill switch and commands from a terminal, against a real plant and its real world."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stations import Station, until

from armillary.cli.cast import Cast
from armillary.cli.plant import start_plant
from armillary.model.account import LoggedIn, Login
from armillary.model.clock import WallClock
from armillary.model.control import Kill
from armillary.model.fault import OrderFault
from armillary.model.message import Hello, Welcome
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system
SETPOINT = "LIC-101.sp"


def terminal(*words: str, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "armillary", *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def joined(address: str) -> tuple[Line, Welcome]:
    line = Line(address)
    answer = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
    assert isinstance(answer, Welcome)
    return line, answer


def test_a_shift_logs_in_commands_stops_and_releases_and_all_is_audited(
    own_places: Path, tmp_path: Path
) -> None:
    cast = Cast()
    plant = start_plant("pumping-station", tmp_path / "station")
    cast.move_in(plant.project, WallClock())
    project = str(plant.project)
    world = child.start("world.live", {"project": project}, tmp_path / "world.log")
    try:
        line, welcome = joined(str(world.ready()["address"]))
        station = Station(plant, world, None, line, tmp_path)
        until(lambda: station.ranks()[SETPOINT] == 0, 20, "the setpoint is good")
        assert (welcome.role, welcome.accounts) == ("viewer", True)

        status, _, err = terminal("command", project, SETPOINT, "61", "--yes")
        assert status == 2, err
        assert "'viewer' may not write" in err

        word = tmp_path / "word"
        word.write_text(cast.password)
        asked = ("--user", "anna", "--password-file", str(word))
        status, out, err = terminal("command", project, SETPOINT, "61", "--json", *asked, stdin="y\n")
        assert status == 0, err
        assert json.loads(out)["state"] == "VERIFIED"
        assert "→ 61 %" in err
        assert station.value(SETPOINT) == 61.0

        with pytest.raises(OrderFault, match="password is wrong"):
            line.ask(Login(user="anna", password="wrong password"))  # noqa: S106
        ravi = line.ask(Login(user="ravi", password=cast.password))
        assert isinstance(ravi, LoggedIn)
        assert ravi.role == "engineer"

        viewer, _ = joined(line.address)
        viewer.ask(Kill(stop=True, reason="pipe burst"))
        until(lambda: "by somebody who is not logged in" in joined_stop(viewer), 20, "the frame says stopped")
        status, _, err = terminal("command", project, SETPOINT, "62", "--yes", *asked)
        assert status == 2
        assert "Commands stopped by" in err
        with pytest.raises(OrderFault, match="may not do that"):
            viewer.ask(Kill(stop=False, reason="never mind"))

        world.stop()  # the stop is a file: another world of this project begins stopped
        world = child.start("world.live", {"project": project}, tmp_path / "world2.log")
        again, welcome = joined(str(world.ready()["address"]))
        until(lambda: joined_stop(again) != "", 20, "the new world is stopped")
        assert isinstance(again.ask(Login(user="ravi", password=cast.password)), LoggedIn)
        again.ask(Kill(stop=False, reason="pipe mended"))
        for each in (viewer, again):
            each.close()
        station.line.close()
    finally:
        world.stop()
        audit = plant.project / ".armillary" / "audit"
        status, out, _ = terminal("audit", "verify", project, "--json")
        verdict = json.loads(out)
        _, shown, _ = terminal("audit", "show", project, "--json", "--last", "100")
        broken = terminal_broken(audit, project)
        plant.stop()
    assert (status, verdict["holds"]) == (0, True)
    actions = [(r["actor"], r["action"]) for r in json.loads(shown)["records"]]
    for wanted in (
        ("anna", "person.login"),
        ("anna", "command.intent"),
        ("anna", "command.verified"),
        ("anna", "person.login.refused"),
        ("ravi", "commands.released"),
    ):
        assert wanted in actions
    assert cast.password not in shown
    assert broken == (1, "changed")


def joined_stop(line: Line) -> str:
    answer = line.ask(Hello(actor="x", desk="test"))
    assert isinstance(answer, Welcome)
    return answer.frame.stopped


def terminal_broken(audit: Path, project: str) -> tuple[int, str]:
    """Change one letter of the audit and verify it again."""
    (path,) = audit.glob("audit-*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"command.intent"', b'"command.intenT"', 1))
    status, out, _ = terminal("audit", "verify", project, "--json")
    return status, json.loads(out)["findings"][0]["kind"]
