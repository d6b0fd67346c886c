"""One payload → one Python document, or the reason why not; and one value → number, quality, text.

Bounded: nesting 64, 10,000 fields. A document in which only some numbers are impossible (NaN, 1e400) is
read by a second, tolerant reader, so that the other fields are kept.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime

import orjson

from armillary.model.arrays import F4
from armillary.model.payload import MAX_DEPTH, MAX_FIELDS, Undecodable, check_size
from armillary.model.quality import BAD, DECODE, GOOD
from armillary.model.sample import Text, array_of

UNREADABLE = BAD | DECODE
ON_WORDS = frozenset({"true", "on", "yes", "open", "opened", "running", "1"})
OFF_WORDS = frozenset({"false", "off", "no", "close", "closed", "stopped", "0"})

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_OPENS, _CLOSES = b"[{", b"]}"
_NO_BRACKET = bytes(set(range(256)) - set(_OPENS + _CLOSES))
_NOT_NUMBER = float("nan")
_AS_TEXT = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
TEXT_KEPT = 1024


def document(data: bytes) -> object:
    """Return the JSON document of a payload. Raises Undecodable."""
    check_bounds(data)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _tolerant(data, error)


def check_bounds(data: bytes) -> None:
    """Raise Undecodable for a payload over 1 MiB, nested deeper than 64, or with over 10,000 fields."""
    check_size(data)
    if not is_suspect(data):
        return
    bare = _STRING.sub(b"", data)
    if bare.count(b":") > MAX_FIELDS:
        raise Undecodable(f"too many fields: {bare.count(b':')}, the limit is {MAX_FIELDS}")
    depth = 0
    for sign in bare.translate(None, _NO_BRACKET):  # a long list of numbers has few
        if sign in _OPENS:
            depth += 1
            if depth > MAX_DEPTH:
                raise Undecodable(f"too deep: the limit is {MAX_DEPTH} levels")
        elif sign in _CLOSES:
            depth -= 1


def is_suspect(data: bytes) -> bool:
    """Return whether a payload might break the limits and needs `check_bounds`; quick, never wrong on «no».

    A level needs an opening sign and a field a colon; strings may hold more of either.
    """
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH or len(data) > MAX_FIELDS


def _tolerant(data: bytes, refusal: orjson.JSONDecodeError) -> object:
    """Return the document with NaN and infinities where orjson refuses them. Raises Undecodable."""
    try:
        return json.loads(data)
    except UnicodeDecodeError as error:
        raise Undecodable(f"not UTF-8 at byte {error.start}", error.start) from None
    except ValueError as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else refusal.pos
        raise Undecodable(f"not JSON at byte {at}", at) from None
    except RecursionError:
        raise Undecodable(f"too deep: the limit is {MAX_DEPTH} levels") from None


def converted(
    value: object, kind: str, states: Sequence[tuple[float, str]], coerce: bool = False
) -> tuple[float, int, Text | F4 | None]:
    """Return (number, quality, text or array) of one decoded value; what does not fit is BAD|DECODE.

    Numbers are taken from strings only with `coerce`. bool and enum take their words, or names in `states`.
    """
    if kind == "array":
        array = array_of(value)
        return (_NOT_NUMBER, UNREADABLE, None) if array is None else (_NOT_NUMBER, GOOD, array)
    if kind in ("text", "struct"):
        return _NOT_NUMBER, GOOD, _as_text(value)
    if isinstance(value, bool):
        return (_NOT_NUMBER, UNREADABLE, None) if kind == "number" else (float(value), GOOD, None)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:  # an integer beyond 1e308, from the tolerant reader
            number = math.inf
        return (number, GOOD, None) if math.isfinite(number) else (_NOT_NUMBER, UNREADABLE, None)
    if kind != "number" and isinstance(value, str):
        return _named(value, states)
    if coerce and isinstance(value, str):
        spelled = parsed_number(value.strip())
        if spelled is not None and math.isfinite(spelled):
            return spelled, GOOD, None
    return _NOT_NUMBER, UNREADABLE, None


def scalar(data: bytes, kind: str, states: Sequence[tuple[float, str]]) -> tuple[float, int, Text | None]:
    """Return (number, quality, text) of a payload that is one bare value: `12.5`, `ON`, any text."""
    check_size(data)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Undecodable(f"not UTF-8 at byte {error.start}", error.start) from None
    if kind in ("text", "struct"):
        return _NOT_NUMBER, GOOD, text
    stripped = text.strip()
    number = None if kind == "array" else parsed_number(stripped)
    if number is not None:
        return (number, GOOD, None) if math.isfinite(number) else (_NOT_NUMBER, UNREADABLE, None)
    return (_NOT_NUMBER, UNREADABLE, None) if kind in ("number", "array") else _named(stripped, states)


def parsed_number(text: str) -> float | None:
    """Return the number a text spells, None for none. A comma is never taken for a decimal point."""
    if "_" in text:  # Python's own spelling, nobody else's
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _named(text: str, states: Sequence[tuple[float, str]]) -> tuple[float, int, Text | None]:
    folded = text.strip().casefold()
    for number, name in states:
        if name.casefold() == folded:
            return number, GOOD, None
    if folded in ON_WORDS:
        return 1.0, GOOD, None
    if folded in OFF_WORDS:
        return 0.0, GOOD, None
    return _NOT_NUMBER, UNREADABLE, None


def _as_text(value: object) -> Text:
    """Return a text, or a structure as JSON; what JSON has no words for is told as Python does, in short."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        return orjson.dumps(value, default=_told, option=_AS_TEXT).decode()
    except (TypeError, ValueError):  # an integer beyond 64 bits, a mixed tree
        return _told(value)


def _told(value: object) -> str:
    if isinstance(value, bytes):
        return value[:TEXT_KEPT].hex()
    if isinstance(value, int) and value.bit_length() > TEXT_KEPT:
        return f"a whole number of {value.bit_length()} bits"
    return repr(value)[:TEXT_KEPT]


# ---- times

EPOCH_S, EPOCH_MS, EPOCH_US = 1e11, 1e14, 1e17
"""Epoch times below these are in s, ms, µs; above, in ns. No time between 1974 and 5138 is ambiguous."""
TOO_LATE = 9_200_000_000_000_000_000  # near the end of int64, year 2261: refused as implausible downstream


def epoch_unit(value: float) -> str:
    """Return the unit that an epoch time is taken to be in, by its magnitude: s, ms, µs or ns."""
    size = abs(value)
    return "s" if size < EPOCH_S else "ms" if size < EPOCH_MS else "µs" if size < EPOCH_US else "ns"


_SCALE = {"s": 1_000_000_000, "ms": 1_000_000, "µs": 1_000, "ns": 1}


def source_ns(value: object) -> int:
    """Return ns since 1970 UTC of a payload's time: epoch number by magnitude, or ISO 8601 with a zone.

    0 when it is neither, or has no zone: then the arrival time is used, and flagged as such.
    """
    if isinstance(value, datetime):
        return 0 if value.tzinfo is None else _stamped(value)
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return _bounded(value * _SCALE[epoch_unit(value)])
    if isinstance(value, float):
        if not math.isfinite(value):
            return 0
        # To the µs: a float of today's seconds has no more, and its last digits are noise.
        return _bounded(round(value * (_SCALE[epoch_unit(value)] / 1_000)) * 1_000)
    if not isinstance(value, str):
        return 0
    number = parsed_number(value)
    if number is not None:
        return source_ns(int(value) if value.strip().isdecimal() else number)
    try:
        stamp = datetime.fromisoformat(value)
    except ValueError:
        return 0
    return 0 if stamp.tzinfo is None else _stamped(stamp)


def _stamped(stamp: datetime) -> int:
    return int(stamp.replace(microsecond=0).timestamp()) * 1_000_000_000 + stamp.microsecond * 1_000


def _bounded(t_ns: int) -> int:
    """Keep a time in int64 and off 0, which means «none»; both ends are implausible anyway."""
    return min(max(t_ns, 1), TOO_LATE)
