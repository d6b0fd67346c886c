from pathlib import Path

import duckdb
import numpy as np
import pytest

from armillary.history.exchange_write import About
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.sample import SampleBatch, batch_of
from armillary.session.trend_files import write_batches

T0 = 1_750_000_000 * NS
NAMED = {7: ("b.flow", "m³/h"), 3: ("=a", "bar")}


def batch() -> SampleBatch:
    t = T0 + np.array([0, 1, 1]) * NS
    return batch_of(np.array([7, 7, 3], np.uint32), np.array([1.0, 2.5, -3.0]), t, t + 5, 0)


def test_samples_are_written_in_the_long_form_with_names_units_and_arrival(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert write_batches(path, "csv", About(project="plant"), NAMED, [batch()]) == 3
    lines = path.read_text().splitlines()
    assert lines[0] == "signal,t_src,t_arr,v,s,q,raw,unit"
    assert lines[1].startswith("'=a,2025-06-15T15:06:41.000000000Z,2025-06-15T15:06:41.000000005Z,-3.0,")
    assert [line.split(",")[0] for line in lines[1:]] == ["'=a", "b.flow", "b.flow"]


def test_parquet_holds_the_same_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    assert write_batches(path, "parquet", About(), NAMED, [batch()]) == 3
    got = duckdb.read_parquet(str(path)).project("signal, epoch_ns(t_src), v").order("1, 2").fetchall()
    assert got == [("=a", T0 + NS, -3.0), ("b.flow", T0, 1.0), ("b.flow", T0 + NS, 2.5)]


def test_a_folder_that_is_not_there_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be written"):
        write_batches(tmp_path / "gone" / "a.csv", "csv", About(), NAMED, [batch()])
    assert list(tmp_path.iterdir()) == []
