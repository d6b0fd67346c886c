"""Cells of foreign files: times with and without a zone, numbers, texts; SQL that works by columns.

`prepare` makes the macros for one file and the table `incoming`; `settle` moves what is good into the stage
and what is not among the rejects, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from armillary.history.exchange import Stage, quoted
from armillary.model.fault import StoreFault
from armillary.model.quality import BAD, RANK_MASK, REASON_MASK

if TYPE_CHECKING:  # a desk that never writes a file does without it
    import duckdb

_SHOWN = 120  # characters of what was refused
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NOT_FINITE = ("nan", "inf", "+inf", "-inf", "infinity", "-infinity", "null", "n/a", "#n/a")
_OFFSET = r"^(.*\d:\d{2}.*?)\s*([+-])(\d{2}):?(\d{2})?$"
_EARLIEST = "1e8"  # seconds since 1970; less is a year, a date without marks, or seconds since a start
_NO_TIME = "'no time that can be read'"
_INCOMING = """
CREATE OR REPLACE TABLE incoming(
    n BIGINT, signal VARCHAR, t BIGINT, arr BIGINT, v DOUBLE, s VARCHAR, q BIGINT, raw BIGINT,
    is_text BOOLEAN, why VARCHAR, cell VARCHAR);
CREATE TABLE IF NOT EXISTS reject(file VARCHAR, line BIGINT, why VARCHAR, cell VARCHAR);
CREATE TABLE IF NOT EXISTS kind(name VARCHAR, is_text BOOLEAN);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How files are to be read where they do not say it themselves."""

    zone: str = ""  # of times without one, such as Europe/Oslo; "" = such times are refused
    time: str = ""  # the column that holds the time; "" = found by its name
    time_format: str = ""  # as strptime has it; "" = ISO, or a number since 1970
    start_ns: int | None = None  # numbers in the time column are seconds after this; None = since 1970
    delimiter: str = ","
    decimal_comma: bool = False


@dataclass(slots=True)
class Loaded:
    """What was read of one file."""

    rows: int = 0
    rejected: int = 0  # lines, of one reason each
    refused_before: int = 0  # rejects of the files before this one
    units: dict[str, str] = field(default_factory=dict)  # signal -> as the file says
    told: list[str] = field(default_factory=list)  # what a person must know


def prepare(stage: Stage, how: How) -> None:
    """Make the macros and the table for one file. Raises StoreFault for a zone that is not known."""
    if how.zone:
        try:
            ZoneInfo(how.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise StoreFault(
                f"The time zone '{how.zone}' is not known.",
                where="--zone",
                remedy="Give one such as Europe/Oslo or UTC.",
            ) from error
    stage.run(_INCOMING)
    comma = "replace(x, ',', '.')" if how.decimal_comma else "x"
    zoned = (
        f"epoch_us(make_timestamp(x // 1000) AT TIME ZONE {quoted(how.zone)}) * 1000 + x % 1000"
        if how.zone not in ("", "UTC")
        else "x"
    )
    number = (
        f"{how.start_ns} + (x::DECIMAL(38, 9) * 1000000000)::BIGINT"
        if how.start_ns is not None
        else f"CASE WHEN abs(x::DOUBLE) >= {_EARLIEST} THEN "
        "(x::DECIMAL(38, 9) * CASE WHEN abs(x::DOUBLE) < 1e11 THEN 1000000000 "
        "WHEN abs(x::DOUBLE) < 1e14 THEN 1000000 WHEN abs(x::DOUBLE) < 1e17 THEN 1000 ELSE 1 END)::BIGINT END"
    )
    usual = "TRY_CAST(x AS TIMESTAMP_NS)"
    if how.time_format:
        usual = f"try_strptime(x, {quoted(how.time_format)})::TIMESTAMP_NS"
    for name, body in (
        ("spelled", f"epoch_ns({usual})"),
        ("zoned", zoned),
        ("is_number", r"regexp_full_match(x, '-?\d+(\.\d+)?')"),
        ("has_offset", f"regexp_matches(x, '{_OFFSET}')"),
        ("is_utc", r"regexp_matches(x, '(\d\s*[zZ]|\bUTC|\bGMT)$')"),
        ("counted", f"TRY({number})"),
        (
            "offset_time",
            f"spelled(regexp_extract(x, '{_OFFSET}', 1)) "
            f"- (regexp_extract(x, '{_OFFSET}', 2) || '1')::BIGINT "
            f"* (regexp_extract(x, '{_OFFSET}', 3)::BIGINT * 60 "
            f"+ coalesce(TRY_CAST(regexp_extract(x, '{_OFFSET}', 4) AS BIGINT), 0)) * 60000000000",
        ),
        (
            "time_of",
            "CASE WHEN x IS NULL THEN NULL WHEN is_number(x) THEN counted(x) "
            "WHEN is_utc(x) THEN spelled(trim(regexp_replace(x, '([zZ]|UTC|GMT)$', ''))) "
            "WHEN has_offset(x) THEN offset_time(x) ELSE zoned(spelled(x)) END",
        ),
        ("is_naive", "NOT (is_number(x) OR is_utc(x) OR has_offset(x)) AND spelled(x) IS NOT NULL"),
        (
            "number_of",
            f"CASE WHEN regexp_full_match(trim({comma}), '{_NUMBER}') THEN TRY_CAST(trim({comma}) AS DOUBLE) "
            "WHEN lower(trim(x)) = 'true' THEN 1.0 WHEN lower(trim(x)) = 'false' THEN 0.0 END",
        ),
        ("is_none", f"lower(trim(x)) IN ({', '.join(quoted(word) for word in _NOT_FINITE)})"),
        ("plain", r"CASE WHEN regexp_matches(x, '^''[=+\-@\t\r]') THEN x[2:] ELSE x END"),
        ("at_least_bad", f"CASE WHEN x & {RANK_MASK} < {BAD} THEN (x & {REASON_MASK}) | {BAD} ELSE x END"),
        ("is_formula", "x[1:1] IN ('=', '@')"),
    ):
        stage.run(f"CREATE OR REPLACE TEMP MACRO {name}(x) AS ({body})")


def take(stage: Stage, select: str, *, formulas: bool = True) -> None:
    """Fill `incoming` from a question for n, signal, t, arr, cell, q, raw; cells are texts.

    formulas: texts may be what they seem; else those of a spreadsheet are refused.
    """
    why = "NULL" if formulas else "CASE WHEN is_formula(cell) THEN 'a formula, not a value' END"
    stage.run(
        "INSERT INTO incoming SELECT n, signal, t, arr, number_of(cell), "  # noqa: S608 - ours
        "CASE WHEN number_of(cell) IS NULL AND NOT is_none(cell) THEN plain(cell) END, "
        "CASE WHEN is_none(cell) OR isinf(number_of(cell)) THEN at_least_bad(coalesce(q, 0)) "
        "ELSE coalesce(q, 0) END, "
        f"coalesce(raw, 0), false, {why}, cell "
        f"FROM ({select})"
    )


def check_zone(stage: Stage, source: str, column: str, where: str) -> None:
    """Raise StoreFault where a column of texts has times without a zone."""
    row = stage.connection.execute(
        f"SELECT x FROM (SELECT {column} AS x FROM {source}) WHERE is_naive(x) LIMIT 1"  # noqa: S608 - ours
    ).fetchone()
    if row is not None:
        raise no_zone(str(row[0]), where)


def no_zone(example: str, where: str) -> StoreFault:
    """Return what to say of a time without a zone."""
    return StoreFault(
        f"The times have no zone ({example}).",
        where=where,
        remedy="Say which one they are in: --zone Europe/Oslo, or --zone UTC.",
    )


def settle(stage: Stage, file: str, loaded: Loaded) -> None:
    """Move what came in into the stage: signals by name, samples, rejects with line and reason.

    Raises StoreFault where no row has a time that can be read.
    """
    before = loaded.refused_before
    refused = (
        (_NO_TIME, "t IS NULL"),
        ("'no signal'", "coalesce(trim(signal), '') = ''"),
        ("'no value'", f"v IS NULL AND s IS NULL AND q & {RANK_MASK} < {BAD}"),
        ("'a quality word beyond 65535'", "q NOT BETWEEN 0 AND 65535"),
    )
    for why, where in refused:
        stage.run(f"UPDATE incoming SET why = {why} WHERE why IS NULL AND {where}")  # noqa: S608 - ours
    # a signal with numbers is a number: what else stands in it is refused; one without any is a text
    stage.run(
        "CREATE OR REPLACE TEMP TABLE numeric AS SELECT signal FROM incoming WHERE why IS NULL "
        "GROUP BY signal HAVING count(v) > 0 AND NOT bool_or(is_text)"
    )
    stage.run(
        "UPDATE incoming SET why = 'no number' WHERE why IS NULL AND v IS NULL AND s IS NOT NULL "
        "AND NOT is_text AND signal IN (SELECT signal FROM numeric)"
    )
    stage.run(
        f"INSERT INTO reject SELECT {quoted(file)}, n, why, left(cell, {_SHOWN}) FROM incoming "  # noqa: S608
        "WHERE why IS NOT NULL QUALIFY row_number() OVER (PARTITION BY n, why) = 1 ORDER BY n"
    )
    stage.run(
        "INSERT INTO signal SELECT (SELECT coalesce(max(id), 0) FROM signal) + row_number() OVER "
        "(ORDER BY name), name, '' FROM (SELECT DISTINCT signal AS name FROM incoming WHERE why IS NULL "
        "AND signal NOT IN (SELECT name FROM signal))"
    )
    stage.run(
        "INSERT INTO kind SELECT signal, count(v) = 0 AND count(s) > 0 FROM incoming "
        "WHERE why IS NULL GROUP BY signal"
    )
    stage.run(
        "INSERT INTO line SELECT id, t, arr, CASE WHEN isfinite(v) THEN v END, s, q, raw FROM incoming "
        "JOIN signal ON signal.name = incoming.signal WHERE why IS NULL ORDER BY n"
    )
    loaded.rows += stage.scalar("SELECT count(*) FROM incoming WHERE why IS NULL")
    loaded.rejected = stage.scalar("SELECT count(*) FROM reject") - before
    for name, unit in loaded.units.items():
        stage.connection.execute("UPDATE signal SET unit = $2 WHERE name = $1", [name, unit])
    if not loaded.rows and stage.scalar("SELECT count(*) FROM incoming") == stage.scalar(
        f"SELECT count(*) FROM incoming WHERE why = {_NO_TIME}"  # noqa: S608 - ours
    ):
        raise StoreFault(
            "No row has a time that can be read.",
            where=file,
            remedy="Give --time-format '%d.%m.%Y %H:%M:%S', or --start T where they are seconds after T.",
        )
    stage.run("DROP TABLE incoming")


def texts(stage: Stage) -> set[str]:
    """Return the names of signals that have texts and no number in any file."""
    rows = stage.connection.execute("SELECT name FROM kind GROUP BY name HAVING bool_and(is_text)").fetchall()
    return {str(row[0]) for row in rows}


def cannot(error: duckdb.Error, path: object, what: str) -> StoreFault:
    """Return what to say of a file that the library cannot read."""
    return StoreFault(
        f"The {what} file cannot be read: {str(error).splitlines()[0]}.",
        where=str(path),
        remedy="Copy it again whole, or check that it is what its name says.",
    )
