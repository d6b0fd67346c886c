"""A field of 500 sensors on 200,000 vertices: one update beside the bare sparse product."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from armillary.encoding.field import Weights, interpolate, weights
from armillary.model.arrays import F8, I8
from armillary_bench.figure import absolute, figure, plain

SENSORS = 500
VERTICES = (500, 400)
BAR_MS = 5.0
_SIZE_M = 100.0
_LOST = 50  # sensors that are stale in the second figure
_REPEATS = 31
_CLOSE = 1e-3  # share of the readings' span within which ours is what double precision says


def sheet(columns: int, rows: int) -> tuple[F8, I8]:
    """Return the vertices (v, 3) and triangles (t, 3) of a wavy sheet of 100 m by 100 m."""
    x, y = np.meshgrid(np.linspace(0, _SIZE_M, columns), np.linspace(0, _SIZE_M, rows))
    vertex = np.column_stack([x.ravel(), y.ravel(), 2.0 * np.sin(x / 9.0).ravel()])
    at = np.arange(columns * rows).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel()
    return vertex, np.concatenate([np.column_stack([a, b, c]), np.column_stack([b, d, c])])


def benches() -> list[dict[str, object]]:
    """Return the figures of fields. Raises AssertionError when a field is not what double precision says."""
    rng = np.random.default_rng(5)
    vertex, triangle = sheet(*VERTICES)
    sensor = np.column_stack([rng.uniform(0, _SIZE_M, (SENSORS, 2)), np.zeros(SENSORS)])
    started = time.perf_counter()
    made = weights(vertex, triangle, sensor)
    build = time.perf_counter() - started
    reading, works = rng.uniform(0, 100, SENSORS), np.ones(SENSORS, np.bool_)
    some = works.copy()
    some[rng.choice(SENSORS, _LOST, replace=False)] = False
    for works_now in (works, some):
        _check(made, reading, works_now)
    bare = reading.astype(np.float32)
    interpolate(made, reading, works)
    floor, ours = _best_ms(lambda: made.matrix @ bare, lambda: interpolate(made, reading, works))
    (lost,) = _best_ms(lambda: interpolate(made, reading, some))
    _, changing = _best_ms(
        lambda: interpolate(made, reading, works), lambda: interpolate(made, reading, some)
    )
    work = f"all {len(vertex)} vertices have the value that a product in double precision has"
    without = f"{work}, of the {SENSORS - _LOST} sensors that are left"
    return [
        absolute("field_500x200k", ours, "ms", BAR_MS, work),
        figure(
            "field_500x200k_over_product",
            ours,
            "ms",
            against="floor: the bare sparse product",
            against_value=floor,
            bar=None,
            work=work,
        ),
        absolute("field_500x200k_tenth_lost", lost, "ms", BAR_MS, without),
        plain("field_500x200k_others_lost", changing, "ms", "each update has other working sensors"),
        plain("field_500x200k_weights", build, "s", work),
    ]


def _check(made: Weights, reading: F8, works: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> None:
    value = interpolate(made, reading, works)
    exact = made.matrix.astype(np.float64)
    left = exact @ works.astype(np.float64)
    want = (exact @ np.where(works, reading, 0.0)) / left
    if np.isnan(value).any() or np.abs(value - want).max() > _CLOSE * np.ptp(reading):
        raise AssertionError("The field is not what double precision says.")


def _best_ms(*works: Callable[[], object]) -> list[float]:
    """Return the best milliseconds of each; they take turns, so that none has a quieter machine."""
    best = [float("inf")] * len(works)
    for _ in range(_REPEATS):
        for i, work in enumerate(works):
            started = time.perf_counter()
            work()
            best[i] = min(best[i], (time.perf_counter() - started) * 1e3)
    return best
