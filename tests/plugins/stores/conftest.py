"""The stores under test, each in an empty place of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from storehouse import (
    LIMIT_S,
    NOBODY,
    PASSWORD,
    Place,
    Server,
    context,
    folder_of,
    free_port,
    postgres_binaries,
)

from armillary.api import HistoryStore
from armillary.history.store import Store
from armillary_plugins.stores import clickhouse as clickhouse_plugin
from armillary_plugins.stores import victoria as victoria_plugin


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[Server, str]]:
    """Return a PostgreSQL on loopback, run by a user without rights, and its url."""
    pytest.importorskip("psycopg")
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    user = NOBODY if os.geteuid() == 0 else None  # it refuses to run as root
    folder, port = folder_of(user), free_port()
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if user is not None:
        os.chown(secret, user, user)
    subprocess.run(
        [binaries / "initdb", "-D", folder / "data", "-U", "armillary", "-A", "scram-sha-256", "-E", "UTF8",
         "--no-locale", f"--pwfile={secret}"],
        check=True, stdout=subprocess.DEVNULL, user=user, timeout=LIMIT_S,
    )  # fmt: skip
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB", "-c", "max_connections=30"]

    def answers() -> bool:
        asked = subprocess.run(
            [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port)],
            check=False, stdout=subprocess.DEVNULL, timeout=LIMIT_S,
        )  # fmt: skip
        return asked.returncode == 0

    server = Server(command, folder, answers, user)
    yield server, f"postgresql://armillary@127.0.0.1:{port}/postgres"
    server.stop(signal.SIGINT)  # "fast": without waiting for those who are connected
    shutil.rmtree(folder)


def _embedded(tmp_path: Path) -> Place:
    return Place("duckdb", lambda read_only: Store(tmp_path / "history.duckdb", read_only))


@pytest.fixture(scope="session")
def victoria() -> Iterator[str]:
    """Return the url of a VictoriaMetrics on loopback."""
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("VictoriaMetrics is not installed")
    folder, port = folder_of(None), free_port()
    command = [program, f"-storageDataPath={folder / 'data'}", f"-httpListenAddr=127.0.0.1:{port}"]
    command += ["-retentionPeriod=100y", "-memory.allowedBytes=256MB"]

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=LIMIT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    server = Server(command, folder, answers, None)
    yield f"http://127.0.0.1:{port}"
    server.stop(signal.SIGINT)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[str]:
    """Return the url of ClickHouse's engine behind a small server of ours."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("chdb is not installed: pip install chdb")
    folder, port = folder_of(None), free_port()
    script = Path(__file__).parent / "tools" / "chdb_server.py"

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=LIMIT_S):
                return True
        except OSError:
            return False

    server = Server([sys.executable, str(script), str(port), str(folder)], folder, answers, None)
    yield f"http://127.0.0.1:{port}"
    server.stop()
    shutil.rmtree(folder)


_count = iter(range(10_000))


def _postgres(request: pytest.FixtureRequest) -> Place:
    server, url = request.getfixturevalue("postgres")
    from armillary_plugins.stores import postgres as plugin

    space = f"test_{next(_count)}"

    def make(read_only: bool) -> HistoryStore:
        return plugin.make(context(url, space, read_only=read_only, secret=PASSWORD))

    return Place("postgres", make, server.kill)


def _victoria(request: pytest.FixtureRequest) -> Place:
    url, space = request.getfixturevalue("victoria"), f"test_{next(_count)}"

    def make(read_only: bool) -> HistoryStore:
        return victoria_plugin.make(context(url, space, read_only=read_only))

    return Place("victoriametrics", make)


def _clickhouse(request: pytest.FixtureRequest) -> Place:
    url, space = request.getfixturevalue("clickhouse"), f"test_{next(_count)}"

    def make(read_only: bool) -> HistoryStore:
        return clickhouse_plugin.make(context(url, space, read_only=read_only))

    return Place("clickhouse", make)


SERVERS = {"postgres": _postgres, "victoriametrics": _victoria, "clickhouse": _clickhouse}


@pytest.fixture(params=["duckdb", *(pytest.param(name, marks=pytest.mark.scale) for name in SERVERS)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Return an empty place of each kind of store."""
    held = SERVERS[request.param](request) if request.param in SERVERS else _embedded(tmp_path)
    yield held
    held.close()


@pytest.fixture
def store(place: Place) -> HistoryStore:
    """Return an empty store of each kind."""
    return place.open()
