"""CBOR (RFC 8949) → a document. Times of tags 0 and 1, big numbers, and the typed arrays of RFC 8746.

Tags that could cost more than they bring (shared references, patterns, sets, fractions of big numbers) are
passed over: their content is taken as it stands.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import cbor2
import numpy as np

from armillary.api import MAX_DEPTH, MAX_FIELDS, Undecodable, check_size, check_tree

_PAIR, _END, _MARK = b"\x82", b"\x19\xa5\x5a", 0xA55A
"""A payload is read as the first of a pair whose second is our mark: so what stands after it is noticed."""
_DECIMAL, _BIG_FLOAT, _RATIO = 4, 5, 30
_IGNORED = (25, 28, 29, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
_TYPES = {
    64: "u1", 65: ">u2", 66: ">u4", 67: ">u8", 68: "u1", 69: "<u2", 70: "<u4", 71: "<u8",
    72: "i1", 73: ">i2", 74: ">i4", 75: ">i8", 77: "<i2", 78: "<i4", 79: "<i8",
    80: ">f2", 81: ">f4", 82: ">f8", 84: "<f2", 85: "<f4", 86: "<f8",
}  # fmt: skip
_TOLD = 120  # characters of a library's message


_Callback = Callable[[Any, bool], Any]  # Any: a tag's content, and what it becomes


def _plain(content: object, _immutable: bool) -> object:
    return content


def _typed(kind: str) -> _Callback:
    def read(raw: object, _immutable: bool) -> object:
        if not isinstance(raw, bytes) or len(raw) % np.dtype(kind).itemsize:
            raise ValueError(f"a typed array of {kind} that is none")
        return np.frombuffer(raw, kind).tolist()

    return read


def _scaled(base: float) -> _Callback:
    def read(pair: object, _immutable: bool) -> object:
        exponent, mantissa = _two(pair)
        try:
            return float(mantissa) * base**exponent if abs(exponent) < _MOST_EXPONENT else math.nan
        except OverflowError:
            return math.nan

    return read


def _ratio(pair: object, _immutable: bool) -> object:
    above, below = _two(pair)
    try:
        return above / below
    except (ZeroDivisionError, OverflowError):
        return math.nan


def _two(value: object) -> tuple[int, int]:
    if isinstance(value, list | tuple) and len(value) == len(_PAIR) + 1:
        first, second = value
        if isinstance(first, int) and isinstance(second, int):
            return first, second
    raise ValueError("a pair of whole numbers that is none")


_MOST_EXPONENT = 5000
_TAGS: dict[int, _Callback] = {
    **dict.fromkeys(_IGNORED, _plain),
    **{tag: _typed(kind) for tag, kind in _TYPES.items()},
    _DECIMAL: _scaled(10.0),
    _BIG_FLOAT: _scaled(2.0),
    _RATIO: _ratio,
}


def _content(tag: cbor2.CBORTag, _immutable: bool) -> object:
    return _thawed(tag.value)


def _thawed(content: Any) -> object:
    """Return dicts and lists in place of the unchangeable ones that a tag's content comes in."""
    if isinstance(content, cbor2.frozendict):
        return {key: _thawed(value) for key, value in content.items()}
    return [_thawed(item) for item in content] if isinstance(content, tuple) else content


# Any: the mapping's type names the decoder's callback in a way that changes between releases
_OPTIONS: dict[str, Any] = {"max_depth": MAX_DEPTH, "semantic_decoders": _TAGS, "tag_hook": _content}
_loads = cbor2.loads


class Cbor:
    """The decoder `cbor`."""

    def unpack(self, data: bytes) -> object:
        """Return the document of one payload. Raises Undecodable with the byte at which it breaks."""
        check_size(data)
        try:
            document, mark = _loads(
                _PAIR + data + _END, max_depth=MAX_DEPTH + 1, semantic_decoders=_TAGS, tag_hook=_content
            )
        except Exception as error:  # noqa: BLE001  its callbacks may raise anything; the second reader names it
            raise _refusal(data, error) from None
        if mark != _MARK:
            raise _refusal(data, None)
        if len(data) > MAX_FIELDS:
            check_tree(document)
        return document


def _refusal(data: bytes, error: Exception | None) -> Undecodable:
    """Return why a payload could not be read, and where: a slow second reading, byte by byte."""
    stream = io.BytesIO(data)
    try:
        cbor2.CBORDecoder(stream, read_size=1, **_OPTIONS).decode()
    except Exception as again:  # noqa: BLE001  the reason is what we are after
        error = again
    else:
        at = stream.tell()
        if at < len(data):
            return Undecodable(f"more than one CBOR item: the second begins at byte {at}", at)
    at = min(stream.tell(), len(data))
    if isinstance(error, cbor2.CBORDecodeEOF):
        return Undecodable(f"CBOR cut off at byte {len(data)}", len(data))
    if "nesting" in str(error):
        return Undecodable(f"too deep: the limit is {MAX_DEPTH} levels", at)
    return Undecodable(f"not CBOR at byte {at}: {str(error)[:_TOLD]}", at)


def make() -> Cbor:
    """Return the decoder `cbor`."""
    return Cbor()
