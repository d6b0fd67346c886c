"""Text of several records: JSON lines and CSV."""

from __future__ import annotations

import csv
import io

import orjson

from armillary.api import MAX_DEPTH, DecoderContext, Several, Undecodable, check_size, check_tree
from armillary_plugins.decoders.settings import check_keys, given, text, wrong

MOST_LINES, MOST_CELLS = 10_000, 100_000
_SUSPECT = (
    4096  # bytes: up to here a payload has neither too many fields nor, with few brackets, too deep ones
)


class JsonLines:
    """The decoder `jsonl`: one JSON document a line; empty lines count for nothing."""

    def unpack(self, data: bytes) -> object:
        """Return its documents. Raises Undecodable with the byte of the first line that is no JSON."""
        check_size(data)
        lines = [line for line in data.split(b"\n") if line.strip()]
        if len(lines) > MOST_LINES:
            raise Undecodable(f"too many lines: {len(lines)}, the limit is {MOST_LINES}")
        try:
            documents = orjson.loads(b"[" + b",".join(lines) + b"]")
        except orjson.JSONDecodeError:
            documents = None
        # A comma between two documents on one line would make them two without a word.
        if documents is None or len(documents) != len(lines):
            documents = _line_by_line(data)
        if len(data) > _SUSPECT or data.count(b"[") + data.count(b"{") > MAX_DEPTH:
            check_tree(documents, deepest=MAX_DEPTH + 1)
        return Several(documents=tuple(documents))


def _line_by_line(data: bytes) -> list[object]:
    out: list[object] = []
    at = 0
    for line in data.split(b"\n"):
        if line.strip():
            try:
                out.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise Undecodable(f"not JSON at byte {at + error.pos}", at + error.pos) from None
        at += len(line) + 1
    return out


class Csv:
    """The decoder `csv`: each line a list of cells, or with `columns` or a header line a table of names."""

    needs = ""

    def __init__(
        self, separator: str = ",", columns: tuple[str, ...] = (), *, header: bool = False, decimal: str = "."
    ) -> None:
        self._separator, self._columns, self._header, self._decimal = separator, columns, header, decimal

    def configured(self, context: DecoderContext) -> Csv:
        """Return it with its separator, columns, header and decimal sign. Raises ProjectFault."""
        check_keys(context, ("separator", "columns", "header", "decimal"))
        separator, decimal = text(context, "separator", ","), text(context, "decimal", ".")
        columns = given(context, "columns", list, [])
        if len(separator) != 1 or decimal not in {".", ","} or separator == decimal:
            raise wrong(
                context, "The separator or the decimal sign cannot be used.", 'Give "," or ";" and ".".'
            )
        if not all(isinstance(name, str) for name in columns):
            raise wrong(context, "The columns are no texts.", 'Give columns = ["time", "level"].')
        return Csv(separator, tuple(columns), header=given(context, "header", bool, False), decimal=decimal)

    def unpack(self, data: bytes) -> object:
        """Return its lines; a cell that spells a number is that number. Raises Undecodable."""
        check_size(data)
        try:
            whole = data.decode()
        except UnicodeDecodeError as error:
            raise Undecodable(f"not UTF-8 at byte {error.start}", error.start) from None
        rows = self._rows(whole.removeprefix("\ufeff"), len(data))
        if len(data) > MOST_LINES and (len(rows) > MOST_LINES or sum(map(len, rows)) > MOST_CELLS):
            raise Undecodable(f"too many lines or cells: {len(rows)} lines, the limit is {MOST_LINES}")
        is_plain = self._decimal == "." and "_" not in whole
        names = self._columns
        if self._header and rows:
            names, rows = tuple(name.strip() for name in rows[0]), rows[1:]
        lines = [self._line(row, is_plain) for row in rows]
        documents: list[object] = list(lines)
        if names:
            documents = [dict(zip(names, line, strict=False)) for line in lines]
        return documents[0] if len(documents) == 1 else Several(documents=tuple(documents))

    def _rows(self, whole: str, size: int) -> list[list[str]]:
        """Return the cells of each line that has any. Raises Undecodable."""
        if '"' not in whole:  # without quotes a comma is a comma
            return [line.split(self._separator) for line in whole.splitlines() if line]
        try:
            return [
                row for row in csv.reader(io.StringIO(whole), delimiter=self._separator, strict=True) if row
            ]
        except csv.Error as error:
            raise Undecodable(f"not CSV: {error}", size) from None

    def _line(self, row: list[str], is_plain: bool) -> list[object]:
        if is_plain:
            try:
                numbers = list(map(float, row))
            except ValueError:
                numbers = []
            if numbers and min(numbers) > -_EXACT and max(numbers) < _EXACT:
                return list(numbers)
        return [self._cell(cell.strip()) for cell in row]

    def _cell(self, cell: str) -> object:
        spelt = cell.replace(",", ".") if self._decimal == "," else cell
        try:
            number = float(spelt)
        except ValueError:
            return cell
        if "_" in cell:  # Python's own spelling, nobody else's
            return cell
        # Whole numbers stay whole: a time in ns has more digits than a float.
        return int(cell) if abs(number) > _EXACT and cell.lstrip("+-").isdecimal() else number


_EXACT = 2.0**53


def jsonl() -> JsonLines:
    """Return the decoder `jsonl`."""
    return JsonLines()


def comma() -> Csv:
    """Return the decoder `csv`."""
    return Csv()
