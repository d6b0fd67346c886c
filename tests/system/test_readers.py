"""Two scene readers that open the same scene at the same time share one cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.model.message import OpenScene, SceneOpened, SceneProgress, Stop
from armillary.scene import cache
from armillary.wire import child
from armillary.wire.bus import Line, local_address
from armillary_bench.scene import author

pytestmark = pytest.mark.system

PRIMS = 2_000
LIMIT_S = 60.0


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[list[Line]]:
    processes, lines = [], []
    try:
        for k in range(2):
            args = {"address": local_address(tmp_path, f"r{k}")}
            processes.append(child.start("scene.child", args, tmp_path / f"r{k}.log"))
        lines = [Line(str(process.ready()["address"])) for process in processes]
        yield lines
    finally:
        for line in lines:
            line.send(Stop())
            line.close()
        child.stop_all(processes, 5.0)


def _answers(lines: list[Line], asked: OpenScene) -> tuple[list[SceneOpened], int]:
    """Ask all at once; return their answers, and of how many boxes they told on the way."""
    numbers = [line.send(asked) for line in lines]
    out: list[SceneOpened] = []
    boxes = 0
    for line, number in zip(lines, numbers, strict=True):
        answer = None
        while answer is None:
            came = line.poll(LIMIT_S)
            assert came, "no answer in time"
            boxes += sum(len(told.box) for _, told in came if isinstance(told, SceneProgress))
            answer = next((got for answers, got in came if answers == number), None)
        assert isinstance(answer, SceneOpened), answer
        out.append(answer)
    return out, boxes


def test_two_readers_of_one_scene_at_once_both_hand_out_a_whole_file(
    readers: list[Line], tmp_path: Path
) -> None:
    path, folder = tmp_path / "scene.usdc", tmp_path / "cache"
    author(PRIMS, path)
    asked = OpenScene(entry=str(path), cache=str(folder), progress=True)
    first, boxes = _answers(readers, asked)
    scenes = [cache.read(opened.arrays) for opened in first]
    assert [len(scene) for scene in scenes] == [PRIMS + 1] * 2
    np.testing.assert_array_equal(scenes[0].point, scenes[1].point)
    assert boxes == PRIMS * sum(not opened.cached for opened in first)
    assert len(list(folder.glob("*.scene"))) == 1

    damaged = bytearray(Path(first[0].arrays).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    spoilt = folder / "spoilt"
    spoilt.write_bytes(damaged)
    spoilt.replace(first[0].arrays)  # what is mapped stays as it is
    again, _ = _answers(readers, asked)  # both find it damaged, or one finds what the other made
    assert not all(opened.cached for opened in again)
    assert all(len(cache.read(opened.arrays)) == PRIMS + 1 for opened in again)
    assert len(scenes[0].triangle) == 12 * PRIMS
    last, _ = _answers(readers, asked)
    assert all(opened.cached for opened in last)
