"""Everything that is normal drawn faintly, so that what is not can be seen through all the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.encoding.resolve import GHOST_SHARE
from armillary.encoding.spread import covered
from armillary.model.arrays import B1, I8
from armillary.model.look import QUALITY_NIBBLE, Look
from armillary.model.quality import STALE


def solid(look: Look, ends: I8, alarmed: I8) -> B1:
    """Return which prims (M,) are not normal: with an alarm, or stale or worse, with all below these.

    alarmed: prims with an alarm that is shown; ends: (M,) one past the last prim below each.
    """
    lost = np.flatnonzero(look.state & QUALITY_NIBBLE >= STALE)
    roots = np.union1d(alarmed[alarmed < len(ends)], lost).astype(np.int64)
    return covered(roots, ends[roots], len(ends))


def ghosted(look: Look, kept: B1) -> Look:
    """Return the look with all but some prims (M,) faint, and without the labels of these."""
    rgba = look.rgba.copy()
    rgba[~kept, 3] = np.rint(rgba[~kept, 3] * GHOST_SHARE)
    rgba.setflags(write=False)
    return replace(look, rgba=rgba, label=tuple(label for label in look.label if kept[label.prim]))
