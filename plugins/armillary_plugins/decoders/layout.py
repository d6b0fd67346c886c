"""The format line of packed binary payloads → where each field lies.

    <HhIf:id,temp*0.1,count,flow        byte order, one code for each field, their names; `*0.1-40` scales
    >16H10s:spectrum,label              a list of 16, a text of 10 bytes
    <u16[0:4]u16[4:16]2xf:mode,level,v  bits of one word, from bit 0 up; two bytes passed over

Codes are those of Python's struct, or u8 u16 u32 u64 i8 … i64 f16 f32 f64.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

_ORDERS = {"<": "<", ">": ">", "!": ">", "=": "<"}
_LETTERS = {
    "b": "i1", "B": "u1", "h": "i2", "H": "u2", "i": "i4", "I": "u4", "l": "i4", "L": "u4", "q": "i8",
    "Q": "u8", "e": "f2", "f": "f4", "d": "f8", "?": "?", "c": "S1",
}  # fmt: skip
_LONG = {f"{k}{8 * n}": f"{k}{n}" for k in "ui" for n in (1, 2, 4, 8)} | {
    f"f{8 * n}": f"f{n}" for n in (2, 4, 8)
}
_CODE = re.compile(r"\s*(?P<count>\d*)(?P<long>[uif](?:8|16|32|64)(?!\d))?(?P<letter>[A-Za-z?])?")
_BITS = re.compile(r"\[\s*(\d+)\s*:\s*(\d+)\s*\]")
_COLON = re.compile(r":(?![^\[]*\])")  # not that of bits
_NAME = re.compile(
    r"\s*(?P<name>[^\W\d][\w.\-]*)\s*(?:\*\s*(?P<scale>[\d.]+(?:[eE][+-]?\d+)?))?\s*(?P<offset>[+-]\s*[\d.]+)?\s*"
)
MOST_BYTES, MOST_FIELDS = 65_536, 1000


class FormatError(Exception):
    """A format line that cannot be understood, with the column, from 1."""

    def __init__(self, what: str, column: int) -> None:
        super().__init__(what)
        self.what, self.column = what, column


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One named field. `bits`: first and one past the last bit of its word, None for the whole word."""

    name: str
    at: int  # byte
    kind: str  # numpy's, with byte order
    count: int = 1  # of a list
    bits: tuple[int, int] | None = None
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_text(self) -> bool:
        """Whether it holds bytes."""
        return "S" in self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All fields of a payload and its size in bytes."""

    fields: tuple[Field, ...]
    size: int

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The payload as a record; fields of one word share its bytes."""
        return np.dtype(
            {
                "names": [f"f{i}" for i in range(len(self.fields))],
                "formats": [(f.kind, (f.count,)) if f.count > 1 else f.kind for f in self.fields],
                "offsets": [f.at for f in self.fields],
                "itemsize": self.size,
            }
        )


def layout(line: str) -> Layout:
    """Return what a format line says. Raises FormatError."""
    colon = _COLON.search(line)
    if colon is None:
        raise FormatError("the names are missing: write them after a colon", len(line) + 1)
    codes, names = line[: colon.start()], line[colon.end() :]
    placed, size = _placed(codes)
    named = _named(names, len(codes) + 2)
    if len(placed) != len(named):
        raise FormatError(f"{len(placed)} fields have {len(named)} names", len(codes) + 1)
    out: list[Field] = []
    for (at, kind, count, bits, _), (name, scale, offset, column) in zip(placed, named, strict=True):
        if any(field.name == name for field in out):
            raise FormatError(f"the name '{name}' is given twice", column)
        if "S" in kind and (scale, offset) != (1.0, 0.0):
            raise FormatError(f"the text '{name}' cannot be scaled", column)
        out.append(Field(name=name, at=at, kind=kind, count=count, bits=bits, scale=scale, offset=offset))
    return Layout(fields=tuple(out), size=size)


_Placed = tuple[int, str, int, tuple[int, int] | None, int]


def _placed(codes: str) -> tuple[list[_Placed], int]:
    """Return (byte, kind, count, bits, column) of each field, and the size of all."""
    begin = len(codes) - len(codes.lstrip())
    order = _ORDERS.get(codes[begin : begin + 1], "")
    if not order:
        raise FormatError("it begins with no byte order: write < or > first", begin + 1)
    at, place = begin + 1, 0
    word: tuple[str, int, int] | None = (
        None  # kind, byte and next free bit of the word that bits are taken from
    )
    out: list[_Placed] = []
    while codes[at:].strip():
        match = _CODE.match(codes, at)
        long, letter = (match.group("long"), match.group("letter")) if match else (None, None)
        if match is None or bool(long) == bool(letter) or (letter and letter not in {*_LETTERS, "s", "x"}):
            wrong = match.end() if match and not (long or letter) else (match.end() - 1 if match else at)
            raise FormatError(f"'{codes[wrong : wrong + 5] or codes[at:]}' is no code", wrong + 1)
        count = int(match.group("count") or 1)
        column, at = match.start("count") + 1, match.end()
        if not 0 < count <= MOST_BYTES:
            raise FormatError(f"{count} is no count of a field", column)
        if letter == "x":
            place, word = place + count, None
            continue
        if letter == "s":
            out.append((place, f"S{count}", 1, None, column))
            place, word = place + count, None
            continue
        kind = _LONG[long] if long else _LETTERS[str(letter)]
        width = np.dtype(kind).itemsize
        bits = _BITS.match(codes, at)
        if bits is None:
            out.append((place, order + kind, count, None, column))
            place, word = place + width * count, None
        else:
            first, end = int(bits.group(1)), int(bits.group(2))
            if kind[0] not in "ui" or count != 1 or not first < end <= 8 * width:
                raise FormatError(f"{bits.group(0)} are no bits of one {long or letter}", at + 1)
            at = bits.end()
            if word is None or word[0] != kind or first < word[2]:
                word, place = (kind, place, 0), place + width
            out.append((word[1], order + kind, 1, (first, end), column))
            word = (kind, word[1], end)
        if place > MOST_BYTES or len(out) > MOST_FIELDS:
            raise FormatError(f"over {MOST_BYTES} bytes or {MOST_FIELDS} fields", column)
    if not out:
        raise FormatError("it has no fields", begin + 2)
    return out, place


def _named(names: str, column: int) -> list[tuple[str, float, float, int]]:
    """Return (name, scale, offset, column) of each name."""
    out: list[tuple[str, float, float, int]] = []
    for piece in names.split(","):
        match = _NAME.fullmatch(piece)
        try:
            if match is None:
                raise ValueError
            scale = float(match.group("scale") or 1.0)
            offset = float((match.group("offset") or "0").replace(" ", ""))
        except ValueError:
            raise FormatError(f"'{piece.strip()}' is no name, or no name with a scale", column) from None
        if not (math.isfinite(scale) and math.isfinite(offset) and scale):
            raise FormatError(f"'{piece.strip()}' is scaled to nothing", column)
        out.append((match.group("name"), scale, offset, column))
        column += len(piece) + 1
    return out
