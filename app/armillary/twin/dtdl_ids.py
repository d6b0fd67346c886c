"""DTMIs: whether one is well formed in a language version, whose it is, and ids for elements without one."""

from __future__ import annotations

import re

from armillary.twin.dtdl_tables import VERSIONS

_SEGMENT = r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?"
_PATH = rf"dtmi:{_SEGMENT}(?::{_SEGMENT})*"
_OLD = re.compile(rf"{_PATH};[1-9][0-9]{{0,8}}")
_NEW = re.compile(rf"{_PATH}(?:;[1-9][0-9]{{0,8}}(?:\.[1-9][0-9]{{0,5}})?)?")
# what may stand where a language version does not matter: ids of the system, with leading underscores, too
_ANY_SEGMENT = r"(?:[A-Za-z_](?:[A-Za-z0-9_]*[A-Za-z0-9])?)"
_ANY = re.compile(
    rf"dtmi:{_ANY_SEGMENT}(?::{_ANY_SEGMENT})*(?:;(?:[1-9][0-9]{{0,8}}(?:\.[1-9][0-9]{{0,5}})?))?"
    r"(?:#[A-Za-z0-9_]*)?"
)
RESERVED = ("dtmi:dtdl:", "dtmi:standard:")
RESERVED_BY: dict[str, str] = {  # a prefix that belongs to an extension: its context
    "dtmi:iotcentral:": "dtmi:iotcentral:context;2",
    "dtmi:iotoperations:": "dtmi:iotoperations:context;4",
}
SCHEME = "dtmi:"


def is_id(text: str, version: int) -> bool:
    """Return whether the text is an id as an author may write it in this language version."""
    return (_OLD if version == VERSIONS[0] else _NEW).fullmatch(text) is not None


def is_dtmi(text: str) -> bool:
    """Return whether the text is a DTMI at all, of whatever version, ids of the system included."""
    return _ANY.fullmatch(text) is not None


def versionless(dtmi: str) -> str:
    """Return the part before the version."""
    return dtmi.partition(";")[0]


def is_reserved(dtmi: str) -> bool:
    """Return whether only the language itself may define this id."""
    return dtmi.startswith(RESERVED)


def made(parent: str, member: str, name: str | None) -> str:
    """Return the id of an element that its author gave none: `dtmi:a:b:_contents:__speed;1`."""
    path, mark, version = parent.partition(";")
    tail = f":__{name}" if name is not None else ""
    return f"{path}:_{member}{tail}{mark}{version}"
