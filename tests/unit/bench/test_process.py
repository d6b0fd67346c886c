"""What a bench says of processes: their CPU, and where their files go."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from armillary.model.fault import WorldFault
from armillary_bench.process import Driven, cpu_s, entries, memory_mb, own_places, written_mb


def test_work_that_was_done_shows_in_the_cpu_of_its_process() -> None:
    before = cpu_s(os.getpid())
    begin = os.times()
    while sum(os.times()[:2]) - sum(begin[:2]) < 0.1:
        sum(range(10_000))
    assert cpu_s(os.getpid()) - before >= 0.08  # counted in ticks of 10 ms


def test_a_process_that_is_not_there_has_taken_nothing() -> None:
    assert cpu_s(2**30) == 0.0


def test_places_of_their_own_are_below_the_folder_and_private(tmp_path: Path) -> None:
    places = own_places(tmp_path / "a")
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        folder = Path(places[variable])
        assert folder.is_relative_to(tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_process_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    with (
        Driven("armillary_bench.no_such_module", [], tmp_path / "log") as process,
        pytest.raises(WorldFault, match=r"has gone.*no_such_module"),
    ):
        process.line(20)


def test_children_are_found_by_the_entry_that_they_were_started_with() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()", "--child", "some.entry"], stdin=-1) as child:
        try:
            assert entries(os.getpid())["some.entry"] == child.pid
            assert "other.entry" not in entries(os.getpid())
        finally:
            child.kill()
    assert "some.entry" not in entries(os.getpid())


def test_memory_of_a_process_grows_with_what_it_holds() -> None:
    before, own = memory_mb(os.getpid()), written_mb(os.getpid())
    held = bytearray(os.urandom(1 << 20) * 30)
    assert 25 < memory_mb(os.getpid()) - before < 60
    assert 25 < written_mb(os.getpid()) - own < 60
    assert len(held) == 30 << 20
