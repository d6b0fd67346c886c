"""Samples on disk on their way to the recorder: in order, bounded, counted, found again after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.fault import StoreFault
from armillary.model.sample import SampleBatch, batch_of
from armillary.world import spill
from armillary.world.spill import Spill
from armillary.world.spool import ROW_BYTES, Spool

IDS = np.array([11, 0, 13], np.uint32)
SEGMENT = 64 * 1024


def batch(first: int, rows: int) -> SampleBatch:
    value = first + np.arange(rows, dtype=float)
    slot = np.zeros(rows, np.uint32)
    return batch_of(slot, value, value.astype(np.int64), 0, 1, text={0: f"t{first}"})


def spilling(folder: Path, session: str = "s", segments: int = 8) -> Spill:
    return Spill(folder, session, ("a", "", "c"), limit_bytes=segments * SEGMENT, segment_bytes=SEGMENT)


def test_what_was_put_comes_back_in_order_and_its_segments_are_removed(tmp_path: Path) -> None:
    queue = spilling(tmp_path)
    for seq in range(1, 6):
        assert queue.put(seq, batch(seq * 1000, 500)) == 0
    assert queue.rows == 2500
    for seq in range(1, 6):
        taken = queue.take()
        assert taken is not None
        assert taken[0] == seq
        assert taken[1].value.tolist() == batch(seq * 1000, 500).value.tolist()
        assert taken[1].text == {0: f"t{seq * 1000}"}
    assert queue.take() is None
    queue.close()
    assert list(tmp_path.glob("*.seg")) == []


def test_the_oldest_yields_and_is_counted_when_the_bound_is_reached(tmp_path: Path) -> None:
    queue = spilling(tmp_path, segments=2)
    lost = sum(queue.put(seq, batch(seq, 1000)) for seq in range(1, 8))
    assert lost > 0
    assert lost + queue.rows == 7000
    assert len(list(tmp_path.glob("*.seg"))) <= 3  # two, and the one that is set aside
    first = queue.take()
    assert first is not None
    assert first[0] == 1 + lost // 1000


def test_a_segment_is_as_large_as_it_will_ever_be_before_anything_is_in_it(tmp_path: Path) -> None:
    queue = spilling(tmp_path)
    queue.prepare()
    [spare] = tmp_path.glob("*.seg")
    assert spare.stat().st_size == SEGMENT
    assert spare.stat().st_blocks * 512 >= SEGMENT
    queue.close()
    assert list(tmp_path.glob("*.seg")) == []


def test_what_a_killed_world_left_is_read_up_to_what_it_wrote_to_the_end(tmp_path: Path) -> None:
    killed = spilling(tmp_path, "old")
    for seq in (1, 2, 3):
        killed.put(seq, batch(seq, 100))
    [path] = spill.left_behind(tmp_path, "new")
    assert spill.names_of(path) == ("a", "", "c")
    assert [(r.seq, r.session, len(r.batch)) for r in spill.records_of(path)] == [
        (1, "old", 100),
        (2, "old", 100),
        (3, "old", 100),
    ]
    whole = bytearray(path.read_bytes())
    end = killed._segments[0].end
    whole[end - 5] ^= 0xFF  # the last record was being written
    path.write_bytes(bytes(whole))
    assert [r.seq for r in spill.records_of(path)] == [1, 2]
    assert spill.left_behind(tmp_path, "old") == []


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.seg").write_text("hello")
    with pytest.raises(StoreFault, match="cannot be read"):
        spill.names_of(tmp_path / "x.seg")


@settings(max_examples=60, deadline=None)
@given(
    offers=st.lists(st.integers(1, 40), min_size=1, max_size=60),
    acks=st.lists(st.booleans(), max_size=60),
    segments=st.integers(1, 3),
)
def test_the_law_of_history_holds_with_a_disk_and_nothing_comes_twice_or_out_of_order(
    offers: list[int], acks: list[bool], segments: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spill")
    disk = Spill(folder, "s", (), limit_bytes=segments * 4096, segment_bytes=4096)
    spool = Spool("s", limit_bytes=50 * ROW_BYTES, spill=disk)
    stored: list[float] = []
    first = 0
    is_here = False
    for i, rows in enumerate(offers):
        spool.offer(batch(first, rows))
        first += rows
        turn = acks[i] if i < len(acks) else False
        if turn and not is_here:
            spool.enrolled(IDS)
        is_here = turn
        if is_here:
            for append in spool.due(2):
                stored += append.batch.value.tolist()
                spool.acknowledged(append.seq)
        assert spool.offered == first == spool.stored + spool.waiting + spool.dropped
    spool.enrolled(IDS)
    while sent := spool.due():
        for append in sent:
            stored += append.batch.value.tolist()
            spool.acknowledged(append.seq)
    assert spool.waiting == 0
    assert len(stored) == spool.stored == first - spool.dropped
    assert stored == sorted(set(stored))
    spool.close()
    assert list(folder.glob("*.seg")) == []


def test_what_waits_at_the_end_of_a_world_is_found_by_the_next(tmp_path: Path) -> None:
    spool = Spool("old", spill=spilling(tmp_path, "old"))
    spool.enrolled(IDS)
    spool.offer(batch(0, 10))
    assert len(spool.due()) == 1  # under way, and nobody answers
    spool.offer(batch(10, 10))
    spool.close()
    [path] = spill.left_behind(tmp_path, "new")
    records = list(spill.records_of(path))
    assert [len(r.batch) for r in records] == [10, 10]
    assert [r.seq for r in records] == [1, 2]


def test_without_a_disk_that_helps_memory_keeps_its_bound(tmp_path: Path, log_guard: Any) -> None:
    log_guard.announced.append("cannot be kept on disk")
    (tmp_path / "folder").write_text("a file where the folder should be")
    spool = Spool("s", limit_bytes=50 * ROW_BYTES, spill=spilling(tmp_path / "folder"))
    for i in range(10):
        spool.offer(batch(i * 20, 20))
    assert spool.waiting <= 50
    assert spool.offered == 200 == spool.waiting + spool.dropped
    assert "cannot be kept on disk" in spool.trouble
