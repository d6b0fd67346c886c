from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.opcua.plant import PlantServer, free_port


@pytest.fixture
def server() -> Iterator[PlantServer]:
    """A running server; every test has its own, as many of them break it."""
    server = PlantServer(free_port())
    server.start()
    yield server
    server.kill()
