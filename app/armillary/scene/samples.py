"""Whether a layer holds values over time at all: most do not, and then no prim need be asked."""

from __future__ import annotations

import mmap
from typing import Any

_TEXT = b"#usda"


def has_samples(layer: Any) -> bool:
    """Tell whether a layer holds time samples; the words of a text are found sooner than its values.

    A text that was changed in memory may be said to hold samples that are gone: that costs time, no more.
    """
    if not layer.anonymous:
        try:
            with open(layer.realPath, "rb") as file:
                if file.read(len(_TEXT)) == _TEXT:
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                        return text.find(b".timeSamples") >= 0
        except (OSError, ValueError):
            pass  # a layer inside a package, or gone meanwhile: the layer itself knows
    return bool(layer.ListAllTimeSamples())
