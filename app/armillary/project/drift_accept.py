"""What accepting a difference writes: keys of a tag in twins.json, a new tag, a new version of an interface.

Pure: texts in, texts out. A new field of a twin that has a type becomes Telemetry of a new minor version of
that type, in a file of its own; it extends the version before, so that whatever names that one still fits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from armillary.model.drift import DriftItem
from armillary.model.fault import Fault
from armillary.model.units import conversion
from armillary.project.edit import NewTag, Value

CHANGES = ("D03", "D04", "D05", "D06", "D07", "D08", "D12")
_SCHEMAS = {"number": "double", "bool": "boolean", "enum": "integer", "text": "string", "array": "string"}
_VERSION = re.compile(r"(dtmi:[^;]+);(\d+)(?:\.(\d+))?")
_QUOTED = re.compile(r"'(.*)'")
CONTEXT = "dtmi:dtdl:context;3"


def may_accept(item: DriftItem) -> bool:
    """Return whether accepting a difference means something that can be written."""
    if item.code == "D01":
        return item.item is not None
    if item.code == "D03":
        return bool(item.kind)
    if item.code == "D05":
        return bool(item.unit)
    if item.code == "D06":
        return math.isfinite(item.low) and math.isfinite(item.high)
    return item.code in (*CHANGES, "D10")


def changes(item: DriftItem, facts: Mapping[str, Any]) -> dict[str, Value | None]:
    """Return the keys of a tag that accepting changes; facts: what twins.json says of it. Any: JSON."""
    if item.code == "D03":
        return {"kind": item.kind}
    if item.code == "D04":
        return {"states": _with_state(item, facts.get("states", {}))}
    if item.code == "D05":
        return _with_unit(item.unit, str(facts.get("unit", "")))
    if item.code == "D06":
        return {"range": (item.low, item.high)}
    if item.code == "D12":
        return {"address": f"{item.link}!{item.address}"}
    if item.code == "D07":
        return {"expected_interval_s": item.interval_s}
    return {"writable": False} if item.code == "D08" else {}


def _with_state(item: DriftItem, known: Mapping[str, str]) -> dict[str, str]:
    """Return the states with the one that came: a number has its own, a word the next free one."""
    named = _QUOTED.search(item.plant)
    numbers = [float(key) for key in known]
    if named is not None:
        return {**known, f"{max(numbers, default=-1.0) + 1:g}": named.group(1)}
    number = next((word for word in item.plant.split() if _is_number(word)), "")
    return {**known, number: f"state {number}"} if number else dict(known)


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _with_unit(said: str, unit: str) -> dict[str, Value | None]:
    """Return what a tag says of its units: shown as before where that can be converted, else as it comes."""
    try:
        conversion(said, unit)
    except Fault:
        return {"unit": said, "source_unit": None, "range": None}
    return {"source_unit": said}


def new_tag(item: DriftItem, twin: str, key: str) -> NewTag:
    """Return the tag that a new field becomes."""
    found = item.item
    low, high = (found.low, found.high) if found is not None else (math.nan, math.nan)
    return NewTag(
        twin=twin,
        prim="",
        key=key,
        address=f"{item.link}!{item.address}",
        kind=item.kind or "number",
        unit=item.unit,
        span=(low, high) if math.isfinite(low) and math.isfinite(high) else None,
        states=found.states if found is not None else (),
    )


def next_version(dtmi: str, taken: Iterable[str] = ()) -> str:
    """Return the id of the next minor version of an interface, the first that is free; "" for no DTMI."""
    match = _VERSION.fullmatch(dtmi)
    if match is None:
        return ""
    base, major, minor = match.group(1), match.group(2), int(match.group(3) or 0)
    known = set(taken)
    while True:
        minor += 1
        if (found := f"{base};{major}.{minor}") not in known:
            return found


def extension(before: str, after: str, tag: NewTag) -> str:
    """Return the document of a new version of an interface: what it was, and one Telemetry more."""
    name = re.sub(r"\W", "_", tag.key.rpartition(".")[2]).strip("_") or "value"
    content: dict[str, object] = {
        "@type": "Telemetry",
        "name": name if name[0].isalpha() else f"v_{name}",
        "schema": _SCHEMAS.get(tag.kind, "double"),
    }
    if tag.unit:
        content["comment"] = f"unit: {tag.unit}"
    document = {
        "@context": CONTEXT,
        "@id": after,
        "@type": "Interface",
        "extends": before,
        "contents": [content],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def with_model(text: str, twin: str, model: str) -> str:
    """Return twins.json with another type for one twin, all else as it was."""
    root = json.loads(text)
    for row in root.get("twins", ()):
        if row.get("id") == twin:
            row["model"] = model
    return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def file_of(model: str) -> str:
    """Return the name of the file that a new version is written to: `Pump-1.2.json`."""
    base, _, version = model.partition(";")
    return f"{base.rpartition(':')[2]}-{version}.json"
