"""The values in a document: their paths, what they seem to be, and units that names or neighbours tell.

Pure and bounded: hostile documents give at most `most` leaves, none deeper than 16.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DEEPEST, SHOWN = 16, 80
_WORD = re.compile(r"[^\W_]+|[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNIT_KEYS = ("unit", "units", "uom", "u", "unit_of_measurement", "engUnit", "engineeringUnit")
_VALUE_KEYS = ("value", "v", "val", "Value")
# the last word of a name → the unit that it tells; one-letter ones are too often something else
_SUFFIX = {
    "degc": "°C", "celsius": "°C", "degf": "°F", "fahrenheit": "°F", "kelvin": "K", "pct": "%",
    "percent": "%", "bar": "bar", "mbar": "mbar", "kpa": "kPa", "mpa": "MPa", "psi": "psi", "rpm": "rpm",
    "kw": "kW", "kwh": "kWh", "mw": "MW", "wh": "Wh", "volt": "V", "volts": "V", "amp": "A", "amps": "A",
    "hz": "Hz", "khz": "kHz", "mm": "mm", "cm": "cm", "km": "km", "kg": "kg", "lpm": "l/min", "lph": "l/h",
    "m3h": "m³/h", "mms": "mm/s", "ms": "ms", "ppm": "ppm", "lux": "lx", "dbm": "dBm", "db": "dB",
}  # fmt: skip
_PAIRS = {
    ("mm", "s"): "mm/s",
    ("m", "s"): "m/s",
    ("m3", "h"): "m³/h",
    ("l", "min"): "l/min",
    ("l", "h"): "l/h",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a document, or a group of them."""

    path: str  # as a tag's address has it
    kind: str  # number | bool | text | array | object | null
    text: str  # its value, cut
    unit: str = ""
    told: bool = False  # the document says the unit; else it is guessed from the name


def kind_of(value: object) -> str:
    """Return what a value of a document is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list | tuple) else "text"


def shown(value: object) -> str:
    """Return a value as a list shows it, cut."""
    if isinstance(value, str):
        return value[:SHOWN].encode("utf-8", "replace").decode()  # halves of characters do not travel
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**SHOWN else "a very large number"
    if isinstance(value, Mapping):
        return f"{len(value)} fields"
    return f"{len(value)} values" if isinstance(value, list | tuple) else type(value).__name__


def step(path: str, key: str) -> str:
    """Return the path of a member of what is at a path."""
    name = key if key.isidentifier() else f"`{key}`"
    return f"{path}.{name}" if path else name


def children(document: object, path: str, most: int = 500) -> list[Leaf]:
    """Return the members of one object or list of a document, which is at `path`; [] for anything else."""
    return [leaf for leaf, _ in _members(document, path, most)]


def leaves(document: object, most: int = 500) -> Iterator[Leaf]:
    """Return the single values of a document, depth first; a list is one leaf, and so is what is deepest."""
    stack = [(leaf, value, 1) for leaf, value in reversed(_members(document, "", most))]
    while stack and most > 0:
        leaf, value, depth = stack.pop()
        if leaf.kind == "object" and depth < DEEPEST:
            inner = _members(value, leaf.path, most)
            stack += [(each, its, depth + 1) for each, its in reversed(inner)]
            continue
        most -= 1
        yield leaf


def _members(document: object, path: str, most: int) -> list[tuple[Leaf, object]]:
    if isinstance(document, Mapping):
        keys = [str(key) for key in list(document)[:most]]
        found = ((key, document.get(key)) for key in keys if "`" not in key and key.isprintable())
        return [(_leaf(step(path, key), key, value, document), value) for key, value in found]
    if isinstance(document, list | tuple):
        return [(_leaf(f"{path}[{i}]", "", value, {}), value) for i, value in enumerate(document[:most])]
    return []


def at(document: object, path: str) -> object:
    """Return what is at a path that `leaves` or `children` gave, None where nothing is."""
    for name in re.findall(r"`[^`]*`|\[\d+\]|[^.\[\]`]+", path):
        if name.startswith("["):
            index = int(name[1:-1])
            if not isinstance(document, list | tuple) or index >= len(document):
                return None
            document = document[index]
        elif isinstance(document, Mapping):
            document = document.get(name.strip("`"))
        else:
            return None
    return document


def _leaf(path: str, key: str, value: object, beside: Mapping[object, object]) -> Leaf:
    kind = kind_of(value)
    told = _told(key, beside) if kind == "number" else ""
    unit = told or (guessed_unit(key) if kind == "number" else "")
    return Leaf(path, kind, shown(value), unit, bool(told))


def _told(key: str, beside: Mapping[object, object]) -> str:
    """Return the unit that a neighbour of a value tells: `value` beside `unit`, `flow` beside `flow_unit`."""
    names = [f"{key}_unit", f"{key}Unit", *(_UNIT_KEYS if key in _VALUE_KEYS else ())]
    found = next((beside[name] for name in names if isinstance(beside.get(name), str)), "")
    return str(found)[:16]


def guessed_unit(name: str) -> str:
    """Return the unit that the end of a name tells (`flow_m3_h`, `pressureBar`), "" where it tells none."""
    words = [w.lower() for w in _WORD.findall(_CAMEL.sub("_", name).replace("_", " "))]
    if len(words) > 2 and (pair := _PAIRS.get((words[-2], words[-1]))):  # noqa: PLR2004  a name and two
        return pair
    return _SUFFIX.get(words[-1], "") if len(words) > 1 else ""
