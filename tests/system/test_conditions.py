"""Alarms that an OPC UA server owns, in a LIVE world: shown, acknowledged there, gone while away."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from stations import until
from tests.plugins.opcua.plant import free_port
from tests.plugins.opcua.test_conditions import Alarms

from armillary.model.alarm import AlarmAct, AlarmActed, AlarmState, ProcessState
from armillary.model.message import Hello, Welcome
from armillary.wire import child
from armillary.wire.bus import Line
from armillary_plugins.opcua.quiet import quieten

pytestmark = [pytest.mark.system, pytest.mark.scale]  # `make soak`: its parts are tested one by one
LIMIT_S = 60.0
ID = "opcua:plc:Tank1.High"
PROJECT = """[project]
schema = 1
id = "conditions-1"
name = "Tank"
[[source]]
name = "plc"
kind = "opcua"
url = "opc.tcp://127.0.0.1:{port}"
conditions = true
publishing_ms = 50
commands = true
"""
TWINS = {"schema": 1, "twins": [{"id": "S", "tags": {"state": {"address": "plc!i=2259"}}}]}


class Outside:
    """The server, in a thread with a loop of its own."""

    def __init__(self) -> None:
        quieten()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.alarms = Alarms(free_port())
        self.do(self.alarms.start())

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(LIMIT_S)

    def close(self) -> None:
        self.do(self.alarms.stop())
        self.do(_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LIMIT_S)
        self.loop.close()


async def _rest() -> None:
    """End what the library leaves running."""
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    yield made
    made.close()


def row(line: Line) -> AlarmState:
    welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
    assert isinstance(welcome, Welcome)
    known = {spec.id for spec in welcome.alarms}
    found = next((one for one in welcome.frame.alarms if one.id == ID), AlarmState(id=ID))
    assert found.process is ProcessState.NORM or ID in known
    return found


def test_condition_of_a_server_is_shown_acknowledged_there_and_closed_when_it_went_unseen(
    outside: Outside, own_places: Path, tmp_path: Path
) -> None:
    folder, server = tmp_path / "project", outside.alarms
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT.format(port=server.port), "utf-8")
    (folder / "twins.json").write_text(json.dumps(TWINS), "utf-8")
    outside.do(server.say(True, False))  # it stands before we come: a refresh tells it
    world = child.start("world.live", {"project": str(folder)}, tmp_path / "world.log")
    line = Line(str(world.ready()["address"]))
    try:
        until(lambda: row(line).process is ProcessState.UNACK, LIMIT_S, "the row")
        hot = row(line)
        assert hot.text == "level high"
        server.refuses = True
        assert line.ask(AlarmAct(action="ack", occurrences=(hot.occurrence,), comment="x")) == AlarmActed(
            results=("",)
        )
        until(lambda: "BadEventIdUnknown" in row(line).pending, LIMIT_S, "the refusal stands in the row")
        assert row(line).process is ProcessState.UNACK
        server.refuses = False
        line.ask(AlarmAct(action="ack", occurrences=(hot.occurrence,), comment="seen"))
        until(lambda: row(line).process is ProcessState.ACKED, LIMIT_S, "the server's own event")
        assert (row(line).comment, row(line).pending) == ("seen", "")
        outside.do(server.server.stop())
        until(lambda: row(line).unverified, LIMIT_S, "it is not known while the link is down")
        outside.do(server.start())  # another process, as it were: it knows of nothing that stands
        until(lambda: row(line).process is ProcessState.NORM, LIMIT_S, "gone during the outage")
    finally:
        line.close()
        world.stop()
    journal = "".join(path.read_text("utf-8") for path in (folder / ".armillary" / "journal").glob("live*"))
    assert "gone during outage" in journal
