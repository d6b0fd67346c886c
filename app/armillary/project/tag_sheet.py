"""A list of tags as rows of cells: of a CSV, or of an XLSX where openpyxl is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from armillary.model import files
from armillary.model.cells import formula, unformula
from armillary.model.fault import ProjectFault
from armillary.project.table import nearest

MOST_ROWS = 500_000
MOST_BYTES = 256 * 1024 * 1024
MOST_COLUMNS = 200
XLSX = (".xlsx", ".xlsm")
_ENCODINGS = ("utf-8-sig", "cp1252")  # what spreadsheets write
_NEEDED = "Install it: pip install 'armillary[exchange]', or save the list as CSV."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table: its head, its rows with the line that each stands in, and the sheets that there are."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    sheets: tuple[str, ...] = ()


def read(path: Path, sheet: str = "") -> Cells:
    """Return the cells of a CSV or XLSX file. Raises ProjectFault in words for one that cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ProjectFault("The file is larger than 256 MiB.", where=str(path), remedy="Split the list.")
        if path.suffix.lower() in XLSX:
            return _xlsx(path, sheet)
        data = path.read_bytes()
    except OSError as error:
        raise ProjectFault(
            f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check the path."
        ) from error
    for encoding in _ENCODINGS:
        try:
            return csv_cells(data.decode(encoding), path.name)
        except UnicodeDecodeError:
            continue
    raise ProjectFault("This is no text.", where=str(path), remedy="Save it as CSV (UTF-8) or XLSX.")


def csv_cells(text: str, name: str) -> Cells:
    """Return the cells of a CSV text; the separator is the commonest of , ; and tab in its first line."""
    head, _, _ = text.lstrip("\ufeff").partition("\n")
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=max(",;\t", key=head.count))
    try:
        rows = [(reader.line_num, tuple(formula(cell.strip()) for cell in row)) for row in reader]
    except csv.Error as error:
        raise ProjectFault(
            f"This is no CSV: {error}.", where=f"{name}:{reader.line_num}", remedy="Save it as CSV (UTF-8)."
        ) from error
    return _cells(name, rows)


def _xlsx(path: Path, sheet: str) -> Cells:
    try:
        from openpyxl import load_workbook  # an extra: only XLSX needs it
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise ProjectFault(
            "An XLSX file needs the package openpyxl, which is not installed.",
            where=str(path),
            remedy=_NEEDED,
        ) from error
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError) as error:
        raise ProjectFault(
            f"This is no XLSX file: {error}.", where=str(path), remedy="Save it as XLSX or CSV."
        ) from error
    try:
        sheets = tuple(book.sheetnames)
        if sheet and sheet not in sheets:
            raise ProjectFault(
                f"There is no sheet '{sheet}'.{nearest(sheet, sheets)}",
                where=str(path),
                remedy=f"The sheets are {', '.join(sheets)}.",
            )
        page = book[sheet or sheets[0]]
        rows = [
            (at, tuple(_text(cell) for cell in row[:MOST_COLUMNS]))
            for at, row in enumerate(page.iter_rows(max_row=MOST_ROWS + 2, values_only=True), 1)
        ]
    finally:
        book.close()
    return _cells(path.name, rows, sheets)


def _text(cell: object) -> str:
    """Return a cell as text: 1.0 is 1, nothing is ""."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return formula(str(cell).strip())


def _cells(name: str, rows: Sequence[tuple[int, tuple[str, ...]]], sheets: tuple[str, ...] = ()) -> Cells:
    """Return rows under the first one that has two cells or more: lists often begin with a title."""
    if len(rows) > MOST_ROWS + 1:
        raise ProjectFault(f"There are more than {MOST_ROWS:,} rows.", where=name, remedy="Split the list.")
    filled = [(at, row) for at, row in rows if any(row)]
    first = next((i for i, (_, row) in enumerate(filled) if sum(map(bool, row)) > 1), None)
    if first is None:
        if filled and len(filled[0][1]) == 1:
            first = 0  # a bare list of names under one heading
        else:
            raise ProjectFault("The list is empty.", where=name, remedy="Give a row of headings and rows.")
    return Cells(name=name, head=filled[first][1], rows=tuple(filled[first + 1 :]), sheets=sheets)


def write(path: Path, head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> int:
    """Write a table as CSV or, by the name's ending, XLSX; return how many rows. Raises ProjectFault."""
    safe = [[unformula(cell) for cell in row] for row in rows]
    try:
        if path.suffix.lower() in XLSX:
            files.replace(path, _workbook(path, head, safe))
        else:
            out = io.StringIO()
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(safe)
            files.replace(path, out.getvalue().encode(), 0o644)
    except OSError as error:
        raise ProjectFault(
            f"The list cannot be written: {error.strerror}.", where=str(path), remedy="Give another place."
        ) from error
    return len(safe)


def _workbook(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise ProjectFault(
            "An XLSX file needs the package openpyxl, which is not installed.",
            where=str(path),
            remedy=_NEEDED,
        ) from error
    book = Workbook(write_only=True)
    page = book.create_sheet("tags")
    page.append(list(head))
    for row in rows:
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
