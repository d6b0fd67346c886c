"""Figures of `encoding`: compile and resolve at 100,000 prims, beside a numpy copy of what is written."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import Options, resolve
from armillary.model.binding import Binding, MapSpec
from armillary.model.look import changed
from armillary.model.quality import STALE
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary_bench import ageing
from armillary_bench.figure import absolute
from armillary_bench.synthetic import flat_scene

PRIMS = 100_000
MOVERS = 10_000
POSES = 1_000
_REPEATS = 25
_CHANGED = 0.9  # share of the bound prims that must look different, or nothing was done


def measure(prims: int = PRIMS, movers: int = MOVERS) -> dict[str, float]:
    """Return milliseconds by name (medians) and `*_per_copy`: ratios to copying the arrays that are written.

    Raises AssertionError when a step did not do its work.
    """
    scene = flat_scene(prims)
    leaf = np.flatnonzero(scene.drawable).tolist()
    specs = [TagSpec(slot=i, name=f"t{i}") for i in range(prims)]
    colours = [
        Binding(name="c", prim=scene.prim_path[p], signal=f"t{i}", colormap="heat", ends=(0.0, 1.0))
        for i, p in enumerate(leaf)
    ]
    out: dict[str, float] = {}
    started = time.perf_counter()
    program = _program(colours, scene, specs)
    out["compile_ms"] = (time.perf_counter() - started) * 1e3
    out |= _recolour(program, prims)
    lifts = [
        Binding(name="m", prim=scene.prim_path[p], signal=f"t{i}", channel="translate", axis="z")
        for i, p in enumerate(leaf[:movers])
    ]
    turns = [
        Binding(
            name="m",
            prim=f"/Plant/Area_{i}",
            signal=f"t{i}",
            channel="rotate",
            axis="z",
            map=MapSpec(scale=360.0),
        )
        for i in range(movers // 100)
    ]
    out["pose_ms"] = _pose(scene, leaf[:POSES])
    out["move_leaves_ms"] = _move(_program(lifts, scene, specs), prims, movers)
    out["move_branches_ms"] = _move(_program(turns, scene, specs), prims, movers + len(turns))
    return out


def _program(bindings: Sequence[Binding], scene: SceneArrays, specs: Sequence[TagSpec]) -> Program:
    program, problems = compiled(bindings, scene, specs)
    _must(not problems and len(program.bindings) == len(bindings), "every binding runs")
    return program


def _values(n: int, seed: int) -> TagTable:
    table = TagTable(n)
    table.value[:] = np.random.default_rng(seed).random(n)
    table.quality[:] = 0
    return table


def _recolour(program: Program, n: int) -> dict[str, float]:
    first, second = _values(n, 1), _values(n, 2)
    before, after = (resolve(program, t, Options()) for t in (first, second))
    _must(len(changed(before, after)) > _CHANGED * n, "prims have another colour")
    recolour = _median_ms(lambda: resolve(program, second, Options()))
    second.quality[::3] = STALE
    stale = resolve(program, second, Options())
    _must(int((stale.state == STALE).sum()) == len(range(0, n, 3)), "a third is stale")
    copy = _median_ms(
        lambda: [a.copy() for a in (after.rgba, after.state, after.visible, after.emissive, second.value)]
    )
    return {
        "recolour_ms": recolour,
        "recolour_per_copy": recolour / copy,
        "recolour_third_stale_ms": _median_ms(lambda: resolve(program, second, Options())),
    }


def _move(program: Program, n: int, moved: int) -> float:
    table = _values(n, 3)
    look = resolve(program, table, Options())
    _must(len(look.moved) == moved, "all prims under a mover move")
    apart = np.abs(look.matrix - program.scene.matrix[look.moved]).max(axis=(1, 2))
    _must(bool((apart > 0).mean() > _CHANGED), "matrices differ from the scene's")
    return _median_ms(lambda: resolve(program, table, Options()))


def _pose(scene: SceneArrays, leaf: Sequence[int]) -> float:
    """Return milliseconds of a look in which each of some prims stands where three tags say."""
    parts = ("x", "y", "yaw")
    specs = [TagSpec(slot=i, name=f"t{i}") for i in range(len(parts) * len(leaf))]
    poses = [
        Binding(
            name="p",
            prim=scene.prim_path[prim],
            channel="transform",
            map=MapSpec(
                kind="none",
                state_keys=parts,
                state_values=tuple(f"t{len(parts) * i + k}" for k in range(len(parts))),
            ),
        )
        for i, prim in enumerate(leaf)
    ]
    program = _program(poses, scene, specs)
    return _move(program, len(specs), len(leaf))


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"The work was not done: {what}.")


def _median_ms(work: Callable[[], object]) -> float:
    spans = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        spans.append(time.perf_counter() - started)
    return statistics.median(spans) * 1e3


def benches() -> list[dict[str, object]]:
    """Return the figures of `encoding` against their bars."""
    ms = measure()
    coloured = "more than 90 % of the prims have another colour"
    moved = "more than 90 % of the matrices differ from the scene's"
    return [
        *ageing.benches(),
        absolute("resolve_recolour_100k", ms["recolour_ms"], "ms", 2.0, coloured),
        absolute("resolve_third_stale_100k", ms["recolour_third_stale_ms"], "ms", 3.0, "a third is stale"),
        absolute("resolve_move_10k_leaves", ms["move_leaves_ms"], "ms", 3.0, moved),
        absolute("resolve_pose_1k", ms["pose_ms"], "ms", 3.0, moved),
        absolute("resolve_move_10k_by_branches", ms["move_branches_ms"], "ms", 3.0, moved),
    ]
