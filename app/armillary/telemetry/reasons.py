"""Why a value is not good, in words for the person at its tag."""

from __future__ import annotations

import math
from functools import lru_cache

from armillary.model.quality import BAD, CONFIG
from armillary.model.units import same

CONFLICT = BAD | CONFIG
UNIT_CONFLICT = "unit conflict"
SHOWN = 24  # of a text that came instead of a number
_KINDS = {dict: "a group of fields", list: "a list", bytes: "bytes", bool: "true or false", str: "text"}
_WANTED = {
    "number": "a number",
    "bool": "true or false",
    "enum": "a known state",
    "array": "a list of numbers",
}


def explained(value: object, kind: str) -> str:
    """Return why a decoded value does not fit its tag: `text instead of a number: 'ERR7'`, `null`."""
    if value is None:
        return "null"
    wanted = _WANTED.get(kind, kind)
    if isinstance(value, bool):
        return f"{str(value).lower()} instead of {wanted}"
    if isinstance(value, int | float):
        if kind == "array":
            return f"one number instead of {wanted}"
        return "not a number" if _is_nan(value) else "not a number: beyond 1e308"
    if isinstance(value, str):
        short = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
        return f"text instead of {wanted}: {short!r}"
    if kind == "array" and isinstance(value, list | tuple):
        return "not a list of numbers, or too long"
    return f"{_KINDS.get(type(value), type(value).__name__)} instead of {wanted}"


def _is_nan(value: float) -> bool:
    try:
        return math.isnan(value)
    except OverflowError:  # a whole number beyond 1e308
        return False


@lru_cache(maxsize=4096)
def conflict(said: str, expected: str) -> str:
    """Return why the unit that came is not the one expected, "" where it is, or none is expected."""
    said = said.strip()
    if not said or not expected or same(said, expected):
        return ""
    short = said if len(said) <= SHOWN else f"{said[:SHOWN]}…"
    return f"{UNIT_CONFLICT}: it says {short}, {expected} is expected"
