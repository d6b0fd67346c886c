"""Prims marked in the scene, as an answer to a question: towards a colour, whatever else colours them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from armillary.encoding.spread import covered
from armillary.model.arrays import B1, I8, U1
from armillary.model.look import Look

SHARE, UNKNOWN_SHARE = 0.75, 0.3  # of the mark's colour: in what was found, in what is not known
GLOW = 200.0  # of 255, where all of the colour is the mark's
MARK = (0x56, 0x92, 0xFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What is marked, n prims."""

    prims: I8
    known: B1  # (n,) False: whether it is found is not known; it is marked faintly

    def over(self, look: Look, ends: I8) -> Look:
        """Return the look with these prims, and all below them, towards the colour of marks.

        ends: (M,) one past the last prim below each.
        """
        share = np.zeros(len(look.rgba))
        for known, amount in ((False, UNKNOWN_SHARE), (True, SHARE)):
            roots = self.prims[self.known == known]
            share[covered(roots, ends[roots], len(share))] = amount
        rgba: U1 = look.rgba.copy()
        part = share[:, None]
        rgba[:, :3] = np.rint(rgba[:, :3] * (1 - part) + np.array(MARK) * part)
        emissive = look.emissive.copy()  # it glows as well: no map of data does that on grey equipment
        marked = share > 0
        emissive[marked, :3] = MARK
        emissive[marked, 3] = np.rint(share[marked] * GLOW)
        for array in (rgba, emissive):
            array.setflags(write=False)
        return replace(look, rgba=rgba, emissive=emissive)
