"""Unit strings → factor and offset, checked at configuration time; the only home of pint."""

from __future__ import annotations

from functools import cache

import pint

from armillary.model.fault import ProjectFault

# What plants write and pint spells differently. OPC UA display names and UNECE habits included.
_SPELLINGS = {
    "": "",
    "%": "percent",
    "°C": "degC",
    "°F": "degF",
    "‰": "permille",
    "m³/h": "m**3/h",
    "m3/h": "m**3/h",
    "m³/s": "m**3/s",
    "m³": "m**3",
    "mm/s²": "mm/s**2",
    "m/s²": "m/s**2",
    "kWh/m³": "kWh/m**3",
    "rpm": "rpm",
    "°": "degree",
    "l/s": "l/s",
    "bar(g)": "bar",
}


@cache
def _registry() -> pint.UnitRegistry[float]:
    registry: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    return registry


@cache
def conversion(source: str, target: str, where: str = "") -> tuple[float, float]:
    """Return (factor, offset) with shown = raw × factor + offset; (1, 0) when a side is empty or equal.

    Raises ProjectFault for a unit that is not known or of another dimension.
    """
    if not source or not target or source == target:
        return 1.0, 0.0
    registry = _registry()
    try:
        zero = (
            registry.Quantity(0.0, _SPELLINGS.get(source, source))
            .to(_SPELLINGS.get(target, target))
            .magnitude
        )
        one = (
            registry.Quantity(1.0, _SPELLINGS.get(source, source))
            .to(_SPELLINGS.get(target, target))
            .magnitude
        )
    except pint.DimensionalityError:
        raise ProjectFault(
            f"The units '{source}' and '{target}' measure different things.",
            where=where,
            remedy="Give a unit of the same dimension.",
        ) from None
    except (
        pint.UndefinedUnitError,
        pint.PintError,
        ValueError,
        TypeError,
        AttributeError,
        AssertionError,
    ) as error:
        raise ProjectFault(
            f"The unit '{source}' or '{target}' is not known.",
            where=where,
            remedy="Correct its spelling (pint).",
        ) from error
    return float(one - zero), float(zero)
