"""What an importer made, written into a project: twins, relationships, sources and interfaces."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import tomlkit

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project import modelled
from armillary.project.record import Project

Existing = Literal["skip", "merge"]
_NAME = re.compile(r"[^a-z0-9_-]+")
_ADDRESS = re.compile(r"\{([^}]*)\}!")


class Wish(Protocol):
    """A server that addresses lead to."""

    @property
    def url(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def filters(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of an import in a project."""

    added: tuple[str, ...] = ()  # twins
    there: tuple[str, ...] = ()  # twins that were there already, and stayed as they are but for `merged`
    merged: tuple[str, ...] = ()  # what those got, `P-101.flow`
    kept: tuple[str, ...] = ()  # what they have and the document says otherwise
    relationships: int = 0
    sources: tuple[str, ...] = ()  # names of those that were added
    files: tuple[Path, ...] = ()


def written(
    project: Project,
    twins: Sequence[Mapping[str, Any]],
    relationships: Sequence[Mapping[str, Any]],
    sources: Sequence[Wish],
    interfaces: Sequence[Mapping[str, Any]],
    now_ns: int,
    existing: Existing = "skip",
    *,
    dry: bool = False,
) -> Change:
    """Add twins to a project; return what changed. dry: nothing is written.

    A twin that is there stays: with `skip` as a whole, with `merge` it gets what it lacks, and what differs
    is told. Raises ProjectFault; the project is then as it was.
    """
    if not project.saved or project.read_only:
        raise ProjectFault(
            "This project cannot be changed.", where=str(project.folder), remedy="Save it as a project first."
        )
    docs = projects.documents(project.folder)
    names, added_sources = _named(project, sources, docs.project)
    have = {str(twin.get("id")): twin for twin in docs.twins.setdefault("twins", [])}
    members = {twin.id for twin in project.twins} - set(have)  # of fleets
    added, there, merged, kept = [], [], list[str](), list[str]()
    for twin in twins:
        own = _addressed(twin, names)
        name = str(own["id"])
        if name in have or name in members:
            there.append(name)
            if existing == "merge" and name in have:
                _merge(have[name], own, name, merged, kept)
        else:
            docs.twins["twins"].append(own)
            added.append(name)
    edges = docs.twins.setdefault("relationships", [])
    before = {(edge.get("from"), edge.get("name"), edge.get("to")) for edge in edges}
    fresh = [dict(edge) for edge in relationships if (edge["from"], edge["name"], edge["to"]) not in before]
    edges += fresh
    documents = {_file_of(one): one for one in interfaces}
    files: tuple[Path, ...] = ()
    if not dry:
        if documents:
            modelled.list_files(docs.project)
            files = modelled.write_documents(project.folder / modelled.FOLDER, documents)
        projects.save(project.folder, docs, now_ns)
    return Change(
        added=tuple(added),
        there=tuple(there),
        merged=tuple(merged),
        kept=tuple(kept),
        relationships=len(fresh),
        sources=added_sources,
        files=files,
    )


def _named(
    project: Project, sources: Sequence[Wish], toml: tomlkit.TOMLDocument
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the name of the source of each url, and those that had to be added to project.toml."""
    known = {link.url.rstrip("/"): link.name for link in project.links}
    taken, added = {link.name for link in project.links}, list[str]()
    names: dict[str, str] = {}
    for wish in sources:
        url = wish.url.rstrip("/")
        if url not in known:
            host = urlsplit(url).hostname or wish.kind
            base = _NAME.sub("-", host.lower()).strip("-_") or wish.kind
            base = base if base[0].isalpha() else f"{wish.kind}-{base}"
            name, n = base, 2
            while name in taken:
                name, n = f"{base}-{n}", n + 1
            taken.add(name)
            table = tomlkit.table()
            table.update({"name": name, "kind": wish.kind, "url": wish.url})
            toml.setdefault("source", tomlkit.aot()).append(table)
            known[url] = name
            added.append(name)
        names[wish.url] = known[url]
    return names, tuple(added)


def _addressed(value: Any, names: Mapping[str, str]) -> Any:  # Any: JSON
    """Return a copy with the names of sources in all addresses."""
    if isinstance(value, Mapping):
        return {
            key: _address(one, names) if key == "address" else _addressed(one, names)
            for key, one in value.items()
        }
    return [_addressed(one, names) for one in value] if isinstance(value, list) else value


def _address(value: Any, names: Mapping[str, str]) -> Any:  # Any: JSON
    if not isinstance(value, str):
        return _addressed(value, names)  # a property that is called so
    return _ADDRESS.sub(lambda found: f"{names.get(found[1], found[1])}!", value, count=1)


def _merge(
    have: dict[str, Any], new: Mapping[str, Any], where: str, merged: list[str], kept: list[str]
) -> None:
    """Give a twin or component what it lacks; note what it got, and what it has and is said otherwise."""
    for key, value in new.items():
        told = f"{where}.{key}" if key not in ("properties", "tags", "components") else where
        if key == "id":
            continue
        if key not in have:
            have[key] = value
            merged.append(told if told != where else f"{where}.{'/'.join(sorted(value))}")
        elif isinstance(value, Mapping) and isinstance(have[key], dict) and "address" not in have[key]:
            _merge(have[key], value, told, merged, kept)
        elif have[key] != value:
            kept.append(told)


def _file_of(interface: Mapping[str, Any]) -> str:
    name = _NAME.sub("_", str(interface.get("@id", "model")).lower().removeprefix("dtmi:"))
    return f"{name.strip('_')}.json"
