"""The ring of an edge: nothing that was written is lost, and what is lost is counted."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from armillary.edge.ring import AREA, LEAST_BYTES, Kept, Pack, Ring
from armillary.model.fault import StoreFault

NOW = 1_750_000_000_000_000_000


def pack(i: int, size: int = 100, samples: int = 1) -> Pack:
    return Pack(i.to_bytes(4, "big") * (size // 4), samples, i, i)


def number_in(payload: bytes) -> int:
    return int.from_bytes(payload[:4], "big")


def waiting(ring: Ring) -> list[int]:
    """What waits, by what the payloads say; every payload is whole."""
    out = []
    ring.rewind()
    while (kept := ring.late(set())) is not None:
        data = ring.payload(kept)
        assert data == data[:4] * (len(data) // 4)
        out.append(number_in(data))
    ring.rewind()
    return out


def crashed(ring: Ring, folder: Path) -> Ring:
    """The ring that a new process finds after a kill at this moment."""
    copy = folder / f"copy-{len(list(folder.iterdir()))}.ring"
    shutil.copyfile(ring.path, copy)
    found = Ring(copy, LEAST_BYTES)
    copy.unlink()
    return found


def test_what_was_written_is_found_after_a_crash_and_what_was_done_is_not(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    kept = ring.append([pack(i) for i in range(5)], NOW)
    for i in (0, 1, 3):
        ring.done(kept[i])
    again = crashed(ring, tmp_path)
    assert waiting(again) == [2, 4]
    assert (again.counts.found, again.counts.waiting_packs, again.counts.broken) == (2, 2, 0)
    assert again.append([pack(9)], NOW)[0].number == 6
    again.close()
    ring.close()
    assert os.path.getsize(tmp_path / "a.ring") == LEAST_BYTES


def test_a_full_ring_gives_up_the_oldest_and_counts_them(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    for i in range(60):
        ring.append([pack(i, 40_000, 10)], NOW)
    left = waiting(ring)
    assert left == list(range(60 - len(left), 60))
    assert 20 <= len(left) <= 26
    assert ring.counts.full == 10 * (60 - len(left))
    assert ring.counts.balanced
    assert os.path.getsize(tmp_path / "a.ring") == LEAST_BYTES
    again = crashed(ring, tmp_path)
    assert waiting(again) == left
    again.close()
    ring.close()


def test_what_is_too_old_is_given_up(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    ring.append([pack(0, samples=3)], NOW)
    ring.append([pack(1)], NOW + 10)
    assert ring.oldest_ns() == NOW
    assert ring.give_up_before(NOW + 5) == 3
    assert waiting(ring) == [1]
    assert (ring.counts.aged, ring.counts.balanced) == (3, True)
    ring.close()


def test_a_torn_tail_is_cut(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    kept = ring.append([pack(i, 400) for i in range(4)], NOW)
    ring.close()
    with (tmp_path / "a.ring").open("r+b") as file:
        file.seek(AREA + kept[3].at + 200)
        file.write(b"\0" * 100)
    again = Ring(tmp_path / "a.ring", LEAST_BYTES)
    assert waiting(again) == [0, 1, 2]
    assert again.append([pack(7)], NOW)[0].number == 4
    assert waiting(again) == [0, 1, 2, 7]
    again.close()


def test_a_damaged_pack_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    kept = ring.append([pack(i, 400) for i in range(6)], NOW)
    ring.close()
    with (tmp_path / "a.ring").open("r+b") as file:
        for i in (2, 3):
            file.seek(AREA + kept[i].at)
            file.write(b"\xff" * 50)
    again = Ring(tmp_path / "a.ring", LEAST_BYTES)
    assert waiting(again) == [0, 1, 4, 5]
    assert again.counts.broken == 2
    assert again.notes == ["2 packs of the edge's file were damaged and are lost."]
    again.rewind()
    while (one := again.late(set())) is not None:
        again.done(one)
    assert again.head_number == 7
    assert again.counts.balanced
    again.close()


def test_a_damaged_beginning_is_told_and_the_file_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.ring"
    path.write_bytes(b"something else" * 1000)
    ring = Ring(path, LEAST_BYTES)
    assert ring.notes == ["The edge's file was damaged at its beginning and begun anew."]
    assert waiting(ring) == []
    ring.close()


def test_a_second_edge_of_one_project_is_refused(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    with pytest.raises(StoreFault, match="runs already"):
        Ring(tmp_path / "a.ring", LEAST_BYTES)
    ring.close()


def test_another_size_waits_until_the_ring_is_empty(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "a.ring", LEAST_BYTES)
    (kept,) = ring.append([pack(1)], NOW)
    ring.close()
    ring = Ring(tmp_path / "a.ring", 2 * LEAST_BYTES)
    assert "keeps its size" in ring.notes[0]
    assert waiting(ring) == [1]
    ring.done(kept)
    ring.close()
    ring = Ring(tmp_path / "a.ring", 2 * LEAST_BYTES)
    ring.close()
    assert os.path.getsize(tmp_path / "a.ring") == 2 * LEAST_BYTES


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), largest=st.sampled_from([200, 8_000, 120_000]))
def test_whatever_happens_what_waits_is_exactly_what_is_neither_done_nor_given_up(
    tmp_path: Path, seed: int, largest: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  chooses what happens, keeps no secret
    folder = tmp_path / str(seed) / str(largest)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ring = Ring(folder / "a.ring", LEAST_BYTES)
    expected: list[int] = []
    held: dict[int, Kept] = {}
    committed: list[tuple[int, int]] = []
    base, i = 0, 0
    for _ in range(rng.randrange(10, 120)):
        act = rng.random()
        if act < 0.5:
            some = [pack(i + n, rng.randrange(4, largest)) for n in range(rng.randrange(1, 6))]
            some = [p if p.payload else pack(number_, 4) for number_, p in enumerate(some, i)]
            for kept in ring.append(some, NOW):
                held[i] = kept
                expected.append(i)
                i += 1
            gone = ring.counts.full + ring.counts.aged - base
            base += gone
            expected = expected[gone:]
        elif act < 0.8 and expected:
            for one in rng.sample(expected, rng.randrange(1, len(expected) + 1)):
                ring.done(held[one])
                expected.remove(one)
        elif act < 0.86:
            committed.append(ring.commit())
        elif act < 0.9 and committed:
            ring.flush()
            ring.synced(committed.pop(rng.randrange(len(committed))))
        elif act < 0.93:
            again = crashed(ring, folder)
            assert waiting(again) == expected
            assert again.counts.broken == 0
            again.close()
        assert ring.counts.balanced
        assert ring.counts.waiting == len(expected)
    assert waiting(ring) == expected
    again = crashed(ring, folder)
    assert waiting(again) == expected
    assert again.counts.broken == 0
    again.close()
    ring.close()
