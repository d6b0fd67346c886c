"""Scene load against its floor: opening the stage and reading its arrays, same run, same file.

Floor and load run in fresh processes, taking turns: neither finds libraries or files warmer than the other.
The load is the desk's way: a request to the scene child, which checks, composes, reads, merges and caches the
scene, until its arrays can be used here. As `python -m armillary_bench.scene FILE PLACES` it is the floor.
"""

from __future__ import annotations

import gc
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, Vt

import armillary.scene.schema  # noqa: F401 - builds pxr's registry before the clock runs, as in the child
from armillary.model.message import OpenScene, SceneOpened, Stop
from armillary.model.scene import SceneArrays
from armillary.scene import cache
from armillary.wire import child
from armillary.wire.bus import Line, local_address
from armillary_bench import fields, opening, streams
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.process import Driven

SMALL = 1_000  # prims of the scene that tells how cost grows
SIZES = ((10_000, "10k", 1.7, 4), (100_000, "100k", 1.7, 3))  # prims, name, bar, rounds: the best one counts
CACHED_S = 0.2  # bar of reading 100k prims again
_LIMIT_S = 180.0
_CORNERS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
_FACES = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3]
_TYPES = Sdf.ValueTypeNames


def author(prims: int, path: Path) -> None:
    """Write a flat scene: boxes as meshes, each with a place and a colour of its own."""
    layer = Sdf.Layer.CreateNew(str(path))
    points, counts = Vt.Vec3fArray(_CORNERS), Vt.IntArray([4] * 6)
    indices, order = Vt.IntArray(_FACES), Vt.TokenArray(["xformOp:translate"])
    layer.pseudoRoot.SetInfo("metersPerUnit", 1.0)
    layer.pseudoRoot.SetInfo("upAxis", "Z")
    with Sdf.ChangeBlock():
        top = Sdf.PrimSpec(layer, "World", Sdf.SpecifierDef, "Xform")
        for i in range(prims):
            box = Sdf.PrimSpec(top, f"Box_{i}", Sdf.SpecifierDef, "Mesh")
            place = Gf.Vec3d(i % 100, i // 100 % 100, i // 10_000)
            colour = Vt.Vec3fArray([Gf.Vec3f(0.1 * (i % 10), 0.5, 0.5)])
            for name, kind, value in (
                ("points", _TYPES.Point3fArray, points),
                ("faceVertexCounts", _TYPES.IntArray, counts),
                ("faceVertexIndices", _TYPES.IntArray, indices),
                ("primvars:displayColor", _TYPES.Color3fArray, colour),
                ("xformOp:translate", _TYPES.Double3, place),
            ):
                Sdf.AttributeSpec(box, name, kind).default = value
            uniform = Sdf.VariabilityUniform
            Sdf.AttributeSpec(box, "xformOpOrder", _TYPES.TokenArray, uniform).default = order
            Sdf.AttributeSpec(box, "subdivisionScheme", _TYPES.Token, uniform).default = "none"
    layer.Save()


def floor(path: Path) -> list[Any]:
    """Open the stage and read what a picture needs at least: points, counts, indices and world matrices."""
    stage = Usd.Stage.Open(str(path))
    places = UsdGeom.XformCache()
    out: list[Any] = [stage]
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            out.append(
                (
                    np.asarray(mesh.GetPointsAttr().Get()),
                    np.asarray(mesh.GetFaceVertexCountsAttr().Get()),
                    np.asarray(mesh.GetFaceVertexIndicesAttr().Get()),
                    np.asarray(places.GetLocalToWorldTransform(prim)),
                )
            )
    return out


def benches() -> list[dict[str, object]]:
    """Return the figures of loading flat scenes, and of fields on a mesh."""
    out: list[dict[str, object]] = []
    starts: list[float] = []
    loads = {SMALL: measure(SMALL, 2)["load"]}
    for prims, name, bar, rounds in SIZES:
        seconds = measure(prims, rounds)
        starts.append(seconds["start"])
        loads[prims] = seconds["load"]
        work = f"all {prims} boxes are in the arrays, each where the floor has it, with their points"
        out.append(
            figure(
                f"scene_load_{name}",
                seconds["load"],
                "s",
                against="Stage.Open and array reads",
                against_value=seconds["floor"],
                bar=bar,
                work=work,
            )
        )
        again = f"the scene child said that it was cached; {work}"
        if prims == max(size for size, *_ in SIZES):
            out.append(absolute(f"scene_cached_{name}", seconds["cached"], "s", CACHED_S, again))
        else:
            out.append(plain(f"scene_cached_{name}", seconds["cached"], "s", again))
    large = max(loads)
    power = math.log(loads[large] / loads[SMALL]) / math.log(large / SMALL)
    grows = f"loads of {SMALL} and {large} boxes, all in the arrays: seconds grow as prims to this power"
    out.append(plain("scene_load_exponent", power, "", grows))
    out.append(plain("scene_child_start", min(starts), "s", "the child said that it listens"))
    return [*out, *opening.benches(author), *fields.benches(), *streams.benches()]


def measure(prims: int, rounds: int) -> dict[str, float]:
    """Return the best seconds of `floor`, `start` (of the child), `load` and `cached` (request to arrays).

    Raises AssertionError when the arrays do not hold what the floor read.
    """
    best: dict[str, float] = {}
    arrays: SceneArrays | None = None
    with tempfile.TemporaryDirectory(prefix="armb-") as name:
        folder = Path(name)
        path = folder / "flat.usdc"
        author(prims, path)
        for turn in range(rounds):
            seconds, places = _floor(path, folder)
            ours, arrays = _load(path, folder / f"turn{turn}")
            seconds |= ours
            best = {key: min(value, best.get(key, value)) for key, value in seconds.items()}
            _check(arrays, places, prims)
            arrays = None  # two scenes of 100,000 prims need not be there at once
    return best


def _floor(path: Path, folder: Path) -> tuple[dict[str, float], Any]:
    """Return the seconds of the floor in a process of its own, and the places that it read (n, 3)."""
    places = folder / "places.npy"
    with Driven("armillary_bench.scene", [str(path), str(places)], folder / "floor.log") as process:
        said = json.loads(process.line(_LIMIT_S))
    return {"floor": float(said["seconds"])}, np.load(places)


def _load(path: Path, folder: Path) -> tuple[dict[str, float], SceneArrays]:
    """Return the seconds of our way in a scene child of its own, twice: made anew and from its cache."""
    folder.mkdir()
    begin = time.perf_counter()
    process = child.start("scene.child", {"address": local_address(folder, "s")}, folder / "child.log")
    try:
        line = Line(str(process.ready()["address"]))
        start = time.perf_counter() - begin
        request = OpenScene(entry=str(path), cache=str(folder / "cache"))
        load, arrays = _opened(line, request, cached=False)
        again, _ = _opened(line, request, cached=True)
        line.send(Stop())
        line.close()
    finally:
        process.stop()
    return {"start": start, "load": load, "cached": again}, arrays


def _opened(line: Line, request: OpenScene, cached: bool) -> tuple[float, SceneArrays]:
    """Return the seconds from a request to the arrays, and these."""
    gc.collect()
    begin = time.perf_counter()
    opened = line.ask(request, _LIMIT_S)
    if not isinstance(opened, SceneOpened) or opened.cached != cached:
        raise AssertionError(f"the scene child answered {opened}")
    arrays = cache.read(Path(opened.arrays))
    return time.perf_counter() - begin, arrays


def _check(arrays: SceneArrays, places: Any, prims: int) -> None:
    ours = arrays.matrix[arrays.drawable, :3, 3]
    if len(ours) != prims or len(places) != prims or len(arrays.point) < 8 * prims:
        raise AssertionError(f"{len(ours)} of {prims} boxes, {len(arrays.point)} points; floor {len(places)}")
    if not np.array_equal(ours, places):
        raise AssertionError("the boxes are not where the floor has them")


def main(argv: Sequence[str]) -> None:
    """Time the floor once and say its seconds; write the places that it read."""
    gc.disable()  # what it reads is kept, and the collector would walk it again and again
    begin = time.perf_counter()
    read = floor(Path(argv[0]))
    seconds = time.perf_counter() - begin
    np.save(argv[1], np.array([matrix[3, :3] for *_, matrix in read[1:]]))
    print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
