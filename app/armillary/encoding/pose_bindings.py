"""A binding of the channel `transform` → its pose, from one tag or from one for each part."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.encoding.poses import FARTHEST, PARTS, PLACE, Poses
from armillary.encoding.rows import policy_code
from armillary.encoding.search import Search, refuse, where
from armillary.model import units
from armillary.model.arrays import I8, frozen
from armillary.model.binding import Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """One binding's pose while it is collected, see `poses.Poses`."""

    source: tuple[int, ...]  # six, not yet final
    line: tuple[tuple[float, float], ...]  # six pairs (a, b)
    low: float
    high: float
    slot: int  # of the one tag; -1: one a part
    tags: tuple[int, ...]  # slots
    on_stale: int
    on_bad: int


def made(find: Search, binding: Binding, strict: Sequence[int]) -> Pose:
    """Return the pose of a binding. `strict`: its sources where it has an age limit of its own, else slots.

    Raises RefusedError and Fault for one that cannot be read.
    """
    scale, shift = (binding.map.scale, binding.map.offset) if binding.map.kind == "linear" else (1.0, 0.0)
    slots = tags(find, binding)
    specs = [find.specs[s] for s in slots]
    to_stage = 1.0 / find.scene.meters_per_unit
    angle_unit = binding.target_unit or "degree"
    at = where(binding)

    def length(unit: str) -> tuple[float, float]:
        factor, offset = units.conversion(unit, "m", at) if unit else (1.0, 0.0)
        metres = to_stage if unit else 1.0
        return scale * factor * metres, scale * offset * metres + shift

    source: list[int] = []
    rows: list[tuple[float, float]] = []
    if not binding.map.state_keys:
        place, angle = length(binding.unit or specs[0].unit), units.conversion(angle_unit, "rad", at)
        rows = [place] * PLACE + [angle] * (len(PARTS) - PLACE)
        source, slot = [strict[0]] * len(PARTS), slots[0]
    else:
        slot = -1
        by_part = dict(zip(binding.map.state_keys, range(len(slots)), strict=True))
        for part in PARTS:
            row = by_part.get(part)
            if row is None:
                rows.append((0.0, math.nan))
                source.append(strict[0])  # its quality counts anyway
            else:
                unit = specs[row].unit
                is_length = part in PARTS[:PLACE]
                rows.append(length(unit) if is_length else units.conversion(unit or angle_unit, "rad", at))
                source.append(strict[row])
    low, high = binding.map.clamp
    return Pose(
        source=tuple(source),
        line=tuple(rows),
        low=max(low, -FARTHEST),
        high=min(high, FARTHEST),
        slot=slot,
        tags=tuple(slots),
        on_stale=policy_code(binding.on_stale),
        on_bad=policy_code(binding.on_bad),
    )


def poses(found: Sequence[Pose], entries: Callable[[I8], I8]) -> Poses | None:
    """Return the poses as arrays, None when there are none; `entries` makes sources final."""
    if not found:
        return None
    q, parts = len(found), len(PARTS)
    line = np.array([p.line for p in found], np.float64).reshape(q, parts, 2)
    source = np.array([p.source for p in found], np.int64).reshape(q, parts)
    return Poses(
        source=frozen(entries(source)),
        a=frozen(line[:, :, 0]),
        b=frozen(line[:, :, 1]),
        low=frozen(np.array([p.low for p in found], np.float64)),
        high=frozen(np.array([p.high for p in found], np.float64)),
        on_stale=frozen(np.array([p.on_stale for p in found], np.uint8)),
        on_bad=frozen(np.array([p.on_bad for p in found], np.uint8)),
        whole=tuple((row, p.slot) for row, p in enumerate(found) if p.slot >= 0),
        tag=frozen(np.unique(np.array([s for p in found for s in p.tags], np.int64))),
    )


def tags(find: Search, binding: Binding) -> list[int]:
    """Return the slots that a pose reads: one, or one for each part. Raises RefusedError."""
    if binding.map.kind not in ("none", "linear"):
        refuse("B07", f"A pose has no map '{binding.map.kind}'.", "Use none or linear.")
    keys, names = binding.map.state_keys, binding.map.state_values
    if not keys:
        slot = find.slot(binding)
        if find.specs[slot].kind not in ("array", "struct", "text"):
            what = f"The tag '{find.specs[slot].name}' is no list and no JSON object, so it is no pose."
            refuse("B07", what, "Name a tag for each part: stateKeys x, y, yaw … and stateValues the tags.")
        return [slot]
    if len(keys) != len(names):
        refuse("B11", f"{len(keys)} parts of a pose have {len(names)} tags.", "Name one tag for each part.")
    for key in keys:
        if key not in PARTS:
            refuse("B07", f"A pose has no part '{key}'.", f"Use {', '.join(PARTS)}.")
    slots = [find.named(name) for name in names]
    for slot in slots:
        if find.specs[slot].kind in ("array", "struct", "text"):
            what = f"The tag '{find.specs[slot].name}' is no number, so it is no part of a pose."
            refuse("B07", what, "Name tags that are numbers.")
    return slots
