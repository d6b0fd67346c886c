"""Unit strings → factor and offset, checked at configuration time; the only home of pint.

pint takes half a second to load and to read its definitions, in every process that opens a project: it is
asked only for what the table of common units does not hold.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from armillary.model.fault import ProjectFault

if TYPE_CHECKING:
    import pint

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

# Unit → (what it measures, factor to the base unit of that, offset to it). A test holds it against pint.
_COMMON = {
    unit: (what, factor, offset)
    for what, units in {
        "ratio": {"%": (1e-2, 0.0), "‰": (1e-3, 0.0)},
        "length": {"m": (1.0, 0.0), "cm": (1e-2, 0.0), "mm": (1e-3, 0.0), "km": (1e3, 0.0)},
        "volume": {"m³": (1.0, 0.0), "l": (1e-3, 0.0)},
        "mass": {"kg": (1.0, 0.0), "g": (1e-3, 0.0), "t": (1e3, 0.0)},
        "time": {"s": (1.0, 0.0), "ms": (1e-3, 0.0), "min": (60.0, 0.0), "h": (3600.0, 0.0)},
        "flow": {
            "m³/s": (3600.0, 0.0),
            "m³/h": (1.0, 0.0),
            "m3/h": (1.0, 0.0),
            "l/s": (3.6, 0.0),
            "l/min": (0.06, 0.0),
            "l/h": (1e-3, 0.0),
        },
        "speed": {"m/s": (1.0, 0.0), "mm/s": (1e-3, 0.0)},
        "acceleration": {"m/s²": (1.0, 0.0), "mm/s²": (1e-3, 0.0)},
        "pressure": {
            "Pa": (1.0, 0.0),
            "kPa": (1e3, 0.0),
            "MPa": (1e6, 0.0),
            "mbar": (1e2, 0.0),
            "bar": (1e5, 0.0),
            "bar(g)": (1e5, 0.0),
        },
        "power": {"W": (1.0, 0.0), "kW": (1e3, 0.0), "MW": (1e6, 0.0)},
        "energy": {"kWh": (1.0, 0.0), "Wh": (1e-3, 0.0), "MWh": (1e3, 0.0), "kJ": (1 / 3600, 0.0)},
        "temperature": {"K": (1.0, 0.0), "°C": (1.0, 273.15)},
        "current": {"A": (1.0, 0.0), "mA": (1e-3, 0.0)},
        "voltage": {"V": (1.0, 0.0), "mV": (1e-3, 0.0), "kV": (1e3, 0.0)},
    }.items()
    for unit, (factor, offset) in units.items()
}


_SAME = {
    "℃": "°C", "degc": "°C", "deg_c": "°C", "cel": "°C", "celsius": "°C", "c": "°C",
    "kelvin": "K", "degf": "°F", "℉": "°F", "percent": "%", "pct": "%", "‰": "‰",
    "kph": "km/h", "litre": "l", "liter": "l", "hours": "h", "seconds": "s", "sec": "s",
    "pascal": "Pa", "watt": "W", "kilowatt": "kW", "volt": "V", "ampere": "A", "amp": "A",
}  # fmt: skip
_PLAIN = str.maketrans({"³": "3", "²": "2", "^": "", "*": "", " ": "", "µ": "u", "μ": "u", "·": "."})


def same(a: str, b: str) -> bool:
    """Return whether two spellings mean one unit. Looks at tables only: one may come from a stranger."""
    if a == b:
        return True
    a, b = (_SAME.get(unit.strip().casefold(), unit.strip()) for unit in (a, b))
    mine, other = _COMMON.get(a), _COMMON.get(b)
    if mine is not None and other is not None:
        return mine == other
    return a.translate(_PLAIN) == b.translate(_PLAIN)


_MASS_FLOWS = frozenset({"kg/s", "kg/h", "kg/min", "t/h", "g/s", "g/h"})


def quantity(unit: str) -> str:
    """Return what a unit measures, such as `pressure`; "" where the table of common units does not say."""
    if unit in _MASS_FLOWS:
        return "flow"
    if unit == "°F":
        return "temperature"
    known = _COMMON.get(_SAME.get(unit.strip().casefold(), unit.strip()))
    return known[0] if known is not None else ""


@cache
def _registry() -> pint.UnitRegistry[float]:
    import pint

    registry: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    return registry


@cache
def conversion(source: str, target: str, where: str = "") -> tuple[float, float]:
    """Return (factor, offset) with shown = raw × factor + offset; (1, 0) when a side is empty or equal.

    Raises ProjectFault for a unit that is not known or of another dimension.
    """
    if not source or not target or source == target:
        return 1.0, 0.0
    mine, other = _COMMON.get(source), _COMMON.get(target)
    if mine is not None and other is not None and mine[0] == other[0]:
        return mine[1] / other[1], (mine[2] - other[2]) / other[1]
    return _by_pint(source, target, where)


_OVER_TIME = {"power": ("energy", 3.6e6), "flow": ("volume", 3600.0), "speed": ("length", 1.0)}
_A_TIME = {whole: (part, 1.0 / n) for part, (whole, n) in _OVER_TIME.items()}


@cache
def over_time(source: str, target: str, power: int, where: str = "") -> float:
    """Return the factor to `target` from `source` times seconds (power 1), a second (-1) or as it is (0).

    Differences are meant: 1 °C is 1 K. 1 when a side is empty. Raises ProjectFault as `conversion`.
    """
    if not source or not target or (power == -1 and target == f"{source}/s"):
        return 1.0
    if power == 0:
        return conversion(source, target, where)[0]
    mine, other = _COMMON.get(source), _COMMON.get(target)
    turned = (_OVER_TIME if power > 0 else _A_TIME).get(mine[0]) if mine is not None else None
    if mine is not None and other is not None and turned is not None and turned[0] == other[0]:
        return mine[1] / turned[1] / other[1]
    spelled = _SPELLINGS.get(source, source).replace("deg", "delta_deg")
    return _by_pint(f"({spelled}) {'*' if power > 0 else '/'} s", target, where)[0]


_DIFFERENCES = {"°C": "K", "°F": "delta_degF", "degC": "K", "degF": "delta_degF"}
_RAISED = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻˙")
_NONE = 1e-9  # of a power that cancelled out
_HELD = {"kW·h": "kWh", "W·h": "Wh", "MW·h": "MWh", "kJ·s": "kJ·s", "A·h": "Ah", "W·s": "J", "N·m": "Nm"}


@cache
def product(parts: tuple[tuple[str, float], ...], where: str = "") -> str:
    """Return the unit of a product of units, each raised to a power: (("kW", 1), ("m³/h", -1)) → `kWh/m³`.

    Nothing is scaled: a number in that unit is the product of the numbers. "" = a plain number, also where
    parts of it cancel out (m³/h over l/s is 0.2778, which no unit says: such a product keeps its parts).
    Raises ProjectFault for a unit that is not known.
    """
    import pint

    whole: dict[str, float] = {}
    registry = _registry()
    for unit, power in parts:
        spelled = _SPELLINGS.get(unit, unit)
        spelled = _DIFFERENCES.get(unit, spelled)
        try:
            items = registry.parse_units(spelled)._units if spelled else {}  # noqa: SLF001  no other way
        except (pint.UndefinedUnitError, pint.PintError, ValueError, TypeError, AttributeError) as error:
            raise ProjectFault(
                f"The unit '{unit}' is not known.", where=where, remedy="Correct its spelling (pint)."
            ) from error
        for name, count in items.items():
            whole[name] = whole.get(name, 0.0) + float(count) * power  # type: ignore[arg-type]  # a power is real
    short = {registry.get_symbol(name): count for name, count in whole.items() if abs(count) > _NONE}
    return _spelled(short)


def _spelled(powers: dict[str, float]) -> str:
    """Return units with powers as a plant writes them: `kWh/m³`."""
    above = "·".join(_raised(name, n) for name, n in powers.items() if n > 0)
    below = [_raised(name, -n) for name, n in powers.items() if n < 0]
    for long, short in _HELD.items():
        if above == long or above.startswith(f"{long}·"):
            above = short + above[len(long) :]
    if not below:
        return above
    return f"{above or '1'}/{below[0] if len(below) == 1 else '(' + '·'.join(below) + ')'}"


def _raised(name: str, power: float) -> str:
    return name if power == 1 else f"{name}{f'{power:g}'.translate(_RAISED)}"


def _by_pint(source: str, target: str, where: str) -> tuple[float, float]:
    import pint

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
