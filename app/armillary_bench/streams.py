"""A list of 200,000 values, one a vertex of a mesh: from a desk's frame to the tables of the shader."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from armillary.encoding.compile import compiled
from armillary.encoding.resolve import Options, resolve
from armillary.model.arrays import F4
from armillary.model.binding import Binding
from armillary.model.frame import Frame, WorldKind, apply_frame, empty_frame, frame_of
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable
from armillary.viewport.fields import Fields
from armillary_bench.fields import VERTICES, sheet
from armillary_bench.figure import absolute, figure
from armillary_bench.synthetic import scene_of

BAR_MS = 5.0
_REPEATS = 31
_CLOSE = 1e-6


def benches() -> list[dict[str, object]]:
    """Return the figures of lists of values. Raises AssertionError when a vertex has another value."""
    vertex, triangle = sheet(*VERTICES)
    scene = _mesh(vertex.astype(np.float32), triangle.astype(np.int32))
    count = len(vertex)
    tag = TagSpec(slot=0, name="skin", kind="array")
    bind = Binding(name="p", prim="/W/Sheet", channel="primvar", signal="skin", ends=(0.0, 100.0))
    program, problems = compiled([bind], scene, [tag])
    shape = program.field_shape
    if problems or shape is None:
        raise AssertionError(f"The binding does not run: {problems}.")
    drawn = Fields(shape, scene, count)
    mirror = TagTable(1)
    rng = np.random.default_rng(7)
    lists = [rng.uniform(0.0, 100.0, count).astype(np.float32) for _ in range(2)]
    frames = [_frame(values) for values in lists]

    def update(frame: Frame) -> None:
        apply_frame(mirror, frame)
        look = resolve(program, mirror, Options())
        if not drawn.write(look.field_value):
            raise AssertionError("The second list shows what the first did.")

    best, floor = float("inf"), float("inf")
    held = drawn.value.array.reshape(-1)
    for i in range(_REPEATS):
        started = time.perf_counter()
        update(frames[i % 2])
        best = min(best, time.perf_counter() - started)
        at = np.clip(lists[i % 2].astype(np.float64) / 100.0, 0.0, 1.0)
        if np.abs(held[:count][np.argsort(shape.point)] - at).max() > _CLOSE:
            raise AssertionError("A vertex does not have the value of its place in the list.")
        started = time.perf_counter()
        held[:count].copy()
        floor = min(floor, time.perf_counter() - started)
    work = (
        f"all {count} vertices have the value of their place in the list, in the table that the shader reads"
    )
    return [
        absolute("primvar_200k", best * 1e3, "ms", BAR_MS, work),
        figure(
            "primvar_200k_over_copy",
            best * 1e3,
            "ms",
            against="floor: one copy of the values",
            against_value=floor * 1e3,
            bar=None,
            work=work,
        ),
    ]


def _mesh(point: F4, triangle: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> SceneArrays:
    n = len(point)
    return replace(
        scene_of(["/W", "/W/Sheet"], [-1, 0]),
        point=point,
        normal=np.tile(np.array([0, 0, 1], np.float32), (n, 1)),
        point_prim=np.ones(n, np.uint32),
        point_vertex=np.arange(n, dtype=np.int32),
        vertices=np.array([0, n], np.int32),
        triangle=triangle,
        proto=np.array([len(triangle)], np.int64),
    )


def _frame(values: F4) -> Frame:
    table = TagTable(1)
    table.quality[0] = 0
    table.array[0] = values
    return frame_of(table, np.zeros(1, np.uint32), empty_frame("bench", WorldKind.LIVE))
