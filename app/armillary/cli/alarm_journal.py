"""`armillary alarms journal`: the lines of a project's journal of alarms, listed or as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from armillary.alarms.journal_lines import event_of
from armillary.cli.answer import emit_json, table, tell
from armillary.history import table_file
from armillary.history.table_file import Cell, Kind
from armillary.model.clock import WallClock, parse_iso
from armillary.model.fault import Fault
from armillary.model.times import parse_time
from armillary.security import export

USUAL = "-1d"
PATTERN = "live-*.jsonl"
LISTED = 1_000  # lines for a person; a file has them all
COLUMNS: Mapping[str, Kind] = {
    "seq": "whole",
    "t_received": "time",
    "t_source": "time",
    "t_journal": "time",
    "alarm_id": "text",
    "occurrence": "text",
    "event": "text",
    "from": "text",
    "to": "text",
    "presentation": "text",
    "priority": "whole",
    "level": "text",
    "value": "number",
    "limit": "number",
    "unit": "text",
    "quality": "whole",
    "late": "text",
    "actor": "text",
    "role": "text",
    "comment": "text",
    "text": "text",
    "hash_prev": "text",
    "hash": "text",
}
_HELD_AS = {"t_journal": "t", "hash_prev": "prev"}
Line = Mapping[str, Any]  # Any: parsed JSON


def run(project: str, ids: Sequence[str], from_: str, to: str, out: Path | None, *, as_json: bool) -> int:
    """List lines, or write all of them as .csv, .parquet or .jsonl. Raises Fault."""
    now_ns = WallClock().now_ns()
    from_ns, to_ns = parse_time(from_ or USUAL, now_ns), parse_time(to, now_ns) if to else now_ns
    if to_ns <= from_ns:
        raise Fault("The span ends before it begins.", where=f"{from_} … {to}", remedy="Turn them round.")
    path = Path(project).expanduser().resolve()
    lines = _lines(path.parent if path.is_file() else path, set(ids), from_ns, to_ns)
    if out is not None:
        count = table_file.write(out, COLUMNS, ([_cell(line, name) for name in COLUMNS] for line in lines))
        if as_json:
            emit_json({"lines": count, "file": str(out)})
        else:
            tell(f"{count} lines: {out}")
        return 0
    kept = list(lines)
    if as_json:
        emit_json({"lines": [{name: _cell(line, name) for name in COLUMNS} for line in kept]})
        return 0
    if len(kept) > LISTED:
        tell(f"The newest {LISTED} of {len(kept)} lines; -o FILE.csv writes them all.", err=True)
    table(
        [
            (str(line["t_received"]), str(e.priority), e.id, e.event, e.actor, e.comment or e.text)
            for line in kept[-LISTED:]
            for e in (event_of(line),)
        ],
        ("RECEIVED", "P", "ALARM", "EVENT", "WHO", "WHAT"),
    )
    return 0


def _lines(folder: Path, ids: set[str], from_ns: int, to_ns: int) -> Iterator[Line]:
    private = folder / ".armillary"
    journals = [
        each for each in (private / "journal", *sorted(private.glob("areas/*/journal"))) if each.is_dir()
    ]
    if not journals:
        raise Fault(
            "There is no journal of alarms here yet.",
            where=str(folder),
            remedy="Run the project's world; its journal is written from then on.",
        )
    for journal in journals:
        for line in export.rows(journal, PATTERN, from_ns):
            received = line.get("t_received")
            if not isinstance(received, str) or "alarm_id" not in line:
                continue  # how everything stood, not what happened
            if (ids and line["alarm_id"] not in ids) or not from_ns <= parse_iso(received) < to_ns:
                continue
            yield line


def _cell(line: Line, name: str) -> Cell:
    value = line.get(_HELD_AS.get(name, name))
    if COLUMNS[name] in ("number", "whole"):
        return value if isinstance(value, int | float) else None
    return "" if value is None and COLUMNS[name] == "text" else None if value is None else str(value)
