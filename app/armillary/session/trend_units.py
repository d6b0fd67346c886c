"""Units of a trend's axes: pens of a unit read in another one, so that kPa and bar can share an axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from armillary.model.fault import Fault
from armillary.model.units import conversion
from armillary.session.trend_pen import Pen

# What engineers read each other's numbers in; a unit is offered those of its own row.
FAMILIES = (
    ("°C", "K", "°F"),
    ("Pa", "kPa", "MPa", "mbar", "bar", "psi"),
    ("m³/s", "m³/h", "l/s", "l/min", "l/h"),
    ("m³", "l"),
    ("mm", "cm", "m", "km"),
    ("mm/s", "m/s", "km/h"),
    ("mm/s²", "m/s²"),
    ("W", "kW", "MW"),
    ("Wh", "kWh", "MWh", "kJ"),
    ("g", "kg", "t"),
    ("mA", "A"),
    ("mV", "V", "kV"),
    ("ms", "s", "min", "h"),
)


def offered(unit: str) -> tuple[str, ...]:
    """Return the units that one can be read in, itself included; () for one that we know nothing of."""
    return next((row for row in FAMILIES if unit in row), ())


def factors(unit: str, units: Mapping[str, str]) -> tuple[str, float, float]:
    """Return (unit shown, factor, offset) of a tag's unit; what cannot be converted stays as it is."""
    shown = units.get(unit, "")
    if not shown or shown == unit:
        return unit, 1.0, 0.0
    try:
        factor, offset = conversion(unit, shown, "trends")
    except Fault:
        return unit, 1.0, 0.0
    return shown, factor, offset


def converted(pen: Pen, units: Mapping[str, str]) -> Pen:
    """Return a pen in the unit that it is read in; the same object when that is its own."""
    shown, factor, offset = factors(pen.unit, units)
    if shown == pen.unit:
        return pen
    low, high = pen.low * factor + offset, pen.high * factor + offset
    if factor < 0:
        low, high = high, low
    return replace(pen, unit=shown, low=low, high=high, bound=pen.bound * abs(factor))
