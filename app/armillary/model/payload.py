"""What decoders give back: documents, several of them, or a table of columns; and why they could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

MAX_PAYLOAD = 1024 * 1024  # bytes, as it came and unpacked
MAX_DEPTH, MAX_FIELDS = 64, 10_000
RELATIVE_NS = 2**28 * 1_000_000_000
"""Times of `Several` below this (1978) are relative to the arrival, as RFC 8428 has it."""


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: object = _Absent()
"""What a path gives where the document has no such place; a value of None is a null of its own."""


class Undecodable(Exception):
    """A payload that is no document: the reason in words, and the byte at which it went wrong."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.offset = reason, offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A payload of more than one document, in the order of the payload."""

    documents: tuple[object, ...]
    times: tuple[int, ...] = ()  # ns, one each; below RELATIVE_NS relative to the arrival; 0 = the arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The fields of n payloads, one array each."""

    columns: Mapping[str, npt.NDArray[np.generic]]  # (n,) numbers or bytes, (n, k) for a list of numbers
    refused: Mapping[int, Undecodable] = field(default_factory=dict)  # row -> why; its cells mean nothing


def check_size(data: bytes) -> None:
    """Raise Undecodable for a payload over 1 MiB."""
    if len(data) > MAX_PAYLOAD:
        raise Undecodable(f"too big: {len(data)} bytes, the limit is {MAX_PAYLOAD}")


def check_tree(document: object, most: int = MAX_FIELDS, deepest: int = MAX_DEPTH) -> None:
    """Raise Undecodable for a document nested deeper than 64 or with over 10,000 named fields."""
    level, fields = [document], 0
    for _ in range(deepest + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                fields += len(item)
                below.extend(item.values())
            elif isinstance(item, list | tuple):
                below.extend(item)
        if fields > most:
            raise Undecodable(f"too many fields: {fields}, the limit is {most}")
        if not below:
            return
        level = below
    if any(isinstance(item, dict | list | tuple) for item in level):
        raise Undecodable(f"too deep: the limit is {deepest} levels")
