"""What a stage says of itself: units, times, names and notes of its root layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene.space import stated_metres, stated_up_axis

LONGEST = 2_000  # characters of a note


def facts(stage: Any) -> dict[str, Any]:
    """Return the metadata of a stage as plain data; notes are cut at LONGEST characters.

    `authored` names what the file says itself, the rest is what OpenUSD takes instead.
    """
    root = stage.GetRootLayer()
    custom = dict(root.customLayerData)
    said = {
        "meters_per_unit": stage.HasAuthoredMetadata("metersPerUnit"),
        "up_axis": stage.HasAuthoredMetadata("upAxis"),
        "start": root.HasStartTimeCode(),
        "end": root.HasEndTimeCode(),
        "codes_per_second": root.HasTimeCodesPerSecond(),
        "frames_per_second": root.HasFramesPerSecond(),
    }
    default = stage.GetDefaultPrim()
    return {
        "layers": sum(not layer.anonymous for layer in stage.GetUsedLayers()),
        "default_prim": str(default.GetPath()) if default else "",
        "meters_per_unit": stated_metres(stage),
        "up_axis": stated_up_axis(stage),
        "start": stage.GetStartTimeCode(),
        "end": stage.GetEndTimeCode(),
        "codes_per_second": stage.GetTimeCodesPerSecond(),
        "frames_per_second": stage.GetFramesPerSecond(),
        "comment": str(root.comment)[:LONGEST],
        "documentation": str(root.documentation)[:LONGEST],
        "custom_layer_data": {"entries": len(custom), "characters": len(str(custom)) if custom else 0},
        "authored": [name for name, is_said in said.items() if is_said],
    }


def texts(stage: Any, time_range: tuple[float, float, float]) -> tuple[tuple[str, str], ...]:
    """Return the same for people, as (what, text); time_range: what plays."""
    found = facts(stage)
    start, end, codes = time_range
    rows = [
        ("File", Path(stage.GetRootLayer().realPath).name),
        ("Layers", str(found["layers"])),
        ("Default prim", found["default_prim"] or "none"),
        ("Units", f"{found['meters_per_unit']:g} m{_unsaid(found, 'meters_per_unit')}"),
        ("Up axis", f"{found['up_axis']}{_unsaid(found, 'up_axis')}"),
    ]
    if end > start:
        whole = f"{start:g} to {end:g} · {(end - start) / codes:g} s"
        rows.append(
            ("Time codes", whole + ("" if "end" in found["authored"] else ", as its samples have it"))
        )
        rows.append(("A second", f"{codes:g} time codes{_unsaid(found, 'codes_per_second')}"))
    elif "start" in found["authored"]:
        rows.append(("Time codes", f"{start:g}"))
    if "frames_per_second" in found["authored"]:
        rows.append(("Frames a second", f"{found['frames_per_second']:g}"))
    rows += [(name, found[key]) for name, key in (("Comment", "comment"), ("Notes", "documentation"))]
    custom = found["custom_layer_data"]
    if custom["entries"]:
        entries = f"{custom['entries']} {'entry' if custom['entries'] == 1 else 'entries'}"
        rows.append(("Own data", f"{entries}, {custom['characters']:,} characters"))
    return tuple((name, text) for name, text in rows if text)


def _unsaid(found: Mapping[str, Any], key: str) -> str:
    return "" if key in found["authored"] else " (the file does not say)"
