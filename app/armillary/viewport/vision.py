"""A picture as people with another colour vision see it: for authors, who choose colours for everybody."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from armillary.model.arrays import F4, U1, frozen

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear sRGB; grey: Rec. 709 luminance
VISIONS = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "grey": ((0.2126, 0.7152, 0.0722),) * 3,
}
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
