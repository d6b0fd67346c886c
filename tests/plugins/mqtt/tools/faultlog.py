"""What the fault tests measured: one line for each row of the fault matrix, kept for `make soak`.

`FAULT_LOG` names a file of JSON lines; without it nothing is written. `table` makes docs/faults.md of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

BUSY = 5.0  # a machine that runs other tests beside
HEAD = """# Faults

Written by `make soak`: real servers on loopback, broken on purpose. Rows are those of the fault matrix.
Found: from the fault to the state that people see. Every row ends with both laws of the links checked:
messages received = decoded + dropped + queued, samples received = applied + coalesced + dropped + queued.
Rows of processes end with the law of history: samples offered = stored + waiting + dropped.

| row | fault | found within | promised | lost |
| --- | --- | --- | --- | --- |
"""


def note(
    row: str,
    fault: str,
    found_s: float | None,
    promised_s: float | None,
    lost: str = "0",
    patience: float = 1.0,
) -> None:
    """Keep what a test measured, and fail it when the promise is not held, times `patience`.

    Whole processes on a busy machine are slow and not wrong: their tests have patience, the table has not.
    Where no table is made, as in `make test`, a test looks for what was lost, not at the clock: BUSY.
    """
    path = os.environ.get("FAULT_LOG", "")
    if path:
        line = {"row": row, "fault": fault, "found_s": found_s, "promised_s": promised_s, "lost": lost}
        with Path(path).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
    if found_s is not None and promised_s is not None:
        assert found_s <= promised_s * max(patience, 1.0 if path else BUSY), (
            f"row {row}: found after {found_s:.2f} s, promised {promised_s:g} s"
        )


def table(log: Path) -> str:
    """Return the page: of a row that was measured more than once the slowest."""
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for text in log.read_text("utf-8").splitlines():
        line = json.loads(text)
        key = (line["row"], line["fault"])
        before = rows.get(key)
        if before is None or (line["found_s"] or 0) >= (before["found_s"] or 0):
            rows[key] = line
    out = [HEAD.rstrip("\n")]
    for (row, fault), line in sorted(rows.items(), key=lambda item: (_number(item[0][0]), item[0][1])):
        found, promised = _seconds(line["found_s"]), _seconds(line["promised_s"])
        out.append(f"| {row} | {fault} | {found} | {promised} | {line['lost']} |")
    return "\n".join(out) + "\n"


def _number(row: str) -> int:
    return int("".join(c for c in row if c.isdigit()) or 0)


def _seconds(value: object) -> str:
    if not isinstance(value, int | float):
        return "–"
    return f"{value:.2f} s" if isinstance(value, float) and value < 10 else f"{value:.3g} s"
