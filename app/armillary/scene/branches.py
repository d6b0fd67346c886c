"""Which file of a large binding layer holds which branch of the scene, so that a save writes a small file.

bindings.usda names bindings/<branch>.usda as its sublayers; a branch is a prim, its path written with dots
(`Plant.Area01`). Where one prim has too many bound children of its own they are dealt out by their names,
into `Plant~0of8` and so on. What is above all branches stays in bindings.usda.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pxr import Sdf

from armillary.scene import sidecar

MOST = 2_000  # bindings of one file before it is split (formats 1.3)
_AIM = 1_000  # of a file that children are dealt out to
_NAME = re.compile(r"^(?P<branch>[^~]*)(?:~(?P<number>\d+)of(?P<count>\d+))?$")


class Places:
    """The files that there are, and which is a new binding's."""

    def __init__(self, path: str, existing: Sequence[str]) -> None:
        self._path = path
        folder = Path(path).with_suffix("")
        self._whole: dict[str, str] = {}  # branch, a prim path -> file
        self._dealt: dict[str, int] = {}  # branch -> count of its files
        for file in existing:
            at = Path(file)
            found = _NAME.match(at.stem) if at.parent == folder else None
            if found is None:
                continue
            prim = "/" + found["branch"].replace(".", "/") if found["branch"] else ""
            if found["count"]:
                self._dealt[prim] = int(found["count"])
            else:
                self._whole[prim] = file

    def of(self, prim: str) -> str:
        """Return the file of a new binding on a prim."""
        above = prim
        while above:
            if above in self._whole:
                return self._whole[above]
            parent = above.rpartition("/")[0]
            if parent in self._dealt:
                return _dealt(self._path, parent, above, self._dealt[parent])
            above = parent
        return self._path


def _file(path: str, branch: str) -> str:
    return str(Path(path).with_suffix("") / f"{branch.strip('/').replace('/', '.')}.usda")


def _dealt(path: str, parent: str, child: str, count: int) -> str:
    name = child.rpartition("/")[2]
    return _file(path, f"{parent}~{zlib.crc32(name.encode()) % count}of{count}")


def split(layer: Any, file: str, path: str) -> dict[str, Any]:
    """Return the layers that a file of the binding layer `path` becomes, by file; itself while it is small.

    A file that is there keeps its name; what leaves it goes into files of their own.
    """
    count = _counts(layer)
    if sum(own for own, _ in count.values()) <= MOST:
        return {file: layer}
    if any(p.ContainsPrimVariantSelection() for p in _paths(layer)):
        return {file: layer}  # alternatives hold whole trees: they stay together
    moved: dict[str, str] = {}  # branch -> file
    waiting = [str(child.path) for child in layer.rootPrims]
    while waiting:
        branch = waiting.pop()
        whole = count[branch][1]
        children = [str(child.path) for child in layer.GetPrimAtPath(branch).nameChildren]
        if whole <= MOST:
            moved[branch] = _file(path, branch)
            continue
        large = [child for child in children if count[child][1] > MOST]
        small = [child for child in children if count[child][1] and child not in set(large)]
        waiting += large
        held = sum(count[child][1] for child in small)
        if len(small) > held / _AIM * 4:  # many small ones: a file each would be a file a prim
            pieces = max(1, -(-held // _AIM))
            moved |= {child: _dealt(path, branch, child, pieces) for child in small}
        else:
            moved |= {child: _file(path, child) for child in small}
    out: dict[str, Any] = {file: layer}
    for branch, target in sorted(moved.items()):
        if target == file or not count[branch][1]:
            continue
        into = out.get(target)
        if into is None:
            into = out[target] = Sdf.Layer.CreateAnonymous("branch.usda")
        Sdf.CreatePrimInLayer(into, branch)
        Sdf.CopySpec(layer, branch, into, branch)
        spec = layer.GetPrimAtPath(branch)
        parent = spec.nameParent
        siblings = layer.rootPrims if spec.path.IsRootPrimPath() else parent.nameChildren
        del siblings[spec.name]
    return out


def name(layer: Any, path: str, files: Sequence[str]) -> None:
    """Let the layer name files as its sublayers, in order of their names; those it names already stay."""
    folder = Path(path).parent
    known = list(layer.subLayerPaths)
    new = [f"./{Path(file).relative_to(folder).as_posix()}" for file in files]
    layer.subLayerPaths = [*known, *(each for each in sorted(new) if each not in known)]


def _paths(layer: Any) -> list[Any]:
    out: list[Any] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, out.append)
    return out


def _counts(layer: Any) -> dict[str, tuple[int, int]]:
    """Return how many bindings each prim has, itself and with all below it."""
    own: dict[str, int] = {}
    order: list[str] = []
    for spec in sidecar.prim_specs(layer):
        path = str(spec.path)
        own[path] = len(sidecar.instance_names(spec))
        order.append(path)
    whole = dict(own)
    for path in reversed(order):  # parents come before their children
        parent = path.rpartition("/")[0]
        if parent:
            whole[parent] += whole[path]
    return {path: (own[path], whole[path]) for path in order}
