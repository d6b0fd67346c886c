"""Finds tag names, which hold dots and dashes, in an expression before Python's parser sees it."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Collection, Set
from dataclasses import dataclass, field

from armillary.model.fault import ProjectFault

MAX_TEXT = 4_000  # characters
_RUN = re.compile(r"[^\s`'\"()\[\]{},<>=+*%&|^~@;!\\]+")  # as far as a name may reach without backticks
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SEARCHED = 5_000  # names above which no likely spelling is proposed: it would take seconds


@dataclass(slots=True)
class Rewritten:
    """A text that Python can parse: names[i] stands there as `_i`."""

    source: str
    names: list[str] = field(default_factory=list)
    text: str = ""
    _at: list[tuple[int, int]] = field(default_factory=list)  # (position in text, in source), ascending

    def column(self, position: int) -> int:
        """Return the column (from 1) of the source for a position in the rewritten text."""
        before = (0, 0)
        for pair in self._at:
            if pair[0] > position:
                break
            before = pair
        return min(before[1] + position - before[0], len(self.source)) + 1

    def put(self, piece: str, source_at: int) -> None:
        """Add a piece that came from a position of the source."""
        self._at.append((len(self.text), source_at))
        self.text += piece

    def name(self, name: str, source_at: int) -> None:
        """Add a tag's name."""
        if name not in self.names:
            self.names.append(name)
        self.put(f"_{self.names.index(name)}", source_at)


def fault(what: str, text: str, column: int, where: str, remedy: str) -> ProjectFault:
    """Return the fault of an expression: it shows the text and the column."""
    return ProjectFault(f"{what} (in '{text}', column {column})", where=where, remedy=remedy)


def rewrite(text: str, known: Collection[str], words: Set[str], where: str) -> Rewritten:
    """Return the text with the longest known name at each place replaced; `words` are functions.

    Raises ProjectFault for a name that is not known and for a doubtful minus.
    """
    if len(text) > MAX_TEXT:
        raise fault(
            "The expression is too long.", text[:40] + "…", MAX_TEXT, where, "Split it into several tags."
        )
    out = Rewritten(text)
    at = 0
    while at < len(text):
        char = text[at]
        if char == "`":
            at = _quoted(text, at, known, where, out)
        elif number := _NUMBER.match(text, at):
            at = number.end()
            if at < len(text) and (text[at].isalnum() or text[at] in "_."):
                what = f"'{text[number.start() : at + 1]}' is no number."
                remedy = "Write a name that begins with a digit in `backticks`."
                raise fault(what, text, number.start() + 1, where, remedy)
            out.put(number.group(), number.start())
        elif char.isalpha() or char == "_":
            at = _word(text, at, known, words, where, out)
        else:
            out.put(" " if char.isspace() else char, at)
            at += 1
    return out


def _quoted(text: str, at: int, known: Collection[str], where: str, out: Rewritten) -> int:
    end = text.find("`", at + 1)
    if end < 0:
        raise fault("A backtick is not closed.", text, at + 1, where, "Close it with another `.")
    name = text[at + 1 : end]
    if name not in known:
        raise _unknown(name, text, at, known, where)
    out.name(name, at)
    return end + 1


def _word(text: str, at: int, known: Collection[str], words: Set[str], where: str, out: Rewritten) -> int:
    """Take the longest known name at `at`, else a function or keyword; return where it ends."""
    word = _WORD.match(text, at)
    assert word is not None  # noqa: S101 - the caller saw a letter
    plain = word.group()
    called = text[word.end() :].lstrip().startswith("(")
    if (plain in words and called) or keyword.iskeyword(plain):
        out.put(plain, at)
        return word.end()
    match = _RUN.match(text, at)
    run = match.group() if match else plain
    for length in range(len(run), 0, -1):
        if run[:length] in known and not _goes_on(run[length:]):
            rest = run[length:]
            if rest[:1] == "-" and any(name.startswith(f"{run[:length]}-") for name in known):
                remedy = "Put spaces around a minus, or the name in `backticks`."
                raise fault(f"It is doubtful whether '{run}' is one name.", text, at + 1, where, remedy)
            out.name(run[:length], at)
            return at + length
    raise _unknown(run, text, at, known, where)


def _goes_on(rest: str) -> bool:
    """Return whether what follows a known name belongs to a longer word (`level2`, `level.max`)."""
    first, second = rest[:1], rest[1:2]
    return first.isalnum() or first == "_" or (first in (".", ":") and (second.isalnum() or second == "_"))


def _unknown(name: str, text: str, at: int, known: Collection[str], where: str) -> ProjectFault:
    near = difflib.get_close_matches(name, known, 1) if len(known) <= _SEARCHED else []
    remedy = f"Did you mean '{near[0]}'?" if near else "Give the name of a tag or a function of the list."
    return fault(f"'{name}' is not known.", text, at + 1, where, remedy)
