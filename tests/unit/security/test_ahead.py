"""Blocks set aside behind the end of a file: others cannot take them, and the file keeps its size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from armillary.security.ahead import Ahead

SIZE = 1024 * 1024


def test_a_file_has_more_blocks_than_bytes_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ahead = Ahead(SIZE)
    ahead.begin(fd, 0)
    if not ahead._until:
        pytest.skip("this file system sets nothing aside")
    os.write(fd, b"x" * 100)
    ahead.note(fd, 100)
    assert path.stat().st_size == 100
    assert path.stat().st_blocks * 512 >= SIZE
    ahead.end(fd, 100)
    os.close(fd)
    assert path.read_bytes() == b"x" * 100
    assert path.stat().st_blocks * 512 < SIZE


def test_more_is_set_aside_when_half_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ahead = Ahead(SIZE)
    ahead.begin(fd, 0)
    if not ahead._until:
        pytest.skip("this file system sets nothing aside")
    os.write(fd, b"x" * (SIZE // 2 + 1))
    ahead.note(fd, SIZE // 2 + 1)
    assert path.stat().st_blocks * 512 >= SIZE + SIZE // 2
    os.close(fd)
