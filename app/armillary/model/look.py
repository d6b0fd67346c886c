"""Looks: what every prim shows at one instant, only the arrays that a renderer needs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import B1, F4, F8, I8, U1, U4
from armillary.model.quality import BAD, STALE
from armillary.model.scene import SceneArrays

QUALITY_NIBBLE = np.uint8(0x0F)
ALARM_SHIFT = 4
FLOW = 255  # in place of a number of iso-lines: stripes over the colour that a part has


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Text drawn beside a prim."""

    prim: int
    text: str
    quality: int = 0  # rank


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """Signs of quality at n prims, beside what their state makes of the part itself; prims ascending."""

    prim: I8  # (n,)
    # (n,) SUBSTITUTED "S", UNCERTAIN "?", STALE a clock; BELOW_STALE, BELOW_BAD, HIDDEN_BELOW at a corner
    kind: U1
    age_s: F8  # (n,) of a clock; NaN where it is not known

    def __len__(self) -> int:
        return len(self.prim)


BELOW_STALE, BELOW_BAD = 16, 17
"""Of what holds parts: some of them are stale, or bad."""
HIDDEN_BELOW = 18
"""Of what holds parts: alarms of some of them are hidden, by a person or by design."""
HALF = 0.5
"""A part of which so large a share of what is below looks stale or worse looks stale itself."""


def no_marks() -> Marks:
    """Return no marks at all."""
    return Marks(prim=np.zeros(0, np.int64), kind=np.zeros(0, np.uint8), age_s=np.zeros(0))


def lost_below(state: U1, told: I8, ends: I8) -> tuple[I8, I8, I8]:
    """Return how many prims below each one tell of tags, are stale or worse, and are bad or worse, (M,) each.

    told: prims with tags, ascending. ends: (M,) one past the last descendant of each.
    """
    m = len(state)
    rank = state[told] & QUALITY_NIBBLE
    out = []
    for counts in (np.ones(len(told), np.bool_), rank >= STALE, rank >= BAD):
        each = np.zeros(m + 1, np.int64)
        each[told[counts] + 1] = 1
        each = np.cumsum(each)
        out.append(each[ends] - each[np.arange(m) + 1])
    return out[0], out[1], out[2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldShape:
    """Where fields are drawn and how; the same object as long as the bindings are the same.

    Of two fields at one point the later one is drawn.
    """

    point: I8  # (v,) rows of SceneArrays.point
    field: I8  # (v,) number of the field
    prim: I8  # prims that show a field, ascending
    palette: U1  # (256·k, 4) sRGB and opacity, the colours of each of k fields
    lines: I8  # (k,) iso-lines between the two ends, or FLOW
    flowing: I8 = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))  # have stripes


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What all M prims look like; equal inputs give an equal Look. Arrays are read-only.

    `state` is drawn as a pattern, never only as a hue: low nibble the quality rank (0 plain, 2 dotted,
    3 hatch, 4 cross-hatch, 5 hollow), high nibble the alarm (0 none, 1 to 4 the priority of one that waits
    for a person, 5 to 8 that of an acknowledged one plus 4).
    """

    seq: int
    rgba: U1  # (M, 4) sRGB
    state: U1  # (M,)
    visible: B1  # (M,)
    emissive: U1  # (M, 4) sRGB and strength
    moved: U4  # (m,) prims whose matrix differs from the scene's, ascending, descendants included
    matrix: F8  # (m, 4, 4) their world matrices
    variant: tuple[tuple[int, str, str], ...] = ()  # (prim, set, choice): another scene is asked for
    label: tuple[Label, ...] = field(default=())
    fields: FieldShape | None = None
    field_value: F4 = field(default_factory=lambda: np.zeros(0, np.float32))
    """(v,) place on its palette of each point of `fields`, 0…1 from end to end; NaN: no sensor is near.
    Of a flow any number: each 1 is a stripe, NaN: none."""
    stage_at: float | None = None  # stage time code of what bends; None: that of the start


def base_look(scene: SceneArrays) -> Look:
    """Return how a scene looks with no bindings at all."""
    m = len(scene)
    emissive = np.zeros((m, 4), np.uint8)
    emissive[:, :3] = scene.emissive
    emissive[:, 3] = np.where(scene.emissive.any(axis=1), 255, 0)
    return Look(
        seq=0,
        rgba=scene.rgba,
        state=np.zeros(m, np.uint8),
        visible=scene.visible,
        emissive=emissive,
        moved=np.zeros(0, np.uint32),
        matrix=np.zeros((0, 4, 4)),
    )


def changed(old: Look, new: Look) -> U4:
    """Return the prims whose colour, state, visibility or emission differ, ascending."""
    differs = (
        (old.rgba != new.rgba).any(axis=1)
        | (old.state != new.state)
        | (old.visible != new.visible)
        | (old.emissive != new.emissive).any(axis=1)
    )
    return np.flatnonzero(differs).astype(np.uint32)
