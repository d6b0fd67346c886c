"""A table of a few kinds of cells as a file: CSV, JSON lines or Parquet; whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TextIO

from armillary.history.exchange import quoted
from armillary.model.cells import unformula
from armillary.model.fault import Fault, StoreFault

Kind = Literal["text", "number", "whole", "time"]
Cell = str | int | float | None  # of a time: RFC 3339, UTC
FORMS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "whole": "BIGINT",
    "time": "TIMESTAMP_NS",
}


def form_of(path: Path) -> str:
    """Return csv, parquet or jsonl by a file's name. Raises Fault."""
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise Fault(
            f"A file '{path.suffix or path.name}' is not written.",
            where=str(path),
            remedy="Name it .csv, .parquet or .jsonl.",
        )
    return form


def write(path: Path, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> int:
    """Write rows, each with a cell for each column; return how many. Raises Fault; then nothing is there.

    In a CSV no cell is a formula. A number that is none is empty in a CSV, else null.
    """
    form = form_of(path)
    held: list[Path] = []
    try:
        with _beside(path, held) as file:
            count = _csv(file, columns, rows) if form == "csv" else _json_lines(file, columns, rows)
        if form == "parquet":
            _beside(path, held).close()
            _parquet(held[0], held[1], columns)
        os.chmod(held[-1], 0o644)
        os.replace(held[-1], path)
    except OSError as error:
        raise StoreFault(
            f"The file cannot be written: {error.strerror or error}.",
            where=str(path),
            remedy="Give another path, or free space.",
        ) from error
    finally:
        for temporary in held:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    return count


def _beside(path: Path, held: list[Path]) -> TextIO:
    """Return a new file beside another, so that it can take its place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    held.append(Path(name))
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def _csv(file: TextIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> int:
    writer, count = csv.writer(file), 0
    writer.writerow(columns)
    for row in rows:
        writer.writerow([unformula(_text(cell)) for cell in row])
        count += 1
    _flush(file)
    return count


def _text(cell: Cell) -> str:
    return "" if cell is None or cell != cell else f"{cell}"


def _json_lines(file: TextIO, columns: Mapping[str, Kind], rows: Iterable[Sequence[Cell]]) -> int:
    count = 0
    for row in rows:
        entry = {name: None if cell != cell else cell for name, cell in zip(columns, row, strict=True)}
        file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")
        count += 1
    _flush(file)
    return count


def _flush(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _parquet(lines: Path, path: Path, columns: Mapping[str, Kind]) -> None:
    import duckdb

    types = ", ".join(f"{quoted(name)}: '{_TYPES[kind]}'" for name, kind in columns.items())
    with contextlib.closing(duckdb.connect()) as db:
        try:
            db.execute(
                f"COPY (SELECT * FROM read_json({quoted(lines)}, format = 'newline_delimited', "  # noqa: S608
                f"columns = {{{types}}})) TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)"
            )
        except duckdb.Error as error:
            raise OSError(str(error).splitlines()[0]) from error
