"""The stores under test, each in an empty place of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

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


_count = iter(range(10_000))


def _postgres(request: pytest.FixtureRequest) -> Place:
    server, url = request.getfixturevalue("postgres")
    from armillary_plugins.stores import postgres as plugin

    space = f"test_{next(_count)}"

    def make(read_only: bool) -> HistoryStore:
        return plugin.make(context(url, space, read_only=read_only, secret=PASSWORD))

    return Place("postgres", make, server.kill)


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.scale)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Return an empty place of each kind of store."""
    made = {"duckdb": lambda: _embedded(tmp_path), "postgres": lambda: _postgres(request)}
    held = made[request.param]()
    yield held
    held.close()


@pytest.fixture
def store(place: Place) -> HistoryStore:
    """Return an empty store of each kind."""
    return place.open()
