"""sRGB bytes ↔ OKLab (Ottosson 2020), in which a step looks as large at every place."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import F8, U1

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_KNEE, _SLOPE, _GAMMA = 0.0031308, 12.92, 2.4  # the sRGB transfer curve, IEC 61966-2-1


def oklab(colours: U1) -> F8:
    """Return OKLab coordinates (n, 3) of sRGB bytes (n, 3)."""
    c = colours / 255.0
    linear = np.where(c <= _KNEE * _SLOPE, c / _SLOPE, ((c + 0.055) / 1.055) ** _GAMMA)
    lab: F8 = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def from_oklab(lab: F8) -> U1:
    """Return sRGB bytes (n, 3) of OKLab coordinates (n, 3); what sRGB cannot show is cut off."""
    lms = np.linalg.solve(_TO_LAB, lab.T) ** 3
    linear = np.clip(np.linalg.solve(_TO_LMS, lms).T, 0.0, 1.0)
    c = np.where(linear <= _KNEE, linear * _SLOPE, 1.055 * linear ** (1 / _GAMMA) - 0.055)
    out: U1 = np.rint(c * 255.0).astype(np.uint8)
    return out
