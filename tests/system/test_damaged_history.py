"""Row 52 of the fault matrix: the historian's file cannot be read when its recorder starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import faultlog
import numpy as np
import pytest
from byhand import Desk

from armillary.history.store import Store
from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.message import Append, AskHistory, Enroll, Enrolled, HistoryInfo, Stored
from armillary.model.sample import batch_of
from armillary.session.workspace import WorldState
from armillary.wire import child
from armillary.wire.bus import Line, local_address

pytestmark = pytest.mark.system
ROWS = 5_000


def filled(path: Path, *, compact: bool) -> None:
    """Write a history of 20 messages; without `compact` the newest part is in its log only."""
    store = Store(path)
    ids = store.names(["a"])
    for seq in range(20):
        t = np.arange(ROWS) * 1_000 + seq * NS
        store.append(
            batch_of(np.repeat(ids, ROWS), np.random.default_rng(seq).random(ROWS), t, t, 0), {"w": seq}
        )
        if seq == 9:
            store.compact()
    if compact:
        store.compact()
        store.close()
        return
    log = path.with_name(f"{path.name}.wal")
    kept, main = log.read_bytes(), path.read_bytes()
    store.close()  # puts the log into the file: as if it had been killed instead
    path.write_bytes(main)
    log.write_bytes(kept)


def damage(path: Path, start: int, count: int) -> bytes:
    whole = bytearray(path.read_bytes())
    whole[start : start + count] = bytes(b ^ 0x5A for b in whole[start : start + count])
    path.write_bytes(bytes(whole))
    return bytes(whole)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.duckdb"


class Started:
    def __init__(self, path: Path) -> None:
        address = local_address(places.runtime(), f"rec-{os.getpid()}")
        begun = WallClock().now_mono_ns()
        self.child = child.start(
            "recorder.service", {"path": str(path), "address": address}, path.with_name("recorder.log")
        )
        self.told = self.child.ready(60)["told"]
        self.line = Line(address)
        self.seconds = (WallClock().now_mono_ns() - begun) / NS

    def samples(self) -> int:
        info = self.line.ask(AskHistory())
        assert isinstance(info, HistoryInfo)
        return info.samples

    def records(self) -> bool:
        ids = self.line.ask(Enroll(tags=("a",)))
        assert isinstance(ids, Enrolled)
        t = np.arange(10)
        batch = batch_of(np.repeat(ids.ids, 10), t.astype(float), t, t, 0)
        return self.line.ask(Append(seq=1, batch=batch, session="new")) == Stored(seq=1)


@pytest.fixture
def start(path: Path) -> Iterator[list[Started]]:
    made: list[Started] = []
    yield made
    for one in made:
        one.line.close()
        one.child.stop(5)


def test_a_history_that_cannot_be_read_is_moved_aside_and_a_new_one_begun(
    path: Path, start: list[Started]
) -> None:
    filled(path, compact=True)
    broken = damage(path, 0, 64)
    start.append(Started(path))
    [told] = start[0].told
    assert told["what"] == "The history cannot be read: moved aside, a new file was begun."
    assert "backup" in told["remedy"]
    aside = Path(told["where"])
    assert aside.name.startswith("history.damaged-20")
    assert aside.read_bytes() == broken  # not a byte of it was changed
    assert start[0].samples() == 0
    assert start[0].records()
    faultlog.note("52", "history file corrupt: a new one records", start[0].seconds, 5.0, "0", patience=8)


def test_where_only_its_log_is_damaged_what_was_before_it_stays(path: Path, start: list[Started]) -> None:
    filled(path, compact=False)
    log = path.with_name(f"{path.name}.wal")
    damage(log, log.stat().st_size // 2, 400)
    start.append(Started(path))
    [told] = start[0].told
    assert told["what"] == "The newest part of the history cannot be read: moved aside, the rest goes on."
    assert Path(told["where"]).exists()
    assert start[0].samples() == 10 * ROWS
    assert start[0].records()


def test_a_history_of_another_kind_or_version_is_never_moved(path: Path) -> None:
    store = Store(path)
    with store._base.writing() as cursor:
        cursor.execute("UPDATE about SET value = '99' WHERE key = 'schema'")
    store.close()
    address = local_address(places.runtime(), f"rec-{os.getpid()}")
    refused = child.start(
        "recorder.service", {"path": str(path), "address": address}, path.with_name("recorder.log")
    )
    with pytest.raises(Exception, match="version 99"):
        refused.ready(60)
    assert [p.name for p in path.parent.glob("history*")] == ["history.duckdb"]


def test_the_desk_says_it_and_records_again(own_places: Path, tmp_path: Path) -> None:
    project = tmp_path / "small"
    project.mkdir()
    (project / "project.toml").write_text('[project]\nschema = 1\nid = "x"\nname = "Small"\n')
    history = project / ".armillary" / "history.duckdb"
    history.parent.mkdir()
    history.write_bytes(b"no history at all" * 1000)
    desk = Desk()
    at = desk.workspace
    try:
        at.open(str(project))
        desk.until(lambda: any("moved aside" in e.text for e in at.events), 60, "said")
        [event] = [e for e in at.events if "moved aside" in e.text]
        assert "history.damaged-" in event.text
        desk.until(lambda: at.world_state is WorldState.LIVE and not at.recording, 60, "recorded")
    finally:
        at.close()
