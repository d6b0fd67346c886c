"""How urgent an alarm is: the priority that a consequence and the time to respond give."""

from __future__ import annotations

SEVERITIES = ("minor", "major", "severe")
# by severity: with more than 30 min to respond, 10 to 30, 3 to 10, less than 3
MATRIX: dict[str, tuple[int, int, int, int]] = {
    "minor": (4, 4, 3, 3),
    "major": (4, 3, 2, 2),
    "severe": (3, 2, 1, 1),
}
_BOUNDS_S = (1_800.0, 600.0, 180.0)


def rated(severity: str, respond_s: float) -> int:
    """Return the priority 1 to 4; without a time to respond it is taken as more than half an hour."""
    late = sum(0 < respond_s <= bound for bound in _BOUNDS_S)
    return MATRIX[severity][late]
