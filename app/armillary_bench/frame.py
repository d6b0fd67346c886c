"""Figures of the viewport: recolour, move, pick and redraw, each asserted by pixels that really changed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from armillary.model import memory
from armillary.model.arrays import B1, F4, F8, I4, U1
from armillary.model.look import Look, base_look
from armillary.model.scene import SceneArrays
from armillary.viewport.camera import CameraPose, turn
from armillary.viewport.detail import MOVING_MS
from armillary.viewport.merge import box_triangles
from armillary.viewport.view import View
from armillary_bench import peer, signal_frame
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.present import presenting_ms

WIDTH, HEIGHT = 1280, 800
PEER_PRIMS = 2_000
_REPEATS = 15
_LEAST_CHANGED = 0.01  # share of pixels
REST_MS, STEP_LIMIT_MS = 1_000.0, 50.0
_LEAST_ALIKE = 0.9  # of the pixels that show parts
_PART_LEVEL, _LEAST_IN_QUARTER = 75, 200  # brightness of parts, above that of ground and grid; pixels


def measure() -> dict[str, float]:
    """Return milliseconds by name: medians on this machine, FXAA off, 1280 × 800.

    Raises AssertionError when a step did not do its work.
    """
    figures: dict[str, float] = {}
    for n, name in ((10_000, "10k"), (100_000, "100k")):
        view, scene = _view(grid(n))
        figures[f"first_frame_{name}_ms"] = _first_frame(scene)
        figures[f"recolour_{name}_ms"] = _recolour(view, scene)
        if n == 100_000:
            figures["move_10_percent_100k_ms"] = _move(view, scene)
        figures[f"pick_{name}_ms"] = _pick(view)
        figures[f"redraw_{name}_ms"] = _redraw(view)
        if n == 100_000:
            figures["turn_100k_ms"], figures["turn_100k_p95_ms"] = _turn(view)
            figures["rest_100k_ms"], figures["rest_100k_longest_step_ms"] = _rest(view)
            figures["turn_inside_100k_ms"] = _turn_inside(view)
        view.close()
    figures["presenting_ms"], figures["presenting_raw_ms"] = presenting_ms(grid(1_000), WIDTH, HEIGHT)
    figures |= _million()
    figures |= _sizes()
    view, _ = _view(round_tops(500, triangles=100_000))
    figures["redraw_demo_size_ms"] = _redraw(view)
    figures["redraw_demo_size_smooth_ms"] = _redraw(view, rest=True)
    view.close()
    return figures


def benches() -> list[dict[str, object]]:
    """Return the figures of the viewport, of the first frame beside pyvista's, and of a frame of signals."""
    ms = measure()
    seen = "the picture changed by at least 1 % of its pixels"
    colour = f"{seen}, and the pixel of a picked prim has exactly the colour asked for"
    drawn = "at least 1 % of the pixels differ from an empty picture"
    inside = "at least 0.9 of the pixels that show parts in the whole picture do so in the coarse one"
    steps = "the picture of the steps is the picture that is drawn at once, pixel by pixel; best of five"
    out = [
        absolute("recolour_10k", ms["recolour_10k_ms"], "ms", 2.0, colour),
        absolute("recolour_100k", ms["recolour_100k_ms"], "ms", 3.0, colour),
        absolute("move_10_percent_100k", ms["move_10_percent_100k_ms"], "ms", 3.0, seen),
        absolute("pick_10k", ms["pick_10k_ms"], "ms", 1.0, "some of 300 picks met a prim"),
        absolute("pick_100k", ms["pick_100k_ms"], "ms", 1.0, "some of 300 picks met a prim"),
        plain("first_frame_10k", ms["first_frame_10k_ms"], "ms", drawn),
        plain("first_frame_100k", ms["first_frame_100k_ms"], "ms", drawn),
        plain("redraw_10k", ms["redraw_10k_ms"], "ms", seen),
        plain("redraw_100k", ms["redraw_100k_ms"], "ms", seen),
        absolute("turn_100k", ms["turn_100k_ms"], "ms", MOVING_MS, f"{seen}, and has parts in each quarter"),
        plain("turn_100k_p95", ms["turn_100k_p95_ms"], "ms", seen),
        absolute("turn_inside_100k", ms["turn_inside_100k_ms"], "ms", MOVING_MS, inside),
        absolute(
            "turn_1m_instances", ms["turn_1m_instances_ms"], "ms", MOVING_MS, f"{seen}, in each quarter"
        ),
        plain("turn_1m_instances_p95", ms["turn_1m_instances_p95_ms"], "ms", seen),
        absolute("recolour_1m_instances", ms["recolour_1m_instances_ms"], "ms", 30.0, colour),
        absolute("rest_1m_instances", ms["rest_1m_instances_ms"], "ms", REST_MS, f"{seen}; best of three"),
        absolute("rest_1m_instances_longest_step", ms["rest_1m_longest_step_ms"], "ms", STEP_LIMIT_MS, drawn),
        figure(
            "memory_1m_instances",
            ms["memory_1m_instances_mb"],
            "MB",
            against="the scene's arrays, MB",
            against_value=ms["arrays_1m_instances_mb"],
            bar=2.0,
            work=drawn,
        ),
        absolute("presenting", ms["presenting_ms"], "ms", 6.0, "the widget shows the picture"),
        plain("presenting_raw", ms["presenting_raw_ms"], "ms", "the render alone, of the same run"),
        plain("frame_exponent", ms["frame_exponent"], "", f"{seen}; of redraws of 1k, 10k and 100k prims"),
        absolute("rest_100k", ms["rest_100k_ms"], "ms", REST_MS, steps),
        absolute("rest_100k_longest_step", ms["rest_100k_longest_step_ms"], "ms", STEP_LIMIT_MS, steps),
    ]
    return [*out, _beside_peer(grid(PEER_PRIMS), drawn), *signal_frame.benches()]


def _beside_peer(scene: SceneArrays, work: str) -> dict[str, object]:
    """Return the first frame of a scene beside one pyvista actor a prim; the better of two each."""
    ours = min(_first_frame(scene) for _ in range(2))
    theirs = min(peer.first_frame_ms(scene) for _ in range(2))
    return figure(
        f"first_frame_{PEER_PRIMS // 1000}k",
        ours,
        "ms",
        against="pyvista, one add_mesh a prim",
        against_value=theirs,
        bar=0.2,
        work=f"{work}; the peer's picture is not empty",
    )


# ---------------------------------------------------------------- scenes


def grid(n: int) -> SceneArrays:
    """Return n boxes of 12 triangles, each a prim, in a square on the ground."""
    point, normal, triangle = box_triangles(np.full(3, -0.4, np.float32), np.full(3, 0.4, np.float32))
    return _copies(n, point, normal, triangle)


def instances(n: int) -> SceneArrays:
    """Return n instances of one box in a square on the ground, each with a prim, so a look, of its own."""
    flat = grid(1)
    scene = grid_places(n)
    prims = np.zeros(n, np.int64)
    return replace(
        flat,
        proto=np.array([0, len(flat.triangle)]),
        instance_prim=np.arange(n, dtype=np.uint32),
        instance_proto=np.zeros(n, np.uint32),
        instance_matrix=scene,
        instance_id=np.full(n, -1, np.int64),
        prim_path=tuple(f"/P{k}" for k in range(n)),
        prim_type=np.zeros(n, np.uint16),
        parent=np.full(n, -1, np.int32),
        matrix=scene,
        local_box=flat.local_box[prims],
        box=flat.local_box.astype(np.float64) + np.tile(scene[:, :3, 3], (1, 2)),
        rgba=flat.rgba[prims],
        emissive=flat.emissive[prims],
        metallic=flat.metallic[prims],
        roughness=flat.roughness[prims],
        visible=flat.visible[prims],
        purpose=flat.purpose[prims],
        drawable=flat.drawable[prims],
        double_sided=flat.double_sided[prims],
        has_point_rgba=flat.has_point_rgba[prims],
        instance_root=np.ones(n, np.bool_),
    )


def grid_places(n: int) -> F8:
    """Return matrices (n, 4, 4) of n places in a square on the ground, 1 m apart."""
    side = int(np.ceil(np.sqrt(n)))
    i = np.arange(n)
    matrix = np.tile(np.eye(4), (n, 1, 1))
    matrix[:, 0, 3], matrix[:, 1, 3] = i % side - side / 2, i // side - side / 2
    return matrix


def round_tops(n: int, triangles: int) -> SceneArrays:
    """Return n round bodies of together about so many triangles, each a prim."""
    rings = max(round((triangles / n / 2) ** 0.5), 3)
    a, b = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, rings + 1), indexing="ij")
    normal = np.stack([np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)], axis=2).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rings), np.arange(rings), indexing="ij")
    corner = (i * (rings + 1) + j).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + rings + 2, corner + rings + 1], axis=1)
    triangle = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return _copies(n, (0.45 * normal).astype(np.float32), normal.astype(np.float32), triangle)


def _copies(n: int, point: F4, normal: F4, triangle: I4) -> SceneArrays:
    i = np.arange(n)
    matrix = grid_places(n)
    reach = np.concatenate([point.min(axis=0), point.max(axis=0)])
    box: F8 = reach + np.tile(matrix[:, :3, 3], (1, 2))
    p = len(point)
    return SceneArrays(
        point=np.tile(point, (n, 1)),
        normal=np.tile(normal, (n, 1)),
        point_prim=np.repeat(i, p).astype(np.uint32),
        point_rgba=np.zeros((0, 4), np.uint8),
        triangle=(triangle[None] + (p * i[:, None, None])).reshape(-1, 3).astype(np.int32),
        proto=np.array([n * len(triangle)]),
        instance_prim=np.zeros(0, np.uint32),
        instance_proto=np.zeros(0, np.uint32),
        instance_matrix=np.zeros((0, 4, 4)),
        instance_id=np.zeros(0, np.int64),
        prim_path=tuple(f"/P{k}" for k in range(n)),
        type_names=("Mesh",),
        prim_type=np.zeros(n, np.uint16),
        parent=np.full(n, -1, np.int32),
        matrix=matrix,
        local_box=np.tile(reach, (n, 1)),
        box=box,
        rgba=np.tile(np.array([122, 130, 138, 255], np.uint8), (n, 1)),
        emissive=np.zeros((n, 3), np.uint8),
        metallic=np.zeros(n, np.uint8),
        roughness=np.full(n, 128, np.uint8),
        visible=np.ones(n, np.bool_),
        purpose=np.zeros(n, np.uint8),
        drawable=np.ones(n, np.bool_),
        double_sided=np.zeros(n, np.bool_),
        has_point_rgba=np.zeros(n, np.bool_),
        instance_root=np.zeros(n, np.bool_),
        kind=(),
        root=np.eye(4),
    )


# ---------------------------------------------------------------- figures


def _view(scene: SceneArrays) -> tuple[View, SceneArrays]:
    view = View(scene, WIDTH, HEIGHT)
    view.standard("top")
    view.apply(base_look(scene))
    view.render()
    return view, scene


def _timed(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) * 1e3


def _first_frame(scene: SceneArrays) -> float:
    made: list[View] = []

    def first() -> None:
        made.append(View(scene, WIDTH, HEIGHT))
        _require_changed(made[0].render(), np.zeros((HEIGHT, WIDTH, 4), np.uint8))

    took = _timed(first)
    made[0].close()
    return took


def _recolour(view: View, scene: SceneArrays) -> float:
    """Return the milliseconds to give every prim another colour, to the end of the upload."""
    rng, times = np.random.default_rng(1), []
    before = view.render().copy()
    look = base_look(scene)
    for _ in range(_REPEATS):
        rgba = rng.integers(0, 200, scene.rgba.shape, np.uint8)
        rgba[:, 3] = 255
        look = replace(look, rgba=rgba)
        times.append(_timed(partial(_show, view, look)))
    after = view.render()
    _require_changed(before, after)
    view.set_options(lit=False)
    x, y, _ = view.project(len(scene) // 2)
    shown, asked = view.render()[int(y), int(x), :3], look.rgba[view.pick(x, y), :3]
    view.set_options(lit=True)
    if not np.array_equal(shown, asked):
        raise AssertionError(f"the picture shows {shown}, the look says {asked}")
    return statistics.median(times)


def _show(view: View, look: Look) -> None:
    if view.apply(look) == 0 or view.upload() == 0:
        raise AssertionError("nothing was written")


def _move(view: View, scene: SceneArrays) -> float:
    """Return the milliseconds to place a tenth of the prims anew, to the end of the upload."""
    rng, times = np.random.default_rng(2), []
    before = view.render().copy()
    moved = np.sort(rng.choice(len(scene), len(scene) // 10, replace=False)).astype(np.uint32)
    look = base_look(scene)
    for _ in range(_REPEATS):
        matrix = scene.matrix[moved].copy()
        matrix[:, 0, 3] += rng.uniform(0.2, 0.6)
        look = replace(look, moved=moved, matrix=matrix)
        times.append(_timed(partial(_show, view, look)))
    _require_changed(before, view.render())
    return statistics.median(times)


def _pick(view: View) -> float:
    """Return the milliseconds of a pick, the median over pixels of the whole picture."""
    rng, times = np.random.default_rng(3), []
    view.pick(0, 0)  # the boxes are made at the first
    met = 0
    for x, y in zip(rng.uniform(0, WIDTH, 300), rng.uniform(0, HEIGHT, 300), strict=True):
        start = time.perf_counter()
        prim = view.pick(x, y)
        times.append((time.perf_counter() - start) * 1e3)
        met += prim >= 0
    if met == 0:
        raise AssertionError("no pick met a prim")
    return statistics.median(times)


def _redraw(view: View, rest: bool = False) -> float:
    """Return the milliseconds from a turned camera to the finished array."""
    times = []
    view.standard("iso")
    before = view.render(rest).copy()
    for _ in range(_REPEATS):
        view.orbit(3, 0)
        times.append(_timed(partial(view.render, rest)))
    _require_changed(before, view.render(rest))
    return statistics.median(times)


def _million() -> dict[str, float]:
    """Return figures of a million instances: a turn, a picture at rest, other colours for all, and memory."""
    before = _memory_mb()
    scene = instances(1_000_000)
    arrays = _memory_mb()
    view, _ = _view(scene)
    view.get_ready()
    while not view.can_pick:
        time.sleep(0.05)
    out = dict(zip(("turn_1m_instances_ms", "turn_1m_instances_p95_ms"), _turn(view), strict=True))
    pictures: list[tuple[float, float]] = []
    for _ in range(3):
        before_it = view.render().copy()
        view.orbit(3, 0)
        pictures.append(_stepped(view))
        _require_changed(before_it, view.rgba)
    out["rest_1m_instances_ms"] = min(p[0] for p in pictures)
    out["rest_1m_longest_step_ms"] = min(p[1] for p in pictures)
    out["recolour_1m_instances_ms"] = _recolour(view, scene)
    memory.trim()  # as the desk does when it has drawn a scene
    out["memory_1m_instances_mb"] = _memory_mb() - arrays
    out["arrays_1m_instances_mb"] = arrays - before
    view.close()
    return out


def _memory_mb() -> float:
    """Return the memory of this process that no other has."""
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _sizes() -> dict[str, float]:
    """Return how redraws grow with prims: the exponent of the line through 1k, 10k and 100k."""
    sizes = (1_000, 10_000, 100_000)
    took = []
    for n in sizes:
        view, _ = _view(grid(n))
        took.append(_redraw(view))
        view.close()
    return {"frame_exponent": float(np.polyfit(np.log(sizes), np.log(took), 1)[0])}


def _rest(view: View) -> tuple[float, float]:
    """Return the milliseconds of a picture at rest in steps, and of its longest step; the best of five."""
    pictures: list[tuple[float, float]] = []
    view.standard("iso")
    for _ in range(5):
        view.orbit(3, 0)
        pictures.append(_stepped(view))
    in_steps, pose = view.rgba.copy(), view.pose
    view.orbit(3, 0)
    _require_changed(in_steps, view.render(rest=True))
    view.pose = pose
    if not np.array_equal(view.render(rest=True), in_steps):
        raise AssertionError("the picture drawn in steps is another one")
    return min(p[0] for p in pictures), min(p[1] for p in pictures)


def _stepped(view: View) -> tuple[float, float]:
    """Return the milliseconds of a picture at rest, drawn in steps, and of its longest step."""
    took, start = [], time.perf_counter()
    for _ in view.steps(rest=True):
        took.append((time.perf_counter() - start) * 1e3)
        start = time.perf_counter()
    return sum(took), max(took)


def _turn_inside(view: View) -> float:
    """Return the milliseconds of a picture while the eye turns in the middle of the scene."""
    view.pose = CameraPose(position=(0.0, 0.0, 1.5), focus=(20.0, 0.0, 0.0))
    view.render(rest=True)
    times = []
    for _ in range(3 * _REPEATS):
        view.pose = turn(view.pose, 3.0, 0.0)
        times.append(_timed(partial(view.render, hasty=True)))
    coarse = _parts(view.render(hasty=True))
    whole = _parts(view.render(rest=True))
    _require_changed(view.render().copy(), np.zeros_like(view.rgba))
    if np.count_nonzero(coarse & whole) < _LEAST_ALIKE * np.count_nonzero(whole):
        raise AssertionError("the coarse picture does not show what the whole one does")
    return statistics.median(times[_REPEATS:])


def _parts(rgba: U1) -> B1:
    """Return which pixels show parts (h, w), not ground or grid."""
    out: B1 = rgba[..., :3].min(axis=2) > _PART_LEVEL
    return out


def _turn(view: View) -> tuple[float, float]:
    """Return the milliseconds of a picture while the eye moves, once the detail has settled: median, p95."""
    view.standard("iso")
    for rest in (False, False, True):
        view.orbit(3, 0)
        view.render(rest)
    times = []
    before = view.render().copy()
    for _ in range(3 * _REPEATS):
        view.orbit(1, 0)
        times.append(_timed(partial(view.render, hasty=True)))
    after = view.render(hasty=True)
    _require_changed(before, after)
    h, w = after.shape[0] // 2, after.shape[1] // 2
    for quarter in (after[:h, :w], after[:h, w:], after[h:, :w], after[h:, w:]):
        if np.count_nonzero((quarter[..., :3] > _PART_LEVEL).all(axis=2)) < _LEAST_IN_QUARTER:
            raise AssertionError("a quarter of the coarse picture is empty")
    return statistics.median(times[_REPEATS:]), float(np.percentile(times[_REPEATS:], 95))


def _require_changed(before: U1, after: U1) -> None:
    share = float((before != after).any(axis=2).mean())
    if share < _LEAST_CHANGED:
        raise AssertionError(f"only {share:.2%} of the pixels changed")
