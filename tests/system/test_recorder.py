"""The recorder as a process: killed amid appends, started again, asked beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model import places
from armillary.model.clock import NS
from armillary.model.fault import Fault, StoreFault
from armillary.model.message import (
    Append,
    AskHistory,
    Done,
    Enroll,
    Enrolled,
    Hello,
    HistoryInfo,
    Stop,
    Stored,
)
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.wire import child
from armillary.wire.bus import Line, local_address

pytestmark = pytest.mark.system
T0 = 1_750_000_200 * NS
ROWS = 2_000
TAGS = tuple(f"tag{i}" for i in range(20))


class Recorder:
    """A recorder process under test, and a line to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.duckdb"
        self.address = local_address(places.runtime(), f"rec-{os.getpid()}")
        self.log = folder / "recorder.log"
        self.process: child.Child | None = None

    def start(self) -> None:
        args = {"path": str(self.path), "address": self.address}
        self.process = child.start("recorder.service", args, self.log)
        assert self.process.ready()["address"] == self.address

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self._ended()

    def _ended(self) -> None:
        assert self.process is not None
        end = time.monotonic() + 5
        while self.process.alive and time.monotonic() < end:
            time.sleep(0.01)
        assert not self.process.alive
        self.process.stop()  # closes the pipes

    def close(self) -> None:
        if self.process is not None:
            self.process.stop(3.0)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path)
    yield made
    made.close()


@pytest.fixture
def line(recorder: Recorder) -> Iterator[Line]:
    made = Line(recorder.address)
    yield made
    made.close()


def _batch(seq: int, ids: np.ndarray) -> SampleBatch:
    rows = np.arange(ROWS)
    t = T0 + (seq * ROWS + rows) * 1_000_000
    value = seq + rows / ROWS
    return batch_of(ids[rows % len(ids)], value, t, t + 1_000, 0)


def _enroll(line: Line) -> np.ndarray:
    answer = line.ask(Enroll(tags=TAGS))
    assert isinstance(answer, Enrolled)
    return answer.ids


def _stored(line: Line, timeout_s: float) -> list[int]:
    return [message.seq for _, message in line.poll(timeout_s) if isinstance(message, Stored)]


def test_every_acknowledged_sample_survives_a_kill_and_nothing_is_there_twice(recorder: Recorder) -> None:
    acknowledged, seq = 0, 0
    for turn in range(4):
        recorder.start()
        line = Line(recorder.address)
        ids = _enroll(line)
        seq = acknowledged  # what was not acknowledged is sent again
        goal = acknowledged + 25 + 10 * turn
        end = time.monotonic() + 20
        while acknowledged < goal and time.monotonic() < end:
            for _ in range(5):
                seq += 1
                line.send(Append(seq=seq, batch=_batch(seq, ids), session="world"))
            acknowledged = max([acknowledged, *_stored(line, 0.05)])
        assert acknowledged >= goal
        recorder.kill()  # while messages are under way
        line.close()
    store = Store(recorder.path)
    kept = store.extent().samples
    assert kept % ROWS == 0
    assert acknowledged * ROWS <= kept <= seq * ROWS
    got = list(store.between(np.arange(1, len(TAGS) + 1, dtype=np.uint32), T0, T0 + 2**50))
    t = np.concatenate([batch.source_ns for batch in got])
    value = np.concatenate([batch.value for batch in got])
    store.close()
    expected = T0 + (ROWS + np.arange(kept)) * 1_000_000
    assert np.array_equal(t, expected)
    assert np.allclose(value, 1 + np.arange(kept) / ROWS)


def test_a_restart_goes_on_where_the_last_one_ended(recorder: Recorder, line: Line) -> None:
    for seq in (1, 2):
        recorder.start()
        ids = _enroll(line)
        assert line.ask(Append(seq=seq, batch=_batch(seq, ids), session="w")) == Stored(seq=seq)
        assert line.ask(Stop()) == Done()
        recorder._ended()
    recorder.start()
    info = line.ask(AskHistory())
    assert isinstance(info, HistoryInfo)
    assert (info.samples, info.tags) == (2 * ROWS, TAGS)


def test_questions_are_answered_quickly_beside_appends(recorder: Recorder, line: Line) -> None:
    recorder.start()
    ids = _enroll(line)
    asking = Line(recorder.address)
    waits: list[float] = []
    for seq in range(1, 41):
        line.send(Append(seq=seq, batch=_batch(seq, ids), session="w"))
        begin = time.monotonic()
        answer = asking.ask(SeriesQuery(ids=(1, 2, 3), from_ns=T0, to_ns=T0 + 2**50, width=500, request=seq))
        waits.append(time.monotonic() - begin)
        assert isinstance(answer, SeriesAnswer)
        assert (answer.request, len(answer.series)) == (seq, 3)
    asking.close()
    assert sorted(waits)[len(waits) // 2] < 0.1


def test_a_second_recorder_of_one_history_ends_and_the_first_goes_on(recorder: Recorder, line: Line) -> None:
    recorder.start()
    second = child.start(
        "recorder.service", {"path": str(recorder.path), "address": recorder.address}, recorder.log
    )
    with pytest.raises(Fault, match="Another process has the historian"):
        second.ready()
    assert isinstance(line.ask(AskHistory()), HistoryInfo)


def test_a_recorder_waits_for_a_reader_whose_socket_is_gone_but_not_its_file(
    recorder: Recorder, line: Line
) -> None:
    recorder.start()
    assert line.ask(Stop()) == Done()
    recorder._ended()
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(1); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(recorder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        args = {"path": str(recorder.path), "address": recorder.address}
        recorder.process = child.start("recorder.service", args, recorder.log)
        assert recorder.process.poll_ready(1.0) is None  # it waits, and has not given up
        holder.stdin.close()
        assert recorder.process.ready()["address"] == recorder.address


def test_what_the_recorder_does_not_know_gets_a_fault_and_it_goes_on(recorder: Recorder, line: Line) -> None:
    recorder.start()
    with pytest.raises(StoreFault, match="Hello"):
        line.ask(Hello(actor="a", desk="d"))
    with pytest.raises(StoreFault, match="never gave"):
        line.ask(Append(seq=1, batch=_batch(1, np.array([99], np.uint32))))
    assert isinstance(line.ask(AskHistory()), HistoryInfo)


def test_sigterm_writes_what_was_taken(recorder: Recorder, line: Line) -> None:
    recorder.start()
    ids = _enroll(line)
    line.send(Append(seq=1, batch=_batch(1, ids), session="w"))
    assert isinstance(line.ask(AskHistory()), HistoryInfo)  # so the Append has arrived
    assert recorder.process is not None
    assert recorder.process.stop(3.0) == 0
    store = Store(recorder.path, read_only=True)
    assert store.extent().samples == ROWS
    store.close()
