"""What people decided about drift, in files of the project.

`drift.json` is in git: the differences that somebody refused, with who, when and why. What a server said its
nodes are is only remembered: `.armillary/definitions.json`.

    {"schema": 1, "refused": [
     {"key": "D01 site!plant/x#v", "by": "kari", "at": "2026-03-14T10:00:00Z", "why": "a test", "what": "…"}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from armillary.model.clock import iso, parse_iso
from armillary.model.drift import Refusal
from armillary.model.fault import ProjectFault
from armillary.project.folder import write_atomic

FILE, DEFINITIONS = "drift.json", "definitions.json"
SCHEMA = 1
_KEYS = ("key", "by", "at", "why", "what")


def refusals(folder: Path) -> tuple[Refusal, ...]:
    """Return what was refused, in the order of the file. Raises ProjectFault for one that is not right."""
    path = folder / FILE
    try:
        root = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise _wrong(path, f"cannot be read: {error}") from error
    if not isinstance(root, dict) or not isinstance(root.get("refused", []), list):
        raise _wrong(path, "is no list of refusals")
    if root.get("schema") != SCHEMA:
        raise _wrong(path, f"has schema {root.get('schema')!r}, and {SCHEMA} is known")
    return tuple(_refusal(path, n, row) for n, row in enumerate(root.get("refused", [])))


def _refusal(path: Path, number: int, row: Any) -> Refusal:  # Any: parsed JSON
    if not isinstance(row, dict) or not isinstance(row.get("key"), str):
        raise _wrong(path, f"has no 'key' in refused[{number}]")
    if unknown := sorted(set(row) - set(_KEYS)):
        raise _wrong(path, f"has the unknown key '{unknown[0]}' in refused[{number}]")
    try:
        at_ns = parse_iso(str(row.get("at", "1970-01-01T00:00:00Z")))
    except ValueError as error:
        raise _wrong(path, f"has no time in refused[{number}].at") from error
    return Refusal(
        key=row["key"],
        by=str(row.get("by", "")),
        at_ns=at_ns,
        why=str(row.get("why", "")),
        what=str(row.get("what", "")),
    )


def _wrong(path: Path, words: str) -> ProjectFault:
    return ProjectFault(f"{FILE} {words}.", where=str(path), remedy="Correct it, or delete it.")


def save(folder: Path, refused: Iterable[Refusal]) -> None:
    """Write the refusals, sorted by key, one a line. Raises OSError."""
    rows = [
        json.dumps(
            {"key": r.key, "by": r.by, "at": iso(r.at_ns), "why": r.why, "what": r.what}, ensure_ascii=False
        )
        for r in sorted(refused, key=lambda r: r.key)
    ]
    body = ",\n".join(f" {row}" for row in rows)
    write_atomic(folder / FILE, f'{{"schema": {SCHEMA}, "refused": [\n{body}\n]}}\n')


def definitions(private: Path) -> dict[str, str]:
    """Return, by tag, what its server said it is; nothing where that is not known or cannot be read."""
    try:
        root = json.loads((private / DEFINITIONS).read_text("utf-8"))
        return {str(k): str(v) for k, v in root["tags"].items()} if root["schema"] == SCHEMA else {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def save_definitions(private: Path, known: Mapping[str, str]) -> None:
    """Write them. Raises OSError."""
    private.mkdir(exist_ok=True)
    body = ",\n".join(
        f" {json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}"
        for k, v in sorted(known.items())
    )
    write_atomic(private / DEFINITIONS, f'{{"schema": {SCHEMA}, "tags": {{\n{body}\n}}}}\n')
