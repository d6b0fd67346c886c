"""Editing of one `[colormap.NAME]` of project.toml: comments and the order of the file are kept."""

from __future__ import annotations

import re

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary.model.binding import ColourMap
from armillary.model.fault import ProjectFault
from armillary.project.record import PROJECT_FILE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def with_colormap(text: str, colourmap: ColourMap) -> str:
    """Return project.toml with one colour map as given; one that is not there is added at the end.

    Raises ProjectFault for a text that cannot be read and a name that is none. The caller reads the result
    before it is written.
    """
    if not NAME.fullmatch(colourmap.name):
        raise ProjectFault(
            f"'{colourmap.name}' cannot be the name of a colour map.",
            where=PROJECT_FILE,
            remedy="Use letters, digits, - and _.",
        )
    document = _parsed(text)
    if "colormap" not in document:
        document["colormap"] = tomlkit.table(is_super_table=True)
    maps = document["colormap"]
    assert isinstance(maps, dict)  # noqa: S101 - a container of tomlkit is one
    if colourmap.name not in maps:
        maps[colourmap.name] = tomlkit.table()
    held = maps[colourmap.name]
    held["kind"] = colourmap.kind
    stops = tomlkit.array()
    for at, colour in colourmap.stops:
        stops.append([float(f"{at:.6g}"), colour])
    if len(colourmap.stops) > _ONE_LINE:
        stops.multiline(True)
    held["stops"] = stops
    for key in ("unit", "title"):
        value = getattr(colourmap, key)
        if value:
            held[key] = value
        else:
            held.pop(key, None)
    if colourmap.labels:
        held["labels"] = list(colourmap.labels)
    else:
        held.pop("labels", None)
    return tomlkit.dumps(document)


_ONE_LINE = 4


def without_colormap(text: str, name: str) -> str:
    """Return project.toml without a colour map. Raises ProjectFault where it is not there."""
    document = _parsed(text)
    maps = document.get("colormap", {})
    if name not in maps:
        raise ProjectFault(
            f"There is no colour map '{name}' in this file.", where=PROJECT_FILE, remedy="Reload the project."
        )
    del maps[name]
    return tomlkit.dumps(document)


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ProjectFault(
            f"{PROJECT_FILE} cannot be edited: {error}.", where=PROJECT_FILE, remedy="Correct the file first."
        ) from error
