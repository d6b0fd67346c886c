"""A picture as people with another colour vision see it: for authors, who choose colours for everybody."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from armillary.model.arrays import F4, U1, frozen
from armillary.model.vision import VISIONS

_KNEE, _KNEE_LINEAR = 0.04045, 0.0031308  # of the sRGB curve
_STEPS = 4096  # of linear light, for the way back by a table


@lru_cache(maxsize=1)
def _tables() -> tuple[F4, U1]:
    srgb = np.arange(256, dtype=np.float32) / 255
    linear = np.where(srgb <= _KNEE, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    light = np.arange(_STEPS, dtype=np.float32) / (_STEPS - 1)
    back = np.where(light <= _KNEE_LINEAR, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return frozen(linear.astype(np.float32)), frozen(np.rint(back * 255).astype(np.uint8))


def simulated(rgba: U1, vision: str) -> U1:
    """Return a copy of a picture (h, w, 4) as seen with a vision of VISIONS; any other name: as it is."""
    if vision not in VISIONS:
        return rgba
    linear, back = _tables()
    seen = linear[rgba[..., :3]] @ np.array(VISIONS[vision], np.float32).T
    out = rgba.copy()
    out[..., :3] = back[np.rint(np.clip(seen, 0, 1) * (_STEPS - 1)).astype(np.uint16)]
    return out
