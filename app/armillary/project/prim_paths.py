"""Prims that files besides the bindings name: rules, procedures and the default camera follow their parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model.fault import ProjectFault
from armillary.project.procedures import procedures
from armillary.project.record import PROJECT_FILE
from armillary.project.rules import RULES_FILE

KEYS = frozenset(
    {"prim", "camera", "default_camera"}
)  # of all tables of these files: nothing else is so named


def files(folder: Path) -> tuple[Path, ...]:
    """Return the files of a project that may name prims so; those that are there."""
    named = (folder / PROJECT_FILE, folder / RULES_FILE, *procedures(folder))
    return tuple(path for path in named if path.is_file())


def followed(target: str, to: Mapping[str, str]) -> str:
    """Return a target's new path: where it went, or below the part above it that did."""
    prim, dot, rest = target.partition(".")
    head, tail = prim, ""
    while head:
        if head in to:
            return f"{to[head]}{tail}{dot}{rest}"
        head, _, last = head.rpartition("/")
        tail = f"/{last}{tail}"
    return target


def named(folder: Path) -> tuple[str, ...]:
    """Return the prims that these files name, each once, sorted. Files that cannot be read name none."""
    out: set[str] = set()

    def note(prim: str) -> str:
        out.add(prim)
        return prim

    for path in files(folder):
        try:
            _each(tomlkit.parse(path.read_text("utf-8")), note)
        except (OSError, UnicodeDecodeError, TOMLKitError):
            continue  # told by who reads the project
    return tuple(sorted(out))


def changed(folder: Path, to: Mapping[str, str]) -> Iterator[tuple[Path, str, str]]:
    """Yield (file, text, new text) of the files that change when parts go elsewhere; comments and order stay.

    Raises ProjectFault for a file that cannot be read.
    """
    for path in files(folder):
        try:
            text = path.read_text("utf-8")
            document = tomlkit.parse(text)
        except (OSError, UnicodeDecodeError, TOMLKitError) as error:
            raise ProjectFault(
                f"{path.name} cannot be edited: {error}.", where=str(path), remedy="Correct the file first."
            ) from error
        _each(document, lambda prim: followed(prim, to))
        after = tomlkit.dumps(document)
        if after != text:
            yield path, text, after


def _each(node: Any, change: Callable[[str], str]) -> None:  # Any: whatever a TOML document holds
    """Replace each prim in a document by what `change` returns for it."""
    if isinstance(node, dict):
        for key, value in list(node.items()):
            if key not in KEYS:
                _each(value, change)
            elif isinstance(value, str) and value.startswith("/"):
                if (new := change(str(value))) != value:
                    node[key] = new
            elif isinstance(value, list):
                _list(value, change)
    elif isinstance(node, list):
        for one in node:
            _each(one, change)


def _list(value: Any, change: Callable[[str], str]) -> None:  # Any: an array of tomlkit
    for at, one in enumerate(list(value)):
        if isinstance(one, str) and one.startswith("/") and (new := change(str(one))) != one:
            value[at] = new
