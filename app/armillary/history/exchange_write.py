"""Files of samples: Parquet and CSV in the long form, CSV in the wide one; MCAP is `exchange_mcap`'s.

Long form: `signal, t_src, t_arr, v, s, q, raw`, a row a sample, by signal and time; CSV has the unit as one
more column. Wide form: `time`, then a column for each signal, rows 2 and 3 hold units and the time zone.
No cell of a CSV is a formula: one that begins with = + - @ and is no number gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from armillary.history.exchange import Stage, named, quoted
from armillary.history.exchange_mcap import write_mcap
from armillary.model.cells import unformula
from armillary.model.clock import iso
from armillary.model.fault import Fault, StoreFault

FORMS = ("parquet", "csv", "wide", "mcap")
SCHEMA = 1
MOST_WIDE = 1_000  # signals: a spreadsheet has room for 16,384 columns, a person for fewer
UNIT_ROW, ZONE_ROW = "#unit", "#zone"
_NS = 1_000_000_000
# strftime has no nanoseconds that are right
RFC_3339 = (
    "strftime(make_timestamp_ns({t}), '%Y-%m-%dT%H:%M:%S.') || "
    f"lpad(((({{t}} % {_NS}) + {_NS}) % {_NS})::VARCHAR, 9, '0') || 'Z'"
)
_UNFORMULA = "CASE WHEN regexp_matches({x}, '^[=+\\-@\\t\\r]') THEN chr(39) || {x} ELSE {x} END"
# of two samples of one signal and time the one that came last
_ONCE = "QUALIFY row_number() OVER (PARTITION BY line.id, t ORDER BY line.rowid DESC) = 1"
_NUMBER = "CASE WHEN isfinite(v) THEN v END"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a file says of where it comes from."""

    project: str = ""
    project_id: str = ""


def form_of(path: Path, form: str = "") -> str:
    """Return how a file is to be written: as asked for, else by its name. Raises Fault."""
    if form:
        return form
    found = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".mcap": "mcap"}.get(path.suffix.lower())
    if found is None:
        raise Fault(
            f"A file '{path.suffix or path.name}' is not written.",
            where=str(path),
            remedy="Name it .parquet, .csv or .mcap, or give --form.",
        )
    return found


def write(stage: Stage, path: Path, form: str, about: About) -> int:
    """Write what a stage holds as one file, whole or not at all; return the number of samples.

    Raises StoreFault when it cannot be written, or the form cannot hold it.
    """
    import duckdb

    handle, held = -1, ""
    try:
        handle, held = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        count = _WRITERS[form](stage, Path(held), about)
        with open(held, "rb") as stream:
            os.fsync(stream.fileno())
        os.chmod(held, 0o644)
        os.replace(held, path)
    except (OSError, duckdb.IOException) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise StoreFault(
            f"The file cannot be written: {why}.", where=str(path), remedy="Give another path, or free space."
        ) from error
    finally:
        if held:
            Path(held).unlink(missing_ok=True)
    return count


def metadata(stage: Stage, about: About) -> dict[str, str]:
    """Return what a file says of itself besides the samples."""
    samples, first_ns, last_ns = stage.extent()
    units = {name: unit for _, name, unit in stage.signals() if unit}
    return {
        "armillary.schema": str(SCHEMA),
        "armillary.tz": "UTC",
        "armillary.project": about.project,
        "armillary.project_id": about.project_id,
        "armillary.units": json.dumps(units, ensure_ascii=False),
        "armillary.range": f"{iso(first_ns)}/{iso(last_ns)}" if samples else "",
    }


def _parquet(stage: Stage, path: Path, about: About) -> int:
    meta = ", ".join(f"{named(key)}: {quoted(text)}" for key, text in metadata(stage, about).items())
    select = (
        "SELECT name AS signal, make_timestamp_ns(t) AS t_src, make_timestamp_ns(arr) AS t_arr, "  # noqa: S608
        f"{_NUMBER} AS v, s, q, raw FROM line JOIN signal USING (id) {_ONCE} ORDER BY name, t"
    )
    return _copied(
        stage, f"COPY ({select}) TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{meta}}})"
    )


def _long(stage: Stage, path: Path, about: About) -> int:
    del about
    select = (
        f"SELECT {_UNFORMULA.format(x='name')}, {RFC_3339.format(t='t')}, "  # noqa: S608
        f"CASE WHEN arr IS NULL THEN NULL ELSE {RFC_3339.format(t='arr')} END, {_NUMBER}, "
        f"{_UNFORMULA.format(x='s')}, q, raw, {_UNFORMULA.format(x='unit')} "
        f"FROM line JOIN signal USING (id) {_ONCE} ORDER BY name, t"
    )
    head = [("signal", "t_src", "t_arr", "v", "s", "q", "raw", "unit")]
    return _with_head(stage, path, head, select)


def _wide(stage: Stage, path: Path, about: About) -> int:
    del about
    signals = stage.signals()
    if len(signals) > MOST_WIDE:
        raise StoreFault(
            f"{len(signals)} signals do not fit into the wide form, which has a column for each.",
            where=str(path),
            remedy=f"Name at most {MOST_WIDE} with --tag, or write the long form.",
        )
    told = stage.connection.execute("SELECT id FROM line GROUP BY id HAVING max(q) > 0").fetchall()
    with_quality = {int(row[0]) for row in told}
    columns, titles, units = [f"{RFC_3339.format(t='t')}"], ["time"], [UNIT_ROW]
    cell = f"coalesce({_UNFORMULA.format(x='s')}, {_NUMBER}::VARCHAR, '')"
    for id_, name, unit in signals:
        columns.append(f"arg_max({cell}, line.rowid) FILTER (id = {id_})")
        titles.append(name)
        units.append(unit)
        if id_ in with_quality:
            columns.append(f"arg_max(q, line.rowid) FILTER (id = {id_})")
            titles.append(f"{name}.q")
            units.append("")
    head = [titles, units, [ZONE_ROW, "UTC", *[""] * (len(titles) - 2)]] if signals else [titles]
    select = f"SELECT {', '.join(columns)} FROM line GROUP BY t ORDER BY t"  # noqa: S608
    _with_head(stage, path, head, select)
    return stage.scalar("SELECT count(*) FROM (SELECT DISTINCT id, t FROM line)")


def _with_head(stage: Stage, path: Path, head: Sequence[Sequence[str]], select: str) -> int:
    """Write rows of titles, then what a question answers."""
    body = stage.folder / "body.csv"
    count = _copied(stage, f"COPY ({select}) TO {quoted(body)} (FORMAT csv, HEADER false)")
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[unformula(cell) for cell in row] for row in head])
    with path.open("wb") as whole, body.open("rb") as rest:
        whole.write(out.getvalue().encode())
        shutil.copyfileobj(rest, whole, 1 << 20)
    body.unlink()
    return count


def _mcap(stage: Stage, path: Path, about: About) -> int:
    return write_mcap(stage, path, metadata(stage, about))


_WRITERS = {"parquet": _parquet, "csv": _long, "wide": _wide, "mcap": _mcap}


def _copied(stage: Stage, sql: str) -> int:
    row = stage.connection.execute(sql).fetchone()
    return int(row[0]) if row is not None else 0


def units_of(meta: Mapping[str, str]) -> dict[str, str]:
    """Return the units that a file's metadata tell; none where they cannot be read."""
    try:
        held = json.loads(meta.get("armillary.units", "{}"))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in held.items()} if isinstance(held, dict) else {}
