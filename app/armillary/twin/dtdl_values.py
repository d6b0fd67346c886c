"""Data against schemas of DTDL: whether a value is what the model says it is, and where it is not."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from armillary.model.dtdl import Schema
from armillary.twin.dtdl_literals import DURATION

_RANGES: Mapping[str, tuple[int, int]] = {
    "byte": (-(2**7), 2**7 - 1),
    "short": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedByte": (0, 2**8 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedInteger": (0, 2**32 - 1),
    "unsignedLong": (0, 2**64 - 1),
}
_FLOAT_MAX = 3.4028234663852886e38
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:Z|[+-]([0-9]{2}):([0-9]{2}))")
_DECIMAL = re.compile(r"[+-]?(?:[1-9][0-9]*|0)(?:\.[0-9]*)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_DEPTH = 64  # a value nested deeper than this is refused


def fits(kind: str, value: object) -> bool:
    """Return whether a value fits a primitive or geospatial schema, by its name."""
    if kind in _RANGES:
        low, high = _RANGES[kind]
        return type(value) is int and low <= value <= high
    check = _CHECKS.get(kind)
    return check is None or check(value)


def _is_double(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_float(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= _FLOAT_MAX
    )


def _is_date(value: object) -> bool:
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return False
    try:
        date(*map(int, found.groups()))
    except ValueError:
        return False
    return True


def _is_time(value: object) -> bool:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return False
    hour, minute, second = (int(found[i]) for i in (1, 2, 3))
    zone = int(found[4] or 0), int(found[5] or 0)
    return hour < 24 and minute < 60 and second < 60 and zone <= (14, 0) and zone[1] < 60  # noqa: PLR2004 - clock


def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return False
    day, mark, clock = value.partition("T")
    return bool(mark) and _is_date(day) and _is_time(clock)


def _is_text(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_bytes(value: object) -> bool:
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        return False
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


def _is_position(value: object) -> bool:
    return isinstance(value, list) and all(_is_double(part) for part in value)


def _positions(depth: int) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        rest: list[tuple[object, int]] = [(value, depth)]
        while rest:
            one, left = rest.pop()
            if left == 0:
                if not _is_position(one):
                    return False
            elif isinstance(one, list):
                rest.extend((part, left - 1) for part in one)
            else:
                return False
        return True

    return check


def _geometry(kind: str, depth: int) -> Callable[[object], bool]:
    name, coordinates = kind[0].upper() + kind[1:], _positions(depth)

    def check(value: object) -> bool:
        return (
            isinstance(value, dict)
            and value.keys() <= {"type", "coordinates"}
            and value.get("type", name) == name
            and ("coordinates" not in value or coordinates(value["coordinates"]))
        )

    return check


def _numbers(*names: str) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        return (
            isinstance(value, dict)
            and value.keys() <= set(names)
            and all(_is_double(part) for part in value.values())
        )

    return check


def _is_scaled(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= {"value", "scale"}
        and fits("decimal", value.get("value", "0"))
        and fits("short", value.get("scale", 0))
    )


_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "double": _is_double,
    "float": _is_float,
    "date": _is_date,
    "time": _is_time,
    "dateTime": _is_moment,
    "duration": _is_text(DURATION),
    "decimal": _is_text(_DECIMAL),
    "uuid": _is_text(_UUID),
    "bytes": _is_bytes,
    "point": _geometry("point", 0),
    "multiPoint": _geometry("multiPoint", 1),
    "lineString": _geometry("lineString", 1),
    "multiLineString": _geometry("multiLineString", 2),
    "polygon": _geometry("polygon", 2),
    "multiPolygon": _geometry("multiPolygon", 3),
    "scaledDecimal": _is_scaled,
    "vector": _numbers("x", "y", "z"),
    "geopoint": _numbers("lat", "lon", "alt"),
}


def faults(schema: Schema, value: object, schemas: Mapping[str, Schema] | None = None) -> Iterator[str]:
    """Yield what is wrong with a value, each as one phrase that names the place: `/x is not a double`.

    `schemas` are the model's named schemas, for those that are met inside themselves.
    """
    yield from _faults(schema, value, schemas or {}, "", 0)


def conforms(schema: Schema, value: object, schemas: Mapping[str, Schema] | None = None) -> bool:
    """Return whether a value is what its schema says."""
    return next(faults(schema, value, schemas), None) is None


def _faults(
    schema: Schema, value: object, schemas: Mapping[str, Schema], where: str, depth: int
) -> Iterator[str]:
    name = where or "the value"
    if depth > _DEPTH:
        yield f"{name} is nested deeper than {_DEPTH}"
        return
    if schema.again:
        schema = schemas.get(schema.id, schema)
    if schema.kind == "Enum":
        if not any(type(value) is type(v.number) and value == v.number for v in schema.values):
            yield f"{name} is none of the values of its Enum"
    elif schema.kind == "Array":
        if not isinstance(value, list):
            yield f"{name} is not a list"
        elif schema.element is not None:
            for index, part in enumerate(value):
                yield from _faults(schema.element, part, schemas, f"{where}/{index}", depth + 1)
    elif schema.kind == "Map":
        if not isinstance(value, dict):
            yield f"{name} is not a map"
        elif schema.value is not None:
            for key, part in value.items():
                yield from _faults(schema.value.schema, part, schemas, f"{where}/{key}", depth + 1)
    elif schema.kind == "Object":
        yield from _object(schema, value, schemas, where, depth)
    elif not fits(schema.kind, value):
        yield f"{name} is not a {schema.kind}"


def _object(
    schema: Schema, value: object, schemas: Mapping[str, Schema], where: str, depth: int
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where or 'the value'} is not an object"
        return
    known = {f.name: f for f in schema.fields}
    for key, part in value.items():
        if key not in known:
            yield f"{where}/{key} is no field of its Object"
        else:
            yield from _faults(known[key].schema, part, schemas, f"{where}/{key}", depth + 1)
    for one in schema.fields:
        if one.required and one.name not in value:
            yield f"{where}/{one.name} is required and missing"
