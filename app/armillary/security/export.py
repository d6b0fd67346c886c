"""An audit as rows, for people and their tools. Reading checks nothing: `chain.verify` does."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from armillary.model.cells import unformula
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.security.audit import LINE_LIMIT, PATTERN, files

FIELDS = (
    "seq", "t", "actor", "role", "desk", "world_kind", "action", "object", "before", "after", "reason",
    "prev", "hash",
)  # fmt: skip


def rows(
    folder: Path, pattern: str = PATTERN, since_ns: int = 0
) -> Iterator[Mapping[str, Any]]:  # Any: parsed JSON
    """Yield the records of an audit, oldest first, in constant memory. Raises Fault where a line is none.

    pattern: of its files; a journal of alarms is chained in the same way. With `since_ns` files that ended
    before that time are left out, but never the last of those before it: it says how things stood.
    """
    if not folder.is_dir():
        raise Fault(
            "There is no audit here.", where=str(folder), remedy="Name the project's folder, or run it once."
        )
    for path in _since(files(folder, pattern), since_ns):
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(LINE_LIMIT):
                number += 1
                if not raw.endswith(b"\n") and len(raw) < LINE_LIMIT:
                    break  # of a world that writes it just now, or was cut off
                try:
                    record = orjson.loads(raw)
                except orjson.JSONDecodeError as error:
                    raise Fault(
                        "A line of the audit is no record.",
                        where=f"{path.name}:{number}",
                        remedy="armillary audit verify says what was done to it.",
                    ) from error
                yield record if isinstance(record, dict) else {}


def _since(paths: list[Path], since_ns: int) -> list[Path]:
    """Return the files of months from the one of a time on; where that one is missing the one before too."""
    month = datetime.fromtimestamp(since_ns / NS, UTC).strftime("%Y-%m")
    first = max((i for i, path in enumerate(paths) if path.stem[-len(month) :] <= month), default=0)
    return paths[first:]


def chains(
    homes: Iterable[Path], name: str, pattern: str, since_ns: int = 0
) -> list[Iterator[Mapping[str, Any]]]:  # Any: parsed JSON
    """Return the records of the folder `name` of each home that has one, as `rows` does."""
    return [rows(home / name, pattern, since_ns) for home in homes if (home / name).is_dir()]


def last(folder: Path, count: int) -> list[Mapping[str, Any]]:  # Any: parsed JSON
    """Return the newest `count` records, oldest first. Raises Fault."""
    return list(deque(rows(folder), maxlen=count))


def jsonl(record: Mapping[str, Any]) -> str:
    """Return one record as a line of JSON."""
    return orjson.dumps(record).decode() + "\n"


def csv_line(values: Mapping[str, Any] | None) -> str:
    """Return one record as a line of CSV, None = the head; no cell is a formula."""
    cells = FIELDS if values is None else tuple(_cell(values.get(name)) for name in FIELDS)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return repr(value)  # a number is no formula, though it begins with a minus
    return unformula(str(value))
