"""CSV read into a stage: the long form and the wide one, with rows of units and of the zone."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from armillary.history.exchange import Stage, quoted
from armillary.history.exchange_cells import How, Loaded, check_zone, prepare, take
from armillary.history.exchange_columns import Columns, columns_of, wide
from armillary.history.exchange_write import UNIT_ROW, ZONE_ROW
from armillary.model.cells import formula
from armillary.model.fault import StoreFault

_HEAD_LINES = 20  # of a CSV: where its titles must be
_HEAD_BYTES = 4 << 20
_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 10_000  # cells: whether numbers have a comma


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The lines of a CSV before its rows."""

    titles: list[str]
    units: dict[str, str]
    zone: str
    lines: int
    delimiter: str


def _head(path: Path, delimiter: str) -> _Head:
    """Read titles and the rows of units and zone. Raises StoreFault."""
    try:
        with (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rb") as stream:
            start = stream.read(_HEAD_BYTES)
            lines = start.decode("utf-8-sig", "replace").splitlines()[:_HEAD_LINES]
    except (OSError, EOFError) as error:
        raise StoreFault(
            f"The file cannot be read: {getattr(error, 'strerror', None) or error}.",
            where=str(path),
            remedy="Copy it again whole.",
        ) from error
    if b"\0" in start:
        raise StoreFault("This is no text.", where=str(path), remedy="Check what is in it.")
    if not delimiter:
        first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
        delimiter = max(_DELIMITERS, key=first.count)
    rows = list(islice(csv.reader(lines, delimiter=delimiter), _HEAD_LINES))
    skipped = 0
    while skipped < len(rows) and (not rows[skipped] or rows[skipped][0].startswith("#")):
        skipped += 1
    if skipped >= len(rows):
        raise StoreFault("There is no row of titles.", where=str(path), remedy="Give it one.")
    titles = [title.strip() for title in rows[skipped]]
    units: dict[str, str] = {}
    zone, at = "", skipped + 1
    while at < len(rows) and rows[at] and rows[at][0].strip().lower() in (UNIT_ROW, ZONE_ROW):
        if rows[at][0].strip().lower() == UNIT_ROW:
            units = {t: u.strip() for t, u in zip(titles, rows[at], strict=False) if u.strip()}
            units.pop(titles[0], None)
        else:
            zone = next((cell.strip() for cell in rows[at][1:] if cell.strip()), "")
        at += 1
    return _Head(titles=titles, units=units, zone=zone, lines=at, delimiter=delimiter)


def read_csv(stage: Stage, path: Path, how: How, loaded: Loaded) -> None:
    delimiter = "\t" if path.name.lower().removesuffix(".gz").endswith(".tsv") else how.delimiter
    head = _head(path, delimiter)
    delimiter = head.delimiter
    if head.zone and not how.zone:
        how = replace(how, zone=head.zone)
        prepare(stage, how)
    columns = columns_of(head.titles, how, str(path))
    place = {title: f"c{i}" for i, title in enumerate(head.titles)}
    kinds = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(head.titles)))
    stage.run("DROP TABLE IF EXISTS csv_errors; DROP TABLE IF EXISTS csv_scans")
    stage.run(
        f"CREATE OR REPLACE TABLE csv AS SELECT *, row_number() OVER () AS n FROM read_csv("  # noqa: S608
        f"{quoted(path)}, auto_detect = false, header = false, skip = {head.lines}, "
        f"delim = {quoted(delimiter)}, quote = '\"', escape = '\"', columns = {{{kinds}}}, nullstr = '', "
        "ignore_errors = true, store_rejects = true, rejects_table = 'csv_errors', "
        "rejects_scan = 'csv_scans', rejects_limit = 0, allow_quoted_nulls = false)"
    )
    _structural(stage, path)
    if delimiter != "," and not how.decimal_comma:
        _check_comma(stage, len(head.titles), str(path))
    time = [place[name] for name in columns.time]
    at = time[0] if len(time) == 1 else f"concat_ws(' ', {', '.join(time)})"
    if not how.zone:
        check_zone(stage, "csv", at, str(path))
    if columns.signal is not None and columns.value is not None:
        _long_csv(stage, columns, place, at, loaded)
    else:
        values, quality = wide(columns.others)
        loaded.units = {title: head.units[title] for title in values if title in head.units}
        q = ", ".join(
            f"TRY_CAST({place[quality[c]]} AS BIGINT)" if c in quality else "0::BIGINT" for c in values
        )
        take(
            stage,
            "SELECT * FROM (SELECT n, "  # noqa: S608 - ours
            f"unnest([{', '.join(quoted(formula(c)) for c in values)}]) AS signal, time_of({at}) AS t, "
            f"NULL::BIGINT AS arr, unnest([{', '.join(place[c] for c in values)}]) AS cell, "
            f"unnest([{q}]) AS q, NULL::BIGINT AS raw FROM csv) WHERE trim(cell) <> ''",
            formulas=False,
        )
    _true_lines(stage, head.lines)
    stage.run("DROP TABLE csv")


def _check_comma(stage: Stage, columns: int, where: str) -> None:
    """Raise StoreFault where numbers seem to have a comma and nobody said so: they would pass as words."""
    cells = ", ".join(f"c{i}" for i in range(columns))
    row = stage.connection.execute(
        f"SELECT cell FROM (SELECT unnest([{cells}]) AS cell FROM csv LIMIT {_LOOKED_AT}) "  # noqa: S608
        r"WHERE regexp_full_match(trim(cell), '[+-]?\d+,\d+') LIMIT 1"
    ).fetchall()
    if row:
        raise StoreFault(
            f"The numbers seem to have a decimal comma ({row[0][0]}).",
            where=where,
            remedy="Say so: --decimal-comma.",
        )


def _long_csv(stage: Stage, columns: Columns, place: dict[str, str], at: str, loaded: Loaded) -> None:
    def col(name: str | None, kind: str) -> str:
        return f"TRY_CAST({place[name]} AS {kind})" if name is not None else f"NULL::{kind}"

    arrival = f"time_of({place[columns.arrival]})" if columns.arrival else "NULL::BIGINT"
    text = place[columns.text] if columns.text else "NULL::VARCHAR"
    value = place[str(columns.value)]
    head = f"SELECT n, plain({place[str(columns.signal)]}) AS signal, time_of({at}) AS t, {arrival} AS arr, "
    tail = f"{col(columns.quality, 'BIGINT')} AS q, {col(columns.raw, 'BIGINT')} AS raw FROM csv"
    take(stage, f"{head} {value} AS cell, {tail} WHERE {text} IS NULL OR {value} IS NOT NULL", formulas=False)
    stage.run(
        "INSERT INTO incoming SELECT n, signal, t, arr, NULL, plain(cell), coalesce(q, 0), coalesce(raw, 0), "  # noqa: S608
        "true, CASE WHEN is_formula(cell) THEN 'a formula, not a value' END, cell "
        f"FROM ({head} {text} AS cell, {tail} WHERE {text} IS NOT NULL AND {value} IS NULL)"
    )
    if columns.unit:
        rows = stage.connection.execute(
            f"SELECT plain({place[str(columns.signal)]}), last(plain({place[columns.unit]})) FROM csv "  # noqa: S608
            f"WHERE {place[columns.unit]} IS NOT NULL GROUP BY 1"
        ).fetchall()
        loaded.units = {str(name): str(unit) for name, unit in rows if unit}


def _structural(stage: Stage, path: Path) -> None:
    """Note lines that are no rows: cut off, with too many columns, with an open quote."""
    stage.run(
        f"INSERT INTO reject SELECT {quoted(path.name)}, line, "  # noqa: S608 - ours
        "lower(replace(first(error_type)::VARCHAR, '_', ' ')), "
        "left(trim(first(csv_line), chr(10) || chr(13)), 120) FROM csv_errors GROUP BY line ORDER BY line"
    )


def _true_lines(stage: Stage, before: int) -> None:
    """Make of the numbers of good rows the lines of the file, for those that are refused."""
    bad = [
        int(row[0])
        for row in stage.connection.execute("SELECT DISTINCT line FROM csv_errors ORDER BY 1").fetchall()
    ]
    stage.connection.execute(
        "CREATE OR REPLACE TEMP TABLE gap AS SELECT unnest($1::BIGINT[]) AS row, "
        "unnest(range(1, len($1) + 1)) AS shift",
        [[line - before - i for i, line in enumerate(bad)]],
    )
    stage.run(
        f"UPDATE incoming SET n = n + {before} "  # noqa: S608 - ours
        "+ coalesce((SELECT max(shift) FROM gap WHERE gap.row <= incoming.n), 0)"
    )
