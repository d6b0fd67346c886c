"""Signs of quality in the picture, beside the patterns: who is a substitute, doubtful, old, or holds such."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.encoding.program import Program
from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.model.look import (
    BELOW_BAD,
    BELOW_STALE,
    HALF,
    HIDDEN_BELOW,
    QUALITY_NIBBLE,
    Look,
    Marks,
    lost_below,
    no_marks,
)
from armillary.model.quality import STALE, SUBSTITUTED
from armillary.session.mirror import Mirror


def with_parents(program: Program, look: Look) -> Look:
    """Return the look in which parts of whose own parts half are stale or worse look stale themselves.

    Only parts without tags of their own: the others say how they are.
    """
    told = program.mark_prim
    if not len(told) or not (look.state[told] & QUALITY_NIBBLE >= STALE).any():
        return look
    count, lost, _ = lost_below(look.state, told, program.ends)
    parent = (count > 0) & (lost >= HALF * count) & program.scene.drawable
    parent[told] = False
    if not parent.any():
        return look
    state = look.state.copy()
    state[parent] = STALE
    state.setflags(write=False)
    return replace(look, state=state)


def marks(program: Program, look: Look, mirror: Mirror, now_mono_ns: int) -> Marks:
    """Return the signs of a look; those of parts that are not shown are left out."""
    told = program.mark_prim
    rank = look.state[told] & QUALITY_NIBBLE
    if not rank.any():
        return no_marks()
    own = np.flatnonzero((rank >= SUBSTITUTED) & (rank <= STALE))
    prim, kind = told[own], rank[own].astype(np.uint8)
    age = _ages(program, mirror, now_mono_ns)[own]
    count, lost, bad = lost_below(look.state, told, program.ends)
    holds = np.zeros(len(look.state), np.bool_)
    above = program.scene.parent[told]
    holds[above[above >= 0]] = True
    holds &= (count > 0) & (lost > 0)
    holds[told] = False
    parents = np.flatnonzero(holds)
    dots = np.where(bad[parents] > 0, BELOW_BAD, BELOW_STALE).astype(np.uint8)
    prim = np.concatenate([prim, parents])
    kind = np.concatenate([kind, dots])
    age = np.concatenate([age, np.full(len(parents), np.nan)])
    order = np.argsort(prim, kind="stable")
    order = order[look.visible[prim[order]]]
    return Marks(prim=prim[order], kind=kind[order], age_s=age[order])


def with_dots(marks: Marks, holders: I8) -> Marks:
    """Return the signs with a dot at each of these prims (h,) ascending: alarms are hidden inside."""
    if not len(holders):
        return marks
    prim = np.concatenate([marks.prim, holders])
    order = np.argsort(prim, kind="stable")
    kind = np.concatenate([marks.kind, np.full(len(holders), HIDDEN_BELOW, np.uint8)])
    age = np.concatenate([marks.age_s, np.full(len(holders), np.nan)])
    return Marks(prim=prim[order], kind=kind[order], age_s=age[order])


def _ages(program: Program, mirror: Mirror, now_mono_ns: int) -> F8:
    """Return the age in s of the oldest tag of each prim that has some, (q,); NaN where none ever came."""
    slot = _slots(program)[program.mark_source]
    known = (slot >= 0) & (slot < len(mirror))
    each = np.full(len(slot), -1.0)
    each[known] = mirror.age_ns(slot[known].astype(np.uint32), now_mono_ns) / NS
    oldest = np.maximum.reduceat(each, program.mark_start) if len(each) != len(program.mark_prim) else each
    out: F8 = np.where(oldest >= 0, oldest, np.nan)
    return out


def _slots(program: Program) -> I8:
    """Return the tag behind each entry of the value vector, -1 where it is none of the world's."""
    n, d = program.tags, len(program.strict_source)
    out = np.full(program.entries, -1, np.int64)
    out[:n] = np.arange(n)
    out[n : n + d] = program.strict_source
    for coded in program.coded:
        out[coded.target] = coded.slot
    for group in program.derived:
        out[group.target] = out[group.x]
    return out
