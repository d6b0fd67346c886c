"""Expected intervals that tags have taught a world, in .armillary/learnt.json: they outlive its process.

    {"schema": 1, "tags": {"T-1.level": {"address": "site!t1#v", "expected_s": 1.02, "usual_s": 1.0}}}

An entry counts for a tag with the same address, of which still nobody says how often it comes. To let a tag
learn anew, say its interval, or delete the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from armillary.model.tags import TagSpec

FILE = "learnt.json"
SCHEMA = 1
_MOST_S = 31_536_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one tag has taught."""

    address: str
    expected_s: float  # 95th percentile of the gaps between its arrivals
    usual_s: float  # their median


def read(private: Path) -> dict[str, Entry]:
    """Return what was learnt by tag; nothing where there is no file, or it cannot be read."""
    try:
        told = json.loads((private / FILE).read_text("utf-8"))
        if told["schema"] != SCHEMA:
            return {}
        rows = dict(told["tags"])
        return {
            str(name): Entry(
                address=str(row["address"]),
                expected_s=float(row["expected_s"]),
                usual_s=float(row["usual_s"]),
            )
            for name, row in rows.items()
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def text(entries: Mapping[str, Entry]) -> str:
    """Return the file: one tag a line, sorted by name."""
    rows = [
        f"  {json.dumps(name, ensure_ascii=False)}: "
        + json.dumps({"address": e.address, "expected_s": e.expected_s, "usual_s": e.usual_s})
        for name, e in sorted(entries.items())
    ]
    return f'{{\n "schema": {SCHEMA},\n "tags": {{\n' + ",\n".join(rows) + "\n }\n}\n"


def address_of(spec: TagSpec) -> str:
    """Return where a tag comes from, as its entry has it."""
    return f"{spec.link}!{spec.address}"


def applied(specs: Sequence[TagSpec], entries: Mapping[str, Entry]) -> list[TagSpec]:
    """Return the specs with what was learnt in place of what nobody has said."""
    return [_applied(spec, entries.get(spec.name)) for spec in specs] if entries else list(specs)


def _applied(spec: TagSpec, entry: Entry | None) -> TagSpec:
    if entry is None or spec.interval != "default" or spec.liveness != "tag":
        return spec
    if entry.address != address_of(spec) or not 0 < entry.expected_s <= _MOST_S:
        return spec
    return replace(
        spec,
        expected_ms=max(round(entry.expected_s * 1000), 1),
        usual_ms=max(round(entry.usual_s * 1000), 1),
        stale_after_ms=0,
        interval="learnt",
    )
