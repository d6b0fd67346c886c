from __future__ import annotations

from pathlib import Path

import duckdb
import orjson
import pytest

from armillary.history.exchange import Stage
from armillary.history.exchange_cells import How, texts
from armillary.history.exchange_read import kind_of, load
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.quality import BAD

T0 = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z
HOUR = 3_600 * NS
Values = dict[str, list[tuple[float, float | str]]]  # signal -> (seconds after T0, value)
Rejects = list[tuple[int, str]]  # line, why


def read(path: Path, how: How | None = None) -> tuple[Values, Rejects, Stage]:
    with Stage() as stage:
        load(stage, path, how or How())
        names = {id_: name for id_, name, _ in stage.signals()}
        out: Values = {}
        for rows in stage.in_order(1_000):
            for i in range(len(rows)):
                value = rows.text.get(i, float(rows.value[i]))
                out.setdefault(names[int(rows.signal[i])], []).append(((int(rows.t_ns[i]) - T0) / NS, value))
        rejects = stage.connection.execute("SELECT line, why FROM reject ORDER BY line, why").fetchall()
        return out, [(int(line), str(why)) for line, why in rejects], stage


def text(tmp_path: Path, words: str, name: str = "in.csv") -> Path:
    path = tmp_path / name
    path.write_text(words)
    return path


def test_bad_rows_are_named_with_line_and_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = [
        "time,a,b",
        "#unit,bar,m",
        "2026-01-01T00:00:00Z,1,2",
        "2026-01-01T00:00:01Z,x,3",
        "short",
        "2026-01-01T00:00:02Z,=1+1,4",
        "sometime,5,6",
        "2026-01-01T00:00:03Z,7,8,9",
        "2026-01-01T00:00:04Z,9,",
        "2026-01-01T00:00:05Z,10",
    ]
    values, rejects, _ = read(text(tmp_path, "\n".join(rows)))
    assert values == {"a": [(0, 1), (4, 9)], "b": [(0, 2), (1, 3), (2, 4)]}
    assert rejects == [
        (4, "no number"),
        (5, "missing columns"),
        (6, "a formula, not a value"),
        (7, "no time that can be read"),
        (8, "too many columns"),
        (10, "missing columns"),  # the file was cut in this line
    ]


def test_times_without_a_zone_are_refused_until_it_is_said(tmp_path: Path) -> None:
    path = text(tmp_path, "time,a\n2026-01-01 01:00:00,1\n2026-07-01 02:00:00.123456789,2\n")
    with pytest.raises(StoreFault, match="no zone") as refused:
        read(path)
    assert "--zone" in refused.value.remedy
    values, _, _ = read(path, How(zone="Europe/Oslo"))
    assert values["a"][0] == (0, 1)  # winter: an hour before Greenwich
    summer = 181 * 24 * 3_600 + 0.123456789
    assert values["a"][1] == (pytest.approx(summer, abs=1e-9), 2)
    with pytest.raises(StoreFault, match="'Mars/North' is not known"):
        read(path, How(zone="Mars/North"))


def test_the_row_of_the_zone_counts_where_nobody_says_another(tmp_path: Path) -> None:
    path = text(tmp_path, "time,a\n#zone,Europe/Oslo\n2026-01-01 01:00:00,1\n")
    assert read(path)[0] == {"a": [(0, 1)]}
    assert read(path, How(zone="UTC"))[0] == {"a": [(3_600, 1)]}


@pytest.mark.parametrize(
    ("spelled", "seconds"),
    [
        ("1767225600", 0),
        ("1767225600500", 0.5),
        ("1767225600.25", 0.25),
        ("1767225601000000", 1),
        ("1767225601000000000", 1),
        ("2026-01-01T02:00:00+02:00", 0),
        ("2026-01-01 00:00:00 UTC", 0),
        ("2025-12-31T19:00:00-0500", 0),
    ],
)
def test_times_are_read_as_plants_write_them(tmp_path: Path, spelled: str, seconds: float) -> None:
    assert read(text(tmp_path, f"timestamp,a\n{spelled},1\n"))[0] == {"a": [(seconds, 1)]}


def test_seconds_since_a_start_are_no_times_until_it_is_said(tmp_path: Path) -> None:
    path = text(tmp_path, "time,a\n0,1\n0.5,2\n")
    with pytest.raises(StoreFault, match="No row has a time") as refused:
        read(path)
    assert "--start" in refused.value.remedy
    assert read(path, How(start_ns=T0))[0] == {"a": [(0, 1), (0.5, 2)]}


def test_a_decimal_comma_counts_only_where_it_is_declared(tmp_path: Path) -> None:
    path = text(tmp_path, "Date;Time;CO(GT)\n01/01/2026;00.00.00;2,6\n")
    with pytest.raises(StoreFault, match="decimal comma \\(2,6\\)") as refused:
        read(path, How(zone="UTC"))
    assert "--decimal-comma" in refused.value.remedy
    how = How(decimal_comma=True, time_format="%d/%m/%Y %H.%M.%S", zone="UTC")
    assert read(path, how)[0] == {"CO(GT)": [(0, 2.6)]}


def test_what_parts_the_columns_is_found_in_the_titles(tmp_path: Path) -> None:
    for mark in (",", ";", "\t", "|"):
        row = mark.join(("2026-01-01T00:00:00Z", "1.5", "2"))
        path = text(tmp_path, f"{mark.join(('time', 'a', 'b'))}\n{row}\n")
        assert read(path)[0] == {"a": [(0, 1.5)], "b": [(0, 2)]}


def test_values_that_are_none_become_bad_samples(tmp_path: Path) -> None:
    path = text(tmp_path, "signal,t_src,v,q\na,2026-01-01T00:00:00Z,nan,\na,2026-01-01T00:00:01Z,inf,2\n")
    with Stage() as stage:
        load(stage, path, How())
        assert [rows.quality.tolist() for rows in stage.in_order(9)] == [[BAD, BAD]]


def test_columns_of_words_are_texts_and_booleans_are_numbers(tmp_path: Path) -> None:
    path = text(tmp_path, "time,state,on\n2026-01-01T00:00:00Z,shut,true\n2026-01-01T00:00:01Z,open,FALSE\n")
    with Stage() as stage:
        load(stage, path, How())
        assert texts(stage) == {"state"}
    assert read(path)[0] == {"state": [(0, "shut"), (1, "open")], "on": [(0, 1), (1, 0)]}


@pytest.mark.parametrize(
    ("words", "name", "what"),
    [
        ("", "in.csv", "empty"),
        ("a,b\n1,2\n", "in.csv", "No column is named as a time"),
        ("time,a,a\n", "in.csv", "Two columns are named 'a'"),
        ("\0\0\0\0", "in.csv", "no text"),
        ("anything", "in.parquet", "Parquet file cannot be read"),
        ("anything", "in.xlsx", "'.xlsx' is not read"),
    ],
)
def test_a_file_that_is_none_is_one_clear_message(tmp_path: Path, words: str, name: str, what: str) -> None:
    with pytest.raises(StoreFault, match=what) as refused:
        read(text(tmp_path, words, name))
    assert refused.value.remedy


def test_a_cut_parquet_file_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    select = "SELECT 1767225600000000000 + i AS time, random() AS a FROM range(5000) t(i)"
    duckdb.connect().execute(f"COPY ({select}) TO '{path}'")
    path.write_bytes(path.read_bytes()[:4_000])
    with pytest.raises(StoreFault, match="cannot be read") as refused:
        read(path)
    assert "again" in refused.value.remedy


def test_parquet_of_others_is_read_by_its_types(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    select = "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' AS time, 1.5 AS a, 'open' AS b, true AS c"
    duckdb.connect().execute(f"COPY ({select}, 'nan'::DOUBLE AS e) TO '{path}'")
    values, _, _ = read(path)
    assert {name: rows[0] for name, rows in values.items() if name != "e"} == {
        "a": (0, 1.5),
        "b": (0, "open"),
        "c": (0, 1),
    }
    naive = tmp_path / "naive.parquet"
    duckdb.connect().execute(f"COPY (SELECT TIMESTAMP '2026-01-01 01:00:00' AS ts, 2 AS a) TO '{naive}'")
    with pytest.raises(StoreFault, match="no zone"):
        read(naive)
    assert read(naive, How(zone="Europe/Oslo"))[0] == {"a": [(0, 2)]}


def test_influx_lines_become_signals_of_measurement_tags_and_field(tmp_path: Path) -> None:
    lines = [
        r'pump,site=north\ side,id=P-1 speed=1480,on=t,n=3i,state="shut, \"so\" x=1" 1767225600000000000',
        "# a comment",
        "nonsense",
        "pump,site=x speed=1",
        "pump,site=x speed=2 1767225601000000000",
    ]
    values, rejects, _ = read(text(tmp_path, "\n".join(lines), "in.lp"))
    assert values == {
        "pump.north_side.P-1.speed": [(0, 1480)],
        "pump.north_side.P-1.on": [(0, 1)],
        "pump.north_side.P-1.n": [(0, 3)],
        "pump.north_side.P-1.state": [(0, 'shut, "so" x=1')],
        "pump.x.speed": [(1, 2)],
    }
    assert rejects == [(3, "no line of the protocol"), (4, "no time")]


def test_a_cut_mcap_file_gives_what_is_whole_and_says_so(tmp_path: Path) -> None:
    writer_of = pytest.importorskip("mcap.writer", reason="the extra `exchange` is not installed")
    path = tmp_path / "in.mcap"
    with path.open("wb") as stream:
        writer = writer_of.Writer(stream, chunk_size=2_000)
        writer.start()
        channel = writer.register_channel("/pump/1", "json", writer.register_schema("x", "jsonschema", b"{}"))
        for i in range(500):
            data = orjson.dumps({"speed": i, "axis": {"x": 0.5}, "name": "p"})
            writer.add_message(channel, T0 + i * NS, data, T0 + i * NS)
        writer.finish()
    assert set(read(path)[0]) == {"pump.1.speed", "pump.1.axis.x", "pump.1.name"}
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Stage() as stage:
        loaded = load(stage, path, How())
    assert 0 < loaded.rows < 1_500
    assert "cut or damaged" in loaded.told[0]


def test_files_are_known_by_their_names() -> None:
    known = {"a.csv": "csv", "A.CSV.GZ": "csv", "b.parquet": "parquet", "c.lp.gz": "influx", "d.mcap": "mcap"}
    assert {name: kind_of(Path(name)) for name in known} == known
    assert kind_of(Path("b.parquet.gz")) == kind_of(Path("scene.usda")) == ""
