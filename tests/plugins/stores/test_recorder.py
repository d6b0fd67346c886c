"""A recorder whose project names a store with a server: it records there, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from storehouse import PASSWORD, Server, free_port

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.message import (
    Append,
    AskDensity,
    AskHistory,
    Density,
    Enroll,
    Enrolled,
    HistoryInfo,
    Stored,
)
from armillary.model.sample import batch_of
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.scale
T0 = 1_750_000_200 * NS


def _project(folder: Path, url: str) -> Path:
    if not any(point.name == "postgres" for point in entry_points(group="armillary.stores")):
        pytest.skip("the package is installed without its stores: run make setup")
    folder.mkdir()
    (folder / "project.toml").write_text(
        '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11"\nname = "north"\n'
        f'[historian]\nstore = "postgres"\nurl = "{url}"\nsecret = "db"\nretention_days = 36500\n'
    )
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": []}))
    secrets = folder.parent / "secrets.toml"
    secrets.write_text(f'db = "{PASSWORD}"\n')
    secrets.chmod(0o600)
    return folder


def _start(project: Path, log: Path) -> child.Child:
    args = {"project": str(project), "secret_file": str(project.parent / "secrets.toml")}
    return child.start("recorder.service", args, log)


@pytest.fixture
def recorder(postgres: tuple[Server, str], tmp_path: Path) -> Iterator[tuple[Line, Server]]:
    server, url = postgres
    process = _start(_project(tmp_path / "project", url), tmp_path / "recorder.log")
    line = Line(process.ready()["address"])
    yield line, server
    line.close()
    process.stop()


def _enrolled(line: Line, tag: str) -> U4:
    answer = line.ask(Enroll(tags=(tag,)), 10.0)
    assert isinstance(answer, Enrolled)
    return answer.ids


def _after_faults(call: Callable[[], object]) -> list[str]:
    """Do what may fail a few times after a server died; return what was said."""
    said: list[str] = []
    while len(said) < 10:
        try:
            call()
        except StoreFault as fault:
            said.append(fault.what)
        else:
            break
    return said


def _append(line: Line, ids: U4, seq: int) -> object:
    t = T0 + np.arange(seq * 10, seq * 10 + 10) * NS
    batch = batch_of(np.repeat(ids, 10), np.arange(10.0), t, t, 0)
    return line.ask(Append(seq=seq, batch=batch, session="world"), 30.0)


def test_a_recorder_writes_to_postgresql_over_the_death_of_the_server(recorder: tuple[Line, Server]) -> None:
    line, server = recorder
    ids = _enrolled(line, "a")
    assert isinstance(_append(line, ids, 1), Stored)
    server.kill()
    said = _after_faults(lambda: _append(line, _enrolled(line, "a"), 2))
    assert all("PostgreSQL does not answer" in what for what in said), said
    assert isinstance(_append(line, ids, 1), Stored)  # it is there already
    assert isinstance(_append(line, ids, 2), Stored)
    _after_faults(lambda: line.ask(AskHistory(), 10.0))  # readers find their connections lost
    _after_faults(lambda: line.ask(AskHistory(), 10.0))
    info = line.ask(AskHistory(), 10.0)
    assert isinstance(info, HistoryInfo)
    assert (info.samples, info.tags, info.lacks) == (20, ("a",), ())
    assert info.store.startswith("PostgreSQL 1")


def test_a_recorder_answers_trends_and_the_time_bar_from_postgresql(recorder: tuple[Line, Server]) -> None:
    line, _ = recorder
    ids = _enrolled(line, "b")
    assert isinstance(_append(line, ids, 5), Stored)
    query = SeriesQuery(ids=(int(ids[0]),), from_ns=T0, to_ns=T0 + 100 * NS, width=500)
    answer = line.ask(query, 10.0)
    assert isinstance(answer, SeriesAnswer)

    assert answer.series[0].low.tolist() == list(range(10))
    density = line.ask(AskDensity(from_ns=T0, to_ns=T0 + 100 * NS, width=10), 10.0)
    assert isinstance(density, Density)


def test_a_recorder_without_its_server_ends_with_one_clear_message(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql://armillary@127.0.0.1:{free_port()}/plant"
    process = _start(_project(tmp_path / "project", url), tmp_path / "recorder.log")
    with pytest.raises(StoreFault, match=r"PostgreSQL does not answer: .*It is tried again"):
        process.ready()
