"""A new project: from nothing, from a demonstration, or from another project as its template.

The customer's scene is never copied or touched; where it lies outside the new folder its own folder becomes
one of `scene.roots`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import tomlkit
from tomlkit.exceptions import TOMLKitError

from armillary._version import __version__
from armillary.model import places
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project import settings
from armillary.project.published import texts
from armillary.project.record import PROJECT_FILE, SCENE_SUFFIXES, Project
from armillary.project.table import nearest

DEMOS = ("pumping-station", "packaging-line")
EMPTY = "empty"
TEMPLATES = (EMPTY, *DEMOS)
SCHEMES: Mapping[str, str] = {
    "mqtt": "mqtt", "mqtts": "mqtt", "ws": "mqtt", "wss": "mqtt", "opc.tcp": "opcua",
}  # fmt: skip
VERSION = "0.1.0"
_KEPT_BESIDE = (".gitignore", ".gitattributes")
_NAMES = {"mqtt": "broker", "opcua": "server"}
RULES = """schema = 1

# An alarm needs a consequence and what to do about it; see docs/projects.md.
# [[alarm]]
# id = "T-101-H"
# tag = "T-101.level"
# high = 4.5
# priority = 2
# consequence = "The tank runs over."
# action = "Close the inlet valve."
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of a new project: where to, and of a broker which topics ("#" = all)."""

    url: str
    topics: str = ""

    @property
    def kind(self) -> str:
        """The kind of source. Raises ProjectFault for a url that is none."""
        scheme = urlsplit(self.url).scheme
        if scheme not in SCHEMES or not urlsplit(self.url).hostname:
            raise ProjectFault(
                f"'{self.url}' is not the address of a broker or server.",
                where="url",
                remedy="Write it as mqtt://host:1883, mqtts://host:8883 or opc.tcp://host:4840.",
            )
        return SCHEMES[scheme]


def make(
    folder: Path,
    *,
    name: str = "",
    template: str = EMPTY,
    scene: Path | None = None,
    links: Sequence[Link] = (),
    zone: str = "",
) -> Project:
    """Make a project and return it. `template`: one of TEMPLATES, or the path of a project's folder.

    Raises ProjectFault when there is one already, or something given is not there; then nothing is written.
    """
    if (folder / PROJECT_FILE).exists():
        raise ProjectFault("There is a project already.", where=str(folder), remedy="Open it.")
    kinds = [link.kind for link in links]
    if scene is not None and (scene.suffix.lower() not in SCENE_SUFFIXES or not scene.is_file()):
        raise ProjectFault(
            "There is no such scene.", where=str(scene), remedy=f"Give a file: {', '.join(SCENE_SUFFIXES)}."
        )
    given, base = _template(template)
    given[PROJECT_FILE] = _head(given.get(PROJECT_FILE, ""), folder, name, scene, links, kinds, zone)
    if "rules.toml" not in given and template == EMPTY:
        given["rules.toml"] = RULES
    more = _scene_of(base) if base is not None and scene is None else ()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in more:
            _copy(path, folder / path.relative_to(base or folder))
        if scene is None and base is None:
            _write(folder / "scene.usda", projects.EMPTY_SCENE)
        # project.toml last: a folder is a project only once all of it is there
        for file in sorted(given, key=lambda file: file == PROJECT_FILE):
            _write(folder / file, given[file])
    except OSError as error:
        raise ProjectFault(
            f"The project cannot be written: {error.strerror}.",
            where=str(error.filename or folder),
            remedy="Choose a folder that you may write to.",
        ) from error
    return projects.read(folder)


def _template(template: str) -> tuple[dict[str, str], Path | None]:
    """Return a template's texts and its folder. Raises ProjectFault where there is none."""
    beside = {".gitignore": projects.GITIGNORE, ".gitattributes": projects.GITATTRIBUTES}
    if template == EMPTY:
        return {"twins.json": projects.EMPTY_TWINS, **beside}, None
    base = places.data(f"scenes/{template}") if template in DEMOS else Path(template).expanduser().resolve()
    if not (base / PROJECT_FILE).is_file():
        near = nearest(template, TEMPLATES).strip()
        raise ProjectFault(
            f"There is no template '{template}'.",
            where=str(base),
            remedy=f"{near} There are {', '.join(TEMPLATES)}, and any project's folder.".strip(),
        )
    projects.read(base)  # one with a mistake is no template
    return {**texts(base), **beside}, base


def _scene_of(base: Path) -> tuple[Path, ...]:
    """Return the files of a template's scene: those of USD in its folder that are not texts of ours."""
    ours = set(texts(base))
    hidden = base / ".armillary"
    return tuple(
        path
        for path in sorted(base.rglob("*"))
        if path.is_file()
        and not path.is_relative_to(hidden)
        and path.relative_to(base).as_posix() not in ours
        and path.name not in (*_KEPT_BESIDE, "users.toml")
        and "pki" not in path.relative_to(base).parts
    )


def _head(
    text: str,
    folder: Path,
    name: str,
    scene: Path | None,
    links: Sequence[Link],
    kinds: Sequence[str],
    zone: str,
) -> str:
    """Return project.toml: of the template where there is one, with what was given in it."""
    try:
        doc = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ProjectFault(
            f"The template's {PROJECT_FILE} cannot be read: {error}.",
            where=PROJECT_FILE,
            remedy="Correct it.",
        ) from error
    head = doc.setdefault("project", tomlkit.table())
    own = {"schema": 1, "id": str(uuid.uuid4()), "name": name or head.get("name") or folder.name}
    for key, value in {**own, "version": VERSION, "created_with": __version__}.items():
        head[key] = value
    head["timezone"] = zone or head.get("timezone") or "UTC"
    place = doc.setdefault("scene", tomlkit.table())
    place.setdefault("entry", "scene.usda")
    place.setdefault("bindings", "bindings.usda")
    if scene is not None:
        place["entry"] = Path(os.path.relpath(scene.resolve(), folder.resolve())).as_posix()
        if not settings.inside(scene, (folder,)):
            place["roots"] = [Path(os.path.relpath(scene.resolve().parent, folder.resolve())).as_posix()]
    taken = {str(source.get("name")) for source in doc.get("source", [])}
    sources = doc.setdefault("source", tomlkit.aot()) if links else tomlkit.aot()
    for link, kind in zip(links, kinds, strict=True):
        sources.append(_source(link, kind, taken))
    if links:
        doc.setdefault("historian", tomlkit.table()).setdefault("record", "all")
    return tomlkit.dumps(doc)


def _source(link: Link, kind: str, taken: set[str]) -> tomlkit.items.Table:
    base = _NAMES[kind]
    name = next(each for each in (base, *(f"{base}-{n}" for n in range(2, 1000))) if each not in taken)
    taken.add(name)
    out = tomlkit.table()
    out["name"], out["kind"], out["url"] = name, kind, link.url
    if kind == "mqtt" and link.topics:
        row, rows = tomlkit.inline_table(), tomlkit.array()
        row["filter"], row["qos"] = link.topics, 0
        rows.append(row)
        out["subscribe"] = rows
    out.add(tomlkit.comment("commands = true          # whether anything may be written to it"))
    out.add(tomlkit.nl())
    return out


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name in _KEPT_BESIDE and path.exists():
        return  # of the repository that the project is put into
    projects.write_atomic(path, text)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.write_bytes(source.read_bytes())
