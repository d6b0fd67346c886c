"""The text of a binding layer as we write it, read without OpenUSD: what it says costs a fifth that way.

Only what OpenUSD itself writes of a layer that holds nothing but bindings is read here, and all of it has to
be that: at the first line which is anything else, the layer is left to OpenUSD. So a layer means the same by
either way, which `tests/properties/test_plain_text.py` tries on layers with one character changed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from armillary.scene.overs import Overs
from armillary.scene.schema import API, FIELDS, NAMESPACE

_NAME = r"[A-Za-z_]\w*"
_TEXT = r""""[^"\\\n]*"|'[^'\\\n]*'"""
_TARGET = rf"</{_NAME}(?:/{_NAME})*(?:\.{_NAME}(?::{_NAME})*)?>"
_BEGIN = re.compile(r"#usda 1\.0\n\n*")
_OPEN = re.compile(
    rf' *over "({_NAME})"(?: \(\n'
    rf" *prepend apiSchemas = \[([^\]\n]*)\]\n"
    rf"(?: *customData = \{{\n *string armillaryPart = ({_TEXT})\n *\}}\n)?"
    rf" *\))?\n *\{{\n"
    rf"((?: *uniform [^\n]*\n| *rel \S* = (?:<[^\n]*>|\[\n(?: *<[^\n]*>,\n)* *\])\n)*)\n*",
    re.ASCII,
)
_CLOSE = re.compile(r" *\}\n+")
_PROPERTY = re.compile(
    rf"^( *(?:uniform (?!rel )(\S+)|rel) {NAMESPACE}:({_NAME}):({_NAME}) = (.*(?:\n *<.*>,)*(?:\n *\])?)\n)",
    re.ASCII | re.MULTILINE,
)
_ALL_TARGETS = re.compile(rf"\[\n(?: *{_TARGET},\n)+ *\]|{_TARGET}", re.ASCII)
_TARGETS = re.compile(r"<([^>]*)>")
_TEXTS = re.compile(rf"\[(?:(?:{_TEXT})(?:, (?:{_TEXT}))*)?\]")
_ONE_TEXT = re.compile(_TEXT)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,8})(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"0|-?[1-9]\d{0,8}", re.ASCII)


class _Other(Exception):
    """Something that we do not write."""


def read(text: str) -> Overs | None:
    """Return what the text of a layer says; None: there is something in it that OpenUSD has to read."""
    begin = _BEGIN.match(text)
    if begin is None or _CONTROL.search(text):
        return None
    try:
        return _read(text, begin.end())
    except _Other:
        return None


def _read(text: str, at: int) -> Overs:
    out = Overs()
    above = [""]  # paths of the prims that are open
    prims: set[str] = set()
    lists: dict[str, tuple[str, ...]] = {}  # of apiSchemas: nearly all prims have one of a few
    opens, closes, properties = _OPEN.match, _CLOSE.match, _PROPERTY.findall
    while at < len(text):
        found = opens(text, at)
        if found is None:
            found = closes(text, at)
            if found is None or len(above) == 1:
                raise _Other
            above.pop()
            at = found.end()
            continue
        at = found.end()
        name, schemas, part, body = found.groups()
        prim = f"{above[-1]}/{name}"
        above.append(prim)
        if prim in prims:
            raise _Other
        prims.add(prim)
        if part is not None:
            out.memory[prim] = _text(part)
        if schemas is None:
            if body or part is not None:
                raise _Other
            continue
        applied = lists.get(schemas)
        if applied is None:
            applied = lists[schemas] = _applied(schemas)
        fields: dict[str, dict[str, Any]] = {one: {} for one in applied}
        length = 0
        for line, kind, one, key, value in properties(body):
            length += len(line)
            mine = fields.get(one)
            if mine is None or key in mine:
                raise _Other
            mine[key] = _value(kind or "rel", key, value)
        if length != len(body):
            raise _Other
        for one, mine in fields.items():
            out.fields[prim, one] = mine
            out.newest = max(out.newest, mine.get("schemaVersion", 0))
    if len(above) != 1:
        raise _Other
    return out


def _applied(text: str) -> tuple[str, ...]:
    """Return the names of bindings from the items of apiSchemas."""
    if not _TEXTS.fullmatch(f"[{text}]"):
        raise _Other
    items = [item[1:-1] for item in _ONE_TEXT.findall(text)]
    head = f"{API}:"
    names = tuple(item[len(head) :] for item in items if item.startswith(head))
    if not names or len(names) != len(items) or len(set(names)) != len(names):
        raise _Other
    return names


def _value(kind: str, key: str, text: str) -> Any:  # Any: whatever a field of the schema may hold
    field = FIELDS.get(key)
    if field is None or field.type != kind:
        raise _Other
    value = _KINDS[kind](text)
    if field.tokens and value not in field.tokens:
        raise _Other
    return value


def _text(text: str) -> str:
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"'":  # noqa: PLR2004  two quotes
        raise _Other
    inside = text[1:-1]
    if text[0] in inside or "\\" in inside:
        raise _Other
    return inside


def _texts(text: str) -> tuple[str, ...]:
    if not _TEXTS.fullmatch(text):
        raise _Other
    return tuple(item[1:-1] for item in _ONE_TEXT.findall(text))


def _number(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    if math.isinf(value) or (value == 0.0 and text[0] == "-"):
        raise _Other
    return value


def _pair(text: str) -> tuple[float, float]:
    first, comma, second = text[1:-1].partition(", ")
    if not comma or text[0] != "(" or text[-1] != ")":
        raise _Other
    return _number(first), _number(second)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Other
    return int(text)


def _truth(text: str) -> bool:
    if text not in {"0", "1"}:
        raise _Other
    return text == "1"


def _targets(text: str) -> tuple[str, ...]:
    if not _ALL_TARGETS.fullmatch(text):
        raise _Other
    out = tuple(_TARGETS.findall(text))
    if len(set(out)) != len(out):
        raise _Other
    return out


_KINDS: dict[str, Callable[[str], Any]] = {
    "token": _text,
    "string": _text,
    "string[]": _texts,
    "double": _number,
    "double2": _pair,
    "int": _whole,
    "bool": _truth,
    "rel": _targets,
}
