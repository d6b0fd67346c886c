"""Child entry of scenes: checks, loads, caches, and answers questions while a scene is open.

The process is expendable: a hostile file may kill it, and nobody but its parent notices.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson
from pxr import Sdf, Tf, Usd

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary._version import __version__
from armillary.model import message
from armillary.model.binding import Binding
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.fault import Fault, SceneFault
from armillary.model.likeness import Likeness, likeness, text_of
from armillary.model.places import cache as user_cache
from armillary.model.places import runtime
from armillary.model.scene import SceneArrays, SceneProblem, index_of
from armillary.model.tree import cleaned
from armillary.scene import (
    author,
    cache,
    carried,
    deadline,
    find,
    flatten,
    foreign,
    handout,
    info,
    lint,
    merging,
    opinions,
    overs,
    placing,
    sidecar,
)
from armillary.scene.check import Checked, check
from armillary.scene.load import Options, load
from armillary.scene.pictures import Pictures
from armillary.scene.problems import LIMITS, listed, problem
from armillary.scene.stage import OpenStage, besides, open_stage, quiet
from armillary.wire import tree_file
from armillary.wire.bus import Hub

POLL_S = 1.0
MOST_TEXT = 200  # characters of an attribute's value
MOST_ITEMS = 8  # of an array


class SceneServer:
    """Answers requests about one open scene; one thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.rest: list[object] = []  # to be forgotten after the answer
        self.tell: Callable[[message.SceneProgress], None] = lambda _told: None  # to whoever asks now
        self._clock = clock or WallClock()
        self._request: message.OpenScene | None = None
        self._arrays: SceneArrays | None = None
        self._open: OpenStage | None = None  # composed only when somebody asks for it
        self._shelf = sidecar.Shelf()
        self._alike: tuple[str, Likeness] | None = None  # of the arrays of that key
        self._written: dict[str, None] = {}  # binding layers that the open stage has as they were before

    def answer(self, asked: object) -> object:
        """Return the answer to a request. Raises Fault for one that cannot be carried out."""
        match asked:
            case message.OpenScene():
                return self._open_scene(asked)
            case message.ChooseVariants():
                request = self._opened()
                kept = {(p, s): c for p, s, c in request.variants} | {(p, s): c for p, s, c in asked.variants}
                chosen = tuple((p, s, c) for (p, s), c in kept.items())
                loads = tuple((dict(request.payloads) | dict(asked.payloads)).items())
                composed, roots = asked.composed or request.composed, asked.roots or request.roots
                wanted = replace(request, variants=chosen, payloads=loads, composed=composed, roots=roots)
                return self._open_scene(wanted)
            case message.AskAttributes():
                return attributes(self._stage().stage, asked.path)
            case message.AskMatches():
                paths, more = find.matching(self._stage().stage, asked.attributes, asked.most)
                return message.Matches(paths=tuple(paths), more=more)
            case message.SaveBindings():
                return self._save(asked)
            case message.AskBindings():
                return self._bindings_of(asked.layer) if asked.layer else self._bindings()
            case message.AddScene():
                return message.Json(text=_with_scene(asked))
            case message.MergeLayers():
                return message.Json(text=merging.as_json(asked.name, asked.base, asked.ours, asked.theirs))
            case message.AskOpinions():
                return message.Opinions(rows=opinions.read(asked.layer))
            case message.AskInfo():
                return self._info(asked)
            case message.CheckBindings():
                return self._check_bindings(asked)
            case message.Flatten():
                return self._flatten(asked)
            case message.PackParts():
                with quiet():
                    told = handout.write(
                        self._stage().stage, Path(asked.output), asked.prims, asked.context, force=asked.force
                    )
                return message.Json(text=orjson.dumps(told).decode())
            case message.WriteTree():
                return _write_tree(asked)
            case message.AskCarried():
                return message.Json(text=orjson.dumps(carried.read(asked.layer)).decode())
            case message.WriteTwin():
                carried.write_twin(asked.entry, asked.above, asked.output)
                return message.Done()
        raise SceneFault(
            f"The scene reader does not know the request {type(asked).__name__}.",
            where="scene.child",
            remedy="Update the part of Armillary that asked.",
        )

    def _opened(self) -> message.OpenScene:
        if self._request is None:
            raise SceneFault("No scene is open.", where="scene.child", remedy="Open a scene first.")
        return self._request

    def _close(self) -> None:
        """Forget the open stage: layers live as long as anybody holds them, with their old content."""
        if self._open is not None or self.rest:
            self._open = None
            self._written.clear()
            self.rest.clear()
            gc.collect()

    def _compose(
        self,
        request: message.OpenScene,
        read_documents: bool = True,
        tell: Callable[[message.SceneProgress], None] | None = None,
    ) -> tuple[Checked, OpenStage, dict[str, float]]:
        """Check and compose a scene; what is asked for by hand comes strongest."""
        started = self._clock.now_mono_ns()
        if tell is not None:
            tell(message.SceneProgress(what="checking"))
        above = tuple(p for p in ("" if request.apart else request.bindings, request.composed) if p)
        with quiet():
            found = check(
                request.entry,
                beside=above,
                roots=request.roots,
                limits=request.limits,
                read_documents=read_documents,
                payloads=request.load != "none",
            )
        deadline.extend(found.files)
        checked = self._clock.now_mono_ns()
        above = tuple(path for path in above if path not in found.unreadable)
        if tell is not None:
            tell(message.SceneProgress(what="composing", total=len(found.layers)))
        opened = open_stage(
            found.root,
            found.layers,
            above=above,
            load=request.load,
            variants=request.variants,
            payloads=request.payloads,
            left_out=found.left_out,
        )
        done = self._clock.now_mono_ns()
        return found, opened, {"check": (checked - started) / NS, "open": (done - checked) / NS}

    def _stage(self) -> OpenStage:
        request = self._opened()
        if self._open is None:
            _, self._open, _ = self._compose(request)
        for file in self._written:
            layer = Sdf.Layer.Find(file)
            if layer is not None:
                layer.Reload(force=True)
        self._written.clear()
        return self._open

    def _open_scene(self, request: message.OpenScene) -> message.SceneOpened:
        folder, beside = _cache_folder(request)
        text = _request_text(request)
        hashed: Callable[[str], str] = lambda file: self._hashed(request, file)  # noqa: E731
        with quiet():
            path = cache.recall(folder, text, hashed)
            if path is None and request.apart:
                text = f"apart {text}"  # it is not noted which layers of bindings would spoil it
                path = cache.recall(folder, text, hashed)
        seconds: dict[str, float] = {}
        started = self._clock.now_mono_ns()
        self._close()
        arrays = self._from_cache(path)
        cached = arrays is not None
        if arrays is None:
            arrays, path, seconds = self._make(request, folder, text, beside)
        seconds["all"] = (self._clock.now_mono_ns() - started) / NS
        self._request, self._arrays = request, arrays
        layers = [] if request.apart else self._layers(request, beside)
        bindings, problems = sidecar.read(layers, self._shelf)
        return message.SceneOpened(
            arrays=str(path),
            bindings=bindings,
            problems=(*beside, *problems, *(lint.lint(bindings, arrays) if bindings else ())),
            cached=cached,
            seconds=seconds,
            files=_drawn(request, cache.files_of(folder, text)),
        )

    def _from_cache(self, path: Path | None) -> SceneArrays | None:
        """Return cached arrays; a file that is not whole is made again, and replaced.

        Nothing is deleted: another reader may have replaced it by now.
        """
        if path is None:
            return None
        try:
            return cache.read(path, indices=False)  # nothing here follows them as a renderer does
        except SceneFault:
            return None

    def _make(
        self, request: message.OpenScene, folder: Path, text: str, problems: list[SceneProblem]
    ) -> tuple[SceneArrays, Path, dict[str, float]]:
        tell = self.tell if request.progress else None
        before = overs.stat_of(request.bindings) if request.bindings and not request.apart else None
        found, opened, seconds = self._compose(request, tell=tell)
        if before is not None and request.bindings not in found.unreadable:
            self._shelf.take(request.bindings, before, Sdf.Layer.Find(request.bindings))
        composed = self._clock.now_mono_ns()
        limits = {**LIMITS, **request.limits}
        options = Options(
            purposes=tuple(request.purposes),
            max_prims=int(limits["prims"]),
            max_points=int(limits["points"]),
            max_triangles=int(limits["triangles"]),
        )
        pictures = _pictures(request)
        with quiet():
            so_far = (*found.problems, *opened.problems)
            arrays = load(opened.stage, options, so_far, pictures, tell, self.rest)
        loaded = self._clock.now_mono_ns()
        files = dict.fromkeys([*found.files, *besides(opened), *pictures.files])
        digests = {file: self._hashed(request, file) for file in files}
        try:
            arrays, path = _kept(arrays, folder, text, digests)
        except SceneFault as fault:
            problems.append(problem("S16", fault.where, fault.what))
            arrays, path = _kept(arrays, runtime() / "scenes", text, digests)
        done = self._clock.now_mono_ns()
        self._open = opened
        seconds |= {"load": (loaded - composed) / NS, "write": (done - loaded) / NS}
        return arrays, path, seconds

    def _save(self, asked: message.SaveBindings) -> message.Done:
        if asked.layer:
            with quiet():
                author.save(asked.layer, asked.bindings, asked.remove)
            return message.Done()
        request = self._opened()
        if not request.bindings:
            raise SceneFault(
                "This scene has no binding layer to save to.",
                where=request.entry,
                remedy="Save it as a project first.",
            )
        with quiet():
            memory = self._memory({binding.prim for binding in asked.bindings})
            files = author.save(
                request.bindings, asked.bindings, asked.remove, memory=memory, shelf=self._shelf
            )
        if self._open is not None:
            # what is open is brought up to date when it is next asked for: a save does not wait for that
            self._written |= dict.fromkeys(files)
            if any(Sdf.Layer.Find(file) is None for file in files):
                self._close()  # a new file is no part of it yet
        return message.Done()

    def _memory(self, prims: Collection[str]) -> dict[str, str]:
        """Return what parts look like now, to be kept with their bindings; of those that the scene has."""
        if self._arrays is None:
            return {}
        rows, parts = index_of(self._arrays.prim_path), self._likeness(self._arrays)
        return {prim: text_of(parts, rows[prim]) for prim in prims if prim in rows}

    def _likeness(self, scene: SceneArrays) -> Likeness:
        if self._alike is None or self._alike[0] != scene.key:
            self._alike = scene.key, likeness(scene)
        return self._alike[1]

    def rest_awhile(self) -> None:
        """Get ready, while nobody asks, for what the first save needs."""
        request = self._request
        if self._arrays is not None and request is not None and request.bindings and not request.apart:
            self._likeness(self._arrays)

    def _flatten(self, asked: message.Flatten) -> message.Json:
        stage, arrays = self._stage().stage, self._arrays
        if arrays is None:
            raise SceneFault("No scene is open.", where="scene.child", remedy="Open a scene first.")
        look = flatten.read_look(asked.look, len(arrays)) if asked.look else None
        with quiet():
            told = flatten.write(stage, arrays, Path(asked.output), look, force=asked.force)
        return message.Json(text=orjson.dumps({"output": asked.output, **told}).decode())

    def _bindings(self) -> message.BindingsRead:
        """Read the binding layer again; a stage that is open composes it anew when it is next asked for."""
        request = self._opened()
        self._close()
        problems: list[SceneProblem] = []
        with quiet():
            bindings, found = sidecar.read(self._layers(request, problems), self._shelf)
        return message.BindingsRead(bindings=bindings, problems=(*problems, *found))

    def _layers(self, request: message.OpenScene, problems: list[SceneProblem]) -> list[str]:
        """Return the files that bindings are read from, strongest first; what cannot be read is a problem."""
        out = [
            file
            for top in (request.bindings, request.composed)
            if top
            for file in sidecar.files(top, problems, self._shelf)
        ]
        self._shelf.only(out)
        return out

    def _hashed(self, request: message.OpenScene, file: str) -> str:
        """Return the hash of what a file adds to the picture: bindings add nothing, all else of it does."""
        branches = os.path.splitext(request.bindings)[0] + os.sep if request.bindings else "\0"
        if file not in {request.bindings, request.composed} and not file.startswith(branches):
            return cache.digest(file)
        if request.apart and file != request.composed:
            return ""
        try:
            return sidecar.remainder(file, self._shelf)
        except SceneFault:
            return cache.digest(file)

    def _info(self, asked: message.AskInfo) -> message.Json:
        request = message.OpenScene(entry=asked.entry, roots=asked.roots, load=asked.load)
        # counted is what the scene itself composes to, without what documents of other kinds add
        self._close()
        found, opened, _ = self._compose(request, read_documents=False)
        with quiet():
            arrays = load(opened.stage, Options(), (*found.problems, *opened.problems), _pictures(request))
            besides(opened)
            return message.Json(text=info.info(opened.stage, arrays, found.documents))

    def _check_bindings(self, asked: message.CheckBindings) -> message.Problems:
        """Lint a binding layer; of a scene that is open already nothing is composed again unless it must."""
        if asked.arrays:
            return self._judged_apart(asked)
        request = self._request
        arrays = self._arrays
        before: tuple[SceneProblem, ...] = ()
        if request is None or (request.entry, request.bindings) != (asked.entry, asked.bindings):
            request = message.OpenScene(entry=asked.entry, bindings=asked.bindings, roots=asked.roots)
            arrays = None
        stage: Callable[[], Any] = lambda: self._stage().stage  # noqa: E731
        if arrays is None:
            found, opened, _ = self._compose(request)
            with quiet():
                arrays = load(opened.stage, Options(), pictures=_pictures(request))
            before = (*found.problems, *opened.problems, *arrays.problems)
            stage = lambda: opened.stage  # noqa: E731
        left_out: list[SceneProblem] = []
        colormaps = [colours.name for colours in asked.colormaps]
        if asked.given:
            judged = lint.lint(
                asked.given, arrays, stage=stage, tags=asked.tags, colormaps=colormaps, together=False
            )
            return message.Problems(problems=judged)
        bindings, problems = sidecar.read(self._layers(request, left_out), self._shelf)
        judged = lint.lint(bindings, arrays, stage=stage, tags=asked.tags, colormaps=colormaps)
        return message.Problems(problems=listed([*before, *left_out, *problems, *judged]))

    def _judged_apart(self, asked: message.CheckBindings) -> message.Problems:
        """Lint a layer that is read here against a scene that another process has open."""
        bindings, _ = sidecar.read(sidecar.files(asked.bindings, [], self._shelf), self._shelf)
        arrays = cache.read(Path(asked.arrays), indices=False)
        later = lint.for_stage(bindings, arrays)
        colormaps = [colours.name for colours in asked.colormaps]
        judged = lint.lint(bindings, arrays, tags=asked.tags, colormaps=colormaps, left_out=frozenset(later))
        return message.Problems(problems=judged, unjudged=later)

    def _bindings_of(self, layer: str) -> message.BindingsRead:
        """Read a binding layer that belongs to no open scene: of an older version, or read apart from it."""
        deadline.extend([layer, *map(str, Path(layer).with_suffix("").rglob("*.usda"))])
        with quiet():
            problems: list[SceneProblem] = []
            files = sidecar.files(layer, problems, self._shelf)
            draws = bool(problems) or not sidecar.is_plain(files, self._shelf)
            bindings, found = sidecar.fields_of(files, self._shelf)
        # a mapping crosses processes as the record of these fields does: they are made where they are read
        records = cast("tuple[Binding, ...]", tuple(bindings))
        return message.BindingsRead(
            bindings=records, problems=(*problems, *found), files=tuple(files), draws=draws
        )


def _with_scene(asked: message.AddScene) -> str:
    """Return composed.usda with another scene, or without one."""
    if not asked.asset:
        return placing.removed(asked.text, asked.prim)
    return placing.added(
        asked.text,
        asked.prim,
        asked.asset,
        translate=asked.translate,
        rotate_x=asked.rotate_x,
        scale=asked.scale,
        as_payload=asked.as_payload,
    )


def _write_tree(asked: message.WriteTree) -> message.Json:
    """Write what an importer read, after another look at it: its process has read a foreign file."""
    tree = cleaned(tree_file.read(Path(asked.tree)), asked.output)
    with quiet():
        written = foreign.save(
            foreign.adjusted(tree, asked.up_axis, asked.meters_per_unit),
            Path(asked.output),
            force=asked.force,
        )
    return message.Json(text=orjson.dumps(written).decode())


def _pictures(request: message.OpenScene) -> Pictures:
    """Return what reads images: beside the scene, and in the folders that it may use besides."""
    return Pictures((str(Path(request.entry).resolve().parent), *request.roots))


def _cache_folder(request: message.OpenScene) -> tuple[Path, list[SceneProblem]]:
    """Return where cached scenes are; where the user's cache cannot be written, the runtime folder."""
    if request.cache:
        return Path(request.cache), []
    try:
        return user_cache() / "scenes", []
    except Fault as fault:
        return runtime() / "scenes", [problem("S16", fault.where, fault.what)]


def _kept(
    arrays: SceneArrays, folder: Path, text: str, digests: Mapping[str, str]
) -> tuple[SceneArrays, Path]:
    """Return arrays with their key, and their file in a folder. Raises SceneFault."""
    arrays = replace(arrays, key=cache.remember(folder, text, digests))
    return arrays, cache.write(arrays, folder)


def _drawn(request: message.OpenScene, files: Sequence[str]) -> tuple[str, ...]:
    """Return the files without the layers of bindings, which draw nothing."""
    above = {os.path.realpath(path) for path in (request.bindings, request.composed) if path}
    branches = os.path.splitext(os.path.realpath(request.bindings))[0] + os.sep if request.bindings else "\0"
    real = ((file, os.path.realpath(file)) for file in files)
    return tuple(file for file, path in real if path not in above and not path.startswith(branches))


def _request_text(request: message.OpenScene) -> str:
    """Return everything but file contents that decides what the arrays hold."""
    facts = (
        __version__,
        str(Usd.GetVersion()),
        request.entry,
        request.bindings,
        request.composed,
        list(request.roots),
        list(request.purposes),
        request.load,
        sorted(request.payloads),
        sorted(request.variants),
        sorted(request.limits.items()),
    )
    return orjson.dumps(facts).decode()


def attributes(stage: Any, path: str) -> message.Attributes:
    """Return the attributes and relationships of a prim. Raises SceneFault when it is not in the scene."""
    prim = stage.GetPrimAtPath(path) if Sdf.Path.IsValidPathString(path) else None
    if not prim:
        raise SceneFault(
            f"{path} is not in the scene.",
            where=stage.GetRootLayer().realPath,
            remedy="Choose a prim of the tree.",
        )
    rows = []
    for prop in prim.GetProperties():
        if isinstance(prop, Usd.Attribute):
            stack = prop.GetPropertyStack(Usd.TimeCode.EarliestTime())
            value = prop.Get(Usd.TimeCode.EarliestTime())
            kind = str(prop.GetTypeName())
            text = "" if value is None else shown(value)
        else:
            stack = prop.GetPropertyStack()
            kind, text = "rel", ", ".join(str(target) for target in prop.GetTargets()[:MOST_ITEMS])
        layer = stack[0].layer if stack else None
        named = "" if layer is None else Path(layer.realPath).name or layer.GetDisplayName()
        rows.append((str(prop.GetName()), kind, text[:MOST_TEXT], named))
    return message.Attributes(
        path=path,
        type_name=str(prim.GetTypeName()),
        rows=tuple(rows),
        applied=tuple(str(schema) for schema in prim.GetAppliedSchemas()),
        payload=("loaded" if prim.IsLoaded() else "left out") if prim.HasAuthoredPayloads() else "",
    )


def shown(value: Any) -> str:
    """Return a value as short text: an array by its length and first items."""
    if isinstance(value, str | bool | int | float):
        return str(value)
    if hasattr(value, "__len__") and type(value).__name__.endswith("Array"):
        items = ", ".join(str(value[i]) for i in range(min(len(value), MOST_ITEMS)))
        more = ", …" if len(value) > MOST_ITEMS else ""
        return f"{len(value)}: [{items}{more}]"
    return str(value)


def run(args: Mapping[str, Any], ready: Callable[[dict[str, Any]], None]) -> None:
    """Serve requests at `args["address"]` until Stop arrives; `ready` is told the address when it listens."""
    server = SceneServer()
    hub = Hub(str(args["address"]))
    try:
        ready({"address": hub.address})
        while True:
            heard = hub.poll(POLL_S)
            if not heard:
                server.rest_awhile()
            for peer, number, asked in heard:
                if isinstance(asked, message.Stop):
                    hub.send(peer, message.Done(), answers=number)
                    return
                server.tell = partial(hub.send, peer)
                deadline.begin(_seconds(asked))
                answer = _answer(server, asked)
                deadline.end()
                hub.send(peer, answer, answers=number)
                server.rest.clear()
    finally:
        hub.close()


def _seconds(asked: object) -> float:
    """Return how long a request may take before the size of files is known; what writes is not cut short."""
    if isinstance(asked, message.SaveBindings | message.WriteTree | message.Flatten | message.PackParts):
        return deadline.MOST_SECONDS
    return float(getattr(asked, "limits", {}).get("seconds", deadline.SECONDS))


def _answer(server: SceneServer, asked: object) -> object:
    """Return the answer, or the fault: a request that fails must not end the process that others use."""
    try:
        return server.answer(asked)
    except Fault as fault:
        return fault
    except MemoryError:
        return SceneFault(
            "The scene was refused: reading it needs more memory than it may use.",
            where=getattr(asked, "entry", "") or "scene.child",
            remedy="Open a part of it; if you do not trust the file, delete it.",
        )
    except (
        Tf.ErrorException,
        RuntimeError,
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        OSError,
        EOFError,
    ) as error:
        return SceneFault(
            f"The scene cannot be read: {type(error).__name__}: {str(error)[:300]}.",
            where=getattr(asked, "entry", "") or "scene.child",
            remedy="Export it again; if it is sound elsewhere, report it with the file.",
        )
