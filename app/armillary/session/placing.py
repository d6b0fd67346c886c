"""Another scene added to the one that is shown: looked at first, written into composed.usda, undone again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import tomlkit

from armillary.model.fault import Fault, FaultRecord, ProjectFault, SceneFault
from armillary.model.message import AddScene, AskInfo, Json
from armillary.project import folder as projects
from armillary.project import settings
from armillary.project.record import COMPOSED_FILE, PROJECT_FILE, SCENE_SUFFIXES, Project
from armillary.session.bulk import Text
from armillary.session.reading import ask_child, scene_child
from armillary.session.undo import Step, Undo

READ_S = 120.0
_ODD = re.compile(r"[^A-Za-z0-9_]+")
_TURN = {("Y", "Z"): 90.0, ("Z", "Y"): -90.0}  # degrees about X that bring an asset's up axis to the scene's
_EVEN = 1e-9  # units that differ by less are the same


class Shop(Protocol):
    """What this needs of the workspace."""

    @property
    def project(self) -> Project | None: ...
    def prim_named(self, path: str) -> int | None: ...
    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None: ...
    def learn_project(self, project: Project) -> None: ...
    def reload_scene(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found in a scene before it is added."""

    path: Path
    prims: int
    bytes: int
    problems: tuple[str, ...]
    scale: float  # that fits its unit to the scene's
    rotate_x: float  # degrees that fit its up axis
    has_default: bool  # without a default prim nothing of it can be referenced

    @property
    def text(self) -> str:
        """The facts in a sentence."""
        fits = [f"scaled by {self.scale:g}" if abs(self.scale - 1) > _EVEN else ""]
        fits.append(f"turned by {self.rotate_x:g}° about X" if self.rotate_x else "")
        fitted = " and ".join(word for word in fits if word)
        problems = f"{len(self.problems)} problems" if len(self.problems) != 1 else "1 problem"
        size = f"{self.prims:,} prims, {self.bytes / 1e6:,.1f} MB, {problems}"
        return f"{size}; {fitted} to fit" if fitted else size


def look(path: Path, project: Project) -> Looked:
    """Read another scene by a child of its own and say what it is. Raises Fault."""
    if path.suffix.lower() not in SCENE_SUFFIXES or not path.is_file():
        raise SceneFault(
            "That is no OpenUSD scene.", where=str(path), remedy=f"Give a file: {', '.join(SCENE_SUFFIXES)}."
        )
    if project.entry is None:
        raise SceneFault("The project has no scene.", where=str(project.folder), remedy="Give it one first.")
    with scene_child() as (line, process):
        facts = []
        for each in (path, project.entry):
            ask = AskInfo(entry=str(each), roots=(str(each.parent), *map(str, project.roots)))
            got = ask_child(line, process, ask, READ_S, each.name)
            if not isinstance(got, Json):
                raise SceneFault(
                    "The scene reader answered something else.", where=each.name, remedy="Update it."
                )
            facts.append(json.loads(got.text))
    return _looked(path, facts[0], facts[1])


def _looked(path: Path, asset: dict[str, Any], scene: dict[str, Any]) -> Looked:  # Any: parsed facts
    return Looked(
        path=path,
        prims=int(asset["prims"]),
        bytes=path.stat().st_size,
        problems=tuple(f"{p.get('code', '')} {p.get('what', '')}".strip() for p in asset.get("problems", [])),
        scale=float(asset["meters_per_unit"]) / float(scene["meters_per_unit"]),
        rotate_x=_TURN.get((str(asset["up_axis"]), str(scene["up_axis"])), 0.0),
        has_default=bool(asset.get("default_prim", True)),
    )


def proposed(path: Path, under: str) -> str:
    """Return the prim path at which a scene would be added below another prim."""
    name = _ODD.sub("_", path.stem).strip("_") or "Added"
    name = name if not name[0].isdigit() else f"_{name}"
    return f"{under.rstrip('/')}/{name[0].upper()}{name[1:]}"


class Scene(Protocol):
    """What tells whether a place is free."""

    @property
    def project(self) -> Project | None: ...
    def prim_named(self, path: str) -> int | None: ...


def why_not(shop: Scene, prim: str) -> str:
    """Return why nothing can be added at a path, "" when it can."""
    project = shop.project
    if project is None or not project.saved:
        return "Only a project that is saved has a layer of its own."
    parent = prim.rpartition("/")[0]
    if parent and shop.prim_named(parent) is None:
        return f"There is no prim {parent}."
    if shop.prim_named(prim) is not None:
        return f"There is a prim {prim} already."
    return ""


def texts(project: Project, looked: Looked, prim: str, at: tuple[float, float, float]) -> tuple[Text, ...]:
    """Return the files that add a scene: composed.usda, and project.toml where its folder is a new root.

    at: where its origin goes, in units of the stage. Raises Fault; nothing is written here.
    """
    asset = Path(os.path.relpath(looked.path, project.folder)).as_posix()
    asset = asset if asset.startswith(".") else f"./{asset}"
    wish = AddScene(
        text=_read(project.folder / COMPOSED_FILE),
        prim=prim,
        asset=asset,
        translate=at,
        rotate_x=looked.rotate_x,
        scale=looked.scale,
    )
    out = [_text(project.folder / COMPOSED_FILE, wish.text, _asked(wish))]
    if not settings.inside(looked.path, (project.folder, *project.roots)):
        out.append(_with_root(project, looked.path.parent))
    return tuple(out)


def texts_without(project: Project, prim: str) -> tuple[Text, ...]:
    """Return the files that take out what was added at a prim. Raises Fault."""
    wish = AddScene(text=_read(project.folder / COMPOSED_FILE), prim=prim)
    return (_text(project.folder / COMPOSED_FILE, wish.text, _asked(wish)),)


def _asked(wish: AddScene) -> str:
    with scene_child() as (line, process):
        got = ask_child(line, process, wish, READ_S, COMPOSED_FILE)
    if not isinstance(got, Json):
        raise SceneFault(
            "The scene reader answered something else.", where=COMPOSED_FILE, remedy="Update it."
        )
    return got.text


def _with_root(project: Project, root: Path) -> Text:
    path = project.folder / PROJECT_FILE
    before = _read(path)
    document = tomlkit.parse(before)
    scene = document.setdefault("scene", tomlkit.table())
    roots = [str(each) for each in scene.get("roots", [])]
    scene["roots"] = [*roots, Path(os.path.relpath(root, project.folder)).as_posix()]
    return _text(path, before, tomlkit.dumps(document))


def _text(path: Path, before: str, after: str) -> Text:
    return Text(path=path, before=before, after=after)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            f"{path.name} cannot be read: {error}.", where=str(path), remedy="Make it readable, as UTF-8."
        ) from error


class Placing:
    """Adds scenes on the desk. One thing at a time; reading runs beside the desk's thread."""

    def __init__(self, shop: Shop, undo: Undo) -> None:
        self._shop, self._undo = shop, undo

    def look(self, path: Path, done: Callable[[Looked | str], None]) -> None:
        """Read another scene; `done` gets what it is, or why it cannot be added."""
        project = self._shop.project
        if project is None:
            done("No project is open.")
            return

        def answered(answer: object) -> None:
            done(answer if isinstance(answer, Looked) else _words(answer))

        self._shop.work(lambda: look(path, project), answered)

    def add(
        self, looked: Looked, prim: str, at: tuple[float, float, float], ended: Callable[[str], None]
    ) -> None:
        """Write and show it; `ended` gets "" or why it was not added. It is one step of undo."""
        project, why = self._shop.project, why_not(self._shop, prim)
        if project is None or why:
            ended(why or "No project is open.")
            return

        def answered(answer: object) -> None:
            if not isinstance(answer, tuple):
                ended(_words(answer))
                return
            why = self._put(answer, forth=True)
            if not why:
                self._undo.push(
                    Step(
                        f"Add {looked.path.name} at {prim}",
                        lambda done: done(self._put(answer, forth=False)),
                        lambda done: done(self._put(answer, forth=True)),
                    )
                )
            ended(why)

        self._shop.work(lambda: texts(project, looked, prim, at), answered)

    def _put(self, files: tuple[Text, ...], *, forth: bool) -> str:
        """Write files one way or the other and read the scene again; return why that was not possible."""
        done: list[Text] = []
        try:
            for text in files:
                text.put(*((text.after, text.before) if forth else (text.before, text.after)))
                done.append(text)
            if self._shop.project is not None:
                self._shop.learn_project(projects.read(self._shop.project.folder))
        except (Fault, OSError) as fault:
            for text in done:  # all of them or none
                text.put(*((text.before, text.after) if forth else (text.after, text.before)))
            return _words(fault)
        self._shop.reload_scene()
        return ""


def _words(answer: object) -> str:
    """Return a fault in words."""
    if isinstance(answer, FaultRecord | Fault):
        return f"{answer.what} {answer.remedy}"
    return f"Not done: {answer}."
