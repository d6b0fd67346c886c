"""A project's text file as entries: the alarm `O-210`, the tag `tank1.level`, each with its fields.

A list of tables whose rows have a name of their own is a set of entries, wherever they stand in the file; so
two versions are compared, and merged, by what an entry is and not by its line.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from armillary.model.fault import ProjectFault
from armillary.project.record import PROJECT_FILE, TWINS_FILE

IDENTITIES = ("id", "name", "@id", "from")  # a row is named by the first that all rows of its list have
_ENDS = ("from", "name", "to")  # a relationship is named by all three
ROW = "@"  # begins the part of a path that names a row
Part = str
Path = tuple[Part, ...]
Doc = dict[str, Any]  # Any: a parsed TOML or JSON file
Leaves = dict[Path, Any]  # Any: a scalar, or a list that is one value


@dataclass(frozen=True, slots=True)
class Kind:
    """What the entries below a key are called, and how their names are made."""

    word: str
    name: Callable[[Path], str]


def parsed(name: str, text: str) -> Doc:
    """Return a file's content by its suffix. Raises ProjectFault for one that cannot be read."""
    try:
        data = json.loads(text) if name.endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProjectFault(
            f"{name} cannot be read: {error}.", where=name, remedy="Correct its syntax first."
        ) from error
    if isinstance(data, list):  # a DTDL file may be an array of interfaces
        data = {"": data}
    if not isinstance(data, dict):
        raise ProjectFault(f"{name} holds no table.", where=name, remedy="Restore an older copy.")
    return data


def leaves(data: Mapping[str, Any]) -> Leaves:
    """Return every value of a file by its path; an empty table or list says nothing."""
    return dict(_leaves(data, ()))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:  # Any: parsed
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, (*path, str(key)))
        return
    names = row_names(value)
    if names is None:
        if value != []:
            yield path, value
        return
    for name, row in zip(names, value, strict=True):
        yield from _leaves(row, (*path, ROW + name))


def row_names(value: Any) -> tuple[str, ...] | None:  # Any: parsed
    """Return the names of a list's rows; None for what is no list of rows with names that differ."""
    if not isinstance(value, list) or not value or not all(isinstance(row, Mapping) for row in value):
        return None
    for key in IDENTITIES:
        if not all(isinstance(row.get(key), str) and row[key] for row in value):
            continue
        if key == _ENDS[0]:
            if not all(all(end in row for end in _ENDS) for row in value):
                return None
            names = tuple(" ".join(str(row[end]) for end in _ENDS) for row in value)
        else:
            names = tuple(str(row[key]) for row in value)
        if len(set(names)) == len(names):
            return names
    return None


# ---------------------------------------------------------------- what an entry is called
def _own(path: Path) -> str:
    return path[-1].removeprefix(ROW)


def _tag(path: Path) -> str:
    """Return the name of a tag: twin, components, key."""
    return ".".join(part.removeprefix(ROW) for part in path[1:] if part not in ("tags", "components"))


_LISTS: Mapping[str, Mapping[str, str]] = {
    PROJECT_FILE: {
        "source": "link",
        "colormap": "colour map",
        "area": "area",
        "shift": "shift",
        "figure": "figure",
    },
    TWINS_FILE: {"twins": "twin", "relationships": "relationship", "fleets": "fleet"},
    "rules.toml": {"alarm": "alarm", "suppress": "suppression", "rule": "rule"},
    "commands.toml": {"template": "template", "policy": "policy", "interlock": "interlock"},
    "loops.toml": {"loop": "loop"},
    "notify.toml": {"receiver": "receiver", "escalation": "escalation"},
}
_FOLDERS = {"scenarios": "scenario", "procedures": "procedure", "model": "interface"}
_SETTING = "setting"
_TAGS, _COMPONENTS = "tags", "components"


@dataclass(frozen=True, slots=True)
class Entry:
    """Which entry a value belongs to. `where` is its path in the file; the rest of the path is its field."""

    word: str  # alarm, tag, link …
    name: str
    file: str
    where: Path

    @property
    def title(self) -> str:
        """The entry in a sentence: `alarm O-210`."""
        return f"{self.word} {self.name}" if self.name else self.word


def entry_of(file: str, path: Path) -> tuple[Entry, str]:
    """Return the entry that a value belongs to, and the name of its field ("" = the entry is the value)."""
    at = _depth(file, path)
    where, rest = path[:at], path[at:]
    return Entry(_word(file, where), _name(file, where), file, where), ".".join(
        p.removeprefix(ROW) for p in rest
    )


def _depth(file: str, path: Path) -> int:
    """Return how many parts of a path name its entry."""
    lists = _LISTS.get(file, {})
    if file == TWINS_FILE and path[0] == "twins":
        at = 2
        while len(path) > at + 1 and path[at] in (_TAGS, _COMPONENTS):
            at += 2
            if path[at - 2] == _TAGS:
                break
        return min(at, len(path))
    if path[0] in lists and len(path) > 1:
        return 2
    if file.partition("/")[0] in _FOLDERS:
        return 0
    return len(path) if file == PROJECT_FILE or len(path) == 1 else 1


def _word(file: str, where: Path) -> str:
    if not where:
        return _FOLDERS[file.partition("/")[0]]
    if file == TWINS_FILE and len(where) > 2:  # noqa: PLR2004  list, twin, then what it has
        return "tag" if where[-2] == _TAGS else "component"
    return _LISTS.get(file, {}).get(where[0], _SETTING) if len(where) > 1 else _SETTING


def _name(file: str, where: Path) -> str:
    if not where:
        return PurePosixPath(file).stem
    if file == TWINS_FILE and len(where) > 1:
        return _tag(where)
    if len(where) > 1 and where[0] in _LISTS.get(file, {}):
        return _own(where)
    return ".".join(part.removeprefix(ROW) for part in where)


def files_of(*versions: Mapping[str, str]) -> Sequence[str]:
    """Return the names of the files with entries in any of some versions, in order."""
    names = {name for files in versions for name in files if name.endswith((".toml", ".json"))}
    return sorted(names)
