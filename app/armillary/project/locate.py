"""Where a key stands in a TOML or JSON text; used only once something is wrong."""

from __future__ import annotations

import re
from functools import lru_cache

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r'^\s*((?:"[^"]*"|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|[A-Za-z0-9_-]+))*)\s*=')
_PART = re.compile(r'"([^"]*)"|([A-Za-z0-9_-]+)')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\n')


def _parts(text: str) -> tuple[str, ...]:
    return tuple(quoted or bare for quoted, bare in _PART.findall(text))


def toml_line(text: str, path: KeyPath) -> int:
    """Return the line (from 1) of the entry at `path`, or of the nearest enclosing one; 1 when none is."""
    counts: dict[tuple[str, ...], int] = {}
    here: KeyPath = ()
    best, best_length = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names = _parts(header.group(2))
            if header.group(1) == "[[":
                counts[names] = counts.get(names, -1) + 1
                here = (*names, counts[names])
            else:
                here = names
            found: KeyPath = here
        elif key := _KEY.match(line):
            found = (*here, *_parts(key.group(1)))
        else:
            continue
        if len(found) > best_length and found == path[: len(found)]:
            best, best_length = number, len(found)
            if best_length == len(path):
                break
    return best


def json_line(text: str, path: KeyPath) -> int:
    """Return the line (from 1) of the value at `path`, or of the nearest enclosing one; 1 when none is.

    Made for valid JSON; of broken JSON it reads what it can.
    """
    places = _json_lines(text)
    return next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), 1)


@lru_cache(maxsize=1)  # mistakes come by the hundred, and the text may have millions of lines
def _json_lines(text: str) -> dict[KeyPath, int]:
    """Return the line of every value of a JSON text by its path."""
    out: dict[KeyPath, int] = {}
    line = 1
    stack: list[str | int] = []  # key or index at each open level
    want_key = False
    for piece in _TOKEN.findall(text):
        if piece == "\n":
            line += 1
            continue
        if piece in "}]":
            if stack:
                stack.pop()
            want_key = False
            continue
        if piece == ",":
            if stack and isinstance(stack[-1], int):
                stack[-1] += 1
            else:
                want_key = bool(stack)
            continue
        if piece == ":":
            want_key = False
            continue
        if want_key and piece.startswith('"'):
            stack[-1] = piece[1:-1]
        if stack:
            out.setdefault(tuple(stack), line)
        if piece == "{":
            stack.append("")
            want_key = True
        elif piece == "[":
            stack.append(0)
    return out
