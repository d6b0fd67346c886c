from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import numpy as np
import pytest

from armillary.history import exchange_write
from armillary.history.exchange import Rows, Stage
from armillary.history.exchange_cells import How, texts
from armillary.history.exchange_read import load
from armillary.model.arrays import U2
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.quality import BAD, SENSOR, UNCERTAIN

T0 = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z
ABOUT = exchange_write.About(project="plant", project_id="7")
Sample = tuple[str, int, float | str | None, int]  # signal, ns after T0, value, quality


@pytest.fixture
def stage() -> object:
    with Stage() as made:
        yield made


def held(stage: Stage) -> list[Sample]:
    """Return what a stage holds, by time and signal, each time once."""
    names = {id_: name for id_, name, _ in stage.signals()}
    out: list[Sample] = []
    for rows in stage.in_order(3):
        for i in range(len(rows)):
            v = float(rows.value[i])
            value = rows.text.get(i, None if np.isnan(v) else v)
            out.append((names[int(rows.signal[i])], int(rows.t_ns[i]) - T0, value, int(rows.quality[i])))
    return sorted(out, key=lambda s: (s[1], s[0]))


def filled(stage: Stage) -> None:
    """Two signals: one told twice at one moment, one of texts of which one looks like a formula."""
    level, state = stage.enter(["T-1.level", "V-1.state"], ["m", ""])
    quality: U2 = np.array([0, 0, 0, UNCERTAIN | SENSOR, 0, BAD], np.uint16)
    stage.add(
        Rows(
            signal=np.array([level, level, state, level, state, level], np.uint32),
            t_ns=T0 + np.array([1, 1, 1, 2, 0, 3]),
            arrival_ns=T0 + np.array([6, 6, 6, 7, 5, 8]),
            value=np.array([1.0, 2.5, np.nan, 3.25, np.nan, np.nan]),
            quality=quality,
            status=np.array([0, 0, 0, 0x40000000, 0, 0x80000000], np.uint32),
            text={2: "=HYPERLINK(1)", 4: 'on, "off"'},
        )
    )


WHOLE: list[Sample] = [
    ("V-1.state", 0, 'on, "off"', 0),
    ("T-1.level", 1, 2.5, 0),
    ("V-1.state", 1, "=HYPERLINK(1)", 0),
    ("T-1.level", 2, 3.25, UNCERTAIN | SENSOR),
    ("T-1.level", 3, None, BAD),
]


@pytest.mark.parametrize("form", ["parquet", "csv", "mcap"])
def test_what_is_written_is_read_back_with_nanoseconds_quality_and_units(
    stage: Stage, tmp_path: Path, form: str
) -> None:
    if form == "mcap":
        pytest.importorskip("mcap", reason="the extra `exchange` is not installed")
    filled(stage)
    path = tmp_path / f"out.{form}"
    assert exchange_write.write(stage, path, form, ABOUT) == len(WHOLE)
    with Stage() as other:
        loaded = load(other, path, How())
        assert held(other) == WHOLE
        assert texts(other) == {"V-1.state"}
        assert (loaded.rejected, loaded.rows) == (0, len(WHOLE))
        lags = [(rows.arrival_ns - rows.t_ns).tolist() for rows in other.in_order(9)]
        assert lags == [[5] * len(WHOLE)]
        if form != "mcap":
            assert loaded.units == {"T-1.level": "m"}


def test_the_wide_form_has_rows_of_units_and_zone_and_is_read_back(stage: Stage, tmp_path: Path) -> None:
    filled(stage)
    path = tmp_path / "wide.csv"
    exchange_write.write(stage, path, "wide", ABOUT)
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[:3] == [
        ["time", "T-1.level", "T-1.level.q", "V-1.state"],
        ["#unit", "m", "", ""],
        ["#zone", "UTC", "", ""],
    ]
    assert rows[4][0] == "2026-01-01T00:00:00.000000001Z"
    assert all(cell[:1] not in set("=+-@") for row in rows for cell in row)  # no formulas
    with Stage() as other:
        loaded = load(other, path, How())
        # a cell without a value is no sample: the wide form has no place for one that is BAD
        assert held(other) == [sample for sample in WHOLE if sample[2] is not None]
        assert loaded.units == {"T-1.level": "m"}


def test_parquet_says_its_zone_project_units_and_range(stage: Stage, tmp_path: Path) -> None:
    filled(stage)
    path = tmp_path / "out.parquet"
    exchange_write.write(stage, path, "parquet", ABOUT)
    asked = "SELECT decode(key), decode(value) FROM parquet_kv_metadata($1)"
    meta = dict(duckdb.connect().execute(asked, [str(path)]).fetchall())
    assert meta["armillary.tz"] == "UTC"
    assert meta["armillary.project"] == "plant"
    assert meta["armillary.units"] == '{"T-1.level": "m"}'
    assert meta["armillary.range"] == "2026-01-01T00:00:00.000Z/2026-01-01T00:00:00.000Z"
    types = duckdb.connect().execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(path)]).fetchall()
    assert [(row[0], row[1]) for row in types] == [
        ("signal", "VARCHAR"),
        ("t_src", "TIMESTAMP_NS"),
        ("t_arr", "TIMESTAMP_NS"),
        ("v", "DOUBLE"),
        ("s", "VARCHAR"),
        ("q", "USMALLINT"),
        ("raw", "UINTEGER"),
    ]


def test_a_file_that_cannot_be_written_leaves_what_was_there(stage: Stage, tmp_path: Path) -> None:
    filled(stage)
    with pytest.raises(StoreFault, match="cannot be written"):
        exchange_write.write(stage, tmp_path / "none" / "out.csv", "csv", ABOUT)
    more = [f"more.{i}" for i in range(exchange_write.MOST_WIDE)]
    stage.enter(more, [""] * len(more))
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(StoreFault, match="do not fit into the wide form"):
        exchange_write.write(stage, path, "wide", ABOUT)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_are_the_same_however_the_samples_came(stage: Stage) -> None:
    filled(stage)
    first = [rows.t_ns.tolist() for rows in stage.in_order(2)]
    assert first == [rows.t_ns.tolist() for rows in stage.in_order(2)]
    assert stage.twice == 1
    assert sum(len(each) for each in first) == len(WHOLE)
