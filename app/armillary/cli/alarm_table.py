"""`armillary alarms export|import`: the alarms of a project as a table for a spreadsheet, and back."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model import files
from armillary.model.fault import Fault
from armillary.project import alarm_table
from armillary.project import folder as projects
from armillary.project.alarm_table import Change
from armillary.project.record import Project
from armillary.project.rules import RULES_FILE

ACTS = ("export", "import")
MOST_BYTES = 64 * 1024 * 1024
_ENCODINGS = ("utf-8-sig", "cp1252")  # what spreadsheets write


def run(act: str, project: str, file: str, *, yes: bool, as_json: bool) -> int:
    """Write the table, or take it in. Raises Fault."""
    read = projects.read(Path(project))
    rules = _text(read.folder / RULES_FILE)
    units = {spec.name: spec.unit for spec in read.specs}
    if act == "export":
        return _export(Path(file), alarm_table.written(rules, units), as_json)
    return _import(read, rules, Path(file), units, yes=yes, as_json=as_json)


def _export(path: Path, table: str, as_json: bool) -> int:
    try:
        files.replace(path, table.encode("utf-8"))
    except OSError as error:
        raise Fault(
            f"The table cannot be written: {error.strerror}.", where=str(path), remedy="Give another place."
        ) from error
    rows = len(list(csv.reader(table.splitlines()))) - 1
    if as_json:
        emit_json({"file": str(path), "alarms": rows})
    else:
        tell(f"{path}: {rows} alarms, one a line.")
    return 0


def _import(
    project: Project, rules: str, path: Path, units: dict[str, str], *, yes: bool, as_json: bool
) -> int:
    found = alarm_table.changes(rules, _text(path, must_be=True), path.name, units)
    text = alarm_table.applied(rules, found) if found else rules
    if not as_json:
        _tell(found)
    done = bool(found) and (yes or (not as_json and click.confirm("Write them?", err=True)))
    if done:
        if _text(project.folder / RULES_FILE) != rules:
            raise Fault(
                f"{RULES_FILE} was changed by somebody else meanwhile.",
                where=str(project.folder),
                remedy="Import the table again.",
            )
        projects.save_rules(project.folder, text)  # refuses a mistake before anything is written
    if as_json:
        emit_json({"written": done, "changes": [_entry(change) for change in found]})
    elif done:
        tell("Written. A running world takes them when it loads the project's changes.")
    return 0 if done or not found else 1


def _tell(found: Sequence[Change]) -> None:
    if not found:
        tell("The table says what the project says: nothing to change.")
    for change in found:
        if change.before is None:
            tell(f"new      {change.id}")
            continue
        was = change.before
        parts = [f"{key} {_shown(was.get(key))} → {_shown(new)}" for key, new in change.keys.items()]
        tell(f"changed  {change.id}: {', '.join(parts)}")


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


def _entry(change: Change) -> dict[str, object]:
    before = change.before or {}
    return {
        "id": change.id,
        "line": change.line,
        "new": change.before is None,
        "keys": {key: {"before": before.get(key), "after": after} for key, after in change.keys.items()},
    }


def _text(path: Path, must_be: bool = False) -> str:
    """Return a file's text, "" where there need be none. Raises Fault."""
    try:
        if not path.exists() and not must_be:
            return ""
        if path.stat().st_size > MOST_BYTES:
            raise Fault("The table is larger than 64 MiB.", where=str(path), remedy="Split it.")
        data = path.read_bytes()
    except OSError as error:
        raise Fault(
            f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check the path."
        ) from error
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Fault("This is no text.", where=str(path), remedy="Save it as CSV (UTF-8).")
