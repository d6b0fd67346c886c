"""The text of a DTDL document: read strictly, with the places of doubled keys and the lines of findings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BYTES = 64 << 20  # a document larger than this is refused
LINED = 4 << 20  # and in one larger than this, findings have no line
_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|\n', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a text could not be read: a rule and a word on it."""

    rule: str
    word: str = ""
    count: int = 0
    line: int = 0


class _Doubled(dict[str, object]):
    """An object in which a key stands twice."""

    doubled: tuple[str, ...] = ()


def _pairs(found: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(found)
    if len(made) == len(found):
        return made
    marked = _Doubled(made)
    names = [key for key, _ in found]
    marked.doubled = tuple(dict.fromkeys(key for key in names if names.count(key) > 1))
    return marked


def _constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def load(data: bytes) -> object | Broken:
    """Return what a document says, or why it cannot be read. Nothing is raised."""
    return read(data)[0]


def read(data: bytes) -> tuple[object | Broken, bool]:
    """Return what `load` does, and whether a key stands twice in an object somewhere."""
    marked: list[_Doubled] = []

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        made = _pairs(found)
        if isinstance(made, _Doubled):
            marked.append(made)
        return made

    return _read(data, pairs), bool(marked)


def _read(data: bytes, pairs: Callable[[list[tuple[str, object]]], dict[str, object]]) -> object | Broken:
    if len(data) > BYTES:
        return Broken("tooLarge", count=len(data))
    try:
        text = data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        return Broken("notUtf8", f"byte {error.start}")
    if not text.strip():
        return Broken("empty")
    try:
        found: object = json.loads(text, object_pairs_hook=pairs, parse_constant=_constant)
    except json.JSONDecodeError as error:
        return Broken("notJson", f"{error.msg}, line {error.lineno}, column {error.colno}", line=error.lineno)
    except RecursionError:
        return Broken("nestedTooDeep")
    except ValueError as error:
        return Broken("notJson", str(error).partition(":")[0])
    return found


def doubled(value: object) -> list[tuple[tuple[object, ...], str]]:
    """Return the keys that stand twice in an object, each with the path to the object."""
    found: list[tuple[tuple[object, ...], str]] = []
    rest: list[tuple[tuple[object, ...], object]] = [((), value)]
    while rest:
        path, one = rest.pop()
        if isinstance(one, dict):
            if isinstance(one, _Doubled):
                found += [(path, key) for key in one.doubled]
            rest += [((*path, key), inner) for key, inner in one.items() if isinstance(inner, dict | list)]
        elif isinstance(one, list):
            rest += [((*path, i), inner) for i, inner in enumerate(one) if isinstance(inner, dict | list)]
    return sorted(found, key=lambda row: (len(row[0]), str(row)))


def lines(data: bytes, pointers: Iterable[str]) -> dict[str, int]:
    """Return the line, from 1, at which each JSON pointer leads into the text; the nearest one above it."""
    wanted = set(pointers)
    if not wanted - {""}:
        return dict.fromkeys(wanted, 1)
    text = data.removeprefix(_BOM).decode(errors="replace")
    found: dict[str, int] = {}
    line, path = 1, ""
    stack: list[tuple[str, int]] = []  # path of what is open, the index in a list (-1 in an object)
    key, last = "", ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        head = token[0]
        if head == "\n":
            line += 1
            continue
        if head == '"':
            last = token
            line += token.count("\n")
        elif head == ":":
            key = json.loads(last, strict=False)
            path = f"{stack[-1][0]}/{key.replace('~', '~0').replace('/', '~1')}" if stack else ""
            if path in wanted:
                found.setdefault(path, line)
        elif head in "[{":
            if stack and stack[-1][1] >= 0:
                path = f"{stack[-1][0]}/{stack[-1][1]}"
            elif not stack:
                path = ""
            if path in wanted:
                found.setdefault(path, line)
            stack.append((path, 0 if head == "[" else -1))
        elif head in "]}":
            path = stack.pop()[0] if stack else ""
        elif stack and stack[-1][1] >= 0:  # a comma in a list
            stack[-1] = (stack[-1][0], stack[-1][1] + 1)
    for pointer in wanted - found.keys():
        above = pointer
        while above and above not in found:
            above = above.rpartition("/")[0]
        found[pointer] = found.get(above, 1)
    return found
