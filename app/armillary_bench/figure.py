"""One figure of a bench: a value, what it is held against, and what was checked to be really done."""

from __future__ import annotations

import math

BAR = "bar"  # `against` of a figure that is held against a fixed value


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    against: str,
    against_value: float | None,
    bar: float | None,
    work: str,
    better: str = "lower",
) -> dict[str, object]:
    """Return a figure as `armillary bench --json` answers it.

    ratio is value / against_value, null where there is nothing to compare. The figure holds when the ratio
    is at most the bar (`better` "lower") or at least the bar ("higher"); without a bar it always holds.
    Raises ValueError for a figure that could not be judged or does not say what was done for it.
    """
    if not math.isfinite(value):
        raise ValueError(f"{name}: {value} is no measurement")
    if not work:
        raise ValueError(f"{name}: a figure says what was checked to be really done")
    if better not in {"lower", "higher"}:
        raise ValueError(f"{name}: better is lower or higher, not {better!r}")
    if against_value is not None and not (math.isfinite(against_value) and against_value > 0):
        raise ValueError(f"{name}: nothing can be compared with {against_value}")
    if bar is not None and against_value is None:
        raise ValueError(f"{name}: a bar needs a value to compare with")
    ratio = None if against_value is None else value / against_value
    return {
        "name": name,
        "value": float(value),
        "unit": unit,
        "against": against,
        "against_value": against_value,
        "ratio": ratio,
        "bar": bar,
        "holds": _holds(ratio, bar, better),
        "work": work,
    }


def absolute(
    name: str, value: float, unit: str, limit: float, work: str, better: str = "lower"
) -> dict[str, object]:
    """Return a figure held against a fixed value in its own unit."""
    return figure(name, value, unit, against=BAR, against_value=limit, bar=1.0, work=work, better=better)


def plain(name: str, value: float, unit: str, work: str, against: str = "") -> dict[str, object]:
    """Return a figure that is printed for what it tells beside others and has no bar."""
    return figure(name, value, unit, against=against, against_value=None, bar=None, work=work)


def _holds(ratio: float | None, bar: float | None, better: str) -> bool:
    if ratio is None or bar is None:
        return True
    return ratio <= bar if better == "lower" else ratio >= bar
