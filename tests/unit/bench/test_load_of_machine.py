"""A bench says under which load it ran."""

from __future__ import annotations

from armillary_bench.load_of_machine import Load


def test_work_shows_as_a_share_of_the_cores() -> None:
    with Load() as load:
        sum(i * i for i in range(3_000_000))
    assert 0 < load.busy <= 1
    assert "cores were busy" in load.words
