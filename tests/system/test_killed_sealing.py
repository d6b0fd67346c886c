"""A store is killed at any moment while it writes, seals and merges: it has the old or the new."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sealed_killed

from armillary.history.store import Store
from armillary.model.sample import joined

pytestmark = pytest.mark.system
IDS = np.array([1, 2], np.uint32)
EACH = 10


def killed(path: Path, first: int, after_s: float) -> int:
    """Have a writer go on from a batch, kill it some time after its first; return its last acknowledged."""
    child = subprocess.Popen(
        [sys.executable, sealed_killed.__file__, str(path), str(first)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        said = child.stdout.readline()  # it runs
        time.sleep(after_s)
        child.kill()
        said += child.stdout.read()
    lines = said.splitlines(keepends=True)
    return max((int(line) for line in lines if line.endswith("\n")), default=first - 1)


def checked(path: Path, acknowledged: int) -> tuple[int, int]:
    """Return (the last batch that is there, segments): all up to it is there, and each sample once."""
    store = Store(path)
    last = store.received("w")
    assert last >= acknowledged
    expected = joined([sealed_killed.batch(number) for number in range(last + 1)])
    got = joined(list(store.between(IDS, 0, 2**62)))
    assert store.extent().samples == len(expected) == len(got)
    for id_ in IDS.tolist():
        rows, others = expected.slot == id_, got.slot == id_
        order = np.argsort(expected.source_ns[rows], kind="stable")
        assert np.array_equal(got.source_ns[others], expected.source_ns[rows][order])
        assert np.array_equal(got.value[others], expected.value[rows][order])
    assert sorted(got.text.values()) == sorted(expected.text.values())
    segments = store._base.view.segments
    listed = {name for segment in segments for name in segment.names}
    assert {p.name for p in store._base.folder.glob("*")} - {"tags.json"} == listed
    store.close()
    return last, len(segments)


def killed_often(path: Path, times: int) -> int:
    """Kill and check some times; return how many segments there are in the end."""
    chance, last, segments = random.Random(times), -1, 0  # noqa: S311 - no secret
    for turn in range(times):
        if turn % EACH == 0:  # a new store, so that checking stays quick
            last, store = -1, path / f"{turn}" / "history.duckdb"
        acknowledged = killed(store, last + 1, chance.uniform(0.0, 0.4))
        last, segments = checked(store, acknowledged)
    return segments


def test_five_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    assert killed_often(tmp_path, 5) > 0


@pytest.mark.scale
def test_two_hundred_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    assert killed_often(tmp_path, 200) > 0
