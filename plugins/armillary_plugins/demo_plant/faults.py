"""Faults by MQTT, for whoever shows a demonstration: what goes wrong, and how badly. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

FAULTS = "simulator/fault"  # not of the plant


def faults(payload: bytes) -> Mapping[str, float]:
    """Return what a message to `simulator/fault` makes go wrong: names with severities or offsets.

    `{"P-101A.trip": 1, "TT-111": 17}`; 0 mends it. Raises ValueError, in words for the log; nothing of such a
    message is used. Whether a name means something the plant says (`fail`).
    """
    try:
        said = json.loads(payload)
    except ValueError as error:
        raise ValueError(f"{FAULTS}: the payload is not JSON") from error
    if not isinstance(said, dict) or not said:
        raise ValueError(f'{FAULTS}: give an object, {{"P-101A.trip": 1}}')
    for name, value in said.items():
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{FAULTS}: {name} is no number")
    return {name: float(value) for name, value in said.items()}
