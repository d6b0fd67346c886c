from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins.opcua.plant import PlantServer, free_port


@pytest.fixture(scope="session")
def shared_server() -> Iterator[PlantServer]:
    server = PlantServer(free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def skid() -> Iterator[PlantServer]:
    """A server that publishes its own scene; what a test adds to it stays."""
    server = PlantServer(free_port(), Path(__file__).with_name("openusd_server.py"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(shared_server: PlantServer) -> PlantServer:
    """A running server with its first values."""
    shared_server.tell(reset=True)
    return shared_server


@pytest.fixture
def own_server() -> Iterator[PlantServer]:
    """A running server for a test that kills or stops it."""
    server = PlantServer(free_port())
    server.start()
    yield server
    server.kill()
