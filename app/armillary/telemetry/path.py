"""Paths into a decoded JSON document, compiled once (formats: decoders).

    a.b        the member b of a            a[0] a[-1]      an element
    `odd name` a name with other signs      a[name="x"].v   v of the first element whose name is "x"

A leading `$.` or `$` is accepted and means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from armillary.model.fault import ProjectFault

ABSENT = object()
"""What a path gives where the document has no such place; a value of None is a JSON null."""

_TOKEN = re.compile(
    r"""\s*(?:
        \.?(?P<name>[^\W\d][\w\-/:@]*)
      | \.?`(?P<quoted>[^`]*)`
      | \[\s*(?P<index>-?\d+)\s*\]
      | \[\s*(?:(?P<key>[^\W\d][\w\-]*)|`(?P<quoted_key>[^`]*)`)\s*=\s*
            (?:"(?P<text>[^"]*)"|'(?P<single>[^']*)'|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>true|false|null))\s*\]
    )\s*""",
    re.VERBOSE,
)
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Path:
    """One compiled path; calling it with a document gives the value, or ABSENT."""

    text: str
    steps: tuple[str | int | tuple[str, object], ...]

    @property
    def key(self) -> str:
        """The one member name of a path of one step, else ''."""
        return self.steps[0] if len(self.steps) == 1 and isinstance(self.steps[0], str) else ""

    def __call__(self, document: object) -> object:
        for step in self.steps:
            document = _STEPS[type(step)](document, step)
            if document is ABSENT:
                return ABSENT
        return document


def compiled(text: str, where: str = "") -> Path:
    """Return the compiled path; '' and `$` are the whole document.

    Raises ProjectFault with the place at which the path cannot be understood.
    """
    rest = text.strip()
    if rest.startswith("$"):
        rest = rest[1:]
    steps: list[str | int | tuple[str, object]] = []
    at = 0
    while at < len(rest):
        match = _TOKEN.match(rest, at)
        # A name right after a name or bracket needs its dot: `a b` and `a[0]b` are mistakes.
        if match is None or (steps and match.group("name") and "." not in match.group(0)[:-1]):
            raise ProjectFault(
                f"The path '{text}' cannot be understood from '{rest[at : at + 20]}' on.",
                where=where,
                remedy='Write it like a.b, a[0], a[-1], `odd name` or a[name="x"].v.',
            )
        steps.append(_step(match))
        at = match.end()
    return Path(text, tuple(steps))


def _step(match: re.Match[str]) -> str | int | tuple[str, object]:
    part = match.groupdict()
    for name in ("name", "quoted"):
        if part[name] is not None:
            return str(part[name])
    if part["index"] is not None:
        return int(part["index"])
    key = part["key"] if part["key"] is not None else part["quoted_key"]
    for name in ("text", "single"):
        if part[name] is not None:
            return key, part[name]
    return key, float(part["number"]) if part["number"] is not None else _WORDS[part["word"]]


def _member(document: object, step: object) -> object:
    return document.get(step, ABSENT) if isinstance(document, dict) else ABSENT


def _element(document: object, step: object) -> object:
    if not isinstance(document, list) or not isinstance(step, int):
        return ABSENT
    return document[step] if -len(document) <= step < len(document) else ABSENT


def _filtered(document: object, step: object) -> object:
    if not isinstance(document, list) or not isinstance(step, tuple):
        return ABSENT
    key, wanted = step
    for element in document:
        found = element.get(key, ABSENT) if isinstance(element, dict) else ABSENT
        # 1 == True in Python, not in JSON.
        if found == wanted and isinstance(found, bool) == isinstance(wanted, bool):
            return element
    return ABSENT


_STEPS: dict[type, Callable[[object, object], object]] = {str: _member, int: _element, tuple: _filtered}
