"""ClickHouse's Native format: blocks of columns, so that arrays go in and come out as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from armillary.api import StoreFault

STRING = "String"
_TYPES = {"UInt8": "u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8", "Int64": "<i8", "Float64": "<f8"}
_MORE, _LOW, _BITS = 0x80, 0x7F, 7

# Any: columns of several types by name
Column = npt.NDArray[Any] | Sequence[bytes]


def packed(columns: Mapping[str, tuple[str, Column]]) -> bytes:
    """Return one block. `columns`: name -> (type, numbers or byte strings), all of one length."""
    count = len(next(iter(columns.values()))[1])
    parts = [_number(len(columns)), _number(count)]
    for name, (kind, column) in columns.items():
        parts += [_text(name.encode()), _text(kind.encode())]
        if kind == STRING:
            parts += [_text(bytes(one)) for one in column] if any(map(len, column)) else [bytes(count)]
        else:
            parts.append(np.ascontiguousarray(column, _TYPES[kind]).tobytes())
    return b"".join(parts)


def unpacked(data: bytes, wanted: Mapping[str, str]) -> dict[str, Any]:  # Any: arrays, or lists of bytes
    """Return the columns of all blocks; `wanted`: name -> type, in their order. Raises StoreFault."""
    found: dict[str, list[Column]] = {name: [] for name in wanted}
    at = 0
    try:
        while at < len(data):
            width, at = _read(data, at)
            count, at = _read(data, at)
            for _ in range(width):
                name, at = _read_text(data, at)
                kind, at = _read_text(data, at)
                if wanted.get(name.decode()) != kind.decode():
                    raise ValueError(f"a column {name!r} of type {kind!r}")
                column, at = _column(data, at, kind.decode(), count)
                found[name.decode()].append(column)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise StoreFault(
            f"The server's answer cannot be read: {error}.",
            where="ClickHouse",
            remedy="Look whether another service answers at historian.url.",
        ) from error
    return {
        name: [one for part in found[name] for one in part]
        if kind == STRING
        else np.concatenate([np.zeros(0, _TYPES[kind]), *found[name]])
        for name, kind in wanted.items()
    }


def _column(data: bytes, at: int, kind: str, count: int) -> tuple[Column, int]:
    if kind != STRING:
        column = np.frombuffer(data, _TYPES[kind], count, at)
        return column, at + column.nbytes
    if at + count > len(data):
        raise ValueError("it ends too early")
    if not any(data[at : at + count]):  # all are empty, as most words are
        return [b""] * count, at + count
    texts = []
    for _ in range(count):
        text, at = _read_text(data, at)
        texts.append(text)
    return texts, at


def _number(value: int) -> bytes:
    out = bytearray()
    while value > _LOW:
        out.append(value & _LOW | _MORE)
        value >>= _BITS
    out.append(value)
    return bytes(out)


def _text(data: bytes) -> bytes:
    return _number(len(data)) + data


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _LOW) << shift
        if not byte & _MORE:
            return value, at
        shift += _BITS


def _read_text(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _read(data, at)
    if at + length > len(data):
        raise ValueError("it ends too early")
    return data[at : at + length], at + length
