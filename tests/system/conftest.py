"""Fixtures of the tests with real servers and processes."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stations import Station

from armillary.cli.plant import start_plant
from armillary.wire import child
from armillary.wire.bus import Line

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
_TOLD = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def tell_at_end(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return a function whose line stands at the end of the test run, whether tests pass or fail."""
    return pytestconfig.stash.setdefault(_TOLD, []).append


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was told in a process of pytest-xdist to the one that writes the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["told"] = session.config.stash.get(_TOLD, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it there. Any: a class of pytest-xdist, which may not be installed."""
    node.config.stash.setdefault(_TOLD, []).extend(getattr(node, "workeroutput", {}).get("told", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(_TOLD, []):
        terminalreporter.section("told by the system tests")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The places of all tests of one file: those of a single one come after its processes."""
    home = tmp_path_factory.mktemp("xdg")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"):
            (home / name).mkdir(mode=0o700)
            patch.setenv(f"XDG_{name}", str(home / name))
        yield home


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


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """The port of a mosquitto of this test's own."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = int(s.getsockname()[1])
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser {getpass.getuser()}\n")
    with (tmp_path / "broker.log").open("ab") as log:
        process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)
    yield port
    process.kill()
    process.wait(5)
