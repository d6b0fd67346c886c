"""Pre-flight: look at every layer of a scene before it is composed, and take out what must not be followed.

OpenUSD resolves any path it is given, and a resolver of our own is not possible from Python, so layers are
walked breadth-first and arcs that leave the allowed folders are removed from the layers in memory. Nothing
is ever written back: layers are opened without leave to save.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pxr import Ar, Sdf, Tf

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.fault import SceneFault
from armillary.model.scene import SceneProblem
from armillary.scene import mtlx, multiply
from armillary.scene.problems import LIMITS, MAX_ARC_DEPTH, problem
from armillary.scene.sniff import damaged, look, may_inherit

CODES_FALLBACK, MOST_CODES = 24.0, 1_000_000.0
METRES_FALLBACK = 0.01  # of a layer that says nothing
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")
_UNCOMPOSED = re.compile(r"[`$]")


@dataclass(slots=True)
class Checked:
    """What the walk found; `layers` must live as long as the stage, or their changes in memory are lost."""

    root: Any  # Sdf.Layer; pxr ships no type hints
    layers: list[Any] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # every file looked at, and those that are missing
    problems: list[SceneProblem] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  # layers beside the scene that are left out
    documents: list[str] = field(default_factory=list)  # MaterialX files
    left_out: list[str] = field(default_factory=list)  # prims that multiply beyond the limit


def check(
    entry: str,
    *,
    beside: Sequence[str] = (),
    roots: Sequence[str] = (),
    limits: Mapping[str, int] | None = None,
    read_documents: bool = True,
    payloads: bool = True,
) -> Checked:
    """Return the layers of a scene, safe to compose, and the problems met on the way.

    `beside` are layers composed with it (bindings.usda, composed.usda; they need not exist, and one that
    cannot be read is left out), `roots` folders that asset paths may reach besides the entry's own. Without
    `read_documents`, MaterialX documents are only listed: the scene is what OpenUSD alone makes of it.
    `payloads` tells whether they will be loaded: prims of those that are not do not count.
    Raises SceneFault when the entry is missing, not a scene, or past a limit (layers, bytes, prims).
    """
    bounds = {**LIMITS, **(limits or {})}
    own = os.path.realpath(entry)
    allowed = tuple(os.path.realpath(r) for r in (str(Path(own).parent), *roots))
    walk = _Walk(allowed, bounds, read_documents)
    if not os.path.isfile(own):
        raise SceneFault(
            "The scene file was not found.",
            where=entry,
            remedy="Correct `entry` under [scene] in project.toml, or locate the file.",
        )
    unreadable: list[str] = []
    try:
        layer = walk.open(own)
        for path in beside:
            if path and os.path.isfile(path):
                try:
                    walk.open(path)
                except SceneFault:  # told by who reads the bindings in it
                    unreadable.append(path)
            elif path:
                walk.files[path] = None
        walk.follow()
        left_out = walk.count(layer, [path for path in beside if path and path not in unreadable], payloads)
    except _PastLimit as refusal:
        raise refusal.fault from None
    walk.compare(layer)
    found = Checked(root=layer)
    found.layers = list(walk.layers.values())
    found.files = list(walk.files)
    found.problems = walk.problems
    found.documents = list(walk.documents)
    found.unreadable = unreadable
    found.left_out = left_out
    return found


class _PastLimit(Exception):
    """A limit of the whole walk, unlike a fault of one layer that the rest can do without."""

    def __init__(self, fault: SceneFault) -> None:
        super().__init__(fault.what)
        self.fault = fault


@dataclass(slots=True)
class _Walk:
    allowed: tuple[str, ...]
    bounds: Mapping[str, int]
    read_documents: bool = True
    layers: dict[str, Any] = field(default_factory=dict)  # identifier -> layer, in breadth-first order
    depth: dict[str, int] = field(default_factory=dict)
    arcs: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    problems: list[SceneProblem] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)  # MaterialX file -> its layer in memory
    bytes: int = 0
    multiplies: bool = False  # there is an arc by which a prim may come in more than once

    def open(self, path: str, depth: int = 0) -> Any:
        """Return the layer of a file, after a look at its bytes. Raises SceneFault when it is no scene."""
        package = Ar.SplitPackageRelativePathOuter(path)[0] or path
        if package not in self.files:
            self.files[package] = None
            self.bytes += os.path.getsize(package)
            if self.bytes > self.bounds["bytes"]:
                raise self._refused("bytes", f"{self.bounds['bytes'] / 2**30:.3g} GiB", package)
            look(package)
            self.multiplies = self.multiplies or may_inherit(package)
        try:
            layer = Sdf.Layer.FindOrOpen(path)
        except Tf.ErrorException as error:
            raise damaged(path, error) from error
        if layer is None:
            raise damaged(path, None)
        if layer.identifier not in self.layers:
            layer.SetPermissionToSave(False)
            self.layers[layer.identifier] = layer
            self.depth[layer.identifier] = depth
            if len(self.layers) > self.bounds["layers"]:
                raise self._refused("layers", f"{self.bounds['layers']:,} layers", path)
            self._sane(layer)
        return layer

    def _refused(self, key: str, limit: str, where: str) -> _PastLimit:
        return _PastLimit(
            SceneFault(
                f"The scene was refused: it has more than {limit}.",
                where=where,
                remedy=f"Raise `{key}` under [scene] limits of project.toml if you trust the file.",
            )
        )

    def _sane(self, layer: Any) -> None:
        """Mend time codes that would make loops endless."""
        if not layer.HasTimeCodesPerSecond():
            return
        codes = layer.timeCodesPerSecond
        if not (math.isfinite(codes) and 0 < codes <= MOST_CODES):
            layer.timeCodesPerSecond = CODES_FALLBACK
            self.problems.append(
                problem("S04", _name(layer), f"{codes:g} time codes per second; {CODES_FALLBACK:g} are used.")
            )

    def follow(self) -> None:
        """Walk all layers breadth-first and take out the arcs that may not be followed."""
        waiting = list(self.layers.values())
        while waiting:
            layer = waiting.pop(0)
            sublayers = set(layer.subLayerPaths)
            for asset in self._assets(layer):
                target = self._target(layer, asset)
                if target is None:
                    continue
                depth = self.depth[layer.identifier] + 1
                if depth > MAX_ARC_DEPTH:
                    raise self._refused(
                        "layers", f"{MAX_ARC_DEPTH} files that refer to each other in a row", target
                    )
                try:
                    known = set(self.layers)
                    if target.endswith(mtlx.SUFFIX):
                        self._material(layer, asset, target)
                        continue
                    next_layer = self.open(target, depth)
                except SceneFault as fault:
                    self.problems.append(problem("S02", fault.where, fault.what, remedy=fault.remedy))
                    layer.UpdateCompositionAssetDependency(asset, "")
                    continue
                self.multiplies |= asset not in sublayers
                self.arcs.setdefault(layer.identifier, []).append(next_layer.identifier)
                if asset in sublayers and self._reaches(next_layer.identifier, layer.identifier):
                    self.problems.append(
                        problem(
                            "S02",
                            _name(layer),
                            f"The sublayer {asset} leads back to this layer; it is left out.",
                        )
                    )
                    layer.UpdateCompositionAssetDependency(asset, "")
                if next_layer.identifier not in known:
                    waiting.append(next_layer)

    def _material(self, layer: Any, asset: str, target: str) -> None:
        """Let a layer refer to what a MaterialX document says, read into memory. Raises SceneFault."""
        self.files[target] = None
        made = self.documents.get(target)
        if not self.read_documents:
            self.documents[target] = None
            layer.UpdateCompositionAssetDependency(asset, "")
            return
        if made is None:
            made = self.documents[target] = mtlx.read(target)
            self.layers[made.identifier] = made
        layer.UpdateCompositionAssetDependency(asset, made.identifier)

    def _target(self, layer: Any, asset: str) -> str | None:
        """Return the file that an asset path of a layer means; None when it is not followed."""
        if Sdf.Layer.IsAnonymousLayerIdentifier(asset) and Sdf.Layer.Find(asset):
            return None  # a document that was read for another opening of this scene
        if _UNCOMPOSED.search(asset):
            self._cut(layer, asset, "S03", f"Blocked: {asset} is computed, so it cannot be checked.")
            return None
        if _SCHEME.match(asset) or asset.startswith(("//", "\\\\")):
            self._cut(layer, asset, "S03", f"Blocked: {asset} is not a file of the project.")
            return None
        identifier = layer.ComputeAbsolutePath(asset)
        outer, inner = Ar.SplitPackageRelativePathOuter(identifier)
        resolved = Ar.GetResolver().Resolve(identifier)
        path = os.path.realpath(outer)
        if not os.path.isabs(outer):  # found beside no layer and on no search path
            self._cut(layer, asset, "S01", f"{asset} was not found.")
            return None
        if not self._inside(path):
            self._cut(layer, asset, "S03", f"Blocked: {asset} is outside the project.")
            return None
        if not resolved or (inner == "" and not os.path.isfile(path)):
            self.files[path] = None
            self._cut(layer, asset, "S01", f"{asset} was not found.")
            return None
        # the layer keeps the name that composition will look it up by, symbolic links and all
        return str(identifier)

    def _inside(self, path: str) -> bool:
        return any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in self.allowed)

    def _cut(self, layer: Any, asset: str, code: str, what: str) -> None:
        layer.UpdateCompositionAssetDependency(asset, "")
        self.problems.append(problem(code, _name(layer), what))

    def _reaches(self, start: str, end: str) -> bool:
        seen, waiting = set(), [start]
        while waiting:
            here = waiting.pop()
            if here == end:
                return True
            if here not in seen:
                seen.add(here)
                waiting.extend(self.arcs.get(here, ()))
        return False

    def compare(self, root: Any) -> None:
        """Name files whose units or up axis are not the scene's: OpenUSD takes their numbers as they are."""
        for key, fallback in (("metersPerUnit", METRES_FALLBACK), ("upAxis", "Y")):
            own = root.pseudoRoot.GetInfo(key) if root.pseudoRoot.HasInfo(key) else fallback
            for layer in self.layers.values():
                if (
                    layer is not root
                    and layer.pseudoRoot.HasInfo(key)
                    and layer.pseudoRoot.GetInfo(key) != own
                ):
                    theirs = layer.pseudoRoot.GetInfo(key)
                    self.problems.append(
                        problem("S13", _name(layer), f"Its {key} is {theirs}, that of the scene {own}.")
                    )

    def count(self, root: Any, others: Sequence[str], payloads: bool) -> list[str]:
        """Return the prims to leave out because they multiply: k references on n levels make k^n prims."""
        if not self.multiplies:
            return []
        above = [layer for path in others if (layer := Sdf.Layer.Find(path)) is not None]
        limit = self.bounds["prims"]
        layers = multiply.Layers(root.identifier, self.layers, above, payloads=payloads)
        total, cuts = multiply.excess(layers, limit)
        if total and not cuts:
            raise self._refused("prims", f"{limit:,} prims", _name(root))
        beside: dict[str, list[multiply.Cut]] = {}
        for cut in cuts:
            beside.setdefault(cut.path.rpartition("/")[0], []).append(cut)
        for those in beside.values():
            made = sum(cut.prims for cut in those)
            others = f" with {len(those) - 1} more beside it" if len(those) > 1 else ""
            what = (
                f"Left out{others}: it would make {number(made)} of the scene's {number(total)} prims; "
                f"{limit:,} are allowed."
            )
            self.problems.append(problem("S18", those[0].path, what))
        return [cut.path for cut in cuts]

    def _assets(self, layer: Any) -> list[str]:
        try:
            assets = [str(asset) for asset in layer.GetCompositionAssetDependencies()]
        except Tf.ErrorException as error:  # arcs that cannot be read cannot be checked
            raise damaged(_name(layer), error) from error
        self.multiplies |= "" in assets  # an arc inside the layer itself has no asset path
        return [asset for asset in assets if asset]


def number(n: int) -> str:
    """Return a number of prims for people; from a thousand million on as a power of ten."""
    return f"{n:,}" if n < 10**9 else f"about 10^{len(str(n)) - 1}"


def _name(layer: Any) -> str:
    return str(layer.realPath or layer.identifier)
