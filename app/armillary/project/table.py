"""Typed reading of one table of a project file, with every mistake noted instead of the first raised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from rapidfuzz import fuzz, process

from armillary.model.fault import ProjectFault
from armillary.model.scene import SceneProblem
from armillary.project.bounded import MOST, file_of, more
from armillary.project.locate import KeyPath

MIN_LIKENESS = 60.0  # of 100: below, a proposal would only confuse
PAIR = 2
MOST_LINES = 200
_MISSING: Any = object()


@dataclass(slots=True)
class Findings:
    """What is wrong with a project, in the order found; of very many of a kind in a file, how many."""

    problems: list[SceneProblem] = field(default_factory=list)
    _count: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _more: dict[tuple[str, str, str], int] = field(default_factory=dict)  # where in problems that is said

    def add(self, code: str, where: str, what: str, remedy: str, severity: str = "error") -> None:
        """Note one finding."""
        made = SceneProblem(code=code, severity=severity, where=where, what=what, remedy=remedy)
        kind = code, severity, file_of(where)
        count = self._count[kind] = self._count.get(kind, 0) + 1
        if count <= MOST:
            self.problems.append(made)
        elif kind in self._more:
            self.problems[self._more[kind]] = more(count - MOST, made)
        else:
            self._more[kind] = len(self.problems)
            self.problems.append(more(1, made))

    def is_full(self, code: str, file: str) -> bool:
        """Return whether an error of a code in a file is only counted: it needs no proposal."""
        return self._count.get((code, "error", file), 0) > MOST

    @property
    def errors(self) -> list[SceneProblem]:
        """The findings that keep a project from being opened."""
        return [p for p in self.problems if p.severity == "error"]


def nearest(word: str, known: Sequence[str]) -> str:
    """Return ` Did you mean 'x'?` for the likeliest known word, or nothing when none is like it."""
    hit = process.extractOne(word, known, scorer=fuzz.WRatio, score_cutoff=MIN_LIKENESS) if known else None
    return f" Did you mean '{hit[0]}'?" if hit else ""


@dataclass(slots=True)
class Document:
    """One file that is being read: its name for messages and how to find the line of a key."""

    name: str  # relative to the project folder
    text: str
    line: Callable[[str, KeyPath], int]
    findings: Findings
    newer: bool = False  # written by a newer Armillary: unknown keys are ignored

    def where(self, path: KeyPath) -> str:
        """Return `file:line` of an entry; only the file once there are many, as each line is searched for."""
        if len(self.findings.problems) > MOST_LINES:
            return self.name
        return f"{self.name}:{self.line(self.text, path)}"

    def wrong(
        self, path: KeyPath, what: str, remedy: str, code: str = "P02", severity: str = "error"
    ) -> None:
        """Note that the entry at `path` is wrong."""
        self.findings.add(code, self.where(path), what, remedy, severity)


class Table:
    """A view of one table: each getter returns a valid value (else the default) and notes what is wrong."""

    def __init__(self, document: Document, data: Mapping[str, Any], path: KeyPath = ()) -> None:
        self.document, self.data, self.path = document, data, path
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def wrong(self, key: str, what: str, remedy: str, code: str = "P02") -> None:
        """Note that the entry `key` of this table is wrong."""
        self.document.wrong((*self.path, key), what, remedy, code)

    def _get(self, key: str, *, required: bool) -> Any:  # Any: what a TOML or JSON parser returns
        self._asked.add(key)
        value = self.data.get(key, _MISSING)
        if value is _MISSING and required:
            self.document.wrong(self.path, f"'{key}' is missing.", f"Add '{key}'.", "P03")
        return value

    def _typed(self, key: str, kind: str, ok: bool, value: Any) -> bool:
        if not ok:
            self.wrong(key, f"'{key}' is {value!r}, which is not {kind}.", f"Give {kind}.")
        return ok

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """Return a string."""
        value = self._get(key, required=required)
        if value is _MISSING or not self._typed(key, "a text", isinstance(value, str), value):
            return default
        return str(value)

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """Return one of some words."""
        value = self.text(key, default)
        if value not in choices:
            what = f"'{key}' is '{value}', which is none of {', '.join(choices)}."
            self.wrong(key, what, f"Give one of them.{nearest(value, choices)}")
            return default
        return value

    def number(self, key: str, default: float, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number between `low` and `high`, both included."""
        value = self._get(key, required=False)
        if value is _MISSING:
            return default
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not self._typed(key, "a finite number", number, value):
            return default
        if not low <= value <= high:
            self.wrong(key, f"'{key}' is {value}.", f"Give a number between {low:g} and {high:g}.")
            return default
        return float(value)

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """Return a whole number between `low` and `high`, both included."""
        value = self.number(key, default, low, high)
        if value != int(value):
            self.wrong(key, f"'{key}' is {value}, which is not whole.", "Give a whole number.")
            return default
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._get(key, required=False)
        if value is _MISSING or not self._typed(key, "true or false", isinstance(value, bool), value):
            return default
        return bool(value)

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self._get(key, required=False)
        if value is _MISSING:
            return default
        ok = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if self._typed(key, "a list of texts", ok, value) else default

    def zone(self, usual: str) -> str:
        """Return the time zone of this table by its IANA name, or the usual one."""
        name = self.text("timezone", usual) or usual
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self.wrong("timezone", f"The time zone '{name}' is not known.", "Give one such as Europe/Oslo.")
            return usual
        return name

    def chain(self, key: str, default: str = "") -> str:
        """Return the name of a decoder, or a list of names as one text: `gzip|json`."""
        value = self._get(key, required=False)
        if value is _MISSING:
            return default
        names = [value] if isinstance(value, str) else value
        ok = isinstance(names, list) and all(isinstance(n, str) and n and "|" not in n for n in names)
        return (
            "|".join(names) if self._typed(key, "a decoder's name or a list of them", ok, value) else default
        )

    def span(self, key: str) -> tuple[float, float]:
        """Return [low, high] with low < high; without an entry (-inf, inf)."""
        value = self._get(key, required=False)
        if value is _MISSING:
            return -math.inf, math.inf
        ok = (
            isinstance(value, list)
            and len(value) == PAIR
            and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
            and value[0] < value[1]
        )
        if not self._typed(key, "a pair [low, high] of numbers with low below high", ok, value):
            return -math.inf, math.inf
        return float(value[0]), float(value[1])

    def raw(self, key: str, default: Any = None) -> Any:  # Any: checked by the caller
        """Return whatever stands there."""
        value = self._get(key, required=False)
        return default if value is _MISSING else value

    def table(self, key: str) -> Table:
        """Return a table inside this one; an empty one when it is missing or no table."""
        value = self._get(key, required=False)
        if value is _MISSING or not self._typed(key, "a table", isinstance(value, dict), value):
            value = {}
        return Table(self.document, value, (*self.path, key))

    def tables(self, key: str) -> Iterator[Table]:
        """Yield each table of a list of tables."""
        value = self._get(key, required=False)
        if value is _MISSING or not self._typed(key, "a list of tables", isinstance(value, list), value):
            return
        for i, item in enumerate(value):
            if isinstance(item, dict):
                yield Table(self.document, item, (*self.path, key, i))
            else:
                self.document.wrong((*self.path, key, i), f"{item!r} is not a table.", "Give a table.")

    def named(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield each (name, table) of a table of tables."""
        holder = self.table(key)
        for name, item in holder.data.items():
            if isinstance(item, dict):
                yield name, Table(self.document, item, (*holder.path, name))
            else:
                holder.wrong(name, f"'{name}' is {item!r}, which is not a table.", "Give a table.")

    def rest(self) -> dict[str, Any]:
        """Return the entries that nobody has asked for, for whom they belong to."""
        return {key: value for key, value in self.data.items() if key not in self._asked}

    def done(self) -> None:
        """Note each entry that nobody has asked for as unknown, with the nearest known key."""
        if self.document.newer:
            return
        for key in self.rest():
            known = sorted(self._asked)
            is_counted = self.document.findings.is_full("P04", self.document.name)
            near = "" if is_counted else nearest(key, known).strip()
            remedy = near or f"Known here: {', '.join(known)}."
            self.wrong(key, f"The key '{key}' is not known here.", remedy, "P04")


def fault_of(problems: Sequence[SceneProblem], folder: str) -> ProjectFault:
    """Return one fault that names all problems, each on a line of its own with its place and remedy."""
    if len(problems) == 1:
        only = problems[0]
        return ProjectFault(only.what, where=only.where, remedy=only.remedy)
    lines = "".join(f"\n  {p.where}: {p.what} {p.remedy}" for p in problems)
    return ProjectFault(
        f"The project has {len(problems)} mistakes:{lines}",
        where=folder,
        remedy="Correct them and open the project again.",
    )
