"""Paths into a decoded JSON document, compiled once (formats: decoders).

    a.b        the member b of a            a[0] a[-1]      an element
    `odd name` a name with other signs      a[name="x"].v   v of the first element whose name is "x"
    ['odd name'] the same                   a.*  a[*].v     of each member or element: a list, or the only one
    $number(a) a text that spells a number is that number

A leading `$.` or `$` is accepted and means nothing. `7` in backticks and `[7]` find a key that is a number,
too: CBOR and MessagePack have those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from armillary.model.fault import ProjectFault
from armillary.model.payload import ABSENT
from armillary.telemetry.payload import parsed_number

_TOKEN = re.compile(
    r"""\s*(?:
        \.?(?P<name>[^\W\d][\w\-/:@]*)
      | \.?`(?P<quoted>[^`]*)`
      | (?P<every>\.?\*|\[\s*\*\s*\])
      | \[\s*(?:"(?P<double_name>[^"]*)"|'(?P<single_name>[^']*)')\s*\]
      | \[\s*(?P<index>-?\d+)\s*\]
      | \[\s*(?:(?P<key>[^\W\d][\w\-]*)|`(?P<quoted_key>[^`]*)`)\s*=\s*
            (?:"(?P<text>[^"]*)"|'(?P<single>[^']*)'|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>true|false|null))\s*\]
    )\s*""",
    re.VERBOSE,
)
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"\$number\((.*)\)", re.DOTALL)
Step = str | int | tuple[str, object] | None
EVERY: Step = None  # each member or element


@dataclass(frozen=True, slots=True)
class Path:
    """One compiled path; calling it with a document gives the value, or ABSENT."""

    text: str
    steps: tuple[Step, ...]
    is_number: bool = False  # a text that spells a number is taken as one

    @property
    def key(self) -> str | int | None:
        """The one member name or element of a path of one step, else None."""
        step = self.steps[0] if len(self.steps) == 1 and not self.is_number else None
        return step if isinstance(step, str | int) else None

    @property
    def is_many(self) -> bool:
        """Whether it may find several values."""
        return EVERY in self.steps

    def __call__(self, document: object) -> object:
        found = self._all(document) if EVERY in self.steps else self._one(document)
        if self.is_number and isinstance(found, str):
            number = parsed_number(found)
            return found if number is None else number
        return found

    def _one(self, document: object) -> object:
        for step in self.steps:
            document = _STEPS[type(step)](document, step)
            if document is ABSENT:
                return ABSENT
        return document

    def _all(self, document: object) -> object:
        """Return the list of what is found, the one value found, or ABSENT."""
        found = [document]
        for step in self.steps:
            if step is EVERY:
                found = [value for item in found for value in _values(item)]
            else:
                take = _STEPS[type(step)]
                found = [value for item in found if (value := take(item, step)) is not ABSENT]
        return found if len(found) > 1 else found[0] if found else ABSENT


def compiled(text: str, where: str = "") -> Path:
    """Return the compiled path; '' and `$` are the whole document.

    Raises ProjectFault with the place at which the path cannot be understood.
    """
    rest = text.strip()
    number = _NUMBER.fullmatch(rest)
    if number is not None:
        rest = number.group(1).strip()
    if rest.startswith("$"):
        rest = rest[1:]
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        match = _TOKEN.match(rest, at)
        # A name right after a name or bracket needs its dot: `a b` and `a[0]b` are mistakes.
        if match is None or (steps and match.group("name") and "." not in match.group(0)[:-1]):
            raise ProjectFault(
                f"The path '{text}' cannot be understood from '{rest[at : at + 20]}' on.",
                where=where,
                remedy='Write it like a.b, a[0], a[-1], a[*].v, `odd name`, a[name="x"].v or $number(a).',
            )
        steps.append(_step(match))
        at = match.end()
    return Path(text, tuple(steps), number is not None)


def _step(match: re.Match[str]) -> Step:
    part = match.groupdict()
    if part["every"] is not None:
        return EVERY
    for name in ("name", "quoted", "double_name", "single_name"):
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
    if not isinstance(document, dict):
        return ABSENT
    found = document.get(step, ABSENT)
    if found is ABSENT and isinstance(step, str) and step.isdecimal():
        return document.get(int(step), ABSENT)
    return found


def _values(document: object) -> list[object]:
    if isinstance(document, dict):
        return list(document.values())
    return document if isinstance(document, list) else []


def _element(document: object, step: object) -> object:
    if isinstance(document, dict):
        return document.get(step, ABSENT)
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
