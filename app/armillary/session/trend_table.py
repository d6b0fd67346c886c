"""Stretches of pens as text: the wide form of formats 8.1 for spreadsheets and the clipboard.

No cell is a formula: names and units come from files, and a spreadsheet would run one that begins with one of
`= + - @`. Numbers are numbers: a minus before a digit stays.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.model.cells import unformula
from armillary.model.clock import NS
from armillary.model.quality import WORDS
from armillary.session.trend_maths import Stretch

MOST_ROWS = 1_000_000  # of a spreadsheet
_CONTROL = dict.fromkeys(range(32))  # of a name: they would end a cell or a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One pen of a table."""

    name: str
    unit: str
    stretch: Stretch


def guarded(text: str) -> str:
    """Return a text that no spreadsheet carries out."""
    return unformula(text.translate(_CONTROL))


def iso_z(t_ns: int) -> str:
    """Return RFC 3339 in UTC with 9 digits, as formats 8.1 asks for."""
    stamp = np.datetime64(t_ns, "ns")
    return f"{stamp}Z"


def times_of(columns: Sequence[Column], from_ns: int, to_ns: int) -> I8:
    """Return all times of all pens inside a range, ascending, each once."""
    inside = [c.stretch.t_ns[(c.stretch.t_ns >= from_ns) & (c.stretch.t_ns <= to_ns)] for c in columns]
    out: I8 = np.unique(np.concatenate(inside)) if inside else np.zeros(0, np.int64)
    return out


def wide(columns: Sequence[Column], from_ns: int, to_ns: int, *, delimiter: str = ",") -> str:
    """Return a range as a table: time, then a column a pen and one of its quality; rows 2 and 3: units, zone.

    A pen that has buckets, not samples, has three columns: low, mean and high. A cell is empty where a pen
    has no sample at that time: nothing is made up.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    head, units = ["time"], ["#unit"]
    cells: list[list[str]] = []
    times = times_of(columns, from_ns, to_ns)[:MOST_ROWS]
    for column in columns:
        stretch = column.stretch
        at = np.searchsorted(times, stretch.t_ns)
        here: B1 = (at < len(times)) & (stretch.t_ns >= from_ns) & (stretch.t_ns <= to_ns)
        rows = at[here]
        parts = (
            (("", stretch.mean),)
            if stretch.is_exact
            else ((".low", stretch.low), (".mean", stretch.mean), (".high", stretch.high))
        )
        for suffix, values in parts:
            head.append(guarded(column.name + suffix))
            units.append(guarded(column.unit))
            cells.append(
                _filled(len(times), rows, ["" if v != v else repr(v) for v in values[here].tolist()])
            )
        head.append(guarded(f"{column.name}.q"))
        units.append("")
        cells.append(_filled(len(times), rows, [WORDS[min(q, 5)] for q in stretch.quality[here].tolist()]))
    writer.writerow(head)
    writer.writerow(units)
    writer.writerow(["#zone", "UTC"] + [""] * (len(head) - 2) if len(head) > 1 else ["#zone UTC"])
    stamps = np.datetime_as_string(times.astype("datetime64[ns]")).tolist() if len(times) else []
    for stamp, *row in zip(stamps, *cells, strict=True):
        writer.writerow([f"{stamp}Z", *row])
    return out.getvalue()


def _filled(n: int, rows: I8, texts: list[str]) -> list[str]:
    out = [""] * n
    for row, text in zip(rows.tolist(), texts, strict=True):
        out[row] = text
    return out


def range_text(from_ns: int, to_ns: int) -> str:
    """Return a range as a part of a file's name: `20250615T140311Z-300s`."""
    stamp = iso_z(from_ns)[:19].replace("-", "").replace(":", "")
    return f"{stamp}Z-{(to_ns - from_ns) / NS:.0f}s"
