"""What a bench says of processes: their CPU, and where their files go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from armillary.model.fault import WorldFault
from armillary_bench.process import Driven, cpu_s, own_places


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
