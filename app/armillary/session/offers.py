"""What a server offers as a scene, read by a process of its own; and what becomes of it in a project."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomlkit

from armillary.encoding import openusd_composed, openusd_json, openusd_samples
from armillary.encoding.openusd_in import TagWish, Taken, free_id, tag_word, taken
from armillary.model import files, places
from armillary.model.binding import Binding
from armillary.model.clock import NS, WallClock
from armillary.model.fault import ProjectFault, WorldFault
from armillary.model.message import Done, OpenScene, SaveBindings, SceneOpened
from armillary.model.openusd import SceneOffer, Trouble
from armillary.project import folder as projects
from armillary.project.edit import NewTag, with_new_tags
from armillary.project.record import TWINS_FILE, Project
from armillary.session.reading import ask_child, scene_child
from armillary.wire import child

log = logging.getLogger(__name__)

SCHEME = "opc.tcp://"
LIMIT_S = 300.0
MEMORY_BYTES = 4 << 30
SCENE_S = 600.0
SCENE_FOLDER = "scene"
LINK = "server"
SAMPLES = "history.usda"  # time samples of history bindings, for other tools
_LOOK_S = 0.2
_KINDS = {"number": "number", "bool": "bool", "enum": "enum", "text": "text", "array": "array"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A server to be read."""

    url: str
    name: str = LINK  # of the source in project.toml
    settings: Mapping[str, Any] | None = None  # Any: plain TOML values
    secret_file: str = ""
    limit_s: float = LIMIT_S
    history_s: float = 0.0  # of history bindings, back from now

    @property
    def link(self) -> dict[str, object]:
        """The link as the child gets it."""
        return {"name": self.name, "kind": "opcua", "url": self.url, "settings": dict(self.settings or {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of taking an offer in."""

    project: str
    bindings: int
    tags: int
    parts: int
    removed: int
    files: tuple[str, ...]
    notes: tuple[Trouble, ...]


def is_server(path: str) -> bool:
    """Tell whether what is to be opened is the address of a server."""
    return path.startswith(SCHEME)


@contextmanager
def read(wanted: Wanted, cancelled: Callable[[], bool] = lambda: False) -> Iterator[tuple[SceneOffer, Path]]:
    """Read a server; give its offer and the folder of its files, which goes with the block. Raises Fault."""
    with _folder() as work:
        process = _started(wanted, work, watch=False)
        try:
            _wait(process, wanted, cancelled)
        finally:
            process.kill()
        yield offer_of(work, 1, wanted.url), work / f"{SCENE_FOLDER}-1"


@contextmanager
def _folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="offer-", dir=places.runtime()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _started(wanted: Wanted, work: Path, *, watch: bool) -> child.Child:
    args = {"link": wanted.link, "folder": str(work), "watch": watch, "secret_file": wanted.secret_file}
    args["history_s"] = wanted.history_s
    # a watch lives for days: its processor time is not limited, its memory is
    cpu_s = 0 if watch else int(2 * wanted.limit_s) + 10
    return child.start(
        "extend.offer", args, places.logs() / "offer.log", memory_bytes=MEMORY_BYTES, cpu_s=cpu_s
    )


def _wait(process: child.Child, wanted: Wanted, cancelled: Callable[[], bool]) -> None:
    clock = WallClock()
    end = clock.now_mono_ns() + int(wanted.limit_s * NS)
    while process.poll_ready(_LOOK_S) is None:
        if cancelled():
            raise ProjectFault("It was cancelled.", where=wanted.url, remedy="Nothing was written.")
        if clock.now_mono_ns() > end:
            raise ProjectFault(
                f"Reading the server took more than {wanted.limit_s:g} s.",
                where=wanted.url,
                remedy="Try again when it is less busy.",
            )


def offer_of(work: Path, number: int, where: str) -> SceneOffer:
    """Return the offer that the child wrote. Raises ProjectFault."""
    try:
        return openusd_json.read((work / f"{number}.json").read_text("utf-8"), where)
    except OSError as error:
        what = f"What was read cannot be found again: {error.strerror}."
        raise ProjectFault(what, where=where, remedy="Try again.") from error


class Watch:
    """A process that reads a server again after each change of its model; `newest` gives what came last."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._work = Path(tempfile.mkdtemp(prefix="offer-", dir=places.runtime()))
        self._number = 0
        self._process = _started(wanted, self._work, watch=True)

    def newest(self) -> tuple[SceneOffer, Path] | None:
        """Return an offer that was not given before, and the folder of its files; None when there is none.

        Raises the child's Fault when it cannot begin, WorldFault when it has ended.
        """
        if not self._process.alive:
            self._process.poll_ready()
            raise WorldFault("The watch has ended.", where=self._wanted.url, remedy="Begin it again.")
        numbers = [int(path.stem) for path in self._work.glob("*.json") if path.stem.isdigit()]
        if not numbers or max(numbers) <= self._number:
            return None
        self._number = max(numbers)
        return offer_of(
            self._work, self._number, self._wanted.url
        ), self._work / f"{SCENE_FOLDER}-{self._number}"

    def close(self) -> None:
        """End it."""
        self._process.stop()
        shutil.rmtree(self._work, ignore_errors=True)


# ---------------------------------------------------------------- a project


def make_project(folder: Path, offer: SceneOffer, delivered: Path, wanted: Wanted) -> Report:
    """Make a project of what a server offers: its scene, a link, tags, bindings, parts. Raises Fault.

    Nothing of the server's files is run or opened here: the scene is checked like any other, by its child.
    """
    root = next((asset for asset in offer.assets if asset.kind == 0 and asset.file), None)
    if root is None:
        why = "; ".join(f"{t.where}: {t.what}" for t in offer.troubles[:3])
        raise ProjectFault(
            f"The server delivers no scene that can be opened. {why}".strip(),
            where=offer.url or wanted.url,
            remedy="Open a scene of yours, and take in the bindings: armillary bindings import PROJECT "
            f"{wanted.url}",
        )
    if folder.exists() and any(folder.iterdir()):
        raise ProjectFault("The folder is not empty.", where=str(folder), remedy="Give a new one.")
    try:
        _copy(offer, delivered, folder / SCENE_FOLDER)
    except OSError as error:
        raise _unwritable(error, folder) from error
    projects.new(folder, offer.name or "Server", folder / SCENE_FOLDER / root.file)
    return take_in(folder, offer, wanted)


def _copy(offer: SceneOffer, delivered: Path, to: Path) -> None:
    for asset in offer.assets:
        if asset.file:
            target = to / asset.file
            target.parent.mkdir(parents=True, exist_ok=True)
            files.replace(target, (delivered / asset.file).read_bytes(), 0o644)


def _unwritable(error: OSError, folder: Path) -> ProjectFault:
    return ProjectFault(
        f"The project cannot be written: {error.strerror}.",
        where=str(error.filename or folder),
        remedy="Choose a folder that you may write to.",
    )


def understood(project: Project, offer: SceneOffer, link: str) -> Taken:
    """Return what an offer means for a project: nothing is written."""
    known = {f"{s.link}!{s.address}": s.name for s in project.specs if s.link}
    names = [s.name for s in project.specs]
    return taken(offer, link, known, names)


def take_in(folder: Path, offer: SceneOffer, wanted: Wanted | None, link: str = "") -> Report:
    """Write what an offer says into a project: link, tags, bindings, composed.usda. Raises Fault.

    Bindings that came from the same server before and are no more are taken out; those of persons stay.
    """
    project = projects.read(folder)
    name = link or (wanted.name if wanted is not None else "")
    if wanted is not None and all(one.name != name for one in project.links):
        _add_link(folder, wanted, offer)
        project = projects.read(folder)
    found = understood(project, offer, name)
    parts, wrong = openusd_composed.placed(offer, _scene_folder(project))
    twins_text = _twins(folder, found.tags, name, parts)
    old = _former(project, name)
    kept = {(b.prim, b.name) for b in found.bindings}
    gone = tuple(sorted(key for key in old if key not in kept))
    layer = openusd_composed.text_of(parts, [b.prim for b in found.bindings])
    try:
        projects.write_atomic(folder / TWINS_FILE, twins_text)
        composed = folder / "composed.usda"
        ours = not composed.exists() or openusd_composed.MARK in composed.read_text("utf-8", "replace")
        if ours and (parts or composed.exists()):
            projects.write_atomic(composed, layer)
        elif parts:
            what = "composed.usda is not ours alone: the server's parts are not placed."
            wrong = (*wrong, Trouble(where="composed.usda", what=what, code="composed"))
    except OSError as error:
        raise _unwritable(error, folder) from error
    project = projects.read(folder)
    save(project, found.bindings, gone)
    wrong = (*wrong, *_write_samples(project, offer, found.bindings))
    _remember(project, name, found.bindings)
    return Report(
        project=str(folder),
        bindings=len(found.bindings),
        tags=len(found.tags),
        parts=len(parts),
        removed=len(gone),
        files=tuple(asset.file for asset in offer.assets if asset.file),
        notes=(*found.notes, *wrong),
    )


def _write_samples(project: Project, offer: SceneOffer, bindings: Sequence[Binding]) -> tuple[Trouble, ...]:
    """Write the past of history bindings as USD time samples beside the scene; return what could not be."""
    by_id = {b.id: b.where for b in bindings if b.id}
    ids = {(r.name, one.name): one.id for r in offer.represented for one in r.live}
    past = {by_id[id_]: p for p in offer.pasts if (id_ := ids.get((p.where, p.binding), "")) in by_id}
    text, troubles = openusd_samples.text_of(bindings, project.specs, past)
    if text:
        try:
            projects.write_atomic(project.folder / SAMPLES, text)
        except OSError as error:
            raise _unwritable(error, project.folder) from error
    return troubles


def _scene_folder(project: Project) -> str:
    """Return the folder of the scene, seen from the project's: paths of assets begin there."""
    if project.entry is None or not project.entry.is_relative_to(project.folder):
        return ""
    inside = project.entry.parent.relative_to(project.folder).as_posix()
    return "" if inside == "." else inside


def _add_link(folder: Path, wanted: Wanted, offer: SceneOffer) -> None:
    docs = projects.documents(folder)
    source: dict[str, Any] = {"name": wanted.name, "kind": "opcua", "url": wanted.url}  # Any: TOML values
    if offer.server_uri:
        source["server_uri"] = offer.server_uri
    source |= wanted.settings or {}
    table = tomlkit.item(source)
    docs.project.setdefault("source", tomlkit.aot()).append(table)
    projects.save(folder, docs, WallClock().now_ns())


def _twins(
    folder: Path, wishes: Sequence[TagWish], link: str, parts: Sequence[openusd_composed.Placed]
) -> str:
    """Return twins.json with the new tags, and part-of relationships of those that are composed."""
    try:
        text = (folder / TWINS_FILE).read_text("utf-8")
    except FileNotFoundError:
        text = ""
    return _related(with_new_tags(text, [_new_tag(wish, link) for wish in wishes]), parts)


def _new_tag(wish: TagWish, link: str) -> NewTag:
    is_span = math.isfinite(wish.low + wish.high) and wish.low < wish.high
    return NewTag(
        twin=wish.twin,
        prim=wish.prim,
        key=wish.key,
        address=f"{link}!{wish.address}",
        kind=_KINDS.get(wish.kind, "number"),
        unit=wish.unit,
        span=(wish.low, wish.high) if is_span else None,
        states=wish.states,
        liveness="link",
    )


def _related(text: str, parts: Sequence[openusd_composed.Placed]) -> str:
    """Return twins.json with `partOf` between twins whose prims are part and whole."""
    root = json.loads(text)
    twins = root.setdefault("twins", [])
    by_prim = {str(twin["prim"]): str(twin["id"]) for twin in twins if "prim" in twin}
    for prim in dict.fromkeys(each for part in parts for each in (part.owner, part.prim)):
        if prim not in by_prim:
            by_prim[prim] = free_id(tag_word(prim.rpartition("/")[2]), {str(t.get("id")) for t in twins})
            twins.append({"id": by_prim[prim], "prim": prim})
    twins.sort(key=lambda twin: str(twin.get("id", "")))
    held = root.setdefault("relationships", [])
    known = {(str(r.get("from")), str(r.get("name")), str(r.get("to"))) for r in held}
    for part in parts:
        ends = by_prim[part.prim], by_prim[part.owner]
        if (ends[0], "partOf", ends[1]) in known:
            continue
        held.append({"from": ends[0], "name": "partOf", "to": ends[1]})
    return json.dumps(root, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def save(project: Project, bindings: Sequence[Binding], gone: Sequence[tuple[str, str]] = ()) -> None:
    """Write bindings through a scene child, as the desk does. Raises Fault."""
    if not bindings and not gone:
        return
    question = project.scene_request()
    if question is None or project.bindings is None:
        raise ProjectFault(
            "This project has no scene to bind to.",
            where=str(project.folder),
            remedy="Name one in project.toml.",
        )
    where = question.entry
    with scene_child() as (line, process):
        opened = ask_child(line, process, replace(question, load="none"), SCENE_S, where)
        if not isinstance(opened, SceneOpened):
            raise _other(where)
        message = SaveBindings(bindings=tuple(bindings), remove=tuple(gone))
        if not isinstance(ask_child(line, process, message, SCENE_S, where), Done):
            raise _other(where)


def bindings_of(project: Project) -> tuple[Binding, ...]:
    """Return the bindings of a project, read by a scene child. Raises Fault."""
    question = project.scene_request()
    if question is None:
        raise ProjectFault(
            "This project has no scene.", where=str(project.folder), remedy="Name one in project.toml."
        )
    with scene_child() as (line, process):
        opened = ask_child(line, process, _shallow(question), SCENE_S, question.entry)
        if not isinstance(opened, SceneOpened):
            raise _other(question.entry)
        return opened.bindings


def _shallow(question: OpenScene) -> OpenScene:
    return replace(question, load="none")


def _other(where: str) -> WorldFault:
    return WorldFault("The scene reader answered something else.", where=where, remedy="Update both sides.")


def _memory(project: Project, link: str) -> Path:
    return project.private / f"openusd-{link or 'file'}.json"


def _former(project: Project, link: str) -> list[tuple[str, str]]:
    """Return (prim, name) of the bindings that came from a link before."""
    try:
        held = json.loads(_memory(project, link).read_text("utf-8"))
        return [(str(prim), str(name)) for prim, name in held["bindings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _remember(project: Project, link: str, bindings: Sequence[Binding]) -> None:
    held = {"schema": 1, "bindings": sorted((b.prim, b.name) for b in bindings)}
    path = _memory(project, link)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, (json.dumps(held, indent=1) + "\n").encode(), 0o644)
    except OSError as error:
        log.info("what came from %s is not remembered: %s", link, error)


def free_folder(name: str, above: Path) -> Path:
    """Return a folder's name that is not taken."""
    word = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-") or "server"
    numbered = (above / (word if n == 1 else f"{word}-{n}") for n in range(1, 1_000))
    return next((path for path in numbered if not path.exists()), above / f"{word}-{os.getpid()}")


__all__ = [
    "Report",
    "Wanted",
    "Watch",
    "bindings_of",
    "free_folder",
    "is_server",
    "make_project",
    "offer_of",
    "read",
    "save",
    "take_in",
    "understood",
]
