"""Values by hand that hold, in substituted.json beside a world's journal: they outlive its process.

{"schema": 1, "tags": [{"tag": "T-1.level", "value": 2.5, "since_ns": …, "until_ns": …, "user": "anna",
"name": "Anna Berg", "reason": "sensor out"}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from armillary.model import files
from armillary.model.fault import ProjectFault
from armillary.model.substitution import Substitution

FILE = "substituted.json"
SCHEMA = 1


def read(home: Path) -> tuple[Substitution, ...]:
    """Return what was held when it was last written; nothing without a file. Raises ProjectFault."""
    path = home / FILE
    try:
        told = json.loads(path.read_text("utf-8"))
        if told["schema"] != SCHEMA:
            raise ValueError("another version")
        return tuple(
            Substitution(
                tag=str(row["tag"]),
                value=float(row["value"]),
                since_ns=int(row["since_ns"]),
                until_ns=int(row["until_ns"]),
                user=str(row["user"]),
                name=str(row["name"]),
                reason=str(row["reason"]),
            )
            for row in told["tags"]
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectFault(
            "What was given by hand cannot be read: those tags show what the plant says.",
            where=str(path),
            remedy="Give the values anew, or delete the file.",
        ) from error


def write(home: Path, held: Iterable[Substitution]) -> None:
    """Write what holds now; on disk when this returns. Raises OSError."""
    rows = [json.dumps(asdict(each), ensure_ascii=False) for each in sorted(held, key=lambda s: s.tag)]
    text = f'{{"schema": {SCHEMA}, "tags": [\n' + ",\n".join(rows) + "\n]}\n"
    home.mkdir(parents=True, exist_ok=True)
    files.replace(home / FILE, text.encode())
