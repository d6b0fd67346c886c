"""Files of samples read into a stage: Parquet, CSV, MCAP, InfluxDB lines. By columns, bounded in memory."""

from __future__ import annotations

from pathlib import Path

from armillary.history import exchange_lines
from armillary.history.exchange import Stage, named, quoted
from armillary.history.exchange_cells import (
    How,
    Loaded,
    cannot,
    check_zone,
    no_zone,
    prepare,
    settle,
    take,
)
from armillary.history.exchange_columns import Columns, columns_of, wide
from armillary.history.exchange_csv import read_csv
from armillary.history.exchange_write import units_of
from armillary.model.fault import StoreFault

SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".mcap": "mcap",
    ".lp": "influx",
    ".line": "influx",
    ".influx": "influx",
}
_NAIVE = ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE")


def kind_of(path: Path) -> str:
    """Return parquet, csv, mcap or influx by a file's name; "" for none of them."""
    name = path.name.lower().removesuffix(".gz")
    kind = SUFFIXES.get(Path(name).suffix, "")
    return "" if kind in ("parquet", "mcap") and path.suffix.lower() == ".gz" else kind


def load(stage: Stage, path: Path, how: How) -> Loaded:
    """Read a file into a stage; bad rows go among its rejects. Raises StoreFault for a file as a whole."""
    if not path.is_file():
        raise StoreFault("There is no such file.", where=str(path), remedy="Check the path.")
    if not path.stat().st_size:
        raise StoreFault("The file is empty.", where=str(path), remedy="Copy it again.")
    import duckdb

    kind = kind_of(path)
    prepare(stage, how)
    loaded = Loaded(refused_before=stage.scalar("SELECT count(*) FROM reject"))
    try:
        if kind == "parquet":
            _parquet(stage, path, how, loaded)
        elif kind == "csv":
            read_csv(stage, path, how, loaded)
        elif kind == "mcap":
            exchange_lines.mcap(stage, path, loaded)
        elif kind == "influx":
            exchange_lines.influx(stage, path, loaded)
        else:
            raise StoreFault(
                f"A file '{path.suffix or path.name}' is not read.",
                where=str(path),
                remedy="Give .parquet, .csv (.gz), .tsv, .mcap, or InfluxDB lines as .lp (.gz).",
            )
        settle(stage, path.name, loaded)
    except (duckdb.OutOfMemoryException, duckdb.PermissionException):
        raise
    except duckdb.Error as error:
        raise cannot(error, path, {"csv": "CSV", "parquet": "Parquet"}.get(kind, kind)) from error
    return loaded


def _parquet(stage: Stage, path: Path, how: How, loaded: Loaded) -> None:
    source = f"read_parquet({quoted(path)}, file_row_number = true)"
    described = stage.connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    types = {str(row[0]): str(row[1]) for row in described if row[0] != "file_row_number"}
    meta = {
        str(key): str(value)
        for key, value in stage.connection.execute(
            f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({quoted(path)}) "  # noqa: S608
            "WHERE starts_with(decode(key), 'armillary.')"
        ).fetchall()
    }
    loaded.units = units_of(meta)
    columns = columns_of(list(types), how, str(path))
    is_utc = meta.get("armillary.tz") == "UTC"
    t = _typed_time(columns.time, types, is_utc=is_utc, how=how, where=str(path))
    if len(columns.time) == 1 and types[columns.time[0]] == "VARCHAR" and not how.zone:
        check_zone(stage, source, named(columns.time[0]), str(path))
    if columns.signal is not None and columns.value is not None:
        _long_parquet(stage, source, types, columns, t, is_utc=is_utc, how=how, where=str(path))
        return
    values, quality = wide(columns.others)
    numbers = [c for c in values if _is_number(types[c])]
    words = [c for c in values if types[c] == "VARCHAR"]
    left = [c for c in values if c not in numbers and c not in words]
    if left:
        loaded.told.append(f"{path.name}: left out, no numbers or texts: {', '.join(left[:12])}.")
    for chosen, cast in ((numbers, "DOUBLE"), (words, "VARCHAR")):
        if not chosen:
            continue
        q = ", ".join(
            f"TRY_CAST({named(quality[c])} AS BIGINT)" if c in quality else "0::BIGINT" for c in chosen
        )
        cells = ", ".join(f"{named(c)}::{cast}" for c in chosen)
        select = (
            f"SELECT file_row_number + 1 AS n, unnest([{', '.join(quoted(c) for c in chosen)}]) AS signal, "  # noqa: S608
            f"{t} AS t, NULL::BIGINT AS arr, unnest([{cells}]) AS cell, unnest([{q}]) AS q, "
            f"NULL::BIGINT AS raw FROM {source}"
        )
        if cast == "DOUBLE":
            _numbers(stage, f"SELECT *, NULL::VARCHAR AS s FROM ({select}) WHERE cell IS NOT NULL")  # noqa: S608
        else:
            take(stage, f"SELECT * FROM ({select}) WHERE trim(cell) <> ''")  # noqa: S608


def _long_parquet(
    stage: Stage,
    source: str,
    types: dict[str, str],
    columns: Columns,
    t: str,
    *,
    is_utc: bool,
    how: How,
    where: str,
) -> None:
    arrival = "NULL::BIGINT"
    if columns.arrival is not None:
        arrival = _typed_time((columns.arrival,), types, is_utc=is_utc, how=how, where=where)
    q = f"TRY_CAST({named(columns.quality)} AS BIGINT)" if columns.quality else "0::BIGINT"
    raw = f"TRY_CAST({named(columns.raw)} AS BIGINT)" if columns.raw else "0::BIGINT"
    value = named(str(columns.value))
    head = (
        f"SELECT file_row_number + 1 AS n, {named(str(columns.signal))}::VARCHAR AS signal, {t} AS t, "
        f"{arrival} AS arr, "
    )
    if _is_number(types[str(columns.value)]):
        text = f"{named(columns.text)}::VARCHAR" if columns.text else "NULL::VARCHAR"
        _numbers(stage, f"{head} {value}::DOUBLE AS cell, {q} AS q, {raw} AS raw, {text} AS s FROM {source}")
    else:
        take(stage, f"{head} {value}::VARCHAR AS cell, {q} AS q, {raw} AS raw FROM {source}")


def _numbers(stage: Stage, select: str) -> None:
    """Fill `incoming` from a question for n, signal, t, arr, cell (a number), s, q, raw."""
    stage.run(
        f"INSERT INTO incoming SELECT n, signal, t, arr, CASE WHEN isfinite(cell) THEN cell END, s, "  # noqa: S608
        "CASE WHEN cell IS NOT NULL AND NOT isfinite(cell) THEN at_least_bad(coalesce(q, 0)) "
        "ELSE coalesce(q, 0) END, coalesce(raw, 0), s IS NOT NULL, NULL, cell::VARCHAR "
        f"FROM ({select})"
    )


def _is_number(kind: str) -> bool:
    return (
        kind in ("DOUBLE", "FLOAT", "BOOLEAN", "HUGEINT")
        or kind.endswith("INT")
        or "INTEGER" in kind
        or (kind.startswith("DECIMAL"))
    )


def _typed_time(names: tuple[str, ...], types: dict[str, str], *, is_utc: bool, how: How, where: str) -> str:
    """Return the expression of a time in ns UTC. Raises StoreFault for times without a zone."""
    if len(names) > 1:
        return f"time_of(concat_ws(' ', {', '.join(f'{named(n)}::VARCHAR' for n in names)}))"
    name, kind = named(names[0]), types[names[0]]
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"epoch_us({name}) * 1000"
    if kind in _NAIVE:
        if is_utc:
            return f"epoch_ns({name}::TIMESTAMP_NS)"
        if not how.zone:
            raise no_zone(f"column '{names[0]}', {kind}", where)
        return f"zoned(epoch_ns({name}::TIMESTAMP_NS))"
    return f"time_of({name}::VARCHAR)"
